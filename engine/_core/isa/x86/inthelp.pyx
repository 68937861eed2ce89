# x86: what emitted code calls for integer instructions: see inthelp.pxd.
from libc.string cimport memset
from engine._core.base.types cimport ST_FAULT, ST_OK, int64_t, uint32_t, uint64_t
from engine._core.cpu.head cimport FAULT_TRAP
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.simd_misc cimport simd_crc32
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef extern from *:
    """
    /* High and low half of a 128-bit number by a 64-bit one; the quotient fits. */
    static inline unsigned long long engine_x86_udiv(unsigned long long hi, unsigned long long lo,
                                                     unsigned long long by,
                                                     unsigned long long *rest) {
        unsigned __int128 n = (unsigned __int128)hi << 64 | lo;
        *rest = (unsigned long long)(n % by);
        return (unsigned long long)(n / by);
    }
    """
    unsigned long long engine_x86_udiv(unsigned long long hi, unsigned long long lo,
                                       unsigned long long by,
                                       unsigned long long *rest) noexcept nogil


# ---------------------------------------------------------------- flags

cdef inline uint64_t parity(uint64_t value) noexcept nogil:
    value = (value ^ value >> 4) & 255
    return F_PF if (0x9669 >> (value & 15)) & 1 else 0


cdef inline uint64_t result_flags(uint64_t value, uint32_t bits) noexcept nogil:
    """SF ZF PF."""
    value &= ~0ULL >> (64 - bits)
    return ((F_SF if value >> (bits - 1) else 0) | (F_ZF if value == 0 else 0) | parity(value))


cdef inline uint64_t carries(uint64_t c, uint64_t x, uint32_t bits) noexcept nogil:
    """CF, OF, AF from the carries out of each bit; x: both operands and the result, xored."""
    return (((c >> (bits - 1)) & 1) | (x & F_AF)
            | (F_OF if ((c >> (bits - 1)) ^ (c >> (bits - 2))) & 1 else 0))


cdef uint64_t helper_flags(void *env, uint64_t op, uint64_t dst, uint64_t src,
                           uint64_t src2) noexcept nogil:
    cdef uint32_t kind = <uint32_t>op & ~3, bits = 8 << (op & 3)
    cdef uint64_t a, r, top = 1ULL << (bits - 1)
    if op == CC_FLAGS:
        return src & F_ARITH
    if kind == CC_ADD or kind == CC_ADC:
        a = dst - src if kind == CC_ADD else src2
        return (result_flags(dst, bits)
                | carries((a & src) | ((a | src) & ~dst), a ^ src ^ dst, bits))
    if kind == CC_SUB or kind == CC_SBB:
        a = dst if kind == CC_SUB else src2
        r = dst - src if kind == CC_SUB else dst
        return (result_flags(r, bits)
                | carries((~a & src) | ((~a | src) & r), a ^ src ^ r, bits))
    r = result_flags(dst, bits)
    if kind == CC_INC:
        return (r | (src & 1) | (F_AF if dst & 15 == 0 else 0)
                | (F_OF if dst & (top | (top - 1)) == top else 0))
    if kind == CC_DEC:
        return (r | (src & 1) | (F_AF if dst & 15 == 15 else 0)
                | (F_OF if dst & (top | (top - 1)) == top - 1 else 0))
    if kind == CC_SHL:
        a = (src >> (bits - 1)) & 1
        return r | a | (F_OF if (a ^ (dst >> (bits - 1))) & 1 else 0)
    if kind == CC_SHR:
        return r | (src & 1) | (F_OF if ((dst >> (bits - 1)) ^ (dst >> (bits - 2))) & 1 else 0)
    if kind == CC_SAR:
        return r | (src & 1)
    if kind == CC_MUL:              # SF and PF of the low half, as Intel's cores have it
        return (r & ~<uint64_t>F_ZF) | (F_CF | F_OF if src else 0)
    return r                        # CC_LOGIC


cdef uint64_t x86_get_eflags(CPUX86State *s) noexcept nogil:
    return s.eflags | helper_flags(s, s.cc_op, s.cc_dst, s.cc_src, s.cc_src2) | 2


cdef void x86_set_eflags(CPUX86State *s, uint64_t flags) noexcept nogil:
    s.eflags = flags & 0x3f7700 & ~<uint64_t>F_ARITH
    s.cc_op = CC_FLAGS
    s.cc_src = flags & F_ARITH


# ---------------------------------------------------------------- rotates

cdef uint64_t rotated(uint64_t a, uint64_t how, uint64_t flags, uint64_t *carry) noexcept nogil:
    """a by `how`: log2 | SH_* << 4 | count << 8; CF afterwards in carry."""
    cdef uint32_t bits = 8 << (how & 3), what = <uint32_t>(how >> 4) & 15
    cdef uint32_t n = <uint32_t>(how >> 8), k, _
    cdef uint64_t mask = ~0ULL >> (64 - bits), c = flags & 1, out
    a &= mask
    if what == SH_ROL or what == SH_ROR:
        k = n % bits
        if k:
            if what == SH_ROR:
                k = bits - k
            a = (a << k | a >> (bits - k)) & mask
        carry[0] = c if n == 0 else a & 1 if what == SH_ROL else a >> (bits - 1)
        return a
    for _ in range(n % (bits + 1)):
        if what == SH_RCL:
            out = a >> (bits - 1)
            a = (a << 1 | c) & mask
        else:
            out = a & 1
            a = a >> 1 | c << (bits - 1)
        c = out
    carry[0] = c
    return a


cdef uint64_t helper_rotate(void *env, uint64_t a, uint64_t how, uint64_t flags,
                            uint64_t d) noexcept nogil:
    cdef uint64_t carry = 0
    return rotated(a, how, flags, &carry)


cdef uint64_t helper_rotate_flags(void *env, uint64_t a, uint64_t how, uint64_t flags,
                                  uint64_t d) noexcept nogil:
    """OF is defined for counts of 1: top bit and CF, or the top two bits, differ."""
    cdef uint32_t bits = 8 << (how & 3), what = <uint32_t>(how >> 4) & 15
    cdef uint64_t carry = 0, r, over
    if how >> 8 == 0:
        return flags
    r = rotated(a, how, flags, &carry)
    if what == SH_ROL or what == SH_RCL:
        over = r >> (bits - 1) ^ carry
    else:
        over = r >> (bits - 1) ^ r >> (bits - 2)
    return (flags & ~<uint64_t>(F_CF | F_OF)) | carry | (F_OF if over & 1 else 0)


# ---------------------------------------------------------------- division

cdef uint64_t divide_error(CPUX86State *s, uint64_t pc) noexcept nogil:
    memset(&s.head.fault, 0, sizeof(s.head.fault))
    s.head.exception_index = X86_EXCP_DE
    s.head.exception_pc = pc
    s.head.fault.addr = pc
    s.head.fault.reason = FAULT_TRAP
    s.head.fault.hint = HINT_DIVIDE
    return ST_FAULT


cdef uint64_t helper_div64(void *env, uint64_t divisor, uint64_t is_signed, uint64_t pc,
                           uint64_t d) noexcept nogil:
    """DIV, IDIV of RDX:RAX."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t hi = s.gpr[R_DX], lo = s.gpr[R_AX], by = divisor, q
    cdef unsigned long long rest = 0
    cdef bint negative = is_signed != 0 and <int64_t>hi < 0, opposite
    cdef bint by_negative = is_signed != 0 and <int64_t>by < 0
    opposite = negative != by_negative
    if negative:
        lo = 0 - lo
        hi = ~hi + (lo == 0)
    if by_negative:
        by = 0 - by
    if hi >= by:
        return divide_error(s, pc)
    q = engine_x86_udiv(hi, lo, by, &rest)
    if is_signed and q > 0x7fffffffffffffffULL + opposite:
        return divide_error(s, pc)
    s.gpr[R_AX] = 0 - q if opposite else q
    s.gpr[R_DX] = 0 - rest if negative else rest
    return ST_OK


# ---------------------------------------------------------------- BCD

cdef uint64_t helper_bcd(void *env, uint64_t ax, uint64_t flags, uint64_t what,
                         uint64_t d) noexcept nogil:
    """AX | flags << 16. SDM 2, DAA DAS AAA AAS."""
    cdef uint32_t al = ax & 0xff, ah = (ax >> 8) & 0xff, old = al
    cdef uint64_t f = flags & F_ARITH, out = 0
    cdef bint low = al & 15 > 9 or f & F_AF, high
    if what == BCD_DAA or what == BCD_DAS:
        high = old > 0x99 or f & F_CF
        if low:
            out |= F_AF
            if what == BCD_DAS and al < 6:
                out |= F_CF
            al = (al + 6 if what == BCD_DAA else al - 6) & 0xff
        if high:
            al = (al + 0x60 if what == BCD_DAA else al - 0x60) & 0xff
            out |= F_CF
        out |= result_flags(al, 8)
        return (ah << 8 | al) | out << 16
    if low:
        if what == BCD_AAA:
            ax += 0x106
        else:
            ax -= 0x106
        out = F_AF | F_CF
    ax &= 0xff0f
    return ax | (out | result_flags(ax & 15, 8)) << 16


# ---------------------------------------------------------------- bits

cdef uint64_t helper_pdep(void *env, uint64_t a, uint64_t mask, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef uint64_t r = 0
    while mask:
        if a & 1:
            r |= mask & (0 - mask)
        a >>= 1
        mask &= mask - 1
    return r


cdef uint64_t helper_pext(void *env, uint64_t a, uint64_t mask, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef uint64_t r = 0
    cdef uint32_t n = 0
    while mask:
        if a & mask & (0 - mask):
            r |= 1ULL << n
        n += 1
        mask &= mask - 1
    return r


cdef uint64_t helper_bextr(void *env, uint64_t a, uint64_t control, uint64_t c,
                           uint64_t d) noexcept nogil:
    cdef uint32_t start = control & 0xff, length = (control >> 8) & 0xff
    if start >= 64:
        return 0
    a >>= start
    return a if length >= 64 else a & ((1ULL << length) - 1)


cdef uint64_t helper_crc32(void *env, uint64_t crc, uint64_t data, uint64_t log2,
                           uint64_t d) noexcept nogil:
    """CRC-32C, polynomial 0x11EDC6F41, bits reversed."""
    return simd_crc32(<uint32_t>crc, data, 1 << log2)
