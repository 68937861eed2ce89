# Dirty page tracking, see dirty.pxd. Every page range is rounded outward to guest pages and
# clipped to the pages that exist; what lies beyond counts as dirty.
from libc.string cimport memcpy
from engine._core.base.atomics cimport (atomic_and64, atomic_cas64, atomic_load64,
                                         atomic_or64)
from engine._core.base.bitmap cimport (bitmap_test_and_clear_atomic, bitmap_test_and_set_atomic,
                                       find_next_bit, find_next_zero_bit)
from engine._core.base.bits cimport max64, min64
from engine._core.base.hostmem cimport host_page_size, hostmem_grow, hostmem_map
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, ram_addr_t
from engine._core.mem.context cimport (DIRTY_CLIENTS_ALL, DIRTY_CLIENTS_NOCODE, DIRTY_FIRST_WORDS,
                                       DIRTY_MEMORY_BITMAPS, DIRTY_MEMORY_CODE,
                                       DIRTY_MEMORY_MIGRATION, DIRTY_MEMORY_SNAPSHOT,
                                       DirtyMemory, MemContext, MemoryRegion)

cdef enum:
    FIRST_WORDS = 8192          # of a mapping, 64 KiB a client: 2 GiB of RAM in 4 KiB pages


cdef inline uint64_t _first(MemContext *ctx, ram_addr_t start) noexcept nogil:
    return start >> ctx.page_bits


# One past the last page of a range; 2^64 and what wraps past it end at the top.
cdef inline uint64_t _end(MemContext *ctx, ram_addr_t start, uint64_t length) noexcept nogil:
    cdef uint64_t top = start + length
    if top < start or top + ctx.page_size - 1 < top:
        return 0xffffffffffffffffULL >> ctx.page_bits
    return (top + ctx.page_size - 1) >> ctx.page_bits


cdef bint dirty_grow(MemContext *ctx, ram_addr_t end) noexcept nogil:
    cdef DirtyMemory *d = &ctx.dirty
    cdef uint64_t want = _end(ctx, 0, end)
    cdef uint64_t words = d.pages >> 6
    cdef int c
    cdef void *p
    if want <= d.pages:
        return True
    if words == 0 and want <= DIRTY_FIRST_WORDS << 6:
        for c in range(DIRTY_MEMORY_BITMAPS):
            d.clean[c] = d.first[c]
        d.pages = DIRTY_FIRST_WORDS << 6
        return True
    words = max64(words * 2, FIRST_WORDS)
    while words < (want + 63) >> 6:
        words *= 2
    for c in range(DIRTY_MEMORY_BITMAPS):
        # A client that has grown when the next one is refused is only larger than it says.
        if d.clean[c] == NULL or d.clean[c] == d.first[c]:
            p = hostmem_map(words * 8)
            if p != NULL:
                memcpy(p, d.first[c], sizeof(d.first[c]))
        else:
            p = hostmem_grow(d.clean[c], d.pages >> 3, words * 8)
        if p == NULL:
            return False
        d.clean[c] = <uint64_t *>p
    d.pages = words << 6
    return True


cdef bint get_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                    uint32_t client) noexcept nogil:
    cdef uint64_t first = _first(ctx, start), end = _end(ctx, start, length)
    cdef uint64_t top
    if client >= DIRTY_MEMORY_BITMAPS or first >= end:
        return False
    top = min64(end, ctx.dirty.limit[client])
    return top < end or find_next_zero_bit(ctx.dirty.clean[client], top, first) < top


cdef bint all_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                    uint32_t client) noexcept nogil:
    cdef uint64_t first = _first(ctx, start), end = _end(ctx, start, length)
    if client >= DIRTY_MEMORY_BITMAPS:
        return False
    end = min64(end, ctx.dirty.limit[client])
    return first >= end or find_next_bit(ctx.dirty.clean[client], end, first) >= end


cdef bint get_dirty_flag(MemContext *ctx, ram_addr_t addr, uint32_t client) noexcept nogil:
    return get_dirty(ctx, addr, 1, client)


cdef bint is_clean(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    return range_includes_clean(ctx, addr, 1, DIRTY_CLIENTS_ALL) != 0


cdef uint32_t range_includes_clean(MemContext *ctx, ram_addr_t start, uint64_t length,
                                   uint32_t mask) noexcept nogil:
    cdef uint32_t found = 0
    cdef int c
    for c in range(DIRTY_MEMORY_BITMAPS):
        if mask >> c & 1 and not all_dirty(ctx, start, length, c):
            found |= 1U << c
    return found


cdef void set_dirty_flag(MemContext *ctx, ram_addr_t addr, uint32_t client) noexcept nogil:
    if client < DIRTY_MEMORY_BITMAPS:
        set_dirty_range(ctx, addr, 1, 1U << client)


cdef void set_dirty_range(MemContext *ctx, ram_addr_t start, uint64_t length,
                          uint32_t mask) noexcept nogil:
    cdef uint64_t first = _first(ctx, start), end = _end(ctx, start, length), top
    cdef int c
    for c in range(DIRTY_MEMORY_BITMAPS):
        top = min64(end, ctx.dirty.limit[c])    # above it, pages are dirty and the words untouched
        if mask >> c & 1 and first < top:
            bitmap_test_and_clear_atomic(ctx.dirty.clean[c], first, top - first)


cdef inline uint64_t _le64(const uint8_t *p) noexcept nogil:
    cdef uint64_t v = 0
    cdef int i
    for i in range(8):
        v |= <uint64_t>p[i] << (8 * i)
    return v


cdef void set_dirty_lebitmap(MemContext *ctx, const uint64_t *bitmap, ram_addr_t start,
                             uint64_t host_pages) noexcept nogil:
    cdef uint32_t mask = DIRTY_CLIENTS_ALL if ctx.code_logging else DIRTY_CLIENTS_NOCODE
    cdef uint64_t host = host_page_size(), first = _first(ctx, start), word, i, w
    cdef int c, bit
    if host < ctx.page_size:
        host = ctx.page_size
    for i in range((host_pages + 63) >> 6):
        word = _le64(<const uint8_t *>(bitmap + i))
        if i == host_pages >> 6:
            word &= (1ULL << (host_pages & 63)) - 1
        if word == 0:
            continue
        if host == ctx.page_size and first & 63 == 0:
            w = (first >> 6) + i
            for c in range(DIRTY_MEMORY_BITMAPS):
                if mask >> c & 1 and w << 6 < ctx.dirty.limit[c]:
                    atomic_and64(ctx.dirty.clean[c] + w, ~word)
        else:
            for bit in range(64):
                if word >> bit & 1:
                    set_dirty_range(ctx, start + (i * 64 + bit) * host, host, mask)


# Before bits are set in the words: whoever sets pages dirty must not overlook these words.
cdef inline void _raise_limit(MemContext *ctx, uint32_t client, uint64_t end) noexcept nogil:
    cdef uint64_t old = atomic_load64(&ctx.dirty.limit[client])
    while old < end and not atomic_cas64(&ctx.dirty.limit[client], &old, end):
        pass


cdef void test_and_clear_bitmap(MemContext *ctx, uint64_t first, uint64_t pages, uint32_t client,
                                bint clear, uint64_t *out) noexcept nogil:
    cdef uint64_t *clean = ctx.dirty.clean[client] + (first >> 6)
    cdef uint64_t i, word, mask = ~0ULL, n = (pages + 63) >> 6
    cdef bint any = False
    if clear:
        _raise_limit(ctx, client, min64(first + pages, ctx.dirty.pages))
    for i in range(n):
        if i == n - 1 and pages & 63:
            mask = (1ULL << (pages & 63)) - 1
        word = ~atomic_load64(clean + i) & mask
        if word and clear:
            word = ~atomic_or64(clean + i, mask) & mask     # more may have come since the look
            any = True
        out[i] = word
    if any and ctx.tlb_reset_dirty != NULL:
        ctx.tlb_reset_dirty(ctx, first << ctx.page_bits, pages << ctx.page_bits)


cdef bint test_and_clear_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                               uint32_t client) noexcept nogil:
    cdef uint64_t first = _first(ctx, start), end = _end(ctx, start, length)
    if length == 0 or client >= DIRTY_MEMORY_BITMAPS:
        return False
    end = min64(end, ctx.dirty.pages)
    if first >= end:
        return False
    _raise_limit(ctx, client, end)
    if not bitmap_test_and_set_atomic(ctx.dirty.clean[client], first, end - first):
        return False
    if ctx.tlb_reset_dirty != NULL:
        ctx.tlb_reset_dirty(ctx, first << ctx.page_bits, (end - first) << ctx.page_bits)
    return True


cdef void clear_dirty_range(MemContext *ctx, ram_addr_t start, uint64_t length) noexcept nogil:
    cdef int c
    for c in range(DIRTY_MEMORY_BITMAPS):
        test_and_clear_dirty(ctx, start, length, c)


cdef uint64_t next_dirty_page(MemContext *ctx, uint64_t start, uint64_t end,
                              uint32_t client) noexcept nogil:
    cdef uint64_t top
    if client >= DIRTY_MEMORY_BITMAPS or start >= end:
        return end
    top = min64(end, ctx.dirty.limit[client])
    return find_next_zero_bit(ctx.dirty.clean[client], top, start) if start < top else start


cdef bint memory_region_test_and_clear_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size,
                                             uint32_t client) noexcept nogil:
    return mr.ram and test_and_clear_dirty(mr.ctx, mr.ram_addr + offset, size, client)


cdef bint memory_region_get_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size,
                                  uint32_t client) noexcept nogil:
    return mr.ram and get_dirty(mr.ctx, mr.ram_addr + offset, size, client)


cdef void memory_region_set_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size) noexcept nogil:
    cdef uint32_t mask = mr.dirty_log_mask | 1U << DIRTY_MEMORY_SNAPSHOT
    if mr.ctx.global_dirty_log:
        mask |= 1U << DIRTY_MEMORY_MIGRATION
    if mr.ram:
        set_dirty_range(mr.ctx, mr.ram_addr + offset, size, mask)


cdef void tlb_protect_code(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    test_and_clear_dirty(ctx, addr & ~(<uint64_t>ctx.page_size - 1), ctx.page_size,
                         DIRTY_MEMORY_CODE)


cdef void tlb_unprotect_code(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    set_dirty_flag(ctx, addr, DIRTY_MEMORY_CODE)


cdef void invalidate_and_set_dirty(MemContext *ctx, ram_addr_t addr, uint64_t length,
                                   uint32_t mask) noexcept nogil:
    mask = range_includes_clean(ctx, addr, length, mask | 1U << DIRTY_MEMORY_SNAPSHOT)
    if mask >> DIRTY_MEMORY_CODE & 1:
        # Not made dirty here: that happens when the last block of the page is gone.
        if ctx.tb_invalidate_range != NULL:
            ctx.tb_invalidate_range(ctx.tb_opaque, addr, length)
        mask &= ~(1U << DIRTY_MEMORY_CODE)
    if mask:
        set_dirty_range(ctx, addr, length, mask)
