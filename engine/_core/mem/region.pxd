# Memory regions: the tree that says what is where.
# Lives here: making, placing, changing and freeing regions. Does not live here: how the tree
# becomes a flat view (flatview, topology), RAM itself (ram), accesses (address_space). Called by:
# api, machines. Spec rows 7, 8, 16, 53, 74, 76.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, int32_t, hwaddr
from engine._core.mem.context cimport (MemContext, MemoryRegion, MemoryRegionIOMMUOps,
                                       MemoryRegionOps, MEM_SIZE_MAX, ram_resized_fn)

# Makers: NULL = refused (ctx.message says why; *err an errno). name may be NULL and is copied. A
# new region is enabled, in no container, has all permissions and no owner. size MEM_SIZE_MAX:
# 2^64.
cdef MemoryRegion *memory_region_new(MemContext *ctx, const char *name, hwaddr size) noexcept nogil
cdef MemoryRegion *memory_region_new_io(MemContext *ctx, const MemoryRegionOps *ops, void *opaque,
                                        const char *name, hwaddr size) noexcept nogil
cdef MemoryRegion *memory_region_new_ram(MemContext *ctx, const char *name, uint64_t size,
                                         int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_rom(MemContext *ctx, const char *name, uint64_t size,
                                         int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_ram_ptr(MemContext *ctx, const char *name, uint64_t size,
                                             void *host, int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_ram_fd(MemContext *ctx, const char *name, uint64_t size,
                                            int fd,
                                            bint shared, int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_resizeable_ram(MemContext *ctx, const char *name,
                                                    uint64_t size,
                                                    uint64_t max_size, ram_resized_fn resized,
                                                    void *opaque, int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_rom_device(MemContext *ctx, const MemoryRegionOps *ops,
                                                void *opaque, const char *name, uint64_t size,
                                                int *err) noexcept nogil
cdef MemoryRegion *memory_region_new_alias(MemContext *ctx, const char *name, MemoryRegion *target,
                                           hwaddr offset, hwaddr size) noexcept nogil
cdef MemoryRegion *memory_region_new_iommu(MemContext *ctx, const MemoryRegionIOMMUOps *ops,
                                           const char *name, hwaddr size) noexcept nogil
# A place holder that hides what is below it and answers like unassigned memory.
cdef MemoryRegion *memory_region_new_reservation(MemContext *ctx, const char *name,
                                                 hwaddr size) noexcept nogil
# Frees the region and its RAM; at the end of the transaction when a view from before names it.
# -EBUSY: it has children, a container, an alias or an address space.
cdef int memory_region_free(MemoryRegion *mr) noexcept nogil
cdef void memory_region_end(MemoryRegion *mr) noexcept nogil    # topology's
# before it is mapped
cdef void memory_region_set_owner(MemoryRegion *mr, void *owner) noexcept nogil

# 0; -EBUSY: sub has a container already; -ELOOP: it would contain itself, or lie
# too deep; -EINVAL: mr is an alias.
cdef int memory_region_add_subregion(MemoryRegion *mr, hwaddr offset,
                                     MemoryRegion *sub) noexcept nogil
cdef int memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub,
                                             int32_t priority) noexcept nogil
cdef void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub) noexcept nogil

cdef void memory_region_set_enabled(MemoryRegion *mr, bint enabled) noexcept nogil
cdef void memory_region_set_readonly(MemoryRegion *mr, bint readonly) noexcept nogil
cdef void memory_region_set_prot(MemoryRegion *mr, uint32_t prot) noexcept nogil
cdef void memory_region_set_address(MemoryRegion *mr, hwaddr addr) noexcept nogil
# RAM cannot become larger than its block.
cdef void memory_region_set_size(MemoryRegion *mr, hwaddr size) noexcept nogil
cdef void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset) noexcept nogil
cdef void memory_region_rom_device_set_romd(MemoryRegion *mr, bint romd_mode) noexcept nogil
cdef void memory_region_set_global_locking(MemoryRegion *mr) noexcept nogil
cdef void memory_region_clear_global_locking(MemoryRegion *mr) noexcept nogil
# -EINVAL: a client other than VGA, or more stops than starts.
cdef int memory_region_set_log(MemoryRegion *mr, bint on, uint32_t client) noexcept nogil
cdef bint memory_region_is_logging(MemoryRegion *mr, uint32_t client) noexcept nogil
cdef uint8_t memory_region_get_dirty_log_mask(MemoryRegion *mr) noexcept nogil
cdef int memory_region_ram_resize(MemoryRegion *mr, hwaddr new_size) noexcept nogil

cdef inline void memory_region_ref(MemoryRegion *mr) noexcept nogil:
    if mr != NULL and mr.owner != NULL and mr.ctx.owner_ref != NULL:
        mr.ctx.owner_ref(mr.owner)

cdef inline void memory_region_unref(MemoryRegion *mr) noexcept nogil:
    if mr != NULL and mr.owner != NULL and mr.ctx.owner_unref != NULL:
        mr.ctx.owner_unref(mr.owner)
