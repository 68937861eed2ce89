# Floating-point lanes of SSE, AVX, FMA3 and F16C, exact in value, MXCSR flags and exceptions.
#
# What lives here: the numbers of the operations and simd_fp, which does any of them by the exact
# software paths of fp/. What does not: integer lanes (simd.pxd). Who calls it: helpers of the x86
# guest; tests/cython/t_x86_simd.pyx.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine._core.fp.status cimport FPStatus
from engine._core.isa.x86.simd cimport Vec


# Bits of MXCSR (Intel SDM vol. 1, 10.2.3).
cdef enum:
    MXCSR_IE = 1
    MXCSR_DE = 2
    MXCSR_ZE = 4
    MXCSR_OE = 8
    MXCSR_UE = 16
    MXCSR_PE = 32
    MXCSR_FLAGS = 0x3f
    MXCSR_DAZ = 0x40
    MXCSR_MASKS = 0x1f80    # flag << 7
    MXCSR_FTZ = 0x8000
    MXCSR_RESET = 0x1f80
    MXCSR_VALID = 0xffff    # other bits: #GP

# Lanes of one format; the format is FP_F32 or FP_F64.
cdef enum:
    SFP_ADD = 0
    SFP_SUB
    SFP_MUL
    SFP_DIV
    SFP_MIN
    SFP_MAX
    SFP_SQRT        # of b
    SFP_ADDSUB
    SFP_HADD
    SFP_HSUB
    SFP_CMP         # imm: predicate 0..31 (legacy SSE has 0..7)
    SFP_ROUND       # of b by imm (ROUNDPS)
    SFP_DP          # imm (DPPS, DPPD)
    SFP_FMA         # d = (a * b) + c, imm: SFMA_*
    SFP_RCP         # of b; an approximation (see simd_fp.pyx)
    SFP_RSQRT
    # Conversions of b; `lanes` counts results; other lanes of d are not written.
    SFP_I32_TO      # int32 -> fmt
    SFP_I64_TO      # int64 -> fmt
    SFP_TO_I32      # fmt -> int32; imm 1: truncate
    SFP_TO_I64
    SFP_F32_F64
    SFP_F64_F32
    SFP_F16_F32
    SFP_F32_F16     # imm: rounding (VCVTPS2PH)

cdef enum:
    SFMA_NEG_PRODUCT = 1
    SFMA_NEG_C = 2
    SFMA_ALT_ADD = 4    # even lanes subtract, odd lanes add (VFMADDSUB)
    SFMA_ALT_SUB = 8    # even lanes add, odd lanes subtract (VFMSUBADD)

# Nonzero: an unmasked exception (#XM): d is unchanged, mxcsr has the flags that say why.
cdef uint32_t simd_fp(uint32_t *mxcsr, uint32_t op, uint8_t fmt, Vec *d, const Vec *a, const Vec *b,
                      const Vec *c, uint32_t imm, uint32_t lanes) noexcept nogil
# ZF, PF, CF (bits 6, 2, 0) of COMISx (signalling) or UCOMISx into *eflags. Returns as simd_fp.
cdef uint32_t simd_comi(uint32_t *mxcsr, uint8_t fmt, uint64_t a, uint64_t b, bint signalling,
                        uint32_t *eflags) noexcept nogil
# The FPStatus that MXCSR describes, with no flags.
cdef void simd_status(FPStatus *st, uint32_t mxcsr) noexcept nogil
# FP_* flags as MXCSR's, or the x87 status word's, six flags.
cdef uint32_t fp_flags_to_x86(uint8_t flags) noexcept nogil
# Predicate 0..31 of CMPPS: bit 0 less, 1 equal, 2 greater, 3 unordered give ones; does a quiet NaN
# raise IE?
cdef uint32_t outcomes(uint32_t p) noexcept nogil
cdef bint cmp_signals(uint32_t p) noexcept nogil
# FP_RNE.. of RC as in MXCSR[14:13] and in the immediates of ROUNDxx and VCVTPS2PH.
cdef uint8_t rounding_of(uint32_t rc) noexcept nogil
