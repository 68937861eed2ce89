# Floating-point lanes of 128-bit vectors: what each such op of the IR means.
# Lives here: one function an op, over fp/host.pxd lane by lane, exact in values and flags for every
# guest's rules. Does not live here: integer lanes (base/vec128.pxd), machine code (backend/x86_64/
# emit_vecfp.pxi). Called by: interp/ for each op, host back ends for guests whose rules are not the
# host's, tests.
#
# n says which lanes: its two low bits are 3 for binary64, else binary32; with V_LANE0 lane 0 alone
# is computed and the others are those of a. Rounding is the environment's where there is no rm.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.base.vec128 cimport V128
from engine._core.fp.status cimport FPStatus

cdef enum:
    V_LANE0 = 4
    V_INT64 = 8                 # v_fset, v_fget: the integer has 64 bits, not 32
    V_HOW_SHIFT = 4             # v_fcmp: outcomes that give ones: 1 less, 2 equal, 4 greater,
                                # 8 unordered. v_ftoi, v_fget: FP_INT_RULE of fp/soft.pxd. v_fma:
                                # FP_MA_* of it
    V_SIGNALLING = 0x100        # comparisons: a quiet NaN raises NV, too
    V_QUIET_NX = 0x100          # v_fround: NX is not raised

cdef V128 v_fadd(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_fsub(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_fmul(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_fdiv(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# a if a < b (a > b), else b: b also where one is a NaN or both are zero. A NaN raises NV.
cdef V128 v_fmin(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
cdef V128 v_fmax(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# a * b + c with the signs FP_MA_* of n >> V_HOW_SHIFT.
cdef V128 v_fma(FPStatus *st, V128 a, V128 b, V128 c, uint32_t n) noexcept nogil
# The root of b.
cdef V128 v_fsqrt(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# b rounded to an integral value by rm.
cdef V128 v_fround(FPStatus *st, V128 a, V128 b, uint32_t rm, uint32_t n) noexcept nogil
# All ones where the outcome is one of those n names, else 0.
cdef V128 v_fcmp(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# Lanes 0 compared: 1 less or unordered, 4 unordered, 64 equal or unordered.
cdef uint64_t v_fcomp(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# The other format. From binary32 (n & 3 == 2): the two low lanes become two; from binary64: two
# become the low two, the high half 0. V_LANE0: one becomes the lane 0 of a.
cdef V128 v_fcvt(FPStatus *st, V128 a, V128 b, uint32_t n) noexcept nogil
# From signed 32-bit lanes of b, as many as there are results; from an integer, lane 0 of a.
cdef V128 v_fromi(FPStatus *st, V128 b, uint32_t n) noexcept nogil
cdef V128 v_fset(FPStatus *st, V128 a, uint64_t b, uint32_t n) noexcept nogil
# To signed 32-bit lanes (two lanes: the high half 0); lane 0 to an integer (32 bits:
# zero-extended).
cdef V128 v_ftoi(FPStatus *st, V128 a, uint32_t rm, uint32_t n) noexcept nogil
cdef uint64_t v_fget(FPStatus *st, V128 a, uint32_t rm, uint32_t n) noexcept nogil
