# x86: address translation: see paging.pxd.
# Accessed and dirty bits are written through the address space, so that code and dirty tracking see
# them; a clean page enters the TLB without the right to write: its first store walks again.
from libc.string cimport memset
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_WRITE, PROT_EXEC, PROT_READ,
                                      PROT_WRITE, ST_FAULT, ST_OK, hwaddr, uint8_t, uint16_t,
                                      uint32_t, uint64_t, uintptr_t, vaddr_t)
from engine._core.cpu.head cimport CPUHead, FAULT_MISALIGNED, FAULT_PAGE, FAULT_UNMAPPED
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.segment cimport x86_canonical, x86_long, x86_raise
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.mem.address_space cimport address_space_ld, address_space_st
from engine._core.mem.attrs cimport MEMTX_OK, MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace
from engine._core.mem.tlb cimport tlb_set_page

cdef enum:                          # page-table entry
    PTE_P = 1
    PTE_W = 2
    PTE_U = 4
    PTE_A = 0x20
    PTE_D = 0x40
    PTE_PS = 0x80

cdef extern from *:
    """
    #define ENGINE_X86_FRAME 0x000ffffffffff000ULL
    #define ENGINE_X86_PHYS_RESERVED 0x000f000000000000ULL    /* MAXPHYADDR is 48 (CPUID) */
    """
    const uint64_t FRAME "ENGINE_X86_FRAME"
    const uint64_t PHYS_RESERVED "ENGINE_X86_PHYS_RESERVED"

ctypedef struct Walk:
    hwaddr paddr                    # of the page of 4 KiB
    uint64_t size
    int prot
    uint32_t error                  # PF_P and PF_RSVD of a page fault
    uint32_t hint
    uint32_t entry_size
    uint32_t n
    uint64_t rights                 # PTE_W and PTE_U of all levels; NX in bit 63
    hwaddr at[4]                    # the entries that were used, the leaf last
    uint64_t entry[4]


cdef uint32_t x86_mmu_index(CPUHead *head, bint ifetch) noexcept nogil:
    if not ifetch:
        return head.mmu_idx
    return IDX_USER if (<CPUX86State *>head).cpl == 3 else IDX_KERNEL


cdef uint64_t table_entry(CPUX86State *s, hwaddr at, uint32_t size) noexcept nogil:
    """What is not memory reads as not present."""
    cdef uint32_t result = MEMTX_OK
    cdef uint64_t value = address_space_ld(<AddressSpace *>s.head.as0, at, size, False,
                                           MEMTXATTRS_UNSPECIFIED, &result)
    return value if result == MEMTX_OK else 0


cdef bint step(CPUX86State *s, Walk *w, hwaddr at, uint64_t reserved) noexcept nogil:
    """One entry: present, no reserved bit set. False: page fault."""
    cdef uint64_t pte = table_entry(s, at, w.entry_size)
    w.at[w.n] = at
    w.entry[w.n] = pte
    w.n += 1
    w.error = 0
    w.hint = HINT_PAGE_MISSING
    if not pte & PTE_P:
        return False
    if pte & reserved:
        w.error = PF_P | PF_RSVD
        w.hint = HINT_PAGE_RESERVED
        return False
    w.rights &= pte | 1ULL << 63
    w.rights |= pte & (1ULL << 63)
    return True


cdef bint walk32(CPUX86State *s, vaddr_t addr, Walk *w) noexcept nogil:
    cdef uint64_t pde
    w.entry_size = 4
    if not step(s, w, (s.cr3 & 0xfffff000ULL) + (addr >> 22 & 0x3ff) * 4, 0):
        return False
    pde = w.entry[0]
    if pde & PTE_PS and s.cr4 & CR4_PSE:
        # PSE-36: bits 20..13 are bits 39..32 of the address, bit 21 is reserved (table 4-4).
        if pde & 0x200000:
            w.error = PF_P | PF_RSVD
            w.hint = HINT_PAGE_RESERVED
            return False
        w.size = 1 << 22
        w.paddr = (pde & 0xffc00000ULL) | (pde & 0x1fe000) << 19 | (addr & 0x3ff000)
        return True
    if not step(s, w, (pde & 0xfffff000ULL) + (addr >> 12 & 0x3ff) * 4, 0):
        return False
    w.size = 4096
    w.paddr = w.entry[1] & 0xfffff000ULL
    return True


cdef bint walk64(CPUX86State *s, vaddr_t addr, Walk *w) noexcept nogil:
    """PAE and 4-level: tables of 512 entries of 8 bytes."""
    cdef uint64_t reserved = PHYS_RESERVED, base, pte
    cdef uint32_t shift = 30
    if not s.efer & EFER_NXE:
        reserved |= 1ULL << 63
    w.entry_size = 8
    if x86_long(s):
        if not step(s, w, (s.cr3 & FRAME) + (addr >> 39 & 511) * 8, reserved | PTE_PS):
            return False
        base = w.entry[0] & FRAME
    else:
        pte = s.pdpte[addr >> 30 & 3]
        w.error = 0
        w.hint = HINT_PAGE_MISSING
        if not pte & PTE_P:
            return False
        reserved |= 0x7ff0000000000000ULL
        base = pte & FRAME
        shift = 21
    while True:
        if not step(s, w, base + (addr >> shift & 511) * 8, reserved):
            return False
        pte = w.entry[w.n - 1]
        w.size = 1ULL << shift
        if shift == 12 or pte & PTE_PS:
            # Below the address of a large page all but PAT is reserved.
            if shift > 12 and pte & (w.size - 1) & ~0x1fffULL:
                w.error = PF_P | PF_RSVD
                w.hint = HINT_PAGE_RESERVED
                return False
            w.paddr = (pte & FRAME & ~(w.size - 1)) | (addr & (w.size - 1) & ~0xfffULL)
            return True
        base = pte & FRAME
        shift -= 9


cdef bint walk(CPUX86State *s, vaddr_t addr, int access, int idx, bint debug,
               Walk *w) noexcept nogil:
    """False: a page fault, w.error says what of it the walk knows."""
    cdef bint user_page, write_protect = s.cr0 & CR0_WP != 0
    cdef uint32_t k, result = MEMTX_OK
    cdef uint64_t bits
    w.n = 0
    w.rights = PTE_W | PTE_U
    w.error = 0
    w.paddr = addr & ~0xfffULL
    if not s.cr0 & CR0_PG:
        w.size = 4096
        w.prot = PROT_READ | PROT_WRITE | PROT_EXEC
        return True
    if not (walk64(s, addr, w) if s.cr4 & CR4_PAE else walk32(s, addr, w)):
        return False
    user_page = w.rights & PTE_U != 0
    # Rights (4.6.1).
    w.prot = PROT_READ
    if idx == IDX_USER:
        if not user_page:
            w.prot = 0
        elif w.rights & PTE_W:
            w.prot |= PROT_WRITE
    else:
        if w.rights & PTE_W or not write_protect:
            w.prot |= PROT_WRITE
        if idx == IDX_SMAP and user_page:
            w.prot = 0
    if not w.rights >> 63 and (user_page if idx == IDX_USER else
                               not (user_page and s.cr4 & CR4_SMEP)):
        w.prot |= PROT_EXEC
    if debug:
        return True
    if not w.prot & (PROT_EXEC if access == ACCESS_FETCH else PROT_WRITE if access == ACCESS_WRITE
                     else PROT_READ):
        w.error = PF_P
        w.hint = HINT_PAGE_RIGHTS
        return False
    for k in range(w.n):
        bits = PTE_A | (PTE_D if k + 1 == w.n and access == ACCESS_WRITE else 0)
        if bits & ~w.entry[k]:
            w.entry[k] |= bits
            address_space_st(<AddressSpace *>s.head.as0, w.at[k], w.entry[k], w.entry_size, False,
                             MEMTXATTRS_UNSPECIFIED, &result)
    if w.n and not w.entry[w.n - 1] & PTE_D:
        w.prot &= ~<int>PROT_WRITE
    return True


cdef uint32_t fault_code(CPUX86State *s, int access, int mmu_idx, uint32_t known) noexcept nogil:
    if access == ACCESS_WRITE:
        known |= PF_W
    if mmu_idx == IDX_USER:
        known |= PF_U
    if access == ACCESS_FETCH and (s.cr4 & CR4_SMEP
                                   or s.cr4 & CR4_PAE and s.efer & EFER_NXE):
        known |= PF_I
    return known


cdef int x86_tlb_fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
                      uintptr_t ra) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>cpu
    cdef Walk w
    if not x86_long(s):
        addr &= 0xffffffffULL
    elif s.cr0 & CR0_PG and not x86_canonical(addr):
        if not probe:
            x86_raise(s, X86_EXCP_GP, 0, HINT_CANONICAL)
            s.head.fault.addr = addr
            s.head.fault.size = size
            s.head.fault.access = <uint8_t>access
        return ST_FAULT
    if walk(s, addr, access, mmu_idx, False, &w):
        return tlb_set_page(&s.head.tlb, addr & ~0xfffULL, w.paddr, MEMTXATTRS_UNSPECIFIED, w.prot,
                            mmu_idx, w.size)
    if not probe:
        memset(&s.head.fault, 0, sizeof(s.head.fault))
        s.head.fault.addr = addr
        s.head.fault.size = size
        s.head.fault.access = <uint8_t>access
        s.head.fault.reason = FAULT_PAGE
        s.head.fault.paddr = w.paddr
        s.head.fault.hint = <uint16_t>w.hint
        s.head.exception_index = X86_EXCP_PF
        s.error_code = fault_code(s, access, mmu_idx, w.error)
        s.cr2 = addr
        s.trap_due = 0
    return ST_FAULT


cdef int x86_memory_fault(CPUHead *head, int mmu_idx) noexcept nogil:
    """What the bus says: the machine has no memory there, or it may not be used like that."""
    cdef CPUX86State *s = <CPUX86State *>head
    if head.fault.reason == FAULT_MISALIGNED:
        head.exception_index = X86_EXCP_AC
        s.error_code = 0
        return ST_FAULT
    head.exception_index = X86_EXCP_PF
    s.error_code = fault_code(s, head.fault.access, mmu_idx,
                              0 if head.fault.reason == FAULT_UNMAPPED else PF_P)
    s.cr2 = head.fault.addr
    s.trap_due = 0
    return ST_FAULT


cdef hwaddr x86_phys_page_attrs_debug(CPUHead *head, vaddr_t addr, uint32_t *attrs) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef Walk w
    attrs[0] = MEMTXATTRS_UNSPECIFIED
    if not x86_long(s):
        addr &= 0xffffffffULL
    elif s.cr0 & CR0_PG and not x86_canonical(addr):
        return 0xffffffffffffffffULL
    if not walk(s, addr, 0, IDX_KERNEL, True, &w):
        return 0xffffffffffffffffULL
    return w.paddr


cdef int x86_load_pdptes(CPUX86State *s, hwaddr cr3) noexcept nogil:
    cdef uint64_t found[4]
    cdef uint32_t k
    for k in range(4):
        found[k] = table_entry(s, (cr3 & 0xffffffe0ULL) + 8 * k, 8)
        if found[k] & PTE_P and found[k] & (0xfff00000000001e6ULL | PHYS_RESERVED):
            return x86_raise(s, X86_EXCP_GP, 0, HINT_RESERVED)
    for k in range(4):
        s.pdpte[k] = found[k]
    return ST_OK
