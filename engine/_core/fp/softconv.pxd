# Unpacked numbers to and from integers, rounding to integral values, comparison, minimum, classes.
#
# What lives here: everything but arithmetic that looks at a number's value. What does not: format
# conversion (unpack one format and pack another: soft.pyx). Who calls it: soft.pyx.
# `rm` is resolved (never FP_RM_DYN).

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine._core.fp.parts cimport Parts
from engine._core.fp.status cimport FPStatus


# See soft_to_int in soft.pxd.
cdef uint64_t parts_to_int(FPStatus *st, const Parts *p, bint is_signed, uint8_t bits, uint8_t rm,
                           uint8_t rule) noexcept nogil
cdef void parts_from_int(bint negative, uint64_t magnitude, Parts *r) noexcept nogil
# In place.
cdef void parts_round_to_int(FPStatus *st, Parts *p, uint8_t rm, bint exact) noexcept nogil
cdef int parts_compare(FPStatus *st, const Parts *a, const Parts *b, bint signalling) noexcept nogil
# 0 for a, 1 for b, 2 for the NaN put in r.
cdef int parts_minmax(FPStatus *st, const Parts *a, const Parts *b, uint8_t how,
                      Parts *r) noexcept nogil
cdef uint32_t parts_classify(const Parts *p) noexcept nogil
