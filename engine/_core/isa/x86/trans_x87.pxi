# x86: x87, EMMS, MXCSR and state images, masked moves, gathers. Included by x86.pyx behind
# trans_sse.pxi. Everything calls a helper. Rows: x87.ops, sse.ops, vex.ops.

cdef bint vector_operands(X86Insn *i, bint mmx) noexcept nogil:
    cdef uint32_t k, kind
    for k in range(i.row.n_ops):
        kind = i.row.ops[k].kind
        if kind == X86_P or kind == X86_Q or kind == X86_N:
            if mmx:
                return True
        elif not mmx and (kind == X86_V or kind == X86_W or kind == X86_U or kind == X86_H):
            return True
    return False


cdef inline bint is_x87(X86Insn *i) noexcept nogil:
    return not i.row.feature and (i.opcode & 0xf8 == 0xd8 or i.opcode == 0x9b)


cdef bint switched(DisasContext *dc) noexcept nogil:
    """#NM of CR0.TS. Always True."""
    if dc.tb_flags & TBF_TS:
        gen_exception(dc, X86_EXCP_NM, FAULT_TRAP, HINT_NONE, dc.pc)
    return True


cdef bint unit_ready(DisasContext *dc, X86Insn *i) noexcept nogil:
    """#NM and #UD of CR0.EM, MP and TS, CR4.OSFXSR and XCR0 (SDM 3, 2.5 and 13.1; the classes of
    exceptions in volume 2, 2.4 and 22.25.3). False: #UD."""
    cdef uint64_t feature = i.row.feature
    cdef uint32_t flags = dc.tb_flags
    cdef bint vex = i.row.flags & ROW_VEX != 0 and feature & (X86F_avx | X86F_avx2 | X86F_fma
                                                              | X86F_f16c) != 0
    cdef bint xmm = vector_operands(i, False), mmx = vector_operands(i, True)
    if is_x87(i):                   # FWAIT: only with MP, and not for EM
        if flags & (TBF_TS | TBF_EM) and (i.opcode != 0x9b or flags & TBF_TS and flags & TBF_MP):
            gen_exception(dc, X86_EXCP_NM, FAULT_TRAP, HINT_NONE, dc.pc)
        return True
    if vex:
        return flags & TBF_AVX != 0 and switched(dc)
    if xmm or mmx:
        return not (flags & TBF_EM or xmm and not flags & TBF_OSFXSR) and switched(dc)
    return True


cdef bint trans_emms(DisasContext *dc, X86Insn *i) noexcept nogil:
    if dc.tb_flags & TBF_EM or not switched(dc):
        return False
    if dc.is_jmp != DISAS_NEXT:
        return True
    enter_mmx(dc, SLOT_MMX, False)
    ir_st64(dc.ir, const(dc, 0xffff), <uint32_t><uintptr_t>&(<CPUX86State *>NULL).ftw)
    return True


cdef void call_x87(DisasContext *dc, uint32_t op, uint32_t addr) noexcept nogil:
    ir_call(dc.ir, &x87_info, IR_NONE, const(dc, op), const(dc, dc.pc), addr, IR_NONE)


cdef void gen_pending(DisasContext *dc) noexcept nogil:
    """A pending exception comes before those of the memory operand."""
    cdef uint32_t t = local(dc), skip = ir_new_label(dc.ir)
    ir_ld64(dc.ir, t, <uint32_t><uintptr_t>&(<CPUX86State *>NULL).fsw)
    ir_brcond(dc.ir, t, const(dc, X87_ES), COND_tsteq, skip)
    call_x87(dc, X87_WAIT, const(dc, 0))
    ir_place_label(dc.ir, skip)


cdef bint trans_fwait(DisasContext *dc, X86Insn *i) noexcept nogil:
    if not ctx(dc).features & X86F_i386:
        return True
    call_x87(dc, X87_WAIT, const(dc, 0))
    return True


cdef bint trans_x87(DisasContext *dc, X86Insn *i, uint32_t esc) noexcept nogil:
    cdef uint32_t op = esc << 8 | i.modrm, t
    cdef int size = x87_operand(op)
    cdef bint flags = (esc == 3 or esc == 7) and 0xe8 <= i.modrm < 0xf8
    if not ctx(dc).features & X86F_i386:    # no coprocessor answers, but a word is addressed
        if i.is_mem:
            address(dc, i, MO_16)
        return True
    if (flags or (esc == 2 or esc == 3) and 0xc0 <= i.modrm < 0xe0) and not (
            ctx(dc).features & X86F_cmov):
        return False            # FCOMI, FCMOV
    if i.is_mem and i.modrm >> 3 & 7 == 1 and (esc == 3 or esc == 5 or esc == 7) and not (
            ctx(dc).features & X86F_sse3):
        return False            # FISTTP
    if i.is_mem:
        if size == 0:
            return gen_environment(dc, i, esc)
        if i.modrm >> 3 & 7 != 7 or esc != 1 and esc != 5:      # not FNSTCW, FNSTSW
            gen_pending(dc)
        if size > 0:
            load_slot(dc, i, 8 if size == 10 else <uint32_t>size)
            if size == 10:
                t = local(dc)
                ir_gld(dc.ir, t, address_at(dc, i, 8), oi(dc, 1))
                ir_st64(dc.ir, t, word_offset(SLOT_MEM, 1))
        if size < 0:
            check_writable(dc, segment_of(i))
        call_x87(dc, op, address(dc, i, 3))
        if size < 0:
            gen_x87_store(dc, i, <uint32_t>-size)
        return True
    if flags or (esc == 2 or esc == 3) and i.modrm < 0xe0:
        ir_st64(dc.ir, get_flags(dc), word_offset(SLOT_MEM, 2))
    call_x87(dc, op, const(dc, 0))
    if flags:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 2))
        set_flags(dc, t)
    if op == 0x7e0:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
        set_reg(dc, i, 1, R_AX, t)
    return True


cdef void gen_x87_store(DisasContext *dc, X86Insn *i, uint32_t size) noexcept nogil:
    """Unless the helper says that an unmasked exception keeps it from memory."""
    cdef uint32_t t = local(dc), skip = ir_new_label(dc.ir), log2 = 3
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 3))
    ir_brcond(dc.ir, t, const(dc, X87_NO_STORE), COND_eq, skip)
    if size < 8:
        log2 = 2 if size == 4 else 1
    t = local(dc)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    ir_gst(dc.ir, i.addr, t, oi(dc, log2))
    if size == 10:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 1))
        ir_gst(dc.ir, address_at(dc, i, 8), t, oi(dc, 1))
    ir_place_label(dc.ir, skip)


# ---------------------------------------------------------------- images

cdef void call_memory(DisasContext *dc, uint64_t what, uint32_t addr,
                      uint64_t lanes) noexcept nogil:
    ir_call(dc.ir, &memory_info, IR_NONE, const(dc, what), addr, const(dc, lanes),
            const(dc, dc.pc))


cdef bint gen_environment(DisasContext *dc, X86Insn *i, uint32_t esc) noexcept nogil:
    """D9/4, D9/6, DD/4, DD/6; other forms without an operand size do not exist."""
    cdef uint32_t reg = i.modrm >> 3 & 7, what
    if (esc != 1 and esc != 5) or (reg != 4 and reg != 6):
        return False
    what = (VM_LDENV if reg == 4 else VM_STENV) if esc == 1 else (
        VM_RSTOR if reg == 4 else VM_SAVE)
    if reg == 6:
        check_writable(dc, segment_of(i))
    call_memory(dc, what | (0x200 if i.opsize == 1 else 0)
                | (0 if i.protected else 0x400), address(dc, i, 3), 0)
    dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_image(DisasContext *dc, X86Insn *i, uint64_t what) noexcept nogil:
    """FXSAVE, XSAVE and the like: `what` as helper_memory has it."""
    if what & 255 == VM_FXSAVE or what & 255 == VM_XSAVE:
        check_writable(dc, segment_of(i))
    call_memory(dc, what | (0x100 if i.rex & 8 else 0), address(dc, i, 3), 0)
    dc.is_jmp = DISAS_STOP          # tb_flags hang on MXCSR
    return True


cdef bint trans_xgetbv(DisasContext *dc, X86Insn *i) noexcept nogil:
    """XCR0, and with ECX 1 the parts of it that are in use."""
    call_memory(dc, VM_XGETBV, const(dc, 0), 0)
    return True


cdef bint mxcsr_ready(DisasContext *dc) noexcept nogil:
    return not dc.tb_flags & TBF_EM and dc.tb_flags & TBF_OSFXSR != 0 and switched(dc)


cdef bint trans_ldmxcsr(DisasContext *dc, X86Insn *i) noexcept nogil:
    if not mxcsr_ready(dc):
        return False
    if dc.is_jmp != DISAS_NEXT:
        return True
    call_memory(dc, VM_LDMXCSR, load(dc, i, 2), 0)
    dc.is_jmp = DISAS_STOP
    return True


cdef bint trans_stmxcsr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t
    if not mxcsr_ready(dc):
        return False
    if dc.is_jmp != DISAS_NEXT:
        return True
    t = local(dc)
    ir_call(dc.ir, &mxcsr_info, t, IR_NONE, IR_NONE, IR_NONE, IR_NONE)
    store(dc, i, 2, t)
    return True


# ---------------------------------------------------------------- masked lanes

cdef inline uint64_t lanes_of(uint32_t data, uint32_t mask, uint32_t log2,
                              uint32_t bytes_) noexcept nogil:
    return data | mask << 8 | log2 << 16 | <uint64_t>bytes_ << 32


cdef bint trans_vmaskmov(DisasContext *dc, X86Insn *i, uint32_t log2, bint stores) noexcept nogil:
    """VMASKMOVPS, VPMASKMOVD; log2 4: by VEX.W."""
    if log2 == 4:
        log2 = 2 + i.vex_w
    if stores:
        check_writable(dc, segment_of(i))
    call_memory(dc, VM_MASK_STORE if stores else VM_MASK_LOAD, address(dc, i, 3),
                lanes_of(i.reg, i.vvvv, log2, full_bytes(i)))
    return True


cdef bint trans_maskmov(DisasContext *dc, X86Insn *i) noexcept nogil:
    """MASKMOVQ, MASKMOVDQU: to DS:DI."""
    cdef uint32_t data = register_operand(i, 0), mask = register_operand(i, 1)
    if data >= SLOT_MMX:
        enter_mmx(dc, data, False)
    i.is_mem = 1
    i.base = R_DI
    i.index = REG_NONE
    i.disp = 0
    check_writable(dc, segment_of(i))
    call_memory(dc, VM_MASK_STORE, address(dc, i, 3),
                lanes_of(data, mask, 0, 8 if data >= SLOT_MMX else 16))
    return True


cdef bint trans_vgather(DisasContext *dc, X86Insn *i, uint32_t wide) noexcept nogil:
    """wide: log2 of the bytes of an index, which is vector i.index."""
    cdef uint32_t index = i.index, log2 = 2 + i.vex_w
    cdef uint32_t seg = segment_of(i), bytes_ = full_bytes(i)
    cdef uint64_t lanes
    if i.modrm & 7 != 4 or i.reg == index or i.reg == i.vvvv or index == i.vvvv:
        return False
    if log2 < wide:
        bytes_ >>= 1
    lanes = lanes_of(i.reg, i.vvvv, log2, bytes_) | wide << 18 | <uint64_t>i.scale << 20
    lanes |= <uint64_t>index << 24 | <uint64_t>seg << 40
    if i.adsize == 2:
        lanes |= 1ULL << 43
    i.index = REG_NONE
    call_memory(dc, VM_GATHER, offset_of(dc, i), lanes)
    return True
