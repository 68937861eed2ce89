# x86: address translation: none, 32-bit, PAE, 4-level; memory faults as guest exceptions.
# Lives here: the page-table walk with accessed and dirty bits, TLB fills, page faults. Does not
# live here: the TLB (mem/tlb), who writes CR0, CR3, CR4 (system.pyx). Called by: GuestOps,
# system.pyx. SDM 3A, chapter 4.
from engine._core.base.types cimport hwaddr, uint32_t, uintptr_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef enum:                          # page-fault error code
    PF_P = 1
    PF_W = 2
    PF_U = 4
    PF_RSVD = 8
    PF_I = 16

cdef uint32_t x86_mmu_index(CPUHead *head, bint ifetch) noexcept nogil
cdef int x86_tlb_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                      uintptr_t ra) noexcept nogil
cdef int x86_memory_fault(CPUHead *head, int mmu_idx) noexcept nogil
cdef hwaddr x86_phys_page_attrs_debug(CPUHead *head, vaddr_t addr, uint32_t *attrs) noexcept nogil
# The four page-directory pointers of PAE paging; ST_FAULT: #GP, a reserved bit is set.
cdef int x86_load_pdptes(CPUX86State *s, hwaddr cr3) noexcept nogil
