# RISC-V physical memory protection.
# Lives here: the pmpcfg and pmpaddr registers, what they permit. Does not live here: the accesses
# (mmu), who may write the registers (csr). Called by: csr, mmu. Privileged ISA 3.7.
#
# 16 entries with a grain of 4 KiB (G = 10), which the architecture leaves to the platform: so an
# entry covers whole pages and the TLB holds its verdict; accesses cost nothing extra.
from engine._core.base.types cimport hwaddr, uint32_t, uint64_t
from engine._core.isa.riscv.state_gen cimport CPURISCVState

# PROT_* that the entries grant on the page of paddr; machine: to M-mode, else to S and U.
cdef int pmp_prot(const CPURISCVState *s, hwaddr paddr, bint machine) noexcept nogil
# n: number of the register. A write answers whether anything changed (then: flush translations).
cdef uint64_t pmpcfg_read(const CPURISCVState *s, uint32_t n) noexcept nogil
cdef uint64_t pmpaddr_read(const CPURISCVState *s, uint32_t n) noexcept nogil
cdef bint pmpcfg_write(CPURISCVState *s, uint32_t n, uint64_t value) noexcept nogil
cdef bint pmpaddr_write(CPURISCVState *s, uint32_t n, uint64_t value) noexcept nogil
