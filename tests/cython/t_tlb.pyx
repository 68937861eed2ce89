"""TLB tables: fill, victims, flushes, dirty flags, host pointers (rows 28, 36, 46, 64, 65, 72)."""
import os
import random

from engine._core.base.clock cimport clock_ns
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, MO_64, PROT_ALL,
                                      PROT_EXEC, PROT_READ, PROT_WRITE, uint8_t, uint32_t, uint64_t,
                                      uintptr_t, vaddr_t)
from engine._core.mem.context cimport (AddressSpace, DIRTY_MEMORY_CODE, DIRTY_MEMORY_MIGRATION,
                                       DIRTY_MEMORY_NUM, MemContext, MemoryRegion,
                                       mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport set_dirty_range, test_and_clear_dirty
from engine._core.mem.region cimport (memory_region_add_subregion, memory_region_new,
                                      memory_region_new_io, memory_region_new_ram,
                                      memory_region_new_rom)
from engine._core.mem.tlb cimport (AccessHooks, CPUTLB, CPUTLBEntry, CPU_TLB_BITS, CPU_TLB_MAX_BITS,
                                   CPU_VTLB_SIZE, NB_MMU_MODES,
                                   TLB_MMIO, TLB_NOTDIRTY, TLB_SUBPAGE, TLB_WATCH, tlb_entry,
                                   tlb_flush_all, tlb_flush_modes, tlb_flush_page_modes, tlb_free,
                                   tlb_hit_read, tlb_hit_write, tlb_init, tlb_reset_dirty,
                                   tlb_set_dirty, tlb_set_page, tlb_vaddr_to_host, tlb_victim_hit)
from engine._core.mem.topology cimport address_space_new

cdef enum:
    PAGE = 4096
    RAM = 0x100000              # bytes of RAM at 0

NONE = int("f" * 16, 16)
WAY = PAGE << CPU_TLB_BITS      # addresses this far apart share a slot until the table grows
LARGEST_WAY = PAGE << CPU_TLB_MAX_BITS      # ... and after it has grown, too


cdef class Box:
    cdef MemContext *ctx
    cdef MemoryRegion *ram
    cdef AddressSpace *space
    cdef void *spaces[1]
    cdef CPUTLB t
    cdef AccessHooks hooks

    def __cinit__(self):
        cdef int err = 0
        cdef MemoryRegion *top
        self.ctx = mem_context_new(12, False)
        top = memory_region_new(self.ctx, b"top", 0xffffffffffffffffULL)
        self.ram = memory_region_new_ram(self.ctx, b"ram", RAM, &err)
        memory_region_add_subregion(top, 0, self.ram)
        memory_region_add_subregion(top, 0x200000, memory_region_new_rom(self.ctx, b"rom", PAGE,
                                                                         &err))
        memory_region_add_subregion(top, 0x300000,
                                    memory_region_new_io(self.ctx, NULL, NULL, b"io", PAGE))
        memory_region_add_subregion(top, 0x400000, memory_region_new_ram(self.ctx, b"half", 2048,
                                                                         &err))
        self.space = address_space_new(self.ctx, top, b"memory")
        self.spaces[0] = self.space
        assert tlb_init(&self.t, NULL, self.ctx, 4, 12, NULL)
        self.t.ases = self.spaces
        self.t.n_ases = 1

    def __dealloc__(self):
        tlb_free(&self.t)
        mem_context_free(self.ctx)

    def put(self, addr, paddr=None, prot=PROT_ALL, idx=0, size=PAGE):
        return tlb_set_page(&self.t, addr, addr % RAM if paddr is None else paddr, 1, prot, idx,
                            size)

    def words(self, addr, idx=0):
        cdef CPUTLBEntry *e = tlb_entry(&self.t, idx, addr)
        return e.f.addr_read, e.f.addr_write, e.f.addr_code

    def hit(self, addr, idx=0):
        """In the direct-mapped slot or among the victims."""
        words = self.words(addr, idx)
        return any(w & ~0xfff == addr & ~0xfff and w & 8 == 0 for w in words) or \
            self.victim(addr, idx) is not None

    def slots(self, idx=0):
        return (self.t.desc[idx].mask >> 5) + 1

    def victim(self, addr, idx=0):
        for k in range(CPU_VTLB_SIZE):
            if self.t.mode[idx].vtable[k].f.addr_read & ~<uint64_t>0xff7 == addr:
                return k
        return None


def test_row_46_entry_is_a_union_of_32_bytes():
    cdef CPUTLBEntry e
    assert sizeof(CPUTLBEntry) == 32 and NB_MMU_MODES == 12
    base = <uintptr_t>&e
    assert [<uintptr_t>&e.f.addr_read - base, <uintptr_t>&e.f.addr_write - base,
            <uintptr_t>&e.f.addr_code - base, <uintptr_t>&e.f.addend - base] == [0, 8, 16, 24]
    assert <uintptr_t>&e.word[2] - base == 16


def test_nothing_hits_before_the_first_fill():
    cdef Box b = Box()
    rnd = random.Random(1)
    for addr in [0, PAGE, NONE, NONE - 7] + [rnd.getrandbits(64) for _ in range(50)]:
        for idx in range(4):
            assert tlb_hit_read(&b.t, addr, idx) == NULL
            assert tlb_hit_write(&b.t, addr, 3 << 4 | idx) == NULL
            assert tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, idx) == NULL
            assert not tlb_victim_hit(&b.t, idx, addr, ACCESS_READ)
    tlb_flush_all(&b.t)
    assert not tlb_flush_page_modes(&b.t, 0, 15)
    assert b.t.mode[0].io == NULL                       # no memory was spent


def test_fill_sets_words_and_flags():
    cdef Box b = Box()
    addr = 0x7f00003000
    assert b.put(addr, 0x3000) == 0
    assert b.words(addr) == (addr, addr, addr)
    assert tlb_hit_read(&b.t, addr + 5, 0) == b.ram.host + 0x3005
    assert tlb_hit_write(&b.t, addr + 8, MO_64 << 4) == b.ram.host + 0x3008
    assert b.put(addr, 0x3000, PROT_READ) == 0 and b.words(addr) == (addr, NONE, NONE)
    assert b.put(addr, 0x3000, PROT_EXEC) == 0 and b.words(addr) == (NONE, NONE, addr)
    b.put(addr, 0x200000)
    assert b.words(addr) == (addr, addr | TLB_MMIO, addr)
    b.put(addr, 0x300000)
    assert b.words(addr) == (addr | TLB_MMIO,) * 3
    for paddr in (0x400000, 0x900000):                  # half a page, nothing
        b.put(addr, paddr)
        assert b.words(addr) == (addr | TLB_MMIO | TLB_SUBPAGE,) * 3
    assert b.t.mode[0].io != NULL and b.put(addr, 0, PROT_ALL, 4) == -1
    assert b.put(addr, 0, 7, -1) == -1


def test_comparator():
    cdef Box b = Box()
    addr = 0x5000
    b.put(addr)
    for n in range(5):
        for align in range(8):
            oi = (n | align << 5) << 4
            need = 1 << (n if align == 7 else align)
            for off in list(range(0, 70)) + list(range(PAGE - 40, PAGE)):
                hit = off % need == 0 and off + (1 << n) <= PAGE
                got = tlb_hit_read(&b.t, addr + off, oi) != NULL
                assert got == hit or (need > 16 and not got), (n, align, off)
                # A flag never makes a hit of it.
    test_and_clear_dirty(b.ctx, addr, PAGE, DIRTY_MEMORY_CODE)
    assert b.words(addr)[1] == addr | TLB_NOTDIRTY
    for align in range(8):
        for off in range(64):
            assert tlb_hit_write(&b.t, addr + off, (0 | align << 5) << 4) == NULL


def test_victims():
    cdef Box b = Box()
    b.put(0x1000, prot=PROT_READ)
    for i in range(1, 9):
        b.put(0x1000 + i * WAY)
        assert b.words(0x1000 + i * WAY)[0] == 0x1000 + i * WAY
    # Nine pages of one slot: the slot and eight victims.
    assert all(b.hit(0x1000 + i * WAY) for i in range(9))
    b.put(0x1000 + 9 * WAY)
    assert not b.hit(0x1000)                            # the oldest fell out
    v = b.victim(0x1000 + 4 * WAY)
    assert tlb_victim_hit(&b.t, 0, 0x1000 + 4 * WAY + 123, ACCESS_READ)
    assert b.words(0x1000 + 4 * WAY)[0] == 0x1000 + 4 * WAY
    assert b.victim(0x1000 + 9 * WAY) == v              # swapped
    assert <uint8_t *>tlb_vaddr_to_host(&b.t, 0x1000 + 4 * WAY, ACCESS_READ, 0) == \
        b.ram.host + <uint64_t>((0x1000 + 4 * WAY) % RAM)
    assert not tlb_victim_hit(&b.t, 0, 0x1000, ACCESS_READ)
    # A victim serves only the accesses it grants.
    b.put(0x2000, prot=PROT_READ)
    b.put(0x2000 + WAY)
    assert not tlb_victim_hit(&b.t, 0, 0x2000, ACCESS_WRITE)
    assert tlb_victim_hit(&b.t, 0, 0x2000, ACCESS_READ)
    # Filling the same page again does not evict it.
    cursor = b.t.mode[0].vindex
    b.put(0x2000)
    assert b.t.mode[0].vindex == cursor


def test_row_36_flush_by_mmu_index():
    cdef Box b = Box()
    for idx in range(3):
        b.put(0x1000, idx=idx)
        b.put(0x1000 + WAY, idx=idx)
    b.t.mode[0].vindex = 5
    tlb_flush_modes(&b.t, 0b101)
    assert [b.hit(0x1000, i) for i in range(3)] == [False, True, False]
    assert [b.hit(0x1000 + WAY, i) for i in range(3)] == [False, True, False]
    assert b.t.mode[0].vindex == 5                      # only the full flush resets the cursor
    count = b.t.flush_count
    tlb_flush_modes(&b.t, 0)
    assert b.hit(0x1000, 1) and b.t.flush_count == count + 1
    tlb_flush_all(&b.t)
    assert not b.hit(0x1000, 1) and b.t.mode[0].vindex == 0


def test_row_36_flush_page_by_mmu_index():
    cdef Box b = Box()
    for idx in range(2):
        for addr in (0x1000, 0x1000 + WAY, 0x2000):
            b.put(addr, idx=idx)
    assert not tlb_flush_page_modes(&b.t, 0x1abc, 0b01)
    assert not b.hit(0x1000, 0) and b.hit(0x1000, 1)    # it was a victim
    assert b.hit(0x1000 + WAY, 0) and b.hit(0x2000, 0)
    tlb_flush_page_modes(&b.t, 0x2000, 0b11)
    assert not b.hit(0x2000, 0) and not b.hit(0x2000, 1)


def test_row_36_flush_page_in_a_large_page():
    cdef Box b = Box()
    large = 2 << 20
    b.put(large + 0x5000, 0x5000, idx=0, size=large)
    b.put(0x40000000, 0x5000, idx=0)
    b.put(0x40000000, 0x5000, idx=1)
    b.put(0x40000000, 0x5000, idx=2)
    assert tlb_flush_page_modes(&b.t, large + 0x9000, 0b101)
    assert [b.hit(0x40000000, i) for i in range(3)] == [False, True, False]
    assert not b.hit(large + 0x5000)
    # The record grows over a second large page, and the full flush forgets it.
    tlb_flush_all(&b.t)
    assert b.t.mode[0].large_addr == NONE
    b.put(large, 0, idx=0, size=large)
    b.put(5 * large, 0, idx=0, size=large)
    assert b.t.mode[0].large_addr == 0 and b.t.mode[0].large_mask == NONE - (8 * large - 1)
    b.put(0x40000000, 0x5000, idx=0)
    assert not tlb_flush_page_modes(&b.t, 16 * large, 1) and b.hit(0x40000000)
    assert tlb_flush_page_modes(&b.t, 3 * large, 1) and not b.hit(0x40000000)


def test_row_28_set_dirty():
    cdef Box b = Box()
    for idx in range(2):
        for addr in (0x3000, 0x4000):
            b.put(addr, idx=idx)
    b.put(0x3000 + WAY, 0x9000, idx=1)                    # 0x3000 of mode 1 becomes a victim
    test_and_clear_dirty(b.ctx, 0, RAM, DIRTY_MEMORY_MIGRATION)
    assert b.words(0x3000)[1] == 0x3000 | TLB_NOTDIRTY
    v = b.victim(0x3000, 1)
    assert b.t.mode[1].vtable[v].f.addr_write == 0x3000 | TLB_NOTDIRTY
    tlb_set_dirty(&b.t, 0x3abc)
    assert b.words(0x3000)[1] == 0x3000 and b.t.mode[1].vtable[v].f.addr_write == 0x3000
    assert b.words(0x4000)[1] == 0x4000 | TLB_NOTDIRTY
    # Other flags stay.
    tlb_entry(&b.t, 0, 0x4000).f.addr_write = 0x4000 | TLB_NOTDIRTY | TLB_WATCH
    tlb_set_dirty(&b.t, 0x4000)
    assert b.words(0x4000)[1] == 0x4000 | TLB_NOTDIRTY | TLB_WATCH


def test_row_65_write_traps_are_for_the_range_only():
    cdef Box b = Box()
    for i in range(8):
        b.put(0x10000 + i * PAGE)
    b.put(0x200000, 0x200000)                           # ROM: has no write word to mark
    tlb_reset_dirty(&b.t, <uintptr_t>b.ram.host + 0x12000, 0x3000)
    got = [b.words(0x10000 + i * PAGE)[1] & TLB_NOTDIRTY != 0 for i in range(8)]
    assert got == [False, False, True, True, True, False, False, False], got
    assert b.words(0x200000)[1] == 0x200000 | TLB_MMIO
    # Clearing by bytes arms whole pages, the last one too.
    tlb_flush_all(&b.t)
    for i in range(8):
        b.put(0x20000 + i * PAGE)
    assert test_and_clear_dirty(b.ctx, 0x21fff, 2, DIRTY_MEMORY_CODE)
    got = [b.words(0x20000 + i * PAGE)[1] & TLB_NOTDIRTY != 0 for i in range(8)]
    assert got == [False, True, True, False, False, False, False, False], got


def test_row_67_a_page_that_is_clean_at_fill_traps():
    cdef Box b = Box()
    for client in range(DIRTY_MEMORY_NUM):
        test_and_clear_dirty(b.ctx, client * PAGE, PAGE, client)
        b.put(client * PAGE)
        assert b.words(client * PAGE)[1] == client * PAGE | TLB_NOTDIRTY
    b.put(3 * PAGE)
    assert b.words(3 * PAGE)[1] == 3 * PAGE


def test_row_64_vaddr_to_host():
    cdef Box b = Box()
    addr = 0x8000
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, 0) == NULL
    b.put(addr, prot=PROT_READ | PROT_WRITE)
    assert <uint8_t *>tlb_vaddr_to_host(&b.t, addr + 7, ACCESS_READ, 0) == b.ram.host + 0x8007
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_FETCH, 0) == NULL
    assert tlb_vaddr_to_host(&b.t, addr, 3, 0) == NULL
    assert tlb_vaddr_to_host(&b.t, addr, 0, 9) == NULL
    test_and_clear_dirty(b.ctx, addr, 1, DIRTY_MEMORY_CODE)
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_WRITE, 0) == NULL
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, 0) != NULL
    b.put(addr, 0x300000)
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, 0) == NULL
    # Victims are not asked.
    b.put(addr)
    b.put(addr + WAY)
    assert tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, 0) == NULL


cdef uint32_t watch(void *cpu, vaddr_t page) noexcept nogil:
    return 1 << ACCESS_WRITE if page == 0x6000 else 0


def test_watch_and_address_space_index():
    cdef Box b = Box()
    b.hooks.watch = watch
    b.t.hooks = &b.hooks
    b.put(0x6000)
    b.put(0x7000)
    assert b.words(0x6000) == (0x6000, 0x6000 | TLB_WATCH, 0x6000)
    assert b.words(0x7000) == (0x7000,) * 3
    # A watched page is armed like any other.
    test_and_clear_dirty(b.ctx, 0x6000, 1, DIRTY_MEMORY_CODE)
    assert b.words(0x6000)[1] == 0x6000 | TLB_WATCH | TLB_NOTDIRTY


class Model:
    """What the TLB may hold: (mode, page) -> [protection, whether stores trap], and the record of
    large pages that each mode keeps (row 36)."""

    def __init__(self):
        self.put, self.large = {}, {}

    def fill(self, idx, addr, prot, traps, size):
        self.put[idx, addr] = [prot, traps]
        if size > PAGE:
            if idx not in self.large:
                self.large[idx] = addr & ~(size - 1), ~(size - 1)
            else:
                base, mask = self.large[idx]
                mask &= ~(size - 1)
                while (base ^ addr) & mask:
                    mask <<= 1
                self.large[idx] = base & mask, mask

    def flush(self, modes):
        self.put = {k: v for k, v in self.put.items() if not modes >> k[0] & 1}

    def flush_page(self, addr, modes):
        for idx in range(4):
            if not modes >> idx & 1:
                continue
            base, mask = self.large.get(idx, (None, 0))
            if base is not None and addr & mask == base:
                self.flush(modes)       # row 36: a whole flush of the listed modes
                return
        for idx in range(4):
            if modes >> idx & 1:
                self.put.pop((idx, addr), None)


def test_rows_28_36_65_against_a_model():
    """Random fills (large pages too), look-ups, flushes and dirty bits: what hits is what was put
    and not flushed since, and stores trap where the model says so."""
    cdef Box b = Box()
    cdef CPUTLBEntry *e
    rnd = random.Random(9)
    model, clean, sizes = Model(), set(), set()
    for step in range(int(os.environ.get("ENGINE_MODEL_STEPS", "20000"))):
        page = rnd.randrange(0, 3000)
        addr, ram = page * PAGE, page * PAGE % RAM
        idx, what = rnd.randint(0, 3), rnd.random()
        calm = step // 6000 % 2 == 0        # no large pages, no whole flushes: the tables grow
        sizes.add(b.slots(idx))
        if step % 6000 == 0:
            tlb_flush_all(&b.t)
            model = Model()
        if calm:
            what *= 0.985
        if what < 0.4:
            prot = rnd.choice([1, 3, 5, 7])
            size = rnd.choice([PAGE, PAGE, PAGE, PAGE, PAGE if calm else 16 * PAGE])
            b.put(addr, None, prot, idx, size)
            model.fill(idx, addr, prot, ram in clean, size)
        elif what < 0.85:
            access = rnd.randint(0, 2)
            e = tlb_entry(&b.t, idx, addr)
            found = e.word[access] & ~<uint64_t>(PAGE - 1 & ~8) == addr
            if not found:
                found = tlb_victim_hit(&b.t, idx, addr, access)
                e = tlb_entry(&b.t, idx, addr)
            if found:
                prot, traps = model.put.get((idx, addr), (0, None))
                assert prot >> access & 1, (idx, hex(addr))
                if access == ACCESS_WRITE:
                    # A table that grows arms again what tlb_set_dirty opened on a clean page.
                    armed = e.f.addr_write & TLB_NOTDIRTY != 0
                    assert armed == traps or armed and ram in clean
                else:
                    assert <uint8_t *>tlb_vaddr_to_host(&b.t, addr, access, idx) == \
                        b.ram.host + <uint64_t>ram
        elif what < 0.9:
            tlb_set_dirty(&b.t, addr + 5)
            for i in range(4):
                if (i, addr) in model.put:
                    model.put[i, addr][1] = False
        elif what < 0.93:
            client = rnd.randrange(3)
            if test_and_clear_dirty(b.ctx, ram, PAGE, client):
                for key, entry in model.put.items():
                    if key[1] % RAM == ram:
                        entry[1] = True
            clean.add(ram)
        elif what < 0.95:
            set_dirty_range(b.ctx, ram, PAGE, 7)
            clean.discard(ram)
        elif what < 0.99:
            modes = rnd.randint(0, 15)
            tlb_flush_page_modes(&b.t, addr, modes)
            model.flush_page(addr, modes)
        elif what < 0.999:
            modes = rnd.randint(0, 15)
            tlb_flush_modes(&b.t, modes)
            model.flush(modes)
        else:
            tlb_flush_all(&b.t)
            model = Model()
    assert {1 << CPU_TLB_BITS, 2 << CPU_TLB_BITS} <= sizes


def test_table_grows_with_conflicts():
    cdef Box b = Box()
    b.put(0)
    sizes = [b.slots()]
    assert sizes == [256] and b.slots(1) == 1
    for page in range(1, 255):
        b.put(page * PAGE)
    assert b.slots() == 256                             # no conflict yet
    test_and_clear_dirty(b.ctx, 3 * PAGE, PAGE, DIRTY_MEMORY_MIGRATION)
    # A working set of 1,000 pages, again and again: from some time on every page hits.
    for _turn in range(8):
        fills = 0
        for page in range(1000):
            addr = page * PAGE
            if not (b.hit(addr) and (tlb_vaddr_to_host(&b.t, addr, ACCESS_READ, 0) != NULL or
                                     tlb_victim_hit(&b.t, 0, addr, ACCESS_READ))):
                b.put(addr)
                fills += 1
            if b.slots() != sizes[len(sizes) - 1]:
                sizes.append(b.slots())
    assert sizes == [256, 512, 1024] and fills == 0
    for page in range(1000):
        addr = page * PAGE
        ram = b.ram.host + <uint64_t>(addr % RAM)
        assert <uint8_t *>tlb_vaddr_to_host(&b.t, addr + 9, ACCESS_READ, 0) == ram + 9
        traps = page % 256 == 3
        assert b.words(addr) == (addr, addr | (TLB_NOTDIRTY if traps else 0), addr)
    # Dirty flags and page flushes reach what lies beyond the first 256.
    assert test_and_clear_dirty(b.ctx, 0x10000, PAGE, DIRTY_MEMORY_CODE)
    for page in (0x10, 0x110, 0x310):
        assert b.words(page * PAGE)[1] == page * PAGE | TLB_NOTDIRTY
    tlb_set_dirty(&b.t, 0x310 * PAGE)
    assert b.words(0x310 * PAGE)[1] == 0x310 * PAGE
    tlb_flush_page_modes(&b.t, 0x310 * PAGE, 1)
    assert not b.hit(0x310 * PAGE) and b.hit(0x210 * PAGE)


def test_table_shrinks_when_flushes_find_it_empty():
    cdef Box b = Box()
    for page in range(6000):
        b.put(page * PAGE)
    size = b.slots()
    assert size >= 2048
    tlb_flush_all(&b.t)
    assert b.slots() == size                            # it was full
    assert not any(b.hit(page * PAGE) for page in range(6000))
    seen = []
    for _ in range(12):
        b.put(0x5000)
        assert b.hit(0x5000)
        tlb_flush_modes(&b.t, 1)
        assert not b.hit(0x5000)
        seen.append(b.slots())
    assert seen[0] == size // 2 and seen.count(256) >= 2
    for page in range(60000):                           # and up again, to the end
        b.put(page * PAGE)
    assert b.slots() == 1 << CPU_TLB_MAX_BITS
    assert all(b.hit(page * PAGE) for page in range(60000 - (1 << CPU_TLB_MAX_BITS), 60000))


def test_freed_tlbs_are_forgotten():
    cdef Box b = Box()
    cdef CPUTLB other
    assert tlb_init(&other, NULL, b.ctx, 1, 12, NULL) and b.ctx.n_tlbs == 2
    tlb_free(&other)
    tlb_free(&other)
    assert b.ctx.n_tlbs == 1
    b.put(0)
    test_and_clear_dirty(b.ctx, 0, PAGE, DIRTY_MEMORY_CODE)
    assert not tlb_init(&other, NULL, NULL, NB_MMU_MODES + 1, 12, NULL)


def bench_lookup(loops=5_000_000):
    """{what: ns} of TLB look-ups; for tests/bench/bench_core.py."""
    cdef Box b = Box()
    cdef uint64_t n = loops, i, began, sum = 0
    cdef uint32_t oi = MO_64 << 4
    for page in range(256):
        b.put(page * PAGE)
    began = clock_ns()
    for i in range(n):
        sum += <uint64_t>tlb_hit_read(&b.t, (i << 7) & 0xffff8, oi)
    hit = <double>(clock_ns() - began) / n
    b.put(LARGEST_WAY, 0x1000)
    b.put(2 * LARGEST_WAY, 0x1000)
    began = clock_ns()
    for i in range(n // 10):
        sum += tlb_victim_hit(&b.t, 0, (1 + (i & 1)) * <uint64_t>LARGEST_WAY, ACCESS_READ)
    victim = <double>(clock_ns() - began) / (n // 10)
    began = clock_ns()
    for i in range(n // 100):
        tlb_set_page(&b.t, (i & 0xff) << 12, (i & 0xff) << 12, 1, PROT_ALL, 0, PAGE)
    fill = <double>(clock_ns() - began) / (n // 100)
    began = clock_ns()
    for _i in range(1000):
        tlb_flush_all(&b.t)
        tlb_set_page(&b.t, 0, 0, 1, PROT_ALL, 0, PAGE)
    return {"hit": hit, "victim swap": victim, "fill": fill,
            "flush and fill": <double>(clock_ns() - began) / 1000, "_": sum & 1}
