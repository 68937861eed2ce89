# x86 families: shifts and rotates, bit tests and scans, BMI, ADX, CRC32. Included by x86.pyx. SDM
# volume 2; what the manual leaves undefined is as Intel's cores do where known.

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
    if i.is_mem:
        check_writable(dc, segment_of(i))
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
    cdef uint32_t a, d = local(dc), f = local(dc), old, how
    if i.is_mem:
        check_writable(dc, segment_of(i))
    a = narrow(dc, log2, get_op(dc, i, 0))
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
    if i.is_mem:
        check_writable(dc, segment_of(i))
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
            ir_gor(ir, a, atomic_address(dc, i, log2), bit, oi(dc, log2))
        elif what == BT_FLIP:
            ir_gxor(ir, a, atomic_address(dc, i, log2), bit, oi(dc, log2))
        else:
            ir_not(ir, d, bit)
            ir_gand(ir, a, atomic_address(dc, i, log2), narrow(dc, log2, d), oi(dc, log2))
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
    ir_mov(ir, T_CC_DST, a)             # before the destination, which the source may be
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
