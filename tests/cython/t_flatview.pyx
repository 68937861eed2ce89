"""Flat views against a plain-Python model, patches against renderings, 2^64, 10,000 maps."""
import os
import random
import time

from engine._core.base.types cimport uint32_t, uint64_t, uintptr_t
from engine._core.mem.context cimport (AddressSpace, FlatRange, FlatView, MemContext, MemoryRegion,
                                       mem_context_free, mem_context_new)
from engine._core.mem.flatview cimport flatview_free, flatview_lookup, flatview_render
from engine._core.mem.region cimport (
    memory_region_add_subregion_overlap, memory_region_del_subregion, memory_region_free,
    memory_region_new, memory_region_new_alias, memory_region_new_io, memory_region_new_ram,
    memory_region_set_address, memory_region_set_alias_offset, memory_region_set_enabled,
    memory_region_set_prot, memory_region_set_readonly, memory_region_set_size)
from engine._core.mem.topology cimport (
    address_space_free, address_space_new, address_space_view, memory_region_transaction_begin,
    memory_region_transaction_commit)

TOP = (1 << 64) - 1


class Region:
    """The model's region: only what decides who answers at an address."""

    def __init__(self, ptr, size, kind, target=None, offset=0):
        self.ptr, self.size, self.kind, self.target, self.offset = ptr, size, kind, target, offset
        self.addr = self.prio = 0
        self.enabled, self.readonly, self.prot = True, False, 7
        self.parent, self.children = None, []

    @property
    def length(self):
        return TOP + 1 if self.size == TOP else self.size

    def resolve(self, at, readonly=False, prot=7):
        if not self.enabled or at >= self.length:
            return None
        readonly |= self.readonly
        prot &= self.prot
        if self.target is not None:
            at += self.offset
            return self.target.resolve(at, readonly, prot) if at <= TOP else None
        for child in self.children:
            if child.addr <= at:
                found = child.resolve(at - child.addr, readonly, prot)
                if found:
                    return found
        return (self.ptr, at, readonly, prot) if self.kind == "leaf" else None

    def attach(self, child, addr, prio):
        child.addr, child.prio, child.parent = addr, prio, self
        i = 0
        while i < len(self.children) and self.children[i].prio > prio:
            i += 1
        self.children.insert(i, child)

    def reaches(self, other):
        return self is other or (self.target is not None and self.target.reaches(other)) or any(
            c.reaches(other) for c in self.children)


cdef MemoryRegion *R(region):
    return <MemoryRegion *><uintptr_t>region.ptr


cdef ranges(FlatView *v):
    return [(v.ranges[i].lo, v.ranges[i].last, <uintptr_t>v.ranges[i].mr, v.ranges[i].offset,
             v.ranges[i].readonly, v.ranges[i].prot) for i in range(v.nr)]


cdef check(root, AddressSpace *space, rnd):
    cdef FlatView *v = address_space_view(space)
    cdef FlatView *fresh
    cdef FlatRange *r
    got = ranges(v)
    fresh = flatview_render(space.root)
    assert ranges(fresh) == got
    flatview_free(fresh)
    for a, b in zip(got, got[1:]):
        assert a[1] < b[0]
        assert not (a[1] + 1 == b[0] and a[2] == b[2] and a[3] + (b[0] - a[0]) == b[3]
                    and a[4:] == b[4:]), "could be one range"
    points = {0, TOP} | {rnd.getrandbits(rnd.choice([8, 12, 64])) for _ in range(10)}
    for lo, last, *_ in got:
        points |= {p for p in (lo - 1, lo, last, last + 1) if 0 <= p <= TOP}
    for p in points:
        want = root.resolve(p)
        r = flatview_lookup(v, p)
        if want is None:
            assert r == NULL, hex(p)
        else:
            assert r != NULL, hex(p)
            assert (<uintptr_t>r.mr, r.offset + (p - r.lo), bool(r.readonly),
                    r.prot) == want, hex(p)


def random_tree(seed, steps):
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemoryRegion *top = memory_region_new(ctx, b"root", TOP)
    cdef AddressSpace *space = address_space_new(ctx, top, b"test")
    cdef MemoryRegion *mr
    cdef FlatView *v
    cdef int code
    rnd = random.Random(seed)
    root = Region(<uintptr_t>top, TOP, "container")
    every = [root]
    wide = rnd.random() < 0.4
    depth, held = 0, None

    def size():
        n = rnd.choice([0, 1, 16, 100, 256, 1 << 12,
                        5000]) if rnd.random() < 0.5 else rnd.randint(1, 600)
        return rnd.choice([n, 1 << 63, TOP, TOP - 5]) if wide and rnd.random() < 0.3 else n

    def addr():
        n = rnd.randint(0, 1200)
        return rnd.choice([n, TOP - n, (1 << 63) - n]) if wide and rnd.random() < 0.3 else n

    for _ in range(steps):
        what = rnd.random()
        if what < 0.35 or len(every) < 4:
            n, kind = size(), rnd.choice(["leaf", "leaf", "leaf", "container", "alias"])
            if kind == "alias":
                target, offset = rnd.choice(every), addr()
                mr = memory_region_new_alias(ctx, b"a", R(target), offset, n)
                every.append(Region(<uintptr_t>mr, n, kind, target, offset))
            elif kind == "leaf":
                mr = memory_region_new_io(ctx, NULL, NULL, b"l", n)
                every.append(Region(<uintptr_t>mr, n, kind))
            else:
                mr = memory_region_new(ctx, b"c", n)
                every.append(Region(<uintptr_t>mr, n, kind))
        elif what < 0.7:
            sub = rnd.choice(every)
            parent = root if rnd.random() < 0.5 else rnd.choice(every)
            if sub is root:
                continue
            at, prio = addr(), rnd.choice([0, 0, 0, 1, -1])
            if rnd.random() < 0.5:          # beside everything: the in-place way
                at = 2000 + 700 * rnd.randint(0, 50)
            code = memory_region_add_subregion_overlap(R(parent), at, R(sub), prio)
            legal = sub.parent is None and parent.target is None and not sub.reaches(parent)
            assert (code == 0) == legal
            if legal:
                parent.attach(sub, at, prio)
        elif what < 0.8:
            sub = rnd.choice(every)
            if sub.parent:
                memory_region_del_subregion(R(sub.parent), R(sub))
                sub.parent.children.remove(sub)
                sub.parent = None
        else:
            sub = rnd.choice(every)
            what = rnd.randint(0, 5)
            if what == 0:
                sub.enabled = rnd.random() < 0.7
                memory_region_set_enabled(R(sub), sub.enabled)
            elif what == 1:
                sub.readonly = rnd.random() < 0.3
                memory_region_set_readonly(R(sub), sub.readonly)
            elif what == 2:
                sub.prot = rnd.randint(0, 7)
                memory_region_set_prot(R(sub), sub.prot)
            elif what == 3 and sub is not root:
                sub.size = size()
                memory_region_set_size(R(sub), sub.size)
            elif what == 4 and sub.parent:
                at, parent = addr(), sub.parent
                memory_region_set_address(R(sub), at)
                if at != sub.addr:
                    parent.children.remove(sub)
                    parent.attach(sub, at, sub.prio)
            elif what == 5 and sub.target is not None:
                sub.offset = addr()
                memory_region_set_alias_offset(R(sub), sub.offset)
        sub = rnd.choice(every)
        if rnd.random() < 0.2 and sub is not root and not sub.children:
            legal = sub.parent is None and not any(r.target is sub for r in every)
            assert (memory_region_free(R(sub)) == 0) == legal
            if legal:
                every.remove(sub)
        turn = rnd.random()
        if turn < 0.15 and depth < 3:
            if depth == 0:
                held = ranges(address_space_view(space))
            memory_region_transaction_begin(ctx)
            depth += 1
        elif turn < 0.4 and depth:
            memory_region_transaction_commit(ctx)
            depth -= 1
        if depth:
            v = address_space_view(space)
            assert ranges(v) == held        # the tree of before, freed regions included
            for i in range(v.nr):
                assert v.ranges[i].mr.ctx == ctx
        elif rnd.random() < 0.7:
            check(root, space, rnd)
    while depth:
        memory_region_transaction_commit(ctx)
        depth -= 1
    check(root, space, rnd)
    address_space_free(space)
    for region in every:
        for child in list(region.children):
            memory_region_del_subregion(R(region), R(child))
            child.parent = None
        region.children = []
    left = every
    while left:
        left = [r for r in left if memory_region_free(R(r)) != 0]
    mem_context_free(ctx)


def test_random_trees():
    steps = int(os.environ.get("ENGINE_MODEL_STEPS", "9000"))
    for seed in range(steps // 60):
        random_tree(seed, 60)
    for seed in range(steps // 1000):       # larger ones
        random_tree(seed, 1000)


def test_slices_of_one_region():
    """What map, protect and unmap do: aliases of one RAM side by side, cut and joined in place."""
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemoryRegion *top = memory_region_new(ctx, NULL, TOP)
    cdef AddressSpace *space = address_space_new(ctx, top, b"x")
    cdef MemoryRegion *ram
    cdef MemoryRegion *mr
    cdef int err = 0
    rnd = random.Random(6)
    ram = memory_region_new_ram(ctx, b"ram", 64 * 4096, &err)
    root, target = Region(<uintptr_t>top, TOP, "container"), Region(<uintptr_t>ram, 64 * 4096,
                                                                    "leaf")
    slots = [None] * 64
    renders = 0
    for _ in range(3000):
        at, n = rnd.randrange(60), rnd.randint(1, 4)
        if any(slots[at:at + n]):
            for old in set(slots[at:at + n]) - {None}:
                if rnd.random() < 0.3:
                    old.prot = rnd.choice([1, 3, 7])
                    memory_region_set_prot(R(old), old.prot)
                    continue
                memory_region_del_subregion(top, R(old))
                root.children.remove(old)
                slots = [None if s is old else s for s in slots]
                assert memory_region_free(R(old)) == 0
        else:
            mr = memory_region_new_alias(ctx, b"a", ram, at * 4096, n * 4096)
            new = Region(<uintptr_t>mr, n * 4096, "alias", target, at * 4096)
            new.prot = rnd.choice([3, 3, 7])
            memory_region_set_prot(mr, new.prot)
            assert memory_region_add_subregion_overlap(top, 0x10000 + at * 4096, mr, 0) == 0
            root.attach(new, 0x10000 + at * 4096, 0)
            for k in range(at, at + n):
                slots[k] = new
        renders += space.view == NULL
        check(root, space, rnd)
    assert renders <= 1, renders
    mem_context_free(ctx)


def test_all_of_the_address_space():
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemoryRegion *top = memory_region_new(ctx, NULL, TOP)
    cdef MemoryRegion *io = memory_region_new_io(ctx, NULL, NULL, b"everything", TOP)
    cdef MemoryRegion *page = memory_region_new_io(ctx, NULL, NULL, b"last page", 4096)
    cdef AddressSpace *space = address_space_new(ctx, top, b"x")
    assert memory_region_add_subregion_overlap(top, 0, io, -1) == 0
    assert ranges(address_space_view(space)) == [(0, TOP, <uintptr_t>io, 0, 0, 7)]
    assert memory_region_add_subregion_overlap(top, TOP - 4095, page, 0) == 0
    assert ranges(address_space_view(space)) == [
        (0, TOP - 4096, <uintptr_t>io, 0, 0, 7), (TOP - 4095, TOP, <uintptr_t>page, 0, 0, 7)]
    assert memory_region_free(io) != 0
    mem_context_free(ctx)


def test_hostile_trees_end():
    """Aliases of aliases double at each level: refused or empty, but at once."""
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemoryRegion *inner = memory_region_new_io(ctx, NULL, NULL, b"io", 16)
    cdef MemoryRegion *outer
    cdef AddressSpace *space
    cdef int code = 0
    before = time.monotonic()
    for _ in range(40):
        outer = memory_region_new(ctx, b"level", TOP)
        code |= memory_region_add_subregion_overlap(
            outer, 0, memory_region_new_alias(ctx, b"a", inner, 0, TOP), 0)
        code |= memory_region_add_subregion_overlap(
            outer, 1 << 20, memory_region_new_alias(ctx, b"b", inner, 0, TOP), 1)
        inner = outer
    space = address_space_new(ctx, inner, b"x")
    assert code != 0 or address_space_view(space).nr == 0
    assert time.monotonic() - before < 20
    mem_context_free(ctx)


cdef double map_many(int n, int order, int touch):
    """Seconds a RAM map, a look-up after each one."""
    cdef MemContext *ctx = mem_context_new(12, False)
    cdef MemoryRegion *top = memory_region_new(ctx, NULL, TOP)
    cdef AddressSpace *space = address_space_new(ctx, top, b"x")
    cdef MemoryRegion *mr
    cdef int i, err = 0
    cdef uint64_t at
    cdef FlatRange *r
    places = list(range(n))
    if order < 0:
        places.reverse()
    elif order == 0:
        random.Random(5).shuffle(places)
    made = []
    start = time.perf_counter()
    for i in range(n):
        mr = memory_region_new_ram(ctx, NULL, 4096, &err)
        assert mr != NULL, ctx.message
        made.append(<uintptr_t>mr)
        at = 8192 * <uint64_t>places[i]
        assert memory_region_add_subregion_overlap(top, at, mr, 0) == 0
        if touch:
            r = flatview_lookup(address_space_view(space), at)
            assert r != NULL and r.mr == mr
    spent = time.perf_counter() - start
    assert address_space_view(space).nr == <uint32_t>n
    for i in range(0, n, 2):
        memory_region_del_subregion(top, <MemoryRegion *><uintptr_t>made[i])
        if touch:
            assert flatview_lookup(address_space_view(space), 8192 * <uint64_t>places[i]) == NULL
        assert memory_region_free(<MemoryRegion *><uintptr_t>made[i]) == 0
    assert address_space_view(space).nr == <uint32_t>(n - (n + 1) // 2)
    mem_context_free(ctx)
    return spent / n


def test_ten_thousand_maps_stay_linear():
    for order in (1, -1, 0):
        few = min(map_many(1000, order, True) for _ in range(3))
        many = min(map_many(10000, order, True) for _ in range(2))
        assert many < 5 * few + 20e-6, (order, few, many)
