# Unpacked floating-point numbers: the one representation that all software arithmetic works on.
#
# What lives here: the Parts struct, and between it and raw bits: unpack, round, pack, NaN choice.
# What does not: operations (softmath, softconv). Who calls it: softmath, softconv and soft.

from libc.stdint cimport int32_t, uint8_t, uint64_t
from engine._core.base.int128 cimport u128
from engine._core.fp.soft cimport Float80
from engine._core.fp.status cimport FPStatus, FP_DE


# Parts.cls, ordered: NaNs are the classes from FC_QNAN on.
cdef enum:
    FC_ZERO = 0
    FC_NORMAL = 1       # any nonzero number: subnormals are normalised
    FC_INF = 2
    FC_QNAN = 3
    FC_SNAN = 4
    FC_INVALID = 5      # an encoding the x87 does not support (Intel SDM vol. 1, 8.2.2)


ctypedef struct Parts:
    u128 sig            # FC_NORMAL: integer bit in bit 127, the last bit may be sticky.
                        # NaN: fraction left-aligned below bit 127 (quiet bit in bit 126)
    int32_t exp         # FC_NORMAL: value is sig / 2^127 * 2^exp
    uint8_t sign
    uint8_t cls
    uint8_t denormal    # was subnormal as an operand


cdef inline bint fp_is_nan(const Parts *p) noexcept nogil:
    return p.cls >= FC_QNAN


# x86's denormal-operand flag, for operations that have no NaN and no invalid operand.
cdef inline void fp_note_denormal(FPStatus *st, uint8_t denormal) noexcept nogil:
    if denormal:
        st.flags |= FP_DE


# Raw bits (smaller formats: in .sig) to parts, applying flush_inputs and the quiet-bit rule.
cdef void fp_unpack(FPStatus *st, uint8_t fmt, Float80 raw, Parts *p) noexcept nogil
# Any class to raw bits; FC_NORMAL is rounded (rm resolved, never FP_RM_DYN) and flags are raised.
cdef Float80 fp_pack(FPStatus *st, uint8_t fmt, const Parts *p, uint8_t rm) noexcept nogil
# Does rounding increase a magnitude whose last kept bit is `odd` and whose lost bits, left-aligned
# in 64 bits with sticky, are `rest`? (FP_RTO: sets the last bit, so true only if it is clear.)
cdef bint fp_round_up(uint8_t rm, uint8_t sign, bint odd, uint64_t rest) noexcept nogil
# Precision of the format's significand, integer bit included.
cdef int fp_precision(uint8_t fmt) noexcept nogil
# The default NaN, and after raising NV.
cdef void fp_default_nan(FPStatus *st, Parts *r) noexcept nogil
cdef void fp_invalid(FPStatus *st, Parts *r) noexcept nogil
# The result of an operation with at least one NaN operand; raises NV for signalling ones.
cdef void fp_nan1(FPStatus *st, const Parts *a, Parts *r) noexcept nogil
cdef void fp_nan2(FPStatus *st, const Parts *a, const Parts *b, Parts *r) noexcept nogil
# The same for a * b + c; `inf_zero` if a * b is infinity times zero.
cdef void fp_nan3(FPStatus *st, const Parts *a, const Parts *b, const Parts *c, bint inf_zero,
                  Parts *r) noexcept nogil
