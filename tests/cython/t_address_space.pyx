"""Physical accesses, devices, transfers, listeners (spec rows 2, 5, 6, 7, 53, 67, 74..76)."""
import errno

from libc.string cimport memset
from engine._core.base.clock cimport clock_ns
from engine._core.base.types cimport hwaddr, ram_addr_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.mem.address_space cimport (MemSection, address_space_access_valid,
                                             address_space_ld, address_space_map,
                                             address_space_read, address_space_read_full,
                                             address_space_st, address_space_translate,
                                             address_space_unmap, address_space_write,
                                             address_space_write_rom, memory_region_find)
from engine._core.mem.attrs cimport MEMTX_DECODE_ERROR, MEMTX_ERROR, MEMTX_OK
from engine._core.mem.context cimport (AddressSpace, DEVICE_BIG_ENDIAN, DEVICE_LITTLE_ENDIAN,
                                       DEVICE_NATIVE_ENDIAN, DIRTY_MEMORY_CODE,
                                       DIRTY_MEMORY_MIGRATION, DIRTY_MEMORY_VGA, IOMMUTLBEntry,
                                       MemContext, MemoryListener, MemoryRegion,
                                       MemoryRegionIOMMUOps, MemoryRegionOps, MemoryRegionSection,
                                       mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport clear_dirty_range, get_dirty_flag, tlb_protect_code
from engine._core.mem.region cimport (
    memory_region_add_subregion, memory_region_add_subregion_overlap,
    memory_region_clear_global_locking, memory_region_del_subregion, memory_region_free,
    memory_region_get_dirty_log_mask, memory_region_is_logging, memory_region_new,
    memory_region_new_alias, memory_region_new_io, memory_region_new_iommu, memory_region_new_ram,
    memory_region_new_reservation, memory_region_new_rom, memory_region_new_rom_device,
    memory_region_rom_device_set_romd, memory_region_set_enabled, memory_region_set_global_locking,
    memory_region_set_log, memory_region_set_owner, memory_region_set_readonly)
from engine._core.mem.topology cimport (
    address_space_free, address_space_new, address_space_sync_dirty_bitmap, address_space_view,
    memory_global_dirty_log_start, memory_global_dirty_log_stop, memory_listener_register,
    memory_listener_unregister, memory_region_transaction_begin, memory_region_transaction_commit)

cdef list calls = []
cdef object device_result = 0
cdef bint lock_is_held = False
cdef dict owners = {}


cdef uint32_t dev_read(void *opaque, hwaddr addr, uint64_t *data, uint32_t size,
                       uint32_t attrs) noexcept nogil:
    with gil:
        calls.append(("r", addr, size, attrs, lock_is_held))
        data[0] = int.from_bytes(bytes((int(addr) + i) * 7 & 255 for i in range(size)), "little")
        return device_result


cdef uint32_t dev_write(void *opaque, hwaddr addr, uint64_t data, uint32_t size,
                        uint32_t attrs) noexcept nogil:
    with gil:
        calls.append(("w", addr, size, data))
        return device_result


cdef bint dev_accepts(void *opaque, hwaddr addr, uint32_t size, bint is_write,
                      uint32_t attrs) noexcept nogil:
    return addr < 8


cdef bint lock_held(void *opaque) noexcept nogil:
    return lock_is_held


cdef void lock(void *opaque) noexcept nogil:
    global lock_is_held
    lock_is_held = True


cdef void unlock(void *opaque) noexcept nogil:
    global lock_is_held
    lock_is_held = False


cdef void owner_ref(void *owner) noexcept nogil:
    with gil:
        owners[<uintptr_t>owner] = owners.get(<uintptr_t>owner, 0) + 1


cdef void owner_unref(void *owner) noexcept nogil:
    with gil:
        owners[<uintptr_t>owner] -= 1


cdef class Bus:
    cdef MemContext *ctx
    cdef MemoryRegion *top
    cdef AddressSpace *space
    cdef MemoryRegionOps ops

    def __cinit__(self, big=False):
        global device_result
        memset(&self.ops, 0, sizeof(self.ops))
        self.ops.read = dev_read
        self.ops.write = dev_write
        self.ops.endianness = DEVICE_LITTLE_ENDIAN
        self.ctx = mem_context_new(12, big)
        self.ctx.owner_ref = owner_ref
        self.ctx.owner_unref = owner_unref
        self.top = memory_region_new(self.ctx, b"top", 0xffffffffffffffffULL)
        self.space = address_space_new(self.ctx, self.top, b"bus")
        device_result = 0
        calls.clear()

    def __dealloc__(self):
        mem_context_free(self.ctx)

    cdef MemoryRegion *ram(self, at, size):
        cdef int err = 0
        cdef MemoryRegion *mr = memory_region_new_ram(self.ctx, b"ram", size, &err)
        assert memory_region_add_subregion(self.top, at, mr) == 0
        return mr

    cdef MemoryRegion *io(self, at, size):
        cdef MemoryRegion *mr = memory_region_new_io(self.ctx, &self.ops, NULL, b"io", size)
        assert memory_region_add_subregion(self.top, at, mr) == 0
        return mr

    def read(self, at, n, full=False):
        cdef uint8_t buf[256]
        memset(buf, 0xee, 256)
        r = (address_space_read_full(self.space, at, 1, buf, n) if full
             else address_space_read(self.space, at, 1, buf, n))
        assert buf[n] == 0xee
        return r, bytes(buf[i] for i in range(n))

    def write(self, at, data):
        cdef const uint8_t *p = data
        return address_space_write(self.space, at, 1, p, len(data))


def take():
    out = list(calls)
    calls.clear()
    return out


def test_row_5_every_short_read_around_boundaries():
    """Row 5: the inline path, the full one and a byte-by-byte reference agree."""
    cdef Bus b = Bus()
    cdef MemoryRegion *ram = b.ram(0x1000, 100)
    b.io(0x1064, 40)
    cdef MemoryRegion *more = b.ram(0x1000 + 180, 100)
    cdef int i
    for i in range(100):
        ram.host[i] = i + 1
        more.host[i] = i ^ 0x5a
    b.ops.impl_max = b.ops.valid_max = 8

    def byte(p):
        if 0x1000 <= p < 0x1064:
            return p - 0x1000 + 1
        if 0x1064 <= p < 0x108c:
            return (p - 0x1064) * 7 & 255
        if 0x10b4 <= p < 0x1118:
            return (p - 0x10b4) ^ 0x5a
        return None
    for n in range(65):
        for at in list(range(0x1000 - 66, 0x1118 + 3)):
            want = [byte(p) for p in range(at, at + n)]
            for full in (False, True):
                r, got = b.read(at, n, full)
                assert got == bytes(v or 0 for v in want), (hex(at), n)
                assert r == (MEMTX_DECODE_ERROR if None in want else MEMTX_OK)
    take()
    assert b.read(0x1064, 0) == (MEMTX_OK, b"") and take() == []
    # A device that is hidden: not a byte of it is asked for.
    b.read(0x1000, 100)
    assert take() == []


def test_row_6_a_write_across_ram_device_ram():
    cdef Bus b = Bus()
    cdef MemoryRegion *a = b.ram(0, 16)
    b.io(16, 2)
    cdef MemoryRegion *c = b.ram(18, 16)
    b.ops.impl_max = 2
    assert b.write(14, b"abcdef") == MEMTX_OK
    assert a.host[14:16] == b"ab" and c.host[:2] == b"ef"
    assert take() == [("w", 0, 2, 0x6463)]
    assert b.write(15, b"xyz") == MEMTX_OK and take() == [("w", 0, 2, 0x7a79)]
    assert b.write(17, b"q") == MEMTX_OK and take() == [("w", 1, 1, ord("q"))]
    assert b.write(16, b"") == MEMTX_OK and take() == []


def test_row_6_device_access_sizes():
    """Row 6: bounded by the declared maximum, the alignment, and what is left."""
    cdef Bus b = Bus()
    b.io(0x100, 0x100)

    def sizes(at, n):
        b.read(at, n)
        return [(c[1], c[2]) for c in take()]
    assert sizes(0x100, 8) == [(0, 4), (4, 4)]              # 0 means 4
    assert sizes(0x101, 8) == [(1, 1), (2, 2), (4, 4), (8, 1)]
    assert sizes(0x100, 3) == [(0, 2), (2, 1)]
    b.ops.valid_max = 8
    assert sizes(0x108, 16) == [(8, 4), (12, 4), (16, 4), (20, 4)]      # 8 at a time, in halves
    b.ops.impl_max = 8
    assert sizes(0x104, 16) == [(4, 4), (8, 8), (16, 4)]
    b.ops.impl_unaligned = b.ops.valid_unaligned = True
    assert sizes(0x101, 8) == [(1, 8)]
    b.ops.valid_max = 1
    assert sizes(0x101, 3) == [(1, 1), (2, 1), (3, 1)]
    b.ops.valid_max = 8
    b.ops.impl_min = 4                                      # wider than asked: the part is cut out
    assert b.read(0x102, 1) == (MEMTX_OK, bytes([14])) and take()[0][1:3] == (2, 4)
    b.ops.impl_min = 0
    b.ops.accepts = dev_accepts
    assert b.read(0x100, 8)[0] == MEMTX_OK and b.read(0x110, 4) == (MEMTX_DECODE_ERROR, bytes(4))
    b.ops.accepts = NULL
    b.ops.valid_min = 2
    take()
    assert b.read(0x100, 1)[0] == MEMTX_DECODE_ERROR and take() == []


def test_row_6_results_add_up():
    global device_result
    cdef Bus b = Bus()
    b.io(0, 4)
    device_result = MEMTX_ERROR
    assert b.read(0, 8)[0] == MEMTX_ERROR | MEMTX_DECODE_ERROR
    assert b.write(0, bytes(8)) == MEMTX_ERROR | MEMTX_DECODE_ERROR


def test_device_byte_order():
    for big_guest in (False, True):
        for order, kind in (("little", DEVICE_LITTLE_ENDIAN), ("big", DEVICE_BIG_ENDIAN),
                            ("big" if big_guest else "little", DEVICE_NATIVE_ENDIAN)):
            one_order(big_guest, order, kind)


def one_order(big_guest, order, kind):
    cdef Bus b = Bus(big_guest)
    cdef uint32_t r = 9
    b.io(0, 64)
    b.ops.endianness = kind
    b.ops.valid_max = b.ops.impl_max = 8
    value = int.from_bytes(bytes(i * 7 for i in range(8, 16)), "little")
    assert b.read(8, 8)[1] == value.to_bytes(8, order)
    assert address_space_ld(b.space, 8, 8, order == "big", 1, &r) == value and r == MEMTX_OK
    take()
    b.write(8, value.to_bytes(8, order))
    assert take() == [("w", 8, 8, value)]
    address_space_st(b.space, 8, 0x11223344, 4, order == "big", 1, &r)
    assert take() == [("w", 8, 4, 0x11223344)] and r == MEMTX_OK
    # In two calls: the half at the lower address is the more significant one of a big device.
    b.ops.impl_max = 4
    b.write(8, (0x1122334455667788).to_bytes(8, order))
    halves = [0x11223344, 0x55667788]
    assert [c[3] for c in take()] == (halves if order == "big" else halves[::-1])
    low, high = (int.from_bytes(bytes(i * 7 for i in range(k, k + 4)), "little") for k in (8, 12))
    assert b.read(8, 8)[1] == low.to_bytes(4, order) + high.to_bytes(4, order)


def test_rom():
    cdef Bus b = Bus()
    cdef int err = 0
    cdef MemoryRegion *rom = memory_region_new_rom(b.ctx, b"rom", 4096, &err)
    cdef MemoryRegion *dev = memory_region_new_rom_device(b.ctx, &b.ops, NULL, b"flash", 4096, &err)
    memory_region_add_subregion(b.top, 0, rom)
    memory_region_add_subregion(b.top, 4096, dev)
    assert b.write(0, b"abcd") == MEMTX_DECODE_ERROR and b.read(0, 4) == (MEMTX_OK, bytes(4))
    assert address_space_write_rom(b.space, 4094, 1, <const char *>b"abcd", 4) == MEMTX_OK
    assert b.read(4094, 4) == (MEMTX_OK, b"abcd") and take() == []
    assert b.write(4096, b"\1\2\3\4") == MEMTX_OK and take() == [("w", 0, 4, 0x04030201)]
    memory_region_rom_device_set_romd(dev, False)
    assert b.read(4096, 1) == (MEMTX_OK, b"\0") and take()[0][:3] == ("r", 0, 1)
    memory_region_rom_device_set_romd(dev, True)
    assert b.read(4096, 1) == (MEMTX_OK, b"c") and take() == []
    # An alias may be read only where its target is not.
    cdef MemoryRegion *ram = b.ram(0x10000, 4096)
    cdef MemoryRegion *alias = memory_region_new_alias(b.ctx, b"a", ram, 16, 100)
    memory_region_set_readonly(alias, True)
    memory_region_add_subregion(b.top, 0x20000, alias)
    assert b.write(0x10010, b"hi") == MEMTX_OK and b.read(0x20000, 2) == (MEMTX_OK, b"hi")
    assert b.write(0x20000, b"xx") == MEMTX_DECODE_ERROR and b.read(0x20000, 2)[1] == b"hi"
    assert not address_space_access_valid(b.space, 0x20000, 4, True)
    assert address_space_access_valid(b.space, 0x20000, 4, False)
    assert not address_space_access_valid(b.space, 0x20000 + 98, 4, False)
    assert address_space_access_valid(b.space, 0x10000, 4096, True)


def test_reservation_hides():
    cdef Bus b = Bus()
    cdef MemSection s
    b.ram(0, 4096)
    memory_region_add_subregion_overlap(b.top, 100, memory_region_new_reservation(b.ctx, b"x", 10),
                                        1)
    assert b.read(98, 4) == (MEMTX_DECODE_ERROR, bytes(4))
    assert b.write(100, b"z") == MEMTX_DECODE_ERROR
    address_space_translate(b.space, 90, 4096, False, 1, &s)
    assert s.len == 10 and s.host != NULL
    address_space_translate(b.space, 5000, 4096, False, 1, &s)
    assert s.mr == b.ctx.unassigned and s.len == 4096


cdef void iommu_translate(MemoryRegion *mr, hwaddr addr, bint is_write,
                          IOMMUTLBEntry *out) noexcept nogil:
    if addr >= 0x4000:
        return
    out.target_as = <AddressSpace *>mr.iommu_ops.opaque
    out.translated_addr = 0x80000 + (addr ^ 0x1000)         # pages change places
    out.addr_mask = 0xfff
    out.perm = 1 if addr < 0x2000 else 3


def test_iommu():
    cdef Bus b = Bus()
    cdef MemoryRegionIOMMUOps ops
    cdef MemoryRegion *ram = b.ram(0x80000, 0x4000)
    cdef MemoryRegion *top = memory_region_new(b.ctx, b"dma", 0xffffffffffffffffULL)
    cdef AddressSpace *dma = address_space_new(b.ctx, top, b"dma")
    cdef uint8_t buf[16]
    ops.translate = iommu_translate
    ops.opaque = b.space
    memory_region_add_subregion(top, 0x1000000, memory_region_new_iommu(b.ctx, &ops, b"iommu",
                                                                        0x8000))
    for i in range(4):
        memset(ram.host + <int>i * 0x1000, 0x10 + <int>i, 0x1000)
    assert address_space_read(dma, 0x1000ffc, 1, buf, 8) == MEMTX_OK
    assert bytes(buf[i] for i in range(8)) == b"\x11" * 4 + b"\x10" * 4
    assert address_space_read(dma, 0x1002ffc, 1, buf, 8) == MEMTX_OK
    assert bytes(buf[i] for i in range(8)) == b"\x13" * 4 + b"\x12" * 4
    assert address_space_write(dma, 0x1000000, 1, buf, 4) == MEMTX_DECODE_ERROR
    assert address_space_write(dma, 0x1002000, 1, buf, 4) == MEMTX_OK and ram.host[0x3000] == 0x13
    assert address_space_read(dma, 0x1004000, 1, buf, 4) == MEMTX_DECODE_ERROR
    # An IOMMU that leads to itself ends.
    ops.opaque = dma
    assert address_space_read(dma, 0x1000000, 1, buf, 4) == MEMTX_DECODE_ERROR


cdef void invalidate(void *opaque, ram_addr_t addr, uint64_t length) noexcept nogil:
    with gil:
        calls.append(("tb", addr, length))


def test_transfers():
    cdef Bus b = Bus()
    cdef MemoryRegion *ram = b.ram(0, 0x4000)
    cdef hwaddr n = 0x10000
    cdef uint8_t *p = <uint8_t *>address_space_map(b.space, 0x100, &n, True)
    b.io(0x4000, 0x100)
    b.ctx.tb_invalidate_range = invalidate
    assert p == ram.host + 0x100 and n == 0x3f00
    clear_dirty_range(b.ctx, 0, 0x4000)
    p[0] = 1
    ram.dirty_log_mask |= 1 << DIRTY_MEMORY_VGA
    address_space_unmap(b.space, p, n, True, 0x10)
    assert take() == [("tb", 0x100, 0x10)]
    assert get_dirty_flag(b.ctx, 0x100, DIRTY_MEMORY_VGA)
    assert not get_dirty_flag(b.ctx, 0x1000, DIRTY_MEMORY_VGA)
    # A device: one bounce buffer, and only one.
    n = 16
    p = <uint8_t *>address_space_map(b.space, 0x4000, &n, False)
    assert p != NULL and n == 16 and p[3] == 21
    assert address_space_map(b.space, 0x4000, &n, False) == NULL
    address_space_unmap(b.space, p, 16, False, 16)
    take()
    n = 8
    p = <uint8_t *>address_space_map(b.space, 0x4000, &n, True)
    p[0], p[4] = 5, 6
    address_space_unmap(b.space, p, 8, True, 5)
    assert take() == [("w", 0, 4, 5), ("w", 4, 1, 6)]
    n = 0
    assert address_space_map(b.space, 0, &n, True) == NULL
    address_space_unmap(b.space, &n, 8, True, 8)            # not ours: nothing happens


def test_host_writes_reach_code():
    """Whoever writes: host API, ROM loader; data pages disturb nothing."""
    cdef Bus b = Bus()
    b.ram(0, 0x4000)
    b.ctx.tb_invalidate_range = invalidate
    assert b.write(0x1000, b"abc") == MEMTX_OK and take() == []
    tlb_protect_code(b.ctx, 0x1000)
    b.write(0x2000, b"abc")
    assert take() == []
    b.write(0xffe, b"abcd")
    assert take() == [("tb", 0xffe, 4)]
    address_space_write_rom(b.space, 0x1004, 1, <const char *>b"x", 1)
    assert take() == [("tb", 0x1004, 1)]
    b.read(0x1000, 64)
    assert take() == []


def test_row_53_big_lock():
    cdef Bus b = Bus()
    cdef MemoryRegion *io = b.io(0, 16)
    assert io.global_locking
    b.ctx.lock_held = lock_held
    b.ctx.lock = lock
    b.ctx.unlock = unlock
    b.read(0, 4)
    assert take()[0][4] is True and not lock_is_held
    memory_region_clear_global_locking(io)
    b.read(0, 4)
    assert take()[0][4] is False
    lock(NULL)
    b.read(0, 4)
    assert take()[0][4] is True and lock_is_held
    memory_region_set_global_locking(io)
    b.read(0, 4)
    assert take()[0][4] is True and lock_is_held            # not released by who did not take it
    unlock(NULL)


def test_row_7_owners():
    cdef Bus b = Bus()
    cdef int owner
    cdef int err = 0
    cdef MemoryRegion *mr = memory_region_new_ram(b.ctx, b"r", 4096, &err)
    cdef MemoryRegion *io = memory_region_new_io(b.ctx, &b.ops, NULL, b"io", 16)
    cdef MemoryRegionSection s
    cdef hwaddr n = 16
    cdef void *p
    key = <uintptr_t>&owner
    owners.clear()
    owners[key] = 0
    memory_region_set_owner(mr, &owner)
    memory_region_set_owner(io, &owner)
    address_space_view(b.space)
    memory_region_add_subregion(b.top, 0, mr)
    address_space_view(b.space)
    assert owners[key] == 2                                 # the tree and the view
    assert memory_region_find(b.space, 5, &s) and s.mr == mr and owners[key] == 3
    owner_unref(&owner)
    p = address_space_map(b.space, 0, &n, False)
    assert owners[key] == 3
    address_space_unmap(b.space, p, n, False, n)
    memory_region_add_subregion(b.top, 8192, io)
    b.read(8192, 4)
    assert owners[key] == 4
    memory_region_del_subregion(b.top, mr)
    memory_region_del_subregion(b.top, io)
    address_space_view(b.space)
    assert owners[key] == 0
    assert not memory_region_find(b.space, 5, &s)
    assert memory_region_free(mr) == 0 and memory_region_free(io) == 0


def test_misuse_is_refused():
    cdef Bus b = Bus()
    cdef MemoryRegion *a = memory_region_new(b.ctx, b"a", 100)
    cdef MemoryRegion *c = memory_region_new(b.ctx, b"c", 100)
    cdef MemoryRegion *alias = memory_region_new_alias(b.ctx, b"x", a, 0, 100)
    assert memory_region_add_subregion(a, 0, a) == -errno.ELOOP
    assert memory_region_add_subregion(a, 0, alias) == -errno.ELOOP
    assert memory_region_add_subregion(a, 0, c) == 0
    assert memory_region_add_subregion(b.top, 0, c) == -errno.EBUSY
    assert memory_region_add_subregion(c, 0, a) == -errno.ELOOP
    assert memory_region_add_subregion(alias, 0, memory_region_new(b.ctx, b"y", 1)) == -errno.EINVAL
    for mr in (<uintptr_t>a, <uintptr_t>c, <uintptr_t>b.top):
        assert memory_region_free(<MemoryRegion *><uintptr_t>mr) == -errno.EBUSY
    memory_region_del_subregion(b.top, c)                   # not its child: nothing
    memory_region_del_subregion(a, c)
    assert memory_region_free(c) == 0 and memory_region_free(a) == -errno.EBUSY
    assert memory_region_free(alias) == 0 and memory_region_free(a) == 0


def test_depth_is_limited():
    cdef Bus b = Bus()
    cdef MemoryRegion *at = b.top
    cdef MemoryRegion *inner
    cdef int code = 0, depth = 0
    while code == 0 and depth < 1000:           # from the top down
        inner = memory_region_new(b.ctx, b"level", 0x1000)
        code = memory_region_add_subregion(at, 0, inner)
        depth += code == 0
        at = inner
    assert code == -errno.ELOOP and 100 < depth < 300
    inner = memory_region_new_io(b.ctx, &b.ops, NULL, b"io", 16)
    code = depth = 0
    while code == 0 and depth < 1000:           # from the bottom up
        at = memory_region_new(b.ctx, b"level", 0x1000)
        code = memory_region_add_subregion(at, 0, inner)
        depth += code == 0
        inner = at
    assert code == -errno.ELOOP and 100 < depth < 300
    b.ram(0x2000, 0x1000)
    assert b.write(0x2000, b"x") == MEMTX_OK    # the space is not the worse for it


# -- listeners
cdef class Listener:
    cdef MemoryListener l
    cdef str name

    def __cinit__(self, name, priority=0, sections=True):
        memset(&self.l, 0, sizeof(MemoryListener))
        self.name = name
        self.l.opaque = <void *>self
        self.l.priority = priority
        self.l.begin = on_begin
        self.l.commit = on_commit
        if sections:
            self.l.region_add = on_add
            self.l.region_del = on_del
            self.l.region_nop = on_nop
            self.l.log_start = on_start
            self.l.log_stop = on_stop
            self.l.log_sync = on_sync
            self.l.log_global_start = on_global_start
            self.l.log_global_stop = on_global_stop


cdef void say(MemoryListener *l, str what, tuple more):
    calls.append(((<Listener>l.opaque).name + what, *more))


cdef void on_begin(MemoryListener *l) noexcept nogil:
    with gil:
        say(l, "begin", ())


cdef void on_commit(MemoryListener *l) noexcept nogil:
    with gil:
        say(l, "commit", ())


cdef void on_add(MemoryListener *l, MemoryRegionSection *s) noexcept nogil:
    with gil:
        say(l, "add", (s.offset_within_address_space, s.last_within_address_space))


cdef void on_del(MemoryListener *l, MemoryRegionSection *s) noexcept nogil:
    with gil:
        say(l, "del", (s.offset_within_address_space, s.last_within_address_space))


cdef void on_nop(MemoryListener *l, MemoryRegionSection *s) noexcept nogil:
    with gil:
        say(l, "nop", (s.offset_within_address_space,))


cdef void on_start(MemoryListener *l, MemoryRegionSection *s, uint32_t old,
                   uint32_t new) noexcept nogil:
    with gil:
        say(l, "start", (old, new))


cdef void on_stop(MemoryListener *l, MemoryRegionSection *s, uint32_t old,
                  uint32_t new) noexcept nogil:
    with gil:
        say(l, "stop", (old, new))


cdef void on_sync(MemoryListener *l, MemoryRegionSection *s) noexcept nogil:
    with gil:
        say(l, "sync", (s.offset_within_address_space,))


cdef void on_global_start(MemoryListener *l) noexcept nogil:
    with gil:
        say(l, "gstart", ())


cdef void on_global_stop(MemoryListener *l) noexcept nogil:
    with gil:
        say(l, "gstop", ())


def test_row_75_listener_order_and_transactions():
    cdef Bus b = Bus()
    cdef Listener low = Listener("1", 1)
    cdef Listener high = Listener("2", 5)
    cdef MemoryRegion *r1 = b.ram(0, 0x1000)
    memory_listener_register(b.ctx, &high.l, NULL)
    memory_listener_register(b.ctx, &low.l, NULL)
    assert ("1add", 0, 0xfff) in calls and ("2add", 0, 0xfff) in calls
    take()
    cdef MemoryRegion *r2 = b.ram(0x2000, 0x1000)
    assert take() == [("1begin",), ("2begin",), ("1nop", 0), ("2nop", 0), ("1add", 0x2000, 0x2fff),
                      ("2add", 0x2000, 0x2fff), ("1commit",), ("2commit",)]
    memory_region_transaction_begin(b.ctx)
    memory_region_transaction_begin(b.ctx)
    memory_region_del_subregion(b.top, r1)
    b.ram(0x800, 0x100)
    memory_region_transaction_commit(b.ctx)
    assert take() == []
    memory_region_transaction_commit(b.ctx)
    # What goes: highest priority first; then what comes.
    assert take() == [("1begin",), ("2begin",), ("2del", 0, 0xfff), ("1del", 0, 0xfff),
                      ("1add", 0x800, 0x8ff), ("2add", 0x800, 0x8ff), ("1nop", 0x2000),
                      ("2nop", 0x2000), ("1commit",), ("2commit",)]
    memory_region_transaction_begin(b.ctx)
    memory_region_transaction_commit(b.ctx)
    memory_region_transaction_commit(b.ctx)                 # one too many
    assert take() == []                                     # nothing changed
    assert memory_region_free(r1) == 0
    memory_listener_unregister(b.ctx, &low.l)
    memory_listener_unregister(b.ctx, &low.l)
    memory_region_set_enabled(r2, False)
    assert [c[0] for c in take()] == ["2begin", "2del", "2nop", "2commit"]
    address_space_sync_dirty_bitmap(b.space)
    assert take() == [("2sync", 0x800)]
    memory_listener_unregister(b.ctx, &high.l)


def test_listener_of_one_space():
    cdef Bus b = Bus()
    cdef MemoryRegion *top = memory_region_new(b.ctx, b"other", 0x10000)
    cdef AddressSpace *other = address_space_new(b.ctx, top, b"other")
    cdef Listener ear = Listener("x")
    memory_listener_register(b.ctx, &ear.l, other)
    take()
    b.ram(0, 0x1000)
    assert [c[0] for c in take()] == ["xbegin", "xcommit"]
    memory_region_add_subregion(top, 0x4000, memory_region_new_alias(b.ctx, b"all", b.top, 0,
                                                                     0x8000))
    assert ("xadd", 0x4000, 0x4fff) in take()
    b.ram(0x2000, 0x1000)                                   # seen through the alias
    assert ("xadd", 0x6000, 0x6fff) in take()
    memory_listener_unregister(b.ctx, &ear.l)


def test_commit_only_listeners_hear_every_change_once():
    """What a CPU registers (row 2): it flushes its TLB at each commit."""
    cdef Bus b = Bus()
    cdef Listener cpu = Listener("c", 0, False)
    cdef MemoryRegion *mr
    memory_listener_register(b.ctx, &cpu.l, b.space)
    take()
    mr = b.ram(0, 0x1000)
    assert take() == [("cbegin",), ("ccommit",)]
    memory_region_set_enabled(mr, False)
    assert take() == [("cbegin",), ("ccommit",)]
    memory_region_set_enabled(mr, False)
    assert take() == []
    memory_region_clear_global_locking(mr)
    assert take() == []
    memory_region_del_subregion(b.top, mr)
    assert take() == [("cbegin",), ("ccommit",)]
    memory_listener_unregister(b.ctx, &cpu.l)


def test_row_75_76_dirty_logging():
    """Rows 75, 76."""
    cdef Bus b = Bus()
    cdef Listener ear = Listener("")
    cdef Listener late = Listener("late ")
    cdef MemoryRegion *mr = b.ram(0, 0x1000)
    cdef int vga = DIRTY_MEMORY_VGA, code = DIRTY_MEMORY_CODE, migration = DIRTY_MEMORY_MIGRATION
    memory_listener_register(b.ctx, &ear.l, NULL)
    assert ("start", 0, 1 << code) in take()

    def logs():
        return [c for c in take() if c[0] in ("start", "stop", "gstart", "gstop")]
    assert memory_region_set_log(mr, True, vga) == 0
    assert logs() == [("start", 2, 3)]
    assert memory_region_is_logging(mr, vga) and not memory_region_is_logging(mr, migration)
    assert memory_region_set_log(mr, True, vga) == 0 and logs() == []     # counted
    assert memory_region_set_log(mr, False, vga) == 0 and logs() == []
    assert memory_region_is_logging(mr, vga)
    memory_global_dirty_log_start(b.ctx)
    assert logs() == [("gstart",), ("start", 3, 7)]
    assert memory_region_get_dirty_log_mask(mr) == 7 and memory_region_is_logging(mr, migration)
    memory_listener_register(b.ctx, &late.l, NULL)
    assert take()[0] == ("late gstart",)
    memory_listener_unregister(b.ctx, &late.l)
    clear_dirty_range(b.ctx, 0, 0x1000)
    b.write(0, b"x")
    assert get_dirty_flag(b.ctx, 0, migration)
    memory_global_dirty_log_stop(b.ctx)
    assert logs() == [("stop", 7, 3), ("gstop",)]
    assert memory_region_get_dirty_log_mask(mr) == 3
    assert memory_region_set_log(mr, False, vga) == 0 and logs() == [("stop", 3, 2)]
    assert memory_region_set_log(mr, False, vga) == -errno.EINVAL
    for client in (code, migration):
        assert memory_region_set_log(mr, True, client) == -errno.EINVAL
    memory_listener_unregister(b.ctx, &ear.l)


def test_spaces_go_with_a_word_to_their_listeners():
    cdef Bus b = Bus()
    cdef Listener ear = Listener("")
    cdef MemoryRegion *top = memory_region_new(b.ctx, b"other", 0x10000)
    cdef AddressSpace *other
    memory_region_add_subregion(top, 0, memory_region_new_io(b.ctx, NULL, NULL, b"io", 16))
    memory_listener_register(b.ctx, &ear.l, NULL)
    take()
    other = address_space_new(b.ctx, top,
                              b"a name that is too long for sixty-four bytes " * 2)
    assert ("add", 0, 15) in take()
    address_space_free(other)
    assert take() == [("del", 0, 15), ("begin",), ("commit",)]
    memory_listener_unregister(b.ctx, &ear.l)


def test_row_8_hot_fields_share_a_cache_line():
    cdef MemoryRegion mr
    start, end = <uintptr_t>&mr.romd_mode, <uintptr_t>&mr.opaque + sizeof(void *)
    assert end - start <= 64 and start == <uintptr_t>&mr
    for field in (<uintptr_t>&mr.ram, <uintptr_t>&mr.readonly, <uintptr_t>&mr.ram_addr,
                  <uintptr_t>&mr.owner, <uintptr_t>&mr.iommu_ops, <uintptr_t>&mr.host,
                  <uintptr_t>&mr.dirty_log_mask, <uintptr_t>&mr.global_locking):
        assert start <= field < end


def bench_read(loops=2_000_000):
    """{bytes: ns} of address_space_read from RAM; for tests/bench/bench_core.py."""
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef MemoryRegion *top = memory_region_new(ctx, b"top", 0xffffffffffffffffULL)
    cdef uint8_t[16] buffer
    cdef uint64_t length, n = loops, i, began
    cdef AddressSpace *space
    memory_region_add_subregion(top, 0x1000, memory_region_new_ram(ctx, b"ram", 1 << 20, &err))
    memory_region_add_subregion(top, 0x800000, memory_region_new_ram(ctx, b"more", 1 << 20, &err))
    space = address_space_new(ctx, top, b"bench")
    found = {}
    for length in (1, 2, 4, 8, 16):
        began = clock_ns()
        for i in range(n):
            address_space_read(space, 0x1000 + (i & 0xffff), 1, buffer, length)
        found[length] = <double>(clock_ns() - began) / n
    address_space_free(space)
    mem_context_free(ctx)
    return found
