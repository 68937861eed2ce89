# RISC-V families: RV32I, RV64I, M, Zba, Zbb, Zbs, and the C instructions that share them.
# Included by riscv.pyx. Each family serves both widths: RV32 keeps registers zero-extended, so it
# takes the 32-bit form of an op where the upper half of the plain one's result would not be zero.

# -- registers and constants
cdef inline bint rv32(DisasContext *dc) noexcept nogil:
    return dc.tb_flags & TBF_XLEN64 == 0


cdef inline uint64_t wrap(DisasContext *dc, uint64_t value) noexcept nogil:
    return value & 0xffffffffULL if rv32(dc) else value


cdef inline uint32_t constant(DisasContext *dc, int64_t value) noexcept nogil:
    return ir_const(dc.ir, wrap(dc, <uint64_t>value))


cdef inline uint32_t get_gpr(DisasContext *dc, int64_t r) noexcept nogil:
    return <uint32_t>r - 1 if r else ir_const(dc.ir, 0)


cdef inline uint32_t set_gpr(DisasContext *dc, int64_t r) noexcept nogil:
    """Temp to write register r to: for x0 one that nobody reads."""
    return <uint32_t>r - 1 if r else ir_local(dc.ir, TYPE_I)


cdef uint32_t address(DisasContext *dc, int64_t rs1, int64_t imm) noexcept nogil:
    cdef uint32_t t
    if imm == 0:
        return get_gpr(dc, rs1)
    if rs1 == 0:
        return constant(dc, imm)
    t = ir_local(dc.ir, TYPE_I)
    ir_op2(dc.ir, OP_add32 if rv32(dc) else OP_add, t, get_gpr(dc, rs1), constant(dc, imm))
    return t


# -- constants and jumps
cdef bint lui(DisasContext *dc, const args_U *a) noexcept nogil:
    if a.rd:
        ir_mov(dc.ir, set_gpr(dc, a.rd),
               constant(dc, <int64_t><int32_t>(<uint32_t>a.uimm << 12)))
    return True


cdef bint auipc(DisasContext *dc, const args_U *a) noexcept nogil:
    cdef uint64_t offset = <uint64_t><int64_t><int32_t>(<uint32_t>a.uimm << 12)
    if a.rd:
        ir_mov(dc.ir, set_gpr(dc, a.rd), constant(dc, <int64_t>(dc.pc + offset)))
    return True


cdef bint misaligned(DisasContext *dc, uint64_t target) noexcept nogil:
    """Without C, jumps to addresses that are no multiple of 4 fault, at the jump (1.5, 2.5)."""
    if target & 2 and not dc.priv[0] & RISCV_C:
        gen_exception(dc, RISCV_EXCP_INST_MISALIGNED, FAULT_MISALIGNED, HINT_PC, target)
        return True
    return False


cdef inline bint is_link(int64_t r) noexcept nogil:
    """The registers that calls and returns use by convention (2.5.1)."""
    return r == 1 or r == 5


cdef bint jal(DisasContext *dc, const args_J *a) noexcept nogil:
    cdef uint64_t target = wrap(dc, dc.pc + <uint64_t>a.jimm)
    if misaligned(dc, target):
        return True
    if a.rd:
        ir_mov(dc.ir, set_gpr(dc, a.rd), constant(dc, <int64_t>dc.pc_next))
    if is_link(a.rd):
        gen_push_return(dc, wrap(dc, dc.pc_next))
    gen_jump(dc, target)
    return True


cdef bint jalr(DisasContext *dc, const args_I *a) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t
    cdef uint64_t known = 0
    if a.rs1 and translator_known(dc, get_gpr(dc, a.rs1), &known):      # auipc before it
        known = wrap(dc, known + <uint64_t>a.imm) & ~1ULL
        if misaligned(dc, known):
            return True
        if a.rd:
            ir_mov(ir, set_gpr(dc, a.rd), constant(dc, <int64_t>dc.pc_next))
        if is_link(a.rd):
            gen_push_return(dc, wrap(dc, dc.pc_next))
        gen_jump(dc, known)
        return True
    t = ir_local(ir, TYPE_I)
    ir_and(ir, t, address(dc, a.rs1, a.imm), ir_const(ir, ~1ULL))
    if not dc.priv[0] & RISCV_C:
        gen_exception_if(dc, COND_tstne, t, ir_const(ir, 2), RISCV_EXCP_INST_MISALIGNED,
                         FAULT_MISALIGNED, HINT_PC, t)
    if a.rd:
        ir_mov(ir, set_gpr(dc, a.rd), constant(dc, <int64_t>dc.pc_next))
    if is_link(a.rd):
        gen_push_return(dc, wrap(dc, dc.pc_next))
        gen_jump_indirect(dc, t)
    elif is_link(a.rs1):
        gen_jump_return(dc, t)
    else:
        gen_jump_indirect(dc, t)
    return True


cdef bint branch(DisasContext *dc, const args_B *a, uint32_t cond) noexcept nogil:
    cdef uint64_t target = wrap(dc, dc.pc + <uint64_t>a.bimm)
    cdef uint32_t x = get_gpr(dc, a.rs1), y = get_gpr(dc, a.rs2), skip
    if target & 2 and not dc.priv[0] & RISCV_C:
        skip = ir_new_label(dc.ir)
        if rv32(dc):
            ir_brcond32(dc.ir, x, y, cond_invert(cond), skip)
        else:
            ir_brcond(dc.ir, x, y, cond_invert(cond), skip)
        misaligned(dc, target)
        dc.is_jmp = DISAS_NEXT
        ir_place_label(dc.ir, skip)
        return True
    gen_branch(dc, cond, x, y, rv32(dc), target)
    return True


# -- loads and stores
cdef inline uint32_t access(DisasContext *dc, uint32_t memop) noexcept nogil:
    """oi operand; on RV32 a 32-bit value is zero-extended."""
    if rv32(dc) and memop & MO_SIZE == MO_32:
        memop &= ~<uint32_t>MO_SIGN
    return memop << 4 | dc.mmu_idx


cdef bint load(DisasContext *dc, const args_I *a, uint32_t memop) noexcept nogil:
    cdef uint32_t d = set_gpr(dc, a.rd)
    ir_gld(dc.ir, d, address(dc, a.rs1, a.imm), access(dc, memop))
    if rv32(dc) and memop & MO_SIGN and memop & MO_SIZE != MO_32:
        ir_ext32u(dc.ir, d, d)
    return True


cdef bint store(DisasContext *dc, const args_S *a, uint32_t memop) noexcept nogil:
    ir_gst(dc.ir, address(dc, a.rs1, a.imm), get_gpr(dc, a.rs2), access(dc, memop))
    return True


# -- register and immediate
cdef bint alu_ri(DisasContext *dc, const args_I *a, uint32_t op, uint32_t op32) noexcept nogil:
    if a.rd == 0:
        return True
    if op == OP_add and a.rs1 == 0:
        ir_mov(dc.ir, set_gpr(dc, a.rd), constant(dc, a.imm))
    elif op == OP_add and a.imm == 0:
        if a.rd != a.rs1:
            ir_mov(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1))
    else:
        ir_op2(dc.ir, op32 if rv32(dc) else op, set_gpr(dc, a.rd), get_gpr(dc, a.rs1),
               constant(dc, a.imm))
    return True


cdef bint alu_ri_w(DisasContext *dc, const args_I *a, uint32_t op32) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    if a.imm == 0:
        ir_ext32s(dc.ir, d, get_gpr(dc, a.rs1))
        return True
    ir_op2(dc.ir, op32, d, get_gpr(dc, a.rs1), constant(dc, a.imm))
    ir_ext32s(dc.ir, d, d)
    return True


cdef bint set_ri(DisasContext *dc, const args_I *a, uint32_t cond) noexcept nogil:
    if a.rd == 0:
        return True
    if rv32(dc):
        ir_setcond32(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1), constant(dc, a.imm), cond)
    else:
        ir_setcond(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1), constant(dc, a.imm), cond)
    return True


cdef bint shift_ri(DisasContext *dc, const args_SH *a, uint32_t op, uint32_t op32) noexcept nogil:
    if a.rd:
        ir_op2(dc.ir, op32 if rv32(dc) else op, set_gpr(dc, a.rd), get_gpr(dc, a.rs1),
               ir_const(dc.ir, <uint64_t>a.shamt))
    return True


cdef bint shift_ri_w(DisasContext *dc, const args_SH *a, uint32_t op32) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    if op32 == OP_sar32:
        ir_ext32s(dc.ir, d, get_gpr(dc, a.rs1))
        ir_sar(dc.ir, d, d, ir_const(dc.ir, <uint64_t>a.shamt))
        return True
    ir_op2(dc.ir, op32, d, get_gpr(dc, a.rs1), ir_const(dc.ir, <uint64_t>a.shamt))
    if op32 != OP_shr32 or a.shamt == 0:    # bit 31 of srliw's result is 0
        ir_ext32s(dc.ir, d, d)
    return True


# -- two registers
cdef bint alu_rr(DisasContext *dc, const args_R *a, uint32_t op, uint32_t op32) noexcept nogil:
    if a.rd == 0:
        return True
    if op == OP_add and a.rs1 == 0:
        ir_mov(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs2))
    else:
        ir_op2(dc.ir, op32 if rv32(dc) else op, set_gpr(dc, a.rd), get_gpr(dc, a.rs1),
               get_gpr(dc, a.rs2))
    return True


cdef bint alu_rr_w(DisasContext *dc, const args_R *a, uint32_t op32) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    ir_op2(dc.ir, op32, d, get_gpr(dc, a.rs1), get_gpr(dc, a.rs2))
    ir_ext32s(dc.ir, d, d)
    return True


cdef bint set_rr(DisasContext *dc, const args_R *a, uint32_t cond) noexcept nogil:
    if a.rd == 0:
        return True
    if rv32(dc):
        ir_setcond32(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1), get_gpr(dc, a.rs2), cond)
    else:
        ir_setcond(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1), get_gpr(dc, a.rs2), cond)
    return True


# -- Zba
cdef bint add_uw(DisasContext *dc, const args_R *a) noexcept nogil:
    cdef uint32_t t
    if a.rd == 0:
        return True
    if a.rs2 == 0:                  # zext.w
        ir_ext32u(dc.ir, set_gpr(dc, a.rd), get_gpr(dc, a.rs1))
        return True
    t = ir_local(dc.ir, TYPE_I)
    ir_ext32u(dc.ir, t, get_gpr(dc, a.rs1))
    ir_add(dc.ir, set_gpr(dc, a.rd), t, get_gpr(dc, a.rs2))
    return True


cdef bint shadd(DisasContext *dc, const args_R *a, uint32_t n) noexcept nogil:
    cdef uint32_t t
    if a.rd == 0:
        return True
    t = ir_local(dc.ir, TYPE_I)
    ir_op2(dc.ir, OP_shl32 if rv32(dc) else OP_shl, t, get_gpr(dc, a.rs1), ir_const(dc.ir, n))
    ir_op2(dc.ir, OP_add32 if rv32(dc) else OP_add, set_gpr(dc, a.rd), t, get_gpr(dc, a.rs2))
    return True


cdef bint shadd_uw(DisasContext *dc, const args_R *a, uint32_t n) noexcept nogil:
    cdef uint32_t t
    if a.rd == 0:
        return True
    t = ir_local(dc.ir, TYPE_I)
    ir_ext32u(dc.ir, t, get_gpr(dc, a.rs1))
    ir_shl(dc.ir, t, t, ir_const(dc.ir, n))
    ir_add(dc.ir, set_gpr(dc, a.rd), t, get_gpr(dc, a.rs2))
    return True


cdef bint slli_uw(DisasContext *dc, const args_SH *a) noexcept nogil:
    cdef uint32_t t
    if a.rd == 0:
        return True
    t = ir_local(dc.ir, TYPE_I)
    ir_ext32u(dc.ir, t, get_gpr(dc, a.rs1))
    ir_shl(dc.ir, set_gpr(dc, a.rd), t, ir_const(dc.ir, <uint64_t>a.shamt))
    return True


# -- Zbb
cdef bint alu_r(DisasContext *dc, const args_R1 *a, uint32_t op, uint32_t op32) noexcept nogil:
    if a.rd:
        ir_op1(dc.ir, op32 if rv32(dc) else op, set_gpr(dc, a.rd), get_gpr(dc, a.rs1))
    return True


cdef bint alu_r_signed(DisasContext *dc, const args_R1 *a, uint32_t op) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    ir_op1(dc.ir, op, d, get_gpr(dc, a.rs1))
    if rv32(dc):
        ir_ext32u(dc.ir, d, d)
    return True


cdef bint orn(DisasContext *dc, const args_R *a) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    ir_orc(dc.ir, d, get_gpr(dc, a.rs1), get_gpr(dc, a.rs2))
    if rv32(dc):
        ir_ext32u(dc.ir, d, d)
    return True


cdef bint xnor(DisasContext *dc, const args_R *a) noexcept nogil:
    cdef uint32_t d
    if a.rd == 0:
        return True
    d = set_gpr(dc, a.rd)
    ir_eqv(dc.ir, d, get_gpr(dc, a.rs1), get_gpr(dc, a.rs2))
    if rv32(dc):
        ir_ext32u(dc.ir, d, d)
    return True


cdef bint minmax(DisasContext *dc, const args_R *a, uint32_t cond) noexcept nogil:
    cdef uint32_t x = get_gpr(dc, a.rs1), y = get_gpr(dc, a.rs2)
    if a.rd == 0:
        return True
    if rv32(dc):
        ir_movcond32(dc.ir, set_gpr(dc, a.rd), x, y, x, y, cond)
    else:
        ir_movcond(dc.ir, set_gpr(dc, a.rd), x, y, x, y, cond)
    return True


cdef bint orc_b(DisasContext *dc, const args_R1 *a) noexcept nogil:
    """Bytes that are not zero become 0xff: the sum with 0x7f, or the top bit, says which."""
    cdef IR *ir = dc.ir
    cdef uint32_t x = get_gpr(dc, a.rs1), t, u
    if a.rd == 0:
        return True
    t = ir_local(ir, TYPE_I)
    u = ir_local(ir, TYPE_I)
    ir_and(ir, t, x, ir_const(ir, 0x7f7f7f7f7f7f7f7fULL))
    ir_add(ir, t, t, ir_const(ir, wrap(dc, 0x7f7f7f7f7f7f7f7fULL)))
    ir_or(ir, t, t, x)
    ir_and(ir, t, t, ir_const(ir, 0x8080808080808080ULL))
    ir_shr(ir, u, t, ir_const(ir, 7))
    ir_shl(ir, t, t, ir_const(ir, 1))
    ir_sub(ir, set_gpr(dc, a.rd), t, u)
    return True


# -- Zbs
cdef void bit_op(DisasContext *dc, int64_t rd, uint32_t x, uint32_t n,
                 uint32_t what) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t = ir_local(ir, TYPE_I), d = set_gpr(dc, rd)
    if what == BIT_EXTRACT:
        ir_op2(ir, OP_shr32 if rv32(dc) else OP_shr, t, x, n)
        ir_and(ir, d, t, ir_const(ir, 1))
        return
    ir_op2(ir, OP_shl32 if rv32(dc) else OP_shl, t, ir_const(ir, 1), n)
    ir_op2(ir, OP_andc if what == BIT_CLEAR else OP_xor if what == BIT_INVERT else OP_or, d, x, t)


cdef bint bit_rr(DisasContext *dc, const args_R *a, uint32_t what) noexcept nogil:
    if a.rd:
        bit_op(dc, a.rd, get_gpr(dc, a.rs1), get_gpr(dc, a.rs2), what)
    return True


cdef bint bit_ri(DisasContext *dc, const args_SH *a, uint32_t what) noexcept nogil:
    if a.rd:
        bit_op(dc, a.rd, get_gpr(dc, a.rs1), ir_const(dc.ir, <uint64_t>a.shamt), what)
    return True


# -- fences
cdef bint hint(DisasContext *dc, const args_NONE *a) noexcept nogil:
    return True


cdef bint fence(DisasContext *dc, const args_FENCE *a) noexcept nogil:
    ir_fence(dc.ir)
    return True


cdef bint fence_tso(DisasContext *dc, const args_NONE *a) noexcept nogil:
    ir_fence(dc.ir)
    return True


cdef bint fence_i(DisasContext *dc, const args_NONE *a) noexcept nogil:
    """Stores to code drop blocks at once; a new look-up is all that is left to do."""
    dc.is_jmp = DISAS_STOP
    return True
