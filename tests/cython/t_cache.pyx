"""exec/cache alone: allocation, page lists, bitmaps, links, invalidation, flush (rows 20, 48, 67,
72, 73)."""
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine._core.base.types cimport ram_addr_t, uint8_t, uint64_t, uintptr_t, vaddr_t
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.cpu.tb_hash cimport tb_jmp_cache_hash
from engine._core.backend.backend cimport BackendOps, CodeBuffer
from engine._core.exec.cache cimport *

CODE = 1 << 20


cdef void note_link(TBExit *x, TB *to) noexcept nogil:
    x.patch = <uintptr_t>to         # stands for the patched jump


cdef void note_protect(void *opaque, ram_addr_t page) noexcept nogil:
    with gil:
        (<list>opaque).append(("protect", page))


cdef void note_unprotect(void *opaque, ram_addr_t page) noexcept nogil:
    with gil:
        (<list>opaque).append(("unprotect", page))


cdef ram_addr_t second_page(void *opaque, vaddr_t addr) noexcept nogil:
    return (<ram_addr_t *>opaque)[0]


cdef class Cache:
    cdef TBCache *c
    cdef CodeBuffer buf
    cdef BackendOps ops
    cdef TBExit *exits
    cdef readonly list events
    cdef ram_addr_t page1

    def __cinit__(self, size=CODE):
        memset(&self.ops, 0, sizeof(BackendOps))
        self.ops.link = note_link
        self.buf.size = size
        self.buf.base = <uint8_t *>calloc(1, size)
        self.buf.ptr = self.buf.base
        self.events = []
        self.exits = <TBExit *>calloc(256, sizeof(TBExit))
        self.c = cache_new(&self.buf, &self.ops, 12, note_protect, note_unprotect,
                           <void *>self.events)
        assert self.c is not NULL

    def __dealloc__(self):
        cache_free(self.c)
        free(self.buf.base)
        free(self.exits)

    def make(self, pc, size=16, page1=None, ram=None, code=64, findable=True):
        """A block at guest address pc whose ram address is the same; answers its index."""
        cdef TB *tb = cache_alloc_tb(self.c)
        if tb == NULL:
            return None
        tb.pc = tb.lo = pc
        tb.size = size
        tb.phys_pc = pc if ram is None else ram
        tb.page_addr[0] = tb.phys_pc & ~<uint64_t>0xfff
        if page1 is not None:
            tb.page_addr[1] = page1
        tb.code = self.buf.ptr
        tb.code_size = code
        self.buf.ptr += code
        tb.n_exits = 2
        tb.exits = &self.exits[2 * (self.c.n_tbs - 1)] if self.c.n_tbs <= 100 else NULL
        if tb.exits == NULL:
            tb.n_exits = 0
        else:
            memset(tb.exits, 0, 2 * sizeof(TBExit))
            tb.exits[0].owner = tb.exits[1].owner = tb
        cache_enter_tb(self.c, tb, findable)
        cache_enter_jmp(self.c, tb)
        return self.c.n_tbs - 1

    def find(self, pc, ram=None, page1=0, flags=0, cflags=0):
        cdef TB *tb
        self.page1 = page1
        tb = cache_lookup(self.c, pc, pc if ram is None else ram, 0, flags, cflags, second_page,
                          &self.page1)
        return None if tb == NULL else tb - self.c.tbs

    def jmp(self, pc):
        cdef TB *tb = self.c.jmp_cache[tb_jmp_cache_hash(pc, 12)]
        return None if tb == NULL else tb - self.c.tbs

    def invalidate(self, start, end, running=None):
        return cache_invalidate_range(self.c, start, end,
                                      NULL if running is None else &self.c.tbs[<int>running])

    def written(self, start, length, running=None):
        return cache_code_write(self.c, start, length,
                                NULL if running is None else &self.c.tbs[<int>running])

    def link(self, i, n, j):
        cache_link(self.c, &self.c.tbs[<int>i].exits[<int>n], &self.c.tbs[<int>j])

    def linked(self, i, n):
        cdef TBExit *x = &self.c.tbs[<int>i].exits[<int>n]
        assert x.patch == <uintptr_t>x.to
        return None if x.to == NULL else x.to - self.c.tbs

    def has_bitmap(self, page):
        cdef PageDesc *p = cache_find_page(self.c, page)
        return p != NULL and p.bitmap != NULL

    def code_at(self, offset):
        cdef TB *tb = cache_find_code(self.c, <uintptr_t>self.buf.base + <uint64_t>offset)
        return None if tb == NULL else tb - self.c.tbs

    def drop(self, i):
        cache_drop_tb(self.c, &self.c.tbs[<int>i])

    def flush(self):
        cache_flush(self.c)

    @property
    def n(self):
        return self.c.n_tbs

    @property
    def used(self):
        return self.buf.ptr - self.buf.base


def test_row_55_lookup_needs_every_part_of_the_key():
    c = Cache()
    t = c.make(0x1004)
    assert c.find(0x1004) == t and c.jmp(0x1004) == t
    assert c.find(0x1004, flags=1) is None and c.find(0x1004, cflags=1) is None
    assert c.find(0x5004, ram=0x1004) is None       # another virtual address of the same page
    assert c.find(0x1004, ram=0x2004) is None
    alias = c.make(0x5004, ram=0x1004)
    assert c.find(0x5004, ram=0x1004) == alias and c.find(0x1004) == t


def test_two_pages():
    c = Cache()
    t = c.make(0x1ffe, size=4, page1=0x2000)
    assert c.find(0x1ffe, page1=0x2000) == t
    assert c.find(0x1ffe, page1=0x7000) is None     # the second page is elsewhere now
    assert c.invalidate(0x2000, 0x2001) is False and c.find(0x1ffe, page1=0x2000) is None
    assert sorted(c.events) == [("protect", 0x1000), ("protect", 0x2000),
                                ("unprotect", 0x1000), ("unprotect", 0x2000)]


def test_row_73_ranges():
    for start, end, hit in ((0x1000, 0x1010, False), (0x1000, 0x1011, True), (0x101f, 0x1020, True),
                            (0x1020, 0x1fff, False), (0, 1 << 63, True), (0x1010, 0x1010, False),
                            (0, 0x1010, False), (0x1018, 0x3000, True)):
        c = Cache()
        t = c.make(0x1010, 16)
        other = c.make(0x1800, 16)
        assert c.invalidate(start, end, t) == hit, (start, end)
        assert (c.find(0x1010) is None) == hit
        assert (c.jmp(0x1010) is None) == hit
        if end <= 0x1800:
            assert c.find(0x1800) == other


def test_row_72_protection_follows_the_first_and_last_block():
    c = Cache()
    c.make(0x1000)
    c.make(0x1100)
    assert c.events == [("protect", 0x1000)]
    c.invalidate(0x1000, 0x1001)
    assert len(c.events) == 1
    c.invalidate(0x1100, 0x1101)
    assert c.events[1:] == [("unprotect", 0x1000)]
    c.make(0x1000)
    assert c.events[2:] == [("protect", 0x1000)]
    c.flush()
    assert c.events[3:] == [("unprotect", 0x1000)]


def test_row_67_bitmap_after_ten_writes():
    c = Cache()
    t = c.make(0x1100, 16)
    for _ in range(9):
        c.written(0x1000, 8)
        assert not c.has_bitmap(0x1000)
    c.written(0x1000, 8)
    assert c.has_bitmap(0x1000)
    for off in range(0, 0x200):
        if off + 4 <= 0x100 or off >= 0x110:
            assert c.written(0x1000 + off, 4, t) is False
    assert c.find(0x1100) == t
    new = c.make(0x1200, 4)
    assert not c.has_bitmap(0x1000)             # it does not know the new block
    assert c.written(0x1200, 1, new) is True and c.find(0x1200) is None and c.find(0x1100) == t
    assert c.written(0x110f, 8, t) is True and c.find(0x1100) is None


def test_write_across_a_page():
    c = Cache()
    t = c.make(0x2000, 4)
    assert c.written(0x1ffc, 8, t) is True


def test_links_die_with_either_end():
    for victim in (0, 1):
        c = Cache()
        a, b, d = c.make(0x1000), c.make(0x1100), c.make(0x1200)
        c.link(a, 0, b)
        c.link(b, 1, a)
        c.link(d, 0, a)
        c.link(d, 1, b)
        assert c.linked(a, 0) == b and c.linked(b, 1) == a
        c.invalidate(0x1000 + 0x100 * victim, 0x1001 + 0x100 * victim)
        assert c.linked(a, 0) is None and c.linked(b, 1) is None
        assert c.linked(d, victim) is None and c.linked(d, 1 - victim) == (b, a)[victim]


def test_self_link():
    c = Cache()
    a = c.make(0x1000)
    c.link(a, 0, a)
    assert c.linked(a, 0) == a
    c.invalidate(0x1000, 0x1001)
    assert c.linked(a, 0) is None


def test_row_24_find_by_code_address():
    c = Cache()
    a, b = c.make(0x1000, code=48), c.make(0x1100, code=64)
    assert [c.code_at(x) for x in (0, 47, 48, 111, 112)] == [a, a, b, b, None]


def test_row_23_one_shot_gives_its_code_back():
    c = Cache()
    c.make(0x1000)
    n, used = c.n, c.used
    t = c.make(0x1100, findable=False)
    assert c.find(0x1100) is None
    c.invalidate(0x1100, 0x1101)
    c.drop(t)
    assert (c.n, c.used) == (n, used)
    t = c.make(0x1100)
    c.make(0x1200)
    c.drop(t)                                   # not the newest: stays until the flush
    assert c.n == n + 2


def test_row_48_array_is_finite_and_flush_empties():
    c = Cache(400 * 200)
    made = 0
    while c.make(0x10000 + 4096 * (made % 50) + 4 * made, 4, code=16) is not None:
        made += 1
    assert made == 200
    assert c.find(0x10000) == 0
    c.flush()
    assert c.n == 0 and c.used == 0
    for i in range(200):
        pc = 0x10000 + 4096 * (i % 50) + 4 * i
        assert c.find(pc) is None and c.jmp(pc) is None
    assert c.make(0x10000) == 0 and c.find(0x10000) == 0


def test_flush_of_a_large_cache():
    c = Cache(400 * 6000)
    for i in range(6000):
        c.make(0x10000 + 16 * i, 16, code=16)
    c.flush()
    assert all(c.find(0x10000 + 16 * i) is None for i in range(6000))
    assert c.invalidate(0, 1 << 63) is False


def test_pages_are_reused_without_end():
    c = Cache(400 * 100)
    for i in range(99):
        c.make(0x1000 * (i + 1), 16)
    for i in range(99):
        c.invalidate(0x1000 * (i + 1), 0x1000 * (i + 1) + 1)
    t = c.make(0x1000)
    assert c.find(0x1000) == t and c.make(0x5000) is None


def test_against_a_plain_model():
    import random
    rnd = random.Random(5)
    for _ in range(30):
        c = Cache(400 * 300)
        model = {}
        for _ in range(250):
            what = rnd.random()
            if what < 0.5:
                pc = 0x1000 + rnd.randrange(0, 0x6000) // 4 * 4
                size = min(rnd.choice((4, 8, 64, 300)), 0x1000 - pc % 0x1000)
                if pc not in model:
                    t = c.make(pc, size, code=16)
                    if t is None:
                        break
                    model[pc] = (t, size)
            else:
                start = 0x1000 + rnd.randrange(0, 0x6000)
                length = rnd.choice((1, 4, 8, 0x100, 0x3000))
                if what < 0.8:
                    c.written(start, length)
                else:
                    c.invalidate(start, start + length)
                model = {pc: v for pc, v in model.items()
                         if pc + v[1] <= start or pc >= start + length}
            pages = {pc & ~0xfff for pc in model}
            state = {}
            for kind, page in c.events:
                assert state.get(page) != kind
                state[page] = kind
            assert {p for p, k in state.items() if k == "protect"} == pages
            for pc, (t, _) in model.items():
                assert c.find(pc) == t
