# Rendering a region tree into sorted ranges, see flatview.pxd.
# First every visible window of a terminating region is collected, the one that hides others earlier
# (its rank); then one sweep over the addresses keeps, at each point, the window of lowest rank.
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memmove
from engine._core.base.types cimport PROT_ALL, uint8_t, uint32_t, hwaddr
from engine._core.mem.context cimport DIRTY_MEMORY_MIGRATION, FlatRange, FlatView, MemoryRegion

cdef enum:
    MAX_WINDOWS = 1 << 22       # aliases of aliases multiply: beyond this the tree is hostile

ctypedef struct Window:
    FlatRange r
    uint32_t rank

ctypedef struct Collector:
    Window *items
    uint32_t n
    uint32_t cap
    uint32_t limit
    bint failed


cdef inline void _ref(MemoryRegion *mr) noexcept nogil:
    if mr.owner != NULL and mr.ctx.owner_ref != NULL:
        mr.ctx.owner_ref(mr.owner)


cdef inline void _unref(MemoryRegion *mr) noexcept nogil:
    if mr.owner != NULL and mr.ctx.owner_unref != NULL:
        mr.ctx.owner_unref(mr.owner)


# -- collecting
cdef void _add_window(Collector *c, MemoryRegion *mr, hwaddr lo, hwaddr last, hwaddr delta,
                      bint readonly, uint32_t prot) noexcept nogil:
    cdef Window *w
    cdef uint32_t cap
    if c.n == c.cap:
        cap = c.cap * 2
        if c.n >= c.limit or cap == 0:
            c.failed = True
            return
        w = <Window *>realloc(c.items, cap * sizeof(Window))
        if w == NULL:
            c.failed = True
            return
        c.items = w
        c.cap = cap
    w = c.items + c.n
    w.r.lo = lo + delta
    w.r.last = last + delta
    w.r.offset = lo
    w.r.mr = mr
    w.r.dirty_log_mask = mr.dirty_log_mask
    if mr.ctx.global_dirty_log:
        w.r.dirty_log_mask |= 1U << DIRTY_MEMORY_MIGRATION
    w.r.romd_mode = mr.romd_mode
    w.r.readonly = readonly
    w.r.prot = <uint8_t>prot
    w.rank = c.n
    c.n += 1


# [lo, last]: the window of mr that is seen, in its own addresses; delta turns these into absolute
# ones.
cdef void _collect(Collector *c, MemoryRegion *mr, hwaddr lo, hwaddr last, hwaddr delta,
                   bint readonly, uint32_t prot, int depth) noexcept nogil:
    cdef MemoryRegion *child
    cdef hwaddr first, end
    if c.failed or not mr.enabled or mr.size == 0:
        return
    if depth > MAX_REGION_DEPTH:
        c.failed = True
        return
    end = region_last(mr.size)
    if last > end:
        last = end
    if lo > last:
        return
    readonly = readonly or mr.readonly
    prot &= mr.prot
    if mr.alias != NULL:
        first = lo + mr.alias_offset
        if first < lo:
            return
        end = last + mr.alias_offset
        if end < last:
            end = <hwaddr>0 - 1
        _collect(c, mr.alias, first, end, delta - mr.alias_offset, readonly, prot, depth + 1)
        return
    child = mr.first_child
    while child != NULL:
        if child.size:
            end = child.addr + region_last(child.size)
            if end < child.addr or end > last:
                end = last
            first = child.addr if child.addr > lo else lo
            if first <= end:
                _collect(c, child, first - child.addr, end - child.addr, delta + child.addr,
                         readonly, prot, depth + 1)
        child = child.next_sibling
    if mr.terminates:
        _add_window(c, mr, lo, last, delta, readonly, prot)


cdef int _by_address(const void *a, const void *b) noexcept nogil:
    cdef const Window *x = <const Window *>a
    cdef const Window *y = <const Window *>b
    if x.r.lo != y.r.lo:
        return 1 if x.r.lo > y.r.lo else -1
    return 1 if x.rank > y.rank else -1


# -- the sweep
# A binary heap of the windows that are open at the current address, lowest rank on top.
cdef void _push(Window **heap, uint32_t *n, Window *w) noexcept nogil:
    cdef uint32_t i = n[0]
    n[0] += 1
    while i and heap[(i - 1) >> 1].rank > w.rank:
        heap[i] = heap[(i - 1) >> 1]
        i = (i - 1) >> 1
    heap[i] = w


cdef void _pop(Window **heap, uint32_t *n) noexcept nogil:
    cdef uint32_t i = 0, k
    cdef Window *w
    n[0] -= 1
    w = heap[n[0]]
    while True:
        k = 2 * i + 1
        if k >= n[0]:
            break
        if k + 1 < n[0] and heap[k + 1].rank < heap[k].rank:
            k += 1
        if heap[k].rank > w.rank:
            break
        heap[i] = heap[k]
        i = k
    heap[i] = w


cdef bint _reserve(FlatView *v, uint32_t cap) noexcept nogil:
    cdef FlatRange *p
    cdef uint32_t front
    if cap <= v.cap:
        return True
    p = <FlatRange *>malloc(cap * sizeof(FlatRange))
    if p == NULL:
        return False
    front = (cap - v.nr) >> 1
    if v.nr:
        memcpy(p + front, v.ranges, v.nr * sizeof(FlatRange))
    free(v.store)
    v.store = p
    v.cap = cap
    v.ranges = p + front
    return True


cdef inline bint _continues(const FlatRange *a, const FlatRange *b) noexcept nogil:
    return (a.mr == b.mr and a.last + 1 == b.lo and b.lo != 0
            and a.offset + (b.lo - a.lo) == b.offset and a.dirty_log_mask == b.dirty_log_mask
            and a.romd_mode == b.romd_mode and a.readonly == b.readonly and a.prot == b.prot)


cdef bint _emit(FlatView *v, Window *w, hwaddr lo, hwaddr last) noexcept nogil:
    cdef FlatRange r = w.r
    r.offset += lo - r.lo
    r.lo = lo
    r.last = last
    if v.nr and _continues(v.ranges + (v.nr - 1), &r):
        v.ranges[v.nr - 1].last = last
        return True
    if <uint32_t>(v.ranges - v.store) + v.nr == v.cap and not _reserve(v, v.cap * 2 + 16):
        return False
    _ref(r.mr)
    v.ranges[v.nr] = r
    v.nr += 1
    return True


cdef bint _sweep(Collector *c, FlatView *v) noexcept nogil:
    cdef Window **heap
    cdef Window *top
    cdef uint32_t i = 0, n = 0
    cdef hwaddr pos = 0, end
    cdef bint good = True
    qsort(c.items, c.n, sizeof(Window), _by_address)
    v.disjoint = True
    for i in range(1, c.n):
        # Neighbours suffice: of three that overlap, two are neighbours or the first is long.
        if c.items[i].r.lo <= c.items[i - 1].r.last:
            v.disjoint = False
            break
    if v.disjoint:
        if not _reserve(v, c.n + (c.n >> 1) + 16):
            return False
        v.ranges = v.store + (v.cap - c.n) // 2
        for i in range(c.n):
            good = good and _emit(v, c.items + i, c.items[i].r.lo, c.items[i].r.last)
        return good
    heap = <Window **>malloc(c.n * sizeof(Window *))
    if heap == NULL:
        return False
    i = 0
    while good:
        while n and heap[0].r.last < pos:
            _pop(heap, &n)
        if n == 0:
            if i == c.n:
                break
            if c.items[i].r.lo > pos:
                pos = c.items[i].r.lo
        while i < c.n and c.items[i].r.lo <= pos:
            if c.items[i].r.last >= pos:
                _push(heap, &n, c.items + i)
            i += 1
        if n == 0:
            continue
        top = heap[0]
        if top.r.last < pos:
            continue
        end = top.r.last
        if i < c.n and c.items[i].r.lo - 1 < end:
            end = c.items[i].r.lo - 1
        good = _emit(v, top, pos, end)
        pos = end + 1
        if pos == 0:
            break
    free(heap)
    return good


# -- views
cdef FlatView *flatview_new() noexcept nogil:
    cdef FlatView *v = <FlatView *>calloc(1, sizeof(FlatView))
    if v != NULL:
        v.disjoint = True
    return v


cdef void flatview_free(FlatView *v) noexcept nogil:
    cdef uint32_t i
    if v == NULL:
        return
    for i in range(v.nr):
        _unref(v.ranges[i].mr)
    free(v.store)
    free(v)


cdef FlatView *flatview_render(MemoryRegion *root) noexcept nogil:
    cdef Collector c
    cdef FlatView *v = flatview_new()
    if v == NULL:
        return NULL
    c.cap = root.n_children + 16
    c.items = <Window *>malloc(c.cap * sizeof(Window))
    c.n = 0
    c.limit = MAX_WINDOWS
    c.failed = c.items == NULL
    _collect(&c, root, 0, <hwaddr>0 - 1, 0, False, PROT_ALL, 0)
    if c.failed or not _sweep(&c, v):
        flatview_free(v)
        v = NULL
    free(c.items)
    return v


cdef uint32_t flatview_lower(FlatView *v, hwaddr addr) noexcept nogil:
    cdef uint32_t lo = 0, hi = v.nr, mid
    while lo < hi:
        mid = (lo + hi) >> 1
        if v.ranges[mid].last < addr:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef FlatRange *flatview_search(FlatView *v, hwaddr addr) noexcept nogil:
    cdef uint32_t i = flatview_lower(v, addr)
    if i == v.nr or v.ranges[i].lo > addr:
        return NULL
    v.mru = i
    return v.ranges + i


# The shorter side moves, so that filling up from either end stays cheap.
cdef bint flatview_insert(FlatView *v, uint32_t i, const FlatRange *r) noexcept nogil:
    cdef FlatRange *p
    cdef bint down = i < v.nr >> 1
    if (v.ranges == v.store) if down else (v.ranges + v.nr == v.store + v.cap):
        if not _reserve(v, v.cap * 2 + 16) or v.ranges == v.store:
            return False
    if down or v.ranges + v.nr == v.store + v.cap:
        p = v.ranges - 1
        memmove(p, v.ranges, i * sizeof(FlatRange))
        v.ranges = p
    else:
        p = v.ranges + i
        memmove(p + 1, p, (v.nr - i) * sizeof(FlatRange))
    v.ranges[i] = r[0]
    v.nr += 1
    v.mru = i
    _ref(r.mr)
    return True


cdef void flatview_remove(FlatView *v, uint32_t i) noexcept nogil:
    cdef MemoryRegion *mr = v.ranges[i].mr
    if i < v.nr >> 1:
        memmove(v.ranges + 1, v.ranges, i * sizeof(FlatRange))
        v.ranges += 1
    else:
        memmove(v.ranges + i, v.ranges + i + 1, (v.nr - i - 1) * sizeof(FlatRange))
    v.nr -= 1
    _unref(mr)


cdef bint flatview_continues(const FlatRange *a, const FlatRange *b) noexcept nogil:
    return _continues(a, b)


cdef int flatview_leaves(MemoryRegion *mr, FlatRange *out, int cap) noexcept nogil:
    cdef Collector c
    cdef MemoryRegion *parent = mr.container
    cdef hwaddr top, end
    cdef int i, n = -1
    if not parent.enabled or parent.size == 0 or not mr.enabled or mr.size == 0:
        return 0
    top = region_last(parent.size)
    if mr.addr > top:
        return 0
    end = mr.addr + region_last(mr.size)
    if end < mr.addr or end > top:
        end = top
    c.cap = <uint32_t>cap
    c.items = <Window *>malloc(c.cap * sizeof(Window))
    c.n = 0
    c.limit = c.cap
    c.failed = c.items == NULL
    _collect(&c, mr, 0, end - mr.addr, mr.addr, parent.readonly, parent.prot, 0)
    if not c.failed:
        qsort(c.items, c.n, sizeof(Window), _by_address)
        n = <int>c.n
        for i in range(n):
            out[i] = c.items[i].r
            if i and out[i].lo <= out[i - 1].last:
                n = -1
                break
    free(c.items)
    return n
