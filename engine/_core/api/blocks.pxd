# Host memory behind mappings. Lives here: Block, Piece, views, the search for code that Python
# wrote behind the engine's back. Does not live here: the map itself (memory.pxd), regions (mem/),
# device functions (devices.pxd). Callers: memory.pyx, hooks.pyx, emulator.pyx, devices.pyx.
#
# A map() makes a Block: host memory and a region over it. System memory shows it through aliases,
# one a Piece; unmap and protect cut pieces. The host memory is the Block's and not the engine's,
# so that views live on after unmap and close.
from engine._core.base.types cimport hwaddr, uint8_t, uint32_t, uint64_t
from engine._core.mem.context cimport MEM_SIZE_MAX, MemContext, MemoryRegion
from engine._core.api.core cimport Core

cdef enum:
    BLOCK_RAM = 0
    BLOCK_BUFFER = 1
    BLOCK_IO = 2

cdef class Block:
    cdef MemoryRegion *region   # NULL: unmapped
    cdef uint8_t *host          # NULL: I/O
    cdef uint64_t size
    cdef int kind               # BLOCK_*
    cdef uint32_t n_pieces
    cdef uint64_t number        # what snapshots know its contents by; given again when they
                                # map it again
    cdef str name
    cdef Py_buffer buffer       # BLOCK_BUFFER: held while the block lives
    cdef object device          # BLOCK_IO: its Device

cdef class Piece:
    cdef uint64_t first
    cdef uint64_t last          # inclusive: a piece may end at 2^64
    cdef uint64_t offset        # of `first` in the block
    cdef uint32_t prot
    cdef Block block
    cdef MemoryRegion *alias

# A range of a block that Python code may write behind the engine's back.
cdef class Export:
    cdef Block block
    cdef uint64_t offset
    cdef uint64_t size
    cdef bint alive

cdef inline MemContext *context_of(Core core) noexcept:
    return <MemContext *>core.st.engine.mem


# Sizes of regions count 2^64 as MEM_SIZE_MAX.
cdef inline hwaddr size_between(uint64_t first, uint64_t last) noexcept:
    return last - first + 1 if last - first + 1 else MEM_SIZE_MAX


cdef Block block_new(Core core, int kind, object name)
# A name as the engine keeps it.
cdef bytes name_arg(object name)
# What the engine said about the region it did not make.
cdef str refusal(Core core)
cdef Export export_new(Core core, Block block, uint64_t offset, uint64_t size)
# Forget the exports of a block that was unmapped.
cdef void exports_drop(Core core, Block block) noexcept
# A memoryview of exported memory.
cdef object view_new(Export export)
# Python code has run that may have written exported memory: blocks of changed code go.
cdef void memory_sync(Core core) noexcept
