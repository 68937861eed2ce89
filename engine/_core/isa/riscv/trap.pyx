# RISC-V privilege state: see trap.pxd.
from engine._core.base.types cimport uint16_t, uint32_t, uint64_t, ST_FAULT, ST_NEXT, ST_OK
from engine._core.cpu.head cimport (CPUHead, CPU_INTERRUPT_HARD, EXCP_HLT, FAULT_ILLEGAL)
from engine._core.cpu.interrupt cimport cpu_interrupt, cpu_reset_interrupt
from engine._core.isa.riscv.defs cimport *
from engine._core.isa.riscv.state_gen cimport CPURISCVState, RISCV_C


cdef void riscv_update_tb_flags(CPUHead *head) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    cdef uint64_t level = s.cur_priv
    cdef uint32_t flags = <uint32_t>s.cur_priv, idx
    if level == PRV_M and s.mstatus & MSTATUS_MPRV:
        level = (s.mstatus >> MSTATUS_MPP_SHIFT) & 3
    if level == PRV_S and s.mstatus & MSTATUS_SUM:
        idx = IDX_SUM
    else:
        idx = <uint32_t>level
    if s.mstatus & MSTATUS_FS:
        flags |= TBF_FS_ON
    if s.mstatus & MSTATUS_FS == MSTATUS_FS:
        flags |= TBF_FS_DIRTY
    if s.xlen == 64:
        flags |= TBF_XLEN64
    if s.frm > 4:
        flags |= TBF_FRM_BAD
    head.tb_flags = flags | idx << TBF_IDX_SHIFT
    head.mmu_idx = idx


cdef void riscv_set_priv(CPURISCVState *s, uint64_t priv) noexcept nogil:
    s.cur_priv = priv
    riscv_update_tb_flags(&s.head)


# ---------------------------------------------------------------- interrupts

cdef uint64_t riscv_mip(CPURISCVState *s) noexcept nogil:
    return s.mip | s.irq_lines


cdef void riscv_update_irq(CPURISCVState *s) noexcept nogil:
    if riscv_mip(s) & s.mie:
        cpu_interrupt(&s.head, CPU_INTERRUPT_HARD)
    else:
        cpu_reset_interrupt(&s.head, CPU_INTERRUPT_HARD)


cdef bint riscv_has_work(CPUHead *head) noexcept nogil:
    """WFI ends when an enabled interrupt is pending, whatever the global enables (3.3.3)."""
    cdef CPURISCVState *s = <CPURISCVState *>head
    return riscv_mip(s) & s.mie != 0


cdef int due_interrupt(CPURISCVState *s) noexcept nogil:
    """The interrupt to take now, or -1 (3.1.6.1, 3.1.9: order MEI MSI MTI SEI SSI STI)."""
    cdef uint64_t pending = riscv_mip(s) & s.mie, now = 0
    if pending == 0:
        return -1
    if s.cur_priv < PRV_M or s.mstatus & MSTATUS_MIE:
        now = pending & ~s.mideleg
    if now == 0 and (s.cur_priv < PRV_S or s.cur_priv == PRV_S and s.mstatus & MSTATUS_SIE):
        now = pending & s.mideleg
    if now & (1 << IRQ_MEI):
        return IRQ_MEI
    if now & (1 << IRQ_MSI):
        return IRQ_MSI
    if now & (1 << IRQ_MTI):
        return IRQ_MTI
    if now & (1 << IRQ_SEI):
        return IRQ_SEI
    if now & (1 << IRQ_SSI):
        return IRQ_SSI
    if now & (1 << IRQ_STI):
        return IRQ_STI
    return -1


cdef bint riscv_pending_interrupt(CPUHead *head) noexcept nogil:
    cdef int irq = due_interrupt(<CPURISCVState *>head)
    if irq < 0:
        return False
    head.exception_index = RISCV_EXCP_IRQ + irq
    return True


cdef void riscv_set_irq(CPUHead *head, uint32_t line, bint level) noexcept nogil:
    """line: the number of the interrupt in mip."""
    cdef CPURISCVState *s = <CPURISCVState *>head
    cdef uint64_t bit
    if line > 11:
        return
    bit = (1ULL << line) & MIP_ALL_BITS
    if level:
        s.irq_lines |= bit
    else:
        s.irq_lines &= ~bit
    riscv_update_irq(s)


# ---------------------------------------------------------------- traps

cdef uint64_t trap_pc(uint64_t tvec, bint interrupt, uint64_t cause) noexcept nogil:
    cdef uint64_t base = tvec & ~3ULL
    if interrupt and tvec & 3 == 1:
        return base + 4 * cause
    return base


cdef uint64_t trap_value(CPURISCVState *s, uint64_t cause) noexcept nogil:
    """mtval (3.1.16): the address or the instruction; nothing for environment calls."""
    if RISCV_EXCP_ECALL_U <= cause <= RISCV_EXCP_ECALL_M:
        return 0
    return s.head.fault.addr


cdef void riscv_do_interrupt(CPUHead *head) noexcept nogil:
    """Take exception_index as a trap; head.pc is the instruction that did not complete."""
    cdef CPURISCVState *s = <CPURISCVState *>head
    cdef bint interrupt = head.exception_index & RISCV_EXCP_IRQ != 0
    cdef uint64_t cause = <uint32_t>head.exception_index & 0x7fff
    cdef uint64_t value = 0 if interrupt else trap_value(s, cause)
    cdef uint64_t deleg = s.mideleg if interrupt else s.medeleg
    cdef uint64_t mask = 0xffffffffULL if s.xlen == 32 else 0xffffffffffffffffULL
    cdef uint64_t coded = cause | (1ULL << (s.xlen - 1) if interrupt else 0)
    cdef uint64_t st = s.mstatus
    head.exception_index = -1
    s.reservation = 0xffffffffffffffffULL
    if s.cur_priv <= PRV_S and cause < 64 and (deleg >> cause) & 1:
        s.scause = coded
        s.sepc = head.pc
        s.stval = value & mask
        st &= ~<uint64_t>(MSTATUS_SPIE | MSTATUS_SPP)
        if st & MSTATUS_SIE:
            st |= MSTATUS_SPIE
        if s.cur_priv == PRV_S:
            st |= MSTATUS_SPP
        s.mstatus = st & ~<uint64_t>MSTATUS_SIE
        head.pc = trap_pc(s.stvec, interrupt, cause) & mask
        riscv_set_priv(s, PRV_S)
    else:
        s.mcause = coded
        s.mepc = head.pc
        s.mtval = value & mask
        st &= ~<uint64_t>(MSTATUS_MPIE | MSTATUS_MPP)
        if st & MSTATUS_MIE:
            st |= MSTATUS_MPIE
        st |= s.cur_priv << MSTATUS_MPP_SHIFT
        s.mstatus = st & ~<uint64_t>MSTATUS_MIE
        head.pc = trap_pc(s.mtvec, interrupt, cause) & mask
        riscv_set_priv(s, PRV_M)


cdef uint64_t riscv_illegal(CPURISCVState *s, uint64_t insn, uint32_t hint) noexcept nogil:
    s.head.exception_index = RISCV_EXCP_ILLEGAL
    s.head.fault.addr = insn
    s.head.fault.paddr = 0
    s.head.fault.size = 2 if insn & 3 != 3 else 4
    s.head.fault.access = 0
    s.head.fault.reason = FAULT_ILLEGAL
    s.head.fault.hint = <uint16_t>hint
    return ST_FAULT


cdef uint64_t epc_mask(CPURISCVState *s) noexcept nogil:
    """xepc reads as aligned to the shortest instruction (3.1.14)."""
    return ~1ULL if s.features & RISCV_C else ~3ULL


cdef uint64_t helper_mret(void *env, uint64_t insn, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>env
    cdef uint64_t st = s.mstatus, level = (s.mstatus >> MSTATUS_MPP_SHIFT) & 3
    if s.cur_priv != PRV_M:
        return riscv_illegal(s, insn, HINT_PRIV)
    st &= ~<uint64_t>(MSTATUS_MIE | MSTATUS_MPP)
    if st & MSTATUS_MPIE:
        st |= MSTATUS_MIE
    st |= MSTATUS_MPIE
    if level != PRV_M:
        st &= ~<uint64_t>MSTATUS_MPRV
    s.mstatus = st
    s.head.pc = s.mepc & epc_mask(s)
    riscv_set_priv(s, level)
    return ST_NEXT


cdef uint64_t helper_sret(void *env, uint64_t insn, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>env
    cdef uint64_t st = s.mstatus, level = PRV_S if s.mstatus & MSTATUS_SPP else PRV_U
    if s.cur_priv < PRV_S:
        return riscv_illegal(s, insn, HINT_PRIV)
    if s.cur_priv == PRV_S and st & MSTATUS_TSR:
        return riscv_illegal(s, insn, HINT_TRAPPED)
    st &= ~<uint64_t>(MSTATUS_SIE | MSTATUS_SPP | MSTATUS_MPRV)
    if st & MSTATUS_SPIE:
        st |= MSTATUS_SIE
    s.mstatus = st | MSTATUS_SPIE
    s.head.pc = s.sepc & epc_mask(s)
    riscv_set_priv(s, level)
    return ST_NEXT


cdef uint64_t helper_wfi(void *env, uint64_t insn, uint64_t next_pc, uint64_t c,
                         uint64_t d) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>env
    if s.cur_priv < PRV_M and (s.mstatus & MSTATUS_TW or s.cur_priv == PRV_U):
        return riscv_illegal(s, insn, HINT_TRAPPED if s.cur_priv else HINT_PRIV)
    if riscv_has_work(&s.head):
        return ST_OK
    s.head.halted = 1
    s.head.exception_index = EXCP_HLT
    s.head.pc = next_pc
    return ST_NEXT
