# The block cache: see cache.pxd.
# Every table is one slice of one lazily committed host mapping, so that a new engine pays only for
# what it uses. Called by: exec only.
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine._core.base.bits cimport max64
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, uintptr_t, ram_addr_t
from engine._core.base.hostmem cimport hostmem_map, hostmem_unmap
from engine._core.cpu.head cimport RETURN_SLOTS, ReturnEntry
from engine._core.cpu.tb cimport TB, TBExit, TB_JMP_CACHE_SIZE
from engine._core.cpu.tb_hash cimport (tb_jmp_cache_hash, tb_phys_hash, TB_PHYS_HASH_SIZE)
from engine._core.backend.backend cimport BackendOps, CodeBuffer

cdef enum:
    PAGE_HASH_BITS = 14
    PAGE_HASH_SIZE = 1 << 14


cdef inline uint64_t align64(uint64_t n) noexcept nogil:
    return (n + 63) & ~63ULL


cdef inline TB *entry_tb(uintptr_t entry) noexcept nogil:
    return <TB *>(entry & ~<uintptr_t>1)


cdef inline uintptr_t next_entry(uintptr_t entry) noexcept nogil:
    return <uintptr_t>entry_tb(entry).page_next[entry & 1]


cdef TBCache *cache_new(CodeBuffer *code, const BackendOps *backend, uint32_t page_bits,
                        page_fn protect, page_fn unprotect, void *opaque) noexcept nogil:
    cdef TBCache *c = <TBCache *>calloc(1, sizeof(TBCache))
    cdef uint64_t jmp, phys, page_hash, pages, size
    cdef uint8_t *base
    if c == NULL:
        return NULL
    c.max_tbs = <uint32_t>(code.size // TB_AVERAGE_SIZE)
    jmp = 0
    phys = jmp + align64(TB_JMP_CACHE_SIZE * sizeof(TB *))
    page_hash = phys + align64(TB_PHYS_HASH_SIZE * sizeof(TB *))
    pages = page_hash + align64(PAGE_HASH_SIZE * sizeof(PageDesc *))
    size = pages + align64(2 * <uint64_t>c.max_tbs * sizeof(PageDesc))
    c.memory_size = size + <uint64_t>c.max_tbs * sizeof(TB)
    c.memory = hostmem_map(c.memory_size)
    if c.memory == NULL:
        free(c)
        return NULL
    base = <uint8_t *>c.memory
    c.jmp_cache = <TB **>(base + jmp)
    c.phys_hash = <TB **>(base + phys)
    c.page_hash = <PageDesc **>(base + page_hash)
    c.pages = <PageDesc *>(base + pages)
    c.tbs = <TB *>(base + size)
    c.page_bits = page_bits
    c.page_mask = ~((1ULL << page_bits) - 1)
    c.code = code
    c.backend = backend
    c.protect = protect
    c.unprotect = unprotect
    c.opaque = opaque
    return c


cdef void cache_free(TBCache *c) noexcept nogil:
    cdef uint32_t i
    if c == NULL:
        return
    for i in range(c.n_pages):
        free(c.pages[i].bitmap)
    hostmem_unmap(c.memory, c.memory_size)
    free(c)


# ---------------------------------------------------------------- blocks
cdef TB *cache_alloc_tb(TBCache *c) noexcept nogil:
    cdef TB *tb
    if c.n_tbs >= c.max_tbs:
        return NULL
    tb = &c.tbs[c.n_tbs]
    c.n_tbs += 1
    memset(tb, 0, sizeof(TB))
    tb.page_addr[0] = no_page()
    tb.page_addr[1] = no_page()
    c.newest_start = c.code.ptr
    return tb


cdef void cache_drop_tb(TBCache *c, TB *tb) noexcept nogil:
    tb.invalid = True
    if c.newest_start != NULL and tb == &c.tbs[c.n_tbs - 1]:
        c.n_tbs -= 1
        c.code.ptr = c.newest_start
        c.newest_start = NULL


cdef TB *cache_find_code(TBCache *c, uintptr_t code) noexcept nogil:
    cdef uint32_t low = 0, high = c.n_tbs, mid
    cdef TB *tb
    while low < high:                   # the last block that begins at or before the address
        mid = (low + high) // 2
        if <uintptr_t>c.tbs[mid].code <= code:
            low = mid + 1
        else:
            high = mid
    if low == 0:
        return NULL
    tb = &c.tbs[low - 1]
    if code - <uintptr_t>tb.code >= tb.code_size:
        return NULL
    return tb


# ---------------------------------------------------------------- pages
cdef inline uint32_t page_slot(TBCache *c, ram_addr_t page) noexcept nogil:
    # Fibonacci hashing: pages are often a stride apart.
    return <uint32_t>(((page >> c.page_bits) * 0x9e3779b97f4a7c15ULL) >> (64 - PAGE_HASH_BITS))


cdef PageDesc *cache_find_page(TBCache *c, ram_addr_t page) noexcept nogil:
    cdef PageDesc *p = c.page_hash[page_slot(c, page)]
    while p != NULL and p.page != page:
        p = p.next
    return p


cdef PageDesc *make_page(TBCache *c, ram_addr_t page) noexcept nogil:
    # The pool holds two a block, and a page in use has at least one block: it cannot run dry.
    cdef PageDesc *p = c.free_pages
    cdef uint32_t slot = page_slot(c, page)
    if p != NULL:
        c.free_pages = p.next
    else:
        p = &c.pages[c.n_pages]
        c.n_pages += 1
    p.page = page
    p.first = 0
    p.bitmap = NULL
    p.code_writes = 0
    p.next = c.page_hash[slot]
    c.page_hash[slot] = p
    return p


cdef inline void drop_bitmap(PageDesc *p) noexcept nogil:
    if p.bitmap != NULL:
        free(p.bitmap)
        p.bitmap = NULL
    p.code_writes = 0


cdef void release_page(TBCache *c, PageDesc *p) noexcept nogil:
    cdef PageDesc **at = &c.page_hash[page_slot(c, p.page)]
    while at[0] != p:
        at = &at[0].next
    at[0] = p.next
    drop_bitmap(p)
    p.next = c.free_pages
    c.free_pages = p
    c.unprotect(c.opaque, p.page)


cdef void page_add_tb(TBCache *c, TB *tb, uint32_t n) noexcept nogil:
    cdef PageDesc *p = cache_find_page(c, tb.page_addr[n])
    cdef bint first = p == NULL
    if first:
        p = make_page(c, tb.page_addr[n])
    tb.page_next[n] = <TB *>p.first
    p.first = <uintptr_t>tb | n
    drop_bitmap(p)                      # it does not know the new block
    if first:
        c.protect(c.opaque, p.page)


cdef void page_remove_tb(TBCache *c, TB *tb, uint32_t n) noexcept nogil:
    cdef PageDesc *p = cache_find_page(c, tb.page_addr[n])
    cdef uintptr_t *at
    if p == NULL:
        return
    at = &p.first
    while at[0] != 0:
        if at[0] == (<uintptr_t>tb | n):
            at[0] = <uintptr_t>tb.page_next[n]
            break
        at = <uintptr_t *>&entry_tb(at[0]).page_next[at[0] & 1]
    if p.first == 0:
        release_page(c, p)


# Bytes of the block's page n that it was translated from: offsets [begin, end) in the page.
cdef inline uint32_t span_begin(TBCache *c, TB *tb, uint32_t n) noexcept nogil:
    return 0 if n else <uint32_t>(tb.lo & ~c.page_mask)


cdef inline uint32_t span_end(TBCache *c, TB *tb, uint32_t n) noexcept nogil:
    cdef uint64_t end = (tb.lo & ~c.page_mask) + tb.size
    cdef uint64_t page_size = ~c.page_mask + 1
    if n:
        return <uint32_t>(end - page_size)
    return <uint32_t>(end if end < page_size else page_size)


cdef void make_bitmap(TBCache *c, PageDesc *p) noexcept nogil:
    cdef uintptr_t entry = p.first
    cdef uint32_t i
    p.bitmap = <uint8_t *>calloc(1, 1ULL << (c.page_bits - 3))
    if p.bitmap == NULL:
        return                          # it is only a filter
    while entry != 0:
        for i in range(span_begin(c, entry_tb(entry), entry & 1),
                       span_end(c, entry_tb(entry), entry & 1)):
            p.bitmap[i >> 3] |= <uint8_t>(1 << (i & 7))
        entry = next_entry(entry)


# ---------------------------------------------------------------- tables
cdef void cache_enter_tb(TBCache *c, TB *tb, bint findable) noexcept nogil:
    cdef uint32_t slot = tb_phys_hash(tb.phys_pc)
    if findable:
        tb.hash_next = c.phys_hash[slot]
        c.phys_hash[slot] = tb
    if tb.page_addr[0] != no_page():
        page_add_tb(c, tb, 0)
    if tb.page_addr[1] != no_page():
        page_add_tb(c, tb, 1)


cdef TB *cache_lookup(TBCache *c, uint64_t pc, uint64_t phys_pc, uint64_t cs_base, uint32_t flags,
                      uint32_t cflags, page1_fn page1, void *opaque) noexcept nogil:
    cdef TB **head = &c.phys_hash[tb_phys_hash(phys_pc)]
    cdef TB **at = head
    cdef TB *tb
    while at[0] != NULL:
        tb = at[0]
        if (tb.phys_pc == phys_pc and tb.pc == pc and tb.cs_base == cs_base
                and tb.flags == flags and tb.cflags == cflags):
            if (tb.page_addr[1] == no_page() or page1(
                    opaque, (tb.lo & c.page_mask) + ~c.page_mask + 1) == tb.page_addr[1]):
                at[0] = tb.hash_next    # to the front (row 55)
                tb.hash_next = head[0]
                head[0] = tb
                return tb
        at = &tb.hash_next
    return NULL


cdef void cache_link(TBCache *c, TBExit *x, TB *to) noexcept nogil:
    if x.to != NULL:
        return
    x.to = to
    x.next_incoming = to.incoming
    to.incoming = x
    c.backend.link(x, to)


cdef void unlink_exits(TBCache *c, TB *tb) noexcept nogil:
    cdef TBExit *x = tb.incoming
    cdef TBExit *following
    cdef TBExit **at
    cdef uint32_t i
    while x != NULL:                    # jumps to the block
        following = x.next_incoming
        x.to = NULL
        x.next_incoming = NULL
        c.backend.link(x, NULL)
        x = following
    tb.incoming = NULL
    for i in range(tb.n_exits):         # jumps from it: it may be running, so they go too
        x = &tb.exits[i]
        if x.to == NULL:
            continue
        at = &x.to.incoming
        while at[0] != NULL:
            if at[0] == x:
                at[0] = x.next_incoming
                break
            at = &at[0].next_incoming
        x.to = NULL
        x.next_incoming = NULL
        c.backend.link(x, NULL)


cdef void cache_invalidate_tb(TBCache *c, TB *tb) noexcept nogil:
    cdef TB **at
    cdef uint32_t slot
    if tb.invalid:
        return
    tb.invalid = True
    at = &c.phys_hash[tb_phys_hash(tb.phys_pc)]
    while at[0] != NULL:
        if at[0] == tb:
            at[0] = tb.hash_next
            break
        at = &at[0].hash_next
    slot = tb_jmp_cache_hash(tb.pc, c.page_bits)
    if c.jmp_cache[slot] == tb:
        c.jmp_cache[slot] = NULL
    unlink_exits(c, tb)
    if tb.page_addr[0] != no_page():
        page_remove_tb(c, tb, 0)
    if tb.page_addr[1] != no_page():
        page_remove_tb(c, tb, 1)
    c.invalidated += 1


# ---------------------------------------------------------------- invalidation by address
cdef bint invalidate_in_page(TBCache *c, PageDesc *p, uint32_t begin, uint32_t end,
                             TB *running) noexcept nogil:
    cdef uintptr_t entry = p.first
    cdef uintptr_t following
    cdef bint hit = False
    cdef TB *tb
    # p is released with its last block; a dropped block keeps its page_next, so the walk goes on.
    while entry != 0:
        following = next_entry(entry)
        tb = entry_tb(entry)
        if (not tb.invalid and span_begin(c, tb, entry & 1) < end
                and span_end(c, tb, entry & 1) > begin):
            hit |= tb == running
            cache_invalidate_tb(c, tb)
        entry = following
    return hit


cdef bint cache_invalidate_range(TBCache *c, ram_addr_t start, ram_addr_t end,
                                 TB *running) noexcept nogil:
    cdef bint hit = False
    cdef uint64_t page_size = ~c.page_mask + 1
    cdef ram_addr_t page, first, last
    cdef uint32_t begin, stop, i
    cdef PageDesc *p
    if end <= start or c.n_pages == 0:
        return False
    first = start & c.page_mask
    last = (end - 1) & c.page_mask
    if (last - first) >> c.page_bits < c.n_pages:
        page = first
        while True:
            p = cache_find_page(c, page)
            if p != NULL:
                begin = <uint32_t>(start - page) if page == first else 0
                stop = <uint32_t>(end - page) if page == last else <uint32_t>page_size
                hit |= invalidate_in_page(c, p, begin, stop, running)
            if page == last:
                return hit
            page += page_size
    for i in range(c.n_pages):          # a range with more pages than there are
        p = &c.pages[i]
        if p.first != 0 and first <= p.page and p.page <= last:
            begin = <uint32_t>(start - p.page) if p.page == first else 0
            stop = <uint32_t>(end - p.page) if p.page == last else <uint32_t>page_size
            hit |= invalidate_in_page(c, p, begin, stop, running)
    return hit


cdef bint cache_code_write(TBCache *c, ram_addr_t start, uint64_t length,
                           TB *running) noexcept nogil:
    cdef PageDesc *p = cache_find_page(c, start & c.page_mask)
    cdef uint64_t offset = start & ~c.page_mask
    cdef uint64_t i
    if offset + length > ~c.page_mask + 1:
        return cache_invalidate_range(c, start, start + length, running)
    if p == NULL:
        return False
    if p.bitmap == NULL:
        p.code_writes += 1
        if p.code_writes >= TB_CODE_WRITES:
            make_bitmap(c, p)
    if p.bitmap != NULL:
        for i in range(offset, offset + length):
            if p.bitmap[i >> 3] & (1 << (i & 7)):
                break
        else:
            return False
    return invalidate_in_page(c, p, <uint32_t>offset, <uint32_t>(offset + length), running)


cdef void cache_invalidate_pc(TBCache *c, uint64_t pc, ram_addr_t phys_pc) noexcept nogil:
    cdef PageDesc *p = cache_find_page(c, phys_pc & c.page_mask)
    cdef uintptr_t entry, following
    cdef TB *tb
    if p == NULL:
        return
    entry = p.first
    while entry != 0:
        following = next_entry(entry)
        tb = entry_tb(entry)
        if not tb.invalid and pc - tb.lo < tb.size:
            cache_invalidate_tb(c, tb)
        entry = following


cdef void cache_flush(TBCache *c) noexcept nogil:
    cdef uint32_t i
    cdef PageDesc *p
    for i in range(c.n_pages):
        p = &c.pages[i]
        drop_bitmap(p)
        if p.first != 0:
            p.first = 0
            c.unprotect(c.opaque, p.page)
    if c.n_tbs < TB_PHYS_HASH_SIZE // 8:    # few: do not touch the whole tables
        for i in range(c.n_pages):
            c.page_hash[page_slot(c, c.pages[i].page)] = NULL
        for i in range(c.n_tbs):
            c.phys_hash[tb_phys_hash(c.tbs[i].phys_pc)] = NULL
    else:
        memset(c.page_hash, 0, PAGE_HASH_SIZE * sizeof(PageDesc *))
        memset(c.phys_hash, 0, TB_PHYS_HASH_SIZE * sizeof(TB *))
    cache_clear_jmp(c)
    c.code_most = max64(c.code_most, <uint64_t>(c.code.ptr - c.code.base))
    if c.n_tbs > c.tbs_most:
        c.tbs_most = c.n_tbs
    c.n_pages = 0
    c.free_pages = NULL
    c.n_tbs = 0
    c.newest_start = NULL
    c.code.ptr = c.code.base
    c.flushes += 1


cdef void cache_again(TBCache *c) noexcept nogil:
    c.invalidated = 0
    c.flushes = 0


cdef void cache_enter_jmp(TBCache *c, TB *tb) noexcept nogil:
    c.jmp_cache[tb_jmp_cache_hash(tb.pc, c.page_bits)] = tb
    c.jmp_used = True


cdef void cache_clear_jmp(TBCache *c) noexcept nogil:
    if c.returns != NULL:
        memset(c.returns, 0, RETURN_SLOTS * sizeof(ReturnEntry))
    if c.jmp_used:
        memset(c.jmp_cache, 0, TB_JMP_CACHE_SIZE * sizeof(TB *))
        c.jmp_used = False
