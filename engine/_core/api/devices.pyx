"""Python functions as devices (see devices.pxd)."""
from cpython.exc cimport PyErr_Clear
from cpython.pystate cimport PyGILState_STATE
from libc.string cimport memset
from engine._core.base.types cimport hwaddr, uint64_t
from engine._core.exec.engine cimport engine_fail
from engine._core.exec.hookpoints cimport (enter_fp, hooks_called, hooks_expect_devices,
                                           leave_fp)
from engine._core.mem.attrs cimport MEMTX_ERROR, MEMTX_HOOK_ERROR, MEMTX_OK
from engine._core.mem.context cimport DEVICE_NATIVE_ENDIAN
from engine._core.api.blocks cimport memory_sync
from engine._core.api.core cimport core_of, engine_fast_u64, gil_enter, gil_leave, type_name

from engine.errors import ArgumentError, ArgumentTypeError, DeviceError
from engine._core.api.kinds import MemTxAttrs


cdef class Device:
    pass


cdef Device device_new(Core core, object on_read, object on_write, bint with_attrs):
    cdef Device device = Device.__new__(Device)
    for function in (on_read, on_write):
        if function is not None and not callable(function):
            raise ArgumentTypeError(
                f"functions of a device must be callable, not {type_name(function)}")
    device.on_read = on_read
    device.on_write = on_write
    device.with_attrs = with_attrs
    device.head.st = &core.st
    device.head.device = <void *>device
    device.head.read = <void *>read_held
    device.head.write = <void *>write_held
    memset(&device.ops, 0, sizeof(device.ops))
    device.ops.read = io_read
    device.ops.write = io_write
    device.ops.endianness = DEVICE_NATIVE_ENDIAN
    device.ops.valid_min = 1
    device.ops.valid_max = 8
    device.ops.valid_unaligned = True
    device.ops.impl_min = 1
    device.ops.impl_max = 8
    device.ops.impl_unaligned = True
    hooks_expect_devices(core.st.engine)
    return device


cdef uint32_t callback_failed(Core core, object error) noexcept:
    if core.error is None:
        core.error = error
    if core.st.running:
        engine_fail(core.st.engine)
    return MEMTX_HOOK_ERROR


# What an exception of a device function means: DeviceError is the device's own answer.
cdef uint32_t device_failed(Core core, object error) noexcept:
    try:
        if isinstance(error, DeviceError):
            return <uint32_t>(error.result & 3) or MEMTX_ERROR
    except BaseException as other:
        error = other
    return callback_failed(core, error)


cdef uint32_t read_held(void *opaque, hwaddr offset, uint64_t *data, uint32_t size,
                        uint32_t attrs) noexcept:
    cdef Device device = <Device>opaque
    cdef CoreState *st = device.head.st
    cdef uint64_t limit = <uint64_t>-1 if size >= 8 else (1ULL << (8 * size)) - 1
    cdef unsigned long long number = 0
    if device.on_read is None:
        return MEMTX_ERROR
    try:
        if device.with_attrs:
            answer = device.on_read(offset, size, MemTxAttrs(attrs))
        else:
            answer = device.on_read(offset, size)
        if engine_fast_u64(answer, &number) and number <= limit:
            data[0] = number
        else:
            PyErr_Clear()
            if not isinstance(answer, int):
                raise ArgumentTypeError(f"read function of an I/O region must return an int, not"
                                        f" {type_name(answer)}")
            if not 0 <= answer <= limit:
                raise ArgumentError(f"read function of an I/O region returned {answer:#x}, which"
                                    f" does not fit in {size} bytes")
            data[0] = answer
    except BaseException as error:
        return device_failed(core_of(st), error)
    if st.has_exports:
        memory_sync(core_of(st))
    return MEMTX_OK


cdef uint32_t write_held(void *opaque, hwaddr offset, uint64_t data, uint32_t size,
                         uint32_t attrs) noexcept:
    cdef Device device = <Device>opaque
    cdef CoreState *st = device.head.st
    if device.on_write is None:
        return MEMTX_ERROR
    try:
        if device.with_attrs:
            device.on_write(offset, size, data, MemTxAttrs(attrs))
        else:
            device.on_write(offset, size, data)
    except BaseException as error:
        return device_failed(core_of(st), error)
    if st.has_exports:
        memory_sync(core_of(st))
    return MEMTX_OK


cdef void device_calls(Device device, object owner, held_read_fn read,
                       held_write_fn write) noexcept:
    device.owner = owner
    device.head.device = <void *>owner
    device.head.read = <void *>read
    device.head.write = <void *>write


# The types of the callbacks without "needs the GIL": it is held.
ctypedef uint32_t (*read_fn)(void *opaque, hwaddr offset, uint64_t *data, uint32_t size,
                             uint32_t attrs) noexcept nogil
ctypedef uint32_t (*write_fn)(void *opaque, hwaddr offset, uint64_t data, uint32_t size,
                              uint32_t attrs) noexcept nogil


cdef uint32_t io_read(void *opaque, hwaddr offset, uint64_t *data, uint32_t size,
                      uint32_t attrs) noexcept nogil:
    cdef DeviceHead *head = <DeviceHead *>opaque
    cdef CoreState *st = head.st        # the function may unmap its device and free the head
    cdef uint32_t answer
    cdef PyGILState_STATE state
    cdef bint fp = leave_fp(st.engine)
    data[0] = 0
    if st.gil_held:
        st.calls += 1
        answer = (<read_fn>head.read)(head.device, offset, data, size, attrs)
    else:
        state = gil_enter(st)
        answer = (<read_fn>head.read)(head.device, offset, data, size, attrs)
        gil_leave(st, state)
    enter_fp(st.engine, fp)
    hooks_called(st.engine)
    return answer


cdef uint32_t io_write(void *opaque, hwaddr offset, uint64_t data, uint32_t size,
                       uint32_t attrs) noexcept nogil:
    cdef DeviceHead *head = <DeviceHead *>opaque
    cdef CoreState *st = head.st        # the function may unmap its device and free the head
    cdef uint32_t answer
    cdef PyGILState_STATE state
    cdef bint fp = leave_fp(st.engine)
    if st.gil_held:
        st.calls += 1
        answer = (<write_fn>head.write)(head.device, offset, data, size, attrs)
    else:
        state = gil_enter(st)
        answer = (<write_fn>head.write)(head.device, offset, data, size, attrs)
        gil_leave(st, state)
    enter_fp(st.engine, fp)
    hooks_called(st.engine)
    return answer
