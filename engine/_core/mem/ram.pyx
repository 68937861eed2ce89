# RAM blocks, see ram.pxd. Two arrays of the same pointers: `blocks` in the order the spec's list
# has, `by_offset` for look-up and placement. While no block has been freed from the middle there
# is no gap between blocks and a new one goes to the end at once.
from libc.errno cimport EEXIST, EINVAL, ENAMETOOLONG, ENOMEM
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memmove, memset, strcmp, strerror, strlen
from engine._core.base.hostmem cimport (host_close, host_page_size, ram_align, ram_mmap, ram_munmap)
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, uintptr_t, ram_addr_t
from engine._core.mem.context cimport (DIRTY_CLIENTS_ALL, MEM_MESSAGE_SIZE, MemContext,
                                       MemoryRegion, RAM_ADDR_NONE, RAM_IDSTR_SIZE, RAM_PREALLOC,
                                       RAM_RESIZEABLE, RAM_SHARED, RAMBlock, RamList,
                                       ram_resized_fn)
from engine._core.mem.dirty cimport clear_dirty_range, dirty_grow, set_dirty_range


# -- page rounding (row 51)
cdef uint64_t guest_page_align(MemContext *ctx, uint64_t x) noexcept nogil:
    return (x + ctx.page_size - 1) & ~(<uint64_t>ctx.page_size - 1)


cdef uint64_t host_page_align(MemContext *ctx, uint64_t x) noexcept nogil:
    cdef uint64_t page = host_page_size()
    if page < ctx.page_size:
        page = ctx.page_size
    return (x + page - 1) & ~(page - 1)


cdef uint64_t real_host_page_align(uint64_t x) noexcept nogil:
    cdef uint64_t page = host_page_size()
    return (x + page - 1) & ~(page - 1)


# -- the arrays
# What a block takes of the RAM space.
cdef inline uint64_t _extent(MemContext *ctx, RAMBlock *b) noexcept nogil:
    return guest_page_align(ctx, b.max_length)


# Index of the first block in by_offset that starts above addr.
cdef uint32_t _above(RamList *rl, ram_addr_t addr) noexcept nogil:
    cdef uint32_t lo = 0, hi = rl.n, mid
    while lo < hi:
        mid = (lo + hi) >> 1
        if rl.by_offset[mid].offset > addr:
            hi = mid
        else:
            lo = mid + 1
    return lo


# Where a block of this length goes in `blocks`: after those that are as long.
cdef uint32_t _shorter(RamList *rl, uint64_t length) noexcept nogil:
    cdef uint32_t lo = 0, hi = rl.n, mid
    while lo < hi:
        mid = (lo + hi) >> 1
        if rl.blocks[mid].max_length < length:
            hi = mid
        else:
            lo = mid + 1
    return lo


cdef void _put(RAMBlock **array, uint32_t n, uint32_t i, RAMBlock *b) noexcept nogil:
    memmove(array + i + 1, array + i, (n - i) * sizeof(RAMBlock *))
    array[i] = b


cdef void _take(RAMBlock **array, uint32_t n, RAMBlock *b, uint32_t start) noexcept nogil:
    while array[start] != b:
        start += 1
    memmove(array + start, array + start + 1, (n - start - 1) * sizeof(RAMBlock *))


cdef bint _room(RamList *rl) noexcept nogil:
    cdef uint32_t cap = rl.cap * 2 if rl.cap else 16
    cdef RAMBlock **p
    if rl.n < rl.cap:
        return True
    p = <RAMBlock **>realloc(rl.blocks, cap * sizeof(RAMBlock *))
    if p == NULL:
        return False
    rl.blocks = p
    p = <RAMBlock **>realloc(rl.by_offset, cap * sizeof(RAMBlock *))
    if p == NULL:
        return False
    rl.by_offset = p
    rl.cap = cap
    return True


# Best fit: the smallest gap after some block that is large enough, the space after the last one
# being the largest of all. RAM_ADDR_NONE: none.
cdef ram_addr_t _place(MemContext *ctx, uint64_t size) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    cdef ram_addr_t end, best = RAM_ADDR_NONE
    cdef uint64_t gap, smallest = RAM_ADDR_NONE, largest = 0
    cdef uint32_t i
    if rl.n == 0:
        return 0
    if rl.gap_bound >= size:
        for i in range(rl.n - 1):
            end = rl.by_offset[i].offset + _extent(ctx, rl.by_offset[i])
            gap = rl.by_offset[i + 1].offset - end
            if gap > largest:
                largest = gap
            if gap >= size and gap < smallest:
                smallest = gap
                best = end
        rl.gap_bound = largest
    if best == RAM_ADDR_NONE:
        end = ram_last_offset(ctx)
        if end + size > end:
            best = end
    return best


cdef ram_addr_t ram_last_offset(MemContext *ctx) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    if rl.n == 0:
        return 0
    return rl.by_offset[rl.n - 1].offset + _extent(ctx, rl.by_offset[rl.n - 1])


# -- making blocks
cdef RAMBlock *_refuse(MemContext *ctx, MemoryRegion *mr, int code, int *err) noexcept nogil:
    cdef const char *name = b""
    if mr != NULL and mr.name != NULL:
        name = mr.name
    snprintf(ctx.message, MEM_MESSAGE_SIZE, b"cannot set up guest memory '%s': %s", name,
             strerror(code))
    err[0] = code
    return NULL


cdef RAMBlock *_add(MemContext *ctx, uint64_t used, uint64_t max_length, void *host, int fd,
                    uint32_t flags, MemoryRegion *mr, int *err) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    cdef RAMBlock *b
    cdef uint64_t extent = guest_page_align(ctx, max_length)
    cdef ram_addr_t offset
    cdef int code = ENOMEM
    if max_length == 0 or used > max_length:
        return _refuse(ctx, mr, EINVAL, err)
    if extent < max_length or not _room(rl):
        return _refuse(ctx, mr, ENOMEM, err)
    offset = _place(ctx, extent)
    if offset == RAM_ADDR_NONE or not dirty_grow(ctx, offset + extent):
        return _refuse(ctx, mr, ENOMEM, err)
    b = <RAMBlock *>calloc(1, sizeof(RAMBlock))
    if b == NULL:
        return _refuse(ctx, mr, ENOMEM, err)
    b.align = 1
    if host == NULL:
        b.align = ram_align(max_length)
        host = ram_mmap(fd, max_length, b.align, (flags & RAM_SHARED) != 0, &code)
        if host == NULL:
            free(b)
            return _refuse(ctx, mr, code, err)
    b.ctx = ctx
    b.mr = mr
    b.host = <uint8_t *>host
    b.offset = offset
    b.used_length = used
    b.max_length = max_length
    b.flags = flags
    b.fd = fd
    _put(rl.blocks, rl.n, _shorter(rl, max_length), b)
    _put(rl.by_offset, rl.n, _above(rl, offset), b)
    rl.n += 1
    rl.version += 1
    set_dirty_range(ctx, offset, used, DIRTY_CLIENTS_ALL)
    return b


cdef RAMBlock *ram_alloc(MemContext *ctx, uint64_t size, MemoryRegion *mr, int *err) noexcept nogil:
    cdef uint64_t used = guest_page_align(ctx, size)
    if used < size:
        return _refuse(ctx, mr, ENOMEM, err)
    return _add(ctx, used, used, NULL, -1, 0, mr, err)


cdef RAMBlock *ram_alloc_resizeable(MemContext *ctx, uint64_t size, uint64_t max_size,
                                    ram_resized_fn resized, void *opaque, MemoryRegion *mr,
                                    int *err) noexcept nogil:
    cdef uint64_t used = guest_page_align(ctx, size), most = guest_page_align(ctx, max_size)
    cdef RAMBlock *b
    if used < size or most < max_size:
        return _refuse(ctx, mr, ENOMEM, err)
    b = _add(ctx, used, most, NULL, -1, RAM_RESIZEABLE, mr, err)
    if b != NULL:
        b.resized = resized
        b.resized_opaque = opaque
    return b


cdef RAMBlock *ram_alloc_from_ptr(MemContext *ctx, uint64_t size, void *host, MemoryRegion *mr,
                                  int *err) noexcept nogil:
    if host == NULL:
        return _refuse(ctx, mr, EINVAL, err)
    return _add(ctx, size, size, host, -1, RAM_PREALLOC, mr, err)


cdef RAMBlock *ram_alloc_from_fd(MemContext *ctx, uint64_t size, int fd, bint shared,
                                 MemoryRegion *mr, int *err) noexcept nogil:
    cdef uint64_t used = guest_page_align(ctx, size)
    if used < size or fd < 0:
        return _refuse(ctx, mr, EINVAL, err)
    return _add(ctx, used, used, NULL, fd, RAM_SHARED if shared else 0, mr, err)


cdef void ram_free(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    cdef uint32_t i = _above(rl, addr)
    cdef uint64_t before, after
    cdef RAMBlock *b
    if i == 0 or rl.by_offset[i - 1].offset != addr:
        return
    i -= 1
    b = rl.by_offset[i]
    if i > 0 and i + 1 < rl.n:
        before = rl.by_offset[i - 1].offset + _extent(ctx, rl.by_offset[i - 1])
        after = rl.by_offset[i + 1].offset
        if after - before > rl.gap_bound:
            rl.gap_bound = after - before
    _take(rl.by_offset, rl.n, b, i)
    # The first of its length, then a walk over those that are as long.
    if b.max_length + 1:
        _take(rl.blocks, rl.n, b, _shorter(rl, b.max_length + 1))
    else:
        _take(rl.blocks, rl.n, b, 0)
    rl.n -= 1
    rl.version += 1
    rl.mru = NULL
    if not b.flags & RAM_PREALLOC:
        ram_munmap(b.host, b.max_length)
        if b.fd >= 0:
            host_close(b.fd)
    free(b)


cdef int ram_resize(MemContext *ctx, ram_addr_t base, uint64_t new_size) noexcept nogil:
    cdef RAMBlock *b = ram_block_at(ctx, base)
    cdef uint64_t size = guest_page_align(ctx, new_size)
    if b == NULL or b.offset != base or size < new_size:
        snprintf(ctx.message, MEM_MESSAGE_SIZE, b"No RAM block starts at 0x%llx: %s",
                 <unsigned long long>base, strerror(EINVAL))
        return -EINVAL
    if size == b.used_length:
        return 0
    if not b.flags & RAM_RESIZEABLE:
        snprintf(ctx.message, MEM_MESSAGE_SIZE, b"Length mismatch: %s: 0x%llx in != 0x%llx: %s",
                 b.idstr, <unsigned long long>size, <unsigned long long>b.used_length,
                 strerror(EINVAL))
        return -EINVAL
    if size > b.max_length:
        snprintf(ctx.message, MEM_MESSAGE_SIZE, b"Length too large: %s: 0x%llx > 0x%llx: %s",
                 b.idstr, <unsigned long long>size, <unsigned long long>b.max_length,
                 strerror(EINVAL))
        return -EINVAL
    if size == 0:
        snprintf(ctx.message, MEM_MESSAGE_SIZE, b"Length is zero: %s: %s", b.idstr,
                 strerror(EINVAL))
        return -EINVAL
    clear_dirty_range(ctx, b.offset, b.used_length)
    b.used_length = size
    set_dirty_range(ctx, b.offset, size, DIRTY_CLIENTS_ALL)
    if b.mr != NULL and ctx.region_set_size != NULL:
        ctx.region_set_size(b.mr, size)
    if b.resized != NULL:
        b.resized(b.resized_opaque, b.idstr, size, b.host)
    return 0


# -- look-up
cdef RAMBlock *ram_block_at(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    cdef RamList *rl = &ctx.ram
    cdef RAMBlock *b = rl.mru
    cdef uint32_t i
    if b != NULL and addr - b.offset < b.max_length:
        return b
    i = _above(rl, addr)
    if i == 0:
        return NULL
    b = rl.by_offset[i - 1]
    if addr - b.offset >= b.max_length:
        return NULL
    rl.mru = b
    return b


cdef RAMBlock *ram_block_by_name(MemContext *ctx, const char *name) noexcept nogil:
    cdef uint32_t i
    for i in range(ctx.ram.n):
        if strcmp(ctx.ram.blocks[i].idstr, name) == 0:
            return ctx.ram.blocks[i]
    return NULL


cdef inline bint _holds(RAMBlock *b, const void *host) noexcept nogil:
    return b.host != NULL and <uintptr_t>host - <uintptr_t>b.host < b.max_length


cdef RAMBlock *ram_block_from_host(MemContext *ctx, const void *host, bint round_offset,
                                   ram_addr_t *ram_addr, uint64_t *offset) noexcept nogil:
    cdef RAMBlock *b = ctx.ram.mru
    cdef uint64_t delta
    cdef uint32_t i = 0
    if b == NULL or not _holds(b, host):
        while i < ctx.ram.n and not _holds(ctx.ram.blocks[i], host):
            i += 1
        if i == ctx.ram.n:
            return NULL
        b = ctx.ram.blocks[i]
    delta = <uintptr_t>host - <uintptr_t>b.host
    if round_offset:
        delta &= ~(<uint64_t>ctx.page_size - 1)
    if offset != NULL:
        offset[0] = delta
    if ram_addr != NULL:
        ram_addr[0] = b.offset + delta
    return b


cdef MemoryRegion *ram_addr_from_host(MemContext *ctx, const void *host,
                                      ram_addr_t *ram_addr) noexcept nogil:
    cdef RAMBlock *b = ram_block_from_host(ctx, host, False, ram_addr, NULL)
    return b.mr if b != NULL else NULL


cdef uint8_t *ramblock_ptr(RAMBlock *b, uint64_t offset) noexcept nogil:
    return b.host + offset if b.host != NULL and offset < b.used_length else NULL


cdef uint8_t *ram_ptr(MemContext *ctx, ram_addr_t addr) noexcept nogil:
    cdef RAMBlock *b = ram_block_at(ctx, addr)
    return ramblock_ptr(b, addr - b.offset) if b != NULL else NULL


cdef int ram_set_idstr(RAMBlock *b, const char *name) noexcept nogil:
    cdef RAMBlock *other = ram_block_by_name(b.ctx, name)
    if strlen(name) >= RAM_IDSTR_SIZE:
        return -ENAMETOOLONG
    if other != NULL and other != b and name[0]:
        snprintf(b.ctx.message, MEM_MESSAGE_SIZE, b"RAM block '%s' exists already", name)
        return -EEXIST
    memset(b.idstr, 0, RAM_IDSTR_SIZE)
    memcpy(b.idstr, name, strlen(name))
    return 0


cdef void ram_unset_idstr(RAMBlock *b) noexcept nogil:
    memset(b.idstr, 0, RAM_IDSTR_SIZE)
