# Arithmetic on unpacked numbers: add, multiply, divide, remainder, square root, fused multiply-add.
#
# What lives here: exact results with a sticky last bit, special cases and their flags. What does
# not: rounding (parts.pyx), conversions and comparisons (softconv.pyx). Who calls it: soft.pyx.
# `rm` is resolved (never FP_RM_DYN): it decides the sign of an exact zero sum.

from libc.stdint cimport uint8_t, uint64_t
from engine._core.fp.parts cimport Parts
from engine._core.fp.status cimport FPStatus


cdef void parts_add(FPStatus *st, const Parts *a, const Parts *b, bint subtract, uint8_t rm,
                    Parts *r) noexcept nogil
cdef void parts_mul(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil
cdef void parts_div(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil
cdef void parts_sqrt(FPStatus *st, const Parts *a, Parts *r) noexcept nogil
# See soft_remainder in soft.pxd.
cdef void parts_rem(FPStatus *st, const Parts *a, const Parts *b, bint truncate,
                    uint64_t *quotient, Parts *r) noexcept nogil
# `how` is FP_MA_*, without FP_MA_NEG_RESULT (that comes after rounding).
cdef void parts_muladd(FPStatus *st, const Parts *a, const Parts *b, const Parts *c, uint8_t how,
                       uint8_t rm, Parts *r) noexcept nogil
