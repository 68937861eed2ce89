# Generic entry points of software floating point: unpack, operate, round and pack; see soft.pxd.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine._core.fp.parts cimport (
    Parts, fp_default_nan, fp_is_nan, fp_nan1, fp_note_denormal, fp_pack, fp_unpack,
)
from engine._core.fp.softconv cimport (
    parts_classify, parts_compare, parts_from_int, parts_minmax, parts_round_to_int, parts_to_int,
)
from engine._core.fp.softmath cimport (
    parts_add, parts_div, parts_mul, parts_muladd, parts_rem, parts_sqrt,
)
from engine._core.fp.status cimport FPStatus, FP_DAZ_OFF, FP_F80, FP_RM_DYN


cdef inline uint8_t resolve(const FPStatus *st, uint8_t rm) noexcept nogil:
    return st.rounding if rm == FP_RM_DYN else rm


cdef inline Float80 small(uint64_t bits) noexcept nogil:
    """A format of up to 64 bits in the type that unpack and pack use for all."""
    cdef Float80 r
    r.sig = bits
    r.exp = 0
    return r


# Each operation once for all formats; `fmt` may be FP_F80 in these.

cdef Float80 do_arith(FPStatus *st, uint8_t fmt, uint8_t op, Float80 a, Float80 b,
                      uint8_t rm) noexcept nogil:
    cdef Parts x, y, r
    rm = resolve(st, rm)
    fp_unpack(st, fmt, a, &x)
    fp_unpack(st, fmt, b, &y)
    if op == FP_OP_ADD or op == FP_OP_SUB:
        parts_add(st, &x, &y, op == FP_OP_SUB, rm, &r)
    elif op == FP_OP_MUL:
        parts_mul(st, &x, &y, &r)
    else:
        parts_div(st, &x, &y, &r)
    return fp_pack(st, fmt, &r, rm)


cdef Float80 do_remainder(FPStatus *st, uint8_t fmt, Float80 a, Float80 b, bint truncate,
                          uint64_t *quotient) noexcept nogil:
    cdef Parts x, y, r
    fp_unpack(st, fmt, a, &x)
    fp_unpack(st, fmt, b, &y)
    parts_rem(st, &x, &y, truncate, quotient, &r)
    return pack_exact(st, fmt, &r)


cdef Float80 pack_exact(FPStatus *st, uint8_t fmt, const Parts *p) noexcept nogil:
    """Pack a number that the format can hold, whatever the x87 precision."""
    cdef uint8_t saved = st.x87_precision
    cdef Float80 r
    st.x87_precision = 80
    r = fp_pack(st, fmt, p, 0)
    st.x87_precision = saved
    return r


cdef Float80 do_sqrt(FPStatus *st, uint8_t fmt, Float80 a, uint8_t rm) noexcept nogil:
    cdef Parts x, r
    fp_unpack(st, fmt, a, &x)
    parts_sqrt(st, &x, &r)
    return fp_pack(st, fmt, &r, resolve(st, rm))


cdef Float80 do_fused(FPStatus *st, uint8_t fmt, Float80 a, Float80 b, Float80 c, uint8_t how,
                      uint8_t rm) noexcept nogil:
    cdef Parts x, y, z, r
    cdef Float80 out
    rm = resolve(st, rm)
    fp_unpack(st, fmt, a, &x)
    fp_unpack(st, fmt, b, &y)
    fp_unpack(st, fmt, c, &z)
    parts_muladd(st, &x, &y, &z, how, rm, &r)
    out = fp_pack(st, fmt, &r, rm)
    if how & FP_MA_NEG_RESULT and not fp_is_nan(&r):
        if fmt == FP_F80:
            out.exp ^= 0x8000
        else:
            out.sig ^= <uint64_t>0x8000 << ((1 << (fmt + 4)) - 16)
    return out


cdef int do_compare(FPStatus *st, uint8_t fmt, Float80 a, Float80 b,
                    bint signalling) noexcept nogil:
    cdef Parts x, y
    fp_unpack(st, fmt, a, &x)
    fp_unpack(st, fmt, b, &y)
    return parts_compare(st, &x, &y, signalling)


cdef Float80 do_pick(FPStatus *st, uint8_t fmt, Float80 a, Float80 b, uint8_t how) noexcept nogil:
    cdef Parts x, y, r
    cdef int which
    fp_unpack(st, fmt, a, &x)
    fp_unpack(st, fmt, b, &y)
    which = parts_minmax(st, &x, &y, how, &r)
    if which == 2:
        return fp_pack(st, fmt, &r, 0)
    if st.flush_inputs != FP_DAZ_OFF:
        # A denormal that was taken for zero comes out as zero.
        if which == 0 and not fp_is_nan(&x):
            return pack_exact(st, fmt, &x)
        if which == 1 and not fp_is_nan(&y):
            return pack_exact(st, fmt, &y)
    return a if which == 0 else b


cdef Float80 do_integral(FPStatus *st, uint8_t fmt, Float80 a, uint8_t rm,
                         bint exact) noexcept nogil:
    cdef Parts x
    fp_unpack(st, fmt, a, &x)
    if fmt == FP_F80:
        # FRNDINT reports a denormal operand, ROUNDSD does not (Intel SDM vol. 2).
        fp_note_denormal(st, x.denormal)
    parts_round_to_int(st, &x, resolve(st, rm), exact)
    return pack_exact(st, fmt, &x)


cdef uint64_t do_to_int(FPStatus *st, uint8_t fmt, Float80 a, bint is_signed, uint8_t bits,
                        uint8_t rm, uint8_t rule) noexcept nogil:
    cdef Parts x
    fp_unpack(st, fmt, a, &x)
    return parts_to_int(st, &x, is_signed, bits, resolve(st, rm), rule)


cdef Float80 do_convert(FPStatus *st, uint8_t from_fmt, uint8_t to_fmt, Float80 a,
                        uint8_t rm) noexcept nogil:
    cdef Parts x, r
    fp_unpack(st, from_fmt, a, &x)
    if fp_is_nan(&x):
        fp_nan1(st, &x, &r)
        return fp_pack(st, to_fmt, &r, 0)
    if from_fmt != FP_F80:
        # CVTSD2SS and FLD report a denormal operand, FST does not (Intel SDM vol. 2).
        fp_note_denormal(st, x.denormal)
    if to_fmt == FP_F80:
        return pack_exact(st, to_fmt, &x)
    return fp_pack(st, to_fmt, &x, resolve(st, rm))


cdef uint32_t do_class(FPStatus *st, uint8_t fmt, Float80 a) noexcept nogil:
    cdef Parts x
    # A class is a property of the bits: look at them without flushing and without flags.
    cdef FPStatus plain = st[0]
    plain.flush_inputs = FP_DAZ_OFF
    fp_unpack(&plain, fmt, a, &x)
    return parts_classify(&x)


# ---- binary16, 32, 64

cdef uint64_t soft_arith(FPStatus *st, uint8_t fmt, uint8_t op, uint64_t a, uint64_t b,
                         uint8_t rm) noexcept nogil:
    return do_arith(st, fmt, op, small(a), small(b), rm).sig


cdef uint64_t soft_remainder(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b, bint truncate,
                             uint64_t *quotient) noexcept nogil:
    return do_remainder(st, fmt, small(a), small(b), truncate, quotient).sig


cdef uint64_t soft_squareroot(FPStatus *st, uint8_t fmt, uint64_t a, uint8_t rm) noexcept nogil:
    return do_sqrt(st, fmt, small(a), rm).sig


cdef uint64_t soft_fused(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b, uint64_t c,
                         uint8_t how, uint8_t rm) noexcept nogil:
    return do_fused(st, fmt, small(a), small(b), small(c), how, rm).sig


cdef int soft_compare(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b,
                      bint signalling) noexcept nogil:
    return do_compare(st, fmt, small(a), small(b), signalling)


cdef uint64_t soft_pick(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b,
                        uint8_t how) noexcept nogil:
    return do_pick(st, fmt, small(a), small(b), how).sig


cdef uint64_t soft_integral(FPStatus *st, uint8_t fmt, uint64_t a, uint8_t rm,
                            bint exact) noexcept nogil:
    return do_integral(st, fmt, small(a), rm, exact).sig


cdef uint32_t soft_class(FPStatus *st, uint8_t fmt, uint64_t a) noexcept nogil:
    return do_class(st, fmt, small(a))


cdef uint64_t soft_to_int(FPStatus *st, uint8_t fmt, uint64_t a, bint is_signed, uint8_t bits,
                          uint8_t rm, uint8_t rule) noexcept nogil:
    return do_to_int(st, fmt, small(a), is_signed, bits, rm, rule)


cdef uint64_t soft_from_int(FPStatus *st, uint8_t fmt, bint negative, uint64_t magnitude,
                            uint8_t rm) noexcept nogil:
    cdef Parts x
    parts_from_int(negative, magnitude, &x)
    return fp_pack(st, fmt, &x, resolve(st, rm)).sig


cdef uint64_t soft_convert(FPStatus *st, uint8_t from_fmt, uint8_t to_fmt, uint64_t a,
                           uint8_t rm) noexcept nogil:
    return do_convert(st, from_fmt, to_fmt, small(a), rm).sig


cdef uint64_t soft_default_nan(FPStatus *st, uint8_t fmt) noexcept nogil:
    cdef Parts x
    fp_default_nan(st, &x)
    return fp_pack(st, fmt, &x, 0).sig


# ---- 80-bit

cdef Float80 soft_arith_f80(FPStatus *st, uint8_t op, Float80 a, Float80 b,
                            uint8_t rm) noexcept nogil:
    return do_arith(st, FP_F80, op, a, b, rm)


cdef Float80 soft_remainder_f80(FPStatus *st, Float80 a, Float80 b, bint truncate,
                                uint64_t *quotient) noexcept nogil:
    return do_remainder(st, FP_F80, a, b, truncate, quotient)


cdef Float80 soft_squareroot_f80(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil:
    return do_sqrt(st, FP_F80, a, rm)


cdef Float80 soft_fused_f80(FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t how,
                            uint8_t rm) noexcept nogil:
    return do_fused(st, FP_F80, a, b, c, how, rm)


cdef int soft_compare_f80(FPStatus *st, Float80 a, Float80 b, bint signalling) noexcept nogil:
    return do_compare(st, FP_F80, a, b, signalling)


cdef Float80 soft_pick_f80(FPStatus *st, Float80 a, Float80 b, uint8_t how) noexcept nogil:
    return do_pick(st, FP_F80, a, b, how)


cdef Float80 soft_integral_f80(FPStatus *st, Float80 a, uint8_t rm, bint exact) noexcept nogil:
    return do_integral(st, FP_F80, a, rm, exact)


cdef uint32_t soft_class_f80(FPStatus *st, Float80 a) noexcept nogil:
    return do_class(st, FP_F80, a)


cdef uint64_t soft_to_int_f80(FPStatus *st, Float80 a, bint is_signed, uint8_t bits, uint8_t rm,
                              uint8_t rule) noexcept nogil:
    return do_to_int(st, FP_F80, a, is_signed, bits, rm, rule)


cdef Float80 soft_from_int_f80(FPStatus *st, bint negative, uint64_t magnitude,
                               uint8_t rm) noexcept nogil:
    cdef Parts x
    parts_from_int(negative, magnitude, &x)
    return pack_exact(st, FP_F80, &x)


cdef Float80 soft_convert_to_f80(FPStatus *st, uint8_t from_fmt, uint64_t a,
                                 uint8_t rm) noexcept nogil:
    return do_convert(st, from_fmt, FP_F80, small(a), rm)


cdef uint64_t soft_convert_from_f80(FPStatus *st, uint8_t to_fmt, Float80 a,
                                    uint8_t rm) noexcept nogil:
    return do_convert(st, FP_F80, to_fmt, a, rm).sig


cdef Float80 soft_default_nan_f80(FPStatus *st) noexcept nogil:
    cdef Parts x
    fp_default_nan(st, &x)
    return fp_pack(st, FP_F80, &x, 0)
