# Guest floating-point state: rounding modes, flags, NaN rules and the FPStatus struct.
#
# What lives here: the constants and the struct that every fp function takes, and its initialiser.
# What does not: any arithmetic (soft.pxd: exact software; host.pxd: on the host FPU).
# Who uses it: each guest's CPU struct embeds FPStatus; the back ends; everything in fp/.

from libc.stdint cimport uint8_t, uint32_t


# Rounding modes: 0..4 are RISC-V's frm encoding (Unprivileged ISA, "Floating-Point Control and
# Status Register"); round to odd is Arm's FPRounding_ODD and IBM's "round to prepare for shorter
# precision".
cdef enum:
    FP_RNE = 0      # nearest, ties to even
    FP_RTZ = 1      # towards zero
    FP_RDN = 2      # towards minus infinity
    FP_RUP = 3      # towards plus infinity
    FP_RMM = 4      # nearest, ties away from zero
    FP_RTO = 5      # to odd: truncate, then set the last bit if anything was lost
    FP_RM_DYN = 7   # as an `rm` argument: use FPStatus.rounding

# Exception flags: the order of RISC-V's fflags, then x86's and Arm's denormal-operand flag.
cdef enum:
    FP_NX = 1       # inexact
    FP_UF = 2       # underflow
    FP_OF = 4       # overflow
    FP_DZ = 8       # divide by zero
    FP_NV = 16      # invalid operation
    FP_DE = 32      # a denormal operand was used (x86 DE; Arm IDC when flush_inputs is FP_DAZ_ARM)
    FP_FLAGS_IEEE = 31
    FP_FLAGS_ALL = 63

# Formats of the generic entry points in soft.pxd.
cdef enum:
    FP_F16 = 0      # IEEE binary16
    FP_F32 = 1      # IEEE binary32
    FP_F64 = 2      # IEEE binary64
    FP_F80 = 3      # x87 double extended
    FP_NFORMATS = 4

# How a NaN result is chosen, what the default NaN is, and which value of the quiet bit means quiet.
# Operands are named as in a op b and a * b + c. "sNaN first" means: the first signalling NaN if
# there is one, else the first quiet NaN. The chosen NaN is made quiet.
cdef enum:
    # Always the default NaN, positive, quiet bit only (RISC-V Unprivileged ISA, F extension, "NaN
    # Generation and Propagation").
    FP_NAN_CANONICAL = 0
    # The first NaN operand, whatever its kind; a, b, c for fused operations, where inf * 0 + qNaN
    # gives the qNaN and no flag. Default NaN is negative (Intel SDM vol. 1, table 4-7 and 14.5.2).
    FP_NAN_X86_SSE = 1
    # A quiet NaN wins over a signalling one; of two alike the larger significand, then the positive
    # one. Unsupported encodings are invalid (Intel SDM vol. 1, table 4-7 and 8.2.2).
    FP_NAN_X87 = 2
    # sNaN first in the order a, b; fused c, a, b; inf * 0 + qNaN gives the default NaN and NV (Arm
    # ARM, pseudocode FPProcessNaNs, FPProcessNaNs3, FPMulAdd).
    FP_NAN_ARM = 3
    # Quiet bit 1 means signalling; an sNaN operand gives the default NaN (all fraction bits but the
    # quiet bit), otherwise the first quiet NaN (MIPS64 Architecture vol. I, "Floating Point", FCSR
    # NAN2008 = 0).
    FP_NAN_MIPS_LEGACY = 4
    # sNaN first in the order a, b; fused c, a, b (MIPS64 vol. I, FCSR.NAN2008 = 1).
    FP_NAN_MIPS_2008 = 5
    # The first NaN operand whatever its kind; fused in the order a, c, b (FRA, FRB, FRC of
    # FRA * FRC + FRB); inf * 0 + NaN gives that NaN and NV (Power ISA Book I, 4.3.2).
    FP_NAN_PPC = 6
    # sNaN first in the order b, a (c, b, a fused); the default NaN has all fraction bits set (SPARC
    # V9 manual, B.2.2 and 5.1.7.10.4).
    FP_NAN_SPARC = 7
    # The first NaN operand whatever its kind, callers pass the destination as a; the default NaN
    # has all fraction bits set (M68000 Family PRM, 1.6.5 and 3.6; unnormals are valid numbers).
    FP_NAN_M68K = 8
    # sNaN first in the order a, b, c (z/Architecture PoO, chapter 19, "IEEE Same-Format NaN
    # Propagation").
    FP_NAN_S390 = 9

# FPStatus.flush_to_zero: what happens to results below the normal range.
cdef enum:
    FP_FTZ_OFF = 0
    FP_FTZ_ARM = 1  # tiny before rounding gives zero and UF alone (Arm ARM, FPRound)
    FP_FTZ_X86 = 2  # tiny after rounding gives zero, UF and NX (Intel SDM vol. 1, 10.2.3.3)

# FPStatus.flush_inputs: what happens to denormal operands.
cdef enum:
    FP_DAZ_OFF = 0
    FP_DAZ_X86 = 1  # they count as zero, no flag (Intel SDM vol. 1, 10.2.3.4)
    FP_DAZ_ARM = 2  # they count as zero and raise DE (Arm's IDC; FPUnpack)

# FPStatus.host_ok bits.
cdef enum:
    FP_HOST_OK = 1   # MXCSR holds this guest's rounding mode: the inline host paths may run
    FP_HOST_FMA = 2  # and the host has fused multiply-add


ctypedef struct FPStatus:
    uint8_t rounding          # FP_RNE..FP_RTO; while entered, set it with fp_set_rounding
    uint8_t flags             # sticky FP_NX..FP_DE; while entered, read them with fp_get_flags
    uint8_t default_nan       # 1: every NaN result is the default NaN (Arm DN, RISC-V)
    uint8_t nan_rule          # FP_NAN_*
    uint8_t tininess_before   # 1: underflow is detected before rounding (Arm, PPC, s390)
    uint8_t flush_to_zero     # FP_FTZ_*
    uint8_t flush_inputs      # FP_DAZ_*
    uint8_t x87_precision     # significand of f80 results: 32, 64 or 80 (0 counts as 80)
    uint8_t host_ok           # FP_HOST_*; nonzero only between fp_host_enter and fp_host_leave
    uint8_t entered           # between fp_host_enter and fp_host_leave
    uint8_t reserved[2]
    uint32_t host_save        # the host's own MXCSR while entered


cdef inline void fp_status_init(FPStatus *st, uint8_t nan_rule) noexcept nogil:
    """Reset state of a guest: round to nearest even, no flags, IEEE denormals, full precision."""
    st.rounding = FP_RNE
    st.flags = 0
    st.default_nan = 1 if nan_rule == FP_NAN_CANONICAL else 0
    st.nan_rule = nan_rule
    st.tininess_before = 0
    st.flush_to_zero = FP_FTZ_OFF
    st.flush_inputs = FP_DAZ_OFF
    st.x87_precision = 80
    st.host_ok = 0
    st.entered = 0
    st.reserved[0] = 0
    st.reserved[1] = 0
    st.host_save = 0
