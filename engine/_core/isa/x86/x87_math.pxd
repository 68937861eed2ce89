# Transcendental x87 functions on unpacked numbers.
#
# What lives here: FSIN, FCOS, FSINCOS, FPTAN, F2XM1, FYL2X, FYL2XP1, FPATAN, in 128-bit arithmetic,
# to be rounded once by the caller. What does not: the stack and the responses to exceptions. Who
# calls it: x87.pyx. The manual leaves the last bits open (Intel SDM vol. 1, 8.3.10): these are
# within 2^-100 of the exact value, so nearly always the correctly rounded one.

from libc.stdint cimport uint32_t
from engine._core.fp.parts cimport Parts
from engine._core.fp.status cimport FPStatus


# which: the ModRM byte after D9. False: |x| is too large (C2), nothing was done. s: the second
# result of FPTAN (1.0) and FSINCOS (the cosine), else untouched.
cdef bint x87_math1(FPStatus *st, uint32_t which, const Parts *x, Parts *r, Parts *s) noexcept nogil
# FYL2X (F1), FPATAN (F3), FYL2XP1 (F9): x is ST(0), y is ST(1).
cdef void x87_math2(FPStatus *st, uint32_t which, const Parts *x, const Parts *y,
                    Parts *r) noexcept nogil
