# Exact software floating point on raw bit patterns: binary16/32/64 and the 80-bit format.
#
# What lives here: generic entry points (the format is an argument) and their named inline forms
# soft_add64(), soft_f32_to_i64() and so on. What does not: the algorithms (parts.pyx, softmath.pyx,
# softconv.pyx) and the host FPU (host.pxd). Who calls it: host.pxd when the host's result is not
# good enough, guests for formats the host does not have, and tests.
#
# Every function reads the modes of `st` and ORs what it raises into st.flags. `rm` is a rounding
# mode FP_RNE..FP_RTO or FP_RM_DYN for st.rounding.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.fp.status cimport FPStatus, FP_F16, FP_F32, FP_F64, FP_F80


ctypedef struct Float80:
    uint64_t sig        # significand, integer bit included
    uint16_t exp        # sign in bit 15, biased exponent below

# soft_arith
cdef enum:
    FP_OP_ADD = 0
    FP_OP_SUB = 1
    FP_OP_MUL = 2
    FP_OP_DIV = 3

# soft_muladd: bits of `how`, a * b + c. They change the sign of numbers and never that of a NaN
# result: a guest whose instruction negates the operand first (Arm FMSUB) flips the bit itself.
cdef enum:
    FP_MA_ADD = 0
    FP_MA_NEG_PRODUCT = 1
    FP_MA_NEG_C = 2
    FP_MA_NEG_RESULT = 4    # after rounding (Power ISA fnmadd)
    FP_MA_HALVE = 8         # halve before rounding (Arm FRSQRTS)

# soft_compare
cdef enum:
    FP_LT = -1
    FP_EQ = 0
    FP_GT = 1
    FP_UNORDERED = 2

# soft_minmax: a flavour, plus FP_MM_MAX for the maximum, plus FP_MM_MAG to compare magnitudes.
# In all but the x86 flavour -0 is less than +0 and a signalling NaN raises NV.
cdef enum:
    FP_MM_NUMBER = 0        # IEEE 754-2019 minimumNumber: any NaN loses to a number (RISC-V fmin)
    FP_MM_NUM2008 = 1       # IEEE 754-2008 minNum: a quiet NaN loses, a signalling one gives a NaN
    FP_MM_NAN = 2           # IEEE 754-2019 minimum: a NaN wins (Arm FMIN, RISC-V fminm)
    FP_MM_X86 = 3           # b unless a < b: for NaN (NV even if quiet) and for two zeros too
    FP_MM_FLAVOUR = 3
    FP_MM_MAX = 4
    FP_MM_MAG = 8

# Conversions to integers: the result when the value does not fit (NV, and NX is not raised).
cdef enum:
    FP_INT_RISCV = 0        # saturate, NaN gives the maximum
    FP_INT_SAT = 1          # saturate, NaN gives 0 (Arm)
    FP_INT_X86 = 2          # always 0x80..0 signed, all ones unsigned ("integer indefinite")
    FP_INT_MIPS = 3         # always the maximum (MIPS legacy)
    FP_INT_NAN_MIN = 4      # saturate, NaN gives the minimum (Power ISA, MIPS 2008 is FP_INT_SAT)
    FP_INT_RULE = 7
    FP_INT_QUIET_NX = 8     # added: do not raise NX when in range


# ---- generic entry points; `fmt` is FP_F16, FP_F32 or FP_F64, raw bits in the low end

cdef uint64_t soft_arith(FPStatus *st, uint8_t fmt, uint8_t op, uint64_t a, uint64_t b,
                         uint8_t rm) noexcept nogil
cdef Float80 soft_arith_f80(FPStatus *st, uint8_t op, Float80 a, Float80 b,
                            uint8_t rm) noexcept nogil
# Remainder a - n * b, n = a / b rounded to nearest even (IEEE) or, if `truncate`, towards zero (C's
# fmod, x87 FPREM). If `quotient` is not NULL it receives the low 64 bits of |n|.
cdef uint64_t soft_remainder(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b, bint truncate,
                             uint64_t *quotient) noexcept nogil
cdef Float80 soft_remainder_f80(FPStatus *st, Float80 a, Float80 b, bint truncate,
                                uint64_t *quotient) noexcept nogil
cdef uint64_t soft_squareroot(FPStatus *st, uint8_t fmt, uint64_t a, uint8_t rm) noexcept nogil
cdef Float80 soft_squareroot_f80(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil
cdef uint64_t soft_fused(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b, uint64_t c,
                         uint8_t how, uint8_t rm) noexcept nogil
cdef Float80 soft_fused_f80(FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t how,
                            uint8_t rm) noexcept nogil
# FP_LT..FP_UNORDERED. A quiet NaN raises NV only if `signalling`.
cdef int soft_compare(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b,
                      bint signalling) noexcept nogil
cdef int soft_compare_f80(FPStatus *st, Float80 a, Float80 b, bint signalling) noexcept nogil
cdef uint64_t soft_pick(FPStatus *st, uint8_t fmt, uint64_t a, uint64_t b,
                        uint8_t how) noexcept nogil
cdef Float80 soft_pick_f80(FPStatus *st, Float80 a, Float80 b, uint8_t how) noexcept nogil
# Round to an integral value in the same format; NX only if `exact`.
cdef uint64_t soft_integral(FPStatus *st, uint8_t fmt, uint64_t a, uint8_t rm,
                            bint exact) noexcept nogil
cdef Float80 soft_integral_f80(FPStatus *st, Float80 a, uint8_t rm, bint exact) noexcept nogil
# One bit as RISC-V's fclass: 0 -inf, 1 -normal, 2 -subnormal, 3 -0, 4 +0, 5 +subnormal, 6 +normal,
# 7 +inf, 8 signalling NaN, 9 quiet NaN. No flags.
cdef uint32_t soft_class(FPStatus *st, uint8_t fmt, uint64_t a) noexcept nogil
cdef uint32_t soft_class_f80(FPStatus *st, Float80 a) noexcept nogil
# To integers of `bits` 8..64; a narrower signed result is sign extended to 64 bits.
cdef uint64_t soft_to_int(FPStatus *st, uint8_t fmt, uint64_t a, bint is_signed, uint8_t bits,
                          uint8_t rm, uint8_t rule) noexcept nogil
cdef uint64_t soft_to_int_f80(FPStatus *st, Float80 a, bint is_signed, uint8_t bits, uint8_t rm,
                              uint8_t rule) noexcept nogil
# From sign and magnitude.
cdef uint64_t soft_from_int(FPStatus *st, uint8_t fmt, bint negative, uint64_t magnitude,
                            uint8_t rm) noexcept nogil
cdef Float80 soft_from_int_f80(FPStatus *st, bint negative, uint64_t magnitude,
                               uint8_t rm) noexcept nogil
cdef uint64_t soft_convert(FPStatus *st, uint8_t from_fmt, uint8_t to_fmt, uint64_t a,
                           uint8_t rm) noexcept nogil
cdef Float80 soft_convert_to_f80(FPStatus *st, uint8_t from_fmt, uint64_t a,
                                 uint8_t rm) noexcept nogil
cdef uint64_t soft_convert_from_f80(FPStatus *st, uint8_t to_fmt, Float80 a,
                                    uint8_t rm) noexcept nogil
# The default NaN of st.nan_rule.
cdef uint64_t soft_default_nan(FPStatus *st, uint8_t fmt) noexcept nogil
cdef Float80 soft_default_nan_f80(FPStatus *st) noexcept nogil


# ---- f16

cdef inline uint16_t soft_add16(FPStatus *st, uint16_t a, uint16_t b, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_arith(st, FP_F16, FP_OP_ADD, a, b, rm)


cdef inline uint16_t soft_sub16(FPStatus *st, uint16_t a, uint16_t b, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_arith(st, FP_F16, FP_OP_SUB, a, b, rm)


cdef inline uint16_t soft_mul16(FPStatus *st, uint16_t a, uint16_t b, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_arith(st, FP_F16, FP_OP_MUL, a, b, rm)


cdef inline uint16_t soft_div16(FPStatus *st, uint16_t a, uint16_t b, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_arith(st, FP_F16, FP_OP_DIV, a, b, rm)


cdef inline uint16_t soft_rem16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return <uint16_t>soft_remainder(st, FP_F16, a, b, False, NULL)


cdef inline uint16_t soft_sqrt16(FPStatus *st, uint16_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_squareroot(st, FP_F16, a, rm)


cdef inline uint16_t soft_muladd16(FPStatus *st, uint16_t a, uint16_t b, uint16_t c, uint8_t how,
                                  uint8_t rm) noexcept nogil:
    return <uint16_t>soft_fused(st, FP_F16, a, b, c, how, rm)


cdef inline bint soft_eq16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, False) == FP_EQ


cdef inline bint soft_lt16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, True) == FP_LT


cdef inline bint soft_le16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, True) <= FP_EQ


cdef inline bint soft_eq_sig16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, True) == FP_EQ


cdef inline bint soft_lt_quiet16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, False) == FP_LT


cdef inline bint soft_le_quiet16(FPStatus *st, uint16_t a, uint16_t b) noexcept nogil:
    return soft_compare(st, FP_F16, a, b, False) <= FP_EQ


cdef inline uint16_t soft_minmax16(FPStatus *st, uint16_t a, uint16_t b,
                                   uint8_t how) noexcept nogil:
    return <uint16_t>soft_pick(st, FP_F16, a, b, how)


cdef inline uint16_t soft_round_to_int16(FPStatus *st, uint16_t a, uint8_t rm,
                                         bint exact) noexcept nogil:
    return <uint16_t>soft_integral(st, FP_F16, a, rm, exact)


cdef inline uint32_t soft_classify16(FPStatus *st, uint16_t a) noexcept nogil:
    return soft_class(st, FP_F16, a)


cdef inline int32_t soft_f16_to_i32(FPStatus *st, uint16_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int32_t>soft_to_int(st, FP_F16, a, True, 32, rm, rule)


cdef inline uint16_t soft_i32_to_f16(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_from_int(st, FP_F16, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t soft_f16_to_ui32(FPStatus *st, uint16_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint32_t>soft_to_int(st, FP_F16, a, False, 32, rm, rule)


cdef inline uint16_t soft_ui32_to_f16(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_from_int(st, FP_F16, False, a, rm)


cdef inline int64_t soft_f16_to_i64(FPStatus *st, uint16_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int64_t>soft_to_int(st, FP_F16, a, True, 64, rm, rule)


cdef inline uint16_t soft_i64_to_f16(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_from_int(st, FP_F16, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t soft_f16_to_ui64(FPStatus *st, uint16_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint64_t>soft_to_int(st, FP_F16, a, False, 64, rm, rule)


cdef inline uint16_t soft_ui64_to_f16(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_from_int(st, FP_F16, False, a, rm)


cdef inline uint32_t soft_f16_to_f32(FPStatus *st, uint16_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_convert(st, FP_F16, FP_F32, a, rm)


cdef inline uint64_t soft_f16_to_f64(FPStatus *st, uint16_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_convert(st, FP_F16, FP_F64, a, rm)


cdef inline Float80 soft_f16_to_f80(FPStatus *st, uint16_t a, uint8_t rm) noexcept nogil:
    return soft_convert_to_f80(st, FP_F16, a, rm)


# ---- f32

cdef inline uint32_t soft_add32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_ADD, a, b, rm)


cdef inline uint32_t soft_sub32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_SUB, a, b, rm)


cdef inline uint32_t soft_mul32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_MUL, a, b, rm)


cdef inline uint32_t soft_div32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_DIV, a, b, rm)


cdef inline uint32_t soft_rem32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return <uint32_t>soft_remainder(st, FP_F32, a, b, False, NULL)


cdef inline uint32_t soft_sqrt32(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_squareroot(st, FP_F32, a, rm)


cdef inline uint32_t soft_muladd32(FPStatus *st, uint32_t a, uint32_t b, uint32_t c, uint8_t how,
                                  uint8_t rm) noexcept nogil:
    return <uint32_t>soft_fused(st, FP_F32, a, b, c, how, rm)


cdef inline bint soft_eq32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, False) == FP_EQ


cdef inline bint soft_lt32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, True) == FP_LT


cdef inline bint soft_le32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, True) <= FP_EQ


cdef inline bint soft_eq_sig32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, True) == FP_EQ


cdef inline bint soft_lt_quiet32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, False) == FP_LT


cdef inline bint soft_le_quiet32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    return soft_compare(st, FP_F32, a, b, False) <= FP_EQ


cdef inline uint32_t soft_minmax32(FPStatus *st, uint32_t a, uint32_t b,
                                   uint8_t how) noexcept nogil:
    return <uint32_t>soft_pick(st, FP_F32, a, b, how)


cdef inline uint32_t soft_round_to_int32(FPStatus *st, uint32_t a, uint8_t rm,
                                         bint exact) noexcept nogil:
    return <uint32_t>soft_integral(st, FP_F32, a, rm, exact)


cdef inline uint32_t soft_classify32(FPStatus *st, uint32_t a) noexcept nogil:
    return soft_class(st, FP_F32, a)


cdef inline int32_t soft_f32_to_i32(FPStatus *st, uint32_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int32_t>soft_to_int(st, FP_F32, a, True, 32, rm, rule)


cdef inline uint32_t soft_i32_to_f32(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_from_int(st, FP_F32, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t soft_f32_to_ui32(FPStatus *st, uint32_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint32_t>soft_to_int(st, FP_F32, a, False, 32, rm, rule)


cdef inline uint32_t soft_ui32_to_f32(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_from_int(st, FP_F32, False, a, rm)


cdef inline int64_t soft_f32_to_i64(FPStatus *st, uint32_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int64_t>soft_to_int(st, FP_F32, a, True, 64, rm, rule)


cdef inline uint32_t soft_i64_to_f32(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_from_int(st, FP_F32, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t soft_f32_to_ui64(FPStatus *st, uint32_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint64_t>soft_to_int(st, FP_F32, a, False, 64, rm, rule)


cdef inline uint32_t soft_ui64_to_f32(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_from_int(st, FP_F32, False, a, rm)


cdef inline uint16_t soft_f32_to_f16(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_convert(st, FP_F32, FP_F16, a, rm)


cdef inline uint64_t soft_f32_to_f64(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_convert(st, FP_F32, FP_F64, a, rm)


cdef inline Float80 soft_f32_to_f80(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return soft_convert_to_f80(st, FP_F32, a, rm)


# ---- f64

cdef inline uint64_t soft_add64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_ADD, a, b, rm)


cdef inline uint64_t soft_sub64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_SUB, a, b, rm)


cdef inline uint64_t soft_mul64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_MUL, a, b, rm)


cdef inline uint64_t soft_div64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_DIV, a, b, rm)


cdef inline uint64_t soft_rem64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return <uint64_t>soft_remainder(st, FP_F64, a, b, False, NULL)


cdef inline uint64_t soft_sqrt64(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_squareroot(st, FP_F64, a, rm)


cdef inline uint64_t soft_muladd64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint8_t how,
                                  uint8_t rm) noexcept nogil:
    return <uint64_t>soft_fused(st, FP_F64, a, b, c, how, rm)


cdef inline bint soft_eq64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, False) == FP_EQ


cdef inline bint soft_lt64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, True) == FP_LT


cdef inline bint soft_le64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, True) <= FP_EQ


cdef inline bint soft_eq_sig64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, True) == FP_EQ


cdef inline bint soft_lt_quiet64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, False) == FP_LT


cdef inline bint soft_le_quiet64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    return soft_compare(st, FP_F64, a, b, False) <= FP_EQ


cdef inline uint64_t soft_minmax64(FPStatus *st, uint64_t a, uint64_t b,
                                   uint8_t how) noexcept nogil:
    return <uint64_t>soft_pick(st, FP_F64, a, b, how)


cdef inline uint64_t soft_round_to_int64(FPStatus *st, uint64_t a, uint8_t rm,
                                         bint exact) noexcept nogil:
    return <uint64_t>soft_integral(st, FP_F64, a, rm, exact)


cdef inline uint32_t soft_classify64(FPStatus *st, uint64_t a) noexcept nogil:
    return soft_class(st, FP_F64, a)


cdef inline int32_t soft_f64_to_i32(FPStatus *st, uint64_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int32_t>soft_to_int(st, FP_F64, a, True, 32, rm, rule)


cdef inline uint64_t soft_i32_to_f64(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_from_int(st, FP_F64, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t soft_f64_to_ui32(FPStatus *st, uint64_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint32_t>soft_to_int(st, FP_F64, a, False, 32, rm, rule)


cdef inline uint64_t soft_ui32_to_f64(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_from_int(st, FP_F64, False, a, rm)


cdef inline int64_t soft_f64_to_i64(FPStatus *st, uint64_t a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int64_t>soft_to_int(st, FP_F64, a, True, 64, rm, rule)


cdef inline uint64_t soft_i64_to_f64(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_from_int(st, FP_F64, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t soft_f64_to_ui64(FPStatus *st, uint64_t a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint64_t>soft_to_int(st, FP_F64, a, False, 64, rm, rule)


cdef inline uint64_t soft_ui64_to_f64(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_from_int(st, FP_F64, False, a, rm)


cdef inline uint16_t soft_f64_to_f16(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_convert(st, FP_F64, FP_F16, a, rm)


cdef inline uint32_t soft_f64_to_f32(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_convert(st, FP_F64, FP_F32, a, rm)


cdef inline Float80 soft_f64_to_f80(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return soft_convert_to_f80(st, FP_F64, a, rm)


# ---- f80

cdef inline Float80 soft_add80(FPStatus *st, Float80 a, Float80 b, uint8_t rm) noexcept nogil:
    return soft_arith_f80(st, FP_OP_ADD, a, b, rm)


cdef inline Float80 soft_sub80(FPStatus *st, Float80 a, Float80 b, uint8_t rm) noexcept nogil:
    return soft_arith_f80(st, FP_OP_SUB, a, b, rm)


cdef inline Float80 soft_mul80(FPStatus *st, Float80 a, Float80 b, uint8_t rm) noexcept nogil:
    return soft_arith_f80(st, FP_OP_MUL, a, b, rm)


cdef inline Float80 soft_div80(FPStatus *st, Float80 a, Float80 b, uint8_t rm) noexcept nogil:
    return soft_arith_f80(st, FP_OP_DIV, a, b, rm)


cdef inline Float80 soft_rem80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_remainder_f80(st, a, b, False, NULL)


cdef inline Float80 soft_sqrt80(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil:
    return soft_squareroot_f80(st, a, rm)


cdef inline Float80 soft_muladd80(FPStatus *st, Float80 a, Float80 b, Float80 c, uint8_t how,
                                 uint8_t rm) noexcept nogil:
    return soft_fused_f80(st, a, b, c, how, rm)


cdef inline bint soft_eq80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, False) == FP_EQ


cdef inline bint soft_lt80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, True) == FP_LT


cdef inline bint soft_le80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, True) <= FP_EQ


cdef inline bint soft_eq_sig80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, True) == FP_EQ


cdef inline bint soft_lt_quiet80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, False) == FP_LT


cdef inline bint soft_le_quiet80(FPStatus *st, Float80 a, Float80 b) noexcept nogil:
    return soft_compare_f80(st, a, b, False) <= FP_EQ


cdef inline Float80 soft_minmax80(FPStatus *st, Float80 a, Float80 b, uint8_t how) noexcept nogil:
    return soft_pick_f80(st, a, b, how)


cdef inline Float80 soft_round_to_int80(FPStatus *st, Float80 a, uint8_t rm,
                                        bint exact) noexcept nogil:
    return soft_integral_f80(st, a, rm, exact)


cdef inline uint32_t soft_classify80(FPStatus *st, Float80 a) noexcept nogil:
    return soft_class_f80(st, a)


cdef inline int32_t soft_f80_to_i32(FPStatus *st, Float80 a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int32_t>soft_to_int_f80(st, a, True, 32, rm, rule)


cdef inline Float80 soft_i32_to_f80(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    return soft_from_int_f80(st, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t soft_f80_to_ui32(FPStatus *st, Float80 a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint32_t>soft_to_int_f80(st, a, False, 32, rm, rule)


cdef inline Float80 soft_ui32_to_f80(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    return soft_from_int_f80(st, False, a, rm)


cdef inline int64_t soft_f80_to_i64(FPStatus *st, Float80 a, uint8_t rm,
                                    uint8_t rule) noexcept nogil:
    return <int64_t>soft_to_int_f80(st, a, True, 64, rm, rule)


cdef inline Float80 soft_i64_to_f80(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    return soft_from_int_f80(st, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t soft_f80_to_ui64(FPStatus *st, Float80 a, uint8_t rm,
                                      uint8_t rule) noexcept nogil:
    return <uint64_t>soft_to_int_f80(st, a, False, 64, rm, rule)


cdef inline Float80 soft_ui64_to_f80(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    return soft_from_int_f80(st, False, a, rm)


cdef inline uint16_t soft_f80_to_f16(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil:
    return <uint16_t>soft_convert_from_f80(st, FP_F16, a, rm)


cdef inline uint32_t soft_f80_to_f32(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil:
    return <uint32_t>soft_convert_from_f80(st, FP_F32, a, rm)


cdef inline uint64_t soft_f80_to_f64(FPStatus *st, Float80 a, uint8_t rm) noexcept nogil:
    return <uint64_t>soft_convert_from_f80(st, FP_F64, a, rm)
