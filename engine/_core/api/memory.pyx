"""Guest memory as Python sees it (see memory.pxd)."""
cimport cython
from cpython.buffer cimport PyObject_GetBuffer, PyBuffer_Release, PyBUF_SIMPLE, PyBUF_WRITABLE
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_AS_STRING
from libc.stdlib cimport realloc, free
from libc.string cimport memcpy, memmove
from engine._core.base.hostmem cimport ram_private
from engine._core.base.types cimport hwaddr
from engine._core.isa.guest cimport GuestOps
from engine._core.mem.address_space cimport (
    address_space_read, address_space_write, address_space_ld, address_space_st)
from engine._core.exec.debugmem cimport engine_vm_read, engine_vm_write
from engine._core.mem.attrs cimport MEMTX_DECODE_ERROR, MEMTX_OK, MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace, MemContext, MemoryRegion
from engine._core.mem.dirty cimport invalidate_and_set_dirty
from engine._core.mem.region cimport (
    memory_region_new_io, memory_region_new_ram_ptr, memory_region_new_alias, memory_region_free,
    memory_region_add_subregion, memory_region_del_subregion, memory_region_set_prot,
    memory_region_set_size)
from engine._core.mem.topology cimport (memory_region_change_begin,
                                        memory_region_change_commit)
from engine._core.api.blocks cimport (
    BLOCK_RAM, BLOCK_BUFFER, BLOCK_IO, block_new, context_of, export_new, exports_drop,
    name_arg, refusal, size_between, view_new)
from engine._core.api.core cimport closed_core, u64_arg, prot_arg, type_name
from engine._core.api.devices cimport Device, device_new

from engine.errors import (ArgumentError, ArgumentTypeError, HostMemoryError, MapError,
                           MemoryFault)
from engine._core.api.kinds import Prot

cdef enum:
    SEARCH_CHUNK = 1 << 20

cdef tuple _kinds = ("ram", "buffer", "io")


# ---------------------------------------------------------------- parts

cdef class Region:
    """A mapped range: `address`, `size`, `perms` (Prot), `name`, `kind` ("ram", "buffer", "io")."""
    cdef readonly object address
    cdef readonly object size
    cdef readonly object perms
    cdef readonly str name
    cdef readonly str kind

    @property
    def end(self):
        """The first address after it."""
        return self.address + self.size

    def __eq__(self, other):
        if not isinstance(other, Region):
            return NotImplemented
        return ((self.address, self.size, self.perms, self.name, self.kind)
                == (other.address, other.size, other.perms, other.name, other.kind))

    def __hash__(self):
        return hash((self.address, self.size))

    def __repr__(self):
        shown = "".join([letter if self.perms & bit else "-"
                         for letter, bit in (("r", 1), ("w", 2), ("x", 4))])
        name = f" {self.name!r}" if self.name else ""
        return f"<region {self.address:#x}..{self.end:#x} {shown} {self.kind}{name}>"


# first and last address of [address, address + size); both checked.
cdef int range_args(object address, object size, uint64_t *first, uint64_t *last) except -1:
    cdef uint64_t length
    first[0] = u64_arg(address, "address")
    if isinstance(size, int) and size == 1 << 64 and first[0] == 0:
        last[0] = <uint64_t>-1
        return 0
    length = u64_arg(size, "size")
    if length == 0:
        raise ArgumentError("size must not be zero")
    last[0] = first[0] + (length - 1)
    if last[0] < first[0]:
        raise ArgumentError(f"range of {length:#x} bytes at {first[0]:#x} ends beyond 2**64")
    return 0


# ---------------------------------------------------------------- the class

cdef Memory memory_new(Core core):
    cdef Memory memory = Memory.__new__(Memory)
    memory.core = core
    return memory


cdef int write_bytes(Memory memory, uint64_t address, const uint8_t *data,
                     Py_ssize_t size) except -1:
    if size == 0:
        return 0
    if address + <uint64_t>(size - 1) < address:
        raise ArgumentError(f"range of {size:#x} bytes at {address:#x} ends beyond 2**64")
    return memory.copy_in(address, data, <uint64_t>size)


# ---------------------------------------------------------------- blocks
# What map, map_buffer and map_io show, and what snapshots make again.

# A region over block.host.
cdef int over_memory(Core core, Block block) except -1:
    cdef int err = 0
    block.region = memory_region_new_ram_ptr(context_of(core), name_arg(block.name), block.size,
                                             block.host, &err)
    if block.region is NULL:
        raise MapError(refusal(core))
    return 0


cdef Block ram_block(Core core, uint64_t size_less_one, object name):
    cdef Block block = block_new(core, BLOCK_RAM, name)
    cdef int err = 0
    if size_less_one >= 1ULL << 47:
        raise MapError(f"cannot map {size_less_one + 1:#x} bytes: no host has so much")
    block.size = size_less_one + 1
    block.host = <uint8_t *>ram_private(block.size, &err)
    if block.host is NULL:
        raise MapError(f"cannot map {block.size:#x} bytes: the host refuses so much memory"
                       f" (errno {err})")
    over_memory(core, block)
    return block


cdef Block buffer_block(Core core, object buffer, object name):
    cdef Block block = block_new(core, BLOCK_BUFFER, name)
    try:
        PyObject_GetBuffer(buffer, &block.buffer, PyBUF_SIMPLE | PyBUF_WRITABLE)
    except TypeError:
        raise ArgumentTypeError(
            f"buffer must be a writable bytes-like object, not {type_name(buffer)}") from None
    except (BufferError, ValueError) as error:
        raise ArgumentError(f"buffer must be writable and contiguous: {error}") from None
    block.size = <uint64_t>block.buffer.len
    block.host = <uint8_t *>block.buffer.buf
    return block


cdef Block io_block(Core core, Device device, hwaddr size, object name):
    cdef Block block = block_new(core, BLOCK_IO, name)
    block.device = device
    block.size = size
    block.region = memory_region_new_io(context_of(core), &device.ops, &device.head,
                                        name_arg(name), block.size)
    if block.region is NULL:
        raise MapError(refusal(core))
    return block


# The physical page of a virtual address under the MMU state of now; all ones: none.
cdef hwaddr physical_page(Core core, uint64_t address) noexcept:
    cdef uint32_t attrs = 0
    cdef const GuestOps *guest = core.st.engine.guest
    cdef uint64_t mask = ~<uint64_t>(context_of(core).page_size - 1)
    cdef hwaddr page
    if guest.phys_page_attrs_debug is NULL:
        return address & mask
    page = guest.phys_page_attrs_debug(core.st.engine.cpu, address & mask, &attrs)
    return page if page == <hwaddr>-1 else page & mask


def matches(Memory memory, bytes wanted, list spans):
    """The generator behind Memory.search."""
    for first, last in spans:
        at = first
        while at <= last:
            size = min(last - at + 1, SEARCH_CHUNK + len(wanted) - 1)
            chunk = memory.read(at, size)
            index = chunk.find(wanted)
            while 0 <= index < SEARCH_CHUNK:
                yield at + index
                index = chunk.find(wanted, index + 1)
            at += SEARCH_CHUNK


@cython.no_gc_clear
cdef class Memory:
    """The physical memory of an emulator.

    Addresses and sizes may be any: nothing has to be a multiple of a page. What the host reads and
    writes here goes past the permissions, which are the guest's.
    """

    def __cinit__(self):
        self.core = closed_core()
        self.pieces = []

    def __dealloc__(self):
        free(self.starts)

    def __repr__(self):
        return f"<memory: {len(self.pieces)} ranges mapped>"

    # -- the list of pieces

    # Index of the first piece that starts above an address.
    cdef Py_ssize_t upper(self, uint64_t address) noexcept:
        cdef Py_ssize_t low = 0, high = len(self.pieces), middle
        while low < high:
            middle = (low + high) >> 1
            if self.starts[middle] <= address:
                low = middle + 1
            else:
                high = middle
        return low

    # Index of the piece that holds an address, or -1.
    cdef Py_ssize_t find(self, uint64_t address) noexcept:
        cdef Py_ssize_t index = self.recent
        if index < len(self.pieces) and self.starts[index] <= address \
                and address <= (<Piece>self.pieces[index]).last:
            return index
        index = self.upper(address) - 1
        if index < 0 or (<Piece>self.pieces[index]).last < address:
            return -1
        self.recent = index
        return index

    cdef int insert(self, Piece piece) except -1:
        cdef Py_ssize_t index = self.upper(piece.first), n = len(self.pieces)
        cdef uint64_t *grown
        if n == self.capacity:
            grown = <uint64_t *>realloc(self.starts, <size_t>(2 * n + 16) * sizeof(uint64_t))
            if grown is NULL:
                raise HostMemoryError("the host has no memory left")
            self.starts = grown
            self.capacity = 2 * n + 16
        self.pieces.insert(index, piece)
        memmove(&self.starts[index + 1], &self.starts[index], <size_t>(n - index) * 8)
        self.starts[index] = piece.first
        self.core.map_version += 1
        return 0

    # Take a piece away, and its block with the last of them.
    cdef int drop(self, Py_ssize_t index) except -1:
        cdef Piece piece = self.pieces.pop(index)
        cdef Block block = piece.block
        cdef Core core = self.core
        core.map_version += 1
        memmove(&self.starts[index], &self.starts[index + 1],
                <size_t>(len(self.pieces) - index) * 8)
        memory_region_del_subregion(<MemoryRegion *>core.st.engine.system_memory, piece.alias)
        memory_region_free(piece.alias)
        piece.alias = NULL
        block.n_pieces -= 1
        if block.n_pieces == 0:
            self.release(block)
        return 0

    # A block that no piece shows any more.
    cdef void release(self, Block block) noexcept:
        cdef Core core = self.core
        cdef MemContext *ctx = context_of(core)
        if block.host is not NULL and ctx.tb_invalidate_range is not NULL:
            # The RAM address will be given to another block.
            ctx.tb_invalidate_range(ctx.tb_opaque, block.region.ram_addr, block.size)
        memory_region_free(block.region)
        block.region = NULL
        core.blocks.discard(block)
        if core.st.has_exports:
            exports_drop(core, block)
        if core.st.running or core.entered or ctx.transactions:
            core.dead.append(block)     # until nobody can be at it any more

    # Make a piece boundary at an address that lies inside of a piece.
    cdef int cut(self, uint64_t address) except -1:
        cdef Py_ssize_t index = self.find(address)
        cdef Piece piece, tail
        cdef uint64_t last
        if index < 0 or (<Piece>self.pieces[index]).first == address:
            return 0
        piece = self.pieces[index]
        last = piece.last
        tail = Piece.__new__(Piece)
        tail.block = piece.block
        tail.first = address
        tail.last = last
        tail.offset = piece.offset + (address - piece.first)
        tail.prot = piece.prot
        tail.alias = memory_region_new_alias(context_of(self.core), NULL, piece.block.region,
                                             tail.offset, size_between(address, last))
        if tail.alias is NULL:
            raise HostMemoryError("the host has no memory left")
        memory_region_set_prot(tail.alias, tail.prot)
        memory_region_set_size(piece.alias, size_between(piece.first, address - 1))
        piece.last = address - 1
        self.core.map_version += 1
        memory_region_add_subregion(<MemoryRegion *>self.core.st.engine.system_memory, address,
                                    tail.alias)
        piece.block.n_pieces += 1
        self.insert(tail)
        return 0

    # All of [first, last] is mapped, or MapError / MemoryFault names the first address that is not.
    cdef int need(self, uint64_t first, uint64_t last, str what) except -1:
        cdef Py_ssize_t index = self.find(first)
        cdef uint64_t at = first
        while True:
            if index < 0 or index >= len(self.pieces) or self.starts[index] > at:
                break
            if (<Piece>self.pieces[index]).last >= last:
                return 0
            at = (<Piece>self.pieces[index]).last + 1
            index += 1
        if what in ("read", "write"):
            raise MemoryFault("unmapped", address=at, access=what, size=last - first + 1,
                              pc=self.core.st.engine.cpu.pc,
                              hint="map memory there with memory.map")
        raise MapError(f"cannot {what} {first:#x}..{last:#x}: nothing is mapped at {at:#x}")

    cdef int need_free(self, uint64_t first, uint64_t last) except -1:
        cdef Py_ssize_t index = self.upper(last) - 1
        cdef Piece piece
        if index >= 0 and (<Piece>self.pieces[index]).last >= first:
            piece = self.pieces[index]
            name = f" ({piece.block.name})" if piece.block.name else ""
            raise MapError(f"cannot map {first:#x}..{last:#x}: it overlaps the mapping at"
                           f" {piece.first:#x}..{piece.last:#x}{name}", hint="unmap that first")
        return 0

    # Show a new block in system memory.
    cdef int show(self, Block block, uint64_t first, uint64_t last, uint32_t prot) except -1:
        cdef Core core = self.core
        cdef Piece piece = Piece.__new__(Piece)
        piece.block = block
        piece.first = first
        piece.last = last
        piece.prot = prot
        piece.alias = memory_region_new_alias(context_of(core), NULL, block.region, 0,
                                              size_between(first, last))
        if piece.alias is NULL:
            memory_region_free(block.region)
            block.region = NULL
            raise HostMemoryError("the host has no memory left")
        memory_region_set_prot(piece.alias, prot)
        memory_region_add_subregion(<MemoryRegion *>core.st.engine.system_memory, first,
                                    piece.alias)
        block.n_pieces = 1
        core.blocks.add(block)
        self.insert(piece)
        return 0

    # The engine is gone: let go of host memory that nobody looks at.
    cdef void forget(self) noexcept:
        cdef Block block
        for item in self.core.blocks:
            block = <Block>item
            block.region = NULL
        self.pieces = []
        self.recent = 0

    # -- mapping

    def map(self, address, size, perms="rwx", *, name=None):
        """Map zeroed memory. It costs host memory only where it is touched.

        perms: a string of r, w, x, or `Prot`. Raises `MapError` when something is mapped there.
        """
        cdef uint64_t first = 0, last = 0
        cdef uint32_t prot
        self.core.check()
        range_args(address, size, &first, &last)
        prot = prot_arg(perms)
        self.need_free(first, last)
        self.show(ram_block(self.core, last - first, name), first, last, prot)

    def map_buffer(self, address, buffer, perms="rwx", *, name=None):
        """Map a writable buffer (bytearray, mmap, array, numpy array ...): guest and host share its
        bytes. It is held until it is unmapped."""
        cdef uint64_t first = 0, last = 0
        cdef uint32_t prot
        cdef Block block
        self.core.check()
        block = buffer_block(self.core, buffer, name)
        range_args(address, block.buffer.len, &first, &last)
        prot = prot_arg(perms)
        self.need_free(first, last)
        over_memory(self.core, block)
        self.show(block, first, last, prot)
        export_new(self.core, block, 0, block.size)

    def map_io(self, address, size, read=None, write=None, *, perms="rw", name=None):
        """Map a device: loads call read(offset, size) -> int, stores write(offset, size, value).

        offset counts from `address`; size is 1, 2, 4 or 8. An access whose function is None is a
        fault. What the functions raise comes out of run().
        """
        cdef uint64_t first = 0, last = 0
        cdef uint32_t prot
        cdef Block block
        cdef Device device
        self.core.check()
        range_args(address, size, &first, &last)
        prot = prot_arg(perms)
        if isinstance(read, Device):        # engine.unicorn's, which has callbacks of its own
            device = <Device>read
        else:
            device = device_new(self.core, read, write, False)
        self.need_free(first, last)
        block = io_block(self.core, device, size_between(first, last), name)
        self.show(block, first, last, prot)

    def unmap(self, address, size):
        """Take a range out of the map. All of it must be mapped; mappings that reach beyond it are
        cut. Views of it stay valid."""
        cdef uint64_t first = 0, last = 0
        cdef Py_ssize_t index
        self.core.check()
        range_args(address, size, &first, &last)
        self.need(first, last, "unmap")
        memory_region_change_begin(context_of(self.core))
        try:
            self.cut(first)
            if last != <uint64_t>-1:
                self.cut(last + 1)
            index = self.find(first)
            while index < len(self.pieces) and self.starts[index] <= last:
                self.drop(index)
        finally:
            memory_region_change_commit(context_of(self.core))

    def protect(self, address, size, perms):
        """Change the permissions of a range. All of it must be mapped."""
        cdef uint64_t first = 0, last = 0
        cdef uint32_t prot
        cdef Py_ssize_t index
        cdef Piece piece
        self.core.check()
        range_args(address, size, &first, &last)
        prot = prot_arg(perms)
        self.need(first, last, "protect")
        memory_region_change_begin(context_of(self.core))
        try:
            self.cut(first)
            if last != <uint64_t>-1:
                self.cut(last + 1)
            index = self.find(first)
            while index < len(self.pieces) and self.starts[index] <= last:
                piece = self.pieces[index]
                if piece.prot != prot:
                    piece.prot = prot
                    memory_region_set_prot(piece.alias, prot)
                    self.core.map_version += 1
                index += 1
        finally:
            memory_region_change_commit(context_of(self.core))

    def regions(self):
        """The mapped ranges by address, as a list of `Region`. Neighbours that differ in nothing
        are one."""
        cdef Piece piece, before = None
        cdef Region region = None
        self.core.check()
        found = []
        for item in tuple(self.pieces):     # Prot() below may let another thread map
            piece = <Piece>item
            if before is not None and before.block is piece.block and before.prot == piece.prot \
                    and before.last + 1 == piece.first \
                    and before.offset + (piece.first - before.first) == piece.offset:
                region.size = region.size + (piece.last - piece.first) + 1
            else:
                region = Region.__new__(Region)
                region.address = piece.first
                region.size = <object>(piece.last - piece.first) + 1
                region.perms = Prot(piece.prot)
                region.name = piece.block.name
                region.kind = _kinds[piece.block.kind]
                found.append(region)
            before = piece
        return found

    def __contains__(self, address):
        """Whether something is mapped at an address."""
        self.core.check()
        return self.find(u64_arg(address, "address")) >= 0

    # -- bytes

    cdef int copy_out(self, uint64_t address, uint8_t *to, uint64_t size) except -1:
        cdef Py_ssize_t index = self.find(address)
        cdef Piece piece
        cdef uint64_t part, last = address + (size - 1)
        if index < 0 or (<Piece>self.pieces[index]).last < last:
            if self.core.regions:       # of engine.memory: the address space knows them
                return self.device(address, to, size, False)
            self.need(address, last, "read")
        while size:
            piece = <Piece>self.pieces[index]
            part = piece.last - address
            part = size if size - 1 <= part else part + 1
            if piece.block.host is not NULL:
                memcpy(to, piece.block.host + piece.offset + (address - piece.first), part)
            else:
                self.device(address, to, part, False)
            address += part
            to += part
            size -= part
            if size:
                index = self.find(address)      # again: a device may have changed the map
                if index < 0:
                    self.need(address, last, "read")
        return 0

    cdef int copy_in(self, uint64_t address, const uint8_t *data, uint64_t size) except -1:
        cdef Py_ssize_t index = self.find(address)
        cdef Piece piece
        cdef Block block
        cdef uint64_t part, offset, last = address + (size - 1)
        cdef MemContext *ctx = context_of(self.core)
        if index < 0 or (<Piece>self.pieces[index]).last < last:
            if self.core.regions:
                return self.device(address, <uint8_t *>data, size, True)
            self.need(address, last, "write")
        while size:
            piece = <Piece>self.pieces[index]
            block = piece.block
            part = piece.last - address
            part = size if size - 1 <= part else part + 1
            if block.host is not NULL:
                offset = piece.offset + (address - piece.first)
                memcpy(block.host + offset, data, part)
                invalidate_and_set_dirty(ctx, block.region.ram_addr + offset, part,
                                         block.region.dirty_log_mask)
            else:
                self.device(address, <uint8_t *>data, part, True)
            address += part
            data += part
            size -= part
            if size:
                index = self.find(address)      # again: a device may have changed the map
                if index < 0:
                    self.need(address, last, "write")
        return 0

    cdef int device_done(self, uint64_t address, uint64_t size, str access, uint32_t answer,
                         object before) except -1:
        cdef Core core = self.core
        error = core.leave_access(before)
        if error is not None:
            raise error
        if answer != MEMTX_OK:
            raise MemoryFault("unmapped" if answer & MEMTX_DECODE_ERROR else "io",
                              address=address, access=access, size=size,
                              pc=core.st.engine.cpu.pc)
        return 0

    # An access to a device, as the engine does it: split as the device wants it.
    cdef int device(self, uint64_t address, uint8_t *data, uint64_t size,
                    bint is_write) except -1:
        cdef Core core = self.core
        cdef AddressSpace *space = <AddressSpace *>core.st.engine.system_as
        cdef uint32_t answer
        before = core.enter_access()
        if is_write:
            answer = address_space_write(space, address, MEMTXATTRS_UNSPECIFIED, data, size)
        else:
            answer = address_space_read(space, address, MEMTXATTRS_UNSPECIFIED, data, size)
        return self.device_done(address, size, "write" if is_write else "read", answer, before)

    def read(self, address, size):
        """The bytes at an address."""
        cdef uint64_t first = u64_arg(address, "address"), length = u64_arg(size, "size")
        cdef bytes data
        self.core.check()
        if length == 0:
            return b""
        if first + (length - 1) < first:
            raise ArgumentError(f"range of {length:#x} bytes at {first:#x} ends beyond 2**64")
        if length > 1 << 16 and not self.core.regions:
            self.need(first, first + (length - 1), "read")
            if length > 1ULL << 62:
                raise HostMemoryError("the host has no memory left")
        data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>length)
        self.copy_out(first, <uint8_t *>PyBytes_AS_STRING(data), length)
        return data

    def write(self, address, data):
        """Write the bytes of any bytes-like object."""
        cdef uint64_t first = u64_arg(address, "address")
        cdef Py_buffer buffer
        self.core.check()
        if type(data) is bytes:
            write_bytes(self, first, <const uint8_t *>PyBytes_AS_STRING(data), len(<bytes>data))
            return
        try:
            PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE)
        except TypeError:
            raise ArgumentTypeError(f"data must be bytes-like, not {type_name(data)}") from None
        except (BufferError, ValueError) as error:
            raise ArgumentError(f"data must be contiguous: {error}") from None
        try:
            write_bytes(self, first, <const uint8_t *>buffer.buf, buffer.len)
        finally:
            PyBuffer_Release(&buffer)

    def fill(self, address, size, byte=0):
        """Set every byte of a range."""
        cdef uint64_t first = 0, last = 0, part
        cdef uint64_t value = u64_arg(byte, "byte")
        self.core.check()
        range_args(address, size, &first, &last)
        if value > 255:
            raise ArgumentError(f"byte must be from 0 to 255, not {value}")
        if not self.core.regions:
            self.need(first, last, "write")
        chunk = bytes([value]) * min(last - first + 1, <uint64_t>SEARCH_CHUNK)
        while True:
            part = min(last - first, <uint64_t>len(chunk) - 1) + 1
            self.copy_in(first, <const uint8_t *>PyBytes_AS_STRING(chunk), part)
            if last - first < part:
                break
            first += part

    def view(self, address, size):
        """A writable memoryview of guest memory, without a copy.

        It stays valid after unmap and close, and then shows memory that no guest sees. The range
        must lie in one mapping of memory (not of a device). Code written through it is noticed when
        the next run starts and whenever a hook returns.
        """
        cdef uint64_t first = 0, last = 0, at
        cdef Py_ssize_t index
        cdef Piece piece, head
        self.core.check()
        range_args(address, size, &first, &last)
        self.need(first, last, "view")
        index = self.find(first)
        head = self.pieces[index]
        if head.block.host is NULL:
            raise MapError(f"cannot view {first:#x}: a device is mapped there")
        at = head.last
        piece = head
        while at < last:
            index += 1
            piece = self.pieces[index]
            if piece.block is not head.block or \
                    piece.offset - head.offset != piece.first - head.first:
                raise MapError(f"cannot view {first:#x}..{last:#x}: another mapping begins at"
                               f" {piece.first:#x}")
            at = piece.last
        return view_new(export_new(self.core, head.block, head.offset + (first - head.first),
                                   last - first + 1))

    def search(self, pattern, begin=None, end=None):
        """Iterate over the addresses in [begin, end) where a byte string stands. Devices are left
        out; a match may reach over the border of two mappings."""
        cdef bytes wanted = bytes(pattern) if not isinstance(pattern, (int, str)) else None
        if wanted is None:
            raise ArgumentTypeError(f"pattern must be bytes-like, not {type_name(pattern)}")
        if not wanted:
            raise ArgumentError("pattern must not be empty")
        self.core.check()
        low = 0 if begin is None else u64_arg(begin, "begin")
        high = 1 << 64 if end is None or end == 1 << 64 else u64_arg(end, "end")
        return matches(self, wanted, self.spans(low, high))

    # [(first, last)] of memory in [low, high), neighbours joined.
    cdef list spans(self, low, high):
        cdef Piece piece
        found = []
        begin = end = None
        for item in self.pieces:
            piece = <Piece>item
            if piece.block.host is NULL:
                continue
            first = max(<object>piece.first, low)
            last = min(<object>piece.last, high - 1)
            if first > last:
                continue
            if end is not None and end + 1 != first:
                found.append((begin, end))
                end = None
            if end is None:
                begin = first
            end = last
        if end is not None:
            found.append((begin, end))
        return found

    # -- numbers, in the byte order of the guest

    cdef uint64_t load(self, object address, uint32_t size) except? 0xfffffffffffffffeULL:
        cdef uint64_t at = u64_arg(address, "address"), value = 0
        cdef uint8_t data[8]
        cdef uint32_t i
        cdef uint32_t answer = MEMTX_OK
        cdef Py_ssize_t index
        cdef Core core = self.core
        core.check()
        if at + (size - 1) < at:
            raise ArgumentError(f"range of {size} bytes at {at:#x} ends beyond 2**64")
        index = self.find(at)
        if index >= 0 and (<Piece>self.pieces[index]).block.host is NULL:
            before = core.enter_access()
            value = address_space_ld(<AddressSpace *>core.st.engine.system_as, at, size,
                                     core.st.engine.config.big_endian, MEMTXATTRS_UNSPECIFIED,
                                     &answer)
            self.device_done(at, size, "read", answer, before)
            return value
        self.copy_out(at, data, size)
        for i in range(size):
            value |= <uint64_t>data[size - 1 - i if core.st.engine.config.big_endian else i] \
                << (8 * i)
        return value

    cdef int store(self, object address, object value, uint32_t size) except -1:
        cdef uint64_t at = u64_arg(address, "address"), number
        cdef uint8_t data[8]
        cdef uint32_t i
        cdef uint32_t answer = MEMTX_OK
        cdef Py_ssize_t index
        cdef Core core = self.core
        core.check()
        if at + (size - 1) < at:
            raise ArgumentError(f"range of {size} bytes at {at:#x} ends beyond 2**64")
        if isinstance(value, int) and value < 0:
            limit = <object>1 << <object>(8 * size)     # a Python int: C's would wrap
            if value < -(limit >> 1):
                raise ArgumentError(f"value {value} does not fit in {size} bytes")
            value += limit
        number = u64_arg(value, "value")
        if size < 8 and number >> (8 * size):
            raise ArgumentError(f"value {number:#x} does not fit in {size} bytes")
        index = self.find(at)
        if index >= 0 and (<Piece>self.pieces[index]).block.host is NULL:
            before = core.enter_access()
            address_space_st(<AddressSpace *>core.st.engine.system_as, at, number, size,
                             core.st.engine.config.big_endian, MEMTXATTRS_UNSPECIFIED, &answer)
            self.device_done(at, size, "write", answer, before)
            return 0
        for i in range(size):
            data[size - 1 - i if core.st.engine.config.big_endian else i] = \
                <uint8_t>(number >> (8 * i))
        return self.copy_in(at, data, size)

    def read_u8(self, address):
        """The byte at an address."""
        return self.load(address, 1)

    def read_u16(self, address):
        """2 bytes as an int, in the byte order of the guest; so the others."""
        return self.load(address, 2)

    def read_u32(self, address):
        """4 bytes as an int."""
        return self.load(address, 4)

    def read_u64(self, address):
        """8 bytes as an int."""
        return self.load(address, 8)

    def write_u8(self, address, value):
        """Write an int as one byte. Negative ints are stored as two's complement; so the others."""
        self.store(address, value, 1)

    def write_u16(self, address, value):
        """Write an int as 2 bytes."""
        self.store(address, value, 2)

    def write_u32(self, address, value):
        """Write an int as 4 bytes."""
        self.store(address, value, 4)

    def write_u64(self, address, value):
        """Write an int as 8 bytes."""
        self.store(address, value, 8)

    # -- virtual addresses

    def translate(self, address):
        """The physical address of a virtual one under the MMU state of now, or None."""
        cdef hwaddr page
        cdef uint64_t at = u64_arg(address, "address")
        self.core.check()
        page = physical_page(self.core, at)
        if page == <hwaddr>-1:
            return None
        return page | at & (context_of(self.core).page_size - 1)

    def read_virtual(self, address, size):
        """The bytes at a virtual address."""
        cdef uint64_t first = 0, last = 0
        if size == 0:
            return b""
        self.core.check()
        range_args(address, size, &first, &last)
        if self.core.regions:
            return self.debug_read(first, last - first + 1)
        return b"".join([self.read(at, n) for at, n in self.physical(first, last, "read")])

    def write_virtual(self, address, data):
        """Write bytes at a virtual address."""
        cdef uint64_t first = 0, last = 0
        data = memoryview(data).cast("B")
        if not len(data):
            return
        self.core.check()
        range_args(address, len(data), &first, &last)
        if self.core.regions:
            self.debug_write(first, bytes(data))
            return
        done = 0
        for at, n in self.physical(first, last, "write"):
            self.write(at, data[done:done + n])
            done += n

    # Through the address space of the CPU that the guest's MMU names (spec row 1).
    cdef bytes debug_read(self, uint64_t address, uint64_t size):
        cdef bytes data
        cdef uint64_t done
        if size > 1ULL << 40:
            raise HostMemoryError("the host has no memory left")
        data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        done = engine_vm_read(self.core.st.engine, address, PyBytes_AS_STRING(data), size)
        if done < size:
            self.debug_fault(address + done, size - done, "read")
        return data

    cdef int debug_write(self, uint64_t address, bytes data) except -1:
        cdef uint64_t size = <uint64_t>len(data)
        cdef uint64_t done = engine_vm_write(self.core.st.engine, address,
                                             PyBytes_AS_STRING(data), size)
        if done < size:
            self.debug_fault(address + done, size - done, "write")
        return 0

    cdef int debug_fault(self, uint64_t address, uint64_t size, str access) except -1:
        kind = "page" if self.translate(address) is None else "unmapped"
        raise MemoryFault(kind, address=address, access=access, size=size,
                          pc=self.core.st.engine.cpu.pc)

    # [(physical address, length)] of a virtual range, page by page.
    cdef list physical(self, first, last, access):
        cdef uint64_t page_size = context_of(self.core).page_size
        parts = []
        while first <= last:
            n = min(last - first + 1, page_size - first % page_size)
            at = self.translate(first)
            if at is None:
                raise MemoryFault("page", address=first, access=access, size=n,
                                  pc=self.core.st.engine.cpu.pc)
            parts.append((at, n))
            first += n
        return parts

    # Memory (not devices) at a physical, a virtual address: as much of `size` bytes as there is.
    cdef bytes peek(self, uint64_t address, uint64_t size):
        cdef Py_ssize_t index = self.find(address)
        cdef Piece piece
        if index < 0:
            return b""
        piece = self.pieces[index]
        if piece.block.host is NULL:
            return b""
        if piece.last - address < size - 1:
            size = piece.last - address + 1
        return PyBytes_FromStringAndSize(
            <char *>piece.block.host + piece.offset + (address - piece.first), <Py_ssize_t>size)

    cdef bytes peek_virtual(self, uint64_t address, uint32_t size):
        cdef uint64_t page_size = context_of(self.core).page_size
        cdef uint64_t part
        cdef hwaddr page
        cdef bytes found = b"", more
        if self.core.regions:
            found = PyBytes_FromStringAndSize(NULL, size)
            # A region may end in the middle of a page: less, then.
            while size and engine_vm_read(self.core.st.engine, address, PyBytes_AS_STRING(found),
                                          size) < size:
                size -= 1
            return found[:size]
        while size:
            page = physical_page(self.core, address)
            if page == <hwaddr>-1:
                break
            part = min(<uint64_t>size, page_size - (address & (page_size - 1)))
            more = self.peek(page | address & (page_size - 1), part)
            found += more
            if not more:
                break
            address += len(more)
            size -= <uint32_t>len(more)
        return found
