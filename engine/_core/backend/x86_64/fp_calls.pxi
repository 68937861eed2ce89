# What emitted code calls for floating point that it cannot do inline, with one signature for all.
# Included by x86_64.pyx. The functions are those of the interpreter (ir/ops.tab, column meaning).
ctypedef uint64_t (*soft_fn)(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                             uint32_t n) noexcept nogil

cdef uint64_t c_fadd32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_add32(st, <uint32_t>a, <uint32_t>b, <uint8_t>rm)

cdef uint64_t c_fsub32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_sub32(st, <uint32_t>a, <uint32_t>b, <uint8_t>rm)

cdef uint64_t c_fmul32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_mul32(st, <uint32_t>a, <uint32_t>b, <uint8_t>rm)

cdef uint64_t c_fdiv32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_div32(st, <uint32_t>a, <uint32_t>b, <uint8_t>rm)

cdef uint64_t c_fsqrt32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_sqrt32(st, <uint32_t>a, <uint8_t>rm)

cdef uint64_t c_fma32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                      uint32_t n) noexcept nogil:
    return fp_muladd32(st, <uint32_t>a, <uint32_t>b, <uint32_t>c, <uint8_t>n, <uint8_t>rm)

cdef uint64_t c_fadd64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_add64(st, a, b, <uint8_t>rm)

cdef uint64_t c_fsub64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_sub64(st, a, b, <uint8_t>rm)

cdef uint64_t c_fmul64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_mul64(st, a, b, <uint8_t>rm)

cdef uint64_t c_fdiv64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_div64(st, a, b, <uint8_t>rm)

cdef uint64_t c_fsqrt64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_sqrt64(st, a, <uint8_t>rm)

cdef uint64_t c_fma64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                      uint32_t n) noexcept nogil:
    return fp_muladd64(st, a, b, c, <uint8_t>n, <uint8_t>rm)

cdef uint64_t c_fcvt64_32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                          uint32_t n) noexcept nogil:
    return fp_f64_to_f32(st, a, <uint8_t>rm)

cdef uint64_t c_fcvt32_64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                          uint32_t n) noexcept nogil:
    return fp_f32_to_f64(st, <uint32_t>a, 0)

cdef uint64_t c_fcmp32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_cmp32(st, <uint32_t>a, <uint32_t>b, n)

cdef uint64_t c_fcmp64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return fp_cmp64(st, a, b, n)

cdef uint64_t c_fi32_32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_i32_to_f32(st, <int32_t>a, <uint8_t>rm)

cdef uint64_t c_fu32_32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_ui32_to_f32(st, <uint32_t>a, <uint8_t>rm)

cdef uint64_t c_fi64_32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_i64_to_f32(st, <int64_t>a, <uint8_t>rm)

cdef uint64_t c_fu64_32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_ui64_to_f32(st, a, <uint8_t>rm)

cdef uint64_t c_fi32_64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_i32_to_f64(st, <int32_t>a, <uint8_t>rm)

cdef uint64_t c_fu32_64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_ui32_to_f64(st, <uint32_t>a, <uint8_t>rm)

cdef uint64_t c_fi64_64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_i64_to_f64(st, <int64_t>a, <uint8_t>rm)

cdef uint64_t c_fu64_64(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                        uint32_t n) noexcept nogil:
    return fp_ui64_to_f64(st, a, <uint8_t>rm)

# Counts of hosts without the instruction.
cdef uint64_t c_popcnt(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                       uint32_t n) noexcept nogil:
    return popcnt64(a)

cdef uint64_t c_popcnt32(FPStatus *st, uint64_t a, uint64_t b, uint64_t c, uint32_t rm,
                         uint32_t n) noexcept nogil:
    return popcnt64(<uint32_t>a)


# By op number; NULL: has no such function.
cdef soft_fn[256] soft_of

soft_of[OP_fadd32] = c_fadd32
soft_of[OP_fsub32] = c_fsub32
soft_of[OP_fmul32] = c_fmul32
soft_of[OP_fdiv32] = c_fdiv32
soft_of[OP_fsqrt32] = c_fsqrt32
soft_of[OP_fma32] = c_fma32
soft_of[OP_fadd64] = c_fadd64
soft_of[OP_fsub64] = c_fsub64
soft_of[OP_fmul64] = c_fmul64
soft_of[OP_fdiv64] = c_fdiv64
soft_of[OP_fsqrt64] = c_fsqrt64
soft_of[OP_fma64] = c_fma64
soft_of[OP_fcvt64_32] = c_fcvt64_32
soft_of[OP_fcvt32_64] = c_fcvt32_64
soft_of[OP_fcmp32] = c_fcmp32
soft_of[OP_fcmp64] = c_fcmp64
soft_of[OP_fi32_32] = c_fi32_32
soft_of[OP_fu32_32] = c_fu32_32
soft_of[OP_fi64_32] = c_fi64_32
soft_of[OP_fu64_32] = c_fu64_32
soft_of[OP_fi32_64] = c_fi32_64
soft_of[OP_fu32_64] = c_fu32_64
soft_of[OP_fi64_64] = c_fi64_64
soft_of[OP_fu64_64] = c_fu64_64
soft_of[OP_popcnt] = c_popcnt
soft_of[OP_popcnt32] = c_popcnt32
