# RISC-V families: A. Included by riscv.pyx. Unprivileged ISA, chapter "A".
# One hart: acquire and release order nothing that is not in order already. A reservation is an
# address and the value loaded from it; SC stores by compare and swap, so a store from elsewhere
# that changed the value makes it fail. Misaligned addresses fault (MO_ALIGN).

cdef uint64_t helper_sc_align(void *env, uint64_t addr, uint64_t size, uint64_t pc,
                              uint64_t d) noexcept nogil:
    """An SC that fails faults on a misaligned address all the same."""
    cdef CPURISCVState *s = <CPURISCVState *>env
    if addr & (size - 1) == 0:
        return ST_OK
    memset(&s.head.fault, 0, sizeof(s.head.fault))
    s.head.fault.addr = addr
    s.head.fault.size = <uint32_t>size
    s.head.fault.access = ACCESS_WRITE
    s.head.fault.reason = FAULT_MISALIGNED
    s.head.exception_pc = pc
    riscv_memory_fault(&s.head, <int>s.head.mmu_idx)
    return ST_FAULT


cdef HelperInfo sc_align_info
set_helper(&sc_align_info, helper_sc_align, b"sc_align", HF_STATUS, 3)


cdef bint load_reserved(DisasContext *dc, const args_LR *a, uint32_t memop) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t t = ir_local(ir, TYPE_I), addr = get_gpr(dc, a.rs1)
    ir_gld(ir, t, addr, access(dc, memop | MO_ALIGN))
    ir_st64(ir, addr, off_reservation())
    ir_st64(ir, t, off_reservation_value())
    if a.rd:
        ir_mov(ir, set_gpr(dc, a.rd), t)
    return True


cdef bint store_conditional(DisasContext *dc, const args_AMO *a, uint32_t memop) noexcept nogil:
    cdef IR *ir = dc.ir
    cdef uint32_t addr = get_gpr(dc, a.rs1), failed = ir_local(ir, TYPE_I)
    cdef uint32_t held = ir_local(ir, TYPE_I), old = ir_local(ir, TYPE_I)
    cdef uint32_t no = ir_new_label(ir), done = ir_new_label(ir)
    ir_ld64(ir, held, off_reservation())
    ir_brcond(ir, addr, held, COND_ne, no)
    ir_ld64(ir, held, off_reservation_value())
    ir_gcas(ir, old, addr, held, get_gpr(dc, a.rs2), access(dc, memop | MO_ALIGN | MO_ATOMIC))
    ir_setcond(ir, failed, old, held, COND_ne)
    ir_br(ir, done)
    ir_place_label(ir, no)
    ir_call(ir, &sc_align_info, IR_NONE, addr, ir_const(ir, 1ULL << (memop & MO_SIZE)),
            ir_const(ir, dc.pc), IR_NONE)
    ir_mov(ir, failed, ir_const(ir, 1))
    ir_place_label(ir, done)
    ir_st64(ir, ir_const(ir, 0xffffffffffffffffULL), off_reservation())
    if a.rd:
        ir_mov(ir, set_gpr(dc, a.rd), failed)
    return True


cdef bint amo(DisasContext *dc, const args_AMO *a, uint32_t op, uint32_t memop) noexcept nogil:
    cdef uint32_t[4] v
    v[0] = set_gpr(dc, a.rd)
    v[1] = get_gpr(dc, a.rs1)
    v[2] = get_gpr(dc, a.rs2)
    v[3] = access(dc, memop | MO_ALIGN | MO_ATOMIC)
    ir_append(dc.ir, op, 4, &v[0])
    return True
