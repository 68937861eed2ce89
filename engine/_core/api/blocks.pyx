"""Host memory and devices behind mappings (see blocks.pxd)."""
cimport cython
from cpython.buffer cimport PyBuffer_Release, PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_FromStringAndSize, PyBytes_AS_STRING
from libc.string cimport memcmp
from engine._core.base.hostmem cimport ram_private_free
from engine._core.mem.context cimport DIRTY_MEMORY_CODE, DIRTY_MEMORY_SNAPSHOT
from engine._core.mem.dirty cimport invalidate_and_set_dirty, set_dirty_range
from engine._core.api.core cimport type_name

from engine.errors import ArgumentError, ArgumentTypeError, ViewError

cdef enum:
    NAME_MAX_BYTES = 200


# Not cleared by the garbage collector: that takes the owner out of `buffer` without releasing it.
@cython.no_gc_clear
cdef class Block:
    def __dealloc__(self):
        if self.kind == BLOCK_RAM and self.host is not NULL:
            ram_private_free(self.host, self.size)
        if self.kind == BLOCK_BUFFER and <void *>self.buffer.obj is not NULL:
            PyBuffer_Release(&self.buffer)


cdef class Piece:
    pass


cdef class Export:
    pass


cdef Export export_new(Core core, Block block, uint64_t offset, uint64_t size):
    cdef Export export = Export.__new__(Export)
    export.block = block
    export.offset = offset
    export.size = size
    export.alive = True
    if len(core.exports) >= core.exports_limit:
        exports_drop(core, None)        # those whose views are gone
        core.exports_limit = 2 * len(core.exports) + 64
    core.exports.append(export)
    core.st.has_exports = True
    return export


@cython.no_gc_clear
cdef class RamView:
    """The exporter behind `Memory.view`: guest memory through the buffer protocol."""
    cdef Export export

    def __cinit__(self):
        self.export = Export.__new__(Export)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        cdef Export export = self.export
        if export.block is None:
            raise ViewError("a view is made by Memory.view")
        PyBuffer_FillInfo(buffer, self, export.block.host + export.offset,
                          <Py_ssize_t>export.size, 0, flags)

    def __dealloc__(self):
        self.export.alive = False


cdef bytes name_arg(object name):
    if name is None:
        return b""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"name must be a str, not {type_name(name)}")
    encoded = name.encode("utf-8")
    if len(encoded) > NAME_MAX_BYTES or b"\0" in encoded:
        raise ArgumentError(f"name must have at most {NAME_MAX_BYTES} bytes and no zero byte")
    return encoded


cdef Block block_new(Core core, int kind, object name):
    cdef Block block = Block.__new__(Block)
    name_arg(name)
    block.kind = kind
    core.next_block += 1
    block.number = core.next_block
    block.name = name
    return block


cdef str refusal(Core core):
    return (<bytes>context_of(core).message).decode("utf-8", "replace")


cdef object view_new(Export export):
    cdef RamView view = RamView.__new__(RamView)
    view.export = export
    return memoryview(view)


# ---------------------------------------------------------------- writes behind the engine's back

cdef void memory_sync(Core core) noexcept:
    cdef MemContext *ctx
    cdef Export export
    cdef Block block
    cdef uint64_t page, first, last, at, length, ram
    cdef bint dead = False
    if core.st.engine is NULL:
        return
    ctx = context_of(core)
    try:
        for item in core.exports:
            export = <Export>item
            block = export.block
            if not export.alive:
                dead = True
                continue
            ram = block.region.ram_addr
            first = (ram + export.offset) >> ctx.page_bits
            last = (ram + export.offset + export.size - 1) >> ctx.page_bits
            page = first
            while page <= last and page < ctx.dirty.pages:
                # A set bit: the page holds translated code and was not written since.
                if not ctx.dirty.clean[DIRTY_MEMORY_CODE][page >> 6] >> (page & 63):
                    page = (page | 63) + 1      # no more in this word
                    continue
                if ctx.dirty.clean[DIRTY_MEMORY_CODE][page >> 6] >> (page & 63) & 1:
                    at = page << ctx.page_bits
                    at = at - ram if at > ram else 0
                    length = min(<uint64_t>ctx.page_size, block.size - at)
                    sync_page(core, ctx, block, page, at, length)
                page += 1
        if dead:
            exports_drop(core, None)
    except BaseException as error:
        if core.error is None:
            core.error = error


cdef void exports_drop(Core core, Block block) noexcept:
    cdef list kept = []
    cdef Export export
    for item in core.exports:
        export = <Export>item
        if export.alive and export.block is not block:
            kept.append(item)
        elif export.block is not block and export.block.region is not NULL:
            # Snapshots compare what is exported with what they hold: from now on a bit must do.
            set_dirty_range(context_of(core), export.block.region.ram_addr + export.offset,
                            export.size, 1U << DIRTY_MEMORY_SNAPSHOT)
    core.exports = kept
    core.st.has_exports = len(kept) != 0
    if block is not None or not kept:
        core.shadow.clear()             # its RAM pages will be another's


# Compares a page of code with what it was at the last look; drops its blocks when it differs.
cdef int sync_page(Core core, MemContext *ctx, Block block, uint64_t page, uint64_t at,
                   uint64_t length) except -1:
    cdef bytes old = core.shadow.get(page)
    if old is not None and <uint64_t>len(old) == length and memcmp(
            PyBytes_AS_STRING(old), block.host + at, length) == 0:
        return 0
    core.shadow[page] = PyBytes_FromStringAndSize(<char *>block.host + at, <Py_ssize_t>length)
    invalidate_and_set_dirty(ctx, block.region.ram_addr + at, length, block.region.dirty_log_mask)
    return 0
