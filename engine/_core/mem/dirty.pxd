# Dirty page tracking: three clients over the RAM space, a bit a guest page.
# Lives here: queries, atomic set and clear. Stored inverted (a set bit is a clean page): see
# MemContext.dirty. Does not live here: when pages become dirty (access, address_space).
# Called by: access path, TB cache, RAM blocks, api. Spec rows 65..72, 74.
# Names: those of QEMU without the prefix cpu_physical_memory_.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, ram_addr_t
from engine._core.mem.context cimport MemContext, MemoryRegion

# Room for pages of RAM below end; False: out of memory.
cdef bint dirty_grow(MemContext *ctx, ram_addr_t end) noexcept nogil

cdef bint get_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                    uint32_t client) noexcept nogil             # any page
cdef bint all_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                    uint32_t client) noexcept nogil             # every page
cdef bint get_dirty_flag(MemContext *ctx, ram_addr_t addr, uint32_t client) noexcept nogil
cdef bint is_clean(MemContext *ctx, ram_addr_t addr) noexcept nogil     # not dirty for all clients
# The clients of mask that have a clean page there.
cdef uint32_t range_includes_clean(MemContext *ctx, ram_addr_t start, uint64_t length,
                                   uint32_t mask) noexcept nogil
cdef void set_dirty_flag(MemContext *ctx, ram_addr_t addr, uint32_t client) noexcept nogil
cdef void set_dirty_range(MemContext *ctx, ram_addr_t start, uint64_t length,
                          uint32_t mask) noexcept nogil
# Little-endian words, a bit a host page, from page-aligned start.
cdef void set_dirty_lebitmap(MemContext *ctx, const uint64_t *bitmap, ram_addr_t start,
                             uint64_t host_pages) noexcept nogil
# Whether any was dirty; re-arms the write traps of the TLBs before it answers.
cdef bint test_and_clear_dirty(MemContext *ctx, ram_addr_t start, uint64_t length,
                               uint32_t client) noexcept nogil
# Dirty bits of pages [first, first + pages) as words from a page whose number is a multiple of 64;
# clear: atomically clean afterwards, so that a page that was dirty is answered exactly once.
cdef void test_and_clear_bitmap(MemContext *ctx, uint64_t first, uint64_t pages, uint32_t client,
                                bint clear, uint64_t *out) noexcept nogil
cdef void clear_dirty_range(MemContext *ctx, ram_addr_t start, uint64_t length) noexcept nogil
# Pages from..to (of the RAM space): the first dirty one at or after start, or end.
cdef uint64_t next_dirty_page(MemContext *ctx, uint64_t start, uint64_t end,
                              uint32_t client) noexcept nogil
cdef bint memory_region_test_and_clear_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size,
                                             uint32_t client) noexcept nogil
cdef bint memory_region_get_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size,
                                  uint32_t client) noexcept nogil
cdef void memory_region_set_dirty(MemoryRegion *mr, uint64_t offset, uint64_t size) noexcept nogil
# First block on a page, last block gone from it (row 72).
cdef void tlb_protect_code(MemContext *ctx, ram_addr_t addr) noexcept nogil
cdef void tlb_unprotect_code(MemContext *ctx, ram_addr_t addr) noexcept nogil
# After a direct write through a region whose log mask is `mask` (row 67).
cdef void invalidate_and_set_dirty(MemContext *ctx, ram_addr_t addr, uint64_t length,
                                   uint32_t mask) noexcept nogil
