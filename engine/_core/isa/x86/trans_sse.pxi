# x86: MMX, SSE, AVX and x87 families. Included by x86.pyx. Values live in the state; moves are IR
# loads and stores of it, everything else calls helper_vector or helper_x87 (vechelp.pxd).
# Rows: sse.ops, vex.ops, x87.ops.

cdef enum:
    SLOT_MEM = 16
    SLOT_MMX = 32


cdef inline bint is_vex(X86Insn *i) noexcept nogil:
    return i.row.flags & ROW_VEX != 0


cdef inline uint32_t full_bytes(X86Insn *i) noexcept nogil:
    """Bytes of an operand of size x."""
    return 32 if is_vex(i) and i.vex_l else 16


cdef bint mmx_operand(X86Insn *i, uint32_t k) noexcept nogil:
    cdef uint32_t kind = i.row.ops[k].kind
    return kind == X86_P or kind == X86_N or (kind == X86_Q and not i.is_mem)


cdef uint32_t operand_bytes(X86Insn *i, uint32_t k) noexcept nogil:
    cdef uint32_t size = i.row.ops[k].size
    if size == X86S_x:
        return full_bytes(i)
    if size == X86S_dq:
        return 16
    return 1 << operand_log2(i, size)


cdef uint32_t word_offset(uint32_t slot, uint32_t word) noexcept nogil:
    cdef CPUX86State *s = NULL
    if slot >= SLOT_MMX:
        return <uint32_t><uintptr_t>&s.x87[2 * (slot & 7)]
    return <uint32_t><uintptr_t>&s.vec[4 * slot + word]


cdef bint in_memory(X86Insn *i, uint32_t k) noexcept nogil:
    cdef uint32_t kind = i.row.ops[k].kind
    return i.is_mem and (kind == X86_W or kind == X86_Q or kind == X86_M or kind == X86_E)


cdef void check_aligned(DisasContext *dc, X86Insn *i) noexcept nogil:
    """#GP of 16-byte operands (SDM 1, 11.10.6)."""
    cdef uint32_t t = local(dc)
    ir_op2(dc.ir, OP_and, t, address(dc, i, 3), const(dc, full_bytes(i) - 1))
    gen_exception_if(dc, COND_ne, t, const(dc, 0), X86_EXCP_GP, FAULT_TRAP, HINT_SEGMENT, i.addr)


cdef uint32_t address_at(DisasContext *dc, X86Insn *i, uint32_t offset) noexcept nogil:
    cdef uint32_t t = address(dc, i, 3)
    if offset == 0:
        return t
    t = local(dc)
    ir_op2(dc.ir, OP_add if i.adsize == 3 else OP_add32, t, i.addr, const(dc, offset))
    return t


cdef void load_slot(DisasContext *dc, X86Insn *i, uint32_t slot, uint32_t bytes_) noexcept nogil:
    """Memory to a slot; less than 8 bytes are zero-extended to a word. All loads come first, so
    that a fault leaves the register as it was."""
    cdef uint32_t k, n = bytes_ >> 3 if bytes_ > 8 else 1, log2 = 3
    cdef uint32_t t[4]
    if bytes_ < 8:
        log2 = 2 if bytes_ == 4 else bytes_ >> 1
    for k in range(n):
        t[k] = local(dc)
        ir_gld(dc.ir, t[k], address_at(dc, i, 8 * k), oi(dc, log2))
    for k in range(n):
        ir_st64(dc.ir, t[k], word_offset(slot, k))


cdef void zero_words(DisasContext *dc, uint32_t slot, uint32_t first, uint32_t end) noexcept nogil:
    cdef uint32_t k
    for k in range(first, end):
        ir_st64(dc.ir, const(dc, 0), word_offset(slot, k))


cdef uint32_t slot_of(DisasContext *dc, X86Insn *i, uint32_t k) noexcept nogil:
    """The slot of operand k; one in memory is loaded."""
    cdef uint32_t kind = i.row.ops[k].kind, bytes_ = operand_bytes(i, k)
    if kind == X86_V:
        return i.reg
    if kind == X86_P:
        return SLOT_MMX | (i.reg & 7)
    if kind == X86_H:
        return i.vvvv
    if kind == X86_L:
        return <uint32_t>(i.imm[0] >> 4) & (15 if i.mode == X86_MODE_64 else 7)
    if kind == X86_U or (kind == X86_W and not i.is_mem):
        return i.rm
    if kind == X86_N or (kind == X86_Q and not i.is_mem):
        return SLOT_MMX | (i.rm & 7)
    load_slot(dc, i, SLOT_MEM, bytes_)
    return SLOT_MEM


cdef uint32_t source(DisasContext *dc, X86Insn *i, uint32_t k) noexcept nogil:
    """slot_of with the alignment check of legacy instructions."""
    if in_memory(i, k) and not is_vex(i) and operand_bytes(i, k) == 16:
        check_aligned(dc, i)
    return slot_of(dc, i, k)


cdef uint32_t widened(X86Insn *i, uint32_t bytes_) noexcept nogil:
    return bytes_ << 1 if is_vex(i) and i.vex_l else bytes_


cdef uint32_t register_operands(X86Insn *i) noexcept nogil:
    """How many operands are not immediates."""
    cdef uint32_t n = i.row.n_ops
    if n and i.row.ops[n - 1].kind == X86_I:
        n -= 1
    return n


cdef void call_vector(DisasContext *dc, uint32_t family, uint32_t op, uint32_t d, uint32_t a,
                      uint32_t b, uint32_t c, uint32_t imm, uint32_t size, uint32_t keep,
                      uint32_t zero) noexcept nogil:
    ir_call(dc.ir, &vector_info, IR_NONE, const(dc, family << 16 | op),
            const(dc, d | a << 8 | b << 16 | <uint64_t>c << 24),
            const(dc, (imm & 255) | size << 8 | keep << 16 | <uint64_t>zero << 24),
            const(dc, dc.pc))


cdef uint32_t last_source(DisasContext *dc, X86Insn *i, uint32_t k, bint half) noexcept nogil:
    """The r/m operand; `half`: a widening one, whose memory grows with VEX.L."""
    if in_memory(i, k) and half:
        load_slot(dc, i, SLOT_MEM, widened(i, operand_bytes(i, k)))
        return SLOT_MEM
    return source(dc, i, k)


cdef bint trans_vint(DisasContext *dc, X86Insn *i, uint32_t op) noexcept nogil:
    cdef uint32_t n = register_operands(i), d, a, b, size = full_bytes(i), imm = <uint32_t>i.imm[0]
    if mmx_operand(i, 0):
        size = 8
    b = last_source(dc, i, n - 1, SIMD_MOVSX_B <= op < SIMD_AND)
    if op == SIMD_INSERTPS and b == SLOT_MEM:
        imm &= 0x3f
    d = slot_of(dc, i, 0)
    a = slot_of(dc, i, 1) if n == 3 else d
    call_vector(dc, VH_INT, op, d, a, b, 0, imm, size, 0, size if is_vex(i) else 32)
    return True


cdef bint trans_vfloat(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t fmt, uint32_t extra,
                       bint scalar) noexcept nogil:
    cdef uint32_t n = register_operands(i), d, a, b, size = full_bytes(i), imm = extra, lanes
    cdef uint32_t zero = 32
    cdef bint half = not scalar and (op == SFP_F32_F64 or op == SFP_F16_F32
                                     or op == SFP_I32_TO and fmt == FP_F64)
    if i.n_imms:
        imm = <uint32_t>i.imm[0] & 255
    if op == SFP_CMP:
        imm &= 31 if is_vex(i) else 7
    lanes = 1 if scalar else size >> (3 if fmt == FP_F64 else 2)
    if op == SFP_F32_F16:
        d = SLOT_MEM if i.is_mem else i.rm
        call_vector(dc, VH_F32, op, d, d, i.reg, 0, imm, lanes, 0, size >> 1)
        if i.is_mem:
            store_slot(dc, i, SLOT_MEM, size >> 1)
        return True
    if not scalar and (op == SFP_F64_F32 or op == SFP_TO_I32 and fmt == FP_F64):
        zero = size >> 1 if is_vex(i) else ZERO_HIGH
    elif is_vex(i):
        zero = 16 if scalar else size
    b = last_source(dc, i, n - 1, half)
    d = slot_of(dc, i, 0)
    a = slot_of(dc, i, 1) if n == 3 else d
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, op, d, a, b, 0, imm, lanes,
                16 if scalar and n == 3 else 0, zero)
    return True


cdef bint trans_vfma(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t extra, uint32_t order,
                     bint scalar) noexcept nogil:
    """VFMADD and the like: order 0 132, 1 213, 2 231."""
    cdef uint32_t b = source(dc, i, 2), d = i.reg, h = i.vvvv, size = full_bytes(i)
    cdef uint32_t lanes = 1 if scalar else size >> (3 if fmt == FP_F64 else 2)
    cdef uint32_t family = VH_F64 if fmt == FP_F64 else VH_F32, zero = 16 if scalar else size
    if order == 0:
        call_vector(dc, family, SFP_FMA, d, d, b, h, extra, lanes, 0, zero)
    elif order == 1:
        call_vector(dc, family, SFP_FMA, d, h, d, b, extra, lanes, 0, zero)
    else:
        call_vector(dc, family, SFP_FMA, d, h, b, d, extra, lanes, 0, zero)
    return True


cdef bint trans_vmisc(DisasContext *dc, X86Insn *i, uint32_t op) noexcept nogil:
    cdef uint32_t n = register_operands(i), d, b
    # The SHA instructions take unaligned operands, as processors do.
    b = slot_of(dc, i, 1) if op >= SMISC_SHA1RNDS4 else source(dc, i, n - 1)
    d = slot_of(dc, i, 0)
    call_vector(dc, VH_MISC, op, d, slot_of(dc, i, 1) if n == 3 else d, b, 0, <uint32_t>i.imm[0],
                16, 0, 16 if is_vex(i) else 32)
    return True


cdef bint trans_vblend(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    cdef uint32_t size = full_bytes(i), d
    d = i.reg
    if is_vex(i):
        call_vector(dc, VH_BLEND, n, d, i.vvvv, source(dc, i, 2), slot_of(dc, i, 3), 0, size, 0,
                    size)
    else:
        call_vector(dc, VH_BLEND, n, d, d, source(dc, i, 1), 0, 0, size, 0, 32)
    return True


# ---------------------------------------------------------------- moves

cdef void store_slot(DisasContext *dc, X86Insn *i, uint32_t slot, uint32_t bytes_) noexcept nogil:
    cdef uint32_t k, t, n = bytes_ >> 3 if bytes_ > 8 else 1, log2 = 3
    if bytes_ < 8:
        log2 = 2 if bytes_ == 4 else bytes_ >> 1
    for k in range(n):
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(slot, k))
        ir_gst(dc.ir, address_at(dc, i, 8 * k), t, oi(dc, log2))


cdef void enter_mmx(DisasContext *dc, uint32_t slot, bint write) noexcept nogil:
    """What each MMX instruction does to the x87 unit; a register written gets exponent FFFFh."""
    call_vector(dc, VH_ENTER, 0, slot if write else SLOT_MEM, slot, slot, 0, 0, 0, 0, 32)


cdef bint trans_vmov(DisasContext *dc, X86Insn *i, bint aligned) noexcept nogil:
    """A move of operand 1 to operand 0, zeros above it in the 16 (VEX: 32) bytes."""
    cdef uint32_t bytes_ = operand_bytes(i, 0), d, s, k, t, n, other
    cdef bint mmx = mmx_operand(i, 0)
    if i.is_mem and aligned:
        check_aligned(dc, i)
    other = operand_bytes(i, 1)
    if other < bytes_:
        bytes_ = other
    if mmx:
        enter_mmx(dc, slot_of(dc, i, 0), True)
    elif mmx_operand(i, 1):
        enter_mmx(dc, slot_of(dc, i, 1), False)
    if in_memory(i, 0):
        store_slot(dc, i, slot_of(dc, i, 1), bytes_)
        return True
    d = slot_of(dc, i, 0)
    n = bytes_ >> 3 if bytes_ > 8 else 1
    if in_memory(i, 1):
        load_slot(dc, i, d, bytes_)
    else:
        s = slot_of(dc, i, 1)
        for k in range(n):
            t = local(dc)
            ir_ld64(dc.ir, t, word_offset(s, k))
            ir_st64(dc.ir, t, word_offset(d, k))
    if not mmx:
        zero_words(dc, d, n, 4 if is_vex(i) else 2)
    return True


cdef void copy_word(DisasContext *dc, uint32_t d, uint32_t at, uint32_t s,
                    uint32_t from_) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_ld64(dc.ir, t, word_offset(s, from_))
    ir_st64(dc.ir, t, word_offset(d, at))


cdef bint trans_vmerge(DisasContext *dc, X86Insn *i) noexcept nogil:
    """MOVSS, MOVSD of registers: the low lane; VEX: the rest from vvvv."""
    cdef uint32_t n = i.row.n_ops, d = slot_of(dc, i, 0), s = slot_of(dc, i, n - 1), t = local(dc)
    ir_ld64(dc.ir, t, word_offset(s, 0))
    if is_vex(i):
        copy_word(dc, SLOT_MEM, 0, i.vvvv, 0)
        copy_word(dc, d, 1, i.vvvv, 1)
        copy_word(dc, d, 0, SLOT_MEM, 0)
        zero_words(dc, d, 2, 4)
    if i.row.ops[0].size == X86S_d:
        ir_st32(dc.ir, t, word_offset(d, 0))
    else:
        ir_st64(dc.ir, t, word_offset(d, 0))
    return True


cdef bint trans_vhalf(DisasContext *dc, X86Insn *i, uint32_t to, bint swap) noexcept nogil:
    """MOVLPS and the like: one word; swap: from the other half of a register."""
    cdef uint32_t n = i.row.n_ops, d, s, t = local(dc)
    if in_memory(i, 0):
        ir_ld64(dc.ir, t, word_offset(i.reg, to))
        ir_gst(dc.ir, address(dc, i, 3), t, oi(dc, 3))
        return True
    d = i.reg
    if i.is_mem:
        ir_gld(dc.ir, t, address(dc, i, 3), oi(dc, 3))
    else:
        s = i.rm
        ir_ld64(dc.ir, t, word_offset(s, 1 - to if swap else to))
    if n == 3:
        copy_word(dc, d, 1 - to, i.vvvv, 1 - to)
        zero_words(dc, d, 2, 4)
    ir_st64(dc.ir, t, word_offset(d, to))
    return True


cdef bint trans_vfromgpr(DisasContext *dc, X86Insn *i) noexcept nogil:
    """MOVD, MOVQ from a general register or memory."""
    cdef uint32_t log2 = op_log2(i, 1), t = narrow(dc, log2, get_op(dc, i, 1)), d
    d = slot_of(dc, i, 0)
    if d >= SLOT_MMX:
        enter_mmx(dc, d, True)
    ir_st64(dc.ir, t, word_offset(d, 0))
    if d < SLOT_MMX:
        zero_words(dc, d, 1, 4 if is_vex(i) else 2)
    return True


cdef bint trans_vtogpr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc), s = slot_of(dc, i, 1)
    if s >= SLOT_MMX:
        enter_mmx(dc, s, False)
    ir_ld64(dc.ir, t, word_offset(s, 0))
    put_op(dc, i, 0, t)
    return True


cdef bint trans_vinsert(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """PINSRx; n 2: 4 or 8 bytes by REX.W."""
    cdef uint32_t k = register_operands(i) - 1, d = slot_of(dc, i, 0), t = local(dc), u, at, word
    u = get_op(dc, i, k)
    if n == 2 and i.opsize == 3:
        n = 3
    at = <uint32_t>i.imm[0] & ((8 if d >= SLOT_MMX else 16) - 1 >> n)
    if d >= SLOT_MMX:
        enter_mmx(dc, d, True)
    word = at << n >> 3
    if k == 2:
        copy_word(dc, SLOT_MEM, 0, i.vvvv, 0)
        copy_word(dc, d, 1, i.vvvv, 1)
        copy_word(dc, d, 0, SLOT_MEM, 0)
        zero_words(dc, d, 2, 4)
    if n == 3:
        ir_st64(dc.ir, u, word_offset(d, word))
        return True
    ir_ld64(dc.ir, t, word_offset(d, word))
    ir_deposit(dc.ir, t, t, u, (at << n & 7) * 8, 8 << n)
    ir_st64(dc.ir, t, word_offset(d, word))
    return True


cdef bint trans_vextract(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """PEXTRx to a register (zero-extended) or memory."""
    cdef uint32_t s = slot_of(dc, i, 1), t = local(dc), at
    if n == 2 and i.opsize == 3 and i.row.ops[0].size == X86S_y:
        n = 3
    at = <uint32_t>i.imm[0] & ((8 if s >= SLOT_MMX else 16) - 1 >> n)
    if s >= SLOT_MMX:
        enter_mmx(dc, s, False)
    ir_ld64(dc.ir, t, word_offset(s, at << n >> 3))
    if n < 3:
        ir_extract(dc.ir, t, t, (at << n & 7) * 8, 8 << n)
    if in_memory(i, 0):
        store(dc, i, n, t)
    else:
        set_reg(dc, i, 3 if n == 3 else 2, reg_of(i, 0), t)
    return True


cdef bint trans_vextract128(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t k, t, from_ = 2 if i.imm[0] & 1 else 0
    for k in range(2):
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(i.reg, from_ + k))
        if i.is_mem:
            ir_gst(dc.ir, address_at(dc, i, 8 * k), t, oi(dc, 3))
        else:
            ir_st64(dc.ir, t, word_offset(i.rm, k))
    if not i.is_mem:
        zero_words(dc, i.rm, 2, 4)
    return True


cdef bint trans_vinsert128(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t k, s = slot_of(dc, i, 2), at = 2 if i.imm[0] & 1 else 0
    copy_word(dc, SLOT_MEM, 0, s, 0)
    copy_word(dc, SLOT_MEM, 1, s, 1)
    for k in range(4):
        copy_word(dc, i.reg, k, i.vvvv, k)
    copy_word(dc, i.reg, at, SLOT_MEM, 0)
    copy_word(dc, i.reg, at + 1, SLOT_MEM, 1)
    return True


cdef bint trans_vbroadcast128(DisasContext *dc, X86Insn *i) noexcept nogil:
    load_slot(dc, i, i.reg, 16)
    copy_word(dc, i.reg, 2, i.reg, 0)
    copy_word(dc, i.reg, 3, i.reg, 1)
    return True


cdef bint trans_vzero(DisasContext *dc, X86Insn *i) noexcept nogil:
    """VZEROUPPER; L: VZEROALL."""
    cdef uint32_t n
    for n in range(16 if i.mode == X86_MODE_64 else 8):
        zero_words(dc, n, 0 if i.vex_l else 2, 4)
    return True


# ---------------------------------------------------------------- general registers and flags

cdef bint trans_vfromint(DisasContext *dc, X86Insn *i, uint32_t fmt) noexcept nogil:
    """CVTSI2SS, CVTSI2SD."""
    cdef uint32_t k = i.row.n_ops - 1, log2 = op_log2(i, k)
    ir_st64(dc.ir, narrow(dc, log2, get_op(dc, i, k)), word_offset(SLOT_MEM, 0))
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, SFP_I64_TO if log2 == 3 else SFP_I32_TO,
                i.reg, i.vvvv if k == 2 else i.reg, SLOT_MEM, 0, 0, 1, 16 if k == 2 else 0,
                16 if is_vex(i) else 32)
    return True


cdef bint trans_vtoint(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t cut) noexcept nogil:
    cdef uint32_t s = slot_of(dc, i, 1), log2 = op_log2(i, 0), t = local(dc)
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, SFP_TO_I64 if log2 == 3 else SFP_TO_I32,
                SLOT_MEM, SLOT_MEM, s, 0, cut, 1, 0, 32)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    set_reg(dc, i, log2, i.reg, t)
    return True


cdef bint trans_vmask(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    cdef uint32_t s = slot_of(dc, i, 1), t = local(dc)
    call_vector(dc, VH_MASK, n, SLOT_MEM, s, s, 0, 0, 8 if s >= SLOT_MMX else full_bytes(i), 0, 32)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    set_reg(dc, i, 2, i.reg, t)
    return True


cdef void flags_from_slot(DisasContext *dc) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    set_flags(dc, t)


cdef bint trans_vtest(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    call_vector(dc, VH_TEST, n, SLOT_MEM, i.reg, source(dc, i, 1), 0, 0, full_bytes(i), 0, 32)
    flags_from_slot(dc)
    return True


cdef bint trans_vcomi(DisasContext *dc, X86Insn *i, uint32_t fmt, bint signalling) noexcept nogil:
    call_vector(dc, VH_COMI, fmt | (8 if signalling else 0), SLOT_MEM, i.reg, slot_of(dc, i, 1), 0,
                0, 0, 0, 32)
    flags_from_slot(dc)
    return True


cdef bint trans_vstring(DisasContext *dc, X86Insn *i, uint32_t explicit,
                        uint32_t mask) noexcept nogil:
    cdef uint32_t t
    call_vector(dc, VH_STRING, explicit | mask << 1 | (4 if i.rex & 8 else 0), SLOT_MEM, i.reg,
                slot_of(dc, i, 1), 0, <uint32_t>i.imm[0], 16, 0, 32)
    flags_from_slot(dc)
    if not mask:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 1))
        set_reg(dc, i, 2, R_CX, t)
    elif is_vex(i):
        zero_words(dc, 0, 2, 4)
    return True


cdef inline uint32_t off_mxcsr() noexcept nogil:
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).mxcsr


cdef bint trans_ldmxcsr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = load(dc, i, 2)
    gen_exception_if(dc, COND_gtu, t, const(dc, MXCSR_VALID), X86_EXCP_GP, FAULT_TRAP, HINT_NONE, t)
    ir_st64(dc.ir, t, off_mxcsr())
    return True


cdef bint trans_stmxcsr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_ld64(dc.ir, t, off_mxcsr())
    store(dc, i, 2, t)
    return True


# ---------------------------------------------------------------- x87

cdef bint trans_emms(DisasContext *dc, X86Insn *i) noexcept nogil:
    enter_mmx(dc, SLOT_MMX, False)
    ir_st64(dc.ir, const(dc, 0xffff), <uint32_t><uintptr_t>&(<CPUX86State *>NULL).ftw)
    return True


cdef void call_x87(DisasContext *dc, uint32_t op) noexcept nogil:
    ir_call(dc.ir, &x87_info, IR_NONE, const(dc, op), const(dc, dc.pc), IR_NONE, IR_NONE)


cdef bint trans_fwait(DisasContext *dc, X86Insn *i) noexcept nogil:
    call_x87(dc, 0x1d0)         # FNOP waits as well
    return True


cdef bint trans_x87(DisasContext *dc, X86Insn *i, uint32_t esc) noexcept nogil:
    cdef uint32_t op = esc << 8 | i.modrm, t
    cdef int size = x87_operand(op)
    cdef bint flags = op >= 0x300 and (esc == 3 or esc == 7) and 0xe8 <= i.modrm < 0xf8
    if i.is_mem:
        if size == 0:
            return False
        if size > 0:
            load_slot(dc, i, SLOT_MEM, 8 if size == 10 else <uint32_t>size)
            if size == 10:
                t = local(dc)
                ir_gld(dc.ir, t, address_at(dc, i, 8), oi(dc, 1))
                ir_st64(dc.ir, t, word_offset(SLOT_MEM, 1))
        call_x87(dc, op)
        if size < 0:
            gen_x87_store(dc, i, <uint32_t>-size)
        return True
    if flags or (esc == 2 or esc == 3) and i.modrm < 0xe0:
        ir_st64(dc.ir, get_flags(dc), word_offset(SLOT_MEM, 2))
    call_x87(dc, op)
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
    cdef uint32_t t = local(dc), skip = ir_new_label(dc.ir)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 3))
    ir_brcond(dc.ir, t, const(dc, X87_NO_STORE), COND_eq, skip)
    store_slot(dc, i, SLOT_MEM, 8 if size == 10 else size)
    if size == 10:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 1))
        ir_gst(dc.ir, address_at(dc, i, 8), t, oi(dc, 1))
    ir_place_label(dc.ir, skip)
