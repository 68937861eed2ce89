# x86 families: arithmetic, logic, moves, shifts, bits, multiplication and division. Included by
# x86.pyx. SDM volume 2; what the manual leaves undefined is as Intel's cores do where known.

# -- add or adc sbb and sub xor cmp test
cdef void alu_op(DisasContext *dc, uint32_t op, uint32_t log2, uint32_t d, uint32_t a,
                 uint32_t b) noexcept nogil:
    """d = a op b in its size, zero-extended. Not for adc and sbb."""
    cdef IR *ir = dc.ir
    if op == ALU_ADD:
        ir_op2(ir, OP_add32 if log2 == 2 else OP_add, d, a, b)
    elif op == ALU_SUB or op == ALU_CMP:
        ir_op2(ir, OP_sub32 if log2 == 2 else OP_sub, d, a, b)
    else:
        ir_op2(ir, OP_or if op == ALU_OR else OP_xor if op == ALU_XOR else OP_and, d, a, b)
        if log2 == 2:
            ir_ext32u(ir, d, d)
        return
    if log2 == 0:
        ir_ext8u(ir, d, d)
    elif log2 == 1:
        ir_ext16u(ir, d, d)


cdef void alu_carry(DisasContext *dc, uint32_t op, uint32_t log2, uint32_t d, uint32_t a,
                    uint32_t b, uint32_t cf) noexcept nogil:
    """d = a + b + cf or a - b - cf."""
    cdef uint32_t t = local(dc)
    ir_add(dc.ir, t, b, cf)
    alu_op(dc, ALU_ADD if op == ALU_ADC else ALU_SUB, log2, d, a, t)


cdef void alu_flags(DisasContext *dc, uint32_t op, uint32_t log2, uint32_t d, uint32_t a,
                    uint32_t b) noexcept nogil:
    """Flags of d = a op b; a and b are still what they were."""
    cdef IR *ir = dc.ir
    if op == ALU_ADD:
        ir_mov(ir, T_CC_SRC, b)
        ir_mov(ir, T_CC_DST, d)
        set_cc(dc, CC_ADD + log2)
    elif op == ALU_SUB or op == ALU_CMP:
        ir_mov(ir, T_CC_SRC, b)
        ir_mov(ir, T_CC_DST, a)
        set_cc(dc, CC_SUB + log2)
    elif op == ALU_ADC or op == ALU_SBB:
        ir_mov(ir, T_CC_SRC, b)
        ir_mov(ir, T_CC_SRC2, a)
        ir_mov(ir, T_CC_DST, d)
        set_cc(dc, (CC_ADC if op == ALU_ADC else CC_SBB) + log2)
    else:
        ir_mov(ir, T_CC_DST, d)
        set_cc(dc, CC_LOGIC + log2)


cdef void alu_locked(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t log2,
                     uint32_t b) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t a = local(dc), d = local(dc), t, cf, again
    if op == ALU_ADC or op == ALU_SBB:
        again = ir_new_label(ir)
        cf = get_cf(dc)
        ir_place_label(ir, again)
        a = load(dc, i, log2)
        alu_carry(dc, op, log2, d, a, b, cf)
        t = local(dc)
        ir_gcas(ir, t, address(dc, i, log2), a, d, oi(dc, log2))
        ir_brcond(ir, t, a, COND_ne, again)
        alu_flags(dc, op, log2, d, a, b)
        return
    if op == ALU_ADD:
        ir_gadd(ir, a, address(dc, i, log2), b, oi(dc, log2))
    elif op == ALU_SUB:
        t = local(dc)
        ir_neg(ir, t, b)
        ir_gadd(ir, a, address(dc, i, log2), narrow(dc, log2, t), oi(dc, log2))
    elif op == ALU_AND:
        ir_gand(ir, a, address(dc, i, log2), b, oi(dc, log2))
    elif op == ALU_OR:
        ir_gor(ir, a, address(dc, i, log2), b, oi(dc, log2))
    else:
        ir_gxor(ir, a, address(dc, i, log2), b, oi(dc, log2))
    alu_op(dc, op, log2, d, a, b)
    alu_flags(dc, op, log2, d, a, b)


cdef bint trans_alu(DisasContext *dc, X86Insn *i, uint32_t op) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), n = reg_of(i, 0), a, b, d, cf
    b = get_op(dc, i, 1)
    if i.prefixes & P_LOCK:
        alu_locked(dc, i, op, log2, narrow(dc, log2, b) if b < T_CC_OP else b)
        return True
    if (op == ALU_XOR or op == ALU_SUB) and n != IR_NONE and log2 >= 2 and b == n:
        ir_mov(ir, n, const(dc, 0))         # the idiom for 0
        ir_mov(ir, T_CC_DST, const(dc, 0))
        set_cc(dc, CC_LOGIC + log2)
        return True
    a = get_op(dc, i, 0)
    if op == ALU_CMP:
        alu_flags(dc, op, log2, IR_NONE, a, b)
        return True
    if op == ALU_TEST and a == b:
        alu_flags(dc, op, log2, a, a, b)
        return True
    d = local(dc)
    if op == ALU_ADC or op == ALU_SBB:
        cf = get_cf(dc)
        alu_carry(dc, op, log2, d, a, b, cf)
    else:
        alu_op(dc, op, log2, d, a, b)
    if op != ALU_TEST and n == IR_NONE:
        store(dc, i, log2, d)
    alu_flags(dc, op, log2, d, a, b)
    if op != ALU_TEST and n != IR_NONE:
        if log2 == 2:
            ir_mov(ir, n, d)
        else:
            set_reg(dc, i, log2, n, d)
    return True


cdef bint trans_incdec(DisasContext *dc, X86Insn *i, bint down) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), n = reg_of(i, 0), a, d = local(dc), cf = get_cf(dc)
    if i.prefixes & P_LOCK:
        a = local(dc)
        ir_gadd(ir, a, address(dc, i, log2), const(dc, mask_of(log2) if down else 1), oi(dc, log2))
    else:
        a = get_op(dc, i, 0)
    alu_op(dc, ALU_SUB if down else ALU_ADD, log2, d, a, const(dc, 1))
    if n == IR_NONE and not i.prefixes & P_LOCK:
        store(dc, i, log2, d)
    elif n != IR_NONE:
        set_reg(dc, i, log2, n, d)
    ir_mov(ir, T_CC_DST, d)
    ir_mov(ir, T_CC_SRC, cf)
    set_cc(dc, (CC_DEC if down else CC_INC) + log2)
    return True


cdef bint trans_neg(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a, d = local(dc), t, again
    if i.prefixes & P_LOCK:
        again = ir_new_label(ir)
        ir_place_label(ir, again)
        a = load(dc, i, log2)
        alu_op(dc, ALU_SUB, log2, d, const(dc, 0), a)
        t = local(dc)
        ir_gcas(ir, t, address(dc, i, log2), a, d, oi(dc, log2))
        ir_brcond(ir, t, a, COND_ne, again)
        alu_flags(dc, ALU_SUB, log2, d, const(dc, 0), a)
        return True
    a = get_op(dc, i, 0)
    alu_op(dc, ALU_SUB, log2, d, const(dc, 0), a)
    if i.is_mem:
        store(dc, i, log2, d)
    alu_flags(dc, ALU_SUB, log2, d, const(dc, 0), a)
    if not i.is_mem:
        set_reg(dc, i, log2, i.rm, d)
    return True


cdef bint trans_not(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 0), t = local(dc)
    if i.prefixes & P_LOCK:
        ir_gxor(dc.ir, t, address(dc, i, log2), const(dc, mask_of(log2)), oi(dc, log2))
        return True
    ir_not(dc.ir, t, get_op(dc, i, 0))
    put_op(dc, i, 0, t)
    return True


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
        ir_gxchg(dc.ir, t, address(dc, i, log2), narrow(dc, log2, get_reg(dc, i, log2, n)),
                 oi(dc, log2))
        set_reg(dc, i, log2, n, t)
        return True
    ir_mov(dc.ir, t, get_reg(dc, i, log2, m))
    set_reg(dc, i, log2, m, get_reg(dc, i, log2, n))
    set_reg(dc, i, log2, n, t)
    return True


cdef bint trans_nop(DisasContext *dc, X86Insn *i) noexcept nogil:
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
        ir_gadd(ir, a, address(dc, i, log2), b, oi(dc, log2))
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
        ir_gcas(ir, old, address(dc, i, log2), a, b, oi(dc, log2))
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
    cdef uint32_t at = address(dc, i, log2), at2 = local(dc), nlo = local(dc), nhi = local(dc)
    cdef uint32_t z = local(dc), t = local(dc), f
    if log2 == 3:
        ir_and(ir, t, at, const(dc, 15))
        gen_exception_if(dc, COND_ne, t, const(dc, 0), X86_EXCP_GP, FAULT_TRAP, HINT_NONE, at)
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


# -- shifts
cdef uint32_t shift_count(DisasContext *dc, X86Insn *i, uint32_t log2) noexcept nogil:
    """A temp, or a constant when it is known."""
    cdef uint32_t t
    cdef uint64_t mask = 63 if log2 == 3 else 31
    if i.row.ops[i.row.n_ops - 1].kind == X86_one:
        return const(dc, 1)
    if i.row.ops[i.row.n_ops - 1].kind == X86_I:
        return const(dc, i.imm[0] & mask)
    t = local(dc)
    ir_and(dc.ir, t, R_CX, const(dc, mask))
    return t


cdef void merge_cc(DisasContext *dc, uint32_t count, uint32_t dst, uint32_t src,
                   uint32_t op) noexcept nogil:
    """Flags of a shift by a count in a temp: 0 changes none."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc)
    ir_movcond(ir, t, count, const(dc, 0), cc_temp(dc), const(dc, op), COND_eq)
    ir_movcond(ir, T_CC_DST, count, const(dc, 0), T_CC_DST, dst, COND_eq)
    ir_movcond(ir, T_CC_SRC, count, const(dc, 0), T_CC_SRC, src, COND_eq)
    set_cc_temp(dc, t)


cdef bint is_const(DisasContext *dc, uint32_t t) noexcept nogil:
    return dc.ir.temps[t].kind == TEMP_CONST


cdef bint trans_shift(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """SHL SHR SAR. The operand shifted by one less has CF at its end."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), n = reg_of(i, 0), count = shift_count(dc, i, log2)
    cdef uint32_t a, d = local(dc), one_less = local(dc), less, op
    cdef bint known = is_const(dc, count)
    if known and ir.temps[count].value == 0:
        if n == IR_NONE:
            load(dc, i, log2)
        elif log2 == 2:
            ir_ext32u(ir, n, n)
        return True
    a = get_op(dc, i, 0)
    if what == SH_SAR:
        a = widen_signed(dc, log2, a)
        op = OP_sar
    else:
        if n != IR_NONE and log2 == 2:
            a = narrow(dc, 2, a)
        op = OP_shl if what == SH_SHL else OP_shr
    if known:
        less = const(dc, ir.temps[count].value - 1)
    else:
        less = local(dc)
        ir_sub(ir, less, count, const(dc, 1))
    ir_op2(ir, op, one_less, a, less)
    ir_op2(ir, op, d, a, count)
    if log2 < 3:
        d = narrow(dc, log2, d)
    if n == IR_NONE:
        store(dc, i, log2, d)
    op = (CC_SHL if what == SH_SHL else CC_SHR if what == SH_SHR else CC_SAR) + log2
    if known:
        ir_mov(ir, T_CC_DST, d)
        ir_mov(ir, T_CC_SRC, one_less)
        set_cc(dc, op)
    else:
        merge_cc(dc, count, d, one_less, op)
    if n != IR_NONE:
        if log2 == 2:
            ir_mov(ir, n, d)
        else:
            set_reg(dc, i, log2, n, d)
    return True


cdef bint trans_rotate(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """ROL ROR RCL RCR: value and flags by helpers when not the plain 32- and 64-bit forms."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), n = reg_of(i, 0), count = shift_count(dc, i, log2)
    cdef uint32_t a = narrow(dc, log2, get_op(dc, i, 0)), d = local(dc), f = local(dc), old, how
    old = get_flags(dc)
    how = local(dc)
    ir_shl(ir, how, count, const(dc, 8))
    ir_or(ir, how, how, const(dc, what << 4 | log2))
    if what <= SH_ROR and log2 >= 2:
        if log2 == 3:
            ir_op2(ir, OP_rotl if what == SH_ROL else OP_rotr, d, a, count)
        else:
            ir_op2(ir, OP_rotl32 if what == SH_ROL else OP_rotr32, d, a, count)
    else:
        ir_call(ir, &rotate_info, d, a, how, old, IR_NONE)
    ir_call(ir, &rotate_flags_info, f, a, how, old, IR_NONE)
    if n == IR_NONE:
        store(dc, i, log2, d)
    else:
        set_reg(dc, i, log2, n, d)
    set_flags(dc, f)
    return True


cdef bint trans_shift_double(DisasContext *dc, X86Insn *i, bint right) noexcept nogil:
    """SHLD SHRD: a:b as one number; 16 bits: a:b:b, counts up to 31 as AMD's cores."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), count = shift_count(dc, i, log2)
    cdef uint32_t a, b, d = local(dc), cf = local(dc), t = local(dc), less = local(dc), back
    if is_const(dc, count) and ir.temps[count].value == 0:
        if i.is_mem:
            load(dc, i, log2)
        elif log2 == 2:
            ir_ext32u(ir, i.rm, i.rm)
        return True
    a = narrow(dc, log2, get_op(dc, i, 0))
    b = narrow(dc, log2, get_op(dc, i, 1))
    ir_sub(ir, less, count, const(dc, 1))
    if log2 == 3:
        back = local(dc)
        ir_op2(ir, OP_shr if right else OP_shl, cf, a, less)
        ir_op2(ir, OP_shr if right else OP_shl, d, a, count)
        ir_xor(ir, back, count, const(dc, 63))      # 63 - count, and one more
        ir_op2(ir, OP_shl if right else OP_shr, t, b, const(dc, 1))
        ir_op2(ir, OP_shl if right else OP_shr, t, t, back)
        ir_or(ir, d, d, t)
        ir_movcond(ir, d, count, const(dc, 0), a, d, COND_eq)
    elif log2 == 2:
        if right:
            ir_deposit(ir, t, a, b, 32, 32)
            ir_shr(ir, cf, t, less)
            ir_shr(ir, d, t, count)
        else:
            ir_deposit(ir, t, b, a, 32, 32)
            ir_shl(ir, cf, t, less)
            ir_shr(ir, cf, cf, const(dc, 32))
            ir_shl(ir, d, t, count)
            ir_shr(ir, d, d, const(dc, 32))
        ir_ext32u(ir, d, d)
    else:
        ir_deposit(ir, t, a if right else b, b, 16, 16)
        ir_deposit(ir, t, t, b if right else a, 32, 16)
        if right:
            ir_shr(ir, cf, t, less)
            ir_shr(ir, d, t, count)
        else:
            ir_shl(ir, cf, t, less)
            ir_shr(ir, cf, cf, const(dc, 32))
            ir_shl(ir, d, t, count)
            ir_shr(ir, d, d, const(dc, 32))
        ir_ext16u(ir, d, d)
    if i.is_mem:
        store(dc, i, log2, d)
    merge_cc(dc, count, d, cf, (CC_SHR if right else CC_SHL) + log2)
    if not i.is_mem:
        set_reg(dc, i, log2, i.rm, d)
    return True


# -- bits
cdef bint trans_bit_test(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """A register as bit offset reaches memory on both sides of the operand."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), n = local(dc), a, bit = local(dc), d = local(dc), t, f
    cdef uint32_t bits = 8 << log2
    t = get_op(dc, i, 1)
    if i.is_mem and i.row.ops[1].kind != X86_I:
        a = local(dc)
        ir_sar(ir, a, widen_signed(dc, log2, t), const(dc, 3 + log2))
        ir_shl(ir, a, a, const(dc, log2))
        ir_add(ir, a, a, offset_of(dc, i))
        i.addr = add_segment(dc, segment_of(i), narrow(dc, i.adsize, a), log2)
    ir_and(ir, n, t, const(dc, bits - 1))
    ir_shl(ir, bit, const(dc, 1), n)
    if i.prefixes & P_LOCK and what != BT_TEST:
        a = local(dc)
        if what == BT_SET:
            ir_gor(ir, a, address(dc, i, log2), bit, oi(dc, log2))
        elif what == BT_FLIP:
            ir_gxor(ir, a, address(dc, i, log2), bit, oi(dc, log2))
        else:
            ir_not(ir, d, bit)
            ir_gand(ir, a, address(dc, i, log2), narrow(dc, log2, d), oi(dc, log2))
    else:
        a = local(dc)
        ir_mov(ir, a, get_op(dc, i, 0))
        if what != BT_TEST:
            ir_op2(ir, OP_or if what == BT_SET else OP_xor if what == BT_FLIP else OP_andc, d, a,
                   bit)
            put_op(dc, i, 0, d)
    f = local(dc)
    ir_and(ir, f, get_flags(dc), const(dc, F_ARITH & ~F_CF))
    t = local(dc)
    ir_shr(ir, t, a, n)
    ir_and(ir, t, t, const(dc, 1))
    ir_or(ir, f, f, t)
    set_flags(dc, f)
    return True


cdef bint trans_bit_scan(DisasContext *dc, X86Insn *i, bint reverse) noexcept nogil:
    """BSF BSR: 0 leaves the destination alone."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = i.opsize, a = narrow(dc, log2, get_op(dc, i, 1)), t = local(dc)
    if reverse:
        ir_clz(ir, t, a)
        ir_xor(ir, t, t, const(dc, 63))
    else:
        ir_ctz(ir, t, a)
    if log2 == 2:
        ir_movcond(ir, i.reg, a, const(dc, 0), i.reg, t, COND_eq)
    else:
        ir_movcond(ir, t, a, const(dc, 0), i.reg, t, COND_eq)
        set_reg(dc, i, log2, i.reg, t)
    ir_mov(ir, T_CC_DST, a)
    set_cc(dc, CC_LOGIC + log2)
    return True


cdef void zero_carry_flags(DisasContext *dc, uint32_t zero_of, uint32_t carry) noexcept nogil:
    """ZF: zero_of is 0; CF: carry, 0 or 1 (IR_NONE: 0); the others 0."""
    cdef uint32_t f = local(dc)
    ir_setcond(dc.ir, f, zero_of, const(dc, 0), COND_eq)
    ir_shl(dc.ir, f, f, const(dc, 6))
    if carry != IR_NONE:
        ir_or(dc.ir, f, f, carry)
    set_flags(dc, f)


cdef bint trans_count_zeros(DisasContext *dc, X86Insn *i, bint leading) noexcept nogil:
    """LZCNT TZCNT."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = i.opsize, a = narrow(dc, log2, get_op(dc, i, 1)), t = local(dc)
    cdef uint32_t carry = local(dc), bits = 8 << log2
    ir_setcond(ir, carry, a, const(dc, 0), COND_eq)
    if leading:
        ir_clz(ir, t, a)
        ir_sub(ir, t, t, const(dc, 64 - bits))
    elif log2 == 3:
        ir_ctz(ir, t, a)
    else:
        ir_or(ir, t, a, const(dc, 1ULL << bits))
        ir_ctz(ir, t, t)
    set_reg(dc, i, log2, i.reg, t)
    zero_carry_flags(dc, t, carry)
    return True


cdef bint trans_popcnt(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t a = narrow(dc, i.opsize, get_op(dc, i, 1)), t = local(dc)
    ir_popcnt(dc.ir, t, a)
    set_reg(dc, i, i.opsize, i.reg, t)
    zero_carry_flags(dc, t, IR_NONE)
    return True


# -- multiplication
cdef bint trans_mul(DisasContext *dc, X86Insn *i, bint is_signed) noexcept nogil:
    """MUL, IMUL with one operand."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a, b = get_op(dc, i, 0), lo = local(dc), hi = local(dc)
    cdef uint32_t over = local(dc), t = local(dc), bits = 8 << log2
    a = get_reg(dc, i, log2, R_AX)
    if is_signed:
        a = widen_signed(dc, log2, a)
        b = widen_signed(dc, log2, b)
    else:
        a = narrow(dc, log2, a)
        b = narrow(dc, log2, b)
    ir_mul(ir, lo, a, b)
    if log2 == 3:
        ir_op2(ir, OP_mulhs if is_signed else OP_mulhu, hi, a, b)
    else:
        ir_shr(ir, hi, lo, const(dc, bits))
    if is_signed:
        if log2 == 3:
            ir_sar(ir, t, lo, const(dc, 63))
            ir_xor(ir, over, t, hi)
        else:
            ir_sextract(ir, t, lo, 0, bits)
            ir_xor(ir, over, t, lo)
    else:
        ir_mov(ir, over, hi)
    if log2 == 0:
        ir_deposit(ir, R_AX, R_AX, lo, 0, 16)
    else:
        set_reg(dc, i, log2, R_AX, lo)
        set_reg(dc, i, log2, R_DX, hi)
    ir_mov(ir, T_CC_DST, lo)
    ir_mov(ir, T_CC_SRC, over)
    set_cc(dc, CC_MUL + log2)
    return True


cdef bint trans_imul(DisasContext *dc, X86Insn *i) noexcept nogil:
    """IMUL with two or three operands."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = i.opsize, a, b, lo = local(dc), t = local(dc), over = local(dc)
    a = widen_signed(dc, log2, get_op(dc, i, 1))
    if i.row.n_ops == 3:
        b = const(dc, i.imm[0])
    else:
        b = widen_signed(dc, log2, i.reg)
    ir_mul(ir, lo, a, b)
    if log2 == 3:
        ir_mulhs(ir, t, a, b)
        ir_sar(ir, over, lo, const(dc, 63))
        ir_xor(ir, over, over, t)
    else:
        ir_sextract(ir, t, lo, 0, 8 << log2)
        ir_xor(ir, over, t, lo)
    set_reg(dc, i, log2, i.reg, lo)
    ir_mov(ir, T_CC_DST, lo)
    ir_mov(ir, T_CC_SRC, over)
    set_cc(dc, CC_MUL + log2)
    return True


# -- division
cdef bint trans_div(DisasContext *dc, X86Insn *i, bint is_signed) noexcept nogil:
    """Below 64 bits in line; a quotient that does not fit is #DE like a divisor of 0."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), b = get_op(dc, i, 0), a, q, r, t, bits = 8 << log2
    if log2 == 3:
        ir_call(ir, &div64_info, IR_NONE, b, const(dc, is_signed), const(dc, dc.pc), IR_NONE)
        return True
    b = widen_signed(dc, log2, b) if is_signed else narrow(dc, log2, b)
    a = local(dc)
    if log2 == 0:
        ir_ext16u(ir, a, R_AX)
    else:
        ir_mov(ir, a, narrow(dc, log2, R_AX))
        ir_deposit(ir, a, a, R_DX, bits, bits)
    if is_signed and log2 < 2:
        ir_sextract(ir, a, a, 0, 2 * bits)
    gen_exception_if(dc, COND_eq, b, const(dc, 0), X86_EXCP_DE, FAULT_TRAP, HINT_DIVIDE,
                     const(dc, dc.pc))
    q = local(dc)
    r = local(dc)
    t = local(dc)
    if is_signed:
        ir_divs(ir, q, a, b)
        ir_rems(ir, r, a, b)
        ir_sextract(ir, t, q, 0, bits)
    else:
        ir_divu(ir, q, a, b)
        ir_remu(ir, r, a, b)
        ir_extract(ir, t, q, 0, bits)
    gen_exception_if(dc, COND_ne, t, q, X86_EXCP_DE, FAULT_TRAP, HINT_DIVIDE, const(dc, dc.pc))
    if log2 == 0:
        ir_deposit(ir, R_AX, R_AX, q, 0, 8)
        ir_deposit(ir, R_AX, R_AX, r, 8, 8)
    else:
        set_reg(dc, i, log2, R_AX, q)
        set_reg(dc, i, log2, R_DX, r)
    return True


# -- BCD, ASCII
cdef bint trans_bcd(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc), f = local(dc)
    ir_call(ir, &bcd_info, t, R_AX, get_flags(dc), const(dc, what), IR_NONE)
    ir_deposit(ir, R_AX, R_AX, t, 0, 16)
    ir_shr(ir, f, t, const(dc, 16))
    set_flags(dc, f)
    return True


cdef bint trans_aam(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t a = local(dc), q = local(dc), r = local(dc), b = const(dc, i.imm[0] & 0xff)
    if i.imm[0] & 0xff == 0:
        gen_exception(dc, X86_EXCP_DE, FAULT_TRAP, HINT_DIVIDE, dc.pc)
        return True
    ir_ext8u(ir, a, R_AX)
    ir_divu(ir, q, a, b)
    ir_remu(ir, r, a, b)
    ir_deposit(ir, R_AX, R_AX, r, 0, 8)
    ir_deposit(ir, R_AX, R_AX, q, 8, 8)
    ir_mov(ir, T_CC_DST, r)
    set_cc(dc, CC_LOGIC)
    return True


cdef bint trans_aad(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t lo = local(dc), hi = local(dc), t = local(dc)
    ir_ext8u(ir, lo, R_AX)
    ir_extract(ir, hi, R_AX, 8, 8)
    ir_mul(ir, hi, hi, const(dc, i.imm[0] & 0xff))
    ir_add(ir, t, lo, hi)
    ir_ext8u(ir, t, t)
    ir_deposit(ir, R_AX, R_AX, t, 0, 16)
    ir_mov(ir, T_CC_DST, t)
    set_cc(dc, CC_LOGIC)
    return True


# -- BMI, ADX, CRC32
cdef bint trans_andn(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t d = local(dc), log2 = op_log2(i, 0)
    ir_andc(dc.ir, d, get_op(dc, i, 2), get_op(dc, i, 1))
    d = narrow(dc, log2, d)
    set_reg(dc, i, log2, i.reg, d)
    ir_mov(dc.ir, T_CC_DST, d)
    set_cc(dc, CC_LOGIC + log2)
    return True


cdef void sized_flags(DisasContext *dc, uint32_t d, uint32_t log2, uint32_t carry) noexcept nogil:
    """SF and ZF of d, CF, the others 0."""
    cdef uint32_t t = local(dc)
    ir_shr(dc.ir, t, d, const(dc, (8 << log2) - 1))
    ir_shl(dc.ir, t, t, const(dc, 7))
    ir_or(dc.ir, t, t, carry)
    zero_carry_flags(dc, d, t)


cdef bint trans_bls(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """BLSR 1, BLSMSK 2, BLSI 3."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a = local(dc), d = local(dc), t = local(dc)
    ir_mov(ir, a, narrow(dc, log2, get_op(dc, i, 1)))
    if what == 3:
        ir_neg(ir, t, a)
        ir_and(ir, d, t, a)
    else:
        ir_sub(ir, t, a, const(dc, 1))
        ir_op2(ir, OP_and if what == 1 else OP_xor, d, t, a)
    d = narrow(dc, log2, d)
    set_reg(dc, i, log2, i.vvvv, d)
    ir_setcond(ir, t, a, const(dc, 0), COND_ne if what == 3 else COND_eq)
    sized_flags(dc, d, log2, t)
    return True


cdef bint trans_bextr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), d = local(dc)
    ir_call(ir, &bextr_info, d, narrow(dc, log2, get_op(dc, i, 1)), get_op(dc, i, 2), IR_NONE,
            IR_NONE)
    set_reg(dc, i, log2, i.reg, d)
    ir_mov(ir, T_CC_DST, d)
    set_cc(dc, CC_LOGIC + log2)
    return True


cdef bint trans_bzhi(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a, n = local(dc), d = local(dc), t = local(dc)
    cdef uint32_t carry = local(dc)
    a = narrow(dc, log2, get_op(dc, i, 1))
    ir_ext8u(ir, n, get_op(dc, i, 2))
    ir_setcond(ir, carry, n, const(dc, (8 << log2) - 1), COND_gtu)
    ir_shl(ir, t, const(dc, ~0ULL), n)
    ir_andc(ir, d, a, t)
    ir_movcond(ir, d, carry, const(dc, 0), d, a, COND_eq)
    set_reg(dc, i, log2, i.reg, d)
    sized_flags(dc, d, log2, carry)
    return True


cdef bint trans_mulx(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a, b, lo = local(dc), hi = local(dc)
    b = narrow(dc, log2, get_op(dc, i, 2))
    a = narrow(dc, log2, R_DX)
    ir_mul(ir, lo, a, b)
    if log2 == 3:
        ir_mulhu(ir, hi, a, b)
    else:
        ir_shr(ir, hi, lo, const(dc, 32))
    set_reg(dc, i, log2, i.vvvv, lo)
    set_reg(dc, i, log2, i.reg, hi)
    return True


cdef bint trans_pdep(DisasContext *dc, X86Insn *i, bint extract) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 0), d = local(dc), a
    a = narrow(dc, log2, get_op(dc, i, 2))
    ir_call(dc.ir, &pext_info if extract else &pdep_info, d, narrow(dc, log2, get_op(dc, i, 1)), a,
            IR_NONE, IR_NONE)
    set_reg(dc, i, log2, i.reg, d)
    return True


cdef bint trans_shiftx(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t op32) noexcept nogil:
    """RORX SARX SHLX SHRX: no flags."""
    cdef uint32_t log2 = op_log2(i, 0), d = local(dc), n
    n = const(dc, i.imm[0] & 63) if i.row.ops[2].kind == X86_I else get_op(dc, i, 2)
    ir_op2(dc.ir, op if log2 == 3 else op32, d, get_op(dc, i, 1), n)
    set_reg(dc, i, log2, i.reg, d)
    return True


cdef bint trans_adx(DisasContext *dc, X86Insn *i, bint overflow) noexcept nogil:
    """ADCX (CF), ADOX (OF): the other flags stay."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = op_log2(i, 0), a = local(dc), b, d = local(dc), f = local(dc)
    cdef uint32_t carry = local(dc), out = local(dc), t = local(dc), at = 11 if overflow else 0
    b = narrow(dc, log2, get_op(dc, i, 1))
    ir_mov(ir, a, narrow(dc, log2, i.reg))
    ir_mov(ir, f, get_flags(dc))
    ir_extract(ir, carry, f, at, 1)
    ir_add(ir, t, a, b)
    ir_add(ir, d, t, carry)
    if log2 == 3:
        ir_setcond(ir, out, t, a, COND_ltu)
        ir_setcond(ir, carry, d, t, COND_ltu)
        ir_or(ir, out, out, carry)
    else:
        ir_shr(ir, out, d, const(dc, 32))
    set_reg(dc, i, log2, i.reg, d)
    ir_deposit(ir, f, f, out, at, 1)
    set_flags(dc, f)
    return True


cdef bint trans_crc32(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t d = local(dc), log2 = op_log2(i, 1)
    ir_call(dc.ir, &crc32_info, d, i.reg, get_op(dc, i, 1), const(dc, log2), IR_NONE)
    set_reg(dc, i, 2, i.reg, d)
    return True
