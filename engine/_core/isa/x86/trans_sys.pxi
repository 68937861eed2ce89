# x86 families: segments, far transfers, system registers, I/O ports. Included by x86.pyx. What
# checks or changes much is a helper (segment.pyx, transfer.pyx, system.pyx). An instruction that
# may change what blocks are specialised on ends its block by a lookup; one that may let an
# interrupt in leaves to the loop.

cdef HelperInfo far_info
cdef HelperInfo retf_info
cdef HelperInfo iret_info
cdef HelperInfo syscall_info
cdef HelperInfo sysret_info
cdef HelperInfo sysenter_info
cdef HelperInfo sysexit_info
cdef HelperInfo load_segment_info
cdef HelperInfo load_table_info
cdef HelperInfo inspect_info
cdef HelperInfo hlt_info
cdef HelperInfo read_cr_info
cdef HelperInfo write_cr_info
cdef HelperInfo lmsw_info
cdef HelperInfo dr_info
cdef HelperInfo msr_info
cdef HelperInfo xsetbv_info
cdef HelperInfo swapgs_info
cdef HelperInfo table_info
cdef HelperInfo invlpg_info
cdef HelperInfo flags_write_info
cdef HelperInfo smap_info
cdef HelperInfo in_info
cdef HelperInfo out_info
cdef HelperInfo ports_info
cdef HelperInfo rdtsc_info
cdef HelperInfo random_info
cdef HelperInfo debug_info
cdef HelperInfo watch_info
cdef HelperInfo unshadow_info
set_helper(&far_info, helper_far, b"far", HF_STATUS, 4)
set_helper(&retf_info, helper_retf, b"retf", HF_STATUS, 2)
set_helper(&iret_info, helper_iret, b"iret", HF_STATUS, 2)
set_helper(&syscall_info, helper_syscall, b"syscall", HF_STATUS, 1)
set_helper(&sysret_info, helper_sysret, b"sysret", HF_STATUS, 1)
set_helper(&sysenter_info, helper_sysenter, b"sysenter", HF_STATUS, 0)
set_helper(&sysexit_info, helper_sysexit, b"sysexit", HF_STATUS, 1)
set_helper(&load_segment_info, helper_load_segment, b"load_segment", HF_STATUS, 2)
set_helper(&load_table_info, helper_load_table, b"load_table", HF_STATUS, 2)
set_helper(&inspect_info, helper_inspect, b"inspect", HF_STATUS, 2)
set_helper(&hlt_info, helper_hlt, b"hlt", HF_STATUS, 1)
set_helper(&read_cr_info, helper_read_cr, b"read_cr", HF_NO_READ | HF_NO_WRITE, 1)
set_helper(&write_cr_info, helper_write_cr, b"write_cr", HF_STATUS, 2)
set_helper(&lmsw_info, helper_lmsw, b"lmsw", HF_STATUS, 1)
set_helper(&dr_info, helper_dr, b"dr", HF_STATUS, 3)
set_helper(&msr_info, helper_msr, b"msr", HF_STATUS, 1)
set_helper(&xsetbv_info, helper_xsetbv, b"xsetbv", HF_STATUS, 0)
set_helper(&swapgs_info, helper_swapgs, b"swapgs", HF_STATUS, 0)
set_helper(&table_info, helper_table, b"table", HF_STATUS, 3)
set_helper(&invlpg_info, helper_invlpg, b"invlpg", HF_STATUS, 1)
set_helper(&flags_write_info, helper_flags_write, b"flags_write", HF_STATUS, 2)
set_helper(&smap_info, helper_smap, b"smap", HF_STATUS, 1)
set_helper(&in_info, helper_in, b"in", HF_STATUS, 3)
set_helper(&out_info, helper_out, b"out", HF_STATUS, 4)
set_helper(&ports_info, helper_ports, b"ports", HF_STATUS, 4)
set_helper(&rdtsc_info, helper_rdtsc, b"rdtsc", HF_STATUS, 0)
set_helper(&random_info, helper_random, b"random", HF_NO_READ | HF_NO_WRITE, 0)
set_helper(&debug_info, helper_debug, b"debug", HF_STATUS, 1)
set_helper(&watch_info, helper_watch, b"watch", HF_STATUS, 2)
set_helper(&unshadow_info, helper_unshadow, b"unshadow", HF_STATUS, 0)


cdef inline uint32_t off(const void *field) noexcept nogil:
    """Of a field of a CPUX86State at address 0."""
    return <uint32_t><uintptr_t>field


cdef inline uint32_t off_result() noexcept nogil:
    return off(&(<CPUX86State *>NULL).head.helper_ret)


cdef void leave(DisasContext *dc) noexcept nogil:
    """To the loop: it asks for interrupts."""
    sync_cc(dc)
    gen_exit(dc, dc.pc_next)


cdef bint trans_privileged(DisasContext *dc, X86Insn *i) noexcept nogil:
    gen_exception(dc, X86_EXCP_GP, FAULT_ILLEGAL, HINT_PRIVILEGED, dc.pc)
    return True


cdef inline bint unprivileged(DisasContext *dc, X86Insn *i) noexcept nogil:
    """#GP(0) unless CPL is 0."""
    if ctx(dc).cpl:
        return trans_privileged(dc, i)
    return False


# -- segments
cdef bint trans_segment_base(DisasContext *dc, X86Insn *i, uint32_t seg,
                             bint write) noexcept nogil:
    """RDFSBASE RDGSBASE WRFSBASE WRGSBASE: 32 or 64 bits, whatever 66 says."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc), u = local(dc), log2 = max(i.opsize, 2)
    ir_ld64(ir, t, off(&(<CPUX86State *>NULL).cr4))
    gen_exception_if(dc, COND_tsteq, t, const(dc, CR4_FSGSBASE), X86_EXCP_UD, FAULT_ILLEGAL,
                     HINT_UNDEFINED, const(dc, dc.pc))
    t = local(dc)
    if not write:
        ir_ld64(ir, t, off_seg_base(seg))
        set_reg(dc, i, log2, i.rm, t)
        return True
    ir_mov(ir, t, narrow(dc, log2, i.rm))
    if log2 == 3:
        ir_sextract(ir, u, t, 0, 48)
        gen_exception_if(dc, COND_ne, u, t, X86_EXCP_GP, FAULT_TRAP, HINT_CANONICAL, t)
    ir_st64(ir, t, off_seg_base(seg))
    return True


cdef bint trans_mov_from_segment(DisasContext *dc, X86Insn *i) noexcept nogil:
    """Memory gets 16 bits, a register its whole width."""
    cdef uint32_t t = local(dc)
    if i.reg & 7 > (SEG_GS if ctx(dc).features & X86F_i386 else SEG_DS):
        return False
    ir_ld64(dc.ir, t, off_seg_sel(i.reg & 7))
    if i.is_mem:
        store(dc, i, MO_16, t)
    else:
        set_reg(dc, i, i.opsize, i.rm, t)
    return True


cdef void load_segment(DisasContext *dc, uint32_t seg, uint32_t t) noexcept nogil:
    """Before anything else the instruction changes: it may fault."""
    cdef IR *ir = dc.ir
    cdef uint32_t u = local(dc)
    ir_ext16u(ir, u, t)
    if ctx(dc).protected or dc.tb_flags & TBF_VM or seg == SEG_SS:
        ir_call(ir, &load_segment_info, IR_NONE, const(dc, seg), u, IR_NONE, IR_NONE)
        dc.is_jmp = DISAS_STOP
        return
    ir_st64(ir, u, off_seg_sel(seg))
    ir_shl(ir, u, u, const(dc, 4))
    ir_st64(ir, u, off_seg_base(seg))


cdef bint trans_mov_to_segment(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t seg = i.reg & 7
    if seg == SEG_CS or seg > (SEG_GS if ctx(dc).features & X86F_i386 else SEG_DS):
        return False
    load_segment(dc, seg, load(dc, i, MO_16) if i.is_mem else i.rm)
    return True


cdef bint trans_push_segment(DisasContext *dc, X86Insn *i, uint32_t seg) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_ld64(dc.ir, t, off_seg_sel(seg))
    push(dc, i.opsize, t)
    return True


cdef bint trans_pop_segment(DisasContext *dc, X86Insn *i, uint32_t seg) noexcept nogil:
    cdef uint32_t t = top(dc, i.opsize, 0), sp = stack_at(dc, R_SP, 1 << i.opsize)
    load_segment(dc, seg, t)
    set_sp(dc, sp)
    return True


cdef bint trans_load_pointer(DisasContext *dc, X86Insn *i, uint32_t seg) noexcept nogil:
    """LES LDS LSS LFS LGS."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = 0, sel = 0
    far_operand(dc, i, &t, &sel)
    load_segment(dc, seg, sel)
    set_reg(dc, i, i.opsize, i.reg, t)
    return True


# -- far transfers
cdef void begin_helper(DisasContext *dc) noexcept nogil:
    """A helper that reads or writes flags: what the row says of cc_op must not be restored when it
    ends the instruction with ST_NEXT."""
    sync_cc(dc)
    ctx(dc).cc_op = CC_DYNAMIC
    dc.ir.rows[(dc.ir.n_rows - 1) * IR_ROW_WORDS + 1] = CC_DYNAMIC


cdef void far_operand(DisasContext *dc, X86Insn *i, uint32_t *ip, uint32_t *sel) noexcept nogil:
    cdef uint32_t at2
    if i.n_imms == 2:
        ip[0] = const(dc, i.imm[0] & mask_of(i.opsize))
        sel[0] = const(dc, i.imm[1])
        return
    ip[0] = load(dc, i, i.opsize)
    at2 = local(dc)
    ir_op2(dc.ir, OP_add if i.mode == X86_MODE_64 else OP_add32, at2, address(dc, i, i.opsize),
           const(dc, 1 << i.opsize))
    sel[0] = local(dc)
    ir_gld(dc.ir, sel[0], at2, oi(dc, MO_16))


cdef bint trans_far(DisasContext *dc, X86Insn *i, bint call) noexcept nogil:
    cdef uint32_t ip = 0, sel = 0
    begin_helper(dc)
    far_operand(dc, i, &ip, &sel)
    ir_call(dc.ir, &far_info, IR_NONE, sel, ip,
            const(dc, 1 << i.opsize | (16 if call else 0)), next_ip(dc, i))
    gen_exit(dc, dc.pc)
    return True


cdef bint trans_retf(DisasContext *dc, X86Insn *i) noexcept nogil:
    begin_helper(dc)
    ir_call(dc.ir, &retf_info, IR_NONE, const(dc, 1 << i.opsize),
            const(dc, i.imm[0] & 0xffff if i.n_imms else 0), IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc)
    return True


cdef bint trans_iret(DisasContext *dc, X86Insn *i) noexcept nogil:
    begin_helper(dc)
    ir_call(dc.ir, &iret_info, IR_NONE, const(dc, 1 << i.opsize), next_ip(dc, i), IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc)
    return True


cdef bint trans_syscall(DisasContext *dc, X86Insn *i, uint32_t index) noexcept nogil:
    """SYSCALL, SYSENTER: for whoever runs the program, or as the CPU does them."""
    if index == X86_EXCP_SYSENTER and not ctx(dc).protected and not dc.tb_flags & TBF_VM:
        return trans_privileged(dc, i)      # not in real mode (SDM 2B)
    if not (<CPUX86State *>dc.cpu).deliver:
        raise_trap(dc, index)
        return True
    begin_helper(dc)
    if index == X86_EXCP_SYSCALL:
        ir_call(dc.ir, &syscall_info, IR_NONE, const(dc, dc.pc_next), IR_NONE, IR_NONE, IR_NONE)
    else:
        ir_call(dc.ir, &sysenter_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc)
    return True


cdef bint trans_sysret(DisasContext *dc, X86Insn *i, bint sysexit) noexcept nogil:
    if sysexit and not ctx(dc).protected:
        return trans_privileged(dc, i)
    begin_helper(dc)
    ir_call(dc.ir, &sysexit_info if sysexit else &sysret_info, IR_NONE, const(dc, i.opsize == 3),
            IR_NONE, IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc)
    return True


# -- flags that belong to the system
cdef void write_flags(DisasContext *dc, uint32_t t, uint64_t how) noexcept nogil:
    sync_cc(dc)
    ir_call(dc.ir, &flags_write_info, IR_NONE, t, const(dc, how), IR_NONE, IR_NONE)
    ctx(dc).cc_op = CC_DYNAMIC


cdef bint trans_popf(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t
    if dc.tb_flags & (TBF_VM | TBF_IOPL) == TBF_VM:
        return trans_privileged(dc, i)
    t = top(dc, i.opsize, 0)
    write_flags(dc, t, 1 << i.opsize)
    drop(dc, 1 << i.opsize)
    if dc.tb_flags & TBF_IOPL:
        leave(dc)
    else:
        dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_interrupt_flag(DisasContext *dc, X86Insn *i, bint on) noexcept nogil:
    """CLI STI."""
    write_flags(dc, const(dc, 0), FLAGS_STI if on else FLAGS_CLI)
    if on:
        leave(dc)
    else:
        dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_smap(DisasContext *dc, X86Insn *i, bint on) noexcept nogil:
    """CLAC STAC."""
    if ctx(dc).cpl:
        return False
    ir_call(dc.ir, &smap_info, IR_NONE, const(dc, on), IR_NONE, IR_NONE, IR_NONE)
    dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_hlt(DisasContext *dc, X86Insn *i) noexcept nogil:
    if unprivileged(dc, i):
        return True
    sync_cc(dc)
    ir_call(dc.ir, &hlt_info, IR_NONE, const(dc, dc.pc_next), IR_NONE, IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc_next)
    return True


# -- system registers
cdef bint trans_control(DisasContext *dc, X86Insn *i, bint write) noexcept nogil:
    cdef uint32_t n = i.reg, t = local(dc)
    if n == 1 or n > 4 and n != 8 or n == 8 and i.mode != X86_MODE_64 \
            or n == 4 and not ctx(dc).features & X86F_pentium:
        return False
    if unprivileged(dc, i):
        return True
    if not write:
        ir_call(dc.ir, &read_cr_info, t, const(dc, n), IR_NONE, IR_NONE, IR_NONE)
        set_reg(dc, i, i.opsize, i.rm, t)
        return True
    ir_call(dc.ir, &write_cr_info, IR_NONE, const(dc, n), narrow(dc, i.opsize, i.rm), IR_NONE,
            IR_NONE)
    leave(dc)
    return True


cdef bint trans_debug(DisasContext *dc, X86Insn *i, bint write) noexcept nogil:
    cdef uint32_t t = local(dc)
    if i.reg > 7:
        return False
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &dr_info, IR_NONE, const(dc, i.reg), narrow(dc, i.opsize, i.rm),
            const(dc, write), IR_NONE)
    if write:
        leave(dc)
        return True
    ir_ld64(dc.ir, t, off_result())
    set_reg(dc, i, i.opsize, i.rm, t)
    return True


cdef bint trans_msr(DisasContext *dc, X86Insn *i, bint write) noexcept nogil:
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &msr_info, IR_NONE, const(dc, write), IR_NONE, IR_NONE, IR_NONE)
    if write:
        leave(dc)
    else:
        dc.is_jmp = DISAS_STOP      # it may be the time
    return True


cdef bint trans_xsetbv(DisasContext *dc, X86Insn *i) noexcept nogil:
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &xsetbv_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    leave(dc)
    return True


cdef bint trans_swapgs(DisasContext *dc, X86Insn *i) noexcept nogil:
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &swapgs_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    return True


cdef void need_no_umip(DisasContext *dc) noexcept nogil:
    cdef uint32_t t
    if ctx(dc).cpl:
        t = local(dc)
        ir_ld64(dc.ir, t, off(&(<CPUX86State *>NULL).cr4))
        gen_exception_if(dc, COND_tstne, t, const(dc, CR4_UMIP), X86_EXCP_GP, FAULT_TRAP,
                         HINT_PRIVILEGED, const(dc, dc.pc))


cdef bint trans_store_selector(DisasContext *dc, X86Insn *i, bint task) noexcept nogil:
    """SLDT STR: 16 bits to memory."""
    cdef uint32_t t = local(dc)
    need_no_umip(dc)
    ir_ld64(dc.ir, t, off(&(<CPUX86State *>NULL).tr_sel) if task
            else off(&(<CPUX86State *>NULL).ldt_sel))
    if i.is_mem:
        store(dc, i, MO_16, t)
    else:
        set_reg(dc, i, i.opsize, i.rm, t)
    return True


cdef bint trans_load_selector(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """LLDT 2, LTR 3."""
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &load_table_info, IR_NONE, const(dc, what), get_op(dc, i, 0), IR_NONE, IR_NONE)
    return True


cdef bint trans_inspect(DisasContext *dc, X86Insn *i, uint32_t what) noexcept nogil:
    """LAR 0, LSL 1, VERR 2, VERW 3: ZF says whether the selector may be used so."""
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc), z = local(dc), f = local(dc), u
    cdef Cond c
    ir_call(ir, &inspect_info, IR_NONE, const(dc, what),
            load(dc, i, MO_16) if i.is_mem else narrow(dc, MO_16, i.rm), IR_NONE, IR_NONE)
    ir_ld64(ir, t, off_result())
    ir_shr(ir, z, t, const(dc, 63))
    if what < 2:
        c.cond = COND_ne
        c.a = z
        c.b = const(dc, 0)
        c.w32 = False
        ir_ext32u(ir, t, t)
        if i.opsize == 1:
            u = local(dc)
            move_if(dc, u, &c, t, i.reg)
            set_reg(dc, i, 1, i.reg, u)
        else:
            move_if(dc, i.reg, &c, t, i.reg)
    ir_and(ir, f, get_flags(dc), const(dc, F_ARITH & ~F_ZF))
    ir_shl(ir, z, z, const(dc, 6))
    ir_or(ir, f, f, z)
    set_flags(dc, f)
    return True


cdef bint trans_arpl(DisasContext *dc, X86Insn *i) noexcept nogil:
    """RPL of the destination is raised to that of the source (SDM 2A)."""
    cdef IR *ir = dc.ir
    cdef uint32_t d = get_op(dc, i, 0), a = local(dc), b = local(dc), r = local(dc), f = local(dc)
    cdef uint32_t skip = ir_new_label(ir)
    ir_and(ir, a, d, const(dc, 3))
    ir_and(ir, b, i.reg, const(dc, 3))
    ir_movcond(ir, r, a, b, b, a, COND_ltu)
    ir_deposit(ir, r, d, r, 0, 2)
    ir_setcond(ir, f, a, b, COND_ltu)
    ir_shl(ir, f, f, const(dc, 6))
    if i.is_mem:                        # written only if it changes
        ir_brcond(ir, f, const(dc, 0), COND_eq, skip)
    put_op(dc, i, 0, r)
    ir_place_label(ir, skip)
    ir_and(ir, a, get_flags(dc), const(dc, F_ARITH & ~F_ZF))
    ir_or(ir, f, f, a)
    set_flags(dc, f)
    return True


cdef bint trans_table(DisasContext *dc, X86Insn *i, uint32_t which) noexcept nogil:
    """SGDT 0, SIDT 1, LGDT 2, LIDT 3."""
    cdef IR *ir = dc.ir
    cdef uint32_t base = local(dc), limit = local(dc), at2 = local(dc), log2
    if which >= 2 and unprivileged(dc, i):
        return True
    log2 = 3 if i.mode == X86_MODE_64 else 2
    if which < 2:
        need_no_umip(dc)
        ir_ld64(ir, limit, off(&(<CPUX86State *>NULL).idt_limit) if which
                else off(&(<CPUX86State *>NULL).gdt_limit))
        ir_ld64(ir, base, off(&(<CPUX86State *>NULL).idt_base) if which
                else off(&(<CPUX86State *>NULL).gdt_base))
        if not ctx(dc).features & X86F_i386:
            ir_or(ir, base, base, const(dc, 0xff000000ULL))
        store(dc, i, MO_16, limit)
    else:
        ir_gld(ir, limit, address(dc, i, MO_16), oi(dc, MO_16))
    ir_op2(ir, OP_add if log2 == 3 else OP_add32, at2, address(dc, i, MO_16), const(dc, 2))
    if which < 2:
        ir_gst(ir, at2, base, oi(dc, log2))
        return True
    ir_gld(ir, base, at2, oi(dc, log2))
    if i.opsize == 1 and log2 == 2:
        ir_and(ir, base, base, const(dc, 0xffffff))
    ir_call(ir, &table_info, IR_NONE, const(dc, which), base, limit, IR_NONE)
    return True


cdef bint trans_smsw(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    need_no_umip(dc)
    ir_ld64(dc.ir, t, off(&(<CPUX86State *>NULL).cr0))
    if not ctx(dc).features & X86F_i386:
        ir_or(dc.ir, t, t, const(dc, 0xfff0))
    if i.is_mem:
        store(dc, i, MO_16, t)
    else:
        set_reg(dc, i, i.opsize, i.rm, t)
    return True


cdef bint trans_lmsw(DisasContext *dc, X86Insn *i) noexcept nogil:
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &lmsw_info, IR_NONE, get_op(dc, i, 0), IR_NONE, IR_NONE, IR_NONE)
    leave(dc)
    return True


cdef bint trans_clts(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    if unprivileged(dc, i):
        return True
    ir_ld64(dc.ir, t, off(&(<CPUX86State *>NULL).cr0))
    ir_and(dc.ir, t, t, const(dc, ~8ULL))
    ir_call(dc.ir, &write_cr_info, IR_NONE, const(dc, 0), t, IR_NONE, IR_NONE)
    leave(dc)
    return True


cdef bint trans_invlpg(DisasContext *dc, X86Insn *i) noexcept nogil:
    if unprivileged(dc, i):
        return True
    ir_call(dc.ir, &invlpg_info, IR_NONE, address(dc, i, 0), IR_NONE, IR_NONE, IR_NONE)
    leave(dc)
    return True


cdef bint trans_cache(DisasContext *dc, X86Insn *i) noexcept nogil:
    """INVD WBINVD: there is no cache whose state would show."""
    unprivileged(dc, i)
    return True


# -- time, chance
cdef bint trans_rdtsc(DisasContext *dc, X86Insn *i, bint with_id) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t = local(dc)
    ir_call(ir, &rdtsc_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    ir_ld64(ir, t, off_result())
    ir_ext32u(ir, R_AX, t)
    ir_shr(ir, R_DX, t, const(dc, 32))
    if with_id:
        ir_ld64(ir, R_CX, off(&(<CPUX86State *>NULL).tsc_aux))
    dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_random(DisasContext *dc, X86Insn *i) noexcept nogil:
    """RDRAND, RDSEED: always a number, CF 1, the other flags 0. With F2 and F3 they are others (SDM
    2B: NFx)."""
    cdef uint32_t t = local(dc)
    if i.prefixes & (P_REP | P_REPNE):
        return False
    ir_call(dc.ir, &random_info, t, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    set_reg(dc, i, i.opsize, i.rm, t)
    set_flags(dc, const(dc, F_CF))
    return True


cdef bint trans_rdpmc(DisasContext *dc, X86Insn *i) noexcept nogil:
    """There are no counters: each number in ECX is a wrong one, #GP(0) (SDM 2B)."""
    return trans_privileged(dc, i)


# -- ports
cdef uint32_t port_number(DisasContext *dc, X86Insn *i) noexcept nogil:
    if i.n_imms:
        return const(dc, i.imm[0] & 0xff)
    return narrow(dc, MO_16, R_DX)


cdef void call_out(DisasContext *dc, uint32_t port, uint32_t log2, uint32_t t) noexcept nogil:
    ir_call(dc.ir, &out_info, IR_NONE, port, const(dc, 1 << log2), const(dc, dc.pc), t)


cdef bint trans_in(DisasContext *dc, X86Insn *i, bint byte) noexcept nogil:
    cdef uint32_t log2 = 0 if byte else 1 if i.opsize == 1 else 2, t = local(dc)
    sync_cc(dc)
    ir_call(dc.ir, &in_info, IR_NONE, port_number(dc, i), const(dc, 1 << log2), const(dc, dc.pc),
            IR_NONE)
    ir_ld64(dc.ir, t, off_result())
    set_reg(dc, i, log2, R_AX, t)
    leave(dc)
    return True


cdef bint trans_out(DisasContext *dc, X86Insn *i, bint byte) noexcept nogil:
    cdef uint32_t log2 = 0 if byte else 1 if i.opsize == 1 else 2
    sync_cc(dc)
    call_out(dc, port_number(dc, i), log2, narrow(dc, log2, R_AX))
    leave(dc)
    return True


cdef bint trans_string_port(DisasContext *dc, X86Insn *i, bint byte, bint out) noexcept nogil:
    """INS OUTS: one iteration an execution."""
    cdef IR *ir = dc.ir
    cdef uint32_t log2 = 0 if byte else 1 if i.opsize == 1 else 2, t, at
    cdef uint32_t n = R_SI if out else R_DI
    cdef bint late = ctx(dc).features & X86F_i386 != 0
    cdef uint32_t step = string_step(dc, log2)
    sync_cc(dc)
    if out or dc.tb_flags & (TBF_IOPL | TBF_VM) != TBF_IOPL:    # before the count and the memory
        ir_call(ir, &ports_info, IR_NONE, const(dc, 0), const(dc, 1 << log2),
                narrow(dc, MO_16, R_DX), const(dc, 1))
    if i.prefixes & (P_REP | P_REPNE):
        gen_branch(dc, COND_eq, narrow(dc, i.adsize, R_CX), const(dc, 0), False, dc.pc_next)
        if not late:
            add_count(dc, i, ~1ULL)
    if out:
        t = string_load(dc, i, n, log2, IR_NONE if late else step)
        call_out(dc, narrow(dc, MO_16, R_DX), log2, t)
    else:
        t = local(dc)
        at = local(dc)
        ir_mov(ir, at, n)
        if not late:
            advance(dc, i, n, step)
        at = string_at(dc, i, n, at, log2)
        ir_call(ir, &ports_info, IR_NONE, at, const(dc, 1 << log2), narrow(dc, MO_16, R_DX),
                const(dc, 0))
        ir_call(ir, &in_info, IR_NONE, narrow(dc, MO_16, R_DX), const(dc, 1 << log2),
                const(dc, dc.pc), IR_NONE)
        ir_ld64(ir, t, off_result())
        ir_gst(ir, at, t, oi(dc, log2))
    if late:
        advance(dc, i, n, step)
    if i.prefixes & (P_REP | P_REPNE):
        add_count(dc, i, ~0ULL if late else 1)
        if not translator_visits_end(dc):       # as in trans_string
            gen_branch(dc, COND_eq, narrow(dc, i.adsize, R_CX), const(dc, 0), False, dc.pc_next)
        gen_exit(dc, dc.pc)
    else:
        gen_exit(dc, dc.pc_next)
    return True


# -- debugging by the guest
cdef void before_insn(DisasContext *dc) noexcept nogil:
    """Traps and breakpoints that come before the instruction, the end of the interrupt shadow."""
    if dc.tb_flags & TBF_DEBUG:
        ir_call(dc.ir, &debug_info, IR_NONE, const(dc, dc.pc), IR_NONE, IR_NONE, IR_NONE)
    if dc.tb_flags & TBF_SHADOW:
        ir_call(dc.ir, &unshadow_info, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE)


cdef void after_insn(DisasContext *dc) noexcept nogil:
    """Accesses of the instruction are compared with the debug registers; behind a shadow the block
    ends."""
    cdef IR *ir = dc.ir
    cdef uint32_t op, opc, where, memop
    cdef uint32_t v[5]
    cdef bint has_out
    if dc.tb_flags & TBF_DEBUG:
        op = ir.ops[dc.insn_op].next
        while op:
            opc = ir.ops[op].opc
            where = op
            op = ir.ops[op].next
            if not (OP_gld <= opc <= OP_gumax or opc == OP_vgld or opc == OP_vgst):
                continue
            has_out = opc != OP_gst and opc != OP_gstf and opc != OP_vgst
            memop = ir.ops[where].args[ir.ops[where].n_args - 1] >> 4
            v[0] = ir.ops[where].args[1 if has_out else 0]
            v[1] = const(dc, (1 << (memop & MO_SIZE)) |
                         (0 if opc == OP_gld or opc == OP_gldf or opc == OP_vgld else 256))
            v[2] = IR_NONE
            v[3] = IR_NONE
            v[4] = ir_helper(ir, &watch_info)
            ir_insert_before(ir, where, OP_callv, 5, &v[0])
    if dc.is_jmp == DISAS_NEXT and dc.tb_flags & TBF_SHADOW:
        dc.is_jmp = DISAS_STOP
