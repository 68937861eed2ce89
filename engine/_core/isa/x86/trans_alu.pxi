# x86 families: arithmetic and logic, multiplication and division, BCD. Included by x86.pyx. SDM
# volume 2; what the manual leaves undefined is as Intel's cores do where known.

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
        ir_gcas(ir, t, atomic_address(dc, i, log2), a, d, oi(dc, log2))
        ir_brcond(ir, t, a, COND_ne, again)
        alu_flags(dc, op, log2, d, a, b)
        return
    if op == ALU_ADD:
        ir_gadd(ir, a, atomic_address(dc, i, log2), b, oi(dc, log2))
    elif op == ALU_SUB:
        t = local(dc)
        ir_neg(ir, t, b)
        ir_gadd(ir, a, atomic_address(dc, i, log2), narrow(dc, log2, t), oi(dc, log2))
    elif op == ALU_AND:
        ir_gand(ir, a, atomic_address(dc, i, log2), b, oi(dc, log2))
    elif op == ALU_OR:
        ir_gor(ir, a, atomic_address(dc, i, log2), b, oi(dc, log2))
    else:
        ir_gxor(ir, a, atomic_address(dc, i, log2), b, oi(dc, log2))
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
        ir_gadd(ir, a, atomic_address(dc, i, log2), const(dc, mask_of(log2) if down else 1),
                oi(dc, log2))
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
        ir_gcas(ir, t, atomic_address(dc, i, log2), a, d, oi(dc, log2))
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
        ir_gxor(dc.ir, t, atomic_address(dc, i, log2), const(dc, mask_of(log2)), oi(dc, log2))
        return True
    ir_not(dc.ir, t, get_op(dc, i, 0))
    put_op(dc, i, 0, t)
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
