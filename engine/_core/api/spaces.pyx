"""Address spaces and listeners as Python sees them (see spaces.pxd)."""
cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memset
from engine._core.base.types cimport hwaddr, int32_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.exec.spaces cimport cpu_address_space_init, cpu_set_num_ases, cpu_space_for
from engine._core.mem.address_space cimport (
    MemSection, address_space_access_valid, address_space_ld, address_space_map,
    address_space_read, address_space_st, address_space_translate, address_space_unmap,
    address_space_write, address_space_write_rom, memory_region_find)
from engine._core.mem.attrs cimport MEMTX_DECODE_ERROR, MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport (
    FlatRange, FlatView, MemoryRegion as CRegion, MemoryRegionSection)
from engine._core.mem.region cimport memory_region_unref
from engine._core.mem.topology cimport (
    address_space_free, address_space_new, address_space_sync_dirty_bitmap, address_space_view,
    memory_global_dirty_log_start, memory_global_dirty_log_stop, memory_listener_register,
    memory_listener_unregister)
from engine._core.api.blocks cimport context_of, name_arg, refusal
from engine._core.api.core cimport closed_core, core_of, type_name, u64_arg
from engine._core.api.devices cimport callback_failed
from engine._core.api.emulator cimport Emulator
from engine._core.api.regions cimport RegionCell, emulator_core, raise_left, region_handle

import weakref
from collections import namedtuple

from engine.errors import (ArgumentError, ArgumentTypeError, ClosedError, EngineBusyError,
                           HostMemoryError, MemoryFault, PreconditionError)
from engine._core.api import regions as _regions
from engine._core.api.kinds import MemTxResult, Prot

Section = namedtuple("Section", ("region", "offset", "address", "size", "readonly", "name"))
Section.__doc__ = """A piece of an address space: `size` bytes from `offset` on of `region` (None
when it was mapped by `Emulator.memory`), seen at `address`. A section that `AddressSpace.find`
answers keeps the region's owner alive until `AddressSpace.release`."""

FlatPiece = namedtuple("FlatPiece", ("address", "size", "region", "offset", "readonly", "romd",
                                     "perms", "dirty_log_mask", "name"))
FlatPiece.__doc__ = """A range of a flat view."""


cdef object size_between(hwaddr lo, hwaddr last):
    return <object>(last - lo) + 1


cdef str region_name(CRegion *mr):
    return (<bytes>mr.name).decode("utf-8", "replace") if mr.name is not NULL else ""


# ---------------------------------------------------------------- address spaces

cdef class SpaceCell:
    pass


cdef AddressSpace space_handle(Core core, CSpace *space):
    cdef SpaceCell cell
    cdef AddressSpace handle
    found = core.spaces.get(<uintptr_t>space)
    if found is None:
        cell = SpaceCell.__new__(SpaceCell)
        cell.space = space
        cell.name = (<bytes>space.name).decode("utf-8", "replace")
        core.spaces[<uintptr_t>space] = cell
    else:
        cell = found
    handle = AddressSpace.__new__(AddressSpace)
    handle.core = core
    handle.cell = cell
    cell.users += 1
    return handle


cdef void settle_space(Core core, SpaceCell cell) noexcept:
    cdef CSpace *space = cell.space
    if (cell.users or not cell.owned or space is NULL or core.st.engine is NULL
            or core.st.running or core.entered):
        return
    core.spaces.pop(<uintptr_t>space, None)
    cell.space = NULL
    address_space_free(space)


cdef int leave_access(Core core, object before) except -1:
    error = core.leave_access(before)
    if error is not None:
        raise error
    return 0


@cython.no_gc_clear
cdef class AddressSpace:
    """What somebody sees of the memory tree: a CPU, a device that does transfers.

    `AddressSpace(emu, root, name)`: the region `root` is all of it. Accesses are physical, past
    the guest's permissions, and take attributes (`MemTxAttrs`) that devices see. Two objects are
    equal when they are the same space.
    """

    def __cinit__(self, emu=None, root=None, name="space"):
        cdef Core core
        cdef CSpace *space
        cdef SpaceCell cell
        self.core = closed_core()
        self.cell = SpaceCell.__new__(SpaceCell)
        if emu is None and root is None:
            return              # a handle is being made
        if not isinstance(emu, Emulator):
            raise ArgumentTypeError(f"an address space belongs to an Emulator, not to"
                                    f" {type_name(emu)}")
        core = (<Emulator>emu).core
        core.check()
        if not isinstance(root, MemoryRegion) or (<MemoryRegion>root).core is not core:
            raise ArgumentTypeError("root must be a MemoryRegion of the emulator")
        text = name_arg(name)
        space = address_space_new(context_of(core), (<MemoryRegion>root).check(),
                                  <const char *><bytes>text)
        if space is NULL:
            raise HostMemoryError(refusal(core) or "the host has no memory left")
        cell = self.cell
        cell.space = space
        cell.name = name
        cell.root = (<MemoryRegion>root).cell
        cell.owned = True
        cell.users = 1
        core.spaces[<uintptr_t>space] = cell
        self.core = core

    def __dealloc__(self):
        if self.cell is not None and self.cell.space is not NULL:
            self.cell.users -= 1
            settle_space(self.core, self.cell)

    cdef CSpace *check(self) except NULL:
        self.core.check()
        if self.cell.space is NULL:
            raise ClosedError("the address space is gone")
        return self.cell.space

    def __eq__(self, other):
        return isinstance(other, AddressSpace) and self.cell is (<AddressSpace>other).cell

    def __hash__(self):
        return hash(<uintptr_t><void *>self.cell)

    def __repr__(self):
        return f"<address space {self.cell.name!r}>"

    @property
    def name(self):
        return self.cell.name

    @property
    def root(self):
        """The region that it shows."""
        return region_handle(self.core, self.check().root)

    # -- looking

    def flat_view(self):
        """What is seen, as a list of `FlatPiece` by address: containers, aliases and priorities
        resolved."""
        cdef FlatView *v = address_space_view(self.check())
        cdef FlatRange *r
        cdef uint32_t i
        found = []
        for i in range(v.nr):
            r = v.ranges + i
            found.append((r.lo, r.last, <uintptr_t>r.mr, r.offset, r.readonly, r.romd_mode, r.prot,
                          r.dirty_log_mask, region_name(r.mr)))
        return [FlatPiece(lo, last - lo + 1, self.region_at(mr), offset, bool(readonly), bool(romd),
                          Prot(prot), mask, name)
                for lo, last, mr, offset, readonly, romd, prot, mask, name in found]

    def region_at(self, pointer, /):
        """Internal: the region behind a pointer of a flat view."""
        cell = self.core.regions.get(pointer)
        return None if cell is None else region_handle(self.core, (<RegionCell>cell).mr)

    def translate(self, address, size=1, is_write=False, attrs=MEMTXATTRS_UNSPECIFIED):
        """The `Section` that an access at an address reaches, IOMMUs included; its size is at most
        what was asked. A hole: the section's region is None and its name "unassigned"."""
        cdef MemSection s
        cdef uint64_t at = u64_arg(address, "address"), length = u64_arg(size, "size")
        cdef uint32_t bits = attrs_arg(attrs)
        cdef CSpace *space = self.check()
        if length == 0:
            raise ArgumentError("size must not be zero")
        before = self.core.enter_access()
        try:
            address_space_translate(space, at, length, bool(is_write), bits, &s)
            found = Section(region_handle(self.core, s.mr), s.xlat, at, s.len, bool(s.readonly),
                            region_name(s.mr))
        finally:
            leave_access(self.core, before)
        return found

    def find(self, address):
        """The `Section` around an address, or None in a hole. It holds a reference on the region's
        owner until `release`."""
        cdef MemoryRegionSection s
        cdef uint64_t at = u64_arg(address, "address")
        if not memory_region_find(self.check(), at, &s):
            return None
        section = section_of(self.core, &s)
        if section.region is not None:
            (<MemoryRegion>section.region).cell.found += 1
        return section

    def release(self, section):
        """Gives back what `find` holds. Raises `PreconditionError` when there is nothing left to
        give back."""
        cdef MemoryRegion region
        self.check()
        if section.region is None:
            return
        region = <MemoryRegion?>section.region
        region.check()
        if region.cell.found == 0:
            raise PreconditionError(f"{region!r} has no section to release: each answer of find"
                                    " is released once")
        region.cell.found -= 1
        memory_region_unref(region.cell.mr)

    def access_valid(self, address, size, is_write=False):
        """Whether somebody answers for every byte."""
        cdef uint64_t at = u64_arg(address, "address"), length = u64_arg(size, "size")
        return bool(address_space_access_valid(self.check(), at, length, bool(is_write)))

    # -- accesses

    def try_read(self, address, size, attrs=MEMTXATTRS_UNSPECIFIED):
        """(MemTxResult, bytes): results of split accesses are OR-ed, what nobody answers for reads
        as zeroes."""
        cdef uint64_t at = u64_arg(address, "address"), length = u64_arg(size, "size")
        cdef uint32_t bits = attrs_arg(attrs), answer
        cdef CSpace *space = self.check()
        cdef bytes data
        if length > 1ULL << 40:
            raise ArgumentError(f"cannot read {length:#x} bytes at once")
        data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
        before = self.core.enter_access()
        try:
            answer = address_space_read(space, at, bits, PyBytes_AS_STRING(data), length)
        finally:
            leave_access(self.core, before)
        return MemTxResult(answer & 3), data

    def try_write(self, address, data, attrs=MEMTXATTRS_UNSPECIFIED):
        """Write bytes; answers the `MemTxResult`."""
        return MemTxResult(self.put(address, data, attrs, False))

    cdef uint32_t put(self, object address, object data, object attrs, bint rom) except? 0xff:
        cdef uint64_t at = u64_arg(address, "address")
        cdef uint32_t bits = attrs_arg(attrs), answer
        cdef CSpace *space = self.check()
        cdef Py_buffer buffer
        PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE)
        before = self.core.enter_access()
        try:
            if rom:
                answer = address_space_write_rom(space, at, bits, buffer.buf, <uint64_t>buffer.len)
            else:
                answer = address_space_write(space, at, bits, buffer.buf, <uint64_t>buffer.len)
        finally:
            PyBuffer_Release(&buffer)
            leave_access(self.core, before)
        return answer & 3

    def read(self, address, size, attrs=MEMTXATTRS_UNSPECIFIED):
        """Bytes. Raises `MemoryFault` ("unmapped" or "io") unless all of it answers."""
        cdef uint64_t at, length
        cdef uint32_t bits
        cdef uint8_t small[64]
        # A short read of one piece of memory is one copy (spec row 5).
        if type(size) is int and type(attrs) is int and 0 < <object>size <= 64:
            at = u64_arg(address, "address")
            length = <uint64_t>size
            bits = <uint32_t>attrs
            if short_read(self.check(), at, bits, small, length):
                return PyBytes_FromStringAndSize(<char *>small, <Py_ssize_t>length)
        answer, data = self.try_read(address, size, attrs)
        if answer:
            raise fault(address, size, "read", answer)
        return data

    def write(self, address, data, attrs=MEMTXATTRS_UNSPECIFIED):
        """Write bytes. Raises `MemoryFault` unless all of it is taken."""
        answer = self.put(address, data, attrs, False)
        if answer:
            raise fault(address, len(memoryview(data).cast("B")), "write", answer)

    def write_rom(self, address, data):
        """Write bytes as a loader does: into RAM and ROM alike, devices are skipped."""
        answer = self.put(address, data, MEMTXATTRS_UNSPECIFIED, True)
        if answer:
            raise fault(address, len(memoryview(data).cast("B")), "write", answer)

    def load(self, address, size, byteorder="little", attrs=MEMTXATTRS_UNSPECIFIED):
        """An int of 1, 2, 4 or 8 bytes. Raises `MemoryFault`."""
        cdef uint64_t at = u64_arg(address, "address"), value
        cdef uint32_t bits = attrs_arg(attrs), answer = 0
        cdef bint big = order_arg(byteorder)
        cdef CSpace *space = self.check()
        if size not in (1, 2, 4, 8):
            raise ArgumentError(f"size must be 1, 2, 4 or 8, not {size!r}")
        before = self.core.enter_access()
        try:
            value = address_space_ld(space, at, <uint32_t>size, big, bits, &answer)
        finally:
            leave_access(self.core, before)
        if answer & 3:
            raise fault(address, size, "read", answer)
        return value

    def store(self, address, value, size, byteorder="little", attrs=MEMTXATTRS_UNSPECIFIED):
        """Store an int of 1, 2, 4 or 8 bytes. Raises `MemoryFault`."""
        cdef uint64_t at = u64_arg(address, "address"), number = u64_arg(value, "value")
        cdef uint32_t bits = attrs_arg(attrs), answer = 0
        cdef bint big = order_arg(byteorder)
        cdef CSpace *space = self.check()
        if size not in (1, 2, 4, 8):
            raise ArgumentError(f"size must be 1, 2, 4 or 8, not {size!r}")
        if <object>number >> (8 * size):
            raise ArgumentError(f"{number:#x} does not fit in {size} bytes")
        before = self.core.enter_access()
        try:
            address_space_st(space, at, number, <uint32_t>size, big, bits, &answer)
        finally:
            leave_access(self.core, before)
        if answer & 3:
            raise fault(address, size, "write", answer)

    def map(self, address, size, is_write=False):
        """`with space.map(address, size, is_write) as view:` host memory of a range for a transfer,
        as a memoryview: as much as is contiguous, through the one bounce buffer where it is not
        memory. What was written counts when the block ends."""
        return Mapping(self, u64_arg(address, "address"), u64_arg(size, "size"), bool(is_write))

    def sync_dirty_bitmap(self):
        """Asks listeners (log_sync) to bring the dirty bitmaps up to date."""
        address_space_sync_dirty_bitmap(self.check())
        raise_left(self.core)


cdef bint short_read(CSpace *space, uint64_t at, uint32_t attrs, uint8_t *out,
                     uint64_t length) noexcept:
    cdef MemSection s
    cdef uint64_t i
    address_space_translate(space, at, length, False, attrs, &s)
    if s.host is NULL or s.len != length:
        return False
    for i in range(length):
        out[i] = s.host[i]
    return True


@cython.no_gc_clear
cdef class Mapping:
    """What `AddressSpace.map` answers; a context manager and an exporter of its memory."""
    cdef AddressSpace space
    cdef void *host
    cdef hwaddr length
    cdef uint64_t address
    cdef bint is_write
    cdef int views

    def __cinit__(self, AddressSpace space, address, size, is_write):
        self.space = space
        self.address = address
        self.length = size
        self.is_write = is_write

    def __enter__(self):
        cdef CSpace *space = self.space.check()
        if self.host is not NULL:
            raise EngineBusyError("this mapping is in use")
        before = self.space.core.enter_access()
        try:
            self.host = address_space_map(space, self.address, &self.length, self.is_write)
        finally:
            leave_access(self.space.core, before)
        if self.host is NULL:
            raise EngineBusyError(f"nothing can be mapped at {self.address:#x} now: nobody answers"
                                  f" there, or the bounce buffer is taken")
        return memoryview(self)

    def __exit__(self, *exc):
        cdef void *host = self.host
        if host is NULL or self.space.core.st.engine is NULL:
            return
        if self.views:
            raise EngineBusyError("release the memoryview before the block ends")
        self.host = NULL
        before = self.space.core.enter_access()
        try:
            address_space_unmap(self.space.check(), host, self.length, self.is_write, self.length)
        finally:
            leave_access(self.space.core, before)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if self.host is NULL:
            raise EngineBusyError("the mapping has ended")
        PyBuffer_FillInfo(buffer, self, self.host, <Py_ssize_t>self.length, not self.is_write,
                          flags)
        self.views += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.views -= 1


cdef object fault(object address, object size, str access, uint32_t answer):
    return MemoryFault("unmapped" if answer & MEMTX_DECODE_ERROR else "io", address=address,
                       access=access, size=size, pc=0,
                       reason="nobody answers there, or it is ROM"
                       if answer & MEMTX_DECODE_ERROR and access == "write" else None)


cdef uint32_t attrs_arg(object attrs) except 0xffffffff:
    if not isinstance(attrs, int) or not 0 <= attrs < 0xffffffff:
        raise ArgumentError(f"attributes must be MemTxAttrs, not {attrs!r}")
    return <uint32_t>attrs


cdef bint order_arg(object byteorder) except -1:
    if byteorder not in ("little", "big"):
        raise ArgumentError(f"byteorder must be 'little' or 'big', not {byteorder!r}")
    return byteorder == "big"


def _pointer(space):
    if not isinstance(space, AddressSpace):
        raise ArgumentTypeError(f"an IOMMU answers an AddressSpace, not {type_name(space)}")
    return <uintptr_t>(<AddressSpace>space).check()


def _core(space):
    return (<AddressSpace?>space).core


_regions.connect_spaces(_pointer, _core)


# ---------------------------------------------------------------- spaces of the CPU


def cpu_address_spaces(emu):
    """The address spaces of an emulator's CPU as a tuple. Number 0 is for all accesses but secure
    ones (`MemTxAttrs.SECURE`), which go to number 1 where there is one."""
    cdef Core core = emulator_core(emu)
    cdef uint32_t i
    return tuple([space_handle(core, <CSpace *>core.st.engine.cpu.ases[i])
                  for i in range(core.st.engine.cpu.num_ases)])


def set_cpu_address_spaces(emu, spaces):
    """Give an emulator's CPU other address spaces (see `cpu_address_spaces`). A change of any of
    them flushes the CPU's TLB. Not from hooks."""
    cdef Core core = emulator_core(emu)
    cdef list wanted = list(spaces)
    cdef SpaceCell cell
    cdef uint32_t i, n = <uint32_t>len(wanted)
    if not wanted:
        raise PreconditionError("a CPU needs an address space")
    if core.st.running:
        raise EngineBusyError("the address spaces of a CPU cannot change while it runs")
    for space in wanted:
        if not isinstance(space, AddressSpace) or (<AddressSpace>space).core is not core:
            raise ArgumentTypeError("address spaces must be AddressSpace objects of the emulator")
        (<AddressSpace>space).check()
    old = [core.spaces.get(<uintptr_t>core.st.engine.cpu.ases[i])
           for i in range(core.st.engine.cpu.num_ases)]
    if not cpu_set_num_ases(core.st.engine, n):
        raise HostMemoryError("the host has no memory left")
    for i in range(n):
        cell = (<AddressSpace>wanted[i]).cell
        cell.users += 1
        cpu_address_space_init(core.st.engine, cell.space, i)
    for item in old:
        if item is not None:
            cell = item
            if cell.owned:
                cell.users -= 1
                settle_space(core, cell)


def cpu_address_space_for(emu, attrs):
    """The address space that serves accesses with these attributes."""
    cdef Core core = emulator_core(emu)
    return space_handle(core, <CSpace *>cpu_space_for(core.st.engine.cpu, attrs_arg(attrs)))


# ---------------------------------------------------------------- listeners


cdef object section_of(Core core, MemoryRegionSection *s):
    return Section(region_handle(core, s.mr), s.offset_within_region,
                   s.offset_within_address_space,
                   size_between(s.offset_within_address_space, s.last_within_address_space),
                   bool(s.readonly), region_name(s.mr))


@cython.no_gc_clear
cdef class ListenerCell:
    pass


cdef void tell(CListener *who, str method, tuple args) noexcept:
    cdef ListenerCell cell = <ListenerCell>who.opaque
    try:
        target = cell.target()
        if target is not None:
            getattr(target, method)(*args)
    except BaseException as error:
        callback_failed(core_of(cell.st), error)


cdef void tell_section(CListener *who, str method, MemoryRegionSection *s) noexcept:
    cdef ListenerCell cell = <ListenerCell>who.opaque
    try:
        section = section_of(core_of(cell.st), s)
    except BaseException as error:
        callback_failed(core_of(cell.st), error)
        return
    tell(who, method, (section,))


cdef void tell_log(CListener *who, str method, MemoryRegionSection *s, uint32_t old,
                   uint32_t new) noexcept:
    cdef ListenerCell cell = <ListenerCell>who.opaque
    try:
        section = section_of(core_of(cell.st), s)
    except BaseException as error:
        callback_failed(core_of(cell.st), error)
        return
    tell(who, method, (section, old, new))


cdef void on_begin(CListener *who) noexcept nogil:
    with gil:
        tell(who, "begin", ())


cdef void on_commit(CListener *who) noexcept nogil:
    with gil:
        tell(who, "commit", ())


cdef void on_global_start(CListener *who) noexcept nogil:
    with gil:
        tell(who, "log_global_start", ())


cdef void on_global_stop(CListener *who) noexcept nogil:
    with gil:
        tell(who, "log_global_stop", ())


cdef void on_add(CListener *who, MemoryRegionSection *s) noexcept nogil:
    with gil:
        tell_section(who, "region_add", s)


cdef void on_del(CListener *who, MemoryRegionSection *s) noexcept nogil:
    with gil:
        tell_section(who, "region_del", s)


cdef void on_nop(CListener *who, MemoryRegionSection *s) noexcept nogil:
    with gil:
        tell_section(who, "region_nop", s)


cdef void on_sync(CListener *who, MemoryRegionSection *s) noexcept nogil:
    with gil:
        tell_section(who, "log_sync", s)


cdef void on_log_start(CListener *who, MemoryRegionSection *s, uint32_t old,
                       uint32_t new) noexcept nogil:
    with gil:
        tell_log(who, "log_start", s, old, new)


cdef void on_log_stop(CListener *who, MemoryRegionSection *s, uint32_t old,
                      uint32_t new) noexcept nogil:
    with gil:
        tell_log(who, "log_stop", s, old, new)


@cython.no_gc_clear
cdef class MemoryListener:
    """Hears of changes of address spaces. A subclass has the methods it wants:

    `begin()`, `commit()`: around each change (the outermost transaction); `region_add(section)`,
    `region_del(section)`, `region_nop(section)`: ranges that came, went, stayed;
    `log_start(section, old, new)`, `log_stop(section, old, new)`: clients began or ceased to follow
    writes; `log_sync(section)`; `log_global_start()`, `log_global_stop()`: dirty logging of
    everything. Listeners are told in the order of `priority`, for del and stop in reverse.

    `register(emu, space=None)` begins, with what is there already; None: all spaces. It ends with
    `unregister()` or with the listener's last reference.
    """
    cdef ListenerCell cell
    cdef Core core
    cdef object __weakref__
    priority = 0

    def __dealloc__(self):
        if (self.cell is not None and self.core.st.engine is not NULL
                and not self.core.st.running):
            memory_listener_unregister(context_of(self.core), &self.cell.listener)
            self.core.unpin(self.cell)
            if self.core.listeners is not None:
                self.core.listeners.pop(<uintptr_t>&self.cell.listener, None)

    @property
    def registered(self):
        """Whether it is told."""
        return (self.cell is not None and self.core.st.engine is not NULL
                and <uintptr_t>&self.cell.listener in self.core.listeners)

    def register(self, emu, space=None):
        """Begin to listen."""
        cdef Core core = emulator_core(emu)
        cdef ListenerCell cell
        cdef CSpace *filter = NULL
        if self.registered:
            raise EngineBusyError("the listener is registered already")
        if space is not None:
            if not isinstance(space, AddressSpace) or (<AddressSpace>space).core is not core:
                raise ArgumentTypeError("space must be an AddressSpace of the emulator")
            filter = (<AddressSpace>space).check()
        cell = ListenerCell.__new__(ListenerCell)
        memset(&cell.listener, 0, sizeof(cell.listener))
        cell.st = &core.st
        cell.target = weakref.ref(self)
        cell.listener.opaque = <void *>cell
        cell.listener.priority = <int32_t>self.priority
        has = {name for name in dir(type(self)) if not name.startswith("_")}
        if "begin" in has:
            cell.listener.begin = on_begin
        if "commit" in has:
            cell.listener.commit = on_commit
        if "region_add" in has:
            cell.listener.region_add = on_add
        if "region_del" in has:
            cell.listener.region_del = on_del
        if "region_nop" in has:
            cell.listener.region_nop = on_nop
        if "log_sync" in has:
            cell.listener.log_sync = on_sync
        if "log_start" in has:
            cell.listener.log_start = on_log_start
        if "log_stop" in has:
            cell.listener.log_stop = on_log_stop
        if "log_global_start" in has:
            cell.listener.log_global_start = on_global_start
        if "log_global_stop" in has:
            cell.listener.log_global_stop = on_global_stop
        self.cell = cell
        self.core = core
        core.pin(cell)
        core.listeners[<uintptr_t>&cell.listener] = cell
        memory_listener_register(context_of(core), &cell.listener, filter)
        raise_left(core)

    def unregister(self):
        """Cease to listen."""
        if not self.registered:
            return
        self.core.check()
        memory_listener_unregister(context_of(self.core), &self.cell.listener)
        self.core.listeners.pop(<uintptr_t>&self.cell.listener, None)
        self.core.unpin(self.cell)
        self.cell = None


def global_dirty_log(emu, on):
    """Start or stop following writes to all RAM (migration)."""
    cdef Core core = emulator_core(emu)
    if on:
        memory_global_dirty_log_start(context_of(core))
    else:
        memory_global_dirty_log_stop(context_of(core))
    raise_left(core)
