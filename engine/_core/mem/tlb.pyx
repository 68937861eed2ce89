# TLB tables: fill, evict, flush, dirty flags, see tlb.pxd. An invalid entry is all ones.
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset
from engine._core.base.atomics cimport atomic_barrier, atomic_cas64, atomic_load64
from engine._core.base.types cimport (ACCESS_READ, ACCESS_WRITE, PROT_EXEC, PROT_READ, PROT_WRITE,
                                      hwaddr, ram_addr_t, uint8_t, uint32_t, uint64_t, uintptr_t,
                                      vaddr_t)
from engine._core.mem.context cimport (AddressSpace, DIRTY_CLIENTS_ALL, FlatRange, MemContext,
                                       MemoryRegion, RAM_ADDR_NONE)
from engine._core.mem.dirty cimport range_includes_clean
from engine._core.mem.flatview cimport flatview_lookup
from engine._core.mem.topology cimport address_space_view

cdef extern from *:
    const uint64_t NONE "0xffffffffffffffffULL"

cdef enum:                          # first table of a mode and its side table
    SMALL_BYTES = (sizeof(CPUTLBEntry) + sizeof(CPUIOTLBEntry)) << CPU_TLB_BITS

# What an MMU mode without tables points to: one entry that no address hits. Never written after
# import.
cdef CPUTLBEntry _no_entry
memset(&_no_entry, 0xff, sizeof(CPUTLBEntry))


# The first tables of all modes stand behind the modes, in the same block, until tlb_free: a thread
# that clears dirty bits may still walk one that has just been replaced by a larger one.
cdef inline CPUTLBEntry *_small(CPUTLB *t, uint32_t idx) noexcept nogil:
    return <CPUTLBEntry *>(<uint8_t *>(t.mode + t.n_modes) + <size_t>idx * SMALL_BYTES)


cdef inline bint _is_large(CPUTLB *t, uint32_t idx) noexcept nogil:
    return t.mode[idx].io != NULL and t.desc[idx].table != _small(t, idx)


cdef bint tlb_init(CPUTLB *t, void *cpu, void *mem, uint32_t n_modes, uint32_t page_bits,
                   tlb_fill_fn fill) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>mem
    cdef void **list
    cdef int k
    cdef uint32_t i
    memset(t, 0, sizeof(CPUTLB))
    if n_modes > NB_MMU_MODES:
        return False
    t.cpu = cpu
    t.fill = fill
    t.page_bits = page_bits
    t.page_mask = ~((1ULL << page_bits) - 1)
    for k in range(NB_MMU_MODES):
        t.desc[k].table = &_no_entry
    t.mode = <CPUTLBMode *>malloc(n_modes * (sizeof(CPUTLBMode) + SMALL_BYTES))
    if t.mode == NULL:
        return False
    memset(t.mode, 0, n_modes * sizeof(CPUTLBMode))
    t.n_modes = n_modes
    for i in range(n_modes):
        memset(t.mode[i].vtable, 0xff, sizeof(t.mode[i].vtable))
        t.mode[i].large_addr = NONE
    if ctx != NULL:
        list = <void **>realloc(ctx.tlbs, (ctx.n_tlbs + 1) * sizeof(void *))
        if list == NULL:
            free(t.mode)
            t.mode = NULL
            return False
        ctx.tlbs = list
        ctx.tlbs[ctx.n_tlbs] = t
        ctx.n_tlbs += 1
        t.mem = mem
    return True


cdef void tlb_free(CPUTLB *t) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>t.mem
    cdef uint32_t i
    if t.mode == NULL:
        return
    for i in range(t.n_modes):
        if _is_large(t, i):
            free(t.desc[i].table)
            free(t.mode[i].io)
        t.desc[i].table = &_no_entry
        t.desc[i].mask = 0
    free(t.mode)
    t.mode = NULL
    t.n_modes = 0
    if ctx != NULL:
        for i in range(ctx.n_tlbs):
            if ctx.tlbs[i] == t:
                ctx.n_tlbs -= 1
                ctx.tlbs[i] = ctx.tlbs[ctx.n_tlbs]
                break
        t.mem = NULL


# -- flushing
cdef inline uint64_t _bytes(CPUTLB *t, uint32_t idx) noexcept nogil:
    return t.desc[idx].mask + (1 << CPU_TLB_ENTRY_BITS)


cdef void _flush_mode(CPUTLB *t, uint32_t idx) noexcept nogil:
    cdef CPUTLBMode *m = t.mode + idx
    cdef uint64_t n
    if m.used:
        n = _bytes(t, idx)
        memset(t.desc[idx].table, 0xff, n)
        memset(m.vtable, 0xff, sizeof(m.vtable))
        # Flushes cost what the table holds: one that is mostly empty gets smaller each time.
        n >>= 1
        if <uint64_t>m.filled * (4 * sizeof(CPUTLBEntry)) < n \
                and n >= sizeof(CPUTLBEntry) << CPU_TLB_BITS:
            t.desc[idx].mask = n - sizeof(CPUTLBEntry)
        m.used = 0
        m.filled = 0
        m.conflicts = 0


cdef void tlb_flush_all(CPUTLB *t) noexcept nogil:
    cdef uint32_t i
    for i in range(t.n_modes):
        _flush_mode(t, i)
        t.mode[i].vindex = 0
        t.mode[i].large_addr = NONE
        t.mode[i].large_mask = 0
    t.flush_count += 1


cdef void tlb_flush_modes(CPUTLB *t, uint32_t idxmap) noexcept nogil:
    cdef uint32_t i
    for i in range(t.n_modes):
        if idxmap >> i & 1:
            _flush_mode(t, i)
    t.flush_count += 1


# Any word says: this page. The INVALID bit takes part, so that invalid words never match.
cdef inline bint _is_page(CPUTLB *t, const CPUTLBEntry *e, vaddr_t page) noexcept nogil:
    cdef uint64_t m = t.page_mask | TLB_INVALID
    return e.f.addr_read & m == page or e.f.addr_write & m == page or e.f.addr_code & m == page


cdef bint tlb_flush_page_modes(CPUTLB *t, vaddr_t addr, uint32_t idxmap) noexcept nogil:
    cdef vaddr_t page = addr & t.page_mask
    cdef CPUTLBEntry *e
    cdef uint32_t i
    cdef int k
    for i in range(t.n_modes):
        if idxmap >> i & 1 and addr & t.mode[i].large_mask == t.mode[i].large_addr:
            tlb_flush_modes(t, idxmap)
            return True
    for i in range(t.n_modes):
        if not idxmap >> i & 1 or not t.mode[i].used:
            continue
        e = tlb_entry(t, i, page)
        if _is_page(t, e, page):
            memset(e, 0xff, sizeof(CPUTLBEntry))
        for k in range(CPU_VTLB_SIZE):
            if _is_page(t, t.mode[i].vtable + k, page):
                memset(t.mode[i].vtable + k, 0xff, sizeof(CPUTLBEntry))
    t.flush_count += 1
    return False


# -- dirty flags
cdef void tlb_set_dirty(CPUTLB *t, vaddr_t addr) noexcept nogil:
    cdef vaddr_t page = addr & t.page_mask
    cdef CPUTLBEntry *e
    cdef uint32_t i
    cdef int k
    for i in range(t.n_modes):
        if t.mode[i].used:
            e = tlb_entry(t, i, page)
            if e.f.addr_write == page | TLB_NOTDIRTY:
                e.f.addr_write = page
            for k in range(CPU_VTLB_SIZE):
                e = t.mode[i].vtable + k
                if e.f.addr_write == page | TLB_NOTDIRTY:
                    e.f.addr_write = page


cdef inline void _reset(CPUTLB *t, CPUTLBEntry *e, uintptr_t start, uint64_t length) noexcept nogil:
    cdef uint64_t old = e.f.addr_write
    if old & (TLB_INVALID | TLB_MMIO | TLB_NOTDIRTY) == 0:
        if <uintptr_t>(old & t.page_mask) + e.f.addend - start < length:
            # The CPU's thread may replace the word meanwhile: then the new one has looked at the
            # bitmap itself (_arm).
            atomic_cas64(&e.f.addr_write, &old, old | TLB_NOTDIRTY)


cdef void tlb_reset_dirty(CPUTLB *t, uintptr_t host_start, uint64_t length) noexcept nogil:
    cdef uint64_t k, n
    cdef CPUTLBEntry *table
    cdef uint32_t i
    cdef int v
    for i in range(t.n_modes):
        if t.mode[i].used:
            n = (atomic_load64(&t.desc[i].mask) >> CPU_TLB_ENTRY_BITS) + 1
            table = t.desc[i].table
            for k in range(n):
                _reset(t, table + k, host_start, length)
            for v in range(CPU_VTLB_SIZE):
                _reset(t, t.mode[i].vtable + v, host_start, length)


# -- look-up and fill
cdef void *tlb_vaddr_to_host(CPUTLB *t, vaddr_t addr, int access, int mmu_idx) noexcept nogil:
    cdef CPUTLBEntry *e
    if access < 0 or access > 2 or mmu_idx < 0 or <uint32_t>mmu_idx >= t.n_modes:
        return NULL
    e = tlb_entry(t, mmu_idx, addr)
    if e.word[access] != addr & t.page_mask:    # another page, invalid, or a flag
        return NULL
    return <void *><uintptr_t>(addr + e.f.addend)


cdef bint tlb_victim_hit(CPUTLB *t, int mmu_idx, vaddr_t addr, int access) noexcept nogil:
    cdef CPUTLBMode *m = t.mode + mmu_idx
    cdef vaddr_t page = addr & t.page_mask
    cdef CPUTLBEntry *e
    cdef CPUTLBEntry other
    cdef CPUIOTLBEntry *io
    cdef CPUIOTLBEntry other_io
    cdef int k
    if not m.used:
        return False
    for k in range(CPU_VTLB_SIZE):
        if m.vtable[k].word[access] & (t.page_mask | TLB_INVALID) == page:
            e = tlb_entry(t, mmu_idx, page)
            io = tlb_io(t, mmu_idx, page)
            other = e[0]
            other_io = io[0]
            e[0] = m.vtable[k]
            io[0] = m.vio[k]
            m.vtable[k] = other
            m.vio[k] = other_io
            if not _is_empty(&other):
                _conflict(t, <uint32_t>mmu_idx)
            return True
    return False


# One record a mode covers all its large pages: it grows until it holds the new one.
cdef void _large_page(CPUTLB *t, CPUTLBMode *m, vaddr_t addr, uint64_t size) noexcept nogil:
    cdef uint64_t mask = ~(size - 1)
    if m.large_addr == NONE:
        m.large_addr = addr & mask
        m.large_mask = mask
        return
    mask &= m.large_mask
    while (m.large_addr ^ addr) & mask:
        mask <<= 1
    m.large_addr &= mask
    m.large_mask = mask


cdef inline void _tables(CPUTLB *t, uint32_t idx) noexcept nogil:
    cdef CPUTLBEntry *table
    if t.mode[idx].io == NULL:
        table = _small(t, idx)
        memset(table, 0xff, sizeof(CPUTLBEntry) << CPU_TLB_BITS)
        memset(table + (1 << CPU_TLB_BITS), 0, sizeof(CPUIOTLBEntry) << CPU_TLB_BITS)
        t.mode[idx].io = <CPUIOTLBEntry *>(table + (1 << CPU_TLB_BITS))
        t.desc[idx].table = table
        t.desc[idx].mask = ((1ULL << CPU_TLB_BITS) - 1) << CPU_TLB_ENTRY_BITS


# Stores trap where a client calls the page clean. The bitmap is read after the entry stands in the
# table, so that a thread that clears bits and then walks the table either finds the entry or is
# seen here.
cdef inline void _arm(CPUTLB *t, CPUTLBEntry *e, const CPUIOTLBEntry *io) noexcept nogil:
    atomic_barrier()
    if e.f.addr_write & TLB_INVALID == 0 and range_includes_clean(
            <MemContext *>t.mem, io.ram_addr, ~t.page_mask + 1, DIRTY_CLIENTS_ALL):
        e.f.addr_write |= TLB_NOTDIRTY


# Twice as many entries: slot k keeps its page or hands it to slot k + old size. The first time the
# entries move to memory for the largest table, which costs nothing before it is used; from then on
# the table grows and shrinks where it stands.
cdef void _grow(CPUTLB *t, uint32_t idx) noexcept nogil:
    cdef CPUTLBMode *m = t.mode + idx
    cdef CPUTLBEntry *table = t.desc[idx].table
    cdef CPUIOTLBEntry *io = m.io
    cdef uint64_t n = _bytes(t, idx) >> CPU_TLB_ENTRY_BITS, k, at, word
    m.conflicts = 0
    if not _is_large(t, idx):
        table = <CPUTLBEntry *>malloc(sizeof(CPUTLBEntry) << CPU_TLB_MAX_BITS)
        io = <CPUIOTLBEntry *>malloc(sizeof(CPUIOTLBEntry) << CPU_TLB_MAX_BITS)
        if table == NULL or io == NULL:
            free(table)
            free(io)
            return
        memcpy(table, t.desc[idx].table, n * sizeof(CPUTLBEntry))
        memcpy(io, m.io, n * sizeof(CPUIOTLBEntry))
        m.io = io
        t.desc[idx].table = table
    memset(table + n, 0xff, n * sizeof(CPUTLBEntry))
    memset(io + n, 0, n * sizeof(CPUIOTLBEntry))
    atomic_barrier()                # whoever sees the new mask sees a table of that size
    t.desc[idx].mask = (2 * n - 1) << CPU_TLB_ENTRY_BITS
    for k in range(n):
        if _is_empty(table + k):
            continue
        # Any valid word names the page; an invalid one is all ones, so AND leaves it.
        word = table[k].f.addr_read & table[k].f.addr_write & table[k].f.addr_code
        at = k
        if word >> t.page_bits & n:
            at = k + n
            table[at] = table[k]
            io[at] = io[k]
            memset(table + k, 0xff, sizeof(CPUTLBEntry))
        # A walk of tlb_reset_dirty may have missed it.
        if table[at].f.addr_write & TLB_MMIO == 0 and io[at].ram_addr != RAM_ADDR_NONE:
            _arm(t, table + at, io + at)


# A valid entry had to make room. As many of them as there are entries, without a flush: the working
# set of the guest is larger than the table.
cdef inline void _conflict(CPUTLB *t, uint32_t idx) noexcept nogil:
    t.mode[idx].conflicts += 1
    if <uint64_t>t.mode[idx].conflicts << CPU_TLB_ENTRY_BITS > t.desc[idx].mask \
            and t.desc[idx].mask >> (CPU_TLB_MAX_BITS + CPU_TLB_ENTRY_BITS - 1) == 0:
        _grow(t, idx)


cdef int tlb_set_page(CPUTLB *t, vaddr_t addr, hwaddr paddr, uint32_t attrs, int prot, int mmu_idx,
                      uint64_t page_size) noexcept nogil:
    cdef CPUTLBMode *m
    cdef CPUTLBEntry *e
    cdef CPUIOTLBEntry *io
    cdef AddressSpace *space = NULL
    cdef FlatRange *r = NULL
    cdef MemoryRegion *mr
    cdef vaddr_t page = addr & t.page_mask
    cdef uint64_t read = page, write = page, code = page
    cdef ram_addr_t ram_addr = RAM_ADDR_NONE
    cdef uintptr_t addend = 0
    cdef uint32_t which = 0, watched
    cdef bint arm = False
    if mmu_idx < 0 or <uint32_t>mmu_idx >= t.n_modes:
        return -1
    _tables(t, <uint32_t>mmu_idx)
    m = t.mode + mmu_idx
    paddr &= t.page_mask
    if page_size > ~t.page_mask + 1:
        _large_page(t, m, page, page_size)
    if t.hooks != NULL and t.hooks.asidx != NULL:
        which = t.hooks.asidx(t.cpu, attrs)
    if which < t.n_ases:
        space = <AddressSpace *>t.ases[which]
    if space != NULL:
        r = flatview_lookup(address_space_view(space), paddr)
    if r == NULL or r.last - paddr < ~t.page_mask:
        read |= TLB_MMIO | TLB_SUBPAGE      # a hole, or not one section: each access finds out
        write = code = read
    else:
        mr = r.mr
        prot &= r.prot
        if mr.ram or mr.rom_device:
            ram_addr = mr.ram_addr + r.offset + (paddr - r.lo)
        if mr.ram or (mr.rom_device and r.romd_mode):
            addend = <uintptr_t>mr.host + <uintptr_t>(r.offset + (paddr - r.lo)) - <uintptr_t>page
            if ram_addr & ~t.page_mask:
                # Two RAM pages show in this guest page: dirty flags are kept by RAM page.
                read |= TLB_MMIO | TLB_SUBPAGE
                write = code = read
            elif r.readonly or not mr.ram:
                write |= TLB_MMIO
            else:
                arm = True
        else:
            read |= TLB_MMIO
            write = code = read
    if t.hooks != NULL and t.hooks.watch != NULL:
        watched = t.hooks.watch(t.cpu, page)
        if watched >> ACCESS_READ & 1:
            read |= TLB_WATCH
        if watched >> ACCESS_WRITE & 1:
            write |= TLB_WATCH
    e = tlb_entry(t, mmu_idx, page)
    if _is_empty(e):
        m.filled += 1
    elif not _is_page(t, e, page):
        _conflict(t, mmu_idx)           # may have moved it
        e = tlb_entry(t, mmu_idx, page)
    io = tlb_io(t, mmu_idx, page)
    if not _is_page(t, e, page) and not _is_empty(e):
        m.vtable[m.vindex] = e[0]
        m.vio[m.vindex] = io[0]
        m.vindex = (m.vindex + 1) % CPU_VTLB_SIZE
    e.f.addr_read = read if prot & PROT_READ else NONE
    e.f.addr_write = write if prot & PROT_WRITE else NONE
    e.f.addr_code = code if prot & PROT_EXEC else NONE
    e.f.addend = addend
    io.paddr = paddr
    io.ram_addr = ram_addr
    io.space = space
    io.attrs = attrs
    io.prot = <uint32_t>prot
    m.used = 1
    if arm:
        _arm(t, e, io)
    return 0


cdef inline bint _is_empty(const CPUTLBEntry *e) noexcept nogil:
    return e.f.addr_read & e.f.addr_write & e.f.addr_code == NONE
