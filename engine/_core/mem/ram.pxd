# RAM blocks: the engine's one-dimensional RAM space and its host memory.
# Lives here: allocation, placement, resizing, look-up by address, name and host pointer.
# Does not live here: where the guest sees a block (region, topology). Called by: region, dirty,
# api. Spec rows 9, 13, 14, 16, 19, 51.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, ram_addr_t
from engine._core.mem.context cimport MemContext, MemoryRegion, RAMBlock, ram_resized_fn

# All: NULL = refused, *err an errno and ctx.message the reason. Sizes are rounded up to guest pages
# (from a pointer: not). The new block is dirty for every client.
cdef RAMBlock *ram_alloc(MemContext *ctx, uint64_t size, MemoryRegion *mr, int *err) noexcept nogil
cdef RAMBlock *ram_alloc_from_ptr(MemContext *ctx, uint64_t size, void *host, MemoryRegion *mr,
                                  int *err) noexcept nogil
cdef RAMBlock *ram_alloc_from_fd(MemContext *ctx, uint64_t size, int fd, bint shared,
                                 MemoryRegion *mr, int *err) noexcept nogil
cdef RAMBlock *ram_alloc_resizeable(MemContext *ctx, uint64_t size, uint64_t max_size,
                                    ram_resized_fn resized, void *opaque, MemoryRegion *mr,
                                    int *err) noexcept nogil
# The block that starts exactly at addr; others are ignored.
cdef void ram_free(MemContext *ctx, ram_addr_t addr) noexcept nogil
# 0 or -errno with ctx.message.
cdef int ram_resize(MemContext *ctx, ram_addr_t base, uint64_t new_size) noexcept nogil

cdef RAMBlock *ram_block_at(MemContext *ctx, ram_addr_t addr) noexcept nogil    # NULL: none
cdef RAMBlock *ram_block_by_name(MemContext *ctx, const char *name) noexcept nogil
# Outputs may be NULL; untouched on a miss.
cdef RAMBlock *ram_block_from_host(MemContext *ctx, const void *host, bint round_offset,
                                   ram_addr_t *ram_addr, uint64_t *offset) noexcept nogil
cdef MemoryRegion *ram_addr_from_host(MemContext *ctx, const void *host,
                                      ram_addr_t *ram_addr) noexcept nogil
# NULL: outside of the used length or no host memory.
cdef uint8_t *ramblock_ptr(RAMBlock *b, uint64_t offset) noexcept nogil
cdef uint8_t *ram_ptr(MemContext *ctx, ram_addr_t addr) noexcept nogil
# 0, -EEXIST or -ENAMETOOLONG.
cdef int ram_set_idstr(RAMBlock *b, const char *name) noexcept nogil
cdef void ram_unset_idstr(RAMBlock *b) noexcept nogil
cdef ram_addr_t ram_last_offset(MemContext *ctx) noexcept nogil      # end of the highest block

# Row 51: rounding up to pages, wrapping in 64 bits.
cdef uint64_t guest_page_align(MemContext *ctx, uint64_t x) noexcept nogil
# never below the guest's
cdef uint64_t host_page_align(MemContext *ctx, uint64_t x) noexcept nogil
cdef uint64_t real_host_page_align(uint64_t x) noexcept nogil
