# Addresses that a run may not pass: `until`, exits, breakpoints.
# Lives here: the set, its changes, dropping blocks that run past a new one. Does not live here:
# what happens there (loop.pyx), the breakpoint list itself (cpu/breakpoint). Called by: exec only.
#
# A stop address is the start of a block and nothing else: the translator ends blocks before it, no
# exit is linked to it, and the jump cache never holds it, so that the loop sees each arrival.
# `until` stays such an address after its run: running again with the same one costs nothing.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Engine

cdef bint stops_search(const Engine *e, uint64_t pc) noexcept nogil

# Is pc a block boundary on behalf of a stop?
cdef inline bint is_stop(const Engine *e, uint64_t pc) noexcept nogil:
    if e.has_last_until and pc == e.last_until:
        return True
    return e.n_stops != 0 and stops_search(e, pc)

cdef void stops_set_until(Engine *e, uint64_t until) noexcept nogil
# After a change of e.exits or the breakpoint list: rebuild the set. -ENOMEM or 0.
cdef int stops_rebuild(Engine *e) noexcept nogil
# A new stop address: drop the blocks that contain it.
cdef void stops_added(Engine *e, uint64_t pc) noexcept nogil
cdef bint stops_is_exit(const Engine *e, uint64_t pc) noexcept nogil
cdef void stops_free(Engine *e) noexcept nogil
