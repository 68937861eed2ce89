"""RAM blocks and dirty bitmaps as Python sees them (engine.memory).

Lives here: RAMBlock, how blocks are found, DirtyMemory. Does not live here: regions (regions.pyx),
which make blocks. Who calls it: engine.memory.
"""
from engine._core.base.hostmem cimport host_page_size
from engine._core.base.types cimport ram_addr_t, uint32_t, uint64_t, uintptr_t
from engine._core.mem.context cimport (
    DIRTY_MEMORY_CODE, DIRTY_MEMORY_NUM, MemContext, RAM_PREALLOC, RAM_RESIZEABLE, RAM_SHARED,
    RAMBlock as CBlock)
from engine._core.mem.dirty cimport (
    all_dirty, get_dirty, set_dirty_lebitmap, set_dirty_range, test_and_clear_bitmap,
    test_and_clear_dirty)
from engine._core.mem.ram cimport (
    ram_block_by_name as c_by_name, ram_block_from_host as c_from_host, ram_last_offset,
    ram_set_idstr, ram_unset_idstr)
from engine._core.api.blocks cimport context_of
from engine._core.api.core cimport Core, closed_core, type_name, u64_arg
from engine._core.api.regions cimport client_arg, emulator_core, region_handle

import errno
from collections import namedtuple

import numpy as np

from engine.errors import ArgumentError, ArgumentTypeError, ClosedError, DuplicateError

HostPlace = namedtuple("HostPlace", ("block", "ram_address", "offset"))
HostPlace.__doc__ = """Where a host address lies: block, address in the RAM space, offset in the
block."""


# ---------------------------------------------------------------- blocks

cdef RAMBlock block_handle(Core core, CBlock *b):
    cdef RAMBlock block = RAMBlock.__new__(RAMBlock)
    block.core = core
    block.offset = b.offset
    block.version = context_of(core).ram.version
    block.block = b
    return block


cdef class RAMBlock:
    """A piece of the emulator's RAM space: memory of the host behind one or more regions.

    `ram_blocks`, `ram_block_by_name` and `ram_block_from_host` answer them. `offset` is the first
    address in the RAM space. A block that is gone raises `ClosedError`.
    """
    cdef Core core
    cdef CBlock *block
    cdef readonly uint64_t offset
    cdef uint32_t version

    def __cinit__(self):
        self.core = closed_core()

    cdef CBlock *check(self) except NULL:
        cdef MemContext *ctx
        cdef uint32_t i
        self.core.check()
        ctx = context_of(self.core)
        if ctx.ram.version != self.version:
            # Blocks came or went since: is this one still among them?
            for i in range(ctx.ram.n):
                if ctx.ram.blocks[i] == self.block and self.block.offset == self.offset:
                    self.version = ctx.ram.version
                    return self.block
            raise ClosedError(f"the RAM block at {self.offset:#x} is gone")
        return self.block

    def __eq__(self, other):
        return (isinstance(other, RAMBlock) and self.block == (<RAMBlock>other).block
                and self.offset == (<RAMBlock>other).offset)

    def __hash__(self):
        return hash(self.offset)

    def __repr__(self):
        return f"<RAM block {self.offset:#x}>"

    @property
    def idstr(self):
        """Its id; "" when it has none. Setting it twice, or to what another has, raises
        `DuplicateError`; None takes it away."""
        return (<bytes>self.check().idstr).decode("utf-8", "replace")

    @idstr.setter
    def idstr(self, value):
        cdef CBlock *b = self.check()
        cdef int answer
        if value is None:
            ram_unset_idstr(b)
            return
        if not isinstance(value, str):
            raise ArgumentTypeError(f"idstr must be a str or None, not {type_name(value)}")
        text = value.encode()
        if b"\0" in text:
            raise ArgumentError("idstr must have no zero byte")
        answer = ram_set_idstr(b, <const char *><bytes>text)
        if answer == -errno.ENAMETOOLONG:
            raise ArgumentError(f"idstr must have at most 255 bytes, not {len(text)}")
        if answer:
            raise DuplicateError(f"a RAM block with the id {value!r} exists, or this one has an id")

    @property
    def used_length(self):
        return self.check().used_length

    @property
    def max_length(self):
        return self.check().max_length

    @property
    def host(self):
        """Host address of its memory, as an int."""
        return <uintptr_t>self.check().host

    @property
    def preallocated(self):
        """The memory is the caller's: never unmapped by the engine."""
        return bool(self.check().flags & RAM_PREALLOC)

    @property
    def shared(self):
        return bool(self.check().flags & RAM_SHARED)

    @property
    def resizeable(self):
        return bool(self.check().flags & RAM_RESIZEABLE)

    @property
    def region(self):
        """The region that it was made for, or None (of `Emulator.memory`)."""
        cdef CBlock *b = self.check()
        return None if b.mr is NULL else region_handle(self.core, b.mr)


def ram_blocks(emu):
    """All RAM blocks of an emulator, the biggest first."""
    cdef Core core = emulator_core(emu)
    cdef MemContext *ctx = context_of(core)
    cdef uint32_t i
    return [block_handle(core, ctx.ram.blocks[i]) for i in range(ctx.ram.n)]


def ram_list_version(emu):
    """A number that grows by one whenever a RAM block comes or goes."""
    return context_of(emulator_core(emu)).ram.version


def ram_block_by_name(emu, name):
    """The first RAM block with exactly that id, or None."""
    cdef Core core = emulator_core(emu)
    cdef CBlock *b
    if not isinstance(name, str):
        raise ArgumentTypeError(f"name must be a str, not {type_name(name)}")
    text = name.encode()
    b = c_by_name(context_of(core), <const char *><bytes>text)
    return None if b is NULL else block_handle(core, b)


def ram_block_from_host(emu, address, round_offset=False):
    """`HostPlace` of a host address, or None. round_offset: the offset of its page."""
    cdef Core core = emulator_core(emu)
    cdef ram_addr_t ram = 0
    cdef uint64_t offset = 0, at = u64_arg(address, "address")
    cdef CBlock *b = c_from_host(context_of(core), <const void *><uintptr_t>at, bool(round_offset),
                                 &ram, &offset)
    return None if b is NULL else HostPlace(block_handle(core, b), ram, offset)


# ---------------------------------------------------------------- dirty pages

cdef class DirtyMemory:
    """Which pages of the RAM space were written, for each `DirtyClient`.

    `DirtyMemory(emu)`. Addresses are those of the RAM space (`MemoryRegion.ram_address`,
    `RAMBlock.offset`), ranges are widened to whole pages of `page_size` bytes. Fresh RAM is dirty
    for everybody. Bits are set and cleared atomically. While a thread runs the emulator, others
    may look and set; only its own hooks and device functions may clear, because a store that is
    under way would be missed (`EngineBusyError`).
    """
    cdef Core core

    def __cinit__(self, emu):
        self.core = emulator_core(emu)

    # Any thread, also while another runs the emulator: only that it is open.
    cdef MemContext *context(self) except NULL:
        if self.core.st.engine is NULL:
            self.core.refuse_closed()
        return context_of(self.core)

    @property
    def page_size(self):
        """Bytes of a page."""
        return self.context().page_size

    @property
    def pages(self):
        """Pages that the RAM space has."""
        cdef MemContext *ctx = self.context()
        return ram_last_offset(ctx) >> ctx.page_bits

    cdef int range_arg(self, object start, object length, uint64_t *at, uint64_t *size) except -1:
        cdef MemContext *ctx = self.context()
        cdef uint64_t end = ram_last_offset(ctx)
        at[0] = u64_arg(start, "start")
        size[0] = u64_arg(length, "length")
        if at[0] > end or size[0] > end - at[0]:
            raise ArgumentError(f"{size[0]:#x} bytes at {at[0]:#x} do not lie in the RAM space,"
                                f" which has {end:#x}")
        return 0

    def get_dirty(self, start, length, client):
        """Whether any page of a range is dirty; False for no bytes at a page boundary."""
        cdef uint64_t at = 0, size = 0
        self.range_arg(start, length, &at, &size)
        return bool(get_dirty(self.context(), at, size, client_arg(client)))

    def all_dirty(self, start, length, client):
        """Whether every page of a range is dirty; True for no bytes."""
        cdef uint64_t at = 0, size = 0
        self.range_arg(start, length, &at, &size)
        return bool(all_dirty(self.context(), at, size, client_arg(client)))

    def set_dirty(self, start, length, clients=7):
        """Make a range dirty for the clients of a mask (bit by client)."""
        cdef uint64_t at = 0, size = 0
        if not isinstance(clients, int) or not 0 <= clients < 1 << DIRTY_MEMORY_NUM:
            raise ArgumentError(f"clients must be a mask of {DIRTY_MEMORY_NUM} bits, not"
                                f" {clients!r}")
        self.range_arg(start, length, &at, &size)
        if clients >> DIRTY_MEMORY_CODE & 1:
            # A page that is dirty for CODE has no translated code.
            self.core.check()
            self.context().tb_invalidate_range(self.context().tb_opaque, at, size)
        set_dirty_range(self.context(), at, size, <uint32_t>clients)

    def test_and_clear(self, start, length, client):
        """Whether any page of a range was dirty; all are clean afterwards, and the next write to
        each is noticed."""
        cdef uint64_t at = 0, size = 0
        self.core.check()
        self.range_arg(start, length, &at, &size)
        return bool(test_and_clear_dirty(self.context(), at, size, client_arg(client)))

    def bitmap(self, client, start=0, length=None):
        """A numpy array of uint64 words, a bit a page from `start` on (both multiples of 64 pages,
        or the end): set bits are dirty. A copy of now."""
        return self.words(client, start, length, False)

    def test_and_clear_bitmap(self, client, start=0, length=None):
        """`bitmap`, and the pages are clean afterwards: each dirty page is answered by exactly one
        call, whoever writes meanwhile."""
        return self.words(client, start, length, True)

    cdef object words(self, object client, object start, object length, bint clear):
        cdef MemContext *ctx = self.context()
        cdef uint32_t number = client_arg(client)
        cdef uint64_t at = 0, size = 0, first, pages, chunk = <uint64_t>64 << ctx.page_bits
        cdef uint64_t[::1] out
        if clear:
            self.core.check()
        if length is None:
            length = max(ram_last_offset(ctx) - u64_arg(start, "start"), 0)
        self.range_arg(start, length, &at, &size)
        if at % chunk or (size % chunk and at + size != ram_last_offset(ctx)):
            raise ArgumentError(f"start and length must be multiples of {chunk:#x} (64 pages)")
        first = at >> ctx.page_bits
        pages = (size + ctx.page_size - 1) >> ctx.page_bits
        array = np.empty((pages + 63) >> 6, np.uint64)
        if pages == 0:
            return array
        out = array
        with nogil:
            test_and_clear_bitmap(ctx, first, pages, number, clear, &out[0])
        return array

    def dirty_pages(self, client, start=0, length=None, clear=False):
        """Numbers of the dirty pages (uint64 numpy array, relative to the RAM space); clear: they
        are clean afterwards."""
        words = self.words(client, start, length, clear)
        found = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        return found.astype(np.uint64) + np.uint64(u64_arg(start, "start")
                                                   >> self.context().page_bits)

    def import_bitmap(self, words, start):
        """Make the pages of set bits dirty for everybody: little-endian uint64 words, a bit a page
        of the host from the page-aligned `start` on (as a kernel's dirty log has them)."""
        cdef uint64_t at = u64_arg(start, "start")
        cdef MemContext *ctx = self.context()
        cdef const uint64_t[::1] data = np.ascontiguousarray(words, np.dtype("<u8"))
        cdef uint64_t host_page = host_page_size()
        if at % host_page:
            raise ArgumentError(f"start must be a multiple of the host's page, {host_page:#x}")
        if data.shape[0] == 0:
            return
        if at > ram_last_offset(ctx) or <uint64_t>data.shape[0] * 64 * host_page > (
                ram_last_offset(ctx) - at + 64 * host_page):
            raise ArgumentError("the bitmap reaches beyond the RAM space")
        set_dirty_lebitmap(ctx, &data[0], at,
                           min(<uint64_t>data.shape[0] * 64, (ram_last_offset(ctx) - at)
                               // host_page))
