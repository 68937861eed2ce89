# Guest binary32/64 arithmetic on the host FPU, exact in value and flags.
#
# What lives here: fp_host_enter/leave and the inline operations that the interpreter runs. What
# does not: the software paths (soft.pxd). Who calls it: back ends between fp_host_enter and
# fp_host_leave; outside of that (or on a host without SSE2 and GNU C) the same functions work
# through the software paths.
#
# The contract, and why the flags are exact. While entered, MXCSR holds the guest's rounding mode,
# all exceptions masked, DAZ and FTZ if the guest flushes as x86 does (other ways of flushing:
# software); its sticky flags are the guest's new flags. IEEE 754 fixes
# value and flags of these operations except for NaN payloads, tininess (x86 SSE: after rounding,
# Intel SDM vol. 1, 4.9.1.5), what a signalling NaN looks like (legacy MIPS: never on the host) and
# the invalid results of conversions. So an operation runs on the
# host if the guest's modes allow that (host_ok), and if its result is a NaN (or an integer that may
# mean "invalid") the software path computes it again and ORs its flags on top. That sum is right
# because in those cases the host raises no flag that the software path does not:
#   add sub mul div sqrt, f32 <-> f64: NaN results raise IE on the host exactly for sNaN operands
#     and invalid operations, never PE, OE, UE or ZE; DE only without NaN and IE, as the software.
#   fma(inf, 0, qNaN): the host raises nothing, RISC-V and Arm want NV: added by the software path.
#   float to integer: an unsigned conversion out of range would raise PE on the host by way of the
#     signed 64-bit instruction where the guest wants NV alone; so the operand's range is checked
#     first, on its bits. The signed instructions raise IE alone when they return 0x80..0.
#   compare: CMPSD's EQ is quiet, LT and LE are signalling; no result needs the software path.
# No test of this file's own touches a flag: they are on the bits.
# A guest with the rule FP_NAN_X86_SSE has NaNs as the host has them and promises modes that the
# host has (FP_RNE..FP_RUP, no flushing or x86's, tininess after rounding): back ends for x86 hosts
# then use bare instructions.
#
# The operations are volatile asm so that no compiler moves, merges or drops them across a change of
# MXCSR. No other floating-point code may run between enter and leave: leave before calling Python.
# FPStatus.rounding and the mode fields change only through fp_set_rounding, or before fp_host_sync.

from libc.stdint cimport INT32_MIN, INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from engine._core.fp.status cimport FPStatus, FP_DAZ_OFF, FP_F32, FP_F64, FP_RM_DYN, \
    FP_RTZ, FP_HOST_OK, FP_HOST_FMA
from engine._core.fp.soft cimport (
    FP_INT_QUIET_NX, FP_MA_NEG_C, FP_MA_NEG_PRODUCT, FP_MM_MAX, FP_MM_NUMBER, FP_OP_ADD, FP_OP_DIV,
    FP_OP_MUL, FP_OP_SUB, soft_arith, soft_class, soft_convert, soft_from_int, soft_fused,
    soft_pick, soft_squareroot, soft_to_int, soft_compare, FP_EQ, FP_LT,
)


cdef extern from * nogil:
    """
    #ifndef ENGINE_FP_HOST_SHIM
    #define ENGINE_FP_HOST_SHIM
    #include <stdint.h>
    #include <string.h>

    #if defined(__x86_64__) && defined(__GNUC__)
    #define ENGINE_FP_HOST 1
    #define ENGINE_FP_OP2(name, insn, T, B) \
        static inline B name(B a, B b) { \
            T x, y; \
            memcpy(&x, &a, sizeof x); memcpy(&y, &b, sizeof y); \
            __asm__ volatile (insn " %1, %0" : "+x"(x) : "x"(y)); \
            memcpy(&a, &x, sizeof a); \
            return a; \
        }
    #define ENGINE_FP_CVT_FF(name, insn, TA, BA, TR, BR) \
        static inline BR name(BA a) { \
            TA x; TR r = 0; BR out; \
            memcpy(&x, &a, sizeof x); \
            __asm__ volatile (insn " %1, %0" : "+x"(r) : "x"(x)); \
            memcpy(&out, &r, sizeof out); \
            return out; \
        }
    #define ENGINE_FP_CVT_FI(name, insn, TA, BA, I) \
        static inline I name(BA a) { \
            TA x; I r; \
            memcpy(&x, &a, sizeof x); \
            __asm__ volatile (insn " %1, %0" : "=r"(r) : "x"(x)); \
            return r; \
        }
    #define ENGINE_FP_CVT_IF(name, insn, I, TR, BR) \
        static inline BR name(I a) { \
            TR r = 0; BR out; \
            __asm__ volatile (insn " %1, %0" : "+x"(r) : "r"(a)); \
            memcpy(&out, &r, sizeof out); \
            return out; \
        }
    #define ENGINE_FP_FMA(name, insn, T, B) \
        static inline B name(B a, B b, B c) { \
            T x, y, z; \
            memcpy(&x, &a, sizeof x); memcpy(&y, &b, sizeof y); memcpy(&z, &c, sizeof z); \
            __asm__ volatile (insn " %2, %1, %0" : "+x"(z) : "x"(x), "x"(y)); \
            memcpy(&c, &z, sizeof c); \
            return c; \
        }
    #else
    /* Never run: host_ok stays 0. A NaN result sends every caller to the software path. */
    #define ENGINE_FP_HOST 0
    #define ENGINE_FP_NAN(B) (sizeof(B) == 4 ? (B)0x7fc00000 : (B)0x7ff8000000000000ULL)
    #define ENGINE_FP_OP2(name, insn, T, B) \
        static inline B name(B a, B b) { (void)a; (void)b; return ENGINE_FP_NAN(B); }
    #define ENGINE_FP_CVT_FF(name, insn, TA, BA, TR, BR) \
        static inline BR name(BA a) { (void)a; return ENGINE_FP_NAN(BR); }
    #define ENGINE_FP_CVT_FI(name, insn, TA, BA, I) \
        static inline I name(BA a) { (void)a; return (I)((I)1 << (sizeof(I) * 8 - 1)); }
    #define ENGINE_FP_CVT_IF(name, insn, I, TR, BR) \
        static inline BR name(I a) { (void)a; return ENGINE_FP_NAN(BR); }
    #define ENGINE_FP_FMA(name, insn, T, B) \
        static inline B name(B a, B b, B c) \
        { (void)a; (void)b; (void)c; return ENGINE_FP_NAN(B); }
    #endif

    ENGINE_FP_OP2(engine_host_add64, "addsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_sub64, "subsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_mul64, "mulsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_div64, "divsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_eq64, "cmpeqsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_lt64, "cmpltsd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_le64, "cmplesd", double, uint64_t)
    ENGINE_FP_OP2(engine_host_add32, "addss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_sub32, "subss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_mul32, "mulss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_div32, "divss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_eq32, "cmpeqss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_lt32, "cmpltss", float, uint32_t)
    ENGINE_FP_OP2(engine_host_le32, "cmpless", float, uint32_t)
    ENGINE_FP_CVT_FF(engine_host_sqrt64, "sqrtsd", double, uint64_t, double, uint64_t)
    ENGINE_FP_CVT_FF(engine_host_sqrt32, "sqrtss", float, uint32_t, float, uint32_t)
    ENGINE_FP_CVT_FF(engine_host_f32_f64, "cvtss2sd", float, uint32_t, double, uint64_t)
    ENGINE_FP_CVT_FF(engine_host_f64_f32, "cvtsd2ss", double, uint64_t, float, uint32_t)
    ENGINE_FP_CVT_FI(engine_host_f64_i32, "cvtsd2si", double, uint64_t, int32_t)
    ENGINE_FP_CVT_FI(engine_host_f64_i64, "cvtsd2siq", double, uint64_t, int64_t)
    ENGINE_FP_CVT_FI(engine_host_f64_i32z, "cvttsd2si", double, uint64_t, int32_t)
    ENGINE_FP_CVT_FI(engine_host_f64_i64z, "cvttsd2siq", double, uint64_t, int64_t)
    ENGINE_FP_CVT_FI(engine_host_f32_i32, "cvtss2si", float, uint32_t, int32_t)
    ENGINE_FP_CVT_FI(engine_host_f32_i64, "cvtss2siq", float, uint32_t, int64_t)
    ENGINE_FP_CVT_FI(engine_host_f32_i32z, "cvttss2si", float, uint32_t, int32_t)
    ENGINE_FP_CVT_FI(engine_host_f32_i64z, "cvttss2siq", float, uint32_t, int64_t)
    ENGINE_FP_CVT_IF(engine_host_i64_f64, "cvtsi2sdq", int64_t, double, uint64_t)
    ENGINE_FP_CVT_IF(engine_host_i64_f32, "cvtsi2ssq", int64_t, float, uint32_t)
    ENGINE_FP_FMA(engine_host_fma64, "vfmadd231sd", double, uint64_t)
    ENGINE_FP_FMA(engine_host_fma32, "vfmadd231ss", float, uint32_t)
    #endif
    """
    uint64_t engine_host_add64(uint64_t, uint64_t)
    uint64_t engine_host_sub64(uint64_t, uint64_t)
    uint64_t engine_host_mul64(uint64_t, uint64_t)
    uint64_t engine_host_div64(uint64_t, uint64_t)
    uint64_t engine_host_eq64(uint64_t, uint64_t)
    uint64_t engine_host_lt64(uint64_t, uint64_t)
    uint64_t engine_host_le64(uint64_t, uint64_t)
    uint64_t engine_host_sqrt64(uint64_t)
    uint64_t engine_host_fma64(uint64_t, uint64_t, uint64_t)
    int32_t engine_host_f64_i32(uint64_t)
    int64_t engine_host_f64_i64(uint64_t)
    int32_t engine_host_f64_i32z(uint64_t)
    int64_t engine_host_f64_i64z(uint64_t)
    uint64_t engine_host_i64_f64(int64_t)
    uint32_t engine_host_add32(uint32_t, uint32_t)
    uint32_t engine_host_sub32(uint32_t, uint32_t)
    uint32_t engine_host_mul32(uint32_t, uint32_t)
    uint32_t engine_host_div32(uint32_t, uint32_t)
    uint32_t engine_host_eq32(uint32_t, uint32_t)
    uint32_t engine_host_lt32(uint32_t, uint32_t)
    uint32_t engine_host_le32(uint32_t, uint32_t)
    uint32_t engine_host_sqrt32(uint32_t)
    uint32_t engine_host_fma32(uint32_t, uint32_t, uint32_t)
    int32_t engine_host_f32_i32(uint32_t)
    int64_t engine_host_f32_i64(uint32_t)
    int32_t engine_host_f32_i32z(uint32_t)
    int64_t engine_host_f32_i64z(uint32_t)
    uint32_t engine_host_i64_f32(int64_t)
    uint64_t engine_host_f32_f64(uint32_t)
    uint32_t engine_host_f64_f32(uint64_t)


# Load the guest's modes into MXCSR and clear its flags. Entering twice does nothing.
cdef void fp_host_enter(FPStatus *st) noexcept nogil
# Merge MXCSR's flags into st.flags and restore the host's MXCSR. Leaving twice does nothing.
cdef void fp_host_leave(FPStatus *st) noexcept nogil
# These work both inside and outside the entered region.
cdef uint8_t fp_get_flags(FPStatus *st) noexcept nogil
cdef void fp_set_flags(FPStatus *st, uint8_t flags) noexcept nogil
cdef void fp_set_rounding(FPStatus *st, uint8_t rounding) noexcept nogil
# After a change of flush modes, tininess or another mode field while entered.
cdef void fp_host_sync(FPStatus *st) noexcept nogil


cdef inline bint fp_host_usable(FPStatus *st, uint8_t rm) noexcept nogil:
    return st.host_ok != 0 and (rm == FP_RM_DYN or rm == st.rounding)


cdef inline bint fp_is_nan32(uint32_t a) noexcept nogil:
    return (a & 0x7fffffffu) > 0x7f800000u


cdef inline bint fp_is_nan64(uint64_t a) noexcept nogil:
    return (a & 0x7fffffffffffffffULL) > 0x7ff0000000000000ULL


# The bits as a signed integer that orders like the value, -0 before +0.
cdef inline int32_t fp_order32(uint32_t a) noexcept nogil:
    return <int32_t>(a ^ ((0 - (a >> 31)) & 0x7fffffffu))


cdef inline int64_t fp_order64(uint64_t a) noexcept nogil:
    return <int64_t>(a ^ ((0 - (a >> 63)) & 0x7fffffffffffffffULL))


# May values be ordered by their bits? Not if denormal ones count as zero.
cdef inline bint fp_plain_order(FPStatus *st) noexcept nogil:
    return st.host_ok != 0 and st.flush_inputs == FP_DAZ_OFF


# ---- f64

cdef inline uint64_t fp_add64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        r = engine_host_add64(a, b)
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_ADD, a, b, rm)


cdef inline uint64_t fp_sub64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        r = engine_host_sub64(a, b)
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_SUB, a, b, rm)


cdef inline uint64_t fp_mul64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        r = engine_host_mul64(a, b)
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_MUL, a, b, rm)


cdef inline uint64_t fp_div64(FPStatus *st, uint64_t a, uint64_t b, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        r = engine_host_div64(a, b)
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_arith(st, FP_F64, FP_OP_DIV, a, b, rm)


cdef inline uint64_t fp_sqrt64(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        r = engine_host_sqrt64(a)
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_squareroot(st, FP_F64, a, rm)


# a * b + c with the sign changes FP_MA_* of `how`.
cdef inline uint64_t fp_muladd64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint8_t how,
                                uint8_t rm) noexcept nogil:
    cdef uint64_t r, sign = 0x8000000000000000ULL
    if (st.host_ok & FP_HOST_FMA) and (rm == FP_RM_DYN or rm == st.rounding) \
            and not (how & ~(FP_MA_NEG_PRODUCT | FP_MA_NEG_C)):
        r = engine_host_fma64(a ^ (sign if how & FP_MA_NEG_PRODUCT else 0), b,
                              c ^ (sign if how & FP_MA_NEG_C else 0))
        if not fp_is_nan64(r):
            return r
    return <uint64_t>soft_fused(st, FP_F64, a, b, c, how, rm)


cdef inline bint fp_eq64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_eq64(a, b) != 0
    return soft_compare(st, FP_F64, a, b, False) == FP_EQ


cdef inline bint fp_lt64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_lt64(a, b) != 0
    return soft_compare(st, FP_F64, a, b, True) == FP_LT


cdef inline bint fp_le64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_le64(a, b) != 0
    return soft_compare(st, FP_F64, a, b, True) <= FP_EQ


# minimumNumber of IEEE 754-2019 (RISC-V fmin); no DE here.
cdef inline uint64_t fp_min64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    if fp_plain_order(st) and not fp_is_nan64(a) and not fp_is_nan64(b):
        return a if fp_order64(a) < fp_order64(b) else b
    return <uint64_t>soft_pick(st, FP_F64, a, b, FP_MM_NUMBER)


# maximumNumber of IEEE 754-2019 (RISC-V fmax); no DE here.
cdef inline uint64_t fp_max64(FPStatus *st, uint64_t a, uint64_t b) noexcept nogil:
    if fp_plain_order(st) and not fp_is_nan64(a) and not fp_is_nan64(b):
        return a if fp_order64(a) > fp_order64(b) else b
    return <uint64_t>soft_pick(st, FP_F64, a, b, FP_MM_NUMBER | FP_MM_MAX)


cdef inline uint32_t fp_classify64(FPStatus *st, uint64_t a) noexcept nogil:
    return soft_class(st, FP_F64, a)


cdef inline int32_t fp_f64_to_i32(FPStatus *st, uint64_t a, uint8_t rm,
                                   uint8_t rule) noexcept nogil:
    cdef int32_t r
    if st.host_ok and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            r = engine_host_f64_i32z(a)
            if r != INT32_MIN:
                return r
        elif rm == FP_RM_DYN or rm == st.rounding:
            r = engine_host_f64_i32(a)
            if r != INT32_MIN:
                return r
    return <int32_t>soft_to_int(st, FP_F64, a, True, 32, rm, rule)


cdef inline int64_t fp_f64_to_i64(FPStatus *st, uint64_t a, uint8_t rm,
                                   uint8_t rule) noexcept nogil:
    cdef int64_t r
    if st.host_ok and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            r = engine_host_f64_i64z(a)
            if r != INT64_MIN:
                return r
        elif rm == FP_RM_DYN or rm == st.rounding:
            r = engine_host_f64_i64(a)
            if r != INT64_MIN:
                return r
    return <int64_t>soft_to_int(st, FP_F64, a, True, 64, rm, rule)


cdef inline uint32_t fp_f64_to_ui32(FPStatus *st, uint64_t a, uint8_t rm,
                                     uint8_t rule) noexcept nogil:
    # The signed 64-bit instruction serves 0 <= a <= 2^32 - 1; such bits order like integers.
    if st.host_ok and a <= 0x41efffffffe00000ULL and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            return <uint32_t>engine_host_f64_i64z(a)
        if rm == FP_RM_DYN or rm == st.rounding:
            return <uint32_t>engine_host_f64_i64(a)
    return <uint32_t>soft_to_int(st, FP_F64, a, False, 32, rm, rule)


cdef inline uint64_t fp_f64_to_ui64(FPStatus *st, uint64_t a, uint8_t rm,
                                     uint8_t rule) noexcept nogil:
    # The signed 64-bit instruction serves 0 <= a < 2^63; such bits order like integers.
    if st.host_ok and a < 0x43e0000000000000ULL and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            return <uint64_t>engine_host_f64_i64z(a)
        if rm == FP_RM_DYN or rm == st.rounding:
            return <uint64_t>engine_host_f64_i64(a)
    return <uint64_t>soft_to_int(st, FP_F64, a, False, 64, rm, rule)


cdef inline uint64_t fp_i32_to_f64(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f64(a)
    return <uint64_t>soft_from_int(st, FP_F64, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t fp_i64_to_f64(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f64(a)
    return <uint64_t>soft_from_int(st, FP_F64, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint64_t fp_ui32_to_f64(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f64(a)
    return <uint64_t>soft_from_int(st, FP_F64, False, a, rm)


cdef inline uint64_t fp_ui64_to_f64(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if fp_host_usable(st, rm):
        if not (a >> 63):
            return engine_host_i64_f64(<int64_t>a)
        # Halve, keeping the lost bit sticky (over 53 bits remain), and double exactly.
        r = engine_host_i64_f64(<int64_t>((a >> 1) | (a & 1)))
        return r + 0x0010000000000000ULL
    return <uint64_t>soft_from_int(st, FP_F64, False, a, rm)


# ---- f32

cdef inline uint32_t fp_add32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_add32(a, b)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_ADD, a, b, rm)


cdef inline uint32_t fp_sub32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_sub32(a, b)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_SUB, a, b, rm)


cdef inline uint32_t fp_mul32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_mul32(a, b)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_MUL, a, b, rm)


cdef inline uint32_t fp_div32(FPStatus *st, uint32_t a, uint32_t b, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_div32(a, b)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_arith(st, FP_F32, FP_OP_DIV, a, b, rm)


cdef inline uint32_t fp_sqrt32(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_sqrt32(a)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_squareroot(st, FP_F32, a, rm)


# a * b + c with the sign changes FP_MA_* of `how`.
cdef inline uint32_t fp_muladd32(FPStatus *st, uint32_t a, uint32_t b, uint32_t c, uint8_t how,
                                uint8_t rm) noexcept nogil:
    cdef uint32_t r, sign = 0x80000000u
    if (st.host_ok & FP_HOST_FMA) and (rm == FP_RM_DYN or rm == st.rounding) \
            and not (how & ~(FP_MA_NEG_PRODUCT | FP_MA_NEG_C)):
        r = engine_host_fma32(a ^ (sign if how & FP_MA_NEG_PRODUCT else 0), b,
                              c ^ (sign if how & FP_MA_NEG_C else 0))
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_fused(st, FP_F32, a, b, c, how, rm)


cdef inline bint fp_eq32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_eq32(a, b) != 0
    return soft_compare(st, FP_F32, a, b, False) == FP_EQ


cdef inline bint fp_lt32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_lt32(a, b) != 0
    return soft_compare(st, FP_F32, a, b, True) == FP_LT


cdef inline bint fp_le32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    if st.host_ok:
        return engine_host_le32(a, b) != 0
    return soft_compare(st, FP_F32, a, b, True) <= FP_EQ


# minimumNumber of IEEE 754-2019 (RISC-V fmin); no DE here.
cdef inline uint32_t fp_min32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    if fp_plain_order(st) and not fp_is_nan32(a) and not fp_is_nan32(b):
        return a if fp_order32(a) < fp_order32(b) else b
    return <uint32_t>soft_pick(st, FP_F32, a, b, FP_MM_NUMBER)


# maximumNumber of IEEE 754-2019 (RISC-V fmax); no DE here.
cdef inline uint32_t fp_max32(FPStatus *st, uint32_t a, uint32_t b) noexcept nogil:
    if fp_plain_order(st) and not fp_is_nan32(a) and not fp_is_nan32(b):
        return a if fp_order32(a) > fp_order32(b) else b
    return <uint32_t>soft_pick(st, FP_F32, a, b, FP_MM_NUMBER | FP_MM_MAX)


cdef inline uint32_t fp_classify32(FPStatus *st, uint32_t a) noexcept nogil:
    return soft_class(st, FP_F32, a)


cdef inline int32_t fp_f32_to_i32(FPStatus *st, uint32_t a, uint8_t rm,
                                   uint8_t rule) noexcept nogil:
    cdef int32_t r
    if st.host_ok and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            r = engine_host_f32_i32z(a)
            if r != INT32_MIN:
                return r
        elif rm == FP_RM_DYN or rm == st.rounding:
            r = engine_host_f32_i32(a)
            if r != INT32_MIN:
                return r
    return <int32_t>soft_to_int(st, FP_F32, a, True, 32, rm, rule)


cdef inline int64_t fp_f32_to_i64(FPStatus *st, uint32_t a, uint8_t rm,
                                   uint8_t rule) noexcept nogil:
    cdef int64_t r
    if st.host_ok and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            r = engine_host_f32_i64z(a)
            if r != INT64_MIN:
                return r
        elif rm == FP_RM_DYN or rm == st.rounding:
            r = engine_host_f32_i64(a)
            if r != INT64_MIN:
                return r
    return <int64_t>soft_to_int(st, FP_F32, a, True, 64, rm, rule)


cdef inline uint32_t fp_f32_to_ui32(FPStatus *st, uint32_t a, uint8_t rm,
                                     uint8_t rule) noexcept nogil:
    # The signed 64-bit instruction serves 0 <= a <= 2^32 - 1; such bits order like integers.
    if st.host_ok and a <= 0x4f7fffffu and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            return <uint32_t>engine_host_f32_i64z(a)
        if rm == FP_RM_DYN or rm == st.rounding:
            return <uint32_t>engine_host_f32_i64(a)
    return <uint32_t>soft_to_int(st, FP_F32, a, False, 32, rm, rule)


cdef inline uint64_t fp_f32_to_ui64(FPStatus *st, uint32_t a, uint8_t rm,
                                     uint8_t rule) noexcept nogil:
    # The signed 64-bit instruction serves 0 <= a < 2^63; such bits order like integers.
    if st.host_ok and a < 0x5f000000u and not (rule & FP_INT_QUIET_NX):
        if rm == FP_RTZ:
            return <uint64_t>engine_host_f32_i64z(a)
        if rm == FP_RM_DYN or rm == st.rounding:
            return <uint64_t>engine_host_f32_i64(a)
    return <uint64_t>soft_to_int(st, FP_F32, a, False, 64, rm, rule)


cdef inline uint32_t fp_i32_to_f32(FPStatus *st, int32_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f32(a)
    return <uint32_t>soft_from_int(st, FP_F32, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t fp_i64_to_f32(FPStatus *st, int64_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f32(a)
    return <uint32_t>soft_from_int(st, FP_F32, a < 0, 0 - <uint64_t>a if a < 0 else <uint64_t>a, rm)


cdef inline uint32_t fp_ui32_to_f32(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    if fp_host_usable(st, rm):
        return engine_host_i64_f32(a)
    return <uint32_t>soft_from_int(st, FP_F32, False, a, rm)


cdef inline uint32_t fp_ui64_to_f32(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        if not (a >> 63):
            return engine_host_i64_f32(<int64_t>a)
        # Halve, keeping the lost bit sticky (over 24 bits remain), and double exactly.
        r = engine_host_i64_f32(<int64_t>((a >> 1) | (a & 1)))
        return r + 0x00800000u
    return <uint32_t>soft_from_int(st, FP_F32, False, a, rm)


# ---- between formats

cdef inline uint64_t fp_f32_to_f64(FPStatus *st, uint32_t a, uint8_t rm) noexcept nogil:
    cdef uint64_t r
    if st.host_ok:      # exact: the rounding mode does not matter
        r = engine_host_f32_f64(a)
        if not fp_is_nan64(r):
            return r
    return soft_convert(st, FP_F32, FP_F64, a, rm)


cdef inline uint32_t fp_f64_to_f32(FPStatus *st, uint64_t a, uint8_t rm) noexcept nogil:
    cdef uint32_t r
    if fp_host_usable(st, rm):
        r = engine_host_f64_f32(a)
        if not fp_is_nan32(r):
            return r
    return <uint32_t>soft_convert(st, FP_F64, FP_F32, a, rm)
