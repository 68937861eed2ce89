# The software TLB: entry union, per-mode tables, victim table, and the inline hit path.
# Lives here: CPUTLBEntry, CPUTLB, lookups that must inline. Fill, flush, dirty flags: tlb.pyx. What
# happens on a miss: access.pyx. Called by: access path, back ends, exec.
# Spec rows 28, 32, 33, 36, 46, 64, 72.
from libc.string cimport memcpy
from engine._core.base.types cimport (uint8_t, uint16_t, uint32_t, uint64_t, int64_t, uintptr_t,
                                      vaddr_t, hwaddr, ram_addr_t, MO_SIZE, MO_ALIGN, MO_AMASK,
                                      MO_ALIGN_SHIFT)

cdef enum:
    NB_MMU_MODES = 12
    CPU_TLB_ENTRY_BITS = 5
    CPU_TLB_BITS = 8                # 256 entries a mode to begin with (QEMU of the spec: always)
    CPU_TLB_MAX_BITS = 14           # ... and at most, when the guest's working set needs them
    CPU_VTLB_SIZE = 8
    # Flags in the low page bits of a TLB address word. No flag: plain RAM, fast path.
    TLB_INVALID = 1 << 3
    TLB_NOTDIRTY = 1 << 4
    TLB_MMIO = 1 << 5               # I/O, ROM write, unassigned: dispatch by section
    TLB_WATCH = 1 << 6              # a watchpoint or a memory hook covers part of the page
    TLB_SUBPAGE = 1 << 7            # the page is not one section: dispatch each access
    TLB_FLAGS_MASK = 0xf8

ctypedef struct CPUTLBEntryFields:
    uint64_t addr_read
    uint64_t addr_write
    uint64_t addr_code
    uintptr_t addend                # host address = guest address + addend

ctypedef union CPUTLBEntry:         # padded to 1 << CPU_TLB_ENTRY_BITS bytes (row 46)
    CPUTLBEntryFields f
    uint64_t word[3]                # by access kind: read, write, code
    uint8_t dummy[32]

ctypedef struct CPUIOTLBEntry:      # the side table: what the slow path needs to know of the page
    hwaddr paddr                    # guest physical page address
    ram_addr_t ram_addr             # of the page, or all ones when it is not RAM
    void *space                     # AddressSpace* that paddr is in
    uint32_t attrs                  # MemTxAttrs
    uint32_t prot                   # PROT_* granted by the guest's MMU and the region together

ctypedef struct CPUTLBDesc:         # what emitted code reads
    uint64_t mask                   # (entries - 1) << CPU_TLB_ENTRY_BITS
    CPUTLBEntry *table

ctypedef struct CPUTLBMode:         # the rest of one MMU mode
    CPUIOTLBEntry *io
    CPUTLBEntry vtable[8]
    CPUIOTLBEntry vio[8]
    uint32_t vindex                 # victim cursor
    uint32_t used                   # 0: tables not allocated or known to be all invalid
    uint32_t filled                 # slots of the table that became valid since the last flush
    uint32_t conflicts              # valid entries that had to make room since then, or since the
                                    # table grew
    uint64_t large_addr             # all ones: none
    uint64_t large_mask

# Guest page-table walk. Fills the TLB through tlb_set_page and returns ST_OK, or records a guest
# exception (unless probe) and returns ST_FAULT.
ctypedef int (*tlb_fill_fn)(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx,
                            bint probe, uintptr_t ra) noexcept nogil

# What the slow path asks of exec. Functions may be NULL: nothing to ask. They answer ST_*;
# anything but ST_OK ends the access. cpu is CPUTLB.cpu, ra the host return address (0: state is
# exact already).
ctypedef struct AccessHooks:
    # An access that cannot be done; reason FAULT_* (cpu/head.pxd; ACCESS_FAULT_* below are the
    # same). ST_OK: something was mapped, try again (not with MEMORY_FAULT_FINAL in mmu_idx).
    # Without the function the access answers ST_FAULT.
    int (*memory_fault)(void *cpu, vaddr_t addr, hwaddr paddr, uint32_t size, int access,
                        int reason,
                        int mmu_idx, uintptr_t ra) noexcept nogil
    # Before and after an access to a page that `watch` names; value_hi for 16 bytes.
    int (*hook_read)(void *cpu, vaddr_t addr, uint32_t size, uintptr_t ra) noexcept nogil
    int (*hook_write)(void *cpu, vaddr_t addr, uint32_t size, uint64_t value, uint64_t value_hi,
                      uintptr_t ra) noexcept nogil
    int (*hook_read_after)(void *cpu, vaddr_t addr, uint32_t size, uint64_t value,
                           uint64_t value_hi,
                           uintptr_t ra) noexcept nogil
    # Which accesses to this page are watched: bit ACCESS_READ, bit ACCESS_WRITE. Asked when the
    # page enters the TLB: flush it when the answer changes.
    uint32_t (*watch)(void *cpu, vaddr_t page) noexcept nogil
    # Before guest bytes [ram_addr, ram_addr + length) change and blocks may lie there: drop these.
    # ST_RETRY_ONE: the running block is one of them; the store is not done.
    int (*tb_invalidate)(void *cpu, ram_addr_t ram_addr, uint64_t length,
                         uintptr_t ra) noexcept nogil
    # A page has entered the TLB for an access of this kind. Not ST_OK ends the access.
    int (*filled)(void *cpu, vaddr_t addr, uint32_t size, int access, hwaddr paddr, uint32_t prot,
                  uintptr_t ra) noexcept nogil
    # Which of CPUTLB.ases serves these attributes; NULL: the first.
    uint32_t (*asidx)(void *cpu, uint32_t attrs) noexcept nogil

cdef enum:                          # = FAULT_* of cpu/head.pxd, which is above this layer
    ACCESS_FAULT_UNMAPPED = 1
    ACCESS_FAULT_PROT = 2
    ACCESS_FAULT_MISALIGNED = 3
    ACCESS_FAULT_IO = 5
    MEMORY_FAULT_FINAL = 0x100      # OR-ed to mmu_idx of memory_fault: asking again is over, raise

ctypedef struct CPUTLB:
    CPUTLBDesc desc[12]             # first: short offsets for emitted code
    CPUTLBMode *mode                # [n_modes]
    uint32_t n_modes
    uint32_t page_bits
    uint64_t page_mask              # ~(page size - 1)
    tlb_fill_fn fill
    void *cpu                       # CPUHead* handed to fill and to the hooks below
    void *mem                       # MemContext*
    uint64_t fill_count             # misses that reached fill
    uint64_t miss_count             # direct-mapped misses (victim hits included)
    uint64_t flush_count
    uint64_t notdirty_count         # write traps taken
    uint64_t store_value            # of the store on the slow path, for fault hooks (low half)
    const AccessHooks *hooks        # exec's; NULL: none
    void **ases                     # AddressSpace*[n_ases] of this CPU (head.ases)
    uint32_t n_ases

cdef inline CPUTLBEntry *tlb_entry(CPUTLB *t, int idx, vaddr_t addr) noexcept nogil:
    return <CPUTLBEntry *>(<uint8_t *>t.desc[idx].table +
                           ((addr >> (t.page_bits - CPU_TLB_ENTRY_BITS)) & t.desc[idx].mask))

# The side table's record for the same slot; only where the mode has tables (a hit, or after a
# fill).
cdef inline CPUIOTLBEntry *tlb_io(CPUTLB *t, int idx, vaddr_t addr) noexcept nogil:
    return t.mode[idx].io + (((addr >> (t.page_bits - CPU_TLB_ENTRY_BITS)) & t.desc[idx].mask)
                             >> CPU_TLB_ENTRY_BITS)

# Comparator of an access: page bits, plus the low bits that alignment requires to be zero. An
# access that crosses a page compares unequal because its last byte is on another page.
cdef inline uint64_t tlb_compare_addr(CPUTLB *t, vaddr_t addr, uint32_t oi) noexcept nogil:
    cdef uint64_t smask = (1ULL << ((oi >> 4) & MO_SIZE)) - 1
    cdef uint32_t align = (oi >> 4) & MO_AMASK
    cdef uint64_t amask = 0
    if align:
        amask = smask if align == MO_ALIGN else (1ULL << (align >> MO_ALIGN_SHIFT)) - 1
    if amask > 15:
        # its low bits would mix with the flags: never equal, the slow path checks
        return 7
    if smask > amask:
        return (addr + (smask - amask)) & (t.page_mask | amask)
    return addr & (t.page_mask | amask)

# Host pointer of an access that hits plain RAM, or NULL: take the slow path (access.pxd).
cdef inline uint8_t *tlb_hit_read(CPUTLB *t, vaddr_t addr, uint32_t oi) noexcept nogil:
    cdef CPUTLBEntry *e = tlb_entry(t, oi & 15, addr)
    if e.f.addr_read == tlb_compare_addr(t, addr, oi):
        return <uint8_t *>(addr + e.f.addend)
    return NULL

cdef inline uint8_t *tlb_hit_write(CPUTLB *t, vaddr_t addr, uint32_t oi) noexcept nogil:
    cdef CPUTLBEntry *e = tlb_entry(t, oi & 15, addr)
    if e.f.addr_write == tlb_compare_addr(t, addr, oi):
        return <uint8_t *>(addr + e.f.addend)
    return NULL

# mem may be NULL (tests of the tables alone). False: out of memory. Then set hooks, ases and
# n_ases.
cdef bint tlb_init(CPUTLB *t, void *cpu, void *mem, uint32_t n_modes, uint32_t page_bits,
                   tlb_fill_fn fill) noexcept nogil
cdef void tlb_free(CPUTLB *t) noexcept nogil
# Flushes do not know the jump cache or current_tb: exec wraps them (exec/flush).
cdef void tlb_flush_all(CPUTLB *t) noexcept nogil
cdef void tlb_flush_modes(CPUTLB *t, uint32_t idxmap) noexcept nogil
cdef bint tlb_flush_page_modes(CPUTLB *t, vaddr_t addr, uint32_t idxmap) noexcept nogil
cdef void tlb_set_dirty(CPUTLB *t, vaddr_t addr) noexcept nogil
cdef void tlb_reset_dirty(CPUTLB *t, uintptr_t host_start, uint64_t length) noexcept nogil
cdef void *tlb_vaddr_to_host(CPUTLB *t, vaddr_t addr, int access, int mmu_idx) noexcept nogil
# Enter a translation: looks the physical page up in the CPU's address space for attrs, sets flags.
# prot: what the guest's MMU grants. 0; -1: no such mode.
cdef int tlb_set_page(CPUTLB *t, vaddr_t addr, hwaddr paddr, uint32_t attrs, int prot, int mmu_idx,
                      uint64_t page_size) noexcept nogil
# Victim search: swaps a hit into the direct-mapped slot. It and tlb_set_page may make the table
# larger: entries found before have another place then, their memory stays.
cdef bint tlb_victim_hit(CPUTLB *t, int mmu_idx, vaddr_t addr, int access) noexcept nogil
