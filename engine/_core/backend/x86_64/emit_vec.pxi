# Emitters of vector ops and of guest accesses by them. Included by x86_64.pyx. Scratch registers:
# XMM0, XMM1, RAX, RDX. Vectors have the same registers as floats.
#
# Instructions are SSE2, or up to SSE4.2 (one flag for SSSE3, SSE4.1 and SSE4.2) where the host has
# it; with AVX they have three operands, which saves moves. What a host has no instruction for goes
# through vec_op (vec_gen.pxi), which is the meaning in ir/ops.tab.

cdef enum:
    X_MOVUPS_LOAD = 0x10 | M_0F
    X_MOVUPS_STORE = 0x11 | M_0F
    X_MOVSD_LOW = 0x10 | M_0F | P_F2        # reg-reg: low 64 bits only
    X_MOVHLPS = 0x12 | M_0F                 # low half <- high half
    X_PUNPCKLBW = 0x60 | M_0F | P_66
    X_PUNPCKLQDQ = 0x6c | M_0F | P_66
    X_PACKSSWB = 0x63 | M_0F | P_66
    X_PSHUFD = 0x70 | M_0F | P_66
    X_PSHUFLW = 0x70 | M_0F | P_F2
    X_PSHUFHW = 0x70 | M_0F | P_F3
    X_SHUFPS = 0xc6 | M_0F
    X_PALIGNR = 0x0f | M_0F3A | P_66
    X_PXOR = 0xef | M_0F | P_66
    X_PCMPEQB = 0x74 | M_0F | P_66
    X_PMOVMSKB = 0xd7 | M_0F | P_66
    X_PEXTRW = 0xc5 | M_0F | P_66
    X_PINSRW = 0xc4 | M_0F | P_66
    X_PINSRB = 0x20 | M_0F3A | P_66
    X_PINSRD = 0x22 | M_0F3A | P_66
    X_PCLMULQDQ = 0x44 | M_0F3A | P_66
    X_MOVMSKPS = 0x50 | M_0F
    NO_IMM = 0x100

# Instruction of an op by lane size; 0: none. All have prefix 66; from 0x200: map 0F38.
cdef uint16_t[256][4] vec_opc

cdef void vec_row(uint32_t opc, uint32_t b, uint32_t w, uint32_t d, uint32_t q) noexcept nogil:
    vec_opc[opc][0] = <uint16_t>b
    vec_opc[opc][1] = <uint16_t>w
    vec_opc[opc][2] = <uint16_t>d
    vec_opc[opc][3] = <uint16_t>q


cdef void vec_table() noexcept nogil:
    vec_row(OP_vadd, 0x1fc, 0x1fd, 0x1fe, 0x1d4)
    vec_row(OP_vsub, 0x1f8, 0x1f9, 0x1fa, 0x1fb)
    vec_row(OP_vmul, 0, 0x1d5, 0x240, 0)
    vec_row(OP_vmulhs, 0, 0x1e5, 0, 0)
    vec_row(OP_vmulhu, 0, 0x1e4, 0, 0)
    vec_row(OP_vmulxs, 0, 0, 0x228, 0)
    vec_row(OP_vmulxu, 0, 0, 0x1f4, 0)
    vec_row(OP_vmadds, 0, 0x1f5, 0, 0)
    vec_row(OP_vmaddus, 0x204, 0, 0, 0)
    vec_row(OP_vmulrs, 0, 0x20b, 0, 0)
    vec_row(OP_vaes, 0x2dc, 0x2dd, 0x2de, 0x2df)        # by round
    vec_row(OP_vcmpeq, 0x174, 0x175, 0x176, 0x229)
    vec_row(OP_vcmpgts, 0x164, 0x165, 0x166, 0x237)
    vec_row(OP_vmins, 0x238, 0x1ea, 0x239, 0)
    vec_row(OP_vminu, 0x1da, 0x23a, 0x23b, 0)
    vec_row(OP_vmaxs, 0x23c, 0x1ee, 0x23d, 0)
    vec_row(OP_vmaxu, 0x1de, 0x23e, 0x23f, 0)
    vec_row(OP_vqadds, 0x1ec, 0x1ed, 0, 0)
    vec_row(OP_vqaddu, 0x1dc, 0x1dd, 0, 0)
    vec_row(OP_vqsubs, 0x1e8, 0x1e9, 0, 0)
    vec_row(OP_vqsubu, 0x1d8, 0x1d9, 0, 0)
    vec_row(OP_vavgu, 0x1e0, 0x1e3, 0, 0)
    vec_row(OP_vpacks, 0, 0x163, 0x16b, 0)
    vec_row(OP_vpackus, 0, 0x167, 0x22b, 0)
    vec_row(OP_vunpcklo, 0x160, 0x161, 0x162, 0x16c)
    vec_row(OP_vunpckhi, 0x168, 0x169, 0x16a, 0x16d)
    vec_row(OP_vabs, 0x21c, 0x21d, 0x21e, 0)
    vec_row(OP_vshl, 0, 0x1f1, 0x1f2, 0x1f3)
    vec_row(OP_vshr, 0, 0x1d1, 0x1d2, 0x1d3)
    vec_row(OP_vsar, 0, 0x1e1, 0x1e2, 0)
    # without lanes
    vec_row(OP_vand, 0x1db, 0, 0, 0)
    vec_row(OP_vor, 0x1eb, 0, 0, 0)
    vec_row(OP_vxor, 0x1ef, 0, 0, 0)
    vec_row(OP_vandc, 0x1df, 0, 0, 0)
    vec_row(OP_vsadu, 0x1f6, 0, 0, 0)
    vec_row(OP_vshuf8, 0x200, 0, 0, 0)


# Instruction for an op and lane size on this host, 0: none.
cdef inline uint32_t vec_native(uint32_t opc, uint32_t n) noexcept nogil:
    cdef uint32_t x = vec_opc[opc][n & 3]
    if x == 0 or x >= 0x200 and not (host.aes if opc == OP_vaes else host.sse42):
        return 0
    return x | P_66


# ---------------------------------------------------------------- operands
cdef void load_v(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if not in_reg(g, t):
        op_mem(g, X_MOVUPS_LOAD, reg, t)
    elif xmm(g, t) != reg:
        rr(&g.a, X_MOVAPS, reg, xmm(g, t))


cdef uint32_t source_v(Gen *g, uint32_t t, uint32_t scratch) noexcept nogil:
    if in_reg(g, t):
        return xmm(g, t)
    op_mem(g, X_MOVUPS_LOAD, scratch, t)
    return scratch


cdef void finish_v(Gen *g, uint32_t t, uint32_t reg) noexcept nogil:
    if not in_reg(g, t):
        op_mem(g, X_MOVUPS_STORE, reg, t)
    elif xmm(g, t) != reg:
        rr(&g.a, X_MOVAPS, xmm(g, t), reg)


# reg <- integer t in the low half, the high half zero
cdef void load_xi(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if is_const(g, t) and g.s.temps[t].value == 0:
        rr(&g.a, X_PXOR, reg, reg)
    elif in_mem(g, t):
        op_mem(g, X_MOVQ_LOAD, reg, t)
    else:
        rr(&g.a, X_MOVD_LOAD | W, reg, source(g, t, RAX))


# ---------------------------------------------------------------- one operand, two operands
# d <- opc(b)
cdef void emit_vec1(Gen *g, uint32_t opc, uint32_t d, uint32_t b, uint32_t imm) noexcept nogil:
    cdef uint32_t r = target_x(g, d)
    rr(&g.a, opc, r, source_v(g, b, 0))
    if imm != NO_IMM:
        e1(&g.a, imm)
    finish_v(g, d, r)


# d <- opc(a, b), by the function whose first operand is a
cdef void emit_vec2(Gen *g, uint32_t opc, uint32_t d, uint32_t a, uint32_t b,
                    uint32_t imm) noexcept nogil:
    cdef uint32_t r = target_x(g, d), x, y
    if host.avx:
        x = source_v(g, a, 0)
        if in_reg(g, b):
            vrr(&g.a, opc, r, x, xmm(g, b))
        else:
            vrm(&g.a, opc, r, x, mem_base(g, b), mem_disp(g, b))
    else:
        y = source_v(g, b, 1)
        if r == y and not (in_reg(g, a) and xmm(g, a) == r):
            rr(&g.a, X_MOVAPS, 1, y)
            y = 1
        load_v(g, r, a)
        rr(&g.a, opc, r, y)
    if imm != NO_IMM:
        e1(&g.a, imm)
    finish_v(g, d, r)


cdef void emit_vshift(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t d = op.args[0], b = op.args[2], n = op.args[3] & 3, r = target_x(g, d)
    cdef uint32_t opc = vec_native(op.opc, n), ext
    cdef uint64_t count
    if not opc:
        emit_vec_soft(g, op)
        return
    if is_const(g, b):
        count = g.s.temps[b].value
        ext = 6 if op.opc == OP_vshl else (2 if op.opc == OP_vshr else 4)
        load_v(g, r, op.args[1])
        rr(&g.a, (0x70 + n) | M_0F | P_66, ext, r)
        e1(&g.a, <uint32_t>(count if count < 64 else 64))
    else:
        load_xi(g, 1, b)
        load_v(g, r, op.args[1])
        rr(&g.a, opc, r, 1)
    finish_v(g, d, r)


# ---------------------------------------------------------------- integers in and out
cdef void emit_vset(Gen *g, uint32_t d, uint32_t lo, uint32_t hi) noexcept nogil:
    cdef uint32_t r = target_x(g, d)
    load_xi(g, r, lo)
    if not (is_const(g, hi) and g.s.temps[hi].value == 0):
        load_xi(g, 1, hi)
        rr(&g.a, X_PUNPCKLQDQ, r, 1)
    finish_v(g, d, r)


cdef void emit_vext(Gen *g, uint32_t d, uint32_t a, uint32_t lane, uint32_t n) noexcept nogil:
    cdef uint32_t r = target(g, d), x
    n &= 3
    lane &= (16u >> n) - 1
    if not in_reg(g, a):
        rm(&g.a, X_MOVZX8 if n == 0 else (X_MOVZX16 if n == 1
                                           else (X_MOV_LOAD | (W if n == 3 else 0))),
           r, mem_base(g, a), mem_disp(g, a) + <int32_t>(lane << n))
    elif n >= 2:
        x = xmm(g, a)
        if lane:
            rr(&g.a, X_PSHUFD, 0, x)
            e1(&g.a, lane if n == 2 else 0xee)
            x = 0
        rr(&g.a, X_MOVD_STORE | (W if n == 3 else 0), x, r)
    elif n == 1:
        rr(&g.a, X_PEXTRW, r, xmm(g, a))
        e1(&g.a, lane)
    else:
        rr(&g.a, X_PEXTRW, RAX, xmm(g, a))
        e1(&g.a, lane >> 1)
        if lane & 1:
            shift_ri(&g.a, 0, SH_SHR, RAX, 8)
        rr(&g.a, X_MOVZX8, r, RAX)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_vins(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t d = op.args[0], b = op.args[2], n = op.args[4] & 3
    cdef uint32_t lane = op.args[3] & ((16u >> n) - 1), r = target_x(g, d)
    if n == 3 or (n == 2 and lane == 0):
        load_xi(g, 1, b)
        load_v(g, r, op.args[1])
        rr(&g.a, X_PUNPCKLQDQ if lane else (X_MOVSD_LOW if n == 3 else X_MOVSS), r, 1)
    elif n == 1 or host.sse42:
        load_v(g, r, op.args[1])
        rr(&g.a, X_PINSRW if n == 1 else (X_PINSRB if n == 0 else X_PINSRD), r, source(g, b, RAX))
        e1(&g.a, lane)
    else:
        emit_vec_soft(g, op)
        return
    finish_v(g, d, r)


cdef void emit_vdup(Gen *g, uint32_t d, uint32_t a, uint32_t n) noexcept nogil:
    cdef uint32_t r = target_x(g, d)
    n &= 3
    load_xi(g, r, a)
    if not (is_const(g, a) and g.s.temps[a].value == 0):
        if n == 0:
            rr(&g.a, X_PUNPCKLBW, r, r)
        if n <= 1:
            rr(&g.a, X_PSHUFLW, r, r)
            e1(&g.a, 0)
        if n == 2:
            rr(&g.a, X_PSHUFD, r, r)
            e1(&g.a, 0)
        else:
            rr(&g.a, X_PUNPCKLQDQ, r, r)
    finish_v(g, d, r)


cdef void emit_vmovmask(Gen *g, uint32_t d, uint32_t a, uint32_t n) noexcept nogil:
    cdef uint32_t r = target(g, d), x = source_v(g, a, 0)
    n &= 3
    if n == 1:
        load_v(g, 0, a)
        rr(&g.a, X_PACKSSWB, 0, 0)
        rr(&g.a, X_PMOVMSKB, r, 0)
        rr(&g.a, X_MOVZX8, r, r)
    elif n == 0:
        rr(&g.a, X_PMOVMSKB, r, x)
    else:
        rr(&g.a, X_MOVMSKPS | (P_66 if n == 3 else 0), r, x)
    if not in_reg(g, d):
        finish(g, d, r)


cdef void emit_vtest(Gen *g, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t x = source_v(g, a, 1)
    rr(&g.a, X_PXOR, 0, 0)
    rr(&g.a, X_PCMPEQB, 0, x)
    rr(&g.a, X_PMOVMSKB, RAX, 0)
    alu_ri(&g.a, 0, ALU_SUB, RAX, 0xffff)   # not zero: some byte is not
    shift_ri(&g.a, 0, SH_SHR, RAX, 31)
    finish(g, d, RAX)


# ---------------------------------------------------------------- the rest by function
cdef void emit_vec_soft(Gen *g, IROp *op) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t k, t, first = <uint32_t>info.n_outs + info.n_ins, constants = 0
    for k in range(info.n_ins):
        t = op.args[info.n_outs + k]
        if g.s.temps[t].type == TYPE_V:
            rm(&g.a, X_MOVUPS_STORE, source_v(g, t, 0), RSP, F_VEC + 16 * <int32_t>(k + 1))
        else:
            store_arg(g, F_VEC + 16 * <int32_t>(k + 1), t)
    for k in range(info.n_consts):
        constants |= op.args[first + k] << (16 * k)
    mov_ri(&g.a, RDX, constants)
    mov_ri(&g.a, RAX, op.opc)
    patch32(call(&g.a), g.stub_vec)
    if g.s.temps[op.args[0]].type == TYPE_V:
        take_vector(g, op.args[0])
    else:
        rm(&g.a, X_MOV_LOAD | W, RAX, RSP, F_VEC)
        finish(g, op.args[0], RAX)


# t <- what a function left in the frame
cdef void take_vector(Gen *g, uint32_t t) noexcept nogil:
    cdef uint32_t r = target_x(g, t)
    rm(&g.a, X_MOVUPS_LOAD, r, RSP, F_VEC)
    if not in_reg(g, t):
        finish_v(g, t, r)


# EAX: op, EDX: two constants of 16 bits; operands in the frame.
cdef uint8_t *emit_stub_vec(Gen *g) noexcept nogil:
    cdef Asm *a = &g.a
    cdef uint8_t *start = begin_stub(a)
    save_all(a, True, True)
    rm(a, X_LEA | W, RDI, RSP, 8 + F_VEC)
    mov_rr32(a, RSI, RAX)
    mov_rr32(a, RCX, RDX)
    shift_ri(a, 0, SH_SHR, RCX, 16)
    rr(a, X_MOVZX16, RDX, RDX)
    rm(a, X_LEA | W, R8, RBP, O_FPST)
    mov_ri(a, RAX, <uint64_t><uintptr_t><void *>vec_op)
    alu_ri(a, W, ALU_SUB, RSP, 8)
    rr(a, X_GROUP5, 2, RAX)
    alu_ri(a, W, ALU_ADD, RSP, 8)
    save_all(a, True, False)
    e1(a, 0xc3)
    return start


# ---------------------------------------------------------------- guest memory
# RDX <- host address of the access that emit_probe found
cdef void host_address(Gen *g, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rmx(&g.a, X_LEA | W, RDX, home(g, t), RDX, 0, 0)


cdef void emit_vgld(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t d = op.args[0], t = op.args[1], oi = op.args[2], r = target_x(g, d)
    cdef uint32_t size = (oi >> 4) & MO_SIZE, w = W if size == MO_64 else 0
    cdef Slow *slow = new_slow(g, SLOW_LOAD, op)
    slow.jump[0] = emit_probe(g, t, oi, 0)
    if size != MO_128:
        if (oi >> 4) & MO_BE:
            op_host(g, X_MOV_LOAD | w, RAX, t)
            bswap_r(&g.a, w, RAX)
            rr(&g.a, X_MOVD_LOAD | W, r, RAX)
        else:
            op_host(g, X_MOVQ_LOAD if size == MO_64 else X_MOVSS, r, t)
        finish_v(g, d, r)
    elif (oi >> 4) & MO_BE:
        host_address(g, t)
        rm(&g.a, X_MOV_LOAD | W, RAX, RDX, 8)
        bswap_r(&g.a, W, RAX)
        rr(&g.a, X_MOVD_LOAD | W, 0, RAX)
        rm(&g.a, X_MOV_LOAD | W, RAX, RDX, 0)
        bswap_r(&g.a, W, RAX)
        rr(&g.a, X_MOVD_LOAD | W, 1, RAX)
        rr(&g.a, X_PUNPCKLQDQ, 0, 1)
        finish_v(g, d, 0)
    else:
        op_host(g, X_MOVUPS_LOAD, r, t)
        finish_v(g, d, r)
    slow.back = g.a.p


cdef void emit_vgst(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t t = op.args[0], v = op.args[1], oi = op.args[2], x
    cdef uint32_t size = (oi >> 4) & MO_SIZE, w = W if size == MO_64 else 0
    cdef Slow *slow = new_slow(g, SLOW_VSTORE if size == MO_128 else SLOW_STORE, op)
    slow.jump[0] = emit_probe(g, t, oi, 1)
    x = source_v(g, v, 0)
    if size != MO_128:
        if (oi >> 4) & MO_BE:
            rr(&g.a, X_MOVD_STORE | W, x, RAX)
            bswap_r(&g.a, w, RAX)
            op_host(g, X_MOV_STORE | w, RAX, t)
        else:
            op_host(g, X_MOVQ_STORE if size == MO_64 else X_MOVD_STORE, x, t)
    elif (oi >> 4) & MO_BE:
        host_address(g, t)
        rr(&g.a, X_MOVD_STORE | W, x, RAX)
        bswap_r(&g.a, W, RAX)
        rm(&g.a, X_MOV_STORE | W, RAX, RDX, 8)
        rr(&g.a, X_MOVHLPS, 1, x)
        rr(&g.a, X_MOVD_STORE | W, 1, RAX)
        bswap_r(&g.a, W, RAX)
        rm(&g.a, X_MOV_STORE | W, RAX, RDX, 0)
    else:
        op_host(g, X_MOVUPS_STORE, x, t)
    slow.back = g.a.p


# ---------------------------------------------------------------- choice
cdef void emit_vec(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, d = op.args[0], a = op.args[1], b = op.args[2], r, native
    if opc == OP_vmov:
        r = target_x(g, d)
        load_v(g, r, a)
        finish_v(g, d, r)
    elif opc == OP_vset:
        emit_vset(g, d, a, b)
    elif opc == OP_vlo or opc == OP_vhi:
        emit_vext(g, d, a, opc == OP_vhi, 3)
    elif opc == OP_vext:
        emit_vext(g, d, a, b, op.args[3])
    elif opc == OP_vins:
        emit_vins(g, op)
    elif opc == OP_vdup:
        emit_vdup(g, d, a, b)
    elif opc == OP_vnot:
        rr(&g.a, X_PCMPEQD, 1, 1)
        rr(&g.a, X_PXOR, 1, source_v(g, a, 0))
        finish_v(g, d, 1)
    elif opc == OP_vshl or opc == OP_vshr or opc == OP_vsar:
        emit_vshift(g, op)
    elif opc == OP_vmovmask:
        emit_vmovmask(g, d, a, b)
    elif opc == OP_vtest:
        emit_vtest(g, d, a)
    elif opc == OP_vshuf32 and a == b:
        emit_vec1(g, X_PSHUFD, d, a, op.args[3] & 0xff)
    elif opc == OP_vshuf32:
        emit_vec2(g, X_SHUFPS, d, a, b, op.args[3] & 0xff)
    elif opc == OP_vshuf16:
        emit_vec1(g, X_PSHUFHW if b & 0x100 else X_PSHUFLW, d, a, b & 0xff)
    elif opc == OP_valign and host.sse42:
        emit_vec2(g, X_PALIGNR, d, b, a, op.args[3] if op.args[3] < 32 else 32)
    elif opc == OP_vclmul and host.pclmul:
        emit_vec2(g, X_PCLMULQDQ, d, a, b, (op.args[3] & 1) | (op.args[3] & 2) << 3)
    elif opc == OP_vandc:
        emit_vec2(g, vec_native(opc, 0), d, b, a, NO_IMM)       # pandn: ~first & second
    elif opc == OP_vabs and vec_native(opc, b):
        emit_vec1(g, vec_native(opc, b), d, a, NO_IMM)
    elif opc == OP_vld:
        r = target_x(g, d)
        rm(&g.a, X_MOVUPS_LOAD, r, RBP, <int32_t>a)
        finish_v(g, d, r)
    elif opc == OP_vst:
        rm(&g.a, X_MOVUPS_STORE, source_v(g, d, 0), RBP, <int32_t>a)
    elif opc == OP_vgld:
        emit_vgld(g, op)
    elif opc == OP_vgst:
        emit_vgst(g, op)
    else:
        native = vec_native(opc, op.args[3] if op_table[opc].n_consts else 0)
        if native and opc != OP_vabs:
            emit_vec2(g, native, d, a, b, NO_IMM)
        else:
            emit_vec_soft(g, op)
