"""Dirty page tracking against sets of pages (spec rows 65..71, 74)."""
import os
import random
import threading
import time

from libc.stdlib cimport calloc, free
from engine._core.base.atomics cimport atomic_load32, atomic_store32
from engine._core.base.hostmem cimport host_page_size
from engine._core.base.thread cimport thread_yield
from engine._core.base.types cimport ram_addr_t, uint32_t, uint64_t
from engine._core.mem.context cimport (DIRTY_CLIENTS_ALL, DIRTY_MEMORY_BITMAPS, DIRTY_MEMORY_CODE,
                                       DIRTY_MEMORY_NUM, DIRTY_MEMORY_VGA, MemContext, MemoryRegion,
                                       mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport (all_dirty, clear_dirty_range, get_dirty, get_dirty_flag,
                                     invalidate_and_set_dirty, is_clean, memory_region_get_dirty,
                                     memory_region_set_dirty, memory_region_test_and_clear_dirty,
                                     next_dirty_page, range_includes_clean, set_dirty_flag,
                                     set_dirty_lebitmap, set_dirty_range, test_and_clear_bitmap,
                                     test_and_clear_dirty,
                                     tlb_protect_code, tlb_unprotect_code)
from engine._core.mem.region cimport (memory_region_new_io, memory_region_new_ram,
                                      memory_region_get_dirty_log_mask, memory_region_free)

cdef enum:
    PAGE = 4096


cdef class Ram:
    cdef MemContext *ctx
    cdef MemoryRegion *mr
    cdef list calls

    def __cinit__(self, pages=64, page_bits=12):
        cdef int err = 0
        self.ctx = mem_context_new(page_bits, False)
        self.mr = memory_region_new_ram(self.ctx, b"ram", <uint64_t>pages << <int>page_bits, &err)
        assert self.mr != NULL
        self.calls = []

    def __dealloc__(self):
        mem_context_free(self.ctx)


def test_row_71_three_pages():
    cdef Ram r = Ram(3)
    cdef uint32_t c
    for c in range(DIRTY_MEMORY_NUM):
        assert test_and_clear_dirty(r.ctx, PAGE, PAGE, c)
        assert not test_and_clear_dirty(r.ctx, PAGE, PAGE, c)
        assert get_dirty(r.ctx, 0, 3 * PAGE, c) and not all_dirty(r.ctx, 0, 3 * PAGE, c)
        set_dirty_flag(r.ctx, PAGE + 5, c)
        assert get_dirty(r.ctx, 0, 3 * PAGE, c) and all_dirty(r.ctx, 0, 3 * PAGE, c)
        assert test_and_clear_dirty(r.ctx, 0, 3 * PAGE, c)
        assert not get_dirty(r.ctx, 0, 3 * PAGE, c) and not all_dirty(r.ctx, 0, 3 * PAGE, c)


def test_row_71_empty_ranges():
    cdef Ram r = Ram(4)
    clear_dirty_range(r.ctx, 0, 4 * PAGE)
    assert not get_dirty(r.ctx, PAGE, 0, 0) and all_dirty(r.ctx, PAGE, 0, 0)
    assert not test_and_clear_dirty(r.ctx, PAGE + 1, 0, 0)
    set_dirty_range(r.ctx, PAGE, 0, DIRTY_CLIENTS_ALL)
    assert not get_dirty(r.ctx, 0, 4 * PAGE, 0)
    set_dirty_range(r.ctx, PAGE + 1, 0, DIRTY_CLIENTS_ALL)      # unaligned: its page
    assert get_dirty_flag(r.ctx, PAGE, 0) and not get_dirty_flag(r.ctx, 2 * PAGE, 0)
    # Nonsense is refused without harm.
    assert not get_dirty(r.ctx, 0, PAGE, 4) and not all_dirty(r.ctx, 0, PAGE, 99)
    assert not test_and_clear_dirty(r.ctx, 0, PAGE, 4)
    set_dirty_range(r.ctx, 0xfffffffffffff000ULL, 0x10000, 7)
    assert all_dirty(r.ctx, 1ULL << 60, 1ULL << 62, 0)
    assert not test_and_clear_dirty(r.ctx, 1ULL << 60, 1ULL << 62, 0)


def test_row_65_66_67_71_against_sets():
    cdef Ram r = Ram(200)
    rnd = random.Random(4)
    clean = [set() for _ in range(DIRTY_MEMORY_BITMAPS)]
    for _ in range(int(os.environ.get("ENGINE_MODEL_STEPS", "4000"))):
        start, length = rnd.randrange(0, 190 * PAGE), rnd.choice([1, 10, PAGE,
                                                                  rnd.randrange(10 * PAGE)])
        if rnd.random() < 0.3:
            start &= ~(PAGE - 1)
        if length == 0:
            continue
        pages = set(range(start // PAGE, -(-(start + length) // PAGE)))
        c, mask = rnd.randrange(4), rnd.randrange(16)
        what = rnd.randrange(5)
        if what == 0:
            assert test_and_clear_dirty(r.ctx, start, length, c) == bool(pages - clean[c])
            clean[c] |= pages
        elif what == 1:
            set_dirty_range(r.ctx, start, length, mask)
            for k in range(4):
                if mask >> k & 1:
                    clean[k] -= pages
        elif what == 2 and rnd.random() < 0.2:
            clear_dirty_range(r.ctx, start, length)
            for k in range(4):
                clean[k] |= pages
        assert get_dirty(r.ctx, start, length, c) == bool(pages - clean[c])
        assert all_dirty(r.ctx, start, length, c) == (not pages & clean[c])
        want = sum(1 << k for k in range(4) if mask >> k & 1 and pages & clean[k])
        assert range_includes_clean(r.ctx, start, length, mask) == want
        assert is_clean(r.ctx, start) == any(start // PAGE in k for k in clean)
        first = next((p for p in range(start // PAGE, 200) if p not in clean[c]), 200)
        assert next_dirty_page(r.ctx, start // PAGE, 200, c) == first


def test_bits_follow_ram_that_is_reused():
    """A block that comes where another was is dirty for everybody."""
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef MemoryRegion *mr
    for _ in range(3):
        mr = memory_region_new_ram(ctx, b"r", 300 * PAGE, &err)
        assert mr.ram_addr == 0
        for c in range(DIRTY_MEMORY_NUM):
            assert all_dirty(ctx, 0, 300 * PAGE, c)
        clear_dirty_range(ctx, 0, 300 * PAGE)
        assert memory_region_free(mr) == 0
    mem_context_free(ctx)


def test_tables_grow():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef int err = 0
    cdef uint64_t size = 3ULL << 30
    cdef MemoryRegion *a = memory_region_new_ram(ctx, b"a", size, &err)
    assert a != NULL
    test_and_clear_dirty(ctx, 5 * PAGE, PAGE, 1)
    test_and_clear_dirty(ctx, size - PAGE, PAGE, 1)
    cdef MemoryRegion *b = memory_region_new_ram(ctx, b"b", 1ULL << 40, &err)
    assert b != NULL and b.ram_addr == size
    assert not get_dirty_flag(ctx, 5 * PAGE, 1) and not get_dirty_flag(ctx, size - PAGE, 1)
    assert get_dirty_flag(ctx, 6 * PAGE, 1) and all_dirty(ctx, size, 1ULL << 40, 1)
    assert test_and_clear_dirty(ctx, b.ram_addr + (1ULL << 39), PAGE, 0)
    assert not get_dirty_flag(ctx, b.ram_addr + (1ULL << 39), 0)
    mem_context_free(ctx)


def lebitmap(host_bits, start_page, count, tcg, words):
    """Dirty sets after set_dirty_lebitmap on wholly clean RAM; guest pages of 4 KiB or less."""
    cdef Ram r = Ram(2048, 12 - host_bits)
    cdef uint64_t *map = <uint64_t *>calloc(16, 8)
    r.ctx.code_logging = tcg
    for i, w in enumerate(words):
        map[i] = w
    clear_dirty_range(r.ctx, 0, 2048 << <int>(12 - host_bits))
    set_dirty_lebitmap(r.ctx, map, <uint64_t>start_page << <int>(12 - host_bits), count)
    free(map)
    shift = 12 - host_bits
    return [{p for p in range(2048) if get_dirty_flag(r.ctx, <uint64_t>(p << shift), c)}
            for c in range(3)]


def test_row_68_lebitmap():
    if host_page_size() != PAGE:
        return
    rnd = random.Random(5)
    for _ in range(30):
        words = [rnd.getrandbits(64) & rnd.getrandbits(64) for _ in range(8)]
        count = rnd.randint(1, 500)
        bits = [i for i in range(count) if words[i // 64] >> (i % 64) & 1]
        for tcg in (False, True):
            for start in (0, 64, 128, 3, 65):       # whole words, and bit by bit
                want = {start + i for i in bits}
                got = lebitmap(0, start, count, tcg, words)
                assert got == [want, want if tcg else set(), want]
            got = lebitmap(2, 8, 100, tcg, words)   # four guest pages a host page
            want = {8 + 4 * i + k for i in range(100) if words[i // 64] >> (i % 64) & 1
                    for k in range(4)}
            assert got[0] == want and got[2] == want


cdef list seen = []


cdef void invalidate(void *opaque, ram_addr_t addr, uint64_t length) noexcept nogil:
    with gil:
        seen.append((addr, length))


def test_row_67_invalidate_and_set_dirty():
    cdef Ram r = Ram(8)
    r.ctx.tb_invalidate_range = invalidate
    seen.clear()
    invalidate_and_set_dirty(r.ctx, 0, 8 * PAGE, 1 << DIRTY_MEMORY_CODE)     # no code anywhere
    assert seen == []
    tlb_protect_code(r.ctx, 2 * PAGE + 77)
    assert not get_dirty_flag(r.ctx, 2 * PAGE, DIRTY_MEMORY_CODE)
    assert get_dirty_flag(r.ctx, 3 * PAGE, DIRTY_MEMORY_CODE)
    invalidate_and_set_dirty(r.ctx, 5 * PAGE, 10, 1 << DIRTY_MEMORY_CODE)
    assert seen == []
    invalidate_and_set_dirty(r.ctx, PAGE + 8, PAGE, 1 << DIRTY_MEMORY_CODE)
    assert seen == [(PAGE + 8, PAGE)]
    # only its last block's going does that
    assert not get_dirty_flag(r.ctx, 2 * PAGE, DIRTY_MEMORY_CODE)
    tlb_unprotect_code(r.ctx, 2 * PAGE + 9)
    assert get_dirty_flag(r.ctx, 2 * PAGE, DIRTY_MEMORY_CODE)
    clear_dirty_range(r.ctx, 0, 8 * PAGE)
    invalidate_and_set_dirty(r.ctx, PAGE, 1, 1 << DIRTY_MEMORY_VGA)
    assert [get_dirty_flag(r.ctx, PAGE, c) for c in range(3)] == [True, False, False]
    invalidate_and_set_dirty(r.ctx, 2 * PAGE, 1, 0)
    assert [get_dirty_flag(r.ctx, 2 * PAGE, c) for c in range(3)] == [False] * 3


def test_row_74_masks_of_regions():
    cdef Ram r = Ram(4)
    cdef MemoryRegion *io = memory_region_new_io(r.ctx, NULL, NULL, b"io", PAGE)
    assert memory_region_get_dirty_log_mask(r.mr) == 1 << DIRTY_MEMORY_CODE
    assert memory_region_get_dirty_log_mask(io) == 0
    assert not memory_region_test_and_clear_dirty(io, 0, PAGE, 0)
    assert memory_region_test_and_clear_dirty(r.mr, PAGE, PAGE, 0)
    assert not memory_region_get_dirty(r.mr, PAGE, PAGE, 0)
    assert memory_region_get_dirty(r.mr, 0, PAGE, 0)
    r.mr.dirty_log_mask = 1 << DIRTY_MEMORY_VGA
    memory_region_set_dirty(r.mr, PAGE, 1)
    assert memory_region_get_dirty(r.mr, PAGE, PAGE, 0)
    r.ctx.code_logging = False
    cdef int err = 0
    cdef MemoryRegion *other = memory_region_new_ram(r.ctx, b"x", PAGE, &err)
    assert memory_region_get_dirty_log_mask(other) == 0
    assert memory_region_free(io) == 0


cdef void dirtier(MemContext *ctx, int lane) noexcept nogil:
    cdef int _k, p
    for _k in range(300):
        for p in range(lane, 64, 4):
            set_dirty_flag(ctx, <uint64_t>p << 12, 2)


def test_row_66_threads_lose_nothing():
    cdef Ram r = Ram(64)
    clear_dirty_range(r.ctx, 0, 64 * PAGE)

    def run(lane):
        cdef int k = lane
        with nogil:
            dirtier(r.ctx, k)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all_dirty(r.ctx, 0, 64 * PAGE, 2) and not get_dirty(r.ctx, 0, 64 * PAGE, 1)


# Each setter makes its page dirty, waits until the harvester has seen it, and again.
cdef uint64_t set_until(MemContext *ctx, uint64_t page, uint32_t *stop) noexcept nogil:
    cdef uint64_t count = 0
    while not atomic_load32(stop):
        set_dirty_flag(ctx, page << 12, 2)
        count += 1
        while get_dirty_flag(ctx, page << 12, 2):
            if atomic_load32(stop):
                return count
            thread_yield()
    return count


cdef void harvest_until(MemContext *ctx, uint64_t *seen, uint32_t *stop) noexcept nogil:
    cdef uint64_t[1] words
    cdef int bit, last = 0
    while not last:
        last = atomic_load32(stop) == 2         # once more after the setters have ended
        test_and_clear_bitmap(ctx, 0, 64, 2, True, words)
        for bit in range(64):
            seen[bit] += words[0] >> bit & 1


def test_row_65_66_every_set_is_harvested_exactly_once():
    """Setters and a harvester on the same word; ENGINE_STRESS_SECONDS=10 for the long run."""
    cdef Ram r = Ram(64)
    cdef uint64_t[64] seen
    cdef uint32_t stop = 0
    cdef int i
    seconds = float(os.environ.get("ENGINE_STRESS_SECONDS", "0.3"))
    clear_dirty_range(r.ctx, 0, 64 * PAGE)
    for i in range(64):
        seen[i] = 0
    counts = {}

    def setter(page):
        cdef uint64_t p = page, n
        with nogil:
            n = set_until(r.ctx, p, &stop)
        counts[page] = n

    def harvester():
        with nogil:
            harvest_until(r.ctx, seen, &stop)

    setters = [threading.Thread(target=setter, args=(page,)) for page in (3, 17, 40)]
    reader = threading.Thread(target=harvester)
    for t in (*setters, reader):
        t.start()
    time.sleep(seconds)
    atomic_store32(&stop, 1)
    for t in setters:
        t.join()
    atomic_store32(&stop, 2)
    reader.join()
    assert {i: seen[i] for i in range(64) if seen[i]} == counts
    assert all(n > 10 for n in counts.values())
