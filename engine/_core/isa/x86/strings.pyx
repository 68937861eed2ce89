# x86: many iterations of a repeated string instruction at once: see strings.pxd.
# A step goes over one page of each operand. It is refused, and emitted code does iteration by
# iteration, where an access is more than a host pointer (TLB miss, device, hook, watchpoint, page
# with code), where a limit, the end of the address size or of the count comes first.
from libc.string cimport memchr, memcpy, memmove, memset
from engine._core.base.bits cimport min64
from engine._core.base.bytes cimport ld_bytes, st_bytes
from engine._core.base.types cimport int64_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead, icount_allows, icount_spend
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.mem.tlb cimport CPUTLB, tlb_hit_read, tlb_hit_write

cdef enum:
    CHARGE_SHIFT = 4                # bytes that cost the time slice as much as an instruction

ctypedef struct Operand:
    uint8_t *host                   # of the element at the index register
    uint64_t offset
    uint64_t fit                    # elements from there that lie in the page and in the segment


cdef inline uint64_t width_mask(uint64_t adsize) noexcept nogil:
    return 0xffffffffffffffffULL >> (64 - (8 << adsize))


cdef inline void put(CPUX86State *s, uint32_t n, uint64_t adsize, uint64_t value) noexcept nogil:
    if adsize == 1:
        s.gpr[n] = (s.gpr[n] & ~0xffffULL) | (value & 0xffff)
    else:
        s.gpr[n] = value & width_mask(adsize)


cdef bint look(CPUX86State *s, uint64_t how, uint32_t n, uint64_t seg, bint write, bint down,
               Operand *o) noexcept nogil:
    """The operand that register n points to. False: it is not plain RAM, or none of it fits."""
    cdef CPUTLB *t = &s.head.tlb
    cdef uint64_t size = 1ULL << (how >> REP_LOG2_SHIFT & 3)
    cdef uint64_t lo = 0, hi = width_mask(how >> REP_ADSIZE_SHIFT & 3), at, page
    o.offset = s.gpr[n] & hi
    if seg & REP_SEG_LIMITS:
        lo = s.seg_lo[seg & 7]
        hi = min64(hi, s.seg_hi[seg & 7])
    elif seg & REP_SEG_64K:
        hi = min64(hi, 0xffff)
    if o.offset < lo or o.offset > hi or hi - o.offset < size - 1:
        return False
    at = o.offset
    if seg & REP_SEG_BASE:
        at += s.seg_base[seg & 7]
    if not how & REP_LONG:
        at &= 0xffffffffULL
    o.host = (tlb_hit_write(t, at, <uint32_t>(how >> REP_OI_SHIFT)) if write
              else tlb_hit_read(t, at, <uint32_t>(how >> REP_OI_SHIFT)))
    if o.host == NULL:
        return False
    page = at & ~t.page_mask
    if down:
        o.fit = (min64(o.offset - lo, page) >> (how >> REP_LOG2_SHIFT & 3)) + 1
    else:
        o.fit = (min64(hi - o.offset, ~t.page_mask - page) + 1) >> (how >> REP_LOG2_SHIFT & 3)
    return True


# ---------------------------------------------------------------- what the iterations do
# Like them: an element that an earlier one has written is read as it is then.
cdef void move(uint8_t *to, const uint8_t *source, uint64_t n, uint32_t size,
               bint down) noexcept nogil:
    cdef uint64_t length = n * size, done = 0, part, _
    cdef uint64_t ahead = <uint64_t>(to - source)       # unsigned: a large number behind
    cdef int64_t step = size
    if down:
        # The lowest bytes of both, and how far the source is ahead on the way down.
        if <uint64_t>(source - to) >= length:
            memmove(to - (length - size), source - (length - size), length)
            return
        step = -step
    elif ahead >= length or ahead == 0:
        memmove(to, source, length)
        return
    elif ahead >= size:                                 # a pattern that repeats every `ahead`
        while done < length:
            part = min64(ahead + done, length - done)
            memcpy(to + done, source, part)
            done += part
        return
    for _ in range(n):
        st_bytes(to, ld_bytes(source, size, False), size, False)
        to += step
        source += step


cdef void fill(uint8_t *to, uint64_t value, uint64_t n, uint32_t size, bint down) noexcept nogil:
    cdef uint64_t length = n * size, done = size, part
    if down:
        to -= length - size
    if size == 1:
        memset(to, <int>(value & 0xff), length)
        return
    st_bytes(to, value, size, False)
    while done < length:
        part = min64(done, length - done)
        memcpy(to + done, to, part)
        done += part


cdef uint64_t compare(const uint8_t *a, const uint8_t *b, uint64_t n, uint32_t size, bint down,
                      bint while_ne) noexcept nogil:
    """How many of n elements come before the first that ends the comparison."""
    cdef uint64_t done = 0, x, y
    cdef int64_t step = size
    if down:
        step = -step
    elif not while_ne:
        # Words that are equal consist of equal elements.
        while (done + 1) * 8 <= n * size:
            memcpy(&x, a + done * 8, 8)
            memcpy(&y, b + done * 8, 8)
            if x != y:
                break
            done += 1
        done = done * 8 // size
        a += done * size
        b += done * size
    while done < n and (ld_bytes(a, size, False) == ld_bytes(b, size, False)) != while_ne:
        a += step
        b += step
        done += 1
    return done


cdef uint64_t scan(const uint8_t *a, uint64_t value, uint64_t n, uint32_t size, bint down,
                   bint while_ne) noexcept nogil:
    cdef uint64_t done = 0
    cdef int64_t step = size
    cdef const uint8_t *found
    if size == 1 and while_ne and not down:
        found = <const uint8_t *>memchr(a, <int>(value & 0xff), n)
        return n if found == NULL else <uint64_t>(found - a)
    if down:
        step = -step
    value &= width_mask(0) if size == 1 else 0xffffffffffffffffULL >> (64 - 8 * size)
    while done < n and (ld_bytes(a, size, False) == value) != while_ne:
        a += step
        done += 1
    return done


# ---------------------------------------------------------------- one step
cdef uint64_t step_over(CPUX86State *s, uint64_t how, uint64_t most) noexcept nogil:
    """At most so many iterations; answers how many were done."""
    cdef uint32_t what = <uint32_t>how & REP_WHAT, size = 1 << (how >> REP_LOG2_SHIFT & 3)
    cdef bint down = s.eflags & F_DF != 0, ne = how & REP_WHILE_NE != 0
    cdef bint uses_si = what == STRING_MOVS or what == STRING_CMPS or what == STRING_LODS
    cdef bint writes = what == STRING_MOVS or what == STRING_STOS
    cdef uint64_t adsize = how >> REP_ADSIZE_SHIFT & 3, n, by
    cdef Operand si, di
    memset(&si, 0, sizeof(si))
    memset(&di, 0, sizeof(di))
    si.fit = di.fit = ~0ULL
    if uses_si:
        if not look(s, how, R_SI, how >> REP_SI_SHIFT & 63, False, down, &si):
            return 0
    if what != STRING_LODS:
        if not look(s, how, R_DI, how >> REP_DI_SHIFT & 63, writes, down, &di):
            return 0
    # What one iteration leaves in flags or AX, the next one must not fail to replace: it is on this
    # page, too.
    n = min64(si.fit, di.fit)
    if not writes:
        n -= 1
    n = min64(n, most)
    if n == 0:
        return 0
    if what == STRING_MOVS:
        move(di.host, si.host, n, size, down)
    elif what == STRING_STOS:
        fill(di.host, s.gpr[R_AX], n, size, down)
    elif what == STRING_CMPS:
        n = compare(si.host, di.host, n, size, down, ne)
    elif what == STRING_SCAS:
        n = scan(di.host, s.gpr[R_AX], n, size, down, ne)
    by = 0 - n * size if down else n * size
    if uses_si:
        put(s, R_SI, adsize, si.offset + by)
    if what != STRING_LODS:
        put(s, R_DI, adsize, di.offset + by)
    put(s, R_CX, adsize, s.gpr[R_CX] - n)
    return n


cdef uint64_t helper_strings(void *env, uint64_t how, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    cdef CPUHead *head = &s.head
    cdef uint64_t attr = s.seg_attr[how >> REP_DI_SHIFT & 7], left, n
    cdef bint goes_on = how & REP_WHAT == STRING_MOVS or how & REP_WHAT == STRING_STOS
    if how & REP_WRITABLE and attr & (ATTR_CODE | ATTR_WRITE) != ATTR_WRITE:
        return 0
    while True:
        left = s.gpr[R_CX] & width_mask(how >> REP_ADSIZE_SHIFT & 3)
        left = min64(left - 1 if left else 0, icount_allows(head))
        if left == 0:
            return 0
        n = step_over(s, how, left)
        if n == 0:
            return 0
        icount_spend(head, n, n << (how >> REP_LOG2_SHIFT & 3) >> CHARGE_SHIFT)
        if head.exit_request or not goes_on:
            return 0
