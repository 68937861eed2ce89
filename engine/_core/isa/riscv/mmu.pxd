# RISC-V address translation: Sv32, Sv39, Sv48, Sv57; memory faults as guest exceptions. Lives
# here: the page-table walk and what an access that failed becomes. Does not live here: the TLB
# (mem/tlb), satp writes (csr). Called by: mem through GuestOps.tlb_fill, exec, csr.pyx.
# Privileged ISA, 10.3 .. 10.6 (Sv32 .. Sv57) and 3.1.6.3 (MPRV, SUM, MXR).
from engine._core.base.types cimport hwaddr, uint32_t, uint64_t, uintptr_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.riscv.state_gen cimport CPURISCVState

cdef uint32_t riscv_mmu_index(CPUHead *head, bint ifetch) noexcept nogil
cdef int riscv_tlb_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                        uintptr_t ra) noexcept nogil
cdef int riscv_memory_fault(CPUHead *head, int mmu_idx) noexcept nogil
cdef hwaddr riscv_phys_page_attrs_debug(CPUHead *head, vaddr_t addr,
                                        uint32_t *attrs) noexcept nogil
# Forget every translation: TLB and jump cache.
cdef void riscv_flush(CPURISCVState *s) noexcept nogil
# Status helper of emitted code: SFENCE.VMA of one page or (all != 0) of everything.
cdef uint64_t helper_sfence_vma(void *env, uint64_t insn, uint64_t addr, uint64_t all,
                                uint64_t d) noexcept nogil
