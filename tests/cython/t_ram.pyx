"""RAM blocks: placement, life, look-up, resizing (spec rows 9, 13, 14, 16, 19, 51)."""
import errno
import os
import random
import tempfile

from libc.stdlib cimport calloc, free
from engine._core.base.hostmem cimport host_page_size
from engine._core.base.types cimport ram_addr_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.mem.context cimport (MemContext, MemoryRegion, RAM_PREALLOC, RAM_RESIZEABLE,
                                       RAM_SHARED, RAMBlock, mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport all_dirty, clear_dirty_range, get_dirty
from engine._core.mem.ram cimport (guest_page_align, host_page_align, ram_addr_from_host, ram_alloc,
                                   ram_alloc_from_fd, ram_alloc_from_ptr, ram_block_at,
                                   ram_block_by_name, ram_block_from_host, ram_free,
                                   ram_last_offset, ram_ptr, ram_resize, ram_set_idstr,
                                   ram_unset_idstr, ramblock_ptr, real_host_page_align)
from engine._core.mem.region cimport (memory_region_free, memory_region_new_ram,
                                      memory_region_new_resizeable_ram, memory_region_ram_resize,
                                      memory_region_set_size)

cdef enum:
    PAGE = 4096


def test_row_9_16_best_fit_against_a_model():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef RAMBlock *b
    cdef int err = 0
    rnd = random.Random(8)
    model = {}                      # offset: pages
    version = 0

    def place(n):
        if not model:
            return 0
        best = None
        starts = sorted(model)
        for i, s in enumerate(starts):
            end = s + model[s]
            gap = (starts[i + 1] if i + 1 < len(starts) else int("f" * 14, 16)) - end
            if gap >= n and (best is None or gap < best[0]):
                best = gap, end
        return best[1]
    for _ in range(1500):
        if rnd.random() < 0.55 or not model:
            n = rnd.choice([1, 1, 1, 2, 3, 8, 50])
            want = place(n)
            b = ram_alloc(ctx, n * PAGE - rnd.choice([0, 1, 4000]), NULL, &err)
            assert b != NULL and b.offset == want * PAGE
            assert b.used_length == b.max_length == n * PAGE
            model[want] = n
            version += 1
        else:
            at = rnd.choice(list(model))
            ram_free(ctx, at * PAGE + rnd.choice([1, PAGE // 2]))       # not the start: nothing
            ram_free(ctx, at * PAGE)
            ram_free(ctx, at * PAGE)                                    # twice: nothing
            del model[at]
            version += 1
        assert ctx.ram.n == <uint32_t>len(model) and ctx.ram.version == <uint32_t>version
        lengths = [ctx.ram.blocks[i].max_length for i in range(ctx.ram.n)]
        assert lengths == sorted(lengths, reverse=True)
        assert [ctx.ram.by_offset[i].offset // PAGE for i in range(ctx.ram.n)] == sorted(model)
        assert ram_last_offset(ctx) == (max(k + v for k, v in model.items()) * PAGE if model else 0)
        p = rnd.randrange(0, 200)
        b = ram_block_at(ctx, p * PAGE + 5)
        inside = [k for k, v in model.items() if k <= p < k + v]
        assert (b == NULL) == (not inside)
        if inside:
            assert b.offset == inside[0] * PAGE
            assert ram_ptr(ctx, p * PAGE + 5) == b.host + <uint64_t>((p - inside[0]) * PAGE + 5)
        else:
            assert ram_ptr(ctx, p * PAGE + 5) == NULL
    mem_context_free(ctx)


def test_row_9_a_callers_buffer_stays_his():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef uint8_t *buf = <uint8_t *>calloc(1, 10000)
    cdef int err = 0
    cdef RAMBlock *b = ram_alloc_from_ptr(ctx, 10000, buf, NULL, &err)
    cdef RAMBlock *after = ram_alloc(ctx, PAGE, NULL, &err)
    assert b.flags & RAM_PREALLOC and b.host == buf and b.fd == -1
    assert b.used_length == 10000 and after.offset == 3 * PAGE
    assert ramblock_ptr(b, 9999) == buf + 9999 and ramblock_ptr(b, 10000) == NULL
    buf[9999] = 7
    n, version = ctx.ram.n, ctx.ram.version
    ram_free(ctx, b.offset)
    assert ctx.ram.n == n - 1 and ctx.ram.version == version + 1
    assert buf[9999] == 7
    buf[0] = 1
    assert ram_alloc_from_ptr(ctx, PAGE, NULL, NULL, &err) == NULL and err == errno.EINVAL
    mem_context_free(ctx)
    free(buf)


def test_row_16_refusals_say_why():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    assert ram_alloc(ctx, 0, NULL, &err) == NULL and err == errno.EINVAL
    assert b"cannot set up guest memory" in ctx.message
    for size in (int("f" * 16, 16), 1 << 63, 1 << 60, int("f" * 13 + "000", 16)):
        assert memory_region_new_ram(ctx, b"huge", size, &err) == NULL and err == errno.ENOMEM
        assert b"'huge'" in ctx.message and os.strerror(errno.ENOMEM).encode() in ctx.message
    assert ctx.ram.n == 0
    assert ram_alloc(ctx, PAGE, NULL, &err) != NULL
    mem_context_free(ctx)


def test_row_13_names():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef RAMBlock *small = ram_alloc(ctx, PAGE, NULL, &err)
    cdef RAMBlock *large = ram_alloc(ctx, 2 * PAGE, NULL, &err)
    assert ram_block_by_name(ctx, b"") == large                 # unnamed, and biggest first
    assert ram_set_idstr(small, b"pc.ram") == 0 and ram_set_idstr(large, b"vga") == 0
    assert ram_block_by_name(ctx, b"pc.ram") == small and ram_block_by_name(ctx, b"vga") == large
    assert ram_block_by_name(ctx, b"PC.RAM") == NULL and ram_block_by_name(ctx, b"") == NULL
    assert ram_set_idstr(large, b"pc.ram") == -errno.EEXIST and b"pc.ram" in ctx.message
    assert ram_set_idstr(small, b"pc.ram") == 0
    assert ram_set_idstr(small, b"x" * 255) == 0 and ram_set_idstr(small, b"x" * 256) != 0
    ram_unset_idstr(small)
    assert ram_block_by_name(ctx, b"x" * 255) == NULL and ram_block_by_name(ctx, b"") == small
    mem_context_free(ctx)


def test_row_14_host_pointers():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef ram_addr_t addr = 99
    cdef uint64_t off = 98
    cdef MemoryRegion *mr = memory_region_new_ram(ctx, b"a", PAGE, &err)
    cdef MemoryRegion *other = memory_region_new_ram(ctx, b"b", 8 * PAGE, &err)
    cdef RAMBlock *b = other.block
    assert b.offset == PAGE
    for mru in (False, True):
        if mru:
            assert ram_block_at(ctx, b.offset) == b and ctx.ram.mru == b
        assert ram_block_from_host(ctx, b.host + 0x1234, True, &addr, &off) == b
        assert (addr, off) == (PAGE + 0x1000, 0x1000)
        assert ram_block_from_host(ctx, b.host + 0x1234, False, &addr, &off) == b
        assert (addr, off) == (PAGE + 0x1234, 0x1234)
        addr, off = 99, 98
        assert ram_block_from_host(ctx, b.host + 8 * PAGE, False, &addr, &off) == NULL
        assert (addr, off) == (99, 98)
    assert ram_block_from_host(ctx, mr.host, False, NULL, NULL) == mr.block and ctx.ram.mru == b
    assert ram_addr_from_host(ctx, other.host + 5, &addr) == other and addr == PAGE + 5
    assert ram_addr_from_host(ctx, &err, &addr) == NULL
    assert memory_region_free(other) == 0 and ctx.ram.mru == NULL
    mem_context_free(ctx)


cdef list told = []


cdef void resized(void *opaque, const char *idstr, uint64_t length, void *host) noexcept nogil:
    with gil:
        told.append((<uintptr_t>opaque, idstr, length, <uintptr_t>host))


def test_row_16_resizing():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef MemoryRegion *fixed = memory_region_new_ram(ctx, b"fixed", PAGE, &err)
    cdef MemoryRegion *mr = memory_region_new_resizeable_ram(ctx, b"r", 100, 4 * PAGE, resized,
                                                             <void *>77, &err)
    assert mr.size == PAGE and mr.block.used_length == PAGE and mr.block.max_length == 4 * PAGE
    assert mr.block.flags & RAM_RESIZEABLE
    ram_set_idstr(mr.block, b"acpi")
    told.clear()
    clear_dirty_range(ctx, mr.ram_addr, 4 * PAGE)
    assert memory_region_ram_resize(mr, PAGE) == 0 and told == []
    assert memory_region_ram_resize(mr, 2 * PAGE + 1) == 0
    assert told == [(77, b"acpi", 3 * PAGE, <uintptr_t>mr.host)]
    assert mr.size == 3 * PAGE and mr.block.used_length == 3 * PAGE
    for c in range(3):
        assert all_dirty(ctx, mr.ram_addr, 3 * PAGE, c)
        assert not get_dirty(ctx, mr.ram_addr + 3 * PAGE, PAGE, c)
    assert ramblock_ptr(mr.block, 3 * PAGE) == NULL
    assert memory_region_ram_resize(mr, 5 * PAGE) == -errno.EINVAL
    assert ctx.message == b"Length too large: acpi: 0x5000 > 0x4000: Invalid argument"
    ram_set_idstr(fixed.block, b"fix")
    assert memory_region_ram_resize(fixed, 2 * PAGE) == -errno.EINVAL
    assert ctx.message == b"Length mismatch: fix: 0x2000 in != 0x1000: Invalid argument"
    assert memory_region_ram_resize(mr, 0) == -errno.EINVAL
    assert ram_resize(ctx, 5, PAGE) == -errno.EINVAL
    assert len(told) == 1
    # A region cannot be stretched beyond its block.
    memory_region_set_size(fixed, 1 << 40)
    assert fixed.size == PAGE
    mem_context_free(ctx)


def test_row_9_files():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef RAMBlock *b
    with tempfile.TemporaryFile() as f:
        f.write(b"hello" + bytes(PAGE - 5))
        f.flush()
        fd = os.dup(f.fileno())
        b = ram_alloc_from_fd(ctx, PAGE, fd, True, NULL, &err)
        assert b != NULL and b.flags & RAM_SHARED and b.fd == fd and b.host[:5] == b"hello"
        b.host[0] = ord("j")
        ram_free(ctx, b.offset)
        try:
            os.fstat(fd)
            assert False, "the block closes its file"
        except OSError as e:
            assert e.errno == errno.EBADF
        f.seek(0)
        assert f.read(5) == b"jello"
        assert ram_alloc_from_fd(ctx, 2 * PAGE, f.fileno(), True, NULL, &err) == NULL
        assert err == errno.EINVAL
    mem_context_free(ctx)


def test_row_51_page_alignment():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemContext *sparc = mem_context_new(13, False)
    cdef int err = 0
    for size in (PAGE, 1 << 20, 2 << 20, 32 << 20):
        b = <uintptr_t>ram_alloc(ctx, size, NULL, &err)
        assert <uintptr_t>(<RAMBlock *><uintptr_t>b).host % (<RAMBlock *><uintptr_t>b).align == 0
    page = host_page_size()
    for x in (0, 1, page - 1, page, page + 1, 8192, 8193):
        assert real_host_page_align(x) == -(-x // page) * page
        assert guest_page_align(sparc, x) == -(-x // 8192) * 8192
        assert host_page_align(sparc, x) == -(-x // max(page, 8192)) * max(page, 8192)
    assert guest_page_align(ctx, 0xffffffffffffffffULL) == 0
    mem_context_free(ctx)
    mem_context_free(sparc)
