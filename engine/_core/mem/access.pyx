# The slow path of guest virtual accesses, see access.pxd.
# An access is one or two pieces, one a page. Order: alignment; every piece translated (faults,
# with a retry where a hook mapped something); every piece that is not plain RAM checked against
# its sections; blocks under the bytes of a store dropped; hooks; then, and only then, the access
# itself.
from libc.string cimport memcpy, memset
from engine._core.base.atomics cimport (atomic_barrier, atomic_cas8, atomic_cas16, atomic_cas32,
                                        atomic_cas64)
from engine._core.base.bits cimport bswap16, bswap32, bswap64, sextract64
from engine._core.base.bytes cimport BIG_HOST, ld_bytes, st_bytes
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, MO_64, MO_128,
                                      MO_ALIGN, MO_ALIGN_SHIFT, MO_AMASK, MO_ATOMIC, MO_BE, MO_SIGN,
                                      MO_SIZE, PROT_EXEC, PROT_READ, PROT_WRITE, ST_FAULT,
                                      ST_HOOK_ERROR, ST_OK, hwaddr, int64_t, ram_addr_t, uint8_t,
                                      uint16_t, uint32_t, uint64_t, uintptr_t, vaddr_t)
from engine._core.mem.address_space cimport (
    MemSection, address_space_rw, address_space_translate, memory_region_access_size,
    memory_region_big, memory_region_dispatch_read, memory_region_dispatch_write)
from engine._core.mem.attrs cimport MEMTX_HOOK_ERROR, MEMTX_OK
from engine._core.mem.context cimport (AddressSpace, DIRTY_CLIENTS_ALL, DIRTY_CLIENTS_NOCODE,
                                       DIRTY_MEMORY_CODE, MemContext, RAM_ADDR_NONE)
from engine._core.mem.dirty cimport range_includes_clean, set_dirty_range
from engine._core.mem.tlb cimport (CPUIOTLBEntry, CPUTLBEntry, MEMORY_FAULT_FINAL, TLB_FLAGS_MASK,
                                   TLB_INVALID, TLB_MMIO, TLB_NOTDIRTY, TLB_WATCH, tlb_entry,
                                   tlb_io, tlb_set_dirty, tlb_victim_hit, ACCESS_FAULT_IO,
                                   ACCESS_FAULT_MISALIGNED, ACCESS_FAULT_PROT,
                                   ACCESS_FAULT_UNMAPPED)

cdef enum:
    MAX_RETRIES = 8             # a hook that answers "mapped, try again" is believed so often
    ALL_THERE = -1              # in _walk: every section takes the access; a device: not one

ctypedef struct Piece:          # the part of an access that lies in one page, copied from the TLB
    vaddr_t addr
    hwaddr paddr
    uint32_t size
    uint32_t flags              # TLB_*
    uint8_t *host               # plain RAM: the bytes; else NULL
    ram_addr_t ram_addr
    AddressSpace *space
    uint32_t attrs

ctypedef struct Access:
    CPUTLB *t
    vaddr_t addr
    uint32_t size
    int kind                    # ACCESS_*: the permission that is needed
    # ACCESS_*: what a fault is called (both halves of an atomic: a store)
    int blame
    int mmu_idx
    int tries
    uintptr_t ra
    uint32_t n
    uint32_t flags              # of all pieces
    Piece piece[2]


# -- faults
# ST_OK: try again.
cdef int _fault(Access *a, vaddr_t addr, hwaddr paddr, uint32_t size, int reason) noexcept nogil:
    cdef int idx = a.mmu_idx
    if a.t.hooks == NULL or a.t.hooks.memory_fault == NULL:
        return ST_FAULT
    if a.tries >= MAX_RETRIES:
        idx |= MEMORY_FAULT_FINAL
    a.tries += 1
    return a.t.hooks.memory_fault(a.t.cpu, addr, paddr, size, a.blame, reason, idx, a.ra)


cdef int _misaligned(Access *a) noexcept nogil:
    cdef int st
    a.tries = MAX_RETRIES           # mapping something does not help
    st = _fault(a, a.addr, a.addr, a.size, ACCESS_FAULT_MISALIGNED)
    return st if st else ST_FAULT


cdef inline bint _aligned(vaddr_t addr, uint32_t memop) noexcept nogil:
    cdef uint32_t bits = (memop & MO_AMASK) >> MO_ALIGN_SHIFT
    if bits == MO_ALIGN >> MO_ALIGN_SHIFT:
        bits = memop & MO_SIZE
    return addr & ((1ULL << bits) - 1) == 0


# -- translating
cdef inline bint _hits(CPUTLB *t, CPUTLBEntry *e, vaddr_t addr, int kind) noexcept nogil:
    return e.word[kind] & (t.page_mask | TLB_INVALID) == addr & t.page_mask


# Make the direct-mapped slot of addr grant the access.
cdef int _page(Access *a, vaddr_t addr, uint32_t size) noexcept nogil:
    cdef CPUTLB *t = a.t
    cdef CPUIOTLBEntry *io
    cdef int st
    cdef bint told = False
    if _hits(t, tlb_entry(t, a.mmu_idx, addr), addr, a.kind):
        return ST_OK
    t.miss_count += 1
    if tlb_victim_hit(t, a.mmu_idx, addr, a.kind):
        return ST_OK
    while True:
        t.fill_count += 1
        st = t.fill(t.cpu, addr, size, a.blame, a.mmu_idx, False, a.ra)
        if st:
            return st
        if _hits(t, tlb_entry(t, a.mmu_idx, addr), addr, a.kind):
            if told or t.hooks == NULL or t.hooks.filled == NULL:
                return ST_OK
            told = True
            io = tlb_io(t, a.mmu_idx, addr)
            st = t.hooks.filled(t.cpu, addr, size, a.blame, io.paddr + (addr & ~t.page_mask),
                                io.prot, a.ra)
            if st or _hits(t, tlb_entry(t, a.mmu_idx, addr), addr, a.kind):
                return st
            continue                # the hook has flushed it
        # The guest's MMU agreed (or it would have answered a fault), the region does not.
        if t.mode[a.mmu_idx].io == NULL:
            return ST_FAULT         # the guest's MMU entered nothing
        io = tlb_io(t, a.mmu_idx, addr)
        st = _fault(a, addr, io.paddr + (addr & ~t.page_mask), size, ACCESS_FAULT_PROT)
        if st:
            return st
        if a.tries > MAX_RETRIES:
            return ST_FAULT


cdef void _take(Access *a, uint32_t k) noexcept nogil:
    cdef CPUTLB *t = a.t
    cdef Piece *p = a.piece + k
    cdef CPUTLBEntry *e = tlb_entry(t, a.mmu_idx, p.addr)
    cdef CPUIOTLBEntry *io = tlb_io(t, a.mmu_idx, p.addr)
    cdef uint64_t off = p.addr & ~t.page_mask
    p.flags = e.word[a.kind] & TLB_FLAGS_MASK
    p.paddr = io.paddr + off
    p.space = <AddressSpace *>io.space
    p.attrs = io.attrs
    p.host = NULL
    p.ram_addr = RAM_ADDR_NONE
    if not p.flags & TLB_MMIO:
        p.host = <uint8_t *><uintptr_t>(p.addr + e.f.addend)
        p.ram_addr = io.ram_addr + off
    a.flags |= p.flags


# Whether the sections under a piece that is not plain RAM take the access. ST_OK: translate again
# (a hook mapped something); ALL_THERE: they do.
cdef int _check(Access *a, Piece *p) noexcept nogil:
    cdef MemSection s
    cdef uint32_t done = 0, need = PROT_READ
    cdef int reason = 0
    if a.kind == ACCESS_WRITE:
        need = PROT_WRITE
    elif a.kind == ACCESS_FETCH:
        need = PROT_EXEC
    while done < p.size:
        if p.space == NULL:
            reason = ACCESS_FAULT_UNMAPPED
        else:
            address_space_translate(p.space, p.paddr + done, p.size - done, a.kind == ACCESS_WRITE,
                                    p.attrs, &s)
            if s.mr == s.mr.ctx.unassigned:
                reason = ACCESS_FAULT_UNMAPPED
            elif s.prot & need == 0:
                reason = ACCESS_FAULT_PROT
        if reason:
            return _fault(a, p.addr + done, p.paddr + done, p.size - done, reason)
        done += <uint32_t>s.len
    return ALL_THERE


# All pieces, or a status.
cdef int _walk(Access *a) noexcept nogil:
    cdef CPUTLB *t = a.t
    cdef uint64_t first = ~t.page_mask + 1 - (a.addr & ~t.page_mask)
    cdef uint32_t k
    cdef int st
    a.n = 1
    a.piece[0].addr = a.addr
    a.piece[0].size = a.size
    if first < a.size:
        a.n = 2
        a.piece[0].size = <uint32_t>first
        a.piece[1].addr = a.addr + first
        a.piece[1].size = a.size - <uint32_t>first
    while True:
        a.flags = 0
        for k in range(a.n):
            st = _page(a, a.piece[k].addr, a.piece[k].size)
            if st:
                return st
        # The second page's fill may have run code that flushed the first.
        if a.n == 2 and not _hits(t, tlb_entry(t, a.mmu_idx, a.addr), a.addr, a.kind):
            a.tries += 1
            if a.tries > 2 * MAX_RETRIES:
                return ST_FAULT
            continue
        for k in range(a.n):
            _take(a, k)
        st = ALL_THERE
        for k in range(a.n):
            if a.piece[k].flags & TLB_MMIO and st == ALL_THERE:
                st = _check(a, a.piece + k)
        if st == ALL_THERE:
            return ST_OK
        if st:
            return st
        if a.tries > MAX_RETRIES:
            return ST_FAULT


# -- doing
cdef int _io_result(Access *a, Piece *p, uint32_t result) noexcept nogil:
    cdef int st
    if result & MEMTX_HOOK_ERROR:
        return ST_HOOK_ERROR
    a.tries = MAX_RETRIES           # the device has been asked: not a second time
    st = _fault(a, p.addr, p.paddr, p.size, ACCESS_FAULT_IO)
    return st if st else ST_FAULT


cdef int _read_pieces(Access *a, uint8_t *buf) noexcept nogil:
    cdef Piece *p
    cdef uint32_t k, result
    for k in range(a.n):
        p = a.piece + k
        if p.host != NULL:
            memcpy(buf, p.host, p.size)
        else:
            result = address_space_rw(p.space, p.paddr, p.attrs, buf, p.size, False)
            if result != MEMTX_OK:
                return _io_result(a, p, result)
        buf += p.size
    return ST_OK


# Before RAM changes: blocks that lie there go; the answer may be that this one has to.
cdef int _before_store(Access *a, ram_addr_t addr, uint64_t size) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>a.t.mem
    if range_includes_clean(ctx, addr, size, 1U << DIRTY_MEMORY_CODE) \
            and a.t.hooks != NULL and a.t.hooks.tb_invalidate != NULL:
        return a.t.hooks.tb_invalidate(a.t.cpu, addr, size, a.ra)
    return ST_OK


# The same for all RAM of a store; nothing is written before every part has agreed.
cdef int _before_stores(Access *a) noexcept nogil:
    cdef MemSection s
    cdef Piece *p
    cdef uint32_t k, done
    cdef int st
    for k in range(a.n):
        p = a.piece + k
        if p.flags & TLB_NOTDIRTY:
            a.t.notdirty_count += 1
            st = _before_store(a, p.ram_addr, p.size)
            if st:
                return st
        elif p.host == NULL:
            done = 0
            while done < p.size:
                address_space_translate(p.space, p.paddr + done, p.size - done, True, p.attrs, &s)
                if s.host != NULL:
                    st = _before_store(a, s.mr.ram_addr + s.xlat, s.len)
                    if st:
                        return st
                done += <uint32_t>s.len
    return ST_OK


# After a store to RAM whose page was clean for somebody (row 67).
cdef void _after_store(Access *a, vaddr_t addr, ram_addr_t ram_addr, uint64_t size) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>a.t.mem
    set_dirty_range(ctx, ram_addr, size, DIRTY_CLIENTS_NOCODE)
    if range_includes_clean(ctx, ram_addr, size, DIRTY_CLIENTS_ALL) == 0:
        tlb_set_dirty(a.t, addr)
        atomic_barrier()
        # Another thread may have cleared a bit since, and found the trap still armed.
        if range_includes_clean(ctx, ram_addr, size, DIRTY_CLIENTS_ALL):
            ctx.tlb_reset_dirty(ctx, ram_addr, size)


cdef int _write_pieces(Access *a, const uint8_t *buf) noexcept nogil:
    cdef MemSection s
    cdef Piece *p
    cdef uint32_t k, done, result
    for k in range(a.n):
        p = a.piece + k
        if p.host != NULL:
            memcpy(p.host, buf, p.size)
            if p.flags & TLB_NOTDIRTY:
                _after_store(a, p.addr, p.ram_addr, p.size)
            buf += p.size
            continue
        done = 0
        while done < p.size:
            address_space_translate(p.space, p.paddr + done, p.size - done, True, p.attrs, &s)
            if s.host != NULL:
                memcpy(s.host, buf, s.len)
                set_dirty_range(<MemContext *>a.t.mem, s.mr.ram_addr + s.xlat, s.len,
                                DIRTY_CLIENTS_NOCODE)
            elif not s.mr.ram:          # stores to ROM are lost, as on a bus
                result = address_space_rw(p.space, p.paddr + done, p.attrs, <void *>buf, s.len,
                                          True)
                if result != MEMTX_OK:
                    return _io_result(a, p, result)
            buf += s.len
            done += <uint32_t>s.len
    return ST_OK


cdef inline void _start(Access *a, CPUTLB *t, vaddr_t addr, uint32_t oi, int kind,
                        uintptr_t ra) noexcept nogil:
    a.t = t
    a.addr = addr
    a.size = 1U << ((oi >> 4) & MO_SIZE)
    a.kind = kind
    a.blame = ACCESS_WRITE if oi >> 4 & MO_ATOMIC else kind
    a.mmu_idx = oi & 15
    a.tries = 0
    a.ra = ra


cdef inline uint64_t _extend(uint64_t v, uint32_t memop) noexcept nogil:
    cdef uint32_t bits
    if memop & MO_SIGN and memop & MO_SIZE < MO_64:
        bits = 8U << (memop & MO_SIZE)
        return sextract64(v, 0, bits)
    return v


# 16 bytes in memory order <-> two words, low half first.
cdef inline void _ld128(const uint8_t *buf, uint64_t *out, bint be) noexcept nogil:
    out[0] = ld_bytes(buf + (8 if be else 0), 8, be)
    out[1] = ld_bytes(buf + (0 if be else 8), 8, be)


# -- one device, nothing else: most accesses that come here in code that uses devices
cdef inline bint _is_device(CPUTLB *t, vaddr_t addr, uint32_t oi, int kind) noexcept nogil:
    cdef uint32_t size = 1U << ((oi >> 4) & MO_SIZE)
    return (tlb_entry(t, oi & 15, addr).word[kind]
            & (t.page_mask | TLB_INVALID | TLB_FLAGS_MASK) == (addr & t.page_mask | TLB_MMIO)
            and (addr & ~t.page_mask) + size <= ~t.page_mask + 1 and size <= 8
            and _aligned(addr, oi >> 4))


# Where in which device; False: it is not so simple.
cdef bint _device(CPUTLB *t, vaddr_t addr, uint32_t oi, int kind, MemSection *s, Access *a,
                  uintptr_t ra) noexcept nogil:
    cdef CPUIOTLBEntry *io = tlb_io(t, oi & 15, addr)
    cdef Piece *p = a.piece
    _start(a, t, addr, oi, kind, ra)
    p.addr = addr
    p.size = a.size
    p.paddr = io.paddr + (addr & ~t.page_mask)
    p.attrs = io.attrs
    if io.space == NULL:
        return False
    address_space_translate(<AddressSpace *>io.space, p.paddr, a.size, kind == ACCESS_WRITE,
                            p.attrs, s)
    return (s.mr != s.mr.ctx.unassigned and not s.mr.ram and s.host == NULL
            and s.prot & (PROT_WRITE if kind == ACCESS_WRITE else PROT_READ) != 0
            and s.len == a.size and memory_region_access_size(s.mr, s.xlat, s.len) == a.size)


cdef int access_device_load(CPUTLB *t, vaddr_t addr, uint32_t oi, uintptr_t ra,
                            uint64_t *out) noexcept nogil:
    cdef Access a
    cdef MemSection s
    cdef uint8_t buf[8]
    cdef uint64_t value
    cdef uint32_t result, memop = oi >> 4
    cdef bint big, be = memop & MO_BE != 0
    if not _device(t, addr, oi, ACCESS_READ, &s, &a, ra) or s.mr.ops.read == NULL:
        return ALL_THERE
    big = memory_region_big(s.mr)
    result = memory_region_dispatch_read(s.mr, s.xlat, &value, a.size, a.piece[0].attrs)
    if result != MEMTX_OK:
        return _io_result(&a, a.piece, result)
    if big != be:
        st_bytes(buf, value, a.size, big)
        value = ld_bytes(buf, a.size, be)
    out[0] = _extend(value, memop)
    return ST_OK


cdef int access_device_store(CPUTLB *t, vaddr_t addr, uint64_t value, uint32_t oi,
                             uintptr_t ra) noexcept nogil:
    cdef Access a
    cdef MemSection s
    cdef uint8_t buf[8]
    cdef uint32_t result
    cdef bint be = oi >> 4 & MO_BE != 0
    if not _device(t, addr, oi, ACCESS_WRITE, &s, &a, ra) or s.mr.ops.write == NULL:
        return ALL_THERE
    if a.size < 8:
        value &= (1ULL << (8 * a.size)) - 1
    t.store_value = value
    if memory_region_big(s.mr) != be:
        st_bytes(buf, value, a.size, be)
        value = ld_bytes(buf, a.size, not be)
    result = memory_region_dispatch_write(s.mr, s.xlat, value, a.size, a.piece[0].attrs)
    return ST_OK if result == MEMTX_OK else _io_result(&a, a.piece, result)


cdef int access_load(CPUTLB *t, vaddr_t addr, uint32_t oi, uintptr_t ra,
                     uint64_t *out) noexcept nogil:
    cdef int st
    if _is_device(t, addr, oi, ACCESS_READ):
        st = access_device_load(t, addr, oi, ra, out)
        if st != ALL_THERE:
            return st
    return _load(t, addr, oi, ra, out)


cdef int _load(CPUTLB *t, vaddr_t addr, uint32_t oi, uintptr_t ra, uint64_t *out) noexcept nogil:
    cdef Access a
    cdef uint8_t buf[16]
    cdef uint32_t memop = oi >> 4
    cdef bint be = memop & MO_BE != 0, watched
    cdef int st
    _start(&a, t, addr, oi, ACCESS_READ, ra)
    if not _aligned(addr, memop):
        return _misaligned(&a)
    st = _walk(&a)
    if st:
        return st
    watched = a.flags & TLB_WATCH != 0 and t.hooks != NULL
    if watched and t.hooks.hook_read != NULL:
        st = t.hooks.hook_read(t.cpu, addr, a.size, ra)
        if st:
            return st
        st = _walk(&a)              # the hook may have changed what lies there
        if st:
            return st
    st = _read_pieces(&a, buf)
    if st:
        return st
    if memop & MO_SIZE == MO_128:
        _ld128(buf, out, be)
    else:
        out[0] = _extend(ld_bytes(buf, a.size, be), memop)
    if watched and t.hooks.hook_read_after != NULL:
        return t.hooks.hook_read_after(t.cpu, addr, a.size,
                                       out[0] & (0xffffffffffffffffULL if a.size >= 8
                                                 else (1ULL << (8 * a.size)) - 1),
                                       out[1] if a.size == 16 else 0, ra)
    return ST_OK


# value: one word, or two for 16 bytes.
cdef int _store(CPUTLB *t, vaddr_t addr, const uint64_t *value, uint32_t oi,
                uintptr_t ra) noexcept nogil:
    cdef Access a
    cdef uint8_t buf[16]
    cdef uint32_t memop = oi >> 4
    cdef bint be = memop & MO_BE != 0
    cdef int st
    _start(&a, t, addr, oi, ACCESS_WRITE, ra)
    t.store_value = value[0] & (0xffffffffffffffffULL if a.size >= 8
                                else (1ULL << (8 * a.size)) - 1)
    if not _aligned(addr, memop):
        return _misaligned(&a)
    st = _walk(&a)
    if st:
        return st
    if a.size == 16:
        st_bytes(buf + (8 if be else 0), value[0], 8, be)
        st_bytes(buf + (0 if be else 8), value[1], 8, be)
    else:
        st_bytes(buf, value[0], a.size, be)
    if a.flags & (TLB_NOTDIRTY | TLB_MMIO):
        st = _before_stores(&a)
        if st:
            return st
    if a.flags & TLB_WATCH and t.hooks != NULL and t.hooks.hook_write != NULL:
        st = t.hooks.hook_write(t.cpu, addr, a.size,
                                value[0] if a.size >= 8
                                else value[0] & ((1ULL << (8 * a.size)) - 1),
                                value[1] if a.size == 16 else 0, ra)
        if st:
            return st
        st = _walk(&a)
        if st:
            return st
        if a.flags & (TLB_NOTDIRTY | TLB_MMIO):
            st = _before_stores(&a)
            if st:
                return st
    return _write_pieces(&a, buf)


cdef int access_store(CPUTLB *t, vaddr_t addr, uint64_t value, uint32_t oi,
                      uintptr_t ra) noexcept nogil:
    cdef uint64_t v[2]
    cdef int st
    if _is_device(t, addr, oi, ACCESS_WRITE):
        st = access_device_store(t, addr, value, oi, ra)
        if st != ALL_THERE:
            return st
    v[0] = value
    v[1] = 0
    return _store(t, addr, v, oi, ra)


cdef int access_store128(CPUTLB *t, vaddr_t addr, const uint64_t *value, uint32_t oi,
                         uintptr_t ra) noexcept nogil:
    return _store(t, addr, value, oi, ra)


# -- read-modify-write
# The new value; both operands zero-extended from `bits`.
cdef uint64_t _combine(uint32_t op, uint64_t old, uint64_t a, uint64_t b,
                       uint32_t bits) noexcept nogil:
    cdef uint64_t m = 0xffffffffffffffffULL if bits == 64 else (1ULL << bits) - 1
    a &= m
    if op == RMW_CAS:
        return b & m if old == a else old
    if op == RMW_XCHG:
        return a
    if op == RMW_ADD:
        return (old + a) & m
    if op == RMW_AND:
        return old & a
    if op == RMW_OR:
        return old | a
    if op == RMW_XOR:
        return old ^ a
    if op == RMW_SMIN:
        return old if <int64_t>sextract64(old, 0, bits) < <int64_t>sextract64(a, 0, bits) else a
    if op == RMW_SMAX:
        return old if <int64_t>sextract64(old, 0, bits) > <int64_t>sextract64(a, 0, bits) else a
    if op == RMW_UMIN:
        return old if old < a else a
    return old if old > a else a


# On plain RAM: a loop around the host's compare-and-swap.
cdef uint64_t _rmw_host(uint8_t *p, uint32_t op, uint64_t a, uint64_t b, uint32_t size,
                        bint swap) noexcept nogil:
    cdef uint8_t o8
    cdef uint16_t o16
    cdef uint32_t o32
    cdef uint64_t o64, old, new
    if size == 8:
        o64 = (<uint64_t *>p)[0]
        while True:
            old = bswap64(o64) if swap else o64
            new = _combine(op, old, a, b, 64)
            if atomic_cas64(p, &o64, bswap64(new) if swap else new):
                return old
    if size == 4:
        o32 = (<uint32_t *>p)[0]
        while True:
            old = bswap32(o32) if swap else o32
            new = _combine(op, old, a, b, 32)
            if atomic_cas32(p, &o32, bswap32(<uint32_t>new) if swap else <uint32_t>new):
                return old
    if size == 2:
        o16 = (<uint16_t *>p)[0]
        while True:
            old = bswap16(o16) if swap else o16
            new = _combine(op, old, a, b, 16)
            if atomic_cas16(p, &o16, bswap16(<uint16_t>new) if swap else <uint16_t>new):
                return old
    o8 = p[0]
    while True:
        old = o8
        if atomic_cas8(p, &o8, <uint8_t>_combine(op, old, a, b, 8)):
            return old


cdef int access_rmw(CPUTLB *t, uint32_t op, vaddr_t addr, uint64_t a, uint64_t b, uint32_t oi,
                    uintptr_t ra, uint64_t *old) noexcept nogil:
    cdef Access r, w
    cdef uint32_t memop = oi >> 4, bits = 8U << (memop & MO_SIZE)
    cdef uint32_t plain = (memop & ~<uint32_t>(MO_SIGN | MO_AMASK)) | MO_ATOMIC
    cdef uint64_t value = 0
    cdef bint be = memop & MO_BE != 0
    cdef int st
    oi |= MO_ATOMIC << 4
    _start(&w, t, addr, oi, ACCESS_WRITE, ra)
    if memop & MO_SIZE > MO_64 or not _aligned(addr, memop):
        return _misaligned(&w)
    _start(&r, t, addr, oi, ACCESS_READ, ra)
    st = _walk(&w)
    if st == ST_OK:
        st = _walk(&r)
    if st:
        return st
    if (r.flags | w.flags) & (TLB_MMIO | TLB_WATCH) == 0 and r.n == 1 \
            and <uintptr_t>r.piece[0].host & (w.size - 1) == 0 \
            and _hits(t, tlb_entry(t, w.mmu_idx, addr), addr, ACCESS_WRITE):
        if w.flags & TLB_NOTDIRTY:
            st = _before_stores(&w)
            if st:
                return st
        value = _rmw_host(r.piece[0].host, op, a, b, w.size, be != BIG_HOST)
        if w.flags & TLB_NOTDIRTY:
            _after_store(&w, addr, w.piece[0].ram_addr, w.size)
    else:
        # Devices, hooks, two pages: one after the other; nobody else runs in this engine.
        st = access_load(t, addr, (plain << 4) | (oi & 15), ra, &value)
        if st:
            return st
        st = access_store(t, addr, _combine(op, value, a, b, bits), (plain << 4) | (oi & 15), ra)
        if st:
            return st
    old[0] = _extend(value, memop)
    return ST_OK


# -- code
cdef int access_fetch(CPUTLB *t, vaddr_t addr, uint32_t size, int mmu_idx, uintptr_t ra,
                      uint64_t *out) noexcept nogil:
    cdef Access a
    cdef uint8_t buf[16]
    cdef int st
    _start(&a, t, addr, <uint32_t>mmu_idx, ACCESS_FETCH, ra)
    t.store_value = 0
    a.size = size
    memset(buf, 0, 16)
    st = _walk(&a)
    if st:
        return st
    st = _read_pieces(&a, buf)
    out[0] = ld_bytes(buf, 8, False)
    return st


cdef int access_probe(CPUTLB *t, vaddr_t addr, uint32_t size, int access, int mmu_idx,
                      uintptr_t ra) noexcept nogil:
    cdef Access a
    cdef uint64_t n
    cdef int st
    _start(&a, t, addr, <uint32_t>mmu_idx, access, ra)
    while size:
        n = ~t.page_mask + 1 - (addr & ~t.page_mask)
        if n > size:
            n = size
        a.addr = addr
        a.size = <uint32_t>n
        st = _walk(&a)
        if st:
            return st
        addr += n
        size -= <uint32_t>n
    return ST_OK


cdef int get_page_addr_code(CPUTLB *t, vaddr_t addr, int mmu_idx, uint8_t **host,
                            ram_addr_t *ram_addr, uint64_t *avail) noexcept nogil:
    cdef Access a
    cdef Piece *p = a.piece
    cdef MemSection s
    cdef uint64_t rest = ~t.page_mask + 1 - (addr & ~t.page_mask)
    cdef int st
    host[0] = NULL
    ram_addr[0] = RAM_ADDR_NONE
    avail[0] = rest
    _start(&a, t, addr, <uint32_t>mmu_idx, ACCESS_FETCH, 0)
    st = _walk(&a)
    if st:
        return st
    if p.host != NULL:
        host[0] = p.host
        ram_addr[0] = p.ram_addr
    else:
        address_space_translate(p.space, p.paddr, rest, False, p.attrs, &s)
        avail[0] = s.len
        if s.host != NULL and s.mr.block != NULL:
            host[0] = s.host
            ram_addr[0] = s.mr.ram_addr + s.xlat
    return ST_OK
