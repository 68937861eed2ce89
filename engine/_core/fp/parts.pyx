# Unpacking, rounding, packing and NaN choice for all formats; see parts.pxd.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint64_t
from engine._core.base.bits cimport clz64
from engine._core.base.int128 cimport u128, u128_shr_jam
from engine._core.fp.soft cimport Float80
from engine._core.fp.status cimport (
    FPStatus, FP_DAZ_ARM, FP_DAZ_OFF, FP_DE, FP_F80, FP_FTZ_ARM, FP_FTZ_X86, FP_NAN_ARM,
    FP_NAN_CANONICAL, FP_NAN_M68K, FP_NAN_MIPS_2008, FP_NAN_MIPS_LEGACY, FP_NAN_PPC, FP_NAN_S390,
    FP_NAN_SPARC, FP_NAN_X86_SSE, FP_NAN_X87, FP_NFORMATS, FP_NV, FP_NX, FP_OF, FP_RDN, FP_RMM,
    FP_RNE, FP_RTO, FP_RUP, FP_UF,
)


cdef extern from *:
    """
    #define ENGINE_FP_TOP 0x8000000000000000ULL
    #define ENGINE_FP_QUIET 0x4000000000000000ULL
    """
    const uint64_t TOP "ENGINE_FP_TOP"          # integer bit of Parts.sig.hi
    const uint64_t QUIET "ENGINE_FP_QUIET"      # a NaN's quiet bit there


ctypedef struct Format:
    int prec            # significand bits, integer bit included
    int exp_bits
    int32_t bias        # also the largest exponent; the smallest is 1 - bias (IEEE 754, table 3.5)
    int32_t exp_max     # biased exponent of infinities and NaNs


cdef Format[FP_NFORMATS] FORMATS = [
    Format(11, 5, 15, 31),
    Format(24, 8, 127, 255),
    Format(53, 11, 1023, 2047),
    Format(64, 15, 16383, 32767),
]


cdef int fp_precision(uint8_t fmt) noexcept nogil:
    return FORMATS[fmt].prec


cdef void fp_unpack(FPStatus *st, uint8_t fmt, Float80 raw, Parts *p) noexcept nogil:
    cdef const Format *f = &FORMATS[fmt]
    cdef uint64_t frac      # left-aligned, integer bit position clear
    cdef int32_t biased
    cdef bint integer_bit
    p.denormal = 0
    p.exp = 0
    p.sig.lo = 0
    if fmt == FP_F80:
        p.sign = raw.exp >> 15
        biased = raw.exp & 0x7fff
        frac = raw.sig & ~TOP
        integer_bit = (raw.sig >> 63) != 0
        if biased != 0 and not integer_bit:
            # Unnormal, pseudo-infinity or pseudo-NaN.
            if st.nan_rule != FP_NAN_M68K:
                p.cls = FC_INVALID
                p.sig.hi = TOP | QUIET
                return
            if biased != f.exp_max:
                # The 68881 takes unnormals as the numbers they stand for (M68000 PRM, 1.6.2).
                unpack_tiny(st, p, frac, biased - f.bias)
                return
    else:
        p.sign = (raw.sig >> (f.prec - 1 + f.exp_bits)) & 1
        biased = <int32_t>(raw.sig >> (f.prec - 1)) & f.exp_max
        frac = (raw.sig << (64 - f.prec)) & ~TOP
        integer_bit = biased != 0
    if biased == f.exp_max:
        p.sig.hi = TOP | frac
        if frac == 0:
            p.cls = FC_INF
        elif ((frac & QUIET) != 0) != (st.nan_rule == FP_NAN_MIPS_LEGACY):
            p.cls = FC_QNAN
        else:
            p.cls = FC_SNAN
    elif biased != 0:
        p.cls = FC_NORMAL
        p.exp = biased - f.bias
        p.sig.hi = TOP | frac
    elif frac == 0 and not integer_bit:
        p.cls = FC_ZERO
        p.sig.hi = 0
    elif st.flush_inputs != FP_DAZ_OFF:
        p.cls = FC_ZERO
        p.sig.hi = 0
        if st.flush_inputs == FP_DAZ_ARM:
            st.flags |= FP_DE
    else:
        # Subnormal; also the x87's pseudo-denormal, whose integer bit is set (SDM vol. 1, 8.2.2).
        unpack_tiny(st, p, frac | (TOP if integer_bit else 0), 1 - f.bias)
        p.denormal = 1


cdef void unpack_tiny(FPStatus *st, Parts *p, uint64_t sig, int32_t exp) noexcept nogil:
    cdef int n
    if sig == 0:
        p.cls = FC_ZERO
        p.sig.hi = 0
        return
    n = <int>clz64(sig)
    p.cls = FC_NORMAL
    p.sig.hi = sig << n
    p.exp = exp - n


cdef bint fp_round_up(uint8_t rm, uint8_t sign, bint odd, uint64_t rest) noexcept nogil:
    if rm == FP_RNE:
        return rest > TOP or (rest == TOP and odd)
    if rm == FP_RMM:
        return rest >= TOP
    if rest == 0:
        return False
    if rm == FP_RDN:
        return sign != 0
    if rm == FP_RUP:
        return sign == 0
    if rm == FP_RTO:
        return not odd
    return False


cdef Float80 assemble(const Format *f, uint8_t sign, int32_t biased, uint64_t sig) noexcept nogil:
    """Raw bits from a left-aligned significand whose integer bit all formats but f80 drop."""
    cdef Float80 r
    if f.prec == 64:
        r.sig = sig
        r.exp = <uint16_t>((sign << 15) | biased)
    else:
        r.sig = ((<uint64_t>sign << (f.prec - 1 + f.exp_bits)) | (<uint64_t>biased << (f.prec - 1))
                 | ((sig & ~TOP) >> (64 - f.prec)))
        r.exp = 0
    return r


cdef Float80 pack_nan(FPStatus *st, const Format *f, const Parts *p) noexcept nogil:
    cdef uint64_t sig = p.sig.hi >> (64 - f.prec) << (64 - f.prec)
    cdef Parts d
    if sig & ~TOP:
        return assemble(f, p.sign, f.exp_max, sig)
    # A narrower format lost all payload bits (only where the quiet bit is 0).
    fp_default_nan(st, &d)
    return assemble(f, d.sign, f.exp_max, d.sig.hi)


cdef Float80 overflow(FPStatus *st, const Format *f, int prec, uint8_t sign,
                      uint8_t rm) noexcept nogil:
    st.flags |= FP_OF | FP_NX
    if rm == FP_RNE or rm == FP_RMM or rm == (FP_RDN if sign else FP_RUP):
        return assemble(f, sign, f.exp_max, TOP)
    return assemble(f, sign, f.exp_max - 1, ~<uint64_t>0 << (64 - prec))


cdef Float80 fp_pack(FPStatus *st, uint8_t fmt, const Parts *p, uint8_t rm) noexcept nogil:
    cdef const Format *f = &FORMATS[fmt]
    cdef int prec = f.prec
    cdef int32_t emin = 1 - f.bias, biased
    cdef u128 sig = p.sig
    cdef uint64_t rest
    cdef bint tiny = False
    if p.cls == FC_ZERO:
        return assemble(f, p.sign, 0, 0)
    if p.cls == FC_INF:
        return assemble(f, p.sign, f.exp_max, TOP)
    if fp_is_nan(p):
        return pack_nan(st, f, p)
    if fmt == FP_F80:
        # Precision control narrows the significand, not the exponent (SDM vol. 1, 8.1.5.2).
        if st.x87_precision == 64:
            prec = 53
        elif st.x87_precision == 32:
            prec = 24
    if p.exp > f.bias:
        return overflow(st, f, prec, p.sign, rm)
    if p.exp < emin:
        if st.flush_to_zero == FP_FTZ_ARM:
            st.flags |= FP_UF
            return assemble(f, p.sign, 0, 0)
        # After rounding, a result is not tiny if rounding to the full precision, as if the exponent
        # had no bound, reaches the smallest normal number (IEEE 754, 7.5).
        tiny = (st.tininess_before != 0 or p.exp < emin - 1
                or not carries(sig, prec, p.sign, rm))
        if tiny and st.flush_to_zero == FP_FTZ_X86:
            st.flags |= FP_UF | FP_NX
            return assemble(f, p.sign, 0, 0)
        sig = u128_shr_jam(sig, <uint64_t>(emin - p.exp))
        biased = 0
    else:
        biased = p.exp + f.bias
    rest = lost_bits(sig, prec)
    sig.hi = sig.hi >> (64 - prec) << (64 - prec)
    if rest:
        st.flags |= FP_NX
        if tiny:
            st.flags |= FP_UF
        if fp_round_up(rm, p.sign, (sig.hi >> (64 - prec)) & 1, rest):
            sig.hi += <uint64_t>1 << (64 - prec)
            if biased == 0:
                biased = <int32_t>(sig.hi >> 63)
            elif sig.hi == 0:
                sig.hi = TOP
                biased += 1
                if biased == f.exp_max:
                    return overflow(st, f, prec, p.sign, rm)
    return assemble(f, p.sign, biased, sig.hi)


cdef uint64_t lost_bits(u128 sig, int prec) noexcept nogil:
    """What rounding to `prec` bits cuts off, left-aligned, the lowest bit sticky."""
    if prec == 64:
        return sig.lo
    return (sig.hi << prec) | (1 if sig.lo else 0)


cdef bint carries(u128 sig, int prec, uint8_t sign, uint8_t rm) noexcept nogil:
    """Does rounding to `prec` bits carry out of the integer bit?"""
    cdef uint64_t kept = sig.hi >> (64 - prec)
    return (kept == (~<uint64_t>0 >> (64 - prec)) and
            fp_round_up(rm, sign, kept & 1, lost_bits(sig, prec)))


# ---- NaNs

cdef void fp_default_nan(FPStatus *st, Parts *r) noexcept nogil:
    cdef uint8_t rule = st.nan_rule
    r.cls = FC_QNAN
    r.exp = 0
    r.denormal = 0
    r.sig.lo = 0
    r.sign = 1 if rule == FP_NAN_X86_SSE or rule == FP_NAN_X87 else 0
    if rule == FP_NAN_MIPS_LEGACY:
        r.sig.hi = ~QUIET
    elif rule == FP_NAN_SPARC or rule == FP_NAN_M68K:
        r.sig.hi = ~<uint64_t>0
    else:
        r.sig.hi = TOP | QUIET


cdef void fp_invalid(FPStatus *st, Parts *r) noexcept nogil:
    st.flags |= FP_NV
    fp_default_nan(st, r)


cdef bint nan_prologue(FPStatus *st, bint signalling, bint unsupported) noexcept nogil:
    """Raise NV as needed; must the result be the default NaN?"""
    if signalling:
        st.flags |= FP_NV
    return (st.default_nan != 0 or st.nan_rule == FP_NAN_CANONICAL or unsupported
            or (signalling and st.nan_rule == FP_NAN_MIPS_LEGACY))


cdef void take_nan(FPStatus *st, const Parts *a, Parts *r) noexcept nogil:
    r[0] = a[0]
    r.cls = FC_QNAN
    r.denormal = 0
    if st.nan_rule != FP_NAN_MIPS_LEGACY:
        r.sig.hi |= QUIET


cdef void fp_nan1(FPStatus *st, const Parts *a, Parts *r) noexcept nogil:
    if nan_prologue(st, a.cls >= FC_SNAN, a.cls == FC_INVALID):
        fp_default_nan(st, r)
    else:
        take_nan(st, a, r)


cdef const Parts *first_nan(const Parts *a, const Parts *b) noexcept nogil:
    return a if fp_is_nan(a) else b


cdef const Parts *snan_first(const Parts *a, const Parts *b) noexcept nogil:
    if a.cls == FC_SNAN:
        return a
    return b if b.cls == FC_SNAN else first_nan(a, b)


cdef const Parts *x87_nan(const Parts *a, const Parts *b) noexcept nogil:
    if not fp_is_nan(b):
        return a
    if not fp_is_nan(a):
        return b
    if a.cls != b.cls:
        return a if a.cls == FC_QNAN else b
    if a.sig.hi != b.sig.hi:
        return a if a.sig.hi > b.sig.hi else b
    return b if a.sign else a


cdef void fp_nan2(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil:
    cdef uint8_t rule = st.nan_rule
    cdef const Parts *n
    if nan_prologue(st, a.cls >= FC_SNAN or b.cls >= FC_SNAN,
                    a.cls == FC_INVALID or b.cls == FC_INVALID):
        fp_default_nan(st, r)
        return
    if rule == FP_NAN_X87:
        n = x87_nan(a, b)
    elif rule == FP_NAN_X86_SSE or rule == FP_NAN_PPC or rule == FP_NAN_M68K:
        n = first_nan(a, b)
    elif rule == FP_NAN_SPARC:
        n = snan_first(b, a)
    else:
        n = snan_first(a, b)
    take_nan(st, n, r)


cdef void fp_nan3(FPStatus *st, const Parts *a, const Parts *b, const Parts *c, bint inf_zero,
                  Parts *r) noexcept nogil:
    cdef uint8_t rule = st.nan_rule
    cdef const Parts *n
    cdef bint use_default
    if inf_zero and rule != FP_NAN_X86_SSE and rule != FP_NAN_X87:
        st.flags |= FP_NV
    use_default = nan_prologue(
        st, a.cls >= FC_SNAN or b.cls >= FC_SNAN or c.cls >= FC_SNAN,
        a.cls == FC_INVALID or b.cls == FC_INVALID or c.cls == FC_INVALID)
    if use_default or (inf_zero and c.cls == FC_QNAN
                       and (rule == FP_NAN_ARM or rule == FP_NAN_MIPS_LEGACY
                            or rule == FP_NAN_S390)):
        fp_default_nan(st, r)
        return
    if rule == FP_NAN_X86_SSE or rule == FP_NAN_X87 or rule == FP_NAN_M68K:
        n = first_nan(first_nan(a, b), c)
    elif rule == FP_NAN_PPC:
        n = first_nan(first_nan(a, c), b)
    elif rule == FP_NAN_ARM or rule == FP_NAN_MIPS_2008:
        n = snan_first(snan_first(c, a), b)
    elif rule == FP_NAN_SPARC:
        n = snan_first(snan_first(c, b), a)
    else:
        n = snan_first(snan_first(a, b), c)
    take_nan(st, n, r)
