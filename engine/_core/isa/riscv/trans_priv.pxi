# RISC-V families: Zicsr, environment calls, privileged instructions. Included by riscv.pyx. CSR
# instructions are one status helper; its old value comes back in head.helper_ret. Those that read
# a counter end the block, so that the count is exact; those whose write may change what blocks
# are specialised on, or let an interrupt in, leave to the loop.

cdef HelperInfo csr_info
cdef HelperInfo mret_info
cdef HelperInfo sret_info
cdef HelperInfo wfi_info
cdef HelperInfo sfence_info
set_helper(&csr_info, helper_csr, b"csr", HF_STATUS | HF_FENV, 3)
set_helper(&mret_info, helper_mret, b"mret", HF_STATUS, 1)
set_helper(&sret_info, helper_sret, b"sret", HF_STATUS, 1)
set_helper(&wfi_info, helper_wfi, b"wfi", HF_STATUS, 2)
set_helper(&sfence_info, helper_sfence_vma, b"sfence_vma", HF_STATUS, 3)


cdef void csr_insn(DisasContext *dc, int64_t rd, uint32_t number, uint32_t op, bint writes,
                   uint32_t value) noexcept nogil:
    cdef IR *ir = dc.ir
    ir_call(ir, &csr_info, IR_NONE, ir_const(ir, number | op << 12 | <uint32_t>writes << 14), value,
            ir_const(ir, dc.priv[1]), IR_NONE)
    if rd:
        ir_ld64(ir, set_gpr(dc, rd), off_helper_ret())
    if writes and csr_write_ends_block(number):
        gen_exit(dc, wrap(dc, dc.pc_next))
    elif csr_counts(number) or (writes and number == CSR_FFLAGS
                                and not dc.tb_flags & TBF_FS_DIRTY):
        dc.is_jmp = DISAS_STOP


# CSRRS and CSRRC with x0 (or 0) do not write; CSRRW with rd = x0 need not read, and no register
# here has a side effect on reads (Zicsr, table 5).
cdef bint csr_reg(DisasContext *dc, const args_CSR *a, uint32_t op) noexcept nogil:
    csr_insn(dc, a.rd, <uint32_t>a.csr, op, op == CSR_WRITE or a.rs1 != 0, get_gpr(dc, a.rs1))
    return True


cdef bint csr_imm(DisasContext *dc, const args_CSRI *a, uint32_t op) noexcept nogil:
    csr_insn(dc, a.rd, <uint32_t>a.csr, op, op == CSR_WRITE or a.zimm != 0,
             ir_const(dc.ir, <uint64_t>a.zimm))
    return True


cdef bint ecall(DisasContext *dc, const args_NONE *a) noexcept nogil:
    gen_exception(dc, RISCV_EXCP_ECALL_U + (dc.tb_flags & TBF_PRIV), FAULT_TRAP, HINT_NONE, 0)
    return True


cdef bint ebreak(DisasContext *dc, const args_NONE *a) noexcept nogil:
    gen_exception(dc, RISCV_EXCP_BREAKPOINT, FAULT_TRAP, HINT_NONE, dc.pc)
    return True


cdef void gen_return(DisasContext *dc, const HelperInfo *h) noexcept nogil:
    """The helper sets head.pc and answers ST_NEXT or ST_FAULT: nothing follows it."""
    ir_call(dc.ir, h, IR_NONE, ir_const(dc.ir, dc.priv[1]), IR_NONE, IR_NONE, IR_NONE)
    gen_exit(dc, dc.pc)


cdef bint mret(DisasContext *dc, const args_NONE *a) noexcept nogil:
    gen_return(dc, &mret_info)
    return True


cdef bint sret(DisasContext *dc, const args_NONE *a) noexcept nogil:
    gen_return(dc, &sret_info)
    return True


cdef bint wfi(DisasContext *dc, const args_NONE *a) noexcept nogil:
    cdef uint64_t next_pc = wrap(dc, dc.pc_next)
    ir_call(dc.ir, &wfi_info, IR_NONE, ir_const(dc.ir, dc.priv[1]), ir_const(dc.ir, next_pc),
            IR_NONE, IR_NONE)
    gen_exit(dc, next_pc)
    return True


cdef bint sfence_vma(DisasContext *dc, const args_SFENCE *a) noexcept nogil:
    ir_call(dc.ir, &sfence_info, IR_NONE, ir_const(dc.ir, dc.priv[1]), get_gpr(dc, a.rs1),
            ir_const(dc.ir, a.rs1 == 0), IR_NONE)
    dc.is_jmp = DISAS_STOP
    return True
