# Flat views: what an address space looks like once containers, aliases and priorities are resolved.
# Lives here: rendering a tree into sorted ranges, look-up, in-place insertion and removal.
# Does not live here: when to render (topology). Called by: topology, address_space, tlb.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, hwaddr
from engine._core.mem.context cimport FlatRange, FlatView, MemContext, MemoryRegion

cdef enum:
    MAX_REGION_DEPTH = 200      # nested containers and aliases; deeper trees are refused

cdef inline hwaddr region_last(hwaddr size) noexcept nogil:     # size is not 0
    return size - 1 if size + 1 else size

# Each range holds a reference on its region's owner (row 7).
cdef FlatView *flatview_new() noexcept nogil
cdef void flatview_free(FlatView *v) noexcept nogil
# NULL: out of memory.
cdef FlatView *flatview_render(MemoryRegion *root) noexcept nogil
# Index of the first range whose last is >= addr (nr: none).
cdef uint32_t flatview_lower(FlatView *v, hwaddr addr) noexcept nogil
cdef FlatRange *flatview_search(FlatView *v, hwaddr addr) noexcept nogil
# Make room for and fill range i; False: out of memory.
cdef bint flatview_insert(FlatView *v, uint32_t i, const FlatRange *r) noexcept nogil
cdef void flatview_remove(FlatView *v, uint32_t i) noexcept nogil
# Whether b is the next piece of what a shows, so that they could be one range.
cdef bint flatview_continues(const FlatRange *a, const FlatRange *b) noexcept nogil
# What the subtree at mr alone (seen from its container) would render to, as at most `cap` ranges
# sorted by address; answers their number, or -1: more than that, or they overlap.
cdef int flatview_leaves(MemoryRegion *mr, FlatRange *out, int cap) noexcept nogil

cdef inline FlatRange *flatview_lookup(FlatView *v, hwaddr addr) noexcept nogil:   # NULL: a hole
    cdef FlatRange *r
    if v.mru < v.nr:
        r = v.ranges + v.mru
        if addr - r.lo <= r.last - r.lo:
            return r
    return flatview_search(v, addr)
