# RISC-V floating-point operations that are calls: conversions to integers, min, max, class.
# Called by: emitted code. Arithmetic proper: IR ops.
from engine._core.base.types cimport uint64_t

# a: bits of the operand, rm: 0..4 or 7 (dynamic). 32-bit results are sign-extended.
cdef uint64_t helper_f32_to_i32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f32_to_u32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f32_to_i64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f32_to_u64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f64_to_i32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f64_to_u32(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f64_to_i64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
cdef uint64_t helper_f64_to_u64(void *env, uint64_t a, uint64_t rm, uint64_t c,
                                uint64_t d) noexcept nogil
# max: 0 or 1
cdef uint64_t helper_fminmax32(void *env, uint64_t a, uint64_t b, uint64_t max,
                               uint64_t d) noexcept nogil
cdef uint64_t helper_fminmax64(void *env, uint64_t a, uint64_t b, uint64_t max,
                               uint64_t d) noexcept nogil
cdef uint64_t helper_fclass32(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil
cdef uint64_t helper_fclass64(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil
