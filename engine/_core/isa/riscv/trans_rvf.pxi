# RISC-V families: F and D. Included by riscv.pyx. Unprivileged ISA, chapters "F" and "D". `width`
# is 32 or 64. Narrow values are NaN-boxed in the 64-bit registers: reading unboxes (a value that
# is not boxed reads as the canonical NaN), writing boxes. mstatus.FS: off makes all of this
# illegal; an instruction that writes F state while FS is not Dirty sets it and ends the block, so
# that blocks know.

cdef bint fp_ready(DisasContext *dc) noexcept nogil:
    """Is F state on? Else an illegal-instruction exception was generated."""
    if dc.tb_flags & TBF_FS_ON:
        return True
    gen_illegal(dc, HINT_FP_OFF)
    return False


cdef bint fp_ready_rm(DisasContext *dc, int64_t rm) noexcept nogil:
    if not fp_ready(dc):
        return False
    if rm == 7 and dc.tb_flags & TBF_FRM_BAD:
        gen_illegal(dc, HINT_FRM)
        return False
    return True


cdef void fp_written(DisasContext *dc) noexcept nogil:
    """After the last op of an instruction that changes f registers or fflags."""
    cdef IR *ir = dc.ir
    cdef uint32_t t
    if dc.tb_flags & TBF_FS_DIRTY:
        return
    t = ir_local(ir, TYPE_I)
    ir_ld64(ir, t, off_mstatus())
    ir_or(ir, t, t, ir_const(ir, MSTATUS_FS))
    ir_st64(ir, t, off_mstatus())
    ir_st32(ir, ir_const(ir, dc.tb_flags | TBF_FS_DIRTY), off_tb_flags())
    dc.is_jmp = DISAS_STOP


cdef inline uint32_t fpr(int64_t r) noexcept nogil:
    return 31 + <uint32_t>r


cdef uint32_t get_fpr(DisasContext *dc, int64_t r, uint32_t width) noexcept nogil:
    cdef uint32_t t
    if width == 64:
        return fpr(r)
    t = ir_local(dc.ir, TYPE_F)
    ir_funbox32(dc.ir, t, fpr(r))
    return t


cdef uint32_t dest_fpr(DisasContext *dc, int64_t r, uint32_t width) noexcept nogil:
    """Where to compute a result for put_fpr."""
    return fpr(r) if width == 64 else ir_local(dc.ir, TYPE_F)


cdef void put_fpr(DisasContext *dc, int64_t r, uint32_t t, uint32_t width) noexcept nogil:
    if width == 32:
        ir_fbox32(dc.ir, fpr(r), t)
    fp_written(dc)


cdef uint32_t get_bits(DisasContext *dc, int64_t r, uint32_t width) noexcept nogil:
    """The (unboxed) operand as an integer."""
    cdef uint32_t t = ir_local(dc.ir, TYPE_I)
    ir_fmovr(dc.ir, t, get_fpr(dc, r, width))
    return t


cdef void put_bits(DisasContext *dc, int64_t r, uint32_t t, uint32_t width) noexcept nogil:
    if width == 32:
        ir_or(dc.ir, t, t, ir_const(dc.ir, 0xffffffff00000000ULL))
    ir_fmovi(dc.ir, fpr(r), t)
    fp_written(dc)


cdef bint fload(DisasContext *dc, const args_FL *a, uint32_t memop) noexcept nogil:
    cdef uint32_t t
    if not fp_ready(dc):
        return True
    t = dest_fpr(dc, a.fd, 64 if memop == MO_64 else 32)
    ir_gldf(dc.ir, t, address(dc, a.rs1, a.imm), access(dc, memop))
    put_fpr(dc, a.fd, t, 64 if memop == MO_64 else 32)
    return True


cdef bint fstore(DisasContext *dc, const args_FS *a, uint32_t memop) noexcept nogil:
    if fp_ready(dc):                # the low half as it is, boxed or not
        ir_gstf(dc.ir, address(dc, a.rs1, a.imm), fpr(a.fs2), access(dc, memop))
    return True


cdef bint farith(DisasContext *dc, const args_FR *a, uint32_t op, uint32_t width) noexcept nogil:
    cdef uint32_t[4] v
    if not fp_ready_rm(dc, a.rm):
        return True
    v[1] = get_fpr(dc, a.fs1, width)
    v[2] = get_fpr(dc, a.fs2, width)
    v[0] = dest_fpr(dc, a.fd, width)
    v[3] = <uint32_t>a.rm
    ir_append(dc.ir, op, 4, &v[0])
    put_fpr(dc, a.fd, v[0], width)
    return True


cdef bint fma(DisasContext *dc, const args_FR4 *a, uint32_t op, uint32_t negate,
              uint32_t width) noexcept nogil:
    cdef uint32_t[6] v
    if not fp_ready_rm(dc, a.rm):
        return True
    v[1] = get_fpr(dc, a.fs1, width)
    v[2] = get_fpr(dc, a.fs2, width)
    v[3] = get_fpr(dc, a.fs3, width)
    v[0] = dest_fpr(dc, a.fd, width)
    v[4] = <uint32_t>a.rm
    v[5] = negate
    ir_append(dc.ir, op, 6, &v[0])
    put_fpr(dc, a.fd, v[0], width)
    return True


cdef bint fsqrt(DisasContext *dc, const args_FR1 *a, uint32_t op, uint32_t width) noexcept nogil:
    cdef uint32_t[3] v
    if not fp_ready_rm(dc, a.rm):
        return True
    v[1] = get_fpr(dc, a.fs1, width)
    v[0] = dest_fpr(dc, a.fd, width)
    v[2] = <uint32_t>a.rm
    ir_append(dc.ir, op, 3, &v[0])
    put_fpr(dc, a.fd, v[0], width)
    return True


cdef bint fsign(DisasContext *dc, const args_FF *a, uint32_t how, uint32_t width) noexcept nogil:
    """Sign injection: 0 of fs2, 1 its inverse, 2 the exclusive or."""
    cdef IR *ir = dc.ir
    cdef uint64_t sign = 1ULL << (width - 1)
    cdef uint32_t x, y
    if not fp_ready(dc):
        return True
    if how == 0 and a.fs1 == a.fs2 and width == 64:
        ir_fmov(ir, fpr(a.fd), fpr(a.fs1))
        fp_written(dc)
        return True
    x = get_bits(dc, a.fs1, width)
    if how == 0 and a.fs1 == a.fs2:
        put_bits(dc, a.fd, x, width)
        return True
    if a.fs1 == a.fs2:              # fneg, fabs
        if how == 1:
            ir_xor(ir, x, x, ir_const(ir, sign))
        else:
            ir_and(ir, x, x, ir_const(ir, ~sign))
        put_bits(dc, a.fd, x, width)
        return True
    y = get_bits(dc, a.fs2, width)
    if how == 1:
        ir_not(ir, y, y)
    ir_and(ir, y, y, ir_const(ir, sign))
    if how == 2:
        ir_xor(ir, x, x, y)
    else:
        ir_and(ir, x, x, ir_const(ir, ~sign))
        ir_or(ir, x, x, y)
    put_bits(dc, a.fd, x, width)
    return True


cdef bint fminmax(DisasContext *dc, const args_FF *a, uint32_t is_max,
                  uint32_t width) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t
    if not fp_ready(dc):
        return True
    t = ir_local(ir, TYPE_I)
    ir_call(ir, &fminmax32_info if width == 32 else &fminmax64_info, t,
            get_bits(dc, a.fs1, width), get_bits(dc, a.fs2, width), ir_const(ir, is_max), IR_NONE)
    put_bits(dc, a.fd, t, width)
    return True


cdef bint fcompare(DisasContext *dc, const args_FCMP *a, uint32_t n, uint32_t width) noexcept nogil:
    cdef uint32_t x, y, d
    if not fp_ready(dc):
        return True
    x = get_fpr(dc, a.fs1, width)
    y = get_fpr(dc, a.fs2, width)
    d = set_gpr(dc, a.rd)
    if width == 32:
        ir_fcmp32(dc.ir, d, x, y, n)
    else:
        ir_fcmp64(dc.ir, d, x, y, n)
    fp_written(dc)
    return True


cdef bint fclassify(DisasContext *dc, const args_FX *a, uint32_t width) noexcept nogil:
    if fp_ready(dc) and a.rd:
        ir_call(dc.ir, &fclass32_info if width == 32 else &fclass64_info, set_gpr(dc, a.rd),
                get_bits(dc, a.fs1, width), IR_NONE, IR_NONE, IR_NONE)
    return True


cdef bint fcvt_to_int(DisasContext *dc, const args_FTOI *a, uint32_t kind,
                      uint32_t width) noexcept nogil:
    cdef uint32_t d
    if not fp_ready_rm(dc, a.rm):
        return True
    d = set_gpr(dc, a.rd)
    ir_call(dc.ir, &fcvt_info[kind + (4 if width == 64 else 0)], d, get_bits(dc, a.fs1, width),
            ir_const(dc.ir, <uint64_t>a.rm), IR_NONE, IR_NONE)
    if rv32(dc):
        ir_ext32u(dc.ir, d, d)
    fp_written(dc)
    return True


cdef void from_int(DisasContext *dc, uint32_t op, int64_t fd, int64_t rs1, int64_t rm,
                   uint32_t width) noexcept nogil:
    cdef uint32_t[3] v
    v[0] = dest_fpr(dc, fd, width)
    v[1] = get_gpr(dc, rs1)
    v[2] = <uint32_t>rm
    ir_append(dc.ir, op, 3, &v[0])
    put_fpr(dc, fd, v[0], width)


cdef bint fcvt_from_int(DisasContext *dc, const args_ITOF *a, uint32_t op,
                        uint32_t width) noexcept nogil:
    if fp_ready_rm(dc, a.rm):
        from_int(dc, op, a.fd, a.rs1, a.rm, width)
    return True


cdef bint fcvt_from_int_exact(DisasContext *dc, const args_ITOFX *a, uint32_t op,
                              uint32_t width) noexcept nogil:
    if fp_ready_rm(dc, a.rme):
        from_int(dc, op, a.fd, a.rs1, a.rme, width)
    return True


cdef bint fcvt_narrow(DisasContext *dc, const args_FR1 *a) noexcept nogil:
    cdef uint32_t t
    if not fp_ready_rm(dc, a.rm):
        return True
    t = dest_fpr(dc, a.fd, 32)
    ir_fcvt64_32(dc.ir, t, fpr(a.fs1), <uint32_t>a.rm)
    put_fpr(dc, a.fd, t, 32)
    return True


cdef bint fcvt_widen(DisasContext *dc, const args_FR1X *a) noexcept nogil:
    if not fp_ready_rm(dc, a.rme):
        return True
    ir_fcvt32_64(dc.ir, fpr(a.fd), get_fpr(dc, a.fs1, 32))
    fp_written(dc)
    return True


cdef bint fmv_to_int(DisasContext *dc, const args_FX *a, uint32_t width) noexcept nogil:
    """The bits as they are: no unboxing."""
    cdef uint32_t d
    if not fp_ready(dc) or a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    ir_fmovr(dc.ir, d, fpr(a.fs1))
    if rv32(dc):
        ir_ext32u(dc.ir, d, d)
    elif width == 32:
        ir_ext32s(dc.ir, d, d)
    return True


cdef bint fmv_from_int(DisasContext *dc, const args_XF *a, uint32_t width) noexcept nogil:
    cdef uint32_t t
    if not fp_ready(dc):
        return True
    if width == 64:
        ir_fmovi(dc.ir, fpr(a.fd), get_gpr(dc, a.rs1))
        fp_written(dc)
        return True
    t = ir_local(dc.ir, TYPE_I)
    ir_mov(dc.ir, t, get_gpr(dc, a.rs1))
    put_bits(dc, a.fd, t, 32)
    return True
