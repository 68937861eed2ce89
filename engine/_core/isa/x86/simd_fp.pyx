# Floating-point lanes of SSE and AVX. See simd_fp.pxd.
#
# What lives here: predicates, exceptions over all lanes, approximations. Sources: Intel SDM vol. 1,
# 11.5 (exceptions), vol. 2 (each instruction), and what the processor does where these are silent
# (tests/isa/x86 compares).

from libc.stdint cimport int32_t, int64_t, uint16_t
from libc.string cimport memcpy
from engine._core.fp.soft cimport (
    FP_EQ, FP_GT, FP_INT_X86, FP_LT, FP_MA_NEG_C, FP_MM_MAX, FP_MM_X86, FP_OP_ADD, FP_OP_DIV,
    FP_OP_MUL, FP_OP_SUB, FP_UNORDERED, Float80, soft_arith, soft_arith_f80, soft_compare,
    soft_convert, soft_convert_to_f80, soft_from_int, soft_fused, soft_fused_f80,
    soft_integral, soft_pick, soft_squareroot, soft_to_int,
)
from engine._core.fp.status cimport (
    FP_DAZ_OFF, FP_DAZ_X86, FP_DE, FP_DZ, FP_F16, FP_F32, FP_F64, FP_FTZ_OFF, FP_FTZ_X86,
    FP_NAN_X86_SSE, FP_NAN_X87, FP_NV, FP_NX, FP_OF, FP_RDN, FP_RM_DYN, FP_RNE, FP_RTZ, FP_RUP,
    FP_UF, fp_status_init,
)


# Predicates 0..15 of CMPPS, four bits each, as sets of outcomes: bit 0 less, 1 equal, 2 greater, 3
# unordered; and, one bit each, whether a quiet NaN raises IE. 16..31 have the same outcomes and the
# other answer for quiet NaNs (Intel SDM vol. 2, CMPPD).
cdef enum:
    SIGNALS = 0x6666


cdef uint32_t outcomes(uint32_t p) noexcept nogil:
    return <uint32_t>(0xf4650b9a7ced8312ULL >> (4 * (p & 15))) & 15


cdef bint cmp_signals(uint32_t p) noexcept nogil:
    return ((SIGNALS >> (p & 15)) & 1) != ((p >> 4) & 1)


cdef uint32_t fp_flags_to_x86(uint8_t flags) noexcept nogil:
    cdef uint32_t r = 0
    if flags & FP_NV:
        r |= MXCSR_IE
    if flags & FP_DE:
        r |= MXCSR_DE
    if flags & FP_DZ:
        r |= MXCSR_ZE
    if flags & FP_OF:
        r |= MXCSR_OE
    if flags & FP_UF:
        r |= MXCSR_UE
    if flags & FP_NX:
        r |= MXCSR_PE
    return r


cdef uint8_t rounding_of(uint32_t rc) noexcept nogil:
    """RC as in MXCSR[14:13] and in the immediates of ROUNDxx and VCVTPS2PH."""
    rc &= 3
    return FP_RNE if rc == 0 else FP_RDN if rc == 1 else FP_RUP if rc == 2 else FP_RTZ


cdef void simd_status(FPStatus *st, uint32_t mxcsr) noexcept nogil:
    fp_status_init(st, FP_NAN_X86_SSE)
    st.rounding = rounding_of(mxcsr >> 13)
    st.flush_inputs = FP_DAZ_X86 if mxcsr & MXCSR_DAZ else FP_DAZ_OFF
    # Flush-to-zero works only while underflow is masked (10.2.3.3).
    st.flush_to_zero = FP_FTZ_X86 if mxcsr & MXCSR_FTZ and mxcsr & (MXCSR_UE << 7) else FP_FTZ_OFF


# What settle() needs to know of a lane's operation to compute it again.
cdef enum:
    LANE_FMA = 4        # below: FP_OP_*
    LANE_NARROW = 5
    LANE_OTHER = 6      # its result cannot be tiny or too large


ctypedef struct Lane:
    uint8_t op
    uint8_t fmt         # of the operands
    uint8_t out         # of the result
    uint8_t how
    uint64_t a
    uint64_t b
    uint64_t c


cdef inline uint64_t lane(uint8_t fmt, const Vec *v, uint32_t i) noexcept nogil:
    return v.d[i] if fmt == FP_F32 else v.w[i] if fmt == FP_F16 else v.q[i]


cdef inline void put(uint8_t fmt, Vec *v, uint32_t i, uint64_t x) noexcept nogil:
    if fmt == FP_F32:
        v.d[i] = <uint32_t>x
    elif fmt == FP_F16:
        v.w[i] = <uint16_t>x
    else:
        v.q[i] = x


cdef inline bint is_denormal(uint8_t fmt, uint64_t x) noexcept nogil:
    if fmt == FP_F32:
        return (x & 0x7f800000u) == 0 and (x & 0x7fffffu) != 0
    if fmt == FP_F16:
        return (x & 0x7c00u) == 0 and (x & 0x3ffu) != 0
    return (x & 0x7ff0000000000000ULL) == 0 and (x & 0xfffffffffffffULL) != 0


cdef uint64_t compare(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b,
                      uint32_t imm) noexcept nogil:
    cdef int r = soft_compare(st, fmt, a, b, cmp_signals(imm))
    cdef uint32_t bit = 1 if r == FP_LT else 2 if r == FP_EQ else 4 if r == FP_GT else 8
    return 0xffffffffffffffffULL if outcomes(imm) & bit else 0


cdef uint64_t approximate(uint8_t fmt, uint64_t x, bint root) noexcept nogil:
    """RCPSS and RSQRTSS: no exceptions, denormals are zero, results below the normal range zero.

    The manual bounds the relative error by 1.5 * 2^-12 and leaves the value open; it differs
    between processors. This one is the correctly rounded value cut to 12 significand bits.
    """
    cdef FPStatus st
    cdef uint32_t a = <uint32_t>x, r, sign = a & 0x80000000u
    fp_status_init(&st, FP_NAN_X86_SSE)
    if (a & 0x7fffffffu) > 0x7f800000u:
        return a | 0x400000u
    if (a & 0x7f800000u) == 0:
        return sign | 0x7f800000u
    if root and sign:
        return 0xffc00000u
    if (a & 0x7fffffffu) == 0x7f800000u:
        return sign
    if root:
        a = <uint32_t>soft_squareroot(&st, FP_F32, a, FP_RNE)
    r = <uint32_t>soft_arith(&st, FP_F32, FP_OP_DIV, 0x3f800000u, a, FP_RNE)
    if (r & 0x7f800000u) == 0:
        return sign
    return (r + 0x400u) & 0xfffff800u


cdef uint64_t arith(FPStatus *st, Lane *p, uint8_t op, uint64_t a, uint64_t b) noexcept nogil:
    p.op = op
    p.a = a
    p.b = b
    return soft_arith(st, p.fmt, op, a, b, FP_RM_DYN)


cdef uint64_t one(FPStatus *st, uint32_t op, Lane *p, uint64_t a, uint64_t b, uint64_t c,
                  uint32_t imm, uint32_t i) noexcept nogil:
    """A lane of the operations whose lanes are independent."""
    cdef uint8_t fmt = p.fmt
    if op <= SFP_DIV:
        return arith(st, p, <uint8_t>op, a, b)
    elif op == SFP_MIN:
        return soft_pick(st, fmt, a, b, FP_MM_X86)
    elif op == SFP_MAX:
        return soft_pick(st, fmt, a, b, FP_MM_X86 | FP_MM_MAX)
    elif op == SFP_SQRT:
        return soft_squareroot(st, fmt, b, FP_RM_DYN)
    elif op == SFP_ADDSUB:
        return arith(st, p, FP_OP_ADD if i & 1 else FP_OP_SUB, a, b)
    elif op == SFP_CMP:
        return compare(st, fmt, a, b, imm)
    elif op == SFP_ROUND:
        return soft_integral(st, fmt, b, FP_RM_DYN if imm & 4 else rounding_of(imm),
                             not imm & 8)
    elif op == SFP_FMA:
        p.op = LANE_FMA
        p.a = a
        p.b = b
        p.c = c
        p.how = <uint8_t>(imm & 3)
        if imm & SFMA_ALT_ADD and not i & 1 or imm & SFMA_ALT_SUB and i & 1:
            p.how ^= FP_MA_NEG_C
        return soft_fused(st, fmt, a, b, c, p.how, FP_RM_DYN)
    return approximate(fmt, b, op == SFP_RSQRT)


cdef uint64_t converted(FPStatus *st, uint32_t op, Lane *p, const Vec *b, uint32_t imm,
                        uint32_t i) noexcept nogil:
    cdef int64_t x
    cdef uint8_t fmt = p.fmt
    if op == SFP_I32_TO or op == SFP_I64_TO:
        x = <int32_t>b.d[i] if op == SFP_I32_TO else <int64_t>b.q[i]
        return soft_from_int(st, fmt, x < 0, 0 - <uint64_t>x if x < 0 else <uint64_t>x, FP_RM_DYN)
    elif op == SFP_TO_I32:
        return soft_to_int(st, fmt, lane(fmt, b, i), True, 32, FP_RTZ if imm & 1 else FP_RM_DYN,
                           FP_INT_X86)
    elif op == SFP_TO_I64:
        return soft_to_int(st, fmt, lane(fmt, b, i), True, 64, FP_RTZ if imm & 1 else FP_RM_DYN,
                           FP_INT_X86)
    elif op == SFP_F32_F64:
        return soft_convert(st, FP_F32, FP_F64, b.d[i], FP_RM_DYN)
    elif op == SFP_F16_F32:
        return soft_convert(st, FP_F16, FP_F32, b.w[i], FP_RM_DYN)
    p.op = LANE_NARROW
    if op == SFP_F64_F32:
        p.fmt = FP_F64
        p.a = b.q[i]
        return soft_convert(st, FP_F64, FP_F32, b.q[i], FP_RM_DYN)
    p.fmt = FP_F32
    p.a = b.d[i]
    return soft_convert(st, FP_F32, FP_F16, b.d[i], FP_RM_DYN if imm & 4 else rounding_of(imm))


cdef inline uint8_t result_format(uint32_t op, uint8_t fmt) noexcept nogil:
    if op == SFP_TO_I32 or op == SFP_F64_F32 or op == SFP_F16_F32:
        return FP_F32       # 32-bit lanes
    elif op == SFP_TO_I64 or op == SFP_F32_F64:
        return FP_F64
    elif op == SFP_F32_F16:
        return FP_F16
    return fmt


cdef bint narrowing_loses(uint8_t fmt, uint64_t x, uint32_t precision) noexcept nogil:
    """Does x have more than `precision` significant bits?"""
    cdef uint64_t sig = x & 0xfffffffffffffULL, hidden = 0x10000000000000ULL
    if fmt == FP_F32:
        sig = x & 0x7fffffu
        hidden = 0x800000u
    if not is_denormal(fmt, x):
        sig |= hidden
    while not sig & 1:
        sig >>= 1
    return (sig >> precision) != 0


cdef uint32_t settle(FPStatus *st, uint32_t mxcsr, const Lane *p, uint64_t result,
                     uint32_t *pre) noexcept nogil:
    """The MXCSR flags of the lane operation p.

    With underflow unmasked, exact tiny results count too; with overflow or underflow unmasked and
    raised, PE tells of a significand that would be rounded with an unlimited exponent as well
    (Intel SDM vol. 1, 4.9.1.4 and 4.9.1.5).
    """
    cdef uint32_t flags = fp_flags_to_x86(st.flags), unmasked = ~(mxcsr >> 7) & MXCSR_FLAGS
    cdef FPStatus wide
    cdef Float80 x, y
    if p.op != LANE_OTHER and unmasked & MXCSR_UE and is_denormal(p.out, result):
        flags |= MXCSR_UE
    pre[0] |= flags & (MXCSR_IE | MXCSR_DE | MXCSR_ZE)
    if p.op == LANE_OTHER or not flags & unmasked & (MXCSR_OE | MXCSR_UE):
        return flags
    flags &= ~MXCSR_PE
    if p.op == LANE_NARROW:
        return flags | (MXCSR_PE if narrowing_loses(p.fmt, p.a, 24 if p.out == FP_F32 else 11)
                        else 0)
    # The 80-bit format's exponents are unlimited enough, and its significands can be as short.
    fp_status_init(&wide, FP_NAN_X87)
    wide.rounding = st.rounding
    wide.flush_inputs = st.flush_inputs
    x = soft_convert_to_f80(&wide, p.fmt, p.a, FP_RM_DYN)
    y = soft_convert_to_f80(&wide, p.fmt, p.b, FP_RM_DYN)
    wide.flags = 0
    wide.x87_precision = 32 if p.fmt == FP_F32 else 64
    if p.op == LANE_FMA:
        soft_fused_f80(&wide, x, y, soft_convert_to_f80(&wide, p.fmt, p.c, FP_RM_DYN), p.how,
                       FP_RM_DYN)
    else:
        soft_arith_f80(&wide, p.op, x, y, FP_RM_DYN)
    return flags | (MXCSR_PE if wide.flags & FP_NX else 0)


cdef inline uint32_t finish(uint32_t *mxcsr, uint32_t flags, uint32_t pre) noexcept nogil:
    """Exceptions found before computing hide those found after it when one is unmasked (11.5.3)."""
    cdef uint32_t unmasked = ~(mxcsr[0] >> 7) & MXCSR_FLAGS
    if pre & unmasked:
        mxcsr[0] |= pre
        return 1
    mxcsr[0] |= flags
    return (flags & unmasked) != 0


cdef uint32_t dot(uint32_t *mxcsr, uint8_t fmt, Vec *d, const Vec *a, const Vec *b, uint32_t imm,
                  uint32_t lanes) noexcept nogil:
    """DPPS, DPPD: products, then sums in pairs; each step ends with its own exceptions."""
    cdef FPStatus st
    cdef Lane p
    cdef Vec t, r
    cdef uint32_t i, flags = 0, pre = 0, left = lanes, unit = 4 if fmt == FP_F32 else 2
    p.fmt = p.out = fmt
    simd_status(&st, mxcsr[0])
    for i in range(lanes):
        put(fmt, &t, i, 0)
        if (imm >> (4 + i % unit)) & 1:
            st.flags = 0
            put(fmt, &t, i, arith(&st, &p, FP_OP_MUL, lane(fmt, a, i), lane(fmt, b, i)))
            flags |= settle(&st, mxcsr[0], &p, lane(fmt, &t, i), &pre)
    if finish(mxcsr, flags, pre):
        return 1
    while left > lanes // unit:
        left >>= 1
        flags = pre = 0
        for i in range(left):
            st.flags = 0
            put(fmt, &t, i, arith(&st, &p, FP_OP_ADD, lane(fmt, &t, 2 * i),
                                  lane(fmt, &t, 2 * i + 1)))
            flags |= settle(&st, mxcsr[0], &p, lane(fmt, &t, i), &pre)
        if finish(mxcsr, flags, pre):
            return 1
    for i in range(lanes):
        put(fmt, &r, i, lane(fmt, &t, i // unit) if (imm >> (i % unit)) & 1 else 0)
    memcpy(d, &r, lanes * (4 if fmt == FP_F32 else 8))
    return 0


cdef uint32_t simd_fp(uint32_t *mxcsr, uint32_t op, uint8_t fmt, Vec *d, const Vec *a, const Vec *b,
                      const Vec *c, uint32_t imm, uint32_t lanes) noexcept nogil:
    cdef FPStatus st
    cdef Lane p
    cdef Vec r
    cdef uint8_t out = result_format(op, fmt)
    cdef uint32_t i, k, half, unit, flags = 0, pre = 0
    cdef uint64_t x
    cdef const Vec *src
    if op == SFP_DP:
        return dot(mxcsr, fmt, d, a, b, imm, lanes)
    simd_status(&st, mxcsr[0])
    if op == SFP_F32_F16:
        st.flush_to_zero = FP_FTZ_OFF   # VCVTPS2PH: MXCSR.FTZ is ignored
    elif op == SFP_F16_F32:
        st.flush_inputs = FP_DAZ_OFF    # VCVTPH2PS: and so is DAZ
    unit = 4 if fmt == FP_F32 else 2
    half = unit >> 1
    for i in range(lanes):
        st.flags = 0
        p.fmt = fmt
        p.out = out
        p.op = LANE_OTHER
        if op == SFP_HADD or op == SFP_HSUB:
            k = i & (unit - 1)
            src = a if k < half else b
            k = (i & ~(unit - 1)) + 2 * (k if k < half else k - half)
            x = arith(&st, &p, FP_OP_ADD if op == SFP_HADD else FP_OP_SUB, lane(fmt, src, k),
                      lane(fmt, src, k + 1))
        elif op < SFP_I32_TO:
            x = one(&st, op, &p, lane(fmt, a, i), lane(fmt, b, i),
                    lane(fmt, c, i) if op == SFP_FMA else 0, imm, i)
        else:
            x = converted(&st, op, &p, b, imm, i)
        if op == SFP_F16_F32:
            st.flags &= ~FP_DE          # VCVTPH2PS: no denormal exception
        put(out, &r, i, x)
        flags |= settle(&st, mxcsr[0], &p, x, &pre)
    if finish(mxcsr, flags, pre):
        return 1
    memcpy(d, &r, lanes * (4 if out == FP_F32 else 2 if out == FP_F16 else 8))
    return 0


cdef uint32_t simd_comi(uint32_t *mxcsr, uint8_t fmt, uint64_t a, uint64_t b, bint signalling,
                        uint32_t *eflags) noexcept nogil:
    cdef FPStatus st
    cdef int r
    cdef uint32_t flags
    simd_status(&st, mxcsr[0])
    r = soft_compare(&st, fmt, a, b, signalling)
    flags = fp_flags_to_x86(st.flags)
    if finish(mxcsr, flags, flags):
        return 1
    eflags[0] = 0x45 if r == FP_UNORDERED else 1 if r == FP_LT else 0x40 if r == FP_EQ else 0
    return 0
