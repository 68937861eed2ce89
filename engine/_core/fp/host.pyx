# Entering and leaving the region in which the host's FPU works in the guest's modes; see host.pxd.
#
# Never inlined: the calls are the barrier between the guest's and the host's MXCSR.

from libc.stdint cimport uint8_t, uint32_t
from engine._core.fp.status cimport (
    FPStatus, FP_DAZ_OFF, FP_DAZ_X86, FP_FTZ_OFF, FP_FTZ_X86, FP_HOST_FMA, FP_HOST_OK,
    FP_NAN_MIPS_LEGACY, FP_RUP,
)


cdef extern from * nogil:
    """
    #if ENGINE_FP_HOST
    static inline uint32_t engine_fp_getcsr(void) {
        uint32_t r;
        __asm__ volatile ("stmxcsr %0" : "=m"(r) : : "memory");
        return r;
    }
    static inline void engine_fp_setcsr(uint32_t v) {
        __asm__ volatile ("ldmxcsr %0" : : "m"(v) : "memory");
    }
    static int engine_fp_has_fma(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("fma") != 0;
    }
    #else
    static inline uint32_t engine_fp_getcsr(void) { return 0; }
    static inline void engine_fp_setcsr(uint32_t v) { (void)v; }
    static int engine_fp_has_fma(void) { return 0; }
    #endif
    """
    const bint ENGINE_FP_HOST
    uint32_t engine_fp_getcsr()
    void engine_fp_setcsr(uint32_t v)
    int engine_fp_has_fma()


cdef enum:
    MXCSR_FLAGS = 0x3f
    MXCSR_DAZ = 0x40
    MXCSR_MASKS = 0x1f80
    MXCSR_FTZ = 0x8000
    MXCSR_ROUND_SHIFT = 13


# RC field by guest mode (Intel SDM vol. 1, table 4-8): nearest 0, down 1, up 2, zero 3. The modes
# that MXCSR lacks run in software: their value here does not matter.
cdef uint8_t[8] RC_OF_MODE = [0, 3, 1, 2, 0, 0, 0, 0]

cdef uint8_t HOST_BITS = (FP_HOST_OK | (FP_HOST_FMA if engine_fp_has_fma() else 0)
                          if ENGINE_FP_HOST else 0)


cdef uint8_t from_mxcsr(uint32_t csr) noexcept nogil:
    """IE DE ZE OE UE PE (bits 0..5) to NX UF OF DZ NV DE (bits 0..5)."""
    return <uint8_t>(((csr >> 5) & 1) | ((csr >> 3) & 2) | ((csr >> 1) & 4) | ((csr << 1) & 8)
                     | ((csr << 4) & 0x10) | ((csr << 4) & 0x20))


cdef uint8_t host_bits(const FPStatus *st) noexcept nogil:
    """May the host compute for these modes?"""
    # Legacy MIPS calls quiet what the host calls signalling: the host would raise IE for it.
    if (st.rounding <= FP_RUP and not st.tininess_before
            and (st.flush_to_zero == FP_FTZ_OFF or st.flush_to_zero == FP_FTZ_X86)
            and (st.flush_inputs == FP_DAZ_OFF or st.flush_inputs == FP_DAZ_X86)
            and st.nan_rule != FP_NAN_MIPS_LEGACY):
        return HOST_BITS
    return 0


cdef inline void load_modes(FPStatus *st, uint32_t now) noexcept nogil:
    """MXCSR, which is `now`, with the guest's rounding and flush modes, no flags, all masked."""
    cdef uint32_t csr = MXCSR_MASKS | (<uint32_t>RC_OF_MODE[st.rounding & 7] << MXCSR_ROUND_SHIFT)
    if st.flush_to_zero == FP_FTZ_X86:
        csr |= MXCSR_FTZ
    if st.flush_inputs == FP_DAZ_X86:
        csr |= MXCSR_DAZ
    st.host_ok = host_bits(st)
    # Reading costs less than loading, and much of what calls out computes nothing.
    if ENGINE_FP_HOST and now != csr:
        engine_fp_setcsr(csr)


cdef inline uint32_t collect_flags(FPStatus *st) noexcept nogil:
    """Answers MXCSR."""
    cdef uint32_t now = engine_fp_getcsr()
    if now & MXCSR_FLAGS:
        st.flags |= from_mxcsr(now)
    return now


cdef void fp_host_enter(FPStatus *st) noexcept nogil:
    if st.entered:
        return
    st.host_save = engine_fp_getcsr()
    st.entered = 1
    load_modes(st, st.host_save)


# The host's modes are put back; its flags are the caller's to save in the ABIs of x86-64 (System V
# 3.2.3; Microsoft's x64 conventions), so nobody counts on them.
cdef void fp_host_leave(FPStatus *st) noexcept nogil:
    if not st.entered:
        return
    if (collect_flags(st) ^ st.host_save) & ~<uint32_t>MXCSR_FLAGS:
        engine_fp_setcsr(st.host_save)
    st.entered = 0
    st.host_ok = 0


cdef void fp_host_sync(FPStatus *st) noexcept nogil:
    if st.entered:
        load_modes(st, collect_flags(st))


cdef uint8_t fp_get_flags(FPStatus *st) noexcept nogil:
    fp_host_sync(st)
    return st.flags


cdef void fp_set_flags(FPStatus *st, uint8_t flags) noexcept nogil:
    if st.entered:
        load_modes(st, engine_fp_getcsr())      # drops what MXCSR has collected
    st.flags = flags


cdef void fp_set_rounding(FPStatus *st, uint8_t rounding) noexcept nogil:
    st.rounding = rounding
    fp_host_sync(st)
