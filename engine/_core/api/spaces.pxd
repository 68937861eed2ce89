# Address spaces and listeners as Python sees them (engine.memory). Lives here: SpaceCell,
# AddressSpace, MemoryListener. Does not live here: regions (regions.pxd). Callers: engine.memory.
from engine._core.base.types cimport uint32_t
from engine._core.mem.context cimport AddressSpace as CSpace, MemoryListener as CListener
from engine._core.api.core cimport Core, CoreState
from engine._core.api.regions cimport MemoryRegion

cdef class SpaceCell:
    cdef CSpace *space          # NULL: freed
    cdef str name
    cdef object root            # its RegionCell
    cdef int users              # handles, and CPUs that have it
    cdef bint owned             # made here: freed here

cdef class AddressSpace:
    cdef Core core
    cdef SpaceCell cell
    cdef CSpace *check(self) except NULL
    cdef uint32_t put(self, object address, object data, object attrs, bint rom) except? 0xff

cdef class ListenerCell:
    cdef CListener listener
    cdef CoreState *st
    cdef object target          # weak reference to the MemoryListener

# A handle of a space of the engine.
cdef AddressSpace space_handle(Core core, CSpace *space)
