# Addresses that a run may not pass: see stops.pxd.
from libc.errno cimport ENOMEM
from libc.stdlib cimport free, qsort, realloc
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.tb cimport TB
from engine._core.exec.cache cimport TBCache, cache_invalidate_tb
from engine._core.exec.engine cimport Engine


cdef int compare(const void *a, const void *b) noexcept nogil:
    cdef uint64_t x = (<const uint64_t *>a)[0], y = (<const uint64_t *>b)[0]
    return 1 if x > y else (-1 if x < y else 0)


cdef bint stops_search(const Engine *e, uint64_t pc) noexcept nogil:
    cdef uint32_t low = 0, high = e.n_stops, mid
    while low < high:
        mid = (low + high) // 2
        if e.stops[mid] < pc:
            low = mid + 1
        else:
            high = mid
    return low < e.n_stops and e.stops[low] == pc


cdef bint stops_is_exit(const Engine *e, uint64_t pc) noexcept nogil:
    cdef uint32_t i
    for i in range(e.n_exits):
        if e.exits[i] == pc:
            return True
    return False


cdef void stops_added(Engine *e, uint64_t pc) noexcept nogil:
    # By guest address over all blocks, and not through the page tables of now: a block of another
    # guest address space may hold the address, too.
    cdef TBCache *c = <TBCache *>e.cache
    cdef TB *tb
    cdef uint32_t i
    for i in range(c.n_tbs):
        tb = &c.tbs[i]
        if not tb.invalid and pc - tb.lo < tb.size:
            cache_invalidate_tb(c, tb)


cdef void stops_set_until(Engine *e, uint64_t until) noexcept nogil:
    if e.has_last_until and e.last_until == until:
        return
    if not is_stop(e, until):
        stops_added(e, until)
    e.last_until = until
    e.has_last_until = True


cdef int stops_rebuild(Engine *e) noexcept nogil:
    cdef uint32_t n = e.n_exits + e.cpu.n_breakpoints, i, kept = 0
    cdef uint64_t *grown
    if n > e.stops_cap:
        grown = <uint64_t *>realloc(e.stops, n * sizeof(uint64_t))
        if grown == NULL:
            return -ENOMEM
        e.stops = grown
        e.stops_cap = n
    for i in range(e.n_exits):
        e.stops[i] = e.exits[i]
    for i in range(e.cpu.n_breakpoints):
        e.stops[e.n_exits + i] = e.cpu.breakpoints[i].pc
    if n:
        qsort(e.stops, n, sizeof(uint64_t), compare)
    for i in range(n):
        if kept == 0 or e.stops[kept - 1] != e.stops[i]:
            e.stops[kept] = e.stops[i]
            kept += 1
    e.n_stops = kept
    return 0


cdef void stops_free(Engine *e) noexcept nogil:
    free(e.stops)
    free(e.exits)
    e.stops = NULL
    e.exits = NULL
    e.n_stops = 0
    e.n_exits = 0
