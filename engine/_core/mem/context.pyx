# Birth and death of a MemContext, and the back edges that tie its modules together, see
# context.pxd.
from libc.stdlib cimport calloc, free
from engine._core.base.hostmem cimport hostmem_unmap
from engine._core.base.types cimport uint32_t, uint64_t, ram_addr_t
from engine._core.mem.ram cimport ram_free
from engine._core.mem.region cimport memory_region_end, memory_region_new, memory_region_set_size
from engine._core.mem.tlb cimport CPUTLB, tlb_reset_dirty
from engine._core.mem.topology cimport address_space_free, topology_bury


# RAM [start, start + length) has become clean for somebody: stores to it must trap again.
cdef void _reset_dirty(MemContext *ctx, ram_addr_t start, uint64_t length) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    cdef RAMBlock *b
    cdef uint64_t lo, end
    cdef uint32_t i, k, left, right, mid
    if ctx.n_tlbs == 0 or rl.n == 0:
        return
    left = 0                        # the first block that ends above start
    right = rl.n
    while left < right:
        mid = (left + right) >> 1
        b = rl.by_offset[mid]
        if b.offset + b.max_length <= start:
            left = mid + 1
        else:
            right = mid
    for i in range(left, rl.n):
        b = rl.by_offset[i]
        if b.offset >= start + length:
            break
        lo = start if start > b.offset else b.offset
        end = start + length
        if end > b.offset + b.max_length:
            end = b.offset + b.max_length
        for k in range(ctx.n_tlbs):
            tlb_reset_dirty(<CPUTLB *>ctx.tlbs[k], <uintptr_t>(b.host + (lo - b.offset)), end - lo)


cdef MemContext *mem_context_new(uint32_t page_bits, bint big_endian) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>calloc(1, sizeof(MemContext))
    if ctx == NULL:
        return NULL
    ctx.page_bits = page_bits
    ctx.page_size = 1U << page_bits
    ctx.big_endian = big_endian
    ctx.code_logging = True
    ctx.tlb_reset_dirty = _reset_dirty
    ctx.region_set_size = memory_region_set_size
    ctx.region_end = memory_region_end
    ctx.unassigned = memory_region_new(ctx, b"unassigned", MEM_SIZE_MAX)
    if ctx.unassigned == NULL:
        free(ctx)
        return NULL
    return ctx


cdef void mem_context_free(MemContext *ctx) noexcept nogil:
    cdef MemoryRegion *mr
    cdef int c
    if ctx == NULL:
        return
    while ctx.spaces != NULL:
        address_space_free(ctx.spaces)
    topology_bury(ctx)
    while ctx.ram.n:
        ram_free(ctx, ctx.ram.by_offset[ctx.ram.n - 1].offset)
    free(ctx.ram.blocks)
    free(ctx.ram.by_offset)
    for c in range(DIRTY_MEMORY_BITMAPS):
        if ctx.dirty.clean[c] != ctx.dirty.first[c]:
            hostmem_unmap(ctx.dirty.clean[c], ctx.dirty.pages >> 3)
    while ctx.regions != NULL:
        mr = ctx.regions
        ctx.regions = mr.next_region
        free(mr.name)
        free(mr)
    free(ctx.tlbs)
    free(ctx.bounce)
    free(ctx)
