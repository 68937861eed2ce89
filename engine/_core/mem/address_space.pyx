# Physical accesses, see address_space.pxd. A long access is done chunk by chunk; each chunk is
# translated anew, because a device function may have changed the topology.
from libc.stdlib cimport free, malloc
from libc.string cimport memmove, memset
from engine._core.base.bits cimport pow2floor
from engine._core.base.bytes cimport ld_bytes, st_bytes
from engine._core.base.types cimport (PROT_READ, PROT_WRITE, hwaddr, ram_addr_t, uint8_t,
                                      uint32_t, uint64_t)
from engine._core.mem.attrs cimport (MEMTX_DECODE_ERROR, MEMTX_HOOK_ERROR, MEMTX_OK,
                                     MEMTXATTRS_UNSPECIFIED)
from engine._core.mem.context cimport (AddressSpace, DEVICE_BIG_ENDIAN, DEVICE_NATIVE_ENDIAN,
                                       FlatRange, FlatView, IOMMUTLBEntry, MemContext, MemoryRegion,
                                       MemoryRegionOps, MemoryRegionSection, mr_read_fn,
                                       mr_write_fn)
from engine._core.mem.dirty cimport invalidate_and_set_dirty
from engine._core.mem.flatview cimport flatview_lookup, flatview_lower
from engine._core.mem.ram cimport ram_addr_from_host
from engine._core.mem.region cimport (memory_region_get_dirty_log_mask, memory_region_ref,
                                      memory_region_unref)
from engine._core.mem.topology cimport address_space_view

cdef enum:
    MAX_IOMMUS = 16             # in a row, then the transaction gets lost


# -- translation
cdef void _hole(MemContext *ctx, hwaddr addr, hwaddr len, MemSection *out) noexcept nogil:
    out.mr = ctx.unassigned
    out.xlat = addr
    out.len = len
    out.host = NULL
    out.readonly = False
    out.prot = 0
    out.dirty_log_mask = 0


cdef void address_space_translate(AddressSpace *space, hwaddr addr, hwaddr len, bint is_write,
                                  uint32_t attrs, MemSection *out) noexcept nogil:
    cdef FlatView *v
    cdef FlatRange *r
    cdef MemoryRegion *mr
    cdef IOMMUTLBEntry e
    cdef hwaddr rest
    cdef uint32_t i
    cdef bint direct
    cdef int _hops
    for _hops in range(MAX_IOMMUS):
        v = address_space_view(space)
        r = flatview_lookup(v, addr)
        if r == NULL:
            i = flatview_lower(v, addr)
            if i < v.nr and v.ranges[i].lo - addr < len:
                len = v.ranges[i].lo - addr
            break
        rest = r.last - addr
        if len and len - 1 > rest:
            len = rest + 1
        mr = r.mr
        addr = r.offset + (addr - r.lo)
        if mr.iommu_ops == NULL:
            out.mr = mr
            out.xlat = addr
            out.len = len
            out.readonly = r.readonly
            out.prot = r.prot
            out.dirty_log_mask = r.dirty_log_mask
            out.host = NULL
            if is_write:
                direct = mr.ram and not r.readonly
            else:
                direct = mr.ram or (mr.rom_device and r.romd_mode)
            if direct:
                out.host = mr.host + addr
            return
        e.target_as = NULL
        e.translated_addr = 0
        e.addr_mask = 0
        e.perm = 0
        mr.iommu_ops.translate(mr, addr, is_write, &e)
        rest = e.addr_mask - (addr & e.addr_mask)
        if len and len - 1 > rest:
            len = rest + 1
        if e.target_as == NULL or not e.perm & (PROT_WRITE if is_write else PROT_READ):
            break
        addr = (e.translated_addr & ~e.addr_mask) | (addr & e.addr_mask)
        space = e.target_as
    _hole(space.ctx, addr, len, out)


cdef bint memory_region_find(AddressSpace *space, hwaddr addr,
                             MemoryRegionSection *out) noexcept nogil:
    cdef FlatRange *r = flatview_lookup(address_space_view(space), addr)
    if r == NULL:
        return False
    out.mr = r.mr
    out.space = space
    out.offset_within_region = r.offset
    out.offset_within_address_space = r.lo
    out.last_within_address_space = r.last
    out.readonly = r.readonly
    memory_region_ref(r.mr)
    return True


# -- devices
# Sizes that the guest may use, then those that the functions understand.
cdef inline uint32_t _clamp(uint32_t size, uint8_t least, uint8_t most) noexcept nogil:
    cdef uint32_t lo = least if least else 1
    cdef uint32_t hi = most if most else 4
    if size > hi:
        size = hi
    return lo if size < lo else size


cdef bint _valid(MemoryRegion *mr, hwaddr addr, uint32_t size, bint is_write,
                 uint32_t attrs) noexcept nogil:
    cdef const MemoryRegionOps *ops = mr.ops
    cdef uint32_t step, i = 0
    if size < ops.valid_min or (not ops.valid_unaligned and addr & (size - 1)):
        return False
    if ops.accepts != NULL:
        step = _clamp(size, ops.valid_min, ops.valid_max)
        while i < size:
            if not ops.accepts(mr.opaque, addr + i, step, is_write, attrs):
                return False
            i += step
    return True


cdef bint memory_region_big(MemoryRegion *mr) noexcept nogil:
    return (mr.ops.endianness == DEVICE_BIG_ENDIAN
            or (mr.ops.endianness == DEVICE_NATIVE_ENDIAN and mr.ctx.big_endian))


# Row 53: a device that wants the big lock gets it.
cdef inline bint _lock(MemoryRegion *mr) noexcept nogil:
    cdef MemContext *ctx = mr.ctx
    if ctx.lock == NULL or not mr.global_locking or ctx.lock_held(ctx.lock_opaque):
        return False
    ctx.lock(ctx.lock_opaque)
    return True


# Where part i of an access that is done in parts of `step` bytes lies in the value, in bits.
cdef inline int _shift(bint big, uint32_t size, uint32_t step, uint32_t i) noexcept nogil:
    return <int>(size - step - i) * 8 if big else <int>i * 8


# A function may free its region: after the first call nothing of the region is touched.
cdef uint32_t memory_region_dispatch_read(MemoryRegion *mr, hwaddr addr, uint64_t *data,
                                          uint32_t size, uint32_t attrs) noexcept nogil:
    cdef MemContext *ctx = mr.ctx
    cdef void *owner = mr.owner
    cdef void *opaque = mr.opaque
    cdef mr_read_fn read = mr.ops.read
    cdef uint64_t part, value = 0, mask
    cdef uint32_t step = _clamp(size, mr.ops.impl_min, mr.ops.impl_max), i = 0, result = MEMTX_OK
    cdef bint locked, big = memory_region_big(mr)
    data[0] = 0
    if read == NULL or not _valid(mr, addr, size, False, attrs):
        return MEMTX_DECODE_ERROR
    if owner != NULL and ctx.owner_ref != NULL:
        ctx.owner_ref(owner)
    locked = _lock(mr)
    if step >= size:                # wider than asked: what was asked is the part at addr
        part = 0
        result = read(opaque, addr, &part, step, attrs)
        value = part >> ((step - size) * 8 if big else 0)
    else:
        mask = (1ULL << (step * 8)) - 1
        while i < size:
            part = 0
            result |= read(opaque, addr + i, &part, step, attrs)
            value |= (part & mask) << _shift(big, size, step, i)
            i += step
            if result & MEMTX_HOOK_ERROR:
                break
    if locked:
        ctx.unlock(ctx.lock_opaque)
    if owner != NULL and ctx.owner_unref != NULL:
        ctx.owner_unref(owner)
    data[0] = value if size >= 8 else value & ((1ULL << (size * 8)) - 1)
    return result


cdef uint32_t memory_region_dispatch_write(MemoryRegion *mr, hwaddr addr, uint64_t data,
                                           uint32_t size, uint32_t attrs) noexcept nogil:
    cdef MemContext *ctx = mr.ctx
    cdef void *owner = mr.owner
    cdef void *opaque = mr.opaque
    cdef mr_write_fn write = mr.ops.write
    cdef uint64_t mask
    cdef uint32_t step = _clamp(size, mr.ops.impl_min, mr.ops.impl_max), i = 0, result = MEMTX_OK
    cdef bint locked, big = memory_region_big(mr)
    if write == NULL or not _valid(mr, addr, size, True, attrs):
        return MEMTX_DECODE_ERROR
    if owner != NULL and ctx.owner_ref != NULL:
        ctx.owner_ref(owner)
    locked = _lock(mr)
    if step >= size:
        result = write(opaque, addr, data << ((step - size) * 8 if big else 0), step, attrs)
    else:
        mask = (1ULL << (step * 8)) - 1
        while i < size:
            result |= write(opaque, addr + i, (data >> _shift(big, size, step, i)) & mask, step,
                            attrs)
            i += step
            if result & MEMTX_HOOK_ERROR:
                break
    if locked:
        ctx.unlock(ctx.lock_opaque)
    if owner != NULL and ctx.owner_unref != NULL:
        ctx.owner_unref(owner)
    return result


cdef uint32_t memory_region_access_size(MemoryRegion *mr, hwaddr addr, uint64_t len) noexcept nogil:
    cdef uint64_t most = mr.ops.valid_max if mr.ops.valid_max else 4
    cdef uint64_t bound = addr & (0 - addr)
    if not mr.ops.impl_unaligned and bound and bound < most:
        most = bound
    if most > 8:
        most = 8
    return <uint32_t>pow2floor(most if most < len else len)


# -- reading and writing
cdef uint32_t address_space_read_full(AddressSpace *space, hwaddr addr, uint32_t attrs, void *buf,
                                      uint64_t len) noexcept nogil:
    cdef uint8_t *p = <uint8_t *>buf
    cdef MemSection s
    cdef uint64_t value
    cdef uint32_t n, result = MEMTX_OK
    cdef bint big
    while len:
        address_space_translate(space, addr, len, False, attrs, &s)
        if s.host != NULL:
            memmove(p, s.host, s.len)
        elif s.mr.ops.read == NULL:
            memset(p, 0, s.len)
            result |= MEMTX_DECODE_ERROR
        else:
            n = memory_region_access_size(s.mr, s.xlat, s.len)
            big = memory_region_big(s.mr)
            result |= memory_region_dispatch_read(s.mr, s.xlat, &value, n, attrs)
            st_bytes(p, value, n, big)
            s.len = n
            if result & MEMTX_HOOK_ERROR:
                memset(p + n, 0, len - n)
                break
        len -= s.len
        p += s.len
        addr += s.len
    return result


cdef uint32_t address_space_write(AddressSpace *space, hwaddr addr, uint32_t attrs, const void *buf,
                                  uint64_t len) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>buf
    cdef MemSection s
    cdef uint32_t n, result = MEMTX_OK
    while len:
        address_space_translate(space, addr, len, True, attrs, &s)
        if s.host != NULL:
            memmove(s.host, p, s.len)
            invalidate_and_set_dirty(space.ctx, s.mr.ram_addr + s.xlat, s.len, s.dirty_log_mask)
        elif s.mr.ops.write == NULL:
            result |= MEMTX_DECODE_ERROR
        else:
            n = memory_region_access_size(s.mr, s.xlat, s.len)
            result |= memory_region_dispatch_write(
                s.mr, s.xlat, ld_bytes(p, n, memory_region_big(s.mr)), n, attrs)
            s.len = n
            if result & MEMTX_HOOK_ERROR:
                break
        len -= s.len
        p += s.len
        addr += s.len
    return result


cdef uint32_t address_space_rw(AddressSpace *space, hwaddr addr, uint32_t attrs, void *buf,
                               uint64_t len, bint is_write) noexcept nogil:
    if is_write:
        return address_space_write(space, addr, attrs, buf, len)
    return address_space_read(space, addr, attrs, buf, len)


cdef uint32_t address_space_write_rom(AddressSpace *space, hwaddr addr, uint32_t attrs,
                                      const void *buf, uint64_t len) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>buf
    cdef MemSection s
    cdef uint32_t result = MEMTX_OK
    while len:
        address_space_translate(space, addr, len, True, attrs, &s)
        if s.mr.host != NULL:
            memmove(s.mr.host + s.xlat, p, s.len)
            invalidate_and_set_dirty(space.ctx, s.mr.ram_addr + s.xlat, s.len, s.dirty_log_mask)
        else:
            result |= MEMTX_DECODE_ERROR
        len -= s.len
        p += s.len
        addr += s.len
    return result


cdef uint64_t address_space_ld(AddressSpace *space, hwaddr addr, uint32_t size, bint be,
                               uint32_t attrs, uint32_t *result) noexcept nogil:
    cdef uint64_t raw = 0
    cdef uint32_t r = address_space_read(space, addr, attrs, &raw, size)
    if result != NULL:
        result[0] = r
    return ld_bytes(&raw, size, be)


cdef void address_space_st(AddressSpace *space, hwaddr addr, uint64_t value, uint32_t size, bint be,
                           uint32_t attrs, uint32_t *result) noexcept nogil:
    cdef uint64_t raw
    cdef uint32_t r
    st_bytes(&raw, value, size, be)
    r = address_space_write(space, addr, attrs, &raw, size)
    if result != NULL:
        result[0] = r


cdef bint address_space_access_valid(AddressSpace *space, hwaddr addr, uint64_t len,
                                     bint is_write) noexcept nogil:
    cdef MemSection s
    cdef uint32_t n
    while len:
        address_space_translate(space, addr, len, is_write, MEMTXATTRS_UNSPECIFIED, &s)
        if s.host == NULL:
            if is_write and s.mr.ops.write == NULL:
                return False
            if not is_write and s.mr.ops.read == NULL:
                return False
            n = memory_region_access_size(s.mr, s.xlat, s.len)
            if not _valid(s.mr, s.xlat, n, is_write, MEMTXATTRS_UNSPECIFIED):
                return False
            s.len = n
        len -= s.len
        addr += s.len
    return True


# -- mapping for transfers
cdef void *address_space_map(AddressSpace *space, hwaddr addr, hwaddr *len,
                             bint is_write) noexcept nogil:
    cdef MemContext *ctx = space.ctx
    cdef MemSection s, more
    cdef uint64_t n
    if len[0] == 0:
        return NULL
    address_space_translate(space, addr, len[0], is_write, MEMTXATTRS_UNSPECIFIED, &s)
    if s.host != NULL:
        n = s.len
        while n < len[0]:
            address_space_translate(space, addr + n, len[0] - n, is_write, MEMTXATTRS_UNSPECIFIED,
                                    &more)
            if more.mr != s.mr or more.host != s.host + n:
                break
            n += more.len
        memory_region_ref(s.mr)
        len[0] = n
        return s.host
    if ctx.bounce_in_use:
        return NULL
    n = s.len if s.len < ctx.page_size else ctx.page_size
    ctx.bounce = <uint8_t *>malloc(<size_t>n)
    if ctx.bounce == NULL:
        return NULL
    ctx.bounce_in_use = True
    ctx.bounce_addr = addr
    ctx.bounce_len = n
    ctx.bounce_space = space
    if is_write:
        memset(ctx.bounce, 0, <size_t>n)
    else:
        address_space_read_full(space, addr, MEMTXATTRS_UNSPECIFIED, ctx.bounce, n)
    len[0] = n
    return ctx.bounce


cdef void address_space_unmap(AddressSpace *space, void *host, hwaddr len, bint is_write,
                              hwaddr access_len) noexcept nogil:
    cdef MemContext *ctx = space.ctx
    cdef MemoryRegion *mr
    cdef ram_addr_t addr
    if access_len > len:
        access_len = len
    if ctx.bounce_in_use and host == ctx.bounce:
        if access_len > ctx.bounce_len:
            access_len = ctx.bounce_len
        if is_write and ctx.bounce_space != NULL:
            address_space_write(ctx.bounce_space, ctx.bounce_addr, MEMTXATTRS_UNSPECIFIED,
                                ctx.bounce,
                                access_len)
        free(ctx.bounce)
        ctx.bounce = NULL
        ctx.bounce_in_use = False
        return
    mr = ram_addr_from_host(ctx, host, &addr)
    if mr == NULL:
        return
    if is_write and access_len:
        invalidate_and_set_dirty(ctx, addr, access_len, memory_region_get_dirty_log_mask(mr))
    memory_region_unref(mr)
