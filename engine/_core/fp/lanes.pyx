# Floating-point lanes of 128-bit vectors, see lanes.pxd.
from engine._core.base.types cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from engine._core.base.vec128 cimport V128, v_ext, v_ins, v_set
from engine._core.fp.host cimport *
from engine._core.fp.soft cimport (FP_EQ, FP_LT, FP_MM_MAX, FP_MM_X86, FP_UNORDERED, soft_compare,
                                   soft_integral, soft_pick)
from engine._core.fp.status cimport FP_F32, FP_F64, FP_RM_DYN, FPStatus

cdef enum:
    OP_ADD = 0
    OP_SUB = 1
    OP_MUL = 2
    OP_DIV = 3
    OP_MIN = 4
    OP_MAX = 5
    OP_SQRT = 6


cdef inline bint is_double(uint32_t n) noexcept nogil:
    return n & 3 == 3


cdef inline uint8_t format_of(uint32_t n) noexcept nogil:
    return FP_F64 if is_double(n) else FP_F32


cdef inline uint32_t log2_of(uint32_t n) noexcept nogil:
    return 3 if is_double(n) else 2


cdef inline uint32_t count_of(uint32_t n) noexcept nogil:
    return 1 if n & V_LANE0 else (2 if is_double(n) else 4)


cdef uint64_t one64(FPStatus *st, uint32_t op, uint64_t a, uint64_t b) noexcept nogil:
    if op == OP_ADD:
        return fp_add64(st, a, b, FP_RM_DYN)
    if op == OP_SUB:
        return fp_sub64(st, a, b, FP_RM_DYN)
    if op == OP_MUL:
        return fp_mul64(st, a, b, FP_RM_DYN)
    if op == OP_DIV:
        return fp_div64(st, a, b, FP_RM_DYN)
    if op == OP_SQRT:
        return fp_sqrt64(st, b, FP_RM_DYN)
    return soft_pick(st, FP_F64, a, b, FP_MM_X86 | (FP_MM_MAX if op == OP_MAX else 0))


cdef uint32_t one32(FPStatus *st, uint32_t op, uint32_t a, uint32_t b) noexcept nogil:
    if op == OP_ADD:
        return fp_add32(st, a, b, FP_RM_DYN)
    if op == OP_SUB:
        return fp_sub32(st, a, b, FP_RM_DYN)
    if op == OP_MUL:
        return fp_mul32(st, a, b, FP_RM_DYN)
    if op == OP_DIV:
        return fp_div32(st, a, b, FP_RM_DYN)
    if op == OP_SQRT:
        return fp_sqrt32(st, b, FP_RM_DYN)
    return <uint32_t>soft_pick(st, FP_F32, a, b, FP_MM_X86 | (FP_MM_MAX if op == OP_MAX else 0))


cdef V128 each(FPStatus *st, uint32_t op, V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef uint32_t i, log2 = log2_of(n)
    cdef uint64_t x, y
    cdef V128 r = a
    for i in range(count_of(n)):
        x = v_ext(a, i, log2)
        y = v_ext(b, i, log2)
        r = v_ins(r, one64(st, op, x, y) if log2 == 3
                  else one32(st, op, <uint32_t>x, <uint32_t>y), i, log2)
    return r


cdef V128 v_fadd(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_ADD, a, b, n)


cdef V128 v_fsub(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_SUB, a, b, n)


cdef V128 v_fmul(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_MUL, a, b, n)


cdef V128 v_fdiv(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_DIV, a, b, n)


cdef V128 v_fmin(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_MIN, a, b, n)


cdef V128 v_fmax(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_MAX, a, b, n)


cdef V128 v_fsqrt(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    return each(st, OP_SQRT, a, b, n)


cdef V128 v_fma(FPStatus *st, V128 a, V128 b, V128 c, uint32_t n) noexcept nogil:
    cdef uint32_t i, log2 = log2_of(n), how = n >> V_HOW_SHIFT & 3
    cdef uint64_t x, y, z
    cdef V128 r = a
    for i in range(count_of(n)):
        x = v_ext(a, i, log2)
        y = v_ext(b, i, log2)
        z = v_ext(c, i, log2)
        r = v_ins(r, fp_muladd64(st, x, y, z, how, FP_RM_DYN) if log2 == 3
                  else fp_muladd32(st, <uint32_t>x, <uint32_t>y, <uint32_t>z, how, FP_RM_DYN),
                  i, log2)
    return r


cdef V128 v_fround(FPStatus *st, V128 a, V128 b, uint32_t rm, uint32_t n) noexcept nogil:
    cdef uint32_t i, log2 = log2_of(n)
    cdef V128 r = a
    for i in range(count_of(n)):
        r = v_ins(r, soft_integral(st, format_of(n), v_ext(b, i, log2), <uint8_t>rm,
                                   not n & V_QUIET_NX), i, log2)
    return r


cdef inline int order(FPStatus *st, V128 a, V128 b, uint32_t n, uint32_t i) noexcept nogil:
    return soft_compare(st, format_of(n), v_ext(a, i, log2_of(n)), v_ext(b, i, log2_of(n)),
                        n & V_SIGNALLING != 0)


cdef V128 v_fcmp(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef uint32_t i, outcome
    cdef V128 r = a
    for i in range(count_of(n)):
        outcome = 1u << <uint32_t>(order(st, a, b, n, i) - FP_LT)
        r = v_ins(r, 0xffffffffffffffffULL if (n >> V_HOW_SHIFT) & outcome else 0, i, log2_of(n))
    return r


cdef uint64_t v_fcomp(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef int r = order(st, a, b, n, 0)
    return 69 if r == FP_UNORDERED else (64 if r == FP_EQ else r == FP_LT)


cdef V128 v_fcvt(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil:
    cdef uint32_t i, out = 2 if is_double(n) else 3
    cdef V128 r = a if n & V_LANE0 else v_set(0, 0)
    for i in range(1 if n & V_LANE0 else 2):
        r = v_ins(r, fp_f64_to_f32(st, v_ext(b, i, 3), FP_RM_DYN) if is_double(n)
                  else fp_f32_to_f64(st, <uint32_t>v_ext(b, i, 2), FP_RM_DYN), i, out)
    return r


cdef V128 v_fromi(FPStatus *st, V128 b, uint32_t n) noexcept nogil:
    cdef uint32_t i
    cdef int32_t v
    cdef V128 r = v_set(0, 0)
    for i in range(2 if is_double(n) else 4):
        v = <int32_t>v_ext(b, i, 2)
        r = v_ins(r, fp_i32_to_f64(st, v, FP_RM_DYN) if is_double(n)
                  else fp_i32_to_f32(st, v, FP_RM_DYN), i, log2_of(n))
    return r


cdef V128 v_fset(FPStatus *st, V128 a, uint64_t b, uint32_t n) noexcept nogil:
    cdef int64_t v = <int64_t>b if n & V_INT64 else <int32_t>b
    return v_ins(a, fp_i64_to_f64(st, v, FP_RM_DYN) if is_double(n)
                 else fp_i64_to_f32(st, v, FP_RM_DYN), 0, log2_of(n))


cdef inline uint8_t rule_of(uint32_t n) noexcept nogil:
    return <uint8_t>((n >> V_HOW_SHIFT) & 7)


cdef inline uint32_t to_i32(FPStatus *st, uint64_t a, uint32_t rm, uint32_t n) noexcept nogil:
    if is_double(n):
        return <uint32_t>fp_f64_to_i32(st, a, <uint8_t>rm, rule_of(n))
    return <uint32_t>fp_f32_to_i32(st, <uint32_t>a, <uint8_t>rm, rule_of(n))


cdef V128 v_ftoi(FPStatus *st, V128 a, uint32_t rm, uint32_t n) noexcept nogil:
    cdef uint32_t i
    cdef V128 r = v_set(0, 0)
    for i in range(2 if is_double(n) else 4):
        r = v_ins(r, to_i32(st, v_ext(a, i, log2_of(n)), rm, n), i, 2)
    return r


cdef uint64_t v_fget(FPStatus *st, V128 a, uint32_t rm, uint32_t n) noexcept nogil:
    if not n & V_INT64:
        return to_i32(st, a.lo, rm, n)
    if is_double(n):
        return <uint64_t>fp_f64_to_i64(st, a.lo, <uint8_t>rm, rule_of(n))
    return <uint64_t>fp_f32_to_i64(st, <uint32_t>a.lo, <uint8_t>rm, rule_of(n))
