"""Memory regions as Python sees them (see regions.pxd)."""
cimport cython
from cpython.memoryview cimport PyMemoryView_GET_BUFFER
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memset
from engine._core.base.types cimport hwaddr, int32_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.mem.context cimport (
    AddressSpace as CSpace, DIRTY_MEMORY_NUM, MEM_SIZE_MAX, MemContext, MemoryRegionOps)
from engine._core.mem.dirty cimport (
    memory_region_get_dirty, memory_region_set_dirty, memory_region_test_and_clear_dirty)
from engine._core.mem.ram cimport ram_resize
from engine._core.mem.region cimport (
    memory_region_add_subregion, memory_region_add_subregion_overlap,
    memory_region_clear_global_locking, memory_region_del_subregion, memory_region_free,
    memory_region_get_dirty_log_mask, memory_region_is_logging, memory_region_new,
    memory_region_new_alias, memory_region_new_io, memory_region_new_iommu, memory_region_new_ram,
    memory_region_new_ram_ptr, memory_region_new_reservation, memory_region_new_resizeable_ram,
    memory_region_new_rom, memory_region_new_rom_device, memory_region_rom_device_set_romd,
    memory_region_set_address, memory_region_set_alias_offset, memory_region_set_enabled,
    memory_region_set_global_locking, memory_region_set_log, memory_region_set_owner,
    memory_region_set_prot, memory_region_set_readonly, memory_region_set_size)
from engine._core.mem.topology cimport (memory_region_transaction_begin,
                                        memory_region_transaction_commit, topology_keeps_old)
from engine._core.api.blocks cimport context_of, memory_sync, name_arg, refusal
from engine._core.api.core cimport closed_core, core_of, prot_arg, type_name, u64_arg
from engine._core.api.devices cimport Device, DeviceHead, callback_failed, device_new
from engine._core.api.emulator cimport Emulator

import os
import threading
from importlib import import_module

from engine.errors import (ArgumentError, ArgumentTypeError, ClosedError, MapError,
                           PreconditionError)
from engine._core.api.kinds import DirtyClient, Endian, MemTxAttrs, Prot

cdef object _locks = threading.RLock    # one a Core, made when a device first needs it


# ---------------------------------------------------------------- the big lock, owners
# ctx.lock_opaque is the CoreState. A region whose global_locking is on is entered by one thread at
# a time (row 53); whoever holds the lock already goes on.

cdef bint lock_held(void *opaque) noexcept nogil:
    return False                # the lock is recursive: taking it again is free


cdef void lock_take(void *opaque) noexcept nogil:
    with gil:
        (<object>core_of(<CoreState *>opaque).big_lock).acquire()


cdef void lock_give(void *opaque) noexcept nogil:
    with gil:
        (<object>core_of(<CoreState *>opaque).big_lock).release()


cdef void owner_ref(void *owner) noexcept nogil:
    with gil:
        ref = getattr(<object>owner, "ref", None)
        if ref is not None:
            ref()
        else:
            Py_INCREF(<object>owner)


cdef void owner_unref(void *owner) noexcept nogil:
    with gil:
        unref = getattr(<object>owner, "unref", None)
        if unref is not None:
            unref()
        else:
            Py_DECREF(<object>owner)


# Called before the first region of an emulator is made.
cdef int prepare(Core core) except -1:
    cdef MemContext *ctx = context_of(core)
    if core.big_lock is None:
        core.big_lock = _locks()
        ctx.lock_opaque = &core.st
        ctx.owner_ref = owner_ref
        ctx.owner_unref = owner_unref
        ctx.lock_held = lock_held
        ctx.unlock = lock_give
        ctx.lock = lock_take
    return 0


# ---------------------------------------------------------------- cells

@cython.no_gc_clear
cdef class RegionCell:
    pass


cdef CRegion *live(RegionCell cell) except NULL:
    if cell.mr is NULL:
        raise ClosedError(f"the memory region {cell.name!r} is gone with its emulator")
    return cell.mr


# Frees a region that nobody has any more. Not while the emulator runs: it goes at a later call.
cdef void settle(Core core, RegionCell cell) noexcept:
    cdef CRegion *mr = cell.mr
    cdef RegionCell target
    if mr is NULL or cell.handles or core.st.engine is NULL or core.st.running or core.entered:
        return
    if topology_keeps_old(context_of(core)):
        core.unsettled = True
        return
    if mr.container is not NULL or mr.n_aliases or mr.n_roots or cell.kind == "system":
        return
    while mr.first_child is not NULL:
        child = core.regions.get(<uintptr_t>mr.first_child)
        memory_region_del_subregion(mr, mr.first_child)
        if child is not None:
            settle(core, <RegionCell>child)
    if mr.block is not NULL:
        context_of(core).tb_invalidate_range(context_of(core).tb_opaque, mr.ram_addr, mr.size)
    if memory_region_free(mr) != 0:
        return
    cell.mr = NULL
    if cell.owner is not None:
        core.unpin(cell.owner)
    core.regions.pop(<uintptr_t>mr, None)
    if cell.target is not None:
        target = cell.target
        cell.target = None
        settle(core, target)


# What could not go while the emulator ran.
cdef void settle_all(Core core) noexcept:
    cdef RegionCell cell
    core.unsettled = False
    for item in list(core.regions.values()):
        cell = item
        if cell.mr is not NULL and not cell.handles:
            settle(core, cell)


cdef object region_handle(Core core, CRegion *mr):
    cell = core.regions.get(<uintptr_t>mr)
    return None if cell is None else handle(core, cell)


cdef MemoryRegion handle(Core core, RegionCell cell):
    cdef MemoryRegion region = MemoryRegion.__new__(MemoryRegion)
    region.core = core
    region.cell = cell
    cell.handles += 1
    return region


cdef MemoryRegion system_region(Core core):
    cdef CRegion *mr = <CRegion *>core.st.engine.system_memory
    cdef RegionCell cell
    found = core.regions.get(<uintptr_t>mr)
    if found is None:
        prepare(core)
        cell = RegionCell.__new__(RegionCell)
        cell.kind = "system"
        cell.name = "system"
        cell.mr = mr
        cell.st = &core.st
        core.regions[<uintptr_t>mr] = cell
        found = cell
    return handle(core, found)


# ---------------------------------------------------------------- making

cdef Core emulator_core(object emu):
    cdef Core core
    if not isinstance(emu, Emulator):
        raise ArgumentTypeError(f"expected an Emulator, not {type_name(emu)}")
    core = (<Emulator>emu).core
    core.check()
    return core


cdef int raise_left(Core core) except -1:
    error = core.error
    if error is not None and not core.st.running:
        core.error = None
        raise error
    return 0


cdef Core core_arg(object emu):
    cdef Core core
    if not isinstance(emu, Emulator):
        raise ArgumentTypeError(f"a region belongs to an Emulator, not to {type_name(emu)}")
    core = (<Emulator>emu).core
    core.check()
    prepare(core)
    if core.unsettled:
        settle_all(core)
    return core


# Bytes; 2**64 is MEM_SIZE_MAX.
cdef hwaddr size_arg(object size) except 0:
    cdef uint64_t value
    if isinstance(size, int) and size == 1 << 64:
        return MEM_SIZE_MAX
    value = u64_arg(size, "size")
    if value == 0:
        raise ArgumentError("the size of a region must not be zero")
    return value


cdef object size_of(hwaddr size):
    return 1 << 64 if size == MEM_SIZE_MAX else <object>size


cdef RegionCell cell_new(Core core, str kind, object name):
    cdef RegionCell cell = RegionCell.__new__(RegionCell)
    name_arg(name)
    cell.kind = kind
    cell.name = name
    cell.st = &core.st
    return cell


cdef MemoryRegion made(Core core, RegionCell cell, CRegion *mr, object owner):
    if mr is NULL:
        raise MapError(refusal(core))
    cell.mr = mr
    core.next_region += 1
    cell.number = core.next_region
    if owner is not None:
        cell.owner = owner
        core.pin(owner)
        memory_region_set_owner(mr, <void *>owner)
    core.regions[<uintptr_t>mr] = cell
    return handle(core, cell)


cdef const char *c_name(bytes name) noexcept:
    return <const char *>name if name else NULL


cdef int set_sizes(MemoryRegionOps *ops, object valid, object impl, object endian) except -1:
    ops.endianness = Endian(endian)
    for name, sizes in (("valid", valid), ("impl", impl)):
        low, high, unaligned = sizes
        if low not in (1, 2, 4, 8) or high not in (1, 2, 4, 8) or low > high:
            raise ArgumentError(f"{name} must be (smallest, largest, unaligned) with sizes of 1, 2,"
                                f" 4 or 8 bytes, not {sizes!r}")
        if name == "valid":
            ops.valid_min, ops.valid_max, ops.valid_unaligned = low, high, bool(unaligned)
        else:
            ops.impl_min, ops.impl_max, ops.impl_unaligned = low, high, bool(unaligned)
    return 0


cdef bint accepts_held(void *opaque, hwaddr addr, uint32_t size, bint is_write,
                       uint32_t attrs) noexcept:
    cdef Device device = <Device>opaque
    try:
        return bool(device.on_accepts(addr, size, is_write, MemTxAttrs(attrs)))
    except BaseException as error:
        callback_failed(core_of(device.head.st), error)
        return False


cdef bint io_accepts(void *opaque, hwaddr addr, uint32_t size, bint is_write,
                     uint32_t attrs) noexcept nogil:
    with gil:
        return accepts_held((<DeviceHead *>opaque).device, addr, size, is_write, attrs)


cdef Device region_device(Core core, object read, object write, object accepts, object valid,
                          object impl, object endian):
    cdef Device device = device_new(core, read, write, True)
    set_sizes(&device.ops, valid, impl, endian)
    if accepts is not None:
        if not callable(accepts):
            raise ArgumentTypeError(f"accepts must be callable, not {type_name(accepts)}")
        device.on_accepts = accepts
        device.ops.accepts = io_accepts
    return device


cdef void iommu_held(RegionCell cell, hwaddr addr, bint is_write, IOMMUTLBEntry *out) noexcept:
    cdef Core core = core_of(cell.st)
    try:
        answer = cell.translate(addr, is_write)
        if answer is None:
            return
        space, address, mask, perms = answer
        target = space_pointer(space)
        if core_of_space(space) is not core:
            raise ArgumentError("an IOMMU translates into address spaces of its own emulator")
        out.translated_addr = u64_arg(address, "translated address")
        out.addr_mask = u64_arg(mask, "address mask")
        if out.addr_mask & (out.addr_mask + 1):
            raise ArgumentError(f"address mask {mask:#x} is not a power of two less one")
        out.perm = <uint32_t>prot_arg(perms)
        out.target_as = <CSpace *><uintptr_t>target
    except BaseException as error:
        callback_failed(core, error)


cdef void iommu_translate(CRegion *mr, hwaddr addr, bint is_write,
                          IOMMUTLBEntry *out) noexcept nogil:
    memset(out, 0, sizeof(out[0]))
    with gil:
        iommu_held(<RegionCell>mr.iommu_ops.opaque, addr, is_write, out)


# Set by spaces.pyx, which knows AddressSpace: object -> pointer as int, object -> Core.
space_pointer = None
core_of_space = None


def connect_spaces(pointer, core):
    """Called by spaces.pyx when it is loaded."""
    global space_pointer, core_of_space
    space_pointer = pointer
    core_of_space = core


cdef void ram_resized(void *opaque, const char *idstr, uint64_t length,
                      void *host) noexcept nogil:
    with gil:
        resized_held(<RegionCell>opaque, idstr, length)


cdef void resized_held(RegionCell cell, const char *idstr, uint64_t length) noexcept:
    if cell.resized is None:
        return
    try:
        cell.resized((<bytes>idstr).decode("utf-8", "replace"), length)
    except BaseException as error:
        callback_failed(core_of(cell.st), error)


# ---------------------------------------------------------------- the class

@cython.no_gc_clear
cdef class MemoryRegion:
    """A node of an emulator's memory tree: a container, RAM, ROM, device, alias or IOMMU.

    Made by the class methods (`MemoryRegion.ram(emu, "sram", 0x1000)`), placed with
    `container.add_subregion(offset, region)`; `engine.memory.system_memory(emu)` is the container
    that the CPU sees. Two objects are equal when they are the same region. A region lives as long
    as somebody has it: an object, a container, an alias, an address space.

    `name` appears in messages and in the object tree; `owner`, any object, is kept alive while the
    region is in use by transfers and views (spec row 7; QEMU's memory API).
    """

    def __cinit__(self):
        self.core = closed_core()
        self.cell = RegionCell.__new__(RegionCell)

    def __dealloc__(self):
        self.cell.handles -= 1
        if self.cell.handles == 0 and self.cell.mr is not NULL and self.core is not None:
            if self.core.st.running or self.core.entered:
                self.core.unsettled = True
            else:
                settle(self.core, self.cell)

    cdef CRegion *check(self) except NULL:
        self.core.check()
        return live(self.cell)

    def __eq__(self, other):
        return isinstance(other, MemoryRegion) and self.cell is (<MemoryRegion>other).cell

    def __hash__(self):
        return hash(<uintptr_t><void *>self.cell)

    def __repr__(self):
        if self.cell.mr is NULL or self.core.st.engine is NULL:
            return f"<memory region {self.cell.name!r}, gone>"
        size = size_of(self.cell.mr.size)
        return f"<{self.cell.kind} region {self.cell.name!r}, {size:#x} bytes>"

    # -- making

    @classmethod
    def container(cls, emu, name, size, *, owner=None):
        """A region that only holds others. size may be 2**64."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "container", name)
        cdef bytes text = name_arg(name)
        return made(core, cell, memory_region_new(context_of(core), c_name(text), size_arg(size)),
                    owner)

    @classmethod
    def ram(cls, emu, name, size, *, buffer=None, owner=None):
        """Zeroed RAM, or RAM that shares the bytes of a writable buffer of at least that size."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "ram", name)
        cdef bytes text = name_arg(name)
        cdef hwaddr length = size_arg(size)
        cdef int err = 0
        if buffer is None:
            return made(core, cell, memory_region_new_ram(context_of(core), c_name(text), length,
                                                          &err), owner)
        view = memoryview(buffer).cast("B")
        if view.readonly:
            raise ArgumentError("the buffer behind RAM must be writable")
        if <uint64_t>len(view) < length:
            raise ArgumentError(f"the buffer has {len(view):#x} bytes, the region {length:#x}")
        cell.buffer = view
        return made(core, cell, memory_region_new_ram_ptr(
            context_of(core), c_name(text), length, PyMemoryView_GET_BUFFER(view).buf, &err), owner)

    @classmethod
    def rom(cls, emu, name, size, *, owner=None):
        """Memory that accesses read and cannot write; `AddressSpace.write_rom` fills it."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "rom", name)
        cdef bytes text = name_arg(name)
        cdef int err = 0
        return made(core, cell, memory_region_new_rom(context_of(core), c_name(text),
                                                      size_arg(size), &err), owner)

    @classmethod
    def rom_device(cls, emu, name, size, read=None, write=None, *, valid=(1, 8, True),
                   impl=(1, 8, True), endian=Endian.NATIVE, owner=None):
        """A flash: reads are memory while `romd_mode` is on, else they and all writes go to the
        functions (see `io`)."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "rom-device", name)
        cdef bytes text = name_arg(name)
        cdef Device device = region_device(core, read, write, None, valid, impl, endian)
        cdef int err = 0
        cell.device = device
        return made(core, cell, memory_region_new_rom_device(
            context_of(core), &device.ops, &device.head, c_name(text), size_arg(size), &err), owner)

    @classmethod
    def io(cls, emu, name, size, read=None, write=None, *, accepts=None, valid=(1, 8, True),
           impl=(1, 8, True), endian=Endian.NATIVE, owner=None):
        """A device: `read(offset, size, attrs) -> int`, `write(offset, size, value, attrs)`.

        valid: (smallest, largest, unaligned allowed) of what the guest may do, other accesses are
        refused; impl: the same of what the functions understand, other accesses are split or
        widened. `accepts(offset, size, is_write, attrs) -> bool` refuses single accesses. A
        function raises `DeviceError` to refuse an access; any other exception ends the run and
        comes out of it.
        """
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "io", name)
        cdef bytes text = name_arg(name)
        cdef Device device = region_device(core, read, write, accepts, valid, impl, endian)
        cell.device = device
        return made(core, cell, memory_region_new_io(
            context_of(core), &device.ops, &device.head, c_name(text), size_arg(size)), owner)

    @classmethod
    def alias(cls, emu, name, target, offset, size, *, owner=None):
        """A window onto `size` bytes of another region from `offset` on."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "alias", name)
        cdef bytes text = name_arg(name)
        if not isinstance(target, MemoryRegion) or (<MemoryRegion>target).core is not core:
            raise ArgumentTypeError("the target of an alias must be a MemoryRegion of the emulator")
        (<MemoryRegion>target).check()
        cell.target = (<MemoryRegion>target).cell
        return made(core, cell, memory_region_new_alias(
            context_of(core), c_name(text), (<MemoryRegion>target).cell.mr,
            u64_arg(offset, "offset"), size_arg(size)), owner)

    @classmethod
    def resizeable_ram(cls, emu, name, size, max_size, resized=None, *, readonly=False,
                       owner=None):
        """RAM (readonly: ROM) whose size `resize` changes up to max_size; `resized(name, size)` is
        called then."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "rom" if readonly else "ram", name)
        cdef bytes text = name_arg(name)
        cdef MemoryRegion region
        cdef int err = 0
        if resized is not None and not callable(resized):
            raise ArgumentTypeError(f"resized must be callable, not {type_name(resized)}")
        cell.resized = resized
        region = made(core, cell, memory_region_new_resizeable_ram(
            context_of(core), c_name(text), size_arg(size), size_arg(max_size), ram_resized,
            <void *>cell, &err), owner)
        if readonly:
            memory_region_set_readonly(region.cell.mr, True)
        return region

    @classmethod
    def iommu(cls, emu, name, size, translate, *, owner=None):
        """A translation: `translate(address, is_write)` answers (address space, address, mask,
        permissions) for the page around the address, or None."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "iommu", name)
        cdef bytes text = name_arg(name)
        if not callable(translate):
            raise ArgumentTypeError(f"translate must be callable, not {type_name(translate)}")
        if space_pointer is None:
            import_module("engine._core.api.spaces")        # it connects itself
        cell.translate = translate
        cell.iommu_ops.translate = iommu_translate
        cell.iommu_ops.opaque = <void *>cell
        return made(core, cell, memory_region_new_iommu(context_of(core), &cell.iommu_ops,
                                                        c_name(text), size_arg(size)), owner)

    @classmethod
    def reservation(cls, emu, name, size, *, owner=None):
        """A place holder: hides what is below it, and nobody answers there."""
        cdef Core core = core_arg(emu)
        cdef RegionCell cell = cell_new(core, "reservation", name)
        cdef bytes text = name_arg(name)
        return made(core, cell, memory_region_new_reservation(context_of(core), c_name(text),
                                                              size_arg(size)), owner)

    # -- the tree

    def add_subregion(self, offset, region, priority=None):
        """Place a region at an offset. With a priority it may overlap others: the higher one is
        seen, of equals the newer. Raises `MapError` when it has a container, or would contain
        itself."""
        cdef CRegion *mr = self.check()
        cdef CRegion *sub
        cdef uint64_t at = u64_arg(offset, "offset")
        cdef int answer
        if not isinstance(region, MemoryRegion) or (<MemoryRegion>region).core is not self.core:
            raise ArgumentTypeError("a subregion must be a MemoryRegion of the same emulator")
        sub = (<MemoryRegion>region).check()
        if priority is None:
            answer = memory_region_add_subregion(mr, at, sub)
        else:
            if not isinstance(priority, int) or not -1 << 31 <= priority < 1 << 31:
                raise ArgumentError(f"priority must be an int of 32 bits, not {priority!r}")
            answer = memory_region_add_subregion_overlap(mr, at, sub, <int32_t>priority)
        if answer != 0:
            raise MapError(f"cannot place {region!r} at {at:#x} of {self!r}: "
                           f"{os.strerror(-answer)}")
        self.done()

    def del_subregion(self, region):
        """Take a region out; it stays usable. Raises `MapError` when it is not in here."""
        cdef CRegion *mr = self.check()
        if not isinstance(region, MemoryRegion) or (<MemoryRegion>region).check().container != mr:
            raise MapError(f"{region!r} is not in {self!r}")
        memory_region_del_subregion(mr, (<MemoryRegion>region).cell.mr)
        self.done()

    # Listeners may have left an exception.
    cdef int done(self) except -1:
        cdef Core core = self.core
        if core.st.has_exports:
            memory_sync(core)
        return raise_left(core)

    @property
    def parent(self):
        """The container, or None."""
        cdef CRegion *mr = self.check()
        return None if mr.container is NULL else region_handle(self.core, mr.container)

    @property
    def subregions(self):
        """The regions in here, highest priority first; those of `Emulator.memory` are not among
        them."""
        cdef CRegion *mr = self.check().first_child
        found = []
        while mr is not NULL:
            region = region_handle(self.core, mr)
            if region is not None:
                found.append(region)
            mr = mr.next_sibling
        return found

    # -- what it is

    @property
    def name(self):
        return self.cell.name

    @property
    def number(self):
        """A number that no other region of the emulator has, or had."""
        return self.cell.number

    @property
    def kind(self):
        """container, ram, rom, rom-device, io, alias, iommu, reservation or system."""
        return self.cell.kind

    @property
    def owner(self):
        """Exactly as given, or None: such a region is promised never to disappear."""
        return self.cell.owner

    @property
    def size(self):
        """Bytes. RAM cannot be set larger than its block."""
        return size_of(self.check().size)

    @size.setter
    def size(self, value):
        memory_region_set_size(self.check(), size_arg(value))
        self.done()

    @property
    def address(self):
        """Offset in the container."""
        return self.check().addr

    @address.setter
    def address(self, value):
        memory_region_set_address(self.check(), u64_arg(value, "address"))
        self.done()

    @property
    def priority(self):
        return self.check().priority

    @property
    def alias_target(self):
        """(region, offset) of an alias, else None."""
        cdef CRegion *mr = self.check()
        if mr.alias is NULL:
            return None
        return region_handle(self.core, mr.alias), mr.alias_offset

    @property
    def alias_offset(self):
        return self.check().alias_offset

    @alias_offset.setter
    def alias_offset(self, value):
        cdef CRegion *mr = self.check()
        if mr.alias is NULL:
            raise ArgumentError(f"{self!r} is no alias")
        memory_region_set_alias_offset(mr, u64_arg(value, "alias_offset"))
        self.done()

    @property
    def enabled(self):
        """Whether it is seen."""
        return bool(self.check().enabled)

    @enabled.setter
    def enabled(self, value):
        memory_region_set_enabled(self.check(), bool(value))
        self.done()

    @property
    def readonly(self):
        """RAM that accesses cannot write. A guest's store is lost as on a bus."""
        return bool(self.check().readonly)

    @readonly.setter
    def readonly(self, value):
        memory_region_set_readonly(self.check(), bool(value))
        self.done()

    @property
    def perms(self):
        """What the guest may do there (`Prot`); AND-ed along aliases."""
        return Prot(self.check().prot)

    @perms.setter
    def perms(self, value):
        cdef int prot = prot_arg(value)
        memory_region_set_prot(self.check(), <uint32_t>prot)
        self.done()

    @property
    def romd_mode(self):
        """Whether reads of a ROM device are memory."""
        return bool(self.check().romd_mode)

    @romd_mode.setter
    def romd_mode(self, value):
        cdef CRegion *mr = self.check()
        if not mr.rom_device:
            raise ArgumentError(f"{self!r} is no ROM device")
        memory_region_rom_device_set_romd(mr, bool(value))
        self.done()

    @property
    def global_locking(self):
        """Whether its functions run under the emulator's big lock, one thread at a time."""
        return bool(self.check().global_locking)

    @global_locking.setter
    def global_locking(self, value):
        if value:
            memory_region_set_global_locking(self.check())
        else:
            memory_region_clear_global_locking(self.check())

    @property
    def is_ram(self):
        """Plain memory, ROM too."""
        return bool(self.check().ram)

    @property
    def ram_address(self):
        """Of its first byte in the emulator's RAM space, or None."""
        cdef CRegion *mr = self.check()
        return None if mr.block is NULL else <object>mr.ram_addr

    def resize(self, size):
        """Change the size of resizeable RAM. Raises `MapError` when it is not, or beyond its
        maximum."""
        cdef CRegion *mr = self.check()
        cdef hwaddr value = size_arg(size)
        if mr.block is NULL:
            raise MapError(f"{self!r} has no RAM to resize")
        if ram_resize(context_of(self.core), mr.block.offset, value) != 0:
            raise MapError(refusal(self.core))
        self.done()

    def read(self, offset, size):
        """Bytes of RAM or ROM, past everything."""
        cdef uint64_t at = 0, length = 0
        cdef const uint8_t *host = self.bytes_at(offset, size, &at, &length)
        return (<const char *>host)[at:at + length]

    # Host memory of the region, and a range of it that lies inside.
    cdef uint8_t *bytes_at(self, object offset, object size, uint64_t *at,
                           uint64_t *length) except NULL:
        cdef CRegion *mr = self.check()
        at[0] = u64_arg(offset, "offset")
        length[0] = u64_arg(size, "size")
        if mr.block is NULL or mr.host is NULL:
            raise ArgumentError(f"{self!r} has no memory of its own")
        if at[0] > mr.size or length[0] > mr.size - at[0]:
            raise ArgumentError(f"{length[0]:#x} bytes at {at[0]:#x} do not lie in {self!r}")
        return mr.host

    # -- dirty pages

    @property
    def dirty_log_mask(self):
        """Bit by `DirtyClient`: who follows writes here; with global dirty logging MIGRATION,
        too."""
        return memory_region_get_dirty_log_mask(self.check())

    def is_logging(self, client):
        """Whether a client follows writes here."""
        return bool(memory_region_is_logging(self.check(), client_arg(client)))

    def set_log(self, on, client=DirtyClient.VGA):
        """Start or stop following writes for VGA, the only client that regions log for
        (PreconditionError for others; starts and stops nest)."""
        cdef uint32_t number = client_arg(client)
        if memory_region_set_log(self.check(), bool(on), number) != 0:
            raise PreconditionError(
                f"set_log({bool(on)}, {DirtyClient(number).name}): only VGA can be set, and stopped"
                f" as often as started")
        self.done()

    def get_dirty(self, offset, size, client):
        """Whether any page of a range is dirty for a client."""
        cdef uint64_t at = u64_arg(offset, "offset"), length = u64_arg(size, "size")
        return bool(memory_region_get_dirty(self.check(), at, length, client_arg(client)))

    def set_dirty(self, offset, size):
        """Make a range dirty for the clients that log it."""
        cdef uint64_t at = u64_arg(offset, "offset"), length = u64_arg(size, "size")
        memory_region_set_dirty(self.check(), at, length)

    def test_and_clear_dirty(self, offset, size, client):
        """Whether any page of a range was dirty for a client; they are clean afterwards, and the
        next write is noticed."""
        cdef uint64_t at = u64_arg(offset, "offset"), length = u64_arg(size, "size")
        return bool(memory_region_test_and_clear_dirty(self.check(), at, length,
                                                       client_arg(client)))


cdef uint32_t client_arg(object client) except 0xffffffff:
    if not isinstance(client, int) or not 0 <= client < DIRTY_MEMORY_NUM:
        raise ArgumentError(f"no dirty client {client!r}", hint="DirtyClient.VGA, CODE, MIGRATION")
    return <uint32_t>client


# ---------------------------------------------------------------- transactions

cdef class Transaction:
    """Changes of the memory tree that become visible together, at the end of the outermost one.
    Until then the CPU, address spaces and devices see the tree of before."""
    cdef Core core
    cdef int depth

    def __cinit__(self, emu):
        self.core = core_arg(emu)

    def __enter__(self):
        self.core.check()
        memory_region_transaction_begin(context_of(self.core))
        self.depth += 1
        return self

    def __exit__(self, *exc):
        cdef Core core = self.core
        core.check()
        self.depth -= 1
        memory_region_transaction_commit(context_of(core))
        core.bury()
        if core.unsettled and not core.st.running and not context_of(core).transactions:
            settle_all(core)
        raise_left(core)


def transaction(emu):
    """`with transaction(emu):` changes of the memory tree become visible together at its end. Until
    then accesses see the tree of before, also what has been taken out of it."""
    return Transaction(emu)


def system_memory(emu):
    """The container that an emulator's CPU sees, what `Emulator.memory` maps included."""
    return system_region(core_arg(emu))


def all_regions(emu):
    """Every region of an emulator that was made by `MemoryRegion`, placed or not."""
    cdef Core core = core_arg(emu)
    cdef RegionCell cell
    found = []
    for item in core.regions.values():
        cell = item
        if cell.mr is not NULL and cell.kind != "system":
            found.append(handle(core, cell))
    return found
