# RISC-V address translation: see mmu.pxd.
# Accessed and dirty bits are set by the walk (the hardware-update scheme, Svadu): PTEs are
# changed through the address space, so that code and dirty tracking see it. Physical memory
# protection (pmp) is asked for each page that enters the TLB and each page-table access.
from libc.string cimport memset
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, PROT_EXEC, PROT_READ,
                                      PROT_WRITE, ST_FAULT, ST_OK, hwaddr, uint16_t, uint32_t,
                                      uint64_t, uintptr_t, uint8_t, vaddr_t)
from engine._core.cpu.flush cimport cpu_tlb_flush, cpu_tlb_flush_page
from engine._core.cpu.head cimport CPUHead, FAULT_MISALIGNED, FAULT_PAGE, FAULT_PROT, FAULT_UNMAPPED
from engine._core.isa.riscv.defs cimport *
from engine._core.isa.riscv.pmp cimport pmp_prot
from engine._core.isa.riscv.state_gen cimport CPURISCVState
from engine._core.isa.riscv.trap cimport riscv_illegal
from engine._core.mem.address_space cimport address_space_ld, address_space_st
from engine._core.mem.attrs cimport (MEMTXATTRS_SECURE, MEMTXATTRS_UNSPECIFIED, MEMTXATTRS_USER,
                                      MEMTX_OK)
from engine._core.mem.context cimport AddressSpace
from engine._core.mem.tlb cimport tlb_set_page

cdef enum:                          # page-table entry
    PTE_V = 1
    PTE_R = 2
    PTE_W = 4
    PTE_X = 8
    PTE_U = 16
    PTE_A = 64
    PTE_D = 128
    PAGE_BITS = 12

cdef enum:                          # what a walk found
    WALK_OK = 0
    WALK_PAGE_FAULT = 1
    WALK_ACCESS_FAULT = 2           # a page table is not in memory
    WALK_PMP = 3                    # physical memory protection forbids it

ctypedef struct Walk:
    hwaddr paddr                    # of the page of 4 KiB; a failed table access: of the entry
    uint64_t size                   # of the page the entry maps
    int prot
    uint32_t hint


cdef uint32_t riscv_mmu_index(CPUHead *head, bint ifetch) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    if ifetch:                      # neither MPRV nor SUM touch fetches
        return <uint32_t>s.cur_priv
    return head.mmu_idx


cdef uint32_t walk_levels(CPURISCVState *s) noexcept nogil:
    """Levels of the page table satp chooses; 0: none (Bare)."""
    if s.xlen == 32:
        return 2 if s.satp >> 31 else 0
    return <uint32_t>(s.satp >> 60) - 5 if s.satp >> 60 >= 8 else 0


cdef int walk(CPURISCVState *s, vaddr_t addr, int access, int idx, bint debug,
              Walk *w) noexcept nogil:
    """Privileged ISA 10.3.2, the virtual address translation process."""
    cdef uint32_t levels = walk_levels(s)
    cdef uint32_t index_bits = 10 if s.xlen == 32 else 9, pte_size = 4 if s.xlen == 32 else 8
    cdef uint32_t va_bits = PAGE_BITS + levels * index_bits, level, shift, result
    cdef uint64_t base, pte, old, need, low
    cdef hwaddr at
    cdef bint user
    cdef AddressSpace *space = <AddressSpace *>s.head.as0
    w.hint = HINT_NONE
    w.paddr = addr & ~0xfffULL
    if levels == 0 or idx == IDX_M:
        w.size = 1ULL << PAGE_BITS
        w.prot = PROT_READ | PROT_WRITE | PROT_EXEC
        return WALK_OK
    if s.xlen == 64 and <uint64_t>((<long long>(addr << (64 - va_bits))) >> (64 - va_bits)) != addr:
        w.hint = HINT_CANONICAL
        return WALK_PAGE_FAULT
    base = (s.satp & 0x3fffff if s.xlen == 32 else s.satp & 0xfffffffffffULL) << PAGE_BITS
    level = levels
    while True:
        level -= 1
        shift = PAGE_BITS + level * index_bits
        at = base + ((addr >> shift) & ((1ULL << index_bits) - 1)) * pte_size
        w.paddr = at
        if not debug and not pmp_prot(s, at, False) & PROT_READ:    # 3.7.2: as if by S-mode
            w.hint = HINT_PMP
            return WALK_PMP
        result = MEMTX_OK
        pte = address_space_ld(space, at, pte_size, False, MEMTXATTRS_UNSPECIFIED, &result)
        if result != MEMTX_OK:
            return WALK_ACCESS_FAULT
        w.hint = HINT_PTE
        # Bits 63:54 are reserved without Svnapot, Svpbmt and the like.
        if not pte & PTE_V or (pte & (PTE_R | PTE_W)) == PTE_W or pte >> 54:
            return WALK_PAGE_FAULT
        if pte & (PTE_R | PTE_X):
            break
        if pte & (PTE_A | PTE_D | PTE_U) or level == 0:
            return WALK_PAGE_FAULT
        base = (pte >> 10) << PAGE_BITS
    # A leaf. Permissions by privilege, SUM and MXR.
    user = pte & PTE_U != 0
    if not debug:
        if idx == IDX_U and not user or idx != IDX_U and user and (
                idx != IDX_SUM or access == ACCESS_FETCH):
            w.hint = HINT_PTE_USER
            return WALK_PAGE_FAULT
        w.hint = HINT_PTE_PERM
        need = PTE_X if access == ACCESS_FETCH else PTE_W if access == ACCESS_WRITE else PTE_R
        if not (pte & need or access == ACCESS_READ and s.mstatus & MSTATUS_MXR and pte & PTE_X):
            return WALK_PAGE_FAULT
    low = (1ULL << (shift - PAGE_BITS)) - 1
    if (pte >> 10) & low:
        w.hint = HINT_SUPERPAGE
        return WALK_PAGE_FAULT
    old = pte
    pte |= PTE_A | (PTE_D if access == ACCESS_WRITE else 0)
    if pte != old and not debug:
        if not pmp_prot(s, at, False) & PROT_WRITE:
            w.hint = HINT_PMP
            return WALK_PMP
        address_space_st(space, at, pte, pte_size, False, MEMTXATTRS_UNSPECIFIED, &result)
        if result != MEMTX_OK:
            return WALK_ACCESS_FAULT
    w.hint = HINT_NONE
    w.size = 1ULL << shift
    w.paddr = (((pte >> 10) & 0xfffffffffffULL | (addr >> PAGE_BITS) & low) << PAGE_BITS)
    w.prot = 0
    if pte & PTE_R or s.mstatus & MSTATUS_MXR and pte & PTE_X:
        w.prot |= PROT_READ
    if pte & PTE_W and pte & PTE_D:     # a clean page: the first store walks again
        w.prot |= PROT_WRITE
    if pte & PTE_X and not (user and idx != IDX_U):
        w.prot |= PROT_EXEC
    return WALK_OK


cdef uint32_t access_attrs(int idx) noexcept nogil:
    """Machine mode is the trusted world, as WorldGuard and the supervisor domains take it."""
    if idx == IDX_M:
        return MEMTXATTRS_SECURE
    return MEMTXATTRS_USER if idx == IDX_U else 0


cdef int riscv_tlb_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                        uintptr_t ra) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>cpu
    cdef Walk w
    cdef int found, allowed
    if s.xlen == 32:
        addr &= 0xffffffffULL
    found = walk(s, addr, access, mmu_idx, False, &w)
    if found == WALK_OK:
        allowed = pmp_prot(s, w.paddr, mmu_idx == IDX_M)
        w.prot &= allowed
        if not allowed & (PROT_READ if access == ACCESS_READ else
                          PROT_WRITE if access == ACCESS_WRITE else PROT_EXEC):
            w.hint = HINT_PMP
            w.paddr |= addr & 0xfff
            found = WALK_PMP
    if found == WALK_OK:
        return tlb_set_page(&s.head.tlb, addr & ~0xfffULL, w.paddr, access_attrs(mmu_idx), w.prot,
                            mmu_idx, w.size)
    if not probe:
        memset(&s.head.fault, 0, sizeof(s.head.fault))
        s.head.fault.addr = addr
        s.head.fault.size = size
        s.head.fault.access = <uint8_t>access
        s.head.fault.reason = (FAULT_PAGE if found == WALK_PAGE_FAULT else
                               FAULT_PROT if found == WALK_PMP else FAULT_UNMAPPED)
        s.head.fault.paddr = w.paddr
        s.head.fault.hint = <uint16_t>w.hint
        riscv_memory_fault(&s.head, mmu_idx)
    return ST_FAULT


cdef int riscv_memory_fault(CPUHead *head, int mmu_idx) noexcept nogil:
    """The exception of head.fault (table 15 of the Privileged ISA, mcause values)."""
    cdef int access = head.fault.access
    if head.fault.reason == FAULT_MISALIGNED:
        head.exception_index = (RISCV_EXCP_INST_MISALIGNED if access == ACCESS_FETCH else
                                RISCV_EXCP_STORE_MISALIGNED if access == ACCESS_WRITE else
                                RISCV_EXCP_LOAD_MISALIGNED)
        head.fault.hint = HINT_ALIGN
    elif head.fault.reason == FAULT_PAGE:
        head.exception_index = (RISCV_EXCP_INST_PAGE if access == ACCESS_FETCH else
                                RISCV_EXCP_STORE_PAGE if access == ACCESS_WRITE else
                                RISCV_EXCP_LOAD_PAGE)
    else:
        head.exception_index = (RISCV_EXCP_INST_ACCESS if access == ACCESS_FETCH else
                                RISCV_EXCP_STORE_ACCESS if access == ACCESS_WRITE else
                                RISCV_EXCP_LOAD_ACCESS)
    return ST_FAULT


cdef hwaddr riscv_phys_page_attrs_debug(CPUHead *head, vaddr_t addr,
                                        uint32_t *attrs) noexcept nogil:
    cdef CPURISCVState *s = <CPURISCVState *>head
    cdef Walk w
    attrs[0] = access_attrs(<int>head.mmu_idx)
    if s.xlen == 32:
        addr &= 0xffffffffULL
    if walk(s, addr, ACCESS_READ, <int>head.mmu_idx, True, &w) != WALK_OK:
        return 0xffffffffffffffffULL
    return w.paddr


cdef void riscv_flush(CPURISCVState *s) noexcept nogil:
    cpu_tlb_flush(&s.head)


cdef uint64_t helper_sfence_vma(void *env, uint64_t insn, uint64_t addr, uint64_t all,
                                uint64_t d) noexcept nogil:
    """Privileged ISA 10.2.1. ASIDs are not kept apart, so rs2 is ignored."""
    cdef CPURISCVState *s = <CPURISCVState *>env
    if s.cur_priv == PRV_U:
        return riscv_illegal(s, insn, HINT_PRIV)
    if s.cur_priv == PRV_S and s.mstatus & MSTATUS_TVM:
        return riscv_illegal(s, insn, HINT_TRAPPED)
    if all:
        riscv_flush(s)
        return ST_OK
    cpu_tlb_flush_page(&s.head, addr & ~0xfffULL, 7)
    return ST_OK
