# RISC-V floating-point operations that are calls: see fphelp.pxd. Unprivileged ISA, "F" and "D".
from engine._core.base.types cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.fp.host cimport (fp_classify32, fp_classify64, fp_f32_to_i32, fp_f32_to_i64,
                                   fp_f32_to_ui32, fp_f32_to_ui64, fp_f64_to_i32, fp_f64_to_i64,
                                   fp_f64_to_ui32, fp_f64_to_ui64)
from engine._core.fp.soft cimport (FP_INT_RISCV, FP_MM_MAX, FP_MM_NUMBER, soft_minmax32,
                                   soft_minmax64)


cdef uint64_t helper_f32_to_i32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t><int64_t>fp_f32_to_i32(&(<CPUHead *>env).fpst, <uint32_t>a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f32_to_u32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t><int64_t><int32_t>fp_f32_to_ui32(&(<CPUHead *>env).fpst, <uint32_t>a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f32_to_i64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t>fp_f32_to_i64(&(<CPUHead *>env).fpst, <uint32_t>a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f32_to_u64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return fp_f32_to_ui64(&(<CPUHead *>env).fpst, <uint32_t>a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f64_to_i32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t><int64_t>fp_f64_to_i32(&(<CPUHead *>env).fpst, a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f64_to_u32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t><int64_t><int32_t>fp_f64_to_ui32(&(<CPUHead *>env).fpst, a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f64_to_i64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return <uint64_t>fp_f64_to_i64(&(<CPUHead *>env).fpst, a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_f64_to_u64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil:
    return fp_f64_to_ui64(&(<CPUHead *>env).fpst, a,
        <uint8_t>rm, FP_INT_RISCV)


cdef uint64_t helper_fminmax32(void *env, uint64_t a, uint64_t b, uint64_t max,
                               uint64_t d) noexcept nogil:
    return soft_minmax32(&(<CPUHead *>env).fpst, <uint32_t>a, <uint32_t>b,
                         <uint8_t>(FP_MM_NUMBER | (FP_MM_MAX if max else 0)))


cdef uint64_t helper_fminmax64(void *env, uint64_t a, uint64_t b, uint64_t max,
                               uint64_t d) noexcept nogil:
    return soft_minmax64(&(<CPUHead *>env).fpst, a, b,
                         <uint8_t>(FP_MM_NUMBER | (FP_MM_MAX if max else 0)))


cdef uint64_t helper_fclass32(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil:
    return fp_classify32(&(<CPUHead *>env).fpst, <uint32_t>a)


cdef uint64_t helper_fclass64(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil:
    return fp_classify64(&(<CPUHead *>env).fpst, a)
