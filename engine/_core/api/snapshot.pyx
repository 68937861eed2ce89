"""Snapshots of an emulator (see snapshot.pxd)."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_get_thread_ident
from libc.string cimport memcmp, memcpy, memset
from engine._core.base.types cimport uint8_t, uint32_t
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.mem.context cimport DIRTY_MEMORY_SNAPSHOT, MemContext, MemoryRegion
from engine._core.mem.dirty cimport (invalidate_and_set_dirty, next_dirty_page,
                                     test_and_clear_dirty)
from engine._core.mem.region cimport (memory_region_add_subregion, memory_region_free,
                                      memory_region_new_alias, memory_region_set_prot)
from engine._core.mem.topology cimport (memory_region_change_begin,
                                        memory_region_change_commit)
from engine._core.api.blocks cimport (BLOCK_BUFFER, BLOCK_IO, BLOCK_RAM, Block, Export, Piece,
                                      context_of, export_new, size_between)
from engine._core.api.cpustate cimport cpu_layout, cpu_load, cpu_save
from engine._core.api.devices cimport Device, device_new
from engine._core.api.memory cimport buffer_block, io_block, over_memory, ram_block

from weakref import WeakKeyDictionary

from engine.errors import (ArgumentError, ArgumentTypeError, EngineBusyError, HostMemoryError,
                           UnsupportedError)
from engine.util import factory

cdef enum:
    PAGE_BITS_OF_KEY = 40       # key = block number << 40 | page in the block
    MERGE_EVERY = 16            # every so many generations hold all pages

cdef uint64_t NEW_MAX = 1ULL << 32      # bytes


cdef object PAGE_OF_KEY = 0xffffffffff


cdef inline object key_of(uint64_t number, uint64_t page):
    return <object>number << PAGE_BITS_OF_KEY | <object>page


cdef class SavedBlock:
    pass


cdef class Snapshot:
    """The state of an emulator at a moment: registers, memory map, contents of memory.

    Made by `Emulator.snapshot`; any number may live at once. It can be restored to its emulator
    at the cost of what was written since, and to any other of the same architecture at the cost of
    its size. What devices keep in Python objects, hooks and breakpoints are not in it.
    """

    def __init__(self):
        raise ArgumentTypeError("snapshots are made by Emulator.snapshot and Snapshot.from_bytes")

    def __repr__(self):
        return f"<Snapshot of {self.layout.partition(' ')[0]}, {len(self.pages)} pages of its own>"

    @property
    def arch(self):
        """Name of the architecture."""
        return self.layout.partition(" ")[0]

    @property
    def page_count(self):
        """Pages it holds itself; those that are as in the snapshot before it are shared."""
        return len(self.pages)

    def to_bytes(self):
        """The snapshot as a stream (`engine.machine.stream`): equal states give equal bytes, on
        every back end and host."""
        return factory.snapshot_codec()[0](self)

    @staticmethod
    def from_bytes(data):
        """The snapshot that `to_bytes` wrote. Raises `engine.machine.stream.StreamError`."""
        return factory.snapshot_codec()[1](data)

    def __reduce__(self):
        return Snapshot.from_bytes, (self.to_bytes(),)

    # The contents of a page; None: zero.
    cdef bytes find(self, object key):
        cdef Snapshot at = self
        cdef PyObject *found
        while at is not None:
            found = PyDict_GetItem(at.pages if at.merged is None else at.merged, key)
            if found is not NULL:
                return <bytes>found
            if at.merged is not None:
                return None
            at = at.parent
        return None

    cdef dict all_pages(self):
        cdef Snapshot at = self
        cdef dict found
        chain = []
        while at is not None:
            chain.append(at)
            if at.merged is not None:
                break
            at = at.parent
        found = {}
        while chain:
            at = <Snapshot>chain.pop()
            found.update(at.pages if at.merged is None else at.merged)
        return found


# ---------------------------------------------------------------- the parts, for streams

def snapshot_parts(snap):
    """(cpu layout, cpu, crashed, blocks, pieces, pages) of a snapshot in a form that depends on
    the state only. blocks: (kind, size, name); pieces: (first, last, offset, prot, block index);
    pages: {block index: {page: bytes}} without those that are zero."""
    cdef Snapshot s = snap
    cdef SavedBlock block
    order = {}
    blocks = []
    for item in s.blocks:
        block = <SavedBlock>item
        order[block.number] = len(blocks)
        blocks.append((block.kind, block.size, block.name))
    pages = {}
    for key, data in s.all_pages().items():
        number = key >> PAGE_BITS_OF_KEY
        if number in order and any(data):
            pages.setdefault(order[number], {})[key & PAGE_OF_KEY] = data
    pieces = [(first, last, offset, prot, order[number])
              for first, last, offset, prot, number in s.pieces]
    return s.layout, s.cpu, bool(s.crashed), blocks, pieces, pages


def snapshot_of_parts(layout, cpu, crashed, blocks, pieces, pages):
    """The snapshot of `snapshot_parts`, which the caller has checked."""
    cdef Snapshot s = Snapshot.__new__(Snapshot)
    cdef SavedBlock block
    s.layout = layout
    s.cpu = cpu
    s.crashed = crashed
    s.blocks = []
    for kind, size, name in blocks:
        block = SavedBlock.__new__(SavedBlock)
        block.number = len(s.blocks)
        block.kind = kind
        block.size = size
        block.name = name
        s.blocks.append(block)
    s.pieces = tuple(pieces)
    s.pages = {key_of(number, page): data for number, of_block in pages.items()
               for page, data in of_block.items()}
    s.merged = s.pages
    return s


# ---------------------------------------------------------------- what changed

cdef set numbers_of(Snapshot snap):
    return set() if snap is None else {(<SavedBlock>item).number for item in snap.blocks}


# Keys of pages that may differ from Core.base: dirty ones, and all that Python may write behind
# the engine's back. Of blocks that the base has.
cdef dict changed_pages(Core core, Snapshot base):
    cdef MemContext *ctx = context_of(core)
    cdef Block block
    cdef Export export
    cdef uint64_t first, end, page, last
    cdef dict found = {}
    cdef set known = None
    if base is None or core.base_version != core.map_version:
        known = numbers_of(base)
    for item in core.blocks:
        block = <Block>item
        if block.host is NULL or (known is not None and block.number not in known):
            continue
        first = block.region.ram_addr >> ctx.page_bits
        end = first + ((block.size + ctx.page_size - 1) >> ctx.page_bits)
        page = next_dirty_page(ctx, first, end, DIRTY_MEMORY_SNAPSHOT)
        while page < end:
            found[key_of(block.number, page - first)] = block
            page = next_dirty_page(ctx, page + 1, end, DIRTY_MEMORY_SNAPSHOT)
    for item in core.exports:
        export = <Export>item
        block = export.block
        if block.region is NULL or (known is not None and block.number not in known):
            continue
        last = (export.offset + export.size - 1) >> ctx.page_bits
        page = export.offset >> ctx.page_bits
        while page <= last:
            found[key_of(block.number, page)] = block
            page += 1
    return found


# Pages of new blocks that are not zero, into `pages`. Fresh memory is dirty as a whole: it is read.
cdef int add_new_blocks(Core core, Snapshot base, dict pages) except -1:
    cdef MemContext *ctx = context_of(core)
    cdef set known = numbers_of(base)
    cdef list found = []
    cdef Block block
    cdef uint64_t offset, length, total = 0
    for item in core.blocks:
        block = <Block>item
        if block.host is not NULL and block.number not in known:
            if block.size > NEW_MAX - total:
                raise UnsupportedError(
                    f"more than {NEW_MAX >> 30} GiB of memory were mapped since the last snapshot",
                    hint="snapshots read all of it: map what the guest uses")
            total += block.size
            found.append(block)
    for item in found:
        block = <Block>item
        offset = 0
        while offset < block.size:
            length = page_length(ctx, block, offset)
            if not is_zero(block.host + offset, length):
                pages[key_of(block.number, offset >> ctx.page_bits)] = PyBytes_FromStringAndSize(
                    <char *>block.host + offset, <Py_ssize_t>length)
            offset += length
    return 0


# From now on, dirty is what is written after this.
cdef void rearm(Core core) noexcept:
    cdef MemContext *ctx = context_of(core)
    cdef Block block
    for item in core.blocks:
        block = <Block>item
        if block.host is not NULL:
            test_and_clear_dirty(ctx, block.region.ram_addr, block.size, DIRTY_MEMORY_SNAPSHOT)


cdef inline uint64_t page_length(MemContext *ctx, Block block, uint64_t offset) noexcept:
    return min(<uint64_t>ctx.page_size, block.size - offset)


cdef inline bint is_zero(const uint8_t *at, uint64_t size) noexcept:
    return size == 0 or (at[0] == 0 and memcmp(at, at + 1, size - 1) == 0)


cdef int demand_idle(Core core) except -1:
    core.check()
    if core.st.running or core.entered:
        raise EngineBusyError("a snapshot is taken and restored between runs",
                              hint="in a hook: stop() the run first")
    if core.regions:
        raise UnsupportedError("snapshots do not hold regions of engine.memory",
                               hint="map memory with Emulator.memory")
    return 0


# ---------------------------------------------------------------- taking

# While this works, other threads and what the garbage collector calls find the emulator running.
cdef int begin_work(Core core) except -1:
    demand_idle(core)
    core.run_thread = PyThread_get_thread_ident()
    core.st.running = True
    return 0


cdef void end_work(Core core) noexcept:
    core.st.running = False
    core.bury()


cdef Snapshot snapshot_take(Core core, Memory memory):
    begin_work(core)
    try:
        return take(core, memory)
    finally:
        end_work(core)


cdef Snapshot take(Core core, Memory memory):
    cdef MemContext *ctx
    cdef Snapshot snap, base
    cdef Block block
    cdef Piece piece
    cdef SavedBlock saved
    cdef uint64_t offset, length
    cdef uint8_t *at
    cdef bytes old
    cdef dict seen = {}
    ctx = context_of(core)
    base = core.base
    snap = Snapshot.__new__(Snapshot)
    if core.token is None:
        core.token = object()
    snap.owner = core.token
    snap.checked = True
    snap.parent = base
    snap.depth = 0 if base is None else base.depth + 1
    snap.cpu = cpu_save(core)
    snap.crashed = core.st.engine.cpu.crash_occurred
    if base is not None and core.base_version == core.map_version:
        snap.layout = base.layout
        snap.blocks = base.blocks
        snap.pieces = base.pieces
    else:
        snap.layout = cpu_layout(core)
        snap.blocks = []
        pieces = []
        for item in memory.pieces:
            piece = <Piece>item
            block = piece.block
            if block.number not in seen:
                saved = SavedBlock.__new__(SavedBlock)
                saved.number = block.number
                saved.kind = block.kind
                saved.size = block.size
                saved.name = block.name
                if block.kind == BLOCK_IO:
                    saved.source = ((<Device>block.device).on_read, (<Device>block.device).on_write)
                elif block.kind == BLOCK_BUFFER:
                    saved.source = <object>block.buffer.obj
                seen[block.number] = saved
                snap.blocks.append(saved)
            pieces.append((piece.first, piece.last, piece.offset, piece.prot, block.number))
        snap.pieces = tuple(pieces)
    snap.pages = {}
    if base is None or core.base_version != core.map_version:
        add_new_blocks(core, base, snap.pages)
    for key, item in changed_pages(core, base).items():
        block = <Block>item
        offset = (<uint64_t>(key & PAGE_OF_KEY)) << ctx.page_bits
        length = page_length(ctx, block, offset)
        at = block.host + offset
        old = None if base is None else base.find(key)
        if old is None:
            if is_zero(at, length):
                continue
        elif memcmp(PyBytes_AS_STRING(old), at, length) == 0:
            continue
        snap.pages[key] = PyBytes_FromStringAndSize(<char *>at, <Py_ssize_t>length)
    if base is None:
        snap.merged = snap.pages
    elif snap.depth % MERGE_EVERY == 0:
        snap.merged = snap.all_pages()
    rearm(core)
    core.base = snap
    core.base_version = core.map_version
    return snap


# ---------------------------------------------------------------- restoring

# Pages in which two snapshots of one emulator may differ; None: they have nothing in common.
cdef set between(Snapshot a, Snapshot b):
    cdef set found = set()
    while a is not b:
        if a is None or b is None:
            return None
        if a.depth >= b.depth:
            found.update(a.pages)
            a = a.parent
        else:
            found.update(b.pages)
            b = b.parent
    return found


# A block of this emulator like the saved one, zeroed, or over the same buffer or functions.
cdef Block block_again(Core core, SavedBlock saved):
    cdef Block block
    if saved.kind == BLOCK_RAM:
        block = ram_block(core, saved.size - 1, saved.name)
    elif saved.source is None:
        raise UnsupportedError(
            f"the snapshot has a mapped buffer or device {saved.name or ''!r} of {saved.size:#x}"
            f" bytes, which bytes cannot hold",
            hint="restore it to an emulator that has the same mapped at the same address")
    elif saved.kind == BLOCK_BUFFER:
        block = buffer_block(core, saved.source, saved.name)
        if block.size != saved.size:
            raise ArgumentError("a mapped buffer has another length than when the snapshot was"
                                " taken")
        over_memory(core, block)
    else:
        block = io_block(core, device_new(core, saved.source[0], saved.source[1], False),
                         saved.size, saved.name)
    block.number = saved.number
    return block


# Make the map what it was. Answers the blocks that are new: their pages are zero, or anybody's.
cdef list restore_map(Core core, Memory memory, Snapshot snap):
    cdef dict have = {}
    cdef list fresh = []
    cdef Block block
    cdef Piece piece
    cdef SavedBlock saved
    cdef Py_ssize_t i
    cdef set wanted = set(snap.pieces)
    for item in core.blocks:
        have[(<Block>item).number] = item
    try:
        for item in snap.blocks:
            saved = <SavedBlock>item
            if saved.number not in have:
                block = block_again(core, saved)
                fresh.append(block)
                have[saved.number] = block
    except BaseException:
        for item in fresh:
            memory_region_free((<Block>item).region)
            (<Block>item).region = NULL
        raise
    memory_region_change_begin(context_of(core))
    try:
        for block in have.values():
            block.n_pieces += 1         # none goes with its last piece
        for i in range(len(memory.pieces) - 1, -1, -1):
            piece = <Piece>memory.pieces[i]
            spec = (piece.first, piece.last, piece.offset, piece.prot, piece.block.number)
            if spec in wanted:
                wanted.discard(spec)
            else:
                memory.drop(i)
        for first, last, offset, prot, number in snap.pieces:
            if (first, last, offset, prot, number) in wanted:
                add_piece(core, memory, have[number], first, last, offset, prot)
        for block in have.values():
            block.n_pieces -= 1
            if block.n_pieces == 0:
                memory.release(block)
    finally:
        memory_region_change_commit(context_of(core))
    for item in fresh:
        block = <Block>item
        core.blocks.add(block)
        if block.kind == BLOCK_BUFFER:
            export_new(core, block, 0, block.size)
    return fresh


cdef int add_piece(Core core, Memory memory, Block block, uint64_t first, uint64_t last,
                   uint64_t offset, uint32_t prot) except -1:
    cdef Piece piece = Piece.__new__(Piece)
    piece.block = block
    piece.first = first
    piece.last = last
    piece.offset = offset
    piece.prot = prot
    piece.alias = memory_region_new_alias(context_of(core), NULL, block.region, offset,
                                          size_between(first, last))
    if piece.alias is NULL:
        raise HostMemoryError("the host has no memory left")
    memory_region_set_prot(piece.alias, prot)
    memory_region_add_subregion(<MemoryRegion *>core.st.engine.system_memory, first, piece.alias)
    block.n_pieces += 1
    memory.insert(piece)
    return 0


# A snapshot of another emulator, or out of bytes, as one of this emulator's: its blocks get
# numbers of here. Devices and buffers that bytes could not hold are those mapped here now.
cdef Snapshot adopt(Core core, Memory memory, Snapshot other):
    cdef Snapshot snap
    cdef SavedBlock saved, mine
    cdef Piece piece
    cdef dict numbers = {}
    cdef dict places = {}
    cdef object page_size = context_of(core).page_size
    if core.adopted is None:
        core.adopted = WeakKeyDictionary()
    found = core.adopted.get(other)
    if found is not None:
        return found
    for item in memory.pieces:
        piece = <Piece>item
        places[(piece.first, piece.offset, piece.block.kind, piece.block.size)] = \
            piece.block.number
    snap = Snapshot.__new__(Snapshot)
    if core.token is None:
        core.token = object()
    snap.owner = core.token
    snap.cpu = other.cpu
    snap.layout = other.layout
    snap.crashed = other.crashed
    snap.blocks = []
    for item in other.blocks:
        saved = <SavedBlock>item
        mine = SavedBlock.__new__(SavedBlock)
        mine.kind = saved.kind
        mine.size = saved.size
        mine.name = saved.name
        mine.source = saved.source
        core.next_block += 1
        mine.number = core.next_block
        if saved.source is None and saved.kind != BLOCK_RAM:
            for first, _last, offset, _prot, number in other.pieces:
                if number == saved.number:
                    mine.number = places.get((first, offset, saved.kind, saved.size), mine.number)
                    break
        numbers[saved.number] = mine.number
        snap.blocks.append(mine)
    snap.pieces = tuple([(first, last, offset, prot, numbers[number])
                         for first, last, offset, prot, number in other.pieces])
    snap.pages = {}
    sizes = {(<SavedBlock>item).number: (<SavedBlock>item).size for item in other.blocks}
    for key, data in other.all_pages().items():
        number = key >> PAGE_BITS_OF_KEY
        if number in numbers:
            left = sizes[number] - ((key & PAGE_OF_KEY) * page_size)
            if len(data) != min(left, page_size):
                raise ArgumentError("a page of the snapshot is not of this architecture's size")
            snap.pages[<object>numbers[number] << PAGE_BITS_OF_KEY
                       | key & PAGE_OF_KEY] = data
    snap.merged = snap.pages
    core.adopted[other] = snap
    return snap


cdef int write_page(Core core, MemContext *ctx, Block block, object key, bytes data) except -1:
    cdef uint64_t offset = (<uint64_t>(key & PAGE_OF_KEY)) << ctx.page_bits
    cdef uint64_t length = page_length(ctx, block, offset)
    if data is None:
        if is_zero(block.host + offset, length):
            return 0
        memset(block.host + offset, 0, length)
    elif memcmp(block.host + offset, PyBytes_AS_STRING(data), length) == 0:
        return 0
    else:
        memcpy(block.host + offset, PyBytes_AS_STRING(data), length)
    # For all clients: translated code of the page goes, too.
    invalidate_and_set_dirty(ctx, block.region.ram_addr + offset, length, 0xff)
    return 1


cdef int snapshot_restore(Core core, Memory memory, Snapshot snap) except -1:
    begin_work(core)
    try:
        return put_back(core, memory, snap)
    finally:
        end_work(core)


cdef int put_back(Core core, Memory memory, Snapshot snap) except -1:
    cdef MemContext *ctx
    cdef Block block
    cdef Snapshot base
    cdef dict changed, live
    cdef set differ
    cdef list fresh = []
    cdef bint written = False
    cdef bytes before
    if snap.owner is not core.token or core.token is None:
        if snap.layout != cpu_layout(core):
            raise ArgumentError(f"the snapshot is of a CPU {snap.layout!r}, this one is"
                                f" {cpu_layout(core)!r}")
        snap = adopt(core, memory, snap)
    ctx = context_of(core)
    base = core.base
    changed = changed_pages(core, base)
    if snap is base and core.map_version == core.base_version:
        cpu_load(core, snap.cpu, True)
        core.st.engine.cpu.crash_occurred = snap.crashed
        if not changed:
            return 0
    else:
        before = cpu_save(core)
        cpu_load(core, snap.cpu, snap.checked)      # first: this may refuse
        differ = between(base, snap) if base is not None else None
        if core.map_version != core.base_version or base is None or base.pieces != snap.pieces:
            try:
                fresh = restore_map(core, memory, snap)
            except BaseException:
                cpu_load(core, before, True)
                raise
        snap.checked = True
        core.st.engine.cpu.crash_occurred = snap.crashed
        live = {}
        for item in core.blocks:
            live[(<Block>item).number] = item
        if differ is None:
            # Every page that either has: what the base does not know is dirty.
            differ = set(snap.all_pages())
            if base is not None:
                differ.update(base.all_pages())
        for key in differ:
            block = live.get(key >> PAGE_BITS_OF_KEY)
            if block is not None:
                changed[key] = block
        if fresh:
            numbers = {(<Block>item).number for item in fresh}
            for key in snap.all_pages():
                if key >> PAGE_BITS_OF_KEY in numbers:
                    changed[key] = live[key >> PAGE_BITS_OF_KEY]
            for item in fresh:
                block = <Block>item
                if block.kind == BLOCK_BUFFER:      # has other contents than zero
                    for page in range((block.size + ctx.page_size - 1) >> ctx.page_bits):
                        changed[key_of(block.number, page)] = block
    for key, item in changed.items():
        block = <Block>item
        if block.region is not NULL and write_page(core, ctx, block, key, snap.find(key)):
            written = True
    rearm(core)
    core.base = snap
    core.base_version = core.map_version
    if written:                 # page tables may be among it
        cpu_tlb_flush(core.st.engine.cpu)
    return 0
