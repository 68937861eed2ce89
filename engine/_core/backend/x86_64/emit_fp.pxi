# Emitters of floating-point ops. Included by x86_64.pyx. Scratch registers: XMM0, XMM1, RAX, RDX.
# XMM register n is number 16 + n for the allocator.
#
# While code runs MXCSR holds the guest's modes (fp/host.pxd, which says why the flags are exact).
# Each operation does what the inline function of that header does: if the host may compute it, it
# does; a NaN result, and what the host may not do, goes to the function itself, out of line. A
# guest with x86's rule for NaNs needs neither test.

cdef inline uint32_t xmm(Gen *g, uint32_t t) noexcept nogil:
    return g.ra.home[t] - 16


cdef void load_x(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    cdef uint64_t v
    if in_reg(g, t):
        if xmm(g, t) != reg:
            rr(&g.a, X_MOVAPS, reg, xmm(g, t))
    elif is_const(g, t):
        v = g.s.temps[t].value
        if v == 0:
            rr(&g.a, X_XORPS, reg, reg)
        else:
            mov_ri(&g.a, RAX, v)
            rr(&g.a, X_MOVD_LOAD | W, reg, RAX)
    else:
        op_mem(g, X_MOVQ_LOAD, reg, t)


cdef uint32_t source_x(Gen *g, uint32_t t, uint32_t scratch) noexcept nogil:
    if in_reg(g, t):
        return xmm(g, t)
    load_x(g, scratch, t)
    return scratch


cdef inline uint32_t target_x(Gen *g, uint32_t t) noexcept nogil:
    return xmm(g, t) if in_reg(g, t) else 0


cdef void finish_x(Gen *g, uint32_t t, uint32_t reg) noexcept nogil:
    if in_reg(g, t):
        if xmm(g, t) != reg:
            rr(&g.a, X_MOVAPS, xmm(g, t), reg)
    else:
        op_mem(g, X_MOVQ_STORE, reg, t)


# t of class float <- general register
cdef void finish_x_gpr(Gen *g, uint32_t t, uint32_t reg) noexcept nogil:
    if in_reg(g, t):
        rr(&g.a, X_MOVD_LOAD | W, xmm(g, t), reg)
    else:
        op_mem(g, X_MOV_STORE | W, reg, t)


# general register <- t of class float
cdef void load_x_gpr(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rr(&g.a, X_MOVD_STORE | W, xmm(g, t), reg)
    elif is_const(g, t):
        mov_ri(&g.a, reg, g.s.temps[t].value)
    else:
        op_mem(g, X_MOV_LOAD | W, reg, t)


# reg <- binary32 t, upper bits zero
cdef void load_x32(Gen *g, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rr(&g.a, X_XORPS, reg, reg)
        rr(&g.a, X_MOVSS, reg, xmm(g, t))
    elif is_const(g, t):
        mov_ri(&g.a, RAX, <uint32_t>g.s.temps[t].value)
        rr(&g.a, X_MOVD_LOAD, reg, RAX)
    else:
        op_mem(g, X_MOVSS, reg, t)


# opc reg, t
cdef void op_x(Gen *g, uint32_t opc, uint32_t reg, uint32_t t) noexcept nogil:
    if in_reg(g, t):
        rr(&g.a, opc, reg, xmm(g, t))
    elif is_const(g, t):
        load_x(g, 1, t)
        rr(&g.a, opc, reg, 1)
    else:
        op_mem(g, opc, reg, t)


# May the host compute with rounding mode rm? Jumps out of line if not. bits: of FPStatus.host_ok.
cdef void check_host(Gen *g, Slow *slow, uint32_t bits, uint32_t rm_arg) noexcept nogil:
    if g.bare_fp and bits == FP_HOST_OK and rm_arg == FP_RM_DYN:
        return
    rm(&g.a, 0xf6, 0, RBP, O_HOST_OK)
    e1(&g.a, bits)
    slow.jump[1] = jcc(&g.a, CC_E)
    if rm_arg != FP_RM_DYN:
        rm(&g.a, 0x80, ALU_CMP, RBP, O_ROUNDING)
        e1(&g.a, rm_arg)
        slow.jump[2] = jcc(&g.a, CC_NE)


# Is the result in reg a NaN? Out of line if so. A guest with a denormal-operand flag sees no
# compare.
cdef void check_nan(Gen *g, Slow *slow, bint double, uint32_t reg) noexcept nogil:
    if g.no_de:
        rr(&g.a, X_UCOMISD if double else X_UCOMISS, reg, reg)
        slow.jump[0] = jcc(&g.a, CC_P)
        return
    rr(&g.a, X_MOVD_STORE | (W if double else 0), reg, RAX)
    alu_rr(&g.a, W if double else 0, ALU_ADD, RAX, RAX)
    if double:
        mov_ri(&g.a, RDX, 0xffe0000000000000ULL)
        alu_rr(&g.a, W, ALU_CMP, RAX, RDX)
    else:
        alu_ri(&g.a, 0, ALU_CMP, RAX, <int32_t>0xff000000u)
    slow.jump[0] = jcc(&g.a, CC_A)


# The function of the op, called in line or out of line. Result in RAX.
cdef void call_soft(Gen *g, IROp *op) noexcept nogil:
    cdef const OpInfo *info = &op_table[op.opc]
    cdef uint32_t k, at, rm_arg = FP_RM_DYN, n = 0
    for k in range(info.n_ins):
        store_arg(g, F_A + 8 * <int32_t>k, op.args[info.n_outs + k])
    for at in range(<uint32_t>info.n_outs + info.n_ins, info.n_args):
        if info.args[at] == ARG_RM:
            rm_arg = op.args[at]
        else:
            n = op.args[at]
    mov_ri(&g.a, RDX, (rm_arg & 0xff) | (n << 8))
    mov_ri(&g.a, RAX, <uint64_t><uintptr_t><void *>soft_of[op.opc])
    patch32(call(&g.a), g.stub_soft)


cdef void emit_soft(Gen *g, IROp *op) noexcept nogil:
    call_soft(g, op)
    if g.s.temps[op.args[0]].type == TYPE_F:
        finish_x_gpr(g, op.args[0], RAX)
    else:
        finish(g, op.args[0], RAX)


cdef void slow_fp(Gen *g, Slow *slow) noexcept nogil:
    cdef IROp *op = &g.s.ops[g.ra.order[slow.pos]]
    cdef uint32_t k
    if slow.jump[0] == NULL and slow.jump[1] == NULL:
        return                  # nothing goes there
    for k in range(3):
        if slow.jump[k] != NULL:
            patch32(slow.jump[k], g.a.p)
    emit_soft(g, op)
    patch32(jmp(&g.a), slow.back)


# Is register reg that of an input?
cdef inline bint is_input(Gen *g, IROp *op, uint32_t reg) noexcept nogil:
    cdef uint32_t k
    for k in range(1, 1u + op_table[op.opc].n_ins):
        if in_reg(g, op.args[k]) and g.ra.home[op.args[k]] == reg + 16:
            return True
    return False


# Where to compute: not over an input, which the slow path reads again.
cdef inline uint32_t fresh_x(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t r = target_x(g, op.args[0])
    return 0 if is_input(g, op, r) else r


cdef void emit_fp2(Gen *g, IROp *op, uint32_t opc, bint double) noexcept nogil:
    cdef Slow *slow = new_slow(g, SLOW_FP, op)
    cdef uint32_t r = fresh_x(g, op)
    check_host(g, slow, FP_HOST_OK, op.args[3])
    if double:
        load_x(g, r, op.args[1])
    else:
        load_x32(g, r, op.args[1])
    op_x(g, opc, r, op.args[2])
    if not g.bare_fp:
        check_nan(g, slow, double, r)
    finish_x(g, op.args[0], r)
    slow.back = g.a.p


# sqrt and conversions between formats; double: of the result
cdef void emit_fp1(Gen *g, IROp *op, uint32_t opc, bint double, uint32_t rm_arg) noexcept nogil:
    cdef Slow *slow = new_slow(g, SLOW_FP, op)
    cdef uint32_t r = fresh_x(g, op)
    check_host(g, slow, FP_HOST_OK, rm_arg)
    rr(&g.a, X_XORPS, r, r)     # the upper bits of a binary32 result; no wait for the old value
    op_x(g, opc, r, op.args[1])
    if not g.bare_fp:
        check_nan(g, slow, double, r)
    finish_x(g, op.args[0], r)
    slow.back = g.a.p


cdef void emit_fma(Gen *g, IROp *op, bint double) noexcept nogil:
    cdef uint32_t how = op.args[5], opc, w = W if double else 0, b, c
    cdef bint bare = g.bare_fp and op.args[4] == FP_RM_DYN      # as emit_vfma
    cdef Slow *slow = NULL
    if how & ~<uint32_t>(FP_MA_NEG_PRODUCT | FP_MA_NEG_C) or not host.fma:
        emit_soft(g, op)
        return
    if not bare:
        slow = new_slow(g, SLOW_FP, op)
        check_host(g, slow, FP_HOST_FMA, op.args[4])
    if how & FP_MA_NEG_PRODUCT:
        opc = X_VFNMSUB231 if how & FP_MA_NEG_C else X_VFNMADD231
    else:
        opc = X_VFMSUB231 if how & FP_MA_NEG_C else X_VFMADD231
    if double:
        load_x(g, 0, op.args[3])
    else:
        load_x32(g, 0, op.args[3])
    # reg = v * r/m + reg
    b = source_x(g, op.args[1], 1)
    if in_reg(g, op.args[2]):
        vrr(&g.a, opc | w, 0, b, xmm(g, op.args[2]))
    elif is_const(g, op.args[2]):
        mov_ri(&g.a, RAX, g.s.temps[op.args[2]].value)
        rm(&g.a, X_MOV_STORE | W, RAX, RSP, F_TMP)
        vrm(&g.a, opc | w, 0, b, RSP, F_TMP)
    else:
        vrm(&g.a, opc | w, 0, b, mem_base(g, op.args[2]), mem_disp(g, op.args[2]))
    if not bare:
        check_nan(g, slow, double, 0)
    finish_x(g, op.args[0], 0)
    if not bare:
        slow.back = g.a.p


cdef void emit_fcmp(Gen *g, IROp *op, uint32_t opc) noexcept nogil:
    cdef Slow *slow
    cdef uint32_t r = target(g, op.args[0]), n = op.args[3]
    if n > 2:
        emit_soft(g, op)
        return
    slow = new_slow(g, SLOW_FP, op)
    check_host(g, slow, FP_HOST_OK, FP_RM_DYN)
    load_x(g, 0, op.args[1])
    op_x(g, opc, 0, op.args[2])
    e1(&g.a, n)                 # predicates EQ, LT, LE: quiet, signalling, signalling
    rr(&g.a, X_MOVD_STORE, 0, r)
    alu_ri(&g.a, 0, ALU_AND, r, 1)
    if not in_reg(g, op.args[0]):
        finish(g, op.args[0], r)
    slow.back = g.a.p


# Integers to float. kind: 0 signed 32, 1 unsigned 32, 2 signed 64, 3 unsigned 64
cdef void emit_from_int(Gen *g, IROp *op, uint32_t opc, uint32_t kind) noexcept nogil:
    cdef Slow *slow = new_slow(g, SLOW_FP, op)
    cdef uint32_t r = target_x(g, op.args[0]), x = RAX
    check_host(g, slow, FP_HOST_OK, op.args[2])
    if kind == 0:
        load_s32(g, RAX, op.args[1])
    elif kind == 1:
        load_low32(g, RAX, op.args[1])
    else:
        x = source(g, op.args[1], RAX)
    if kind == 3:               # from 2^63: halving and doubling, by the function
        rr(&g.a, X_TEST | W, x, x)
        slow.jump[0] = jcc(&g.a, CC_S)
    rr(&g.a, X_XORPS, r, r)
    rr(&g.a, opc | W, r, x)
    if not in_reg(g, op.args[0]):
        finish_x(g, op.args[0], r)
    slow.back = g.a.p


cdef void emit_fmov(Gen *g, uint32_t d, uint32_t a) noexcept nogil:
    cdef uint32_t r = target_x(g, d)
    load_x(g, r, a)
    if not in_reg(g, d):
        finish_x(g, d, r)


cdef void emit_fbox(Gen *g, uint32_t d, uint32_t a) noexcept nogil:
    rr(&g.a, X_PCMPEQD, 0, 0)
    opcode(&g.a, 0x73 | M_0F | P_66, 6, 0, 0)       # psllq xmm0, 32
    e1(&g.a, 0xf0)
    e1(&g.a, 32)
    rr(&g.a, X_POR, 0, source_x(g, a, 1))
    finish_x(g, d, 0)


cdef void emit_funbox(Gen *g, uint32_t d, uint32_t a) noexcept nogil:
    load_x_gpr(g, RDX, a)
    mov_rr32(&g.a, RAX, RDX)
    shift_ri(&g.a, W, SH_SHR, RDX, 32)
    alu_ri(&g.a, 0, ALU_CMP, RDX, -1)
    mov_ri(&g.a, RDX, 0x7fc00000)
    rr(&g.a, 0x40 | CC_NE | M_0F, RAX, RDX)
    finish_x_gpr(g, d, RAX)
