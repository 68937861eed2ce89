# x86 families: jumps, calls, the stack, strings, flag instructions, exceptions. Included by
# x86.pyx. Segments and what else belongs to systems: trans_sys.pxi.

cdef uint64_t jump_target(DisasContext *dc, X86Insn *i) noexcept nogil:
    """Linear address of a relative target, wrapped in the width of the instruction pointer."""
    cdef uint64_t ip = dc.pc_next - dc.cs_base + i.imm[0]
    if i.mode == X86_MODE_64:
        return ip
    ip &= 0xffff if i.opsize == 1 else 0xffffffffULL
    return (dc.cs_base + ip) & 0xffffffffULL


cdef uint32_t linear_target(DisasContext *dc, X86Insn *i, uint32_t log2,
                            uint32_t t) noexcept nogil:
    """Linear address of an instruction pointer in a temp. Not canonical: #GP of the branch (SDM 2,
    JMP, CALL, RET), once there is paging; without, all addresses are physical."""
    cdef uint32_t d
    if log2 == 3:
        if dc.tb_flags & TBF_PAGING:
            d = local(dc)
            ir_sar(dc.ir, d, t, const(dc, 47))
            ir_add(dc.ir, d, d, const(dc, 1))
            gen_exception_if(dc, COND_gtu, d, const(dc, 1), X86_EXCP_GP, FAULT_TRAP,
                             HINT_TARGET, t)
        return t
    d = narrow(dc, log2, t)
    if dc.cs_base:
        ir_add32(dc.ir, d, d, const(dc, dc.cs_base))
    return d


cdef uint32_t next_ip(DisasContext *dc, X86Insn *i) noexcept nogil:
    return const(dc, (dc.pc_next - dc.cs_base) & mask_of(i.opsize))


cdef bint trans_jmp(DisasContext *dc, X86Insn *i) noexcept nogil:
    sync_cc(dc)
    gen_jump(dc, jump_target(dc, i))
    return True


cdef bint trans_jcc(DisasContext *dc, X86Insn *i, uint32_t code) noexcept nogil:
    cdef Cond c
    gen_cond(dc, code, &c)
    sync_cc(dc)
    gen_branch(dc, c.cond, c.a, c.b, c.w32, jump_target(dc, i))
    return True


cdef bint trans_jmp_indirect(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = linear_target(dc, i, i.opsize, get_op(dc, i, 0))
    sync_cc(dc)
    gen_jump_indirect(dc, t)
    return True


cdef bint trans_call(DisasContext *dc, X86Insn *i) noexcept nogil:
    push(dc, i.opsize, next_ip(dc, i))
    sync_cc(dc)
    gen_push_return(dc, dc.pc_next)
    gen_jump(dc, jump_target(dc, i))
    return True


cdef bint trans_call_indirect(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_mov(dc.ir, t, linear_target(dc, i, i.opsize, get_op(dc, i, 0)))
    push(dc, i.opsize, next_ip(dc, i))
    sync_cc(dc)
    gen_push_return(dc, dc.pc_next)
    gen_jump_indirect(dc, t)
    return True


cdef bint trans_ret(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = linear_target(dc, i, i.opsize, top(dc, i.opsize, 0))
    drop(dc, (1 << i.opsize) + (<int64_t>i.imm[0] & 0xffff if i.n_imms else 0))
    sync_cc(dc)
    gen_jump_return(dc, t)
    return True


cdef bint trans_jcxz(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = narrow(dc, i.adsize, R_CX)
    sync_cc(dc)
    gen_branch(dc, COND_eq, t, const(dc, 0), False, jump_target(dc, i))
    return True


cdef bint trans_loop(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """LOOPNE 0, LOOPE 1, LOOP 2."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc), z
    cdef Cond c
    ir_sub(ir, t, R_CX, const(dc, 1))
    t = narrow(dc, i.adsize, t)
    if what < 2:
        gen_cond(dc, 4 + (what ^ 1), &c)
        z = local(dc)
        move_if(dc, z, &c, t, const(dc, 0))
    else:
        z = t
    set_reg(dc, i, i.adsize, R_CX, t)
    sync_cc(dc)
    gen_branch(dc, COND_ne, z, const(dc, 0), False, jump_target(dc, i))
    return True


# -- stack
cdef bint trans_push(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t
    if i.row.ops[0].kind == X86_I:
        t = const(dc, i.imm[0] & mask_of(i.opsize))
    else:
        t = get_op(dc, i, 0)
    push(dc, i.opsize, t)
    return True


cdef bint trans_pop(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = top(dc, i.opsize, 0), old
    if reg_of(i, 0) != IR_NONE:
        drop(dc, 1 << i.opsize)
        put_op(dc, i, 0, t)
        return True
    # An address with SP in it is made with the new SP; a fault of the store keeps the old one.
    if i.base == R_SP:
        i.disp += 1 << i.opsize
    old = address(dc, i, i.opsize)
    ir_gst(dc.ir, old, t, oi(dc, i.opsize))
    drop(dc, 1 << i.opsize)
    return True


cdef bint trans_pusha(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t k, size = 1 << i.opsize
    for k in range(8):
        ir_gst(dc.ir, add_segment(dc, SEG_SS, stack_at(dc, R_SP, -<int64_t>(size * (k + 1))),
                               i.opsize), k,
               oi(dc, i.opsize))
    drop(dc, -<int64_t>(size * 8))
    return True


cdef bint trans_popa(DisasContext *dc, X86Insn *i) noexcept nogil:
    """SP is not loaded."""
    cdef uint32_t k, size = 1 << i.opsize
    cdef uint32_t t[8]
    for k in range(8):
        if k != 3:
            t[k] = top(dc, i.opsize, size * k)
    drop(dc, size * 8)
    for k in range(8):
        if k != 3:
            set_reg(dc, i, i.opsize, 7 - k, t[k])
    return True


cdef bint trans_enter(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t level = <uint32_t>i.imm[1] & 31, size = 1 << i.opsize, frame, k, t
    frame = stack_at(dc, R_SP, -<int64_t>size)
    ir_gst(ir, add_segment(dc, SEG_SS, frame, i.opsize), R_BP, oi(dc, i.opsize))
    for k in range(1, level):
        t = local(dc)
        ir_gld(ir, t, add_segment(dc, SEG_SS, stack_at(dc, R_BP, -<int64_t>(size * k)),
                                  i.opsize),
               oi(dc, i.opsize))
        ir_gst(ir, add_segment(dc, SEG_SS, stack_at(dc, frame, -<int64_t>(size * k)),
                               i.opsize), t,
               oi(dc, i.opsize))
    if level:
        ir_gst(ir, add_segment(dc, SEG_SS, stack_at(dc, frame, -<int64_t>(size * level)),
                               i.opsize), frame,
               oi(dc, i.opsize))
    t = stack_at(dc, frame, -<int64_t>(size * level + (i.imm[0] & 0xffff)))
    if i.imm[0] & 0xffff:               # the new top must be writable (SDM 2, ENTER)
        call_memory(dc, VM_PROBE, add_segment(dc, SEG_SS, t, i.opsize), size)
    set_reg(dc, i, i.opsize, R_BP, frame)
    set_sp(dc, t)
    return True


cdef bint trans_leave(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc), at = stack_at(dc, R_BP, 0)
    ir_gld(dc.ir, t, add_segment(dc, SEG_SS, at, i.opsize), oi(dc, i.opsize))
    set_sp(dc, stack_at(dc, R_BP, 1 << i.opsize))
    set_reg(dc, i, i.opsize, R_BP, t)
    return True


# -- flags
cdef bint trans_pushf(DisasContext *dc, X86Insn *i) noexcept nogil:
    """RF and VM read as 0 (SDM 2, PUSHF)."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc)
    if dc.tb_flags & (TBF_VM | TBF_IOPL) == TBF_VM:
        return trans_privileged(dc, i)
    ir_ld64(ir, t, off_eflags())
    ir_and(ir, t, t, const(dc, ~<uint64_t>(F_RF | F_VM)))
    ir_or(ir, t, t, get_flags(dc))
    ir_or(ir, t, t, const(dc, 2))
    push(dc, i.opsize, narrow(dc, i.opsize, t))
    return True


cdef bint trans_lahf(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_or(dc.ir, t, get_flags(dc), const(dc, 2))
    ir_deposit(dc.ir, R_AX, R_AX, t, 8, 8)
    return True


cdef bint trans_sahf(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc), f = local(dc)
    ir_extract(dc.ir, t, R_AX, 8, 8)
    ir_and(dc.ir, t, t, const(dc, F_ARITH & ~F_OF))
    ir_and(dc.ir, f, get_flags(dc), const(dc, F_OF))
    ir_or(dc.ir, f, f, t)
    set_flags(dc, f)
    return True


cdef bint trans_carry(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """CLC 0, STC 1, CMC 2."""
    cdef uint32_t f = local(dc)
    if what == 2:
        ir_xor(dc.ir, f, get_flags(dc), const(dc, F_CF))
    elif what == 1:
        ir_or(dc.ir, f, get_flags(dc), const(dc, F_CF))
    else:
        ir_and(dc.ir, f, get_flags(dc), const(dc, F_ARITH & ~F_CF))
    set_flags(dc, f)
    return True


cdef bint trans_direction(DisasContext *dc, X86Insn *i, bint down) noexcept nogil:
    cdef uint32_t f = local(dc)
    ir_ld64(dc.ir, f, off_eflags())
    if down:
        ir_or(dc.ir, f, f, const(dc, F_DF))
    else:
        ir_and(dc.ir, f, f, const(dc, ~<uint64_t>F_DF))
    ir_st64(dc.ir, f, off_eflags())
    return True


cdef bint trans_salc(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_neg(dc.ir, t, get_cf(dc))
    ir_deposit(dc.ir, R_AX, R_AX, t, 0, 8)
    return True


# -- strings: one iteration an execution, so that each one can be interrupted and restarted; in
# front of it, as many as make no difference to anybody (strings.pxd)
cdef enum:
    REPEAT_FEW = 6                  # iterations that are faster one by one

cdef uint32_t string_at(DisasContext *dc, X86Insn *i, uint32_t n, uint32_t offset,
                        uint32_t log2) noexcept nogil:
    """Linear address: register n chooses the segment."""
    cdef uint32_t t = offset if i.adsize == 3 else narrow(dc, i.adsize, offset)
    if n == R_DI:
        return add_segment(dc, SEG_ES, t, log2)
    return add_segment(dc, SEG_DS if i.seg == SEG_NONE else i.seg, t, log2)


cdef uint32_t string_step(DisasContext *dc, uint32_t log2) noexcept nogil:
    """+size or -size, by DF."""
    cdef uint32_t f = local(dc), t = local(dc)
    ir_ld64(dc.ir, f, off_eflags())
    ir_movcond(dc.ir, t, f, const(dc, F_DF), const(dc, 0 - (1ULL << log2)), const(dc, 1 << log2),
               COND_tstne)
    return t


cdef void advance(DisasContext *dc, X86Insn *i, uint32_t n, uint32_t step) noexcept nogil:
    cdef uint32_t t
    if i.adsize == 3:
        ir_add(dc.ir, n, n, step)
        return
    t = local(dc)
    ir_add(dc.ir, t, n, step)
    set_reg(dc, i, i.adsize, n, t)


cdef uint32_t string_load(DisasContext *dc, X86Insn *i, uint32_t n, uint32_t log2,
                          uint32_t step) noexcept nogil:
    """step: what the 80286 adds to the index in front of the access, whether it faults or not;
    IR_NONE: later models, which add behind the whole instruction."""
    cdef uint32_t t = local(dc), at = local(dc)
    ir_mov(dc.ir, at, n)
    if step != IR_NONE:
        advance(dc, i, n, step)
    ir_gld(dc.ir, t, string_at(dc, i, n, at, log2), oi(dc, log2))
    return t


cdef void string_once(DisasContext *dc, X86Insn *i, uint32_t what, uint32_t log2) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef bint late = ctx(dc).features & X86F_i386 != 0
    cdef uint32_t step = string_step(dc, log2), a = IR_NONE, b = IR_NONE, t
    cdef uint32_t early = IR_NONE if late else step
    if what == STRING_CMPS and late:    # an 80286 reads the destination first
        a = string_load(dc, i, R_SI, log2, early)
    if what == STRING_CMPS or what == STRING_SCAS:
        b = string_load(dc, i, R_DI, log2, early)
    if what == STRING_MOVS or what == STRING_LODS or what == STRING_CMPS and not late:
        a = string_load(dc, i, R_SI, log2, early)
    elif what != STRING_CMPS:
        a = get_reg(dc, i, log2, R_AX)
    if what == STRING_CMPS or what == STRING_SCAS:
        alu_flags(dc, ALU_CMP, log2, IR_NONE, a, b)
    elif what == STRING_LODS:
        set_reg(dc, i, log2, R_AX, a)
    else:
        t = local(dc)
        ir_mov(ir, t, R_DI)
        if not late:
            advance(dc, i, R_DI, step)
        check_writable(dc, SEG_ES)
        ir_gst(ir, string_at(dc, i, R_DI, t, log2), a, oi(dc, log2))
    if late and (what == STRING_MOVS or what == STRING_CMPS or what == STRING_LODS):
        advance(dc, i, R_SI, step)
    if late and what != STRING_LODS:
        advance(dc, i, R_DI, step)


cdef void add_count(DisasContext *dc, X86Insn *i, uint64_t n) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_add(dc.ir, t, R_CX, const(dc, n))
    set_reg(dc, i, i.adsize, R_CX, t)


cdef uint32_t repeat_segment(DisasContext *dc, uint32_t seg) noexcept nogil:
    """What add_segment does, for strings.pxd."""
    cdef bint flat = ctx(dc).mode == X86_MODE_64
    if not flat and limited(dc, seg):
        seg |= REP_SEG_LIMITS
    elif not flat and not ctx(dc).protected:
        seg |= REP_SEG_64K
    if seg & 7 >= SEG_FS or ctx(dc).segments and not flat:
        seg |= REP_SEG_BASE
    return seg


cdef void repeat_at_once(DisasContext *dc, X86Insn *i, uint32_t what, uint32_t log2) noexcept nogil:
    """A step over many iterations, where there are many and nobody looks."""
    cdef uint32_t skip
    cdef uint64_t how = (what | log2 << REP_LOG2_SHIFT | i.adsize << REP_ADSIZE_SHIFT
                         | repeat_segment(dc, SEG_DS if i.seg == SEG_NONE else i.seg)
                         << REP_SI_SHIFT | repeat_segment(dc, SEG_ES) << REP_DI_SHIFT)
    if translator_watches(dc) or dc.tb_flags & (TBF_DEBUG | TBF_SHADOW):
        return
    if ctx(dc).mode == X86_MODE_64:
        how |= REP_LONG
    if i.prefixes & P_REPNE:
        how |= REP_WHILE_NE
    if what == STRING_MOVS or what == STRING_STOS:
        if limited(dc, SEG_ES) and ctx(dc).protected and ctx(dc).mode != X86_MODE_64:
            how |= REP_WRITABLE
    how |= <uint64_t>oi(dc, log2) << REP_OI_SHIFT
    skip = ir_new_label(dc.ir)
    ir_brcond(dc.ir, narrow(dc, i.adsize, R_CX), const(dc, REPEAT_FEW), COND_leu, skip)
    ir_call(dc.ir, &strings_info, IR_NONE, const(dc, how), IR_NONE, IR_NONE, IR_NONE)
    ir_place_label(dc.ir, skip)


cdef bint trans_string(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    cdef uint32_t log2 = op_log2(i, 0), stop
    cdef Cond c
    if not i.prefixes & (P_REP | P_REPNE):
        string_once(dc, i, what, log2)
        return True
    sync_cc(dc)
    gen_branch(dc, COND_eq, narrow(dc, i.adsize, R_CX), const(dc, 0), False, dc.pc_next)
    if ctx(dc).features & X86F_i386:
        repeat_at_once(dc, i, what, log2)
        string_once(dc, i, what, log2)
        add_count(dc, i, ~0ULL)
    elif what == STRING_CMPS or what == STRING_SCAS:
        # An iteration that faults has changed CX on an 80286: by one, or by two where nothing is
        # compared.
        add_count(dc, i, ~0ULL)
        string_once(dc, i, what, log2)
    else:
        add_count(dc, i, ~1ULL)
        string_once(dc, i, what, log2)
        add_count(dc, i, 1)
    sync_cc(dc)
    if what == STRING_CMPS or what == STRING_SCAS:
        stop = 4 if i.prefixes & P_REPNE else 5     # REPNE goes on while not equal
        gen_cond(dc, stop, &c)
        gen_branch(dc, c.cond, c.a, c.b, c.w32, dc.pc_next)
    if not translator_visits_end(dc):
        gen_branch(dc, COND_eq, narrow(dc, i.adsize, R_CX), const(dc, 0), False, dc.pc_next)
    gen_jump(dc, dc.pc)
    return True


cdef bint trans_xlat(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc), a = local(dc)
    ir_ext8u(dc.ir, a, R_AX)
    ir_add(dc.ir, a, a, R_BX)
    ir_gld(dc.ir, t, add_segment(dc, SEG_DS if i.seg == SEG_NONE else i.seg,
                                 narrow(dc, i.adsize, a), MO_8), oi(dc, MO_8))
    ir_deposit(dc.ir, R_AX, R_AX, t, 0, 8)
    return True


# -- exceptions and system
cdef void raise_trap(DisasContext *dc, uint32_t index) noexcept nogil:
    gen_exception(dc, index, FAULT_TRAP, HINT_NONE, dc.pc)


cdef bint trans_int(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """INT n 0, INT3 3, INTO 4, INT1 1."""
    cdef uint32_t f, number
    if what == 4:
        f = get_flags(dc)
        gen_exception_if(dc, COND_tstne, f, const(dc, F_OF), X86_EXCP_OF, FAULT_TRAP, HINT_NONE,
                         const(dc, dc.pc))
        return True
    number = X86_EXCP_INT + <uint32_t>(i.imm[0] & 0xff)
    if what == 0 and dc.tb_flags & (TBF_VM | TBF_IOPL) == TBF_VM:
        return trans_privileged(dc, i)
    raise_trap(dc, X86_EXCP_BP if what == 3 else X86_EXCP_DB if what == 1 else number)
    return True


cdef bint trans_undefined(DisasContext *dc, X86Insn *i) noexcept nogil:
    """UD0 UD1 UD2."""
    return False


cdef bint trans_bound(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = i.opsize, lo = local(dc), hi = local(dc), at2 = local(dc), n
    ir_gld(ir, lo, address(dc, i, log2), oi(dc, log2 | MO_SIGN))
    ir_add32(ir, at2, address(dc, i, log2), const(dc, 1 << log2))
    ir_gld(ir, hi, at2, oi(dc, log2 | MO_SIGN))
    n = widen_signed(dc, log2, i.reg)
    gen_exception_if(dc, COND_lt, n, lo, X86_EXCP_BR, FAULT_TRAP, HINT_BOUND, const(dc, dc.pc))
    gen_exception_if(dc, COND_gt, n, hi, X86_EXCP_BR, FAULT_TRAP, HINT_BOUND, const(dc, dc.pc))
    return True


cdef bint trans_cpuid(DisasContext *dc, X86Insn *i) noexcept nogil:
    ir_call(dc.ir, &cpuid_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    return True
