# What the meanings of floating-point ops in ir/ops.tab need beyond fp/host.pxd.
# Lives here: the comparison selected by a constant. Called by: back ends.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.fp.status cimport FPStatus, FP_F32, FP_F64
from engine._core.fp.soft cimport soft_compare, FP_EQ, FP_LT
from engine._core.fp.host cimport (fp_eq32, fp_eq64, fp_le32, fp_le64, fp_lt32, fp_lt64)


# n: 0 equal (quiet), 1 less, 2 less or equal (signalling); 4..6: signalling equal, the others
# quiet.
cdef inline uint64_t fp_cmp32(FPStatus *st, uint32_t a, uint32_t b, uint32_t n) noexcept nogil:
    cdef int order
    if n == 0:
        return fp_eq32(st, a, b)
    if n == 1:
        return fp_lt32(st, a, b)
    if n == 2:
        return fp_le32(st, a, b)
    order = soft_compare(st, FP_F32, a, b, n == 4)
    return order == FP_EQ if n == 4 else (order == FP_LT if n == 5 else order <= FP_EQ)


cdef inline uint64_t fp_cmp64(FPStatus *st, uint64_t a, uint64_t b, uint32_t n) noexcept nogil:
    cdef int order
    if n == 0:
        return fp_eq64(st, a, b)
    if n == 1:
        return fp_lt64(st, a, b)
    if n == 2:
        return fp_le64(st, a, b)
    order = soft_compare(st, FP_F64, a, b, n == 4)
    return order == FP_EQ if n == 4 else (order == FP_LT if n == 5 else order <= FP_EQ)
