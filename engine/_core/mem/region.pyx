# Memory regions, see region.pxd. A change of a linked region is told to the topology as a going
# and a coming, so that the views of simple trees are patched and not rendered anew.
from libc.errno cimport EBUSY, EINVAL, ELOOP, ENOMEM
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, strerror, strlen
from engine._core.base.types cimport (PROT_ALL, uint8_t, uint32_t, uint64_t, int32_t, hwaddr)
from engine._core.mem.context cimport (DIRTY_MEMORY_CODE, DIRTY_MEMORY_MIGRATION,
                                       DIRTY_MEMORY_VGA, MEM_MESSAGE_SIZE, MemContext, MemoryRegion,
                                       MemoryRegionIOMMUOps, MemoryRegionOps, RAM_ADDR_NONE,
                                       RAMBlock, ram_resized_fn)
from engine._core.mem.flatview cimport MAX_REGION_DEPTH
from engine._core.mem.ram cimport (ram_alloc, ram_alloc_from_fd, ram_alloc_from_ptr,
                                   ram_alloc_resizeable, ram_free, ram_resize)
from engine._core.mem.topology cimport (memory_region_change_begin, memory_region_change_commit,
                                        topology_changed, topology_keeps_old)

cdef enum:
    LOOP_BUDGET = 1 << 20       # regions looked at before a tree counts as cyclic

# No functions: every access is a decode error.
cdef MemoryRegionOps _nobody


# -- making
cdef MemoryRegion *_refuse(MemContext *ctx, const char *name, int code) noexcept nogil:
    cdef const char *shown = b""
    if name != NULL:
        shown = name
    snprintf(ctx.message, MEM_MESSAGE_SIZE, b"cannot make memory region '%s': %s", shown,
             strerror(code))
    return NULL


cdef MemoryRegion *memory_region_new(MemContext *ctx, const char *name, hwaddr size) noexcept nogil:
    cdef MemoryRegion *mr = <MemoryRegion *>calloc(1, sizeof(MemoryRegion))
    cdef size_t n
    if mr == NULL:
        return _refuse(ctx, name, ENOMEM)
    if name != NULL:
        n = strlen(name) + 1
        mr.name = <char *>malloc(n)
        if mr.name == NULL:
            free(mr)
            return _refuse(ctx, name, ENOMEM)
        memcpy(mr.name, name, n)
    mr.ctx = ctx
    mr.size = size
    mr.enabled = True
    mr.romd_mode = True
    mr.global_locking = True
    mr.prot = PROT_ALL
    mr.ram_addr = RAM_ADDR_NONE
    mr.ops = &_nobody
    mr.next_region = ctx.regions
    if ctx.regions != NULL:
        ctx.regions.prev_region = mr
    ctx.regions = mr
    return mr


cdef void _unlist(MemoryRegion *mr) noexcept nogil:
    if mr.prev_region != NULL:
        mr.prev_region.next_region = mr.next_region
    else:
        mr.ctx.regions = mr.next_region
    if mr.next_region != NULL:
        mr.next_region.prev_region = mr.prev_region


# What is left of a region that no list holds.
cdef void memory_region_end(MemoryRegion *mr) noexcept nogil:
    if mr.block != NULL:
        ram_free(mr.ctx, mr.ram_addr)
    free(mr.name)
    free(mr)


cdef MemoryRegion *memory_region_new_io(MemContext *ctx, const MemoryRegionOps *ops, void *opaque,
                                        const char *name, hwaddr size) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    if mr != NULL:
        mr.terminates = True
        mr.opaque = opaque
        if ops != NULL:
            mr.ops = ops
    return mr


# Give mr its block, or give it up.
cdef MemoryRegion *_with_block(MemoryRegion *mr, RAMBlock *b) noexcept nogil:
    if b == NULL:
        _unlist(mr)
        memory_region_end(mr)
        return NULL
    mr.block = b
    mr.ram_addr = b.offset
    mr.host = b.host
    mr.terminates = True
    if mr.ctx.code_logging:
        mr.dirty_log_mask = 1U << DIRTY_MEMORY_CODE
    return mr


cdef MemoryRegion *memory_region_new_ram(MemContext *ctx, const char *name, uint64_t size,
                                         int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    err[0] = ENOMEM
    if mr == NULL:
        return NULL
    mr.ram = True
    return _with_block(mr, ram_alloc(ctx, size, mr, err))


cdef MemoryRegion *memory_region_new_rom(MemContext *ctx, const char *name, uint64_t size,
                                         int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new_ram(ctx, name, size, err)
    if mr != NULL:
        mr.readonly = True
    return mr


cdef MemoryRegion *memory_region_new_ram_ptr(MemContext *ctx, const char *name, uint64_t size,
                                             void *host, int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    err[0] = ENOMEM
    if mr == NULL:
        return NULL
    mr.ram = True
    return _with_block(mr, ram_alloc_from_ptr(ctx, size, host, mr, err))


cdef MemoryRegion *memory_region_new_ram_fd(MemContext *ctx, const char *name, uint64_t size,
                                            int fd,
                                            bint shared, int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    err[0] = ENOMEM
    if mr == NULL:
        return NULL
    mr.ram = True
    return _with_block(mr, ram_alloc_from_fd(ctx, size, fd, shared, mr, err))


cdef MemoryRegion *memory_region_new_resizeable_ram(MemContext *ctx, const char *name,
                                                    uint64_t size,
                                                    uint64_t max_size, ram_resized_fn resized,
                                                    void *opaque, int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    err[0] = ENOMEM
    if mr == NULL:
        return NULL
    mr.ram = True
    mr = _with_block(mr, ram_alloc_resizeable(ctx, size, max_size, resized, opaque, mr, err))
    if mr != NULL:
        mr.size = mr.block.used_length
    return mr


cdef MemoryRegion *memory_region_new_rom_device(MemContext *ctx, const MemoryRegionOps *ops,
                                                void *opaque, const char *name, uint64_t size,
                                                int *err) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new_io(ctx, ops, opaque, name, size)
    err[0] = ENOMEM
    if mr == NULL:
        return NULL
    mr.rom_device = True
    return _with_block(mr, ram_alloc(ctx, size, mr, err))


cdef MemoryRegion *memory_region_new_alias(MemContext *ctx, const char *name, MemoryRegion *target,
                                           hwaddr offset, hwaddr size) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new(ctx, name, size)
    if mr != NULL:
        memory_region_ref(target)
        target.n_aliases += 1
        mr.alias = target
        mr.alias_offset = offset
    return mr


cdef MemoryRegion *memory_region_new_iommu(MemContext *ctx, const MemoryRegionIOMMUOps *ops,
                                           const char *name, hwaddr size) noexcept nogil:
    cdef MemoryRegion *mr = memory_region_new_io(ctx, NULL, NULL, name, size)
    if mr != NULL:
        mr.iommu_ops = ops
    return mr


cdef MemoryRegion *memory_region_new_reservation(MemContext *ctx, const char *name,
                                                 hwaddr size) noexcept nogil:
    return memory_region_new_io(ctx, NULL, NULL, name, size)


cdef int memory_region_free(MemoryRegion *mr) noexcept nogil:
    if mr.container != NULL or mr.first_child != NULL or mr.n_aliases or mr.n_roots:
        return -EBUSY
    if mr.alias != NULL:
        mr.alias.n_aliases -= 1
        memory_region_unref(mr.alias)
    _unlist(mr)
    if topology_keeps_old(mr.ctx):      # a view names it
        mr.next_region = mr.ctx.dying
        mr.ctx.dying = mr
    else:
        memory_region_end(mr)
    return 0


cdef void memory_region_set_owner(MemoryRegion *mr, void *owner) noexcept nogil:
    mr.owner = owner


# -- the tree
# Is `wanted` part of what mr shows? Trees that are too deep or too large to tell count as such.
cdef bint _reaches(MemoryRegion *mr, MemoryRegion *wanted, int *budget, int depth) noexcept nogil:
    cdef MemoryRegion *child
    budget[0] -= 1
    if mr == wanted or budget[0] < 0 or depth > MAX_REGION_DEPTH:
        return True
    if mr.alias != NULL:
        return _reaches(mr.alias, wanted, budget, depth + 1)
    child = mr.first_child
    while child != NULL:
        if _reaches(child, wanted, budget, depth + 1):
            return True
        child = child.next_sibling
    return False


cdef void _link(MemoryRegion *mr, MemoryRegion *sub) noexcept nogil:
    cdef MemoryRegion *after = NULL
    cdef MemoryRegion *at = mr.first_child
    while at != NULL and at.priority > sub.priority:
        after = at
        at = at.next_sibling
    sub.prev_sibling = after
    sub.next_sibling = at
    if after != NULL:
        after.next_sibling = sub
    else:
        mr.first_child = sub
    if at != NULL:
        at.prev_sibling = sub
    sub.container = mr
    mr.n_children += 1


cdef void _unlink(MemoryRegion *mr, MemoryRegion *sub) noexcept nogil:
    if sub.prev_sibling != NULL:
        sub.prev_sibling.next_sibling = sub.next_sibling
    else:
        mr.first_child = sub.next_sibling
    if sub.next_sibling != NULL:
        sub.next_sibling.prev_sibling = sub.prev_sibling
    sub.prev_sibling = NULL
    sub.next_sibling = NULL
    sub.container = NULL
    mr.n_children -= 1


cdef int memory_region_add_subregion(MemoryRegion *mr, hwaddr offset,
                                     MemoryRegion *sub) noexcept nogil:
    return memory_region_add_subregion_overlap(mr, offset, sub, 0)


cdef int memory_region_add_subregion_overlap(MemoryRegion *mr, hwaddr offset, MemoryRegion *sub,
                                             int32_t priority) noexcept nogil:
    cdef MemoryRegion *above = mr.container
    cdef int budget = LOOP_BUDGET, depth = 1
    if sub.container != NULL:
        return -EBUSY
    if mr.alias != NULL:
        return -EINVAL
    while above != NULL:
        above = above.container
        depth += 1
    if _reaches(sub, mr, &budget, depth):
        return -ELOOP
    memory_region_change_begin(mr.ctx)
    memory_region_ref(sub)
    sub.addr = offset
    sub.priority = priority
    _link(mr, sub)
    topology_changed(mr.ctx, sub, True)
    memory_region_change_commit(mr.ctx)
    return 0


cdef void memory_region_del_subregion(MemoryRegion *mr, MemoryRegion *sub) noexcept nogil:
    if sub.container != mr:
        return
    memory_region_change_begin(mr.ctx)
    topology_changed(mr.ctx, sub, False)
    _unlink(mr, sub)
    memory_region_change_commit(mr.ctx)
    memory_region_unref(sub)


# -- changing: _leave and _return stand around the change itself
cdef void _changes(MemoryRegion *mr, bint after) noexcept nogil:
    if mr.n_aliases or mr.n_roots:
        topology_changed(mr.ctx, NULL, after)       # seen in other places than its container
    elif mr.container != NULL:
        topology_changed(mr.ctx, mr, after)


cdef void _leave(MemoryRegion *mr) noexcept nogil:
    memory_region_change_begin(mr.ctx)
    _changes(mr, False)


cdef void _return(MemoryRegion *mr) noexcept nogil:
    _changes(mr, True)
    memory_region_change_commit(mr.ctx)


cdef void memory_region_set_enabled(MemoryRegion *mr, bint enabled) noexcept nogil:
    if mr.enabled == enabled:
        return
    _leave(mr)
    mr.enabled = enabled
    _return(mr)


cdef void memory_region_set_readonly(MemoryRegion *mr, bint readonly) noexcept nogil:
    if mr.readonly == readonly:
        return
    _leave(mr)
    mr.readonly = readonly
    _return(mr)


cdef void memory_region_set_prot(MemoryRegion *mr, uint32_t prot) noexcept nogil:
    if mr.prot == prot:
        return
    _leave(mr)
    mr.prot = <uint8_t>(prot & PROT_ALL)
    _return(mr)


cdef void memory_region_set_address(MemoryRegion *mr, hwaddr addr) noexcept nogil:
    cdef MemoryRegion *parent = mr.container
    if mr.addr == addr:
        return
    if parent == NULL:
        mr.addr = addr
        return
    _leave(mr)
    _unlink(parent, mr)
    mr.addr = addr
    _link(parent, mr)
    _return(mr)


cdef void memory_region_set_size(MemoryRegion *mr, hwaddr size) noexcept nogil:
    if mr.block != NULL and size > mr.block.used_length:
        size = mr.block.used_length         # nothing lies beyond
    if mr.size == size:
        return
    _leave(mr)
    mr.size = size
    _return(mr)


cdef void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset) noexcept nogil:
    if mr.alias == NULL or mr.alias_offset == offset:
        return
    _leave(mr)
    mr.alias_offset = offset
    _return(mr)


cdef void memory_region_rom_device_set_romd(MemoryRegion *mr, bint romd_mode) noexcept nogil:
    if not mr.rom_device or mr.romd_mode == romd_mode:
        return
    _leave(mr)
    mr.romd_mode = romd_mode
    _return(mr)


cdef void memory_region_set_global_locking(MemoryRegion *mr) noexcept nogil:
    mr.global_locking = True


cdef void memory_region_clear_global_locking(MemoryRegion *mr) noexcept nogil:
    mr.global_locking = False


# -- dirty logging
cdef int memory_region_set_log(MemoryRegion *mr, bint on, uint32_t client) noexcept nogil:
    cdef uint8_t bit = 1U << DIRTY_MEMORY_VGA
    if client != DIRTY_MEMORY_VGA or (not on and mr.vga_logging == 0) \
            or (on and mr.vga_logging == 255):
        snprintf(mr.ctx.message, MEM_MESSAGE_SIZE,
                 b"dirty logging of client %u cannot be switched %s", client,
                 <const char *>b"on" if on else <const char *>b"off")
        return -EINVAL
    mr.vga_logging += 1 if on else -1
    if (mr.vga_logging != 0) == (mr.dirty_log_mask & bit != 0):
        return 0
    memory_region_change_begin(mr.ctx)
    topology_changed(mr.ctx, NULL, True)
    mr.dirty_log_mask ^= bit
    memory_region_change_commit(mr.ctx)
    return 0


cdef uint8_t memory_region_get_dirty_log_mask(MemoryRegion *mr) noexcept nogil:
    return mr.dirty_log_mask | (mr.ctx.global_dirty_log << DIRTY_MEMORY_MIGRATION)


cdef bint memory_region_is_logging(MemoryRegion *mr, uint32_t client) noexcept nogil:
    return client < 8 and memory_region_get_dirty_log_mask(mr) >> client & 1


cdef int memory_region_ram_resize(MemoryRegion *mr, hwaddr new_size) noexcept nogil:
    if mr.block == NULL:
        snprintf(mr.ctx.message, MEM_MESSAGE_SIZE, b"only RAM can be resized: %s", strerror(EINVAL))
        return -EINVAL
    return ram_resize(mr.ctx, mr.ram_addr, new_size)
