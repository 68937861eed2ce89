# RISC-V control and status registers.
# Lives here: which exist, who may touch them, their legal values and views. Does not live here:
# traps (trap), translation (mmu). Called by: emitted CSR instructions, GuestOps.reg_get/reg_set.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.riscv.state_gen cimport CPURISCVState

# Value of a CSR without regard to privilege; False: there is no such register.
cdef bint csr_read(CPURISCVState *s, uint32_t number, uint64_t *value) noexcept nogil
# The same for writes; read-only registers answer True and ignore the value.
cdef bint csr_write(CPURISCVState *s, uint32_t number, uint64_t value) noexcept nogil
cdef int riscv_reg_get(CPUHead *head, uint32_t number, uint64_t *value) noexcept nogil
cdef int riscv_reg_set(CPUHead *head, uint32_t number, const uint64_t *value) noexcept nogil
# Status helper of CSR instructions: how = CSR number | CSR_WRITE.. << 12 | writes << 14;
# the old value goes to head.helper_ret.
cdef uint64_t helper_csr(void *env, uint64_t how, uint64_t value, uint64_t insn,
                         uint64_t d) noexcept nogil
# Does reading need the exact instruction count (the instruction must then end its block)?
cdef bint csr_counts(uint32_t number) noexcept nogil
# May a write change what blocks are specialised on, or let an interrupt in?
cdef bint csr_write_ends_block(uint32_t number) noexcept nogil
