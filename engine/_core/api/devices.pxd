# Python functions as devices. Lives here: Device, the callbacks of I/O regions, the big lock.
# Does not live here: where a device is mapped (blocks.pyx for Memory.map_io, regions.pyx for
# engine.memory). Callers: those two.
from engine._core.base.types cimport hwaddr, uint32_t, uint64_t
from engine._core.mem.context cimport MemoryRegionOps
from engine._core.api.core cimport Core, CoreState

ctypedef struct DeviceHead:     # opaque pointer of an I/O region
    CoreState *st
    void *device                # Device, borrowed: its owner lives as long as the region
    void *read                  # held_read_fn
    void *write                 # held_write_fn

cdef class Device:
    cdef object on_read         # fn(offset, size[, attrs]) -> int, or None
    cdef object on_write        # fn(offset, size, value[, attrs]), or None
    cdef object on_accepts      # fn(offset, size, is_write, attrs) -> bool, or None: all
    cdef object owner           # what the callbacks get instead of the Device, or None
    cdef bint with_attrs
    cdef DeviceHead head
    cdef MemoryRegionOps ops

# Functions of the right kind, or ArgumentTypeError.
cdef Device device_new(Core core, object on_read, object on_write, bint with_attrs)
# The callbacks of a device, with the GIL held; their first argument is `owner`, which lives as long
# as the device.
ctypedef uint32_t (*held_read_fn)(void *opaque, hwaddr offset, uint64_t *data, uint32_t size,
                                  uint32_t attrs) noexcept
ctypedef uint32_t (*held_write_fn)(void *opaque, hwaddr offset, uint64_t data, uint32_t size,
                                   uint32_t attrs) noexcept
cdef void device_calls(Device device, object owner, held_read_fn read, held_write_fn write) noexcept
# An exception that a callback left: kept for whoever started this. Answers MEMTX_HOOK_ERROR.
cdef uint32_t callback_failed(Core core, object error) noexcept
