# Python functions as devices. Lives here: Device, the callbacks of I/O regions, the big lock.
# Does not live here: where a device is mapped (blocks.pyx for Memory.map_io, regions.pyx for
# engine.memory). Callers: those two.
from engine._core.base.types cimport uint32_t
from engine._core.mem.context cimport MemoryRegionOps
from engine._core.api.core cimport Core, CoreState

ctypedef struct DeviceHead:     # opaque pointer of an I/O region
    CoreState *st
    void *device                # Device, borrowed: its owner lives as long as the region

cdef class Device:
    cdef object on_read         # fn(offset, size[, attrs]) -> int, or None
    cdef object on_write        # fn(offset, size, value[, attrs]), or None
    cdef object on_accepts      # fn(offset, size, is_write, attrs) -> bool, or None: all
    cdef bint with_attrs
    cdef DeviceHead head
    cdef MemoryRegionOps ops

# Functions of the right kind, or ArgumentTypeError.
cdef Device device_new(Core core, object on_read, object on_write, bint with_attrs)
# An exception that a callback left: kept for whoever started this. Answers MEMTX_HOOK_ERROR.
cdef uint32_t callback_failed(Core core, object error) noexcept
