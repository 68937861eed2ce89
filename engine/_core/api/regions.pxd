# Memory regions as Python sees them (engine.memory). Lives here: RegionCell, MemoryRegion. Does
# not live here: address spaces, listeners (spaces.pxd), RAM blocks and dirty bitmaps (rams.pyx),
# the simple map of an emulator (memory.pxd). Callers: engine.memory, spaces.pyx, rams.pyx.
#
# A RegionCell owns the C region; it is kept by the Core and refers to nothing that refers to the
# Core, so an emulator goes with its last reference. A MemoryRegion is a handle of a cell. A
# region lives as long as somebody has it: a handle, a container, an alias, an address space.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.mem.context cimport (IOMMUTLBEntry, MemoryRegion as CRegion,
                                       MemoryRegionIOMMUOps)
from engine._core.api.core cimport Core, CoreState

cdef class RegionCell:
    cdef CRegion *mr            # NULL: freed
    cdef CoreState *st
    cdef str kind
    cdef str name
    cdef int handles            # MemoryRegion objects
    cdef uint64_t number        # no other region of the emulator had it before
    cdef object device          # Device of I/O regions and ROM devices
    cdef object target          # alias: RegionCell
    cdef object translate       # IOMMU: fn(address, is_write, attrs) -> ...
    cdef object resized         # resizeable RAM: fn(name, size)
    cdef object buffer          # memoryview behind the RAM
    cdef object owner
    cdef uint64_t found         # references on the owner that AddressSpace.find took for callers
    cdef MemoryRegionIOMMUOps iommu_ops

cdef class MemoryRegion:
    cdef Core core
    cdef RegionCell cell
    cdef object __weakref__
    cdef CRegion *check(self) except NULL
    cdef int done(self) except -1
    cdef uint8_t *bytes_at(self, object offset, object size, uint64_t *at,
                           uint64_t *length) except NULL

# What the modules of engine.memory share. The Core of an Emulator that is open and not run by
# another thread; the number of a DirtyClient; what a callback left, raised outside of runs.
cdef Core emulator_core(object emu)
cdef uint32_t client_arg(object client) except 0xffffffff
cdef int raise_left(Core core) except -1
# The handle of a region that was made here; None for those of Emulator.memory.
cdef object region_handle(Core core, CRegion *mr)
# The root region of system memory.
cdef MemoryRegion system_region(Core core)
