# Address spaces, transactions, listeners: when a change of the region tree becomes visible, to
# whom. Lives here: the life of an AddressSpace, begin and commit, view differences to listeners.
# Does not live here: regions (region), accesses (address_space), rendering (flatview). Called by:
# region, exec (a listener per CPU), api. Spec rows 2, 3, 75, 76.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, hwaddr
from engine._core.mem.context cimport (AddressSpace, FlatView, MemContext, MemoryListener,
                                       MemoryRegion, MemoryRegionSection)

cdef AddressSpace *address_space_new(MemContext *ctx, MemoryRegion *root,
                                     const char *name) noexcept nogil
cdef void address_space_free(AddressSpace *space) noexcept nogil

# Changes between begin and the outermost commit become visible together: until then accesses see
# the tree of before, and listeners hear nothing.
cdef void memory_region_transaction_begin(MemContext *ctx) noexcept nogil
cdef void memory_region_transaction_commit(MemContext *ctx) noexcept nogil
# The same around one change, which alone is visible at once: nothing is rendered for it.
cdef void memory_region_change_begin(MemContext *ctx) noexcept nogil
cdef void memory_region_change_commit(MemContext *ctx) noexcept nogil
# The tree changed: mr, which is linked in its container, has come (added) or is about to go. mr
# NULL: anything may have changed. Called between change_begin and change_commit.
cdef void topology_changed(MemContext *ctx, MemoryRegion *mr, bint added) noexcept nogil

cdef void memory_listener_register(MemContext *ctx, MemoryListener *who,
                                   AddressSpace *filter) noexcept nogil
cdef void memory_listener_unregister(MemContext *ctx, MemoryListener *who) noexcept nogil
cdef void memory_global_dirty_log_start(MemContext *ctx) noexcept nogil
cdef void memory_global_dirty_log_stop(MemContext *ctx) noexcept nogil
cdef void address_space_sync_dirty_bitmap(AddressSpace *space) noexcept nogil

# Whether a view that is no longer the tree's is kept: held, or to be told of.
cdef bint topology_keeps_old(MemContext *ctx) noexcept nogil
# Ends the regions that were freed while one was.
cdef void topology_bury(MemContext *ctx) noexcept nogil

cdef FlatView *topology_render(AddressSpace *space) noexcept nogil
# The current view, for at once: any change of the topology may end its life.
cdef inline FlatView *address_space_view(AddressSpace *space) noexcept nogil:
    return space.view if space.view != NULL else topology_render(space)
