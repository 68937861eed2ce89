"""The slow path of guest accesses against a byte-by-byte reference; faults, code, hooks."""
import random

from libc.string cimport memset
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, MO_64, MO_ALIGN,
                                      MO_BE, MO_SIGN, MO_SIZE, PROT_ALL, PROT_READ, PROT_WRITE,
                                      ST_FAULT, ST_HOOK_ERROR, ST_OK, ST_RETRY_ONE, hwaddr,
                                      ram_addr_t, uint8_t, uint32_t, uint64_t, uintptr_t, vaddr_t)
from engine._core.mem.access cimport (access_fetch, access_load, access_probe, access_rmw,
                                      access_store, access_store128, get_page_addr_code)
from engine._core.mem.attrs cimport MEMTX_ERROR, MEMTX_HOOK_ERROR
from engine._core.mem.context cimport (AddressSpace, DEVICE_BIG_ENDIAN, DEVICE_LITTLE_ENDIAN,
                                       DIRTY_MEMORY_CODE, DIRTY_MEMORY_MIGRATION, MemContext,
                                       MemoryRegion, MemoryRegionOps, RAM_ADDR_NONE,
                                       mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport (get_dirty_flag, test_and_clear_dirty, tlb_protect_code,
                                     tlb_unprotect_code)
from engine._core.mem.region cimport (memory_region_add_subregion, memory_region_new,
                                      memory_region_new_io, memory_region_new_ram,
                                      memory_region_new_rom, memory_region_set_prot)
from engine._core.mem.tlb cimport (ACCESS_FAULT_IO, ACCESS_FAULT_MISALIGNED, ACCESS_FAULT_PROT,
                                   ACCESS_FAULT_UNMAPPED, AccessHooks, CPUTLB, MEMORY_FAULT_FINAL,
                                   tlb_flush_all, tlb_free, tlb_hit_read, tlb_hit_write, tlb_init,
                                   tlb_set_page)
from engine._core.mem.topology cimport address_space_new

cdef enum:
    PAGE = 4096
    PAGES = 32

cdef extern from *:
    const uint64_t V "0x7000000000ULL"      # virtual = physical + V


ctypedef struct World:
    MemContext *ctx
    MemoryRegion *top
    AddressSpace *space
    void *spaces[1]
    CPUTLB tlb
    AccessHooks hooks
    MemoryRegionOps ops
    MemoryRegionOps big_ops
    uint8_t device[4096]
    uint32_t device_result
    uint8_t mmu[32]             # what the guest's page tables grant
    int faults
    vaddr_t fault_addr
    hwaddr fault_paddr
    uint32_t fault_size
    int fault_access
    int fault_reason
    int fault_idx
    int retry_maps              # on an unmapped fault: map a page of RAM there
    int retry_lies              # answer "try again" without doing anything
    int invalidations
    ram_addr_t inv_addr
    uint64_t inv_len
    int inv_status
    uint32_t watch
    vaddr_t watch_page
    int hook_status
    int log_n
    uint64_t log[64][4]


cdef void note(World *w, uint64_t kind, uint64_t addr, uint64_t size,
               uint64_t value) noexcept nogil:
    if w.log_n < 64:
        w.log[w.log_n][0] = kind
        w.log[w.log_n][1] = addr
        w.log[w.log_n][2] = size
        w.log[w.log_n][3] = value
        w.log_n += 1


cdef int fill(void *cpu, vaddr_t addr, uint32_t size, int access, int mmu_idx, bint probe,
              uintptr_t ra) noexcept nogil:
    cdef World *w = <World *>cpu
    cdef uint64_t page = (addr - V) >> 12
    cdef uint8_t need = 1 << access
    if page >= PAGES or not w.mmu[page] & need:
        w.fault_reason = 4
        w.fault_addr = addr
        w.fault_access = access
        w.faults += 1
        return ST_FAULT
    tlb_set_page(&w.tlb, addr, addr - V, 1, w.mmu[page], mmu_idx, PAGE)
    return ST_OK


cdef int memory_fault(void *cpu, vaddr_t addr, hwaddr paddr, uint32_t size, int access, int reason,
                      int mmu_idx, uintptr_t ra) noexcept nogil:
    cdef World *w = <World *>cpu
    cdef MemoryRegion *mr
    cdef int err
    w.faults += 1
    w.fault_addr = addr
    w.fault_paddr = paddr
    w.fault_size = size
    w.fault_access = access
    w.fault_reason = reason
    w.fault_idx = mmu_idx
    if mmu_idx & MEMORY_FAULT_FINAL:
        return ST_FAULT
    if w.retry_maps and reason == ACCESS_FAULT_UNMAPPED:
        mr = memory_region_new_ram(w.ctx, NULL, PAGE, &err)
        memory_region_add_subregion(w.top, paddr & ~<hwaddr>(PAGE - 1), mr)
        tlb_flush_all(&w.tlb)
        return ST_OK
    return ST_OK if w.retry_lies else ST_FAULT


cdef int hook_read(void *cpu, vaddr_t addr, uint32_t size, uintptr_t ra) noexcept nogil:
    note(<World *>cpu, 1, addr, size, ra)
    return (<World *>cpu).hook_status


cdef int hook_write(void *cpu, vaddr_t addr, uint32_t size, uint64_t value, uint64_t hi,
                    uintptr_t ra) noexcept nogil:
    note(<World *>cpu, 2, addr, size, value)
    return (<World *>cpu).hook_status


cdef int hook_after(void *cpu, vaddr_t addr, uint32_t size, uint64_t value, uint64_t hi,
                    uintptr_t ra) noexcept nogil:
    note(<World *>cpu, 3, addr, size, value)
    return ST_OK


cdef uint32_t watch(void *cpu, vaddr_t page) noexcept nogil:
    cdef World *w = <World *>cpu
    return w.watch if page == w.watch_page else 0


cdef int tb_invalidate(void *cpu, ram_addr_t addr, uint64_t length, uintptr_t ra) noexcept nogil:
    cdef World *w = <World *>cpu
    w.invalidations += 1
    w.inv_addr = addr
    w.inv_len = length
    if w.inv_status == ST_OK:
        tlb_unprotect_code(w.ctx, addr)
    return w.inv_status


cdef uint32_t dev_read(void *opaque, hwaddr addr, uint64_t *data, uint32_t size,
                       uint32_t attrs) noexcept nogil:
    cdef World *w = <World *>opaque
    cdef uint32_t i
    note(w, 10, addr, size, 0)
    for i in range(size):
        data[0] |= <uint64_t>w.device[(addr + i) & 0xfff] << (8 * i)
    return w.device_result


cdef uint32_t dev_write(void *opaque, hwaddr addr, uint64_t data, uint32_t size,
                        uint32_t attrs) noexcept nogil:
    cdef World *w = <World *>opaque
    cdef uint32_t i
    note(w, 11, addr, size, data)
    for i in range(size):
        w.device[(addr + i) & 0xfff] = <uint8_t>(data >> (8 * i))
    return w.device_result


cdef uint32_t big_read(void *opaque, hwaddr addr, uint64_t *data, uint32_t size,
                       uint32_t attrs) noexcept nogil:
    cdef World *w = <World *>opaque
    cdef uint32_t i
    for i in range(size):
        data[0] = data[0] << 8 | w.device[(addr + i) & 0xfff]
    return 0


cdef uint32_t big_write(void *opaque, hwaddr addr, uint64_t data, uint32_t size,
                        uint32_t attrs) noexcept nogil:
    cdef World *w = <World *>opaque
    cdef uint32_t i
    for i in range(size):
        w.device[(addr + i) & 0xfff] = <uint8_t>(data >> (8 * (size - 1 - i)))
    return 0


M64 = int("f" * 16, 16)
M128 = int("f" * 32, 16)
# name, base, size, permissions of the region
LAYOUT = [
    ("ram", 0x1000, 0x3000, 7),             # 1..3, 4 is a hole
    ("ram", 0x5000, 0x800, 7),              # page 5: RAM, device, hole, RAM
    ("dev", 0x5800, 0x10, 7),
    ("ram", 0x5900, 0x700, 7),
    ("rom", 0x6000, 0x1000, 7),
    ("dev", 0x7000, 0x1000, 7),
    ("ram", 0x8010, 0x2000, 7),             # RAM pages do not fit guest pages
    ("ram", 0xb000, 0x1000, 1),             # read only by permission
    ("ram", 0xc000, 0x1000, 4),             # execute only
    ("big", 0xd000, 0x1000, 3),
    ("ram", 0xe000, 0x4000, 7),
]


cdef class Machine:
    cdef World w
    cdef list pieces

    def __cinit__(self):
        cdef World *w = &self.w
        cdef MemoryRegion *mr = NULL
        cdef int err = 0
        memset(w, 0, sizeof(World))
        w.ctx = mem_context_new(12, False)
        w.top = memory_region_new(w.ctx, b"top", 0xffffffffffffffffULL)
        w.space = address_space_new(w.ctx, w.top, b"memory")
        w.spaces[0] = w.space
        tlb_init(&w.tlb, w, w.ctx, 2, 12, fill)
        w.hooks.memory_fault = memory_fault
        w.hooks.hook_read = hook_read
        w.hooks.hook_write = hook_write
        w.hooks.hook_read_after = hook_after
        w.hooks.watch = watch
        w.hooks.tb_invalidate = tb_invalidate
        w.tlb.hooks = &w.hooks
        w.tlb.ases = w.spaces
        w.tlb.n_ases = 1
        w.ops.read = dev_read
        w.ops.write = dev_write
        w.ops.valid_max = 8
        w.ops.impl_max = 4
        w.ops.valid_unaligned = w.ops.impl_unaligned = True
        w.ops.endianness = DEVICE_LITTLE_ENDIAN
        w.big_ops = w.ops
        w.big_ops.read = big_read
        w.big_ops.write = big_write
        w.big_ops.endianness = DEVICE_BIG_ENDIAN
        memset(w.mmu, PROT_ALL, PAGES)
        self.pieces = []
        for kind, base, size, prot in LAYOUT:
            if kind == "ram":
                mr = memory_region_new_ram(w.ctx, NULL, size, &err)
            elif kind == "rom":
                mr = memory_region_new_rom(w.ctx, NULL, size, &err)
            elif kind == "dev":
                mr = memory_region_new_io(w.ctx, &w.ops, w, NULL, size)
            else:
                mr = memory_region_new_io(w.ctx, &w.big_ops, w, NULL, size)
            assert mr != NULL
            memory_region_set_prot(mr, prot)
            memory_region_add_subregion(w.top, base, mr)
            self.pieces.append((kind, base, size, prot, <uintptr_t>mr))

    def __dealloc__(self):
        tlb_free(&self.w.tlb)
        mem_context_free(self.w.ctx)

    def find(self, paddr):
        for piece in self.pieces:
            if piece[1] <= paddr < piece[1] + piece[2]:
                return piece
        return None

    cdef uint8_t *byte(self, paddr):
        """Where the byte lives, device registers included."""
        kind, base, _, _, mr = self.find(paddr)
        if kind in ("dev", "big"):
            return &self.w.device[(paddr - base) & 0xfff]
        return (<MemoryRegion *><uintptr_t>mr).host + <uint64_t>(paddr - base)

    def fault(self, paddr, size, need):
        """(reason, address) of the first byte that is refused: pages first, then sections."""
        for p in range(paddr, paddr + size):
            page = p >> 12
            if page >= PAGES or not self.w.mmu[page] & need:
                return 4, p if p == paddr or p & 0xfff == 0 else paddr
            piece = self.find(p)
            whole = piece and piece[1] <= page << 12 and piece[1] + piece[2] >= (page + 1) << 12
            if whole and not piece[3] & need:
                return ACCESS_FAULT_PROT, p
        for p in range(paddr, paddr + size):
            piece = self.find(p)
            if piece is None:
                return ACCESS_FAULT_UNMAPPED, p
            if not piece[3] & need:
                return ACCESS_FAULT_PROT, p
        return None

    def peek(self, paddr, size):
        return bytes(self.byte(p)[0] for p in range(paddr, paddr + size))

    def load(self, addr, memop, mmu_idx=0, fast=True):
        """(status, value) as a back end would get it: the inline hit first."""
        cdef uint64_t out[2]
        cdef uint32_t oi = memop << 4 | mmu_idx
        cdef uint8_t *p
        out[0] = out[1] = 0
        n = 1 << (memop & MO_SIZE)
        if fast:
            p = tlb_hit_read(&self.w.tlb, addr, oi)
            if p != NULL and n <= 8:
                v = int.from_bytes(bytes(p[i] for i in range(n)),
                                   "big" if memop & MO_BE else "little")
                if memop & MO_SIGN and v >> (8 * n - 1):
                    v |= (-1 << 8 * n) & 0xffffffffffffffff
                return ST_OK, v
        st = access_load(&self.w.tlb, addr, oi, 77, out)
        return st, out[0] | (int(out[1]) << 64 if n == 16 else 0)

    def store(self, addr, value, memop, mmu_idx=0, fast=True):
        cdef uint64_t v[2]
        cdef uint32_t oi = memop << 4 | mmu_idx
        cdef uint8_t *p
        n = 1 << (memop & MO_SIZE)
        if fast:
            p = tlb_hit_write(&self.w.tlb, addr, oi)
            if p != NULL:
                for i, b in enumerate(value.to_bytes(n, "big" if memop & MO_BE else "little")):
                    p[i] = b
                return ST_OK
        v[0], v[1] = value & 0xffffffffffffffff, value >> 64
        if n == 16:
            return access_store128(&self.w.tlb, addr, v, oi, 77)
        return access_store(&self.w.tlb, addr, v[0], oi, 77)

    def rmw(self, op, addr, a, b, memop):
        cdef uint64_t old = 0
        st = access_rmw(&self.w.tlb, op, addr, a, b, memop << 4, 77, &old)
        return st, old

    def log(self):
        out = [tuple(int(self.w.log[i][k]) for k in range(4)) for i in range(self.w.log_n)]
        self.w.log_n = 0
        return out


def spots(rnd):
    """Physical addresses near every boundary, and anywhere."""
    edges = [b for _, base, size, _ in LAYOUT for b in (base, base + size)]
    edges += [p << 12 for p in range(1, 19)]
    if rnd.random() < 0.7:
        return max(0, rnd.choice(edges) + rnd.randint(-18, 18))
    return rnd.randrange(0, 0x13000)


def want_access(m, paddr, memop, need):
    """None, or what the access must be refused with."""
    n = 1 << (memop & MO_SIZE)
    align = (memop >> 5) & 7
    if align == 7:
        align = memop & MO_SIZE
    if (paddr + V) % (1 << align):
        return ACCESS_FAULT_MISALIGNED, paddr
    return m.fault(paddr, n, need)


def test_row_33_random_loads_and_stores():
    cdef Machine m = Machine()
    rnd = random.Random(11)
    m.w.mmu[0x10] = PROT_READ           # guest page tables: read only, and nothing
    m.w.mmu[0x11] = 0
    for _ in range(12000):
        paddr = spots(rnd)
        n = rnd.choice([1, 2, 4, 8, 16])
        memop = n.bit_length() - 1 | rnd.choice([0, MO_BE]) | rnd.choice([0, 0, MO_ALIGN, 2 << 5,
                                                                          5 << 5])
        order = "big" if memop & MO_BE else "little"
        idx = rnd.randint(0, 1)
        write = rnd.random() < 0.5
        if rnd.random() < 0.02:
            tlb_flush_all(&m.w.tlb)
        refused = want_access(m, paddr, memop, PROT_WRITE if write else PROT_READ)
        m.w.faults = 0
        if write:
            value = rnd.getrandbits(8 * n)
            before = None if refused else m.peek(paddr, n)
            around = [(p, m.byte(p)[0]) for p in range(paddr - 20, paddr + 40) if p >= 0
                      and m.find(p)]
            st = m.store(paddr + V, value, memop, idx)
            assert (st == ST_OK) == (refused is None)
            new = dict(enumerate(value.to_bytes(n, order), paddr)) if refused is None else {}
            for p, old in around:
                want = old if m.find(p)[0] == "rom" else new.get(p, old)
                assert m.byte(p)[0] == want, (hex(paddr), hex(p), n, before)
        else:
            if rnd.random() < 0.4 and n < 16:
                memop |= MO_SIGN
            st, got = m.load(paddr + V, memop, idx)
            assert (st == ST_OK) == (refused is None), (hex(paddr), n, refused, st, hex(memop))
            if refused is None:
                value = int.from_bytes(m.peek(paddr, n), order, signed=bool(memop & MO_SIGN))
                assert got == value & (M128 if n == 16 else M64), (hex(paddr), n, hex(memop))
        if refused:
            assert m.w.faults == 1, (hex(paddr), n, write, refused, m.w.faults, m.w.fault_reason)
            assert m.w.fault_reason == refused[0], (hex(paddr), n, refused)
            assert m.w.fault_addr == refused[1] + V, (hex(paddr), n, refused)
            assert m.w.fault_access == (ACCESS_WRITE if write else ACCESS_READ)


def combine(op, old, a, b, n):
    mask = (1 << 8 * n) - 1

    def s(v):
        return v - (1 << 8 * n) if v >> (8 * n - 1) else v
    a &= mask
    b &= mask
    return [b if old == a else old, a, (old + a) & mask, old & a, old | a, old ^ a,
            min(old, a, key=s), max(old, a, key=s), min(old, a), max(old, a)][op]


def test_random_read_modify_write():
    cdef Machine m = Machine()
    rnd = random.Random(12)
    for _ in range(6000):
        paddr, n, op = spots(rnd), rnd.choice([1, 2, 4, 8]), rnd.randint(0, 9)
        memop = n.bit_length() - 1 | rnd.choice([0, MO_BE]) | rnd.choice([0, MO_ALIGN, MO_SIGN])
        order = "big" if memop & MO_BE else "little"
        refused = want_access(m, paddr, memop, PROT_WRITE) or m.fault(paddr, n, PROT_READ)
        a, b = rnd.getrandbits(64), rnd.getrandbits(64)
        if rnd.random() < 0.1:
            tlb_protect_code(m.w.ctx, rnd.randrange(0, 0x8000))
        if refused:
            st, _ = m.rmw(op, paddr + V, a, b, memop)
            assert st == ST_FAULT and m.w.fault_access == ACCESS_WRITE
            continue
        before = m.peek(paddr, n)
        old = int.from_bytes(before, order)
        if op == 0 and rnd.random() < 0.5:
            a = old | rnd.getrandbits(64) << 8 * n & 0xffffffffffffffff
        st, got = m.rmw(op, paddr + V, a, b, memop)
        assert st == ST_OK
        want = int.from_bytes(before, order, signed=bool(memop & MO_SIGN))
        assert got == want & 0xffffffffffffffff
        new = combine(op, old, a, b, n).to_bytes(n, order)
        for i in range(n):
            rom = m.find(paddr + i)[0] == "rom"
            assert m.byte(paddr + i)[0] == (before[i] if rom else new[i]), (hex(paddr), op, n)


def test_a_store_that_faults_writes_nothing():
    cdef Machine m = Machine()
    assert m.store(V + 0x3ff8, 0x1111111111111111, MO_64) == ST_OK
    assert m.store(V + 0x3ffc, 0x2222222222222222, MO_64) == ST_FAULT
    assert (m.w.fault_addr, m.w.fault_reason) == (V + 0x4000, ACCESS_FAULT_UNMAPPED)
    assert m.w.fault_paddr == 0x4000 and m.w.fault_size == 4
    assert m.peek(0x3ff8, 8) == b"\x11" * 8
    # The device before the hole is not asked.
    m.log()
    assert m.store(V + 0x580c, 1, MO_64) == ST_FAULT and m.log() == []
    assert m.load(V + 0x580c, MO_64)[0] == ST_FAULT and m.log() == []


def test_a_fault_hook_may_map_and_retry():
    cdef Machine m = Machine()
    m.w.retry_maps = True
    assert m.store(V + 0x3ffc, 0x8877665544332211, MO_64) == ST_OK
    assert m.w.faults == 1
    assert m.load(V + 0x3ffc, MO_64) == (ST_OK, 0x8877665544332211)
    assert m.load(V + 0x4000, MO_64) == (ST_OK, 0x88776655)
    m.w.faults = 0
    assert m.load(V + 0x13ffd, MO_64) == (ST_OK, 0) and m.w.faults == 2    # two pages
    assert access_probe(&m.w.tlb, V + 0x15000, 3 * PAGE, ACCESS_WRITE, 0, 0) == ST_OK
    assert m.w.faults == 5


def test_a_hook_that_lies_is_not_believed_forever():
    cdef Machine m = Machine()
    m.w.retry_lies = True
    for addr in (0x4000, 0x5c00 - 0x380, 0xc000):
        m.w.faults = 0
        assert m.load(V + addr, MO_64)[0] == ST_FAULT
        assert 1 < m.w.faults < 20, (hex(addr), m.w.faults)
        assert m.w.fault_idx & MEMORY_FAULT_FINAL


def test_device_errors():
    cdef Machine m = Machine()
    m.w.device_result = MEMTX_ERROR
    assert m.load(V + 0x7000, 2)[0] == ST_FAULT and m.w.fault_reason == ACCESS_FAULT_IO
    assert m.store(V + 0x7000, 0, 2) == ST_FAULT and m.w.fault_reason == ACCESS_FAULT_IO
    m.w.device_result = MEMTX_HOOK_ERROR
    m.w.faults = 0
    assert m.load(V + 0x7000, 2)[0] == ST_HOOK_ERROR and m.w.faults == 0
    assert m.store(V + 0x7000, 0, 2) == ST_HOOK_ERROR and m.w.faults == 0


def test_device_sees_one_access_of_its_size():
    cdef Machine m = Machine()
    m.store(V + 0x7010, 0x0102030405060708, MO_64)
    assert m.log() == [(11, 0x10, 4, 0x05060708), (11, 0x14, 4, 0x01020304)]
    assert m.load(V + 0x7012, 1) == (ST_OK, 0x0506) and m.log() == [(10, 0x12, 2, 0)]
    m.store(V + 0x7000, 0xab, 0)
    assert m.log() == [(11, 0, 1, 0xab)]


def test_code_pages():
    cdef Machine m = Machine()
    cdef CPUTLB *t = &m.w.tlb
    cdef MemoryRegion *mr = <MemoryRegion *><uintptr_t>m.find(0x1000)[4]
    cdef ram_addr_t page = mr.ram_addr + 0x1000
    addr = V + 0x2000
    m.store(addr, 0, MO_64)                         # fresh RAM is dirty: no trap
    assert t.notdirty_count == 0 and tlb_hit_write(t, addr, MO_64 << 4) != NULL
    tlb_protect_code(m.w.ctx, page + 5)
    assert tlb_hit_write(t, addr, MO_64 << 4) == NULL and tlb_hit_read(t, addr, MO_64 << 4) != NULL
    assert not get_dirty_flag(m.w.ctx, page, DIRTY_MEMORY_CODE)
    # The running block is hit: nothing happens to memory.
    m.w.inv_status = ST_RETRY_ONE
    assert m.store(addr + 8, 0x55, 1) == ST_RETRY_ONE
    assert (m.w.invalidations, m.w.inv_addr, m.w.inv_len) == (1, page + 8, 2)
    assert m.load(addr + 8, 1) == (ST_OK, 0)
    assert m.rmw(1, addr + 8, 9, 0, MO_64)[0] == ST_RETRY_ONE
    # Across the boundary: not a byte of the other page either.
    assert m.store(addr - 4, 0x7777777777777777, MO_64) == ST_RETRY_ONE
    assert m.load(addr - 8, MO_64) == (ST_OK, 0)
    # The last block of the page goes: one trap, then none.
    m.w.inv_status = ST_OK
    m.w.invalidations = 0
    traps = t.notdirty_count
    assert m.store(addr + 8, 0x55, 1) == ST_OK and m.w.invalidations == 1
    assert t.notdirty_count == traps + 1
    for _ in range(3):
        assert m.store(addr + 8, 0x56, 1) == ST_OK
    assert t.notdirty_count == traps + 1 and m.w.invalidations == 1
    assert m.load(addr + 8, 1) == (ST_OK, 0x56)
    # Another client clears: one trap that invalidates nothing, and the page is dirty again.
    assert test_and_clear_dirty(m.w.ctx, page, PAGE, DIRTY_MEMORY_MIGRATION)
    assert m.store(addr, 1, 0) == ST_OK
    assert t.notdirty_count == traps + 2 and m.w.invalidations == 1
    assert get_dirty_flag(m.w.ctx, page, DIRTY_MEMORY_MIGRATION)
    m.store(addr, 2, 0)
    assert t.notdirty_count == traps + 2


def test_code_in_a_page_of_many_sections():
    cdef Machine m = Machine()
    cdef MemoryRegion *mr = <MemoryRegion *><uintptr_t>m.find(0x5900)[4]
    tlb_protect_code(m.w.ctx, mr.ram_addr)
    m.w.inv_status = ST_RETRY_ONE
    assert m.store(V + 0x5910, 0x99, 0) == ST_RETRY_ONE
    assert (m.w.inv_addr, m.w.inv_len) == (mr.ram_addr + 0x10, 1)
    assert m.peek(0x5910, 1) == b"\0"
    m.w.inv_status = ST_OK
    assert m.store(V + 0x5910, 0x99, 0) == ST_OK and m.peek(0x5910, 1) == b"\x99"


def test_get_page_addr_code():
    cdef Machine m = Machine()
    cdef CPUTLB *t = &m.w.tlb
    cdef uint8_t *host
    cdef ram_addr_t ram
    cdef uint64_t avail, out = 0
    cdef MemoryRegion *mr
    for paddr, left in ((0x1000, 0x1000), (0x2ffe, 2), (0x5004, 0x7fc), (0x5900, 0x700), (0x6010,
                                                                                          0xff0),
                        (0x8010, 0xff0), (0x9000, 0x1000), (0xa00f, 1), (0xc000, 0x1000)):
        assert get_page_addr_code(t, V + paddr, 0, &host, &ram, &avail) == ST_OK, (hex(paddr),
                                                                                   m.w.fault_reason)
        mr = <MemoryRegion *><uintptr_t>m.find(paddr)[4]
        assert host == m.byte(paddr) and avail == left, hex(paddr)
        assert ram == mr.ram_addr + (paddr - m.find(paddr)[1])
    for paddr in (0x7000, 0x5800):                  # a device: by single fetches
        assert get_page_addr_code(t, V + paddr, 0, &host, &ram, &avail) == ST_OK, (hex(paddr),
                                                                                   m.w.fault_reason)
        assert host == NULL and ram == RAM_ADDR_NONE
    m.w.device[4], m.w.device[5] = 0x34, 0x12
    assert access_fetch(t, V + 0x7004, 2, 0, 0, &out) == ST_OK and out == 0x1234
    for paddr, reason in ((0x4000, ACCESS_FAULT_UNMAPPED), (0x5870, ACCESS_FAULT_UNMAPPED),
                          (0xb000, ACCESS_FAULT_PROT), (0xd000, ACCESS_FAULT_PROT)):
        assert get_page_addr_code(t, V + paddr, 0, &host, &ram, &avail) == ST_FAULT
        assert (m.w.fault_reason, m.w.fault_access) == (reason, ACCESS_FETCH), hex(paddr)
        assert host == NULL
    m.w.mmu[0x10] = PROT_READ | PROT_WRITE
    assert get_page_addr_code(t, V + 0x10000, 0, &host, &ram, &avail) == ST_FAULT
    assert m.w.fault_reason == 4
    # A load there does not make it executable, and the other way round.
    assert m.load(V + 0x10000, 0)[0] == ST_OK
    assert get_page_addr_code(t, V + 0x10000, 0, &host, &ram, &avail) == ST_FAULT
    assert m.load(V + 0xc000, 0)[0] == ST_FAULT


def test_watched_pages():
    cdef Machine m = Machine()
    m.w.watch_page, m.w.watch = V + 0x2000, 1 << ACCESS_READ | 1 << ACCESS_WRITE
    assert m.store(V + 0x1000, 1, 2) == ST_OK and m.log() == []
    assert m.store(V + 0x2000, 0xfffffffe, 2) == ST_OK
    assert m.log() == [(2, V + 0x2000, 4, 0xfffffffe)]
    assert m.load(V + 0x2000, 2 | MO_SIGN) == (ST_OK, 0xfffffffffffffffe)
    assert m.log() == [(1, V + 0x2000, 4, 77), (3, V + 0x2000, 4, 0xfffffffe)]
    # One call for an access of two pages.
    assert m.store(V + 0x1ffc, 0x1122334455667788, MO_64) == ST_OK
    assert m.log() == [(2, V + 0x1ffc, 8, 0x1122334455667788)]
    assert m.load(V + 0x2000, 2) == (ST_OK, 0x11223344)
    m.log()
    assert m.rmw(2, V + 0x2000, 1, 0, 2) == (ST_OK, 0x11223344)
    assert m.log() == [(1, V + 0x2000, 4, 77), (3, V + 0x2000, 4, 0x11223344),
                       (2, V + 0x2000, 4, 0x11223345)]
    # A hook that stops: the access is not done.
    m.w.hook_status = ST_HOOK_ERROR
    assert m.store(V + 0x2000, 5, 2) == ST_HOOK_ERROR and m.load(V + 0x2000, 2)[0] == ST_HOOK_ERROR
    m.w.hook_status = ST_OK
    m.w.watch = 0
    tlb_flush_all(&m.w.tlb)
    m.log()
    assert m.load(V + 0x2000, 2) == (ST_OK, 0x11223345) and m.log() == []


def test_watched_code_page_traps_and_writes():
    cdef Machine m = Machine()
    cdef MemoryRegion *mr = <MemoryRegion *><uintptr_t>m.find(0x1000)[4]
    m.w.watch_page, m.w.watch = V + 0x2000, 1 << ACCESS_WRITE
    assert m.store(V + 0x2000, 1, 2) == ST_OK
    tlb_protect_code(m.w.ctx, mr.ram_addr + 0x1000)
    m.w.inv_status = ST_RETRY_ONE
    m.log()
    assert m.store(V + 0x2000, 2, 2) == ST_RETRY_ONE and m.log() == []
    m.w.inv_status = ST_OK
    assert m.store(V + 0x2000, 2, 2) == ST_OK and len(m.log()) == 1
    assert m.load(V + 0x2000, 2) == (ST_OK, 2)


def test_addresses_at_the_top_wrap():
    cdef Machine m = Machine()
    assert m.load(0xfffffffffffffffc, MO_64)[0] == ST_FAULT
    assert m.store(0xfffffffffffffffc, 1, MO_64) == ST_FAULT
