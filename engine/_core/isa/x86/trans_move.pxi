# x86 families: moves, conversions, exchanges, compare and exchange, SETcc and CMOVcc. Included by
# x86.pyx. SDM volume 2.

# -- moves
cdef bint trans_mov(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t n
    if i.row.ops[1].kind == X86_I:
        n = reg_of(i, 0)
        if n != IR_NONE and op_log2(i, 0) >= 2:
            ir_mov(dc.ir, n, const(dc, i.imm[0] & mask_of(op_log2(i, 0))))
            return True
    put_op(dc, i, 0, get_op(dc, i, 1))
    return True


cdef bint trans_mov_offset(DisasContext *dc, X86Insn *i, bint to_memory) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 0)
    if to_memory:
        store(dc, i, log2, get_reg(dc, i, log2, R_AX))
    else:
        set_reg(dc, i, log2, R_AX, load(dc, i, log2))
    return True


cdef bint trans_movx(DisasContext *dc, X86Insn *i, bint is_signed) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 1), t
    if i.is_mem and is_signed:
        t = local(dc)
        ir_gld(dc.ir, t, address(dc, i, log2), oi(dc, log2 | MO_SIGN))
    else:
        t = get_op(dc, i, 1)
        if is_signed:
            t = widen_signed(dc, log2, t)
    put_op(dc, i, 0, t)
    return True


cdef bint trans_lea(DisasContext *dc, X86Insn *i) noexcept nogil:
    set_reg(dc, i, i.opsize, i.reg, offset_of(dc, i))
    return True


cdef bint trans_xchg(DisasContext *dc, X86Insn *i) noexcept nogil:
    """With memory it is locked with or without the prefix."""
    cdef uint32_t log2 = op_log2(i, 0), t = local(dc), m = reg_of(i, 0), n = reg_of(i, 1)
    if m == IR_NONE:
        ir_gxchg(dc.ir, t, atomic_address(dc, i, log2), narrow(dc, log2, get_reg(dc, i, log2, n)),
                 oi(dc, log2))
        set_reg(dc, i, log2, n, t)
        return True
    ir_mov(dc.ir, t, get_reg(dc, i, log2, m))
    set_reg(dc, i, log2, m, get_reg(dc, i, log2, n))
    set_reg(dc, i, log2, n, t)
    return True


cdef bint trans_nop(DisasContext *dc, X86Insn *i) noexcept nogil:
    return True


cdef bint trans_clflush(DisasContext *dc, X86Insn *i) noexcept nogil:
    """There are no caches, but the byte must be readable (SDM 2, CLFLUSH)."""
    load(dc, i, 0)
    return True


cdef bint trans_nop90(DisasContext *dc, X86Insn *i) noexcept nogil:
    """REX.B makes it XCHG with R8."""
    cdef uint32_t t
    if i.rex & 1:
        t = local(dc)
        ir_mov(dc.ir, t, R_AX)
        set_reg(dc, i, i.opsize, R_AX, 8)
        set_reg(dc, i, i.opsize, 8, t)
    return True


cdef bint trans_fence(DisasContext *dc, X86Insn *i) noexcept nogil:
    ir_fence(dc.ir)
    return True


cdef bint trans_convert(DisasContext *dc, X86Insn *i) noexcept nogil:
    """CBW CWDE CDQE."""
    set_reg(dc, i, i.opsize, R_AX, widen_signed(dc, i.opsize - 1, R_AX))
    return True


cdef bint trans_convert_double(DisasContext *dc, X86Insn *i) noexcept nogil:
    """CWD CDQ CQO."""
    cdef uint32_t t = local(dc)
    ir_sar(dc.ir, t, widen_signed(dc, i.opsize, R_AX), const(dc, 63))
    set_reg(dc, i, i.opsize, R_DX, t)
    return True


cdef bint trans_setcc(DisasContext *dc, X86Insn *i, uint32_t code) noexcept nogil:
    cdef Cond c
    gen_cond(dc, code, &c)
    put_op(dc, i, 0, cond_value(dc, &c))
    return True


cdef bint trans_cmov(DisasContext *dc, X86Insn *i, uint32_t code) noexcept nogil:
    cdef Cond c
    cdef uint32_t b = get_op(dc, i, 1), t = local(dc)
    gen_cond(dc, code, &c)
    move_if(dc, t, &c, b, i.reg)
    set_reg(dc, i, i.opsize, i.reg, t)
    return True


cdef bint trans_bswap(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t n = reg_of(i, 0)
    if i.opsize == 3:
        ir_bswap(dc.ir, n, n)
    elif i.opsize == 2:
        ir_bswap32(dc.ir, n, n)
    else:                           # undefined; processors clear it
        ir_deposit(dc.ir, n, n, const(dc, 0), 0, 16)
    return True


cdef bint trans_movbe(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 0)
    cdef uint32_t t = local(dc)
    if i.prefixes & P_REP:
        return False
    ir_op1(dc.ir, OP_bswap if log2 == 3 else OP_bswap32 if log2 == 2 else OP_bswap16, t,
           get_op(dc, i, 1))
    put_op(dc, i, 0, t)
    return True


# -- exchange and add, compare and exchange
cdef bint trans_xadd(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a = local(dc), b = local(dc), d = local(dc)
    ir_mov(ir, b, narrow(dc, log2, get_op(dc, i, 1)))
    if i.prefixes & P_LOCK:
        ir_gadd(ir, a, atomic_address(dc, i, log2), b, oi(dc, log2))
    else:
        ir_mov(ir, a, get_op(dc, i, 0))
    alu_op(dc, ALU_ADD, log2, d, a, b)
    if i.is_mem and not i.prefixes & P_LOCK:
        store(dc, i, log2, d)
    set_reg(dc, i, log2, i.reg, a)
    if not i.is_mem:
        set_reg(dc, i, log2, i.rm, d)
    alu_flags(dc, ALU_ADD, log2, d, a, b)
    return True


cdef bint trans_cmpxchg(DisasContext *dc, X86Insn *i) noexcept nogil:
    """Memory is written either way, as the processor does."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a = local(dc), old = local(dc), t = local(dc), b
    ir_mov(ir, a, narrow(dc, log2, get_reg(dc, i, log2, R_AX)))
    b = narrow(dc, log2, get_op(dc, i, 1))
    if i.is_mem:
        ir_gcas(ir, old, atomic_address(dc, i, log2), a, b, oi(dc, log2))
    else:
        ir_mov(ir, old, narrow(dc, log2, get_op(dc, i, 0)))
        ir_movcond(ir, t, old, a, b, old, COND_eq)
    # The accumulator first: the destination may be it. 32 bits are only written when they change.
    if log2 == 2:
        ir_movcond(ir, R_AX, old, a, R_AX, old, COND_eq)
        if not i.is_mem:
            ir_movcond(ir, i.rm, old, a, t, i.rm, COND_eq)
    else:
        set_reg(dc, i, log2, R_AX, old)
        if not i.is_mem:
            set_reg(dc, i, log2, i.rm, t)
    alu_flags(dc, ALU_CMP, log2, IR_NONE, a, old)
    return True


cdef bint trans_cmpxchg2(DisasContext *dc, X86Insn *i) noexcept nogil:
    """CMPXCHG8B and 16B: two words; one thread runs the guest, so two accesses are one."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = 3 if i.opsize == 3 else 2, lo = local(dc), hi = local(dc)
    cdef uint32_t at = atomic_address(dc, i, log2), at2 = local(dc)
    cdef uint32_t nlo = local(dc), nhi = local(dc)
    cdef uint32_t z = local(dc), t = local(dc), f
    if log2 == 3:
        ir_and(ir, t, at, const(dc, 15))
        gen_exception_if(dc, COND_ne, t, const(dc, 0), X86_EXCP_GP, FAULT_TRAP, HINT_ALIGNED,
                         at)
    ir_op2(ir, OP_add if ctx(dc).mode == X86_MODE_64 else OP_add32, at2, at, const(dc, 1 << log2))
    ir_gld(ir, lo, at, oi(dc, log2 | MO_ATOMIC))
    ir_gld(ir, hi, at2, oi(dc, log2 | MO_ATOMIC))
    ir_xor(ir, z, lo, narrow(dc, log2, R_AX))
    ir_xor(ir, t, hi, narrow(dc, log2, R_DX))
    ir_or(ir, z, z, t)
    ir_movcond(ir, nlo, z, const(dc, 0), R_BX, lo, COND_eq)
    ir_movcond(ir, nhi, z, const(dc, 0), R_CX, hi, COND_eq)
    ir_gst(ir, at2, nhi, oi(dc, log2))
    ir_gst(ir, at, nlo, oi(dc, log2))
    f = local(dc)
    ir_and(ir, f, get_flags(dc), const(dc, F_ARITH & ~F_ZF))
    ir_setcond(ir, t, z, const(dc, 0), COND_eq)
    ir_shl(ir, t, t, const(dc, 6))
    ir_or(ir, f, f, t)
    ir_movcond(ir, R_AX, z, const(dc, 0), R_AX, lo, COND_eq)
    ir_movcond(ir, R_DX, z, const(dc, 0), R_DX, hi, COND_eq)
    set_flags(dc, f)
    return True
