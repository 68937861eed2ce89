# x86: MMX, SSE and AVX families. Included by x86.pyx. XMM registers are the IR's vector globals
# T_XMM.., the upper halves of YMM and MMX registers lie in the state. What has no IR form, and all
# arithmetic while an exception is unmasked in MXCSR, calls helper_vector (vechelp.pxd).
# Rows: sse.ops, vex.ops. Shapes of lane operations: trans_lane.pxi. SDM volume 2.

cdef enum:
    SLOT_MEM = 16
    SLOT_MMX = 32

ctypedef struct Wide:           # an operand of 16 or 32 bytes as vector temps
    uint32_t lo
    uint32_t hi                 # IR_NONE: 16 bytes


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
    """Of MMX registers, the memory slot and upper halves: XMM registers are temps."""
    if slot >= SLOT_MMX:
        return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).x87[2 * (slot & 7)]
    return <uint32_t><uintptr_t>&(<CPUX86State *>NULL).vec[4 * slot + word]


cdef inline uint32_t xmm(uint32_t n) noexcept nogil:
    return T_XMM + n


cdef inline uint32_t vlocal(DisasContext *dc) noexcept nogil:
    return ir_local(dc.ir, TYPE_V)


cdef uint32_t zeros(DisasContext *dc) noexcept nogil:
    cdef uint32_t t = vlocal(dc)
    ir_vdup(dc.ir, t, const(dc, 0), 3)
    return t


cdef uint32_t upper(DisasContext *dc, uint32_t n) noexcept nogil:
    """The upper half of YMM n."""
    cdef uint32_t t = vlocal(dc)
    ir_vld(dc.ir, t, word_offset(n, 2))
    return t


cdef inline void set_upper(DisasContext *dc, uint32_t n, uint32_t t) noexcept nogil:
    ir_vst(dc.ir, t, word_offset(n, 2))


cdef void zero_upper(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """What a VEX form of 16 bytes does to its destination; others leave it."""
    if is_vex(i):
        set_upper(dc, n, zeros(dc))


cdef bint in_memory(X86Insn *i, uint32_t k) noexcept nogil:
    cdef uint32_t kind = i.row.ops[k].kind
    return i.is_mem and (kind == X86_W or kind == X86_Q or kind == X86_M or kind == X86_E)


cdef void check_aligned(DisasContext *dc, X86Insn *i) noexcept nogil:
    """#GP of 16-byte operands (SDM 1, 11.10.6)."""
    cdef uint32_t t = local(dc)
    ir_op2(dc.ir, OP_and, t, address(dc, i, 4), const(dc, full_bytes(i) - 1))
    gen_exception_if(dc, COND_ne, t, const(dc, 0), X86_EXCP_GP, FAULT_TRAP, HINT_ALIGNED, i.addr)


cdef uint32_t address_at(DisasContext *dc, X86Insn *i, uint32_t offset) noexcept nogil:
    cdef uint32_t t = address(dc, i, 3)
    if offset == 0:
        return t
    t = local(dc)
    ir_op2(dc.ir, OP_add if i.adsize == 3 else OP_add32, t, i.addr, const(dc, offset))
    return t


cdef uint32_t load_int(DisasContext *dc, X86Insn *i, uint32_t bytes_) noexcept nogil:
    """Up to 8 bytes of memory, zero-extended."""
    cdef uint32_t t = local(dc), log2 = 3
    if bytes_ < 8:
        log2 = 2 if bytes_ == 4 else bytes_ >> 1
    ir_gld(dc.ir, t, address(dc, i, log2), oi(dc, log2))
    return t


cdef Wide load_wide(DisasContext *dc, X86Insn *i, uint32_t bytes_) noexcept nogil:
    """Memory as vector temps, zeros above it. All loads come before anything is changed."""
    cdef Wide w
    w.lo = vlocal(dc)
    w.hi = IR_NONE
    if bytes_ <= 8:
        ir_vset(dc.ir, w.lo, load_int(dc, i, bytes_), const(dc, 0))
        return w
    ir_vgld(dc.ir, w.lo, address(dc, i, 4), oi(dc, MO_128))
    if bytes_ == 32:
        w.hi = vlocal(dc)
        ir_vgld(dc.ir, w.hi, address_at(dc, i, 16), oi(dc, MO_128))
    return w


cdef void store_wide(DisasContext *dc, X86Insn *i, Wide w, uint32_t bytes_) noexcept nogil:
    """Up to 8 bytes: the low ones of w.lo. 32 bytes over the end of a page: all or nothing."""
    cdef uint32_t t, u, skip, log2 = 3
    if bytes_ <= 8:
        t = local(dc)
        if bytes_ < 8:
            log2 = 2 if bytes_ == 4 else bytes_ >> 1
            ir_vext(dc.ir, t, w.lo, 0, log2)
        else:
            ir_vlo(dc.ir, t, w.lo)
        store(dc, i, log2, t)
        return
    check_writable(dc, segment_of(i))
    t = address(dc, i, 4)
    if w.hi != IR_NONE:
        u = local(dc)
        skip = ir_new_label(dc.ir)
        ir_and(dc.ir, u, t, const(dc, 0xfff))
        ir_brcond(dc.ir, u, const(dc, 0x1000 - 32), COND_leu, skip)
        ir_call(dc.ir, &memory_info, IR_NONE, const(dc, VM_PROBE), t, const(dc, 32),
                const(dc, dc.pc))
        ir_place_label(dc.ir, skip)
    ir_vgst(dc.ir, t, w.lo, oi(dc, MO_128))
    if w.hi != IR_NONE:
        ir_vgst(dc.ir, address_at(dc, i, 16), w.hi, oi(dc, MO_128))


cdef uint32_t register_operand(X86Insn *i, uint32_t k) noexcept nogil:
    """Number of the register that operand k is, SLOT_MMX + n for MMX; SLOT_MEM: it is memory."""
    cdef uint32_t kind = i.row.ops[k].kind
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
    return SLOT_MEM


cdef Wide wide_register(DisasContext *dc, uint32_t n, bint both) noexcept nogil:
    cdef Wide w
    w.lo = xmm(n)
    w.hi = upper(dc, n) if both else <uint32_t>IR_NONE
    return w


cdef Wide operand_wide(DisasContext *dc, X86Insn *i, uint32_t k, uint32_t bytes_) noexcept nogil:
    """Operand k, `bytes_` of it if it is memory; legacy 16-byte ones must be aligned."""
    cdef uint32_t n = register_operand(i, k)
    if n != SLOT_MEM:
        return wide_register(dc, n, bytes_ == 32)
    if not is_vex(i) and bytes_ == 16:
        check_aligned(dc, i)
    return load_wide(dc, i, bytes_)


# ---------------------------------------------------------------- helper calls

cdef void load_slot(DisasContext *dc, X86Insn *i, uint32_t bytes_) noexcept nogil:
    """Memory to slot 16 of the state."""
    cdef Wide w
    if bytes_ <= 8:
        ir_st64(dc.ir, load_int(dc, i, bytes_), word_offset(SLOT_MEM, 0))
        return
    w = load_wide(dc, i, bytes_)
    ir_vst(dc.ir, w.lo, word_offset(SLOT_MEM, 0))
    if w.hi != IR_NONE:
        ir_vst(dc.ir, w.hi, word_offset(SLOT_MEM, 2))


cdef uint32_t slot_of(DisasContext *dc, X86Insn *i, uint32_t k, uint32_t bytes_) noexcept nogil:
    """The slot of operand k for helper_vector; one in memory is loaded."""
    cdef uint32_t n = register_operand(i, k)
    if n == SLOT_MEM:
        load_slot(dc, i, bytes_)
    return n


cdef uint32_t source(DisasContext *dc, X86Insn *i, uint32_t k) noexcept nogil:
    """slot_of with the alignment check of legacy instructions."""
    cdef uint32_t bytes_ = operand_bytes(i, k)
    if in_memory(i, k) and not is_vex(i) and bytes_ == 16:
        check_aligned(dc, i)
    return slot_of(dc, i, k, bytes_)


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
    if half:
        return slot_of(dc, i, k, widened(i, operand_bytes(i, k)))
    return source(dc, i, k)


cdef void wait_mmx(DisasContext *dc, X86Insn *i) noexcept nogil:
    """A pending x87 exception comes before those of the memory operand."""
    if i.is_mem:
        call_x87(dc, X87_WAIT, const(dc, 0))


# ---------------------------------------------------------------- lanes

cdef bint trans_vint(DisasContext *dc, X86Insn *i, uint32_t op) noexcept nogil:
    cdef uint32_t n = register_operands(i), d, a, b, size = full_bytes(i), imm = <uint32_t>i.imm[0]
    cdef bint half = SIMD_MOVSX_B <= op < SIMD_AND
    if mmx_operand(i, 0):
        size = 8
        wait_mmx(dc, i)
    elif lane_form(op) and gen_lanes(dc, i, op, n, half) or gen_across(dc, i, op, n):
        return True
    if size == 8 and i.is_mem and op & ~3 == SIMD_UNPCKL:
        b = slot_of(dc, i, n - 1, 4)        # mm/m32
    else:
        b = last_source(dc, i, n - 1, half)
    if op == SIMD_INSERTPS and b == SLOT_MEM:
        imm &= 0x3f
    d = register_operand(i, 0)
    a = register_operand(i, 1) if n == 3 else d
    call_vector(dc, VH_INT, op, d, a, b, 0, imm, size, 0, size if is_vex(i) else 32)
    return True


cdef bint trans_vfloat(DisasContext *dc, X86Insn *i, uint32_t op, uint32_t fmt, uint32_t extra,
                       uint32_t scalar) noexcept nogil:
    """scalar: 0 all lanes, 1 lane 0, 2 two lanes with an MMX register at one end."""
    cdef uint32_t n = register_operands(i), d, a, b, size = full_bytes(i), imm = extra, lanes
    cdef uint32_t zero = 32
    cdef Wide w
    cdef bint half = not scalar and (op == SFP_F32_F64 or op == SFP_F16_F32
                                     or op == SFP_I32_TO and fmt == FP_F64)
    if i.n_imms:
        imm = <uint32_t>i.imm[0] & 255
    if op == SFP_CMP:
        imm &= 31 if is_vex(i) else 7
    if scalar == 2:
        if mmx_operand(i, 0):           # CVTPI2PS of memory has nothing to do with the x87 unit
            wait_mmx(dc, i)
    elif not dc.tb_flags & TBF_XM and gen_floats(dc, i, op, fmt, imm, scalar, n, half):
        return True
    lanes = scalar if scalar else size >> (3 if fmt == FP_F64 else 2)
    if op == SFP_F32_F16:
        d = SLOT_MEM if i.is_mem else i.rm
        if i.is_mem:                    # its faults come before #XM, and before flags of MXCSR
            check_writable(dc, segment_of(i))
            call_memory(dc, VM_PROBE, address(dc, i, 3), size >> 1)
        call_vector(dc, VH_F32, op, d, d, i.reg, 0, imm, lanes, 0, size >> 1)
        if i.is_mem:
            w.lo = vlocal(dc)
            w.hi = IR_NONE
            ir_vld(dc.ir, w.lo, word_offset(SLOT_MEM, 0))
            store_wide(dc, i, w, size >> 1)
        return True
    if not scalar and (op == SFP_F64_F32 or op == SFP_TO_I32 and fmt == FP_F64):
        zero = size >> 1 if is_vex(i) else ZERO_HIGH
    elif is_vex(i):
        zero = 16 if scalar else size
    b = last_source(dc, i, n - 1, half)
    d = register_operand(i, 0)
    a = register_operand(i, 1) if n == 3 else d
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, op, d, a, b, 0, imm, lanes,
                16 if scalar and n == 3 else 0, zero)
    return True


cdef bint trans_vfma(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t extra, uint32_t order,
                     bint scalar) noexcept nogil:
    """VFMADD and the like: order 0 132, 1 213, 2 231."""
    cdef uint32_t b, d = i.reg, h = i.vvvv, size = full_bytes(i)
    cdef uint32_t lanes = 1 if scalar else size >> (3 if fmt == FP_F64 else 2)
    cdef uint32_t family = VH_F64 if fmt == FP_F64 else VH_F32, zero = 16 if scalar else size
    if not dc.tb_flags & TBF_XM and scalar:
        gen_fma(dc, i, fmt, extra, order)
        return True
    if not dc.tb_flags & TBF_XM and not extra & (SFMA_ALT_ADD | SFMA_ALT_SUB):
        gen_fma_lanes(dc, i, fmt, extra, order)
        return True
    b = source(dc, i, 2)
    if order == 0:
        call_vector(dc, family, SFP_FMA, d, d, b, h, extra, lanes, 0, zero)
    elif order == 1:
        call_vector(dc, family, SFP_FMA, d, h, d, b, extra, lanes, 0, zero)
    else:
        call_vector(dc, family, SFP_FMA, d, h, b, d, extra, lanes, 0, zero)
    return True


cdef bint trans_vmisc(DisasContext *dc, X86Insn *i, uint32_t op) noexcept nogil:
    cdef uint32_t n = register_operands(i), d, a, b, imm = <uint32_t>i.imm[0]
    if op <= SMISC_AESDECLAST or op == SMISC_PCLMULQDQ:
        b = operand_wide(dc, i, n - 1, 16).lo
        d = register_operand(i, 0)
        a = xmm(register_operand(i, 1) if n == 3 else d)
        if op == SMISC_PCLMULQDQ:
            ir_vclmul(dc.ir, xmm(d), a, b, (imm & 1) | (imm >> 3 & 2))
        else:
            ir_vaes(dc.ir, xmm(d), a, b, op)
        zero_upper(dc, i, d)
        return True
    # The SHA instructions take unaligned operands, as processors do.
    b = slot_of(dc, i, 1, 16) if op >= SMISC_SHA1RNDS4 else source(dc, i, n - 1)
    d = register_operand(i, 0)
    call_vector(dc, VH_MISC, op, d, register_operand(i, 1) if n == 3 else d, b, 0,
                imm, 16, 0, 16 if is_vex(i) else 32)
    return True


cdef bint trans_vblend(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """BLENDV: by the top bits of the lanes of XMM0 or a fourth register."""
    cdef bint vex = is_vex(i)
    cdef uint32_t size = full_bytes(i), a = i.vvvv if vex else i.reg
    cdef uint32_t m = register_operand(i, 3) if vex else 0
    cdef Wide b = operand_wide(dc, i, 2 if vex else 1, size)
    cdef uint32_t h = blended(dc, upper(dc, a), b.hi, upper(dc, m), n) if size == 32 else 0
    ir_vmov(dc.ir, xmm(i.reg), blended(dc, xmm(a), b.lo, xmm(m), n))
    if size == 32:
        set_upper(dc, i.reg, h)
    else:
        zero_upper(dc, i, i.reg)
    return True


# ---------------------------------------------------------------- moves

cdef void enter_mmx(DisasContext *dc, uint32_t slot, bint write) noexcept nogil:
    """What each MMX instruction does to the x87 unit; a register written gets exponent FFFFh."""
    call_vector(dc, VH_ENTER, 0, slot if write else SLOT_MEM, slot, slot, 0, 0, 0, 0, 32)


cdef void copy_mmx(DisasContext *dc, uint32_t d, uint32_t s) noexcept nogil:
    cdef uint32_t t = local(dc)
    if s < SLOT_MMX:
        ir_vlo(dc.ir, t, xmm(s))
    else:
        ir_ld64(dc.ir, t, word_offset(s, 0))
    if d < SLOT_MMX:
        ir_vset(dc.ir, xmm(d), t, const(dc, 0))
    else:
        ir_st64(dc.ir, t, word_offset(d, 0))


cdef bint trans_mmxmov(DisasContext *dc, X86Insn *i) noexcept nogil:
    """Eight bytes with an MMX register at one end."""
    cdef uint32_t d = register_operand(i, 0), s = register_operand(i, 1), t
    if s == SLOT_MEM:
        wait_mmx(dc, i)
        t = load_int(dc, i, 8)
        enter_mmx(dc, d, True)
        ir_st64(dc.ir, t, word_offset(d, 0))
    elif d == SLOT_MEM:
        wait_mmx(dc, i)
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(s, 0))
        store(dc, i, 3, t)
        enter_mmx(dc, s, False)
    else:
        enter_mmx(dc, d if d >= SLOT_MMX else s, d >= SLOT_MMX)
        copy_mmx(dc, d, s)
    return True


cdef bint trans_vmov(DisasContext *dc, X86Insn *i, bint aligned) noexcept nogil:
    """A move of operand 1 to operand 0, zeros above it in the 16 (VEX: 32) bytes."""
    cdef uint32_t bytes_ = operand_bytes(i, 0), d, other = operand_bytes(i, 1)
    cdef Wide w
    if i.is_mem and aligned:
        check_aligned(dc, i)
    if other < bytes_:
        bytes_ = other
    if in_memory(i, 0):
        store_wide(dc, i, wide_register(dc, register_operand(i, 1), bytes_ == 32), bytes_)
        return True
    d = register_operand(i, 0)
    if in_memory(i, 1):
        w = load_wide(dc, i, bytes_)
    else:
        w = wide_register(dc, register_operand(i, 1), bytes_ == 32)
    if bytes_ == 8 and not in_memory(i, 1):
        copy_mmx(dc, d, register_operand(i, 1))
    else:
        ir_vmov(dc.ir, xmm(d), w.lo)
    if w.hi != IR_NONE:
        set_upper(dc, d, w.hi)
    else:
        zero_upper(dc, i, d)
    return True


cdef bint trans_vmerge(DisasContext *dc, X86Insn *i) noexcept nogil:
    """MOVSS, MOVSD of registers: the low lane; VEX: the rest from vvvv."""
    cdef uint32_t n = i.row.n_ops, d = register_operand(i, 0), s = register_operand(i, n - 1)
    cdef uint32_t t = local(dc), log2 = 2 if i.row.ops[0].size == X86S_d else 3
    ir_vext(dc.ir, t, xmm(s), 0, log2)
    ir_vins(dc.ir, xmm(d), xmm(i.vvvv) if is_vex(i) else xmm(d), t, 0, log2)
    zero_upper(dc, i, d)
    return True


cdef bint trans_vhalf(DisasContext *dc, X86Insn *i, uint32_t to, bint swap) noexcept nogil:
    """MOVLPS and the like: one word; swap: from the other half of a register."""
    cdef uint32_t n = i.row.n_ops, t
    if in_memory(i, 0):
        t = local(dc)
        ir_vext(dc.ir, t, xmm(i.reg), to, 3)
        store(dc, i, 3, t)
        return True
    if i.is_mem:
        t = load_int(dc, i, 8)
    else:
        t = local(dc)
        ir_vext(dc.ir, t, xmm(i.rm), 1 - to if swap else to, 3)
    ir_vins(dc.ir, xmm(i.reg), xmm(i.vvvv) if n == 3 else xmm(i.reg), t, to, 3)
    zero_upper(dc, i, i.reg)
    return True


cdef bint trans_vfromgpr(DisasContext *dc, X86Insn *i) noexcept nogil:
    """MOVD, MOVQ from a general register or memory."""
    cdef uint32_t log2 = op_log2(i, 1), t, d = register_operand(i, 0)
    if d >= SLOT_MMX:
        wait_mmx(dc, i)
    t = narrow(dc, log2, get_op(dc, i, 1))
    if d >= SLOT_MMX:
        enter_mmx(dc, d, True)
        ir_st64(dc.ir, t, word_offset(d, 0))
        return True
    ir_vset(dc.ir, xmm(d), t, const(dc, 0))
    zero_upper(dc, i, d)
    return True


cdef bint trans_vtogpr(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t t = local(dc), s = register_operand(i, 1)
    if s >= SLOT_MMX:
        wait_mmx(dc, i)
        ir_ld64(dc.ir, t, word_offset(s, 0))
    else:
        ir_vlo(dc.ir, t, xmm(s))
    if s >= SLOT_MMX and not i.is_mem:
        enter_mmx(dc, s, False)
    put_op(dc, i, 0, t)
    if s >= SLOT_MMX and i.is_mem:
        enter_mmx(dc, s, False)
    return True


cdef bint trans_vinsert(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """PINSRx; n 2: 4 or 8 bytes by REX.W."""
    cdef uint32_t k = register_operands(i) - 1, d = register_operand(i, 0), t, u, at
    if d >= SLOT_MMX:
        wait_mmx(dc, i)
    u = get_op(dc, i, k) if i.is_mem else i.rm      # never AH to BH
    if n == 2 and i.opsize == 3:
        n = 3
    at = <uint32_t>i.imm[0] & ((8 if d >= SLOT_MMX else 16) - 1 >> n)
    if d >= SLOT_MMX:
        enter_mmx(dc, d, True)
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(d, 0))
        ir_deposit(dc.ir, t, t, u, (at << n) * 8, 8 << n)
        ir_st64(dc.ir, t, word_offset(d, 0))
        return True
    ir_vins(dc.ir, xmm(d), xmm(i.vvvv) if k == 2 else xmm(d), u, at, n)
    zero_upper(dc, i, d)
    return True


cdef bint trans_vextract(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """PEXTRx to a register (zero-extended) or memory."""
    cdef uint32_t s = register_operand(i, 1), t = local(dc), at
    if n == 2 and i.opsize == 3 and i.row.ops[0].size == X86S_y:
        n = 3
    at = <uint32_t>i.imm[0] & ((8 if s >= SLOT_MMX else 16) - 1 >> n)
    if s >= SLOT_MMX:
        enter_mmx(dc, s, False)
        ir_ld64(dc.ir, t, word_offset(s, 0))
        ir_extract(dc.ir, t, t, (at << n) * 8, 8 << n)
    else:
        ir_vext(dc.ir, t, xmm(s), at, n)
    if in_memory(i, 0):
        store(dc, i, n, t)
    else:
        set_reg(dc, i, 3 if n == 3 else 2, reg_of(i, 0), t)
    return True


cdef bint trans_vextract128(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef Wide w
    w.lo = upper(dc, i.reg) if i.imm[0] & 1 else xmm(i.reg)
    w.hi = IR_NONE
    if i.is_mem:
        store_wide(dc, i, w, 16)
        return True
    ir_vmov(dc.ir, xmm(i.rm), w.lo)
    zero_upper(dc, i, i.rm)
    return True


cdef bint trans_vinsert128(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef uint32_t s = operand_wide(dc, i, 2, 16).lo
    if i.imm[0] & 1:
        set_upper(dc, i.reg, s)         # in front of the low half: s may be the destination
        ir_vmov(dc.ir, xmm(i.reg), xmm(i.vvvv))
    else:
        set_upper(dc, i.reg, upper(dc, i.vvvv))
        ir_vmov(dc.ir, xmm(i.reg), s)
    return True


cdef bint trans_vbroadcast128(DisasContext *dc, X86Insn *i) noexcept nogil:
    cdef Wide w = load_wide(dc, i, 16)
    ir_vmov(dc.ir, xmm(i.reg), w.lo)
    set_upper(dc, i.reg, w.lo)
    return True


cdef bint trans_vzero(DisasContext *dc, X86Insn *i) noexcept nogil:
    """VZEROUPPER; L: VZEROALL."""
    cdef uint32_t n, zero = zeros(dc)
    for n in range(16 if i.mode == X86_MODE_64 else 8):
        if i.vex_l:
            ir_vmov(dc.ir, xmm(n), zero)
        set_upper(dc, n, zero)
    return True


# ---------------------------------------------------------------- general registers and flags

cdef bint trans_vfromint(DisasContext *dc, X86Insn *i, uint32_t fmt) noexcept nogil:
    """CVTSI2SS, CVTSI2SD."""
    cdef uint32_t k = i.row.n_ops - 1, log2 = op_log2(i, k), a = i.vvvv if k == 2 else i.reg
    cdef uint32_t t = narrow(dc, log2, get_op(dc, i, k))
    if not dc.tb_flags & TBF_XM:
        ir_vfset(dc.ir, xmm(i.reg), xmm(a), t, lane_fmt(fmt) | (V_INT64 if log2 == 3 else 0))
        zero_upper(dc, i, i.reg)
        return True
    ir_st64(dc.ir, t, word_offset(SLOT_MEM, 0))
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, SFP_I64_TO if log2 == 3 else SFP_I32_TO,
                i.reg, a, SLOT_MEM, 0, 0, 1, 16 if k == 2 else 0, 16 if is_vex(i) else 32)
    return True


cdef bint trans_vtoint(DisasContext *dc, X86Insn *i, uint32_t fmt, uint32_t cut) noexcept nogil:
    cdef uint32_t s, log2 = op_log2(i, 0), t = local(dc)
    if not dc.tb_flags & TBF_XM:
        s = operand_wide(dc, i, 1, operand_bytes(i, 1)).lo
        ir_vfget(dc.ir, t, s, FP_RTZ if cut else FP_RM_DYN,
                 lane_fmt(fmt) | (V_INT64 if log2 == 3 else 0) | FP_INT_X86 << V_HOW_SHIFT)
        set_reg(dc, i, log2, i.reg, t)
        return True
    s = slot_of(dc, i, 1, operand_bytes(i, 1))
    call_vector(dc, VH_F64 if fmt == FP_F64 else VH_F32, SFP_TO_I64 if log2 == 3 else SFP_TO_I32,
                SLOT_MEM, SLOT_MEM, s, 0, cut, 1, 0, 32)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    set_reg(dc, i, log2, i.reg, t)
    return True


cdef bint trans_vmask(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    cdef uint32_t s = register_operand(i, 1), t = local(dc), u
    if s >= SLOT_MMX:
        call_vector(dc, VH_MASK, n, SLOT_MEM, s, s, 0, 0, 8, 0, 32)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    else:
        ir_vmovmask(dc.ir, t, xmm(s), n)
        if full_bytes(i) == 32:
            u = local(dc)
            ir_vmovmask(dc.ir, u, upper(dc, s), n)
            ir_shl(dc.ir, u, u, const(dc, 16 >> n))
            ir_or(dc.ir, t, t, u)
    set_reg(dc, i, 2, i.reg, t)
    return True


cdef void flags_from_slot(DisasContext *dc) noexcept nogil:
    cdef uint32_t t = local(dc)
    ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 0))
    set_flags(dc, t)


cdef bint trans_vtest(DisasContext *dc, X86Insn *i, uint32_t n) noexcept nogil:
    """PTEST (n 4), VTESTPS, VTESTPD: ZF no bit is in both, CF none is in b alone."""
    cdef uint32_t bytes_ = full_bytes(i), t = local(dc), u = local(dc), v = vlocal(dc)
    cdef uint32_t w = vlocal(dc), x
    cdef Wide a, b
    b = operand_wide(dc, i, 1, bytes_)
    a = wide_register(dc, i.reg, bytes_ == 32)
    ir_vand(dc.ir, v, a.lo, b.lo)
    ir_vandc(dc.ir, w, b.lo, a.lo)
    if bytes_ == 32:
        x = vlocal(dc)
        ir_vand(dc.ir, x, a.hi, b.hi)
        ir_vor(dc.ir, v, v, x)
        x = vlocal(dc)
        ir_vandc(dc.ir, x, b.hi, a.hi)
        ir_vor(dc.ir, w, w, x)
    if n == 4:
        ir_vtest(dc.ir, t, v)
        ir_vtest(dc.ir, u, w)
    else:
        ir_vmovmask(dc.ir, t, v, n)
        ir_vmovmask(dc.ir, u, w, n)
    ir_setcond(dc.ir, t, t, const(dc, 0), COND_eq)
    ir_setcond(dc.ir, u, u, const(dc, 0), COND_eq)
    ir_shl(dc.ir, t, t, const(dc, 6))
    ir_or(dc.ir, t, t, u)
    set_flags(dc, t)
    return True


cdef bint trans_vcomi(DisasContext *dc, X86Insn *i, uint32_t fmt, bint signalling) noexcept nogil:
    cdef uint32_t bytes_ = operand_bytes(i, 1), t
    if not dc.tb_flags & TBF_XM:
        t = local(dc)
        ir_vfcomp(dc.ir, t, xmm(i.reg), operand_wide(dc, i, 1, bytes_).lo,
                  lane_fmt(fmt) | (V_SIGNALLING if signalling else 0))
        set_flags(dc, t)
        return True
    call_vector(dc, VH_COMI, fmt | (8 if signalling else 0), SLOT_MEM, i.reg,
                slot_of(dc, i, 1, bytes_), 0, 0, 0, 0, 32)
    flags_from_slot(dc)
    return True


cdef bint trans_vstring(DisasContext *dc, X86Insn *i, uint32_t explicit,
                        uint32_t mask) noexcept nogil:
    cdef uint32_t t
    call_vector(dc, VH_STRING, explicit | mask << 1 | (4 if i.rex & 8 else 0), SLOT_MEM, i.reg,
                slot_of(dc, i, 1, 16), 0, <uint32_t>i.imm[0], 16, 0, 32)
    flags_from_slot(dc)
    if not mask:
        t = local(dc)
        ir_ld64(dc.ir, t, word_offset(SLOT_MEM, 1))
        set_reg(dc, i, 2, R_CX, t)
    else:
        zero_upper(dc, i, 0)
    return True
