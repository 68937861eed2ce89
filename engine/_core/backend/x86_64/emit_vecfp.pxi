# Emitters of vector ops on floating-point lanes. Included by x86_64.pyx. Scratch registers: XMM0,
# XMM1, RAX.
#
# A guest with x86's rule for NaNs has them as the host does, and MXCSR holds its modes
# (fp/host.pxd): each op is one instruction. For other guests vec_op computes it (fp/lanes.pyx).

cdef enum:
    X_ARITH = M_0F              # 58 add, 59 mul, 5c sub, 5d min, 5e div, 5f max, 51 sqrt
    X_CMP = 0xc2 | M_0F
    X_CVT = 0x5a | M_0F         # to the other format
    X_CVTDQ2PS = 0x5b | M_0F
    X_CVTPS2DQ = 0x5b | M_0F | P_66
    X_CVTTPS2DQ = 0x5b | M_0F | P_F3
    X_CVTDQ2PD = 0xe6 | M_0F | P_F3
    X_CVTPD2DQ = 0xe6 | M_0F | P_F2
    X_CVTTPD2DQ = 0xe6 | M_0F | P_66
    X_CVTSI2 = 0x2a | M_0F
    X_CVTS2SI = 0x2d | M_0F
    X_CVTTS2SI = 0x2c | M_0F
    X_ROUND = 0x08 | M_0F3A | P_66      # + 1: double, + 2: lane 0
    ROUND_MXCSR = 4
    ROUND_NO_PE = 8
    X_LAHF = 0x9f
    X_MOVZX8_AH = 0xc4          # ModRM of movzx eax, ah

# Predicates of CMPPS by outcomes 1 less, 2 equal, 4 greater, 8 unordered, + 16: signalling (Intel
# SDM vol. 2, CMPPD, table 3-1; 8 and above: VEX only).
cdef uint8_t[32] cmp_predicate = [
    11, 17, 0, 18, 30, 12, 29, 7, 3, 25, 8, 26, 22, 4, 21, 15,
    27, 1, 16, 2, 14, 28, 13, 23, 19, 9, 24, 10, 6, 20, 5, 31]
# RC of ROUNDPS by mode (table 4-18); FP_RM_DYN and, not used, the modes it lacks: MXCSR's.
cdef uint8_t[8] round_rc = [0, 3, 1, 2, ROUND_MXCSR, ROUND_MXCSR, ROUND_MXCSR, ROUND_MXCSR]


# Prefix of the form for lanes n.
cdef inline uint32_t lanes_prefix(uint32_t n) noexcept nogil:
    cdef bint double = n & 3 == 3
    if n & V_LANE0:
        return P_F2 if double else P_F3
    return P_66 if double else 0


# The lanes of b, or lane 0 of b in a.
cdef void emit_vec_of_b(Gen *g, uint32_t opc, IROp *op, uint32_t n, uint32_t imm) noexcept nogil:
    if n & V_LANE0:
        emit_vec2(g, opc, op.args[0], op.args[1], op.args[2], imm)
    else:
        emit_vec1(g, opc, op.args[0], op.args[2], imm)


cdef bint emit_vfcmp(Gen *g, IROp *op, uint32_t n) noexcept nogil:
    cdef uint32_t p = cmp_predicate[((n >> V_HOW_SHIFT) & 15) | (16 if n & V_SIGNALLING else 0)]
    cdef uint32_t opc = X_CMP | lanes_prefix(n), a = op.args[1], b = op.args[2], t
    if p > 7 and not host.avx:
        # Greater (or equal, or not) is less the other way round; but other lanes are those of a.
        if n & V_LANE0 or (p != 9 and p != 10 and p != 13 and p != 14):
            return False
        p = 15 - p
        t = a
        a = b
        b = t
    emit_vec2(g, opc, op.args[0], a, b, p)
    return True


cdef void emit_vfcomp(Gen *g, IROp *op, uint32_t n) noexcept nogil:
    cdef uint32_t opc = X_UCOMISD if n & 3 == 3 else X_UCOMISS
    if n & V_SIGNALLING:
        opc |= 1                # COMISD
    rr(&g.a, opc, source_v(g, op.args[1], 0), source_v(g, op.args[2], 1))
    e1(&g.a, X_LAHF)            # CF, PF, ZF are bits 0, 2, 6
    e1(&g.a, 0x0f)
    e1(&g.a, X_MOVZX8 & 0xff)
    e1(&g.a, X_MOVZX8_AH)
    alu_ri(&g.a, 0, ALU_AND, RAX, 0x45)
    finish(g, op.args[0], RAX)


cdef void emit_vfset(Gen *g, IROp *op, uint32_t n) noexcept nogil:
    cdef uint32_t r = target_x(g, op.args[0]), b = source(g, op.args[2], RAX)
    cdef uint32_t opc = X_CVTSI2 | (P_F2 if n & 3 == 3 else P_F3) | (W if n & V_INT64 else 0)
    if host.avx:
        vrr(&g.a, opc, r, source_v(g, op.args[1], 0), b)
    else:
        load_v(g, r, op.args[1])
        rr(&g.a, opc, r, b)
    finish_v(g, op.args[0], r)


cdef void emit_vfget(Gen *g, IROp *op, uint32_t rm_arg, uint32_t n) noexcept nogil:
    cdef uint32_t r = target(g, op.args[0])
    rr(&g.a, (X_CVTTS2SI if rm_arg == FP_RTZ else X_CVTS2SI)
       | (P_F2 if n & 3 == 3 else P_F3) | (W if n & V_INT64 else 0), r, source_v(g, op.args[1], 0))
    if not in_reg(g, op.args[0]):
        finish(g, op.args[0], r)


# By the form whose addend is the destination: of several NaNs it answers the first of a, b, c, as
# x86's rule wants.
cdef bint emit_vfma(Gen *g, IROp *op, uint32_t n) noexcept nogil:
    cdef uint32_t how = n >> V_HOW_SHIFT & 3, opc, x
    if not host.fma or n & V_LANE0:
        return False
    if how & FP_MA_NEG_PRODUCT:
        opc = X_VFNMSUB231 if how & FP_MA_NEG_C else X_VFNMADD231
    else:
        opc = X_VFMSUB231 if how & FP_MA_NEG_C else X_VFMADD231
    opc = (opc & ~1u) | (W if n & 3 == 3 else 0)        # the form of all lanes
    load_v(g, 0, op.args[3])
    x = source_v(g, op.args[1], 1)
    if in_reg(g, op.args[2]):
        vrr(&g.a, opc, 0, x, xmm(g, op.args[2]))
    else:
        vrm(&g.a, opc, 0, x, mem_base(g, op.args[2]), mem_disp(g, op.args[2]))
    finish_v(g, op.args[0], 0)
    return True


# False: no instruction for it.
cdef bint emit_vecfp_native(Gen *g, IROp *op) noexcept nogil:
    cdef uint32_t opc = op.opc, d = op.args[0], a = op.args[1]
    cdef uint32_t n = op.args[op_table[opc].n_args - 1], rm_arg = FP_RM_DYN, pfx = lanes_prefix(n)
    cdef bint double = n & 3 == 3
    if op_table[opc].n_consts == 2:
        rm_arg = op.args[op_table[opc].n_args - 2]
    if opc == OP_vfadd:
        emit_vec2(g, X_ARITH | 0x58 | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfsub:
        emit_vec2(g, X_ARITH | 0x5c | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfmul:
        emit_vec2(g, X_ARITH | 0x59 | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfdiv:
        emit_vec2(g, X_ARITH | 0x5e | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfmin:
        emit_vec2(g, X_ARITH | 0x5d | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfmax:
        emit_vec2(g, X_ARITH | 0x5f | pfx, d, a, op.args[2], NO_IMM)
    elif opc == OP_vfsqrt:
        emit_vec_of_b(g, X_ARITH | 0x51 | pfx, op, n, NO_IMM)
    elif opc == OP_vfma:
        return emit_vfma(g, op, n)
    elif opc == OP_vfcvt:
        # named after the operand: CVTPS2PD has no prefix, CVTPD2PS has 66, CVTSS2SD F3, CVTSD2SS F2
        emit_vec_of_b(g, X_CVT | pfx, op, n, NO_IMM)
    elif opc == OP_vfround:
        if not host.sse42 or (rm_arg > FP_RUP and rm_arg != FP_RM_DYN):
            return False
        emit_vec_of_b(g, X_ROUND + (1 if double else 0) + (2 if n & V_LANE0 else 0), op, n,
                      round_rc[rm_arg] | (ROUND_NO_PE if n & V_QUIET_NX else 0))
    elif opc == OP_vfcmp:
        return emit_vfcmp(g, op, n)
    elif opc == OP_vfcomp:
        if not host.lahf:
            return False
        emit_vfcomp(g, op, n)
    elif opc == OP_vfromi:
        emit_vec1(g, X_CVTDQ2PD if double else X_CVTDQ2PS, d, a, NO_IMM)
    elif opc == OP_vfset:
        emit_vfset(g, op, n)
    elif (n >> V_HOW_SHIFT) & 7 != FP_INT_X86 or (rm_arg != FP_RTZ and rm_arg != FP_RM_DYN):
        return False
    elif opc == OP_vftoi:
        if double:
            emit_vec1(g, X_CVTTPD2DQ if rm_arg == FP_RTZ else X_CVTPD2DQ, d, a, NO_IMM)
        else:
            emit_vec1(g, X_CVTTPS2DQ if rm_arg == FP_RTZ else X_CVTPS2DQ, d, a, NO_IMM)
    else:
        emit_vfget(g, op, rm_arg, n)
    return True


cdef void emit_vecfp(Gen *g, IROp *op) noexcept nogil:
    if not g.bare_fp or not emit_vecfp_native(g, op):
        emit_vec_soft(g, op)
