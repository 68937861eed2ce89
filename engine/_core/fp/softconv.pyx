# Integer conversion, comparison and classes of unpacked numbers; see softconv.pxd.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine._core.base.bits cimport clz64
from engine._core.base.int128 cimport u128_lt, u128_make
from engine._core.fp.parts cimport (
    FC_INF, FC_INVALID, FC_NORMAL, FC_QNAN, FC_SNAN, FC_ZERO, Parts, fp_is_nan, fp_nan1, fp_nan2,
    fp_note_denormal, fp_round_up,
)
from engine._core.fp.soft cimport (
    FP_EQ, FP_GT, FP_INT_MIPS, FP_INT_NAN_MIN, FP_INT_QUIET_NX, FP_INT_RULE, FP_INT_SAT, FP_INT_X86,
    FP_LT, FP_MM_FLAVOUR, FP_MM_MAG, FP_MM_MAX, FP_MM_NAN, FP_MM_NUM2008, FP_MM_X86, FP_UNORDERED,
)
from engine._core.fp.status cimport FPStatus, FP_NV, FP_NX


cdef uint64_t split(const Parts *p, uint64_t *rest) noexcept nogil:
    """Integer part of a number below 2^64 and its left-aligned fraction, lowest bit sticky."""
    if p.exp >= 63:
        rest[0] = 0
        return p.sig.hi
    if p.exp >= 0:
        rest[0] = p.sig.hi << (p.exp + 1)
        return p.sig.hi >> (63 - p.exp)
    # Below one: the fraction as it is, or something less than a half.
    rest[0] = p.sig.hi if p.exp == -1 else 1
    return 0


cdef uint64_t invalid_int(const Parts *p, bint is_signed, uint8_t bits,
                          uint8_t rule) noexcept nogil:
    cdef uint64_t lowest = 0 - (<uint64_t>1 << (bits - 1)) if is_signed else 0
    cdef uint64_t highest = ~<uint64_t>0 >> (65 - bits if is_signed else 64 - bits)
    rule &= FP_INT_RULE
    if rule == FP_INT_X86:
        return lowest if is_signed else highest
    if rule == FP_INT_MIPS:
        return highest
    if fp_is_nan(p):
        if rule == FP_INT_SAT:
            return 0
        return lowest if rule == FP_INT_NAN_MIN else highest
    return lowest if p.sign else highest


cdef uint64_t parts_to_int(FPStatus *st, const Parts *p, bint is_signed, uint8_t bits, uint8_t rm,
                           uint8_t rule) noexcept nogil:
    cdef uint64_t magnitude, rest, limit
    cdef bint fits
    if p.cls == FC_ZERO:
        return 0
    if p.cls == FC_NORMAL and p.exp < 64:
        magnitude = split(p, &rest)
        fits = True
        if fp_round_up(rm, p.sign, magnitude & 1, rest):
            magnitude += 1
            fits = magnitude != 0
        if is_signed:
            limit = (<uint64_t>1 << (bits - 1)) - (0 if p.sign else 1)
        else:
            limit = 0 if p.sign else ~<uint64_t>0 >> (64 - bits)
        if fits and magnitude <= limit:
            if rest and not (rule & FP_INT_QUIET_NX):
                st.flags |= FP_NX
            return 0 - magnitude if p.sign else magnitude
    st.flags |= FP_NV
    return invalid_int(p, is_signed, bits, rule)


cdef void parts_from_int(bint negative, uint64_t magnitude, Parts *r) noexcept nogil:
    cdef int n = <int>clz64(magnitude)
    r.sign = negative
    r.denormal = 0
    r.exp = 63 - n
    if magnitude == 0:
        r.cls = FC_ZERO
        r.sig = u128_make(0, 0)
    else:
        r.cls = FC_NORMAL
        r.sig = u128_make(magnitude << n, 0)


cdef void parts_round_to_int(FPStatus *st, Parts *p, uint8_t rm, bint exact) noexcept nogil:
    cdef uint64_t magnitude, rest
    cdef Parts nan
    if fp_is_nan(p):
        fp_nan1(st, p, &nan)
        p[0] = nan
        return
    if p.cls != FC_NORMAL or p.exp >= 63:
        return
    magnitude = split(p, &rest)
    if rest == 0:
        return
    if exact:
        st.flags |= FP_NX
    if fp_round_up(rm, p.sign, magnitude & 1, rest):
        magnitude += 1      # below 2^63 before
    parts_from_int(p.sign, magnitude, p)


# ---- comparison

cdef int order_magnitudes(const Parts *a, const Parts *b) noexcept nogil:
    """No NaN."""
    if a.cls != b.cls:      # zero < normal < infinity
        return FP_LT if a.cls < b.cls else FP_GT
    if a.cls != FC_NORMAL:
        return FP_EQ
    if a.exp != b.exp:
        return FP_LT if a.exp < b.exp else FP_GT
    if u128_lt(a.sig, b.sig):
        return FP_LT
    return FP_GT if u128_lt(b.sig, a.sig) else FP_EQ


cdef int order_numbers(const Parts *a, const Parts *b) noexcept nogil:
    """No NaN; -0 is less than +0."""
    cdef int order
    if a.sign != b.sign:
        return FP_LT if a.sign else FP_GT
    order = order_magnitudes(a, b)
    return -order if a.sign else order


cdef int parts_compare(FPStatus *st, const Parts *a, const Parts *b,
                       bint signalling) noexcept nogil:
    if fp_is_nan(a) or fp_is_nan(b):
        if signalling or a.cls >= FC_SNAN or b.cls >= FC_SNAN:
            st.flags |= FP_NV
        return FP_UNORDERED
    fp_note_denormal(st, a.denormal | b.denormal)
    if a.cls == FC_ZERO and b.cls == FC_ZERO:
        return FP_EQ
    return order_numbers(a, b)


cdef int parts_minmax(FPStatus *st, const Parts *a, const Parts *b, uint8_t how,
                      Parts *r) noexcept nogil:
    cdef uint8_t flavour = how & FP_MM_FLAVOUR
    cdef bint signalling = a.cls >= FC_SNAN or b.cls >= FC_SNAN
    cdef int order = FP_EQ
    if flavour == FP_MM_X86:
        # Intel SDM vol. 2, MINSD: the second operand unless the first is strictly less.
        order = parts_compare(st, a, b, True)
        return 0 if order == (FP_GT if how & FP_MM_MAX else FP_LT) else 1
    if fp_is_nan(a) or fp_is_nan(b):
        if flavour == FP_MM_NAN or (flavour == FP_MM_NUM2008 and signalling) or (
                fp_is_nan(a) and fp_is_nan(b)):
            fp_nan2(st, a, b, r)
            return 2
        if signalling:
            st.flags |= FP_NV
        return 1 if fp_is_nan(a) else 0
    fp_note_denormal(st, a.denormal | b.denormal)
    if how & FP_MM_MAG:
        order = order_magnitudes(a, b)
    if order == FP_EQ:
        order = order_numbers(a, b)
    if how & FP_MM_MAX:
        return 0 if order == FP_GT else 1
    return 0 if order == FP_LT else 1


cdef uint32_t parts_classify(const Parts *p) noexcept nogil:
    if p.cls == FC_QNAN:
        return 1 << 9
    if p.cls == FC_SNAN or p.cls == FC_INVALID:
        return 1 << 8
    if p.cls == FC_INF:
        return 1 << 0 if p.sign else 1 << 7
    if p.cls == FC_ZERO:
        return 1 << 3 if p.sign else 1 << 4
    if p.denormal:
        return 1 << 2 if p.sign else 1 << 5
    return 1 << 1 if p.sign else 1 << 6
