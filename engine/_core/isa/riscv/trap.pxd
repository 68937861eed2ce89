# RISC-V privilege state: traps, returns, interrupts, block flags.
# Lives here: what changes privilege. Does not live here: CSR access (csr), page tables (mmu).
# Called by: riscv.pyx (GuestOps and emitted calls), csr.pyx. Privileged ISA, 3.1.6 .. 3.1.17 and
# 3.3.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.riscv.state_gen cimport CPURISCVState

# Recompute head.tb_flags and mmu_idx after a change of privilege, mstatus or frm.
cdef void riscv_update_tb_flags(CPUHead *head) noexcept nogil
cdef void riscv_set_priv(CPURISCVState *s, uint64_t priv) noexcept nogil
# All pending bits: those software set and the input lines.
cdef uint64_t riscv_mip(CPURISCVState *s) noexcept nogil
# Set or clear CPU_INTERRUPT_HARD after a change of mip, mie or the lines.
cdef void riscv_update_irq(CPURISCVState *s) noexcept nogil
cdef bint riscv_has_work(CPUHead *head) noexcept nogil
cdef bint riscv_pending_interrupt(CPUHead *head) noexcept nogil
cdef void riscv_do_interrupt(CPUHead *head) noexcept nogil
cdef void riscv_set_irq(CPUHead *head, uint32_t line, bint level) noexcept nogil
# Record an illegal-instruction exception; answers ST_FAULT.
cdef uint64_t riscv_illegal(CPURISCVState *s, uint64_t insn, uint32_t hint) noexcept nogil
# Status helpers of emitted code; insn: instruction bits, for mtval.
cdef uint64_t helper_mret(void *env, uint64_t insn, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_sret(void *env, uint64_t insn, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_wfi(void *env, uint64_t insn, uint64_t next_pc, uint64_t c,
                         uint64_t d) noexcept nogil
