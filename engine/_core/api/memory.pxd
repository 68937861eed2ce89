# Guest memory as Python sees it. Lives here: Memory (emu.memory), the list of mapped pieces, views,
# I/O callbacks. Does not live here: regions, flat views, RAM blocks (mem/). Caller: emulator.pyx.
#
# A map() makes a Block: host memory and a region over it. System memory shows it through aliases,
# one a Piece; unmap and protect cut pieces. The host memory is the Block's and not the engine's, so
# that views live on after unmap and close.
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.mem.context cimport MemoryRegion
from engine._core.api.core cimport Core, CoreState

cdef enum:
    BLOCK_RAM = 0
    BLOCK_BUFFER = 1
    BLOCK_IO = 2

ctypedef struct IoHead:         # opaque pointer of an I/O region
    CoreState *st
    void *block                 # Block, borrowed from Core.blocks

cdef class Block:
    cdef MemoryRegion *region   # NULL: unmapped
    cdef uint8_t *host          # NULL: I/O
    cdef uint64_t size
    cdef int kind               # BLOCK_*
    cdef uint32_t n_pieces
    cdef str name
    cdef Py_buffer buffer       # BLOCK_BUFFER: held while the block lives
    cdef object on_read         # BLOCK_IO
    cdef object on_write
    cdef IoHead head

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

cdef class Memory:
    cdef Core core
    cdef list pieces            # of Piece, by address
    cdef uint64_t *starts       # [len(pieces)]: their first addresses
    cdef Py_ssize_t capacity
    cdef Py_ssize_t recent      # index of the piece found last

    cdef Py_ssize_t upper(self, uint64_t address) noexcept
    cdef Py_ssize_t find(self, uint64_t address) noexcept
    cdef int insert(self, Piece piece) except -1
    cdef int drop(self, Py_ssize_t index) except -1
    cdef int cut(self, uint64_t address) except -1
    cdef int need(self, uint64_t first, uint64_t last, str what) except -1
    cdef int need_free(self, uint64_t first, uint64_t last) except -1
    cdef int show(self, Block block, uint64_t first, uint64_t last, uint32_t prot) except -1
    cdef int copy_out(self, uint64_t address, uint8_t *to, uint64_t size) except -1
    cdef int copy_in(self, uint64_t address, const uint8_t *data, uint64_t size) except -1
    cdef int device(self, uint64_t address, uint8_t *data, uint64_t size,
                    bint is_write) except -1
    cdef int device_done(self, uint64_t address, uint64_t size, str access, uint32_t answer,
                         object before) except -1
    cdef list spans(self, low, high)
    cdef list physical(self, first, last, access)
    cdef uint64_t load(self, object address, uint32_t size) except? 0xfffffffffffffffeULL
    cdef int store(self, object address, object value, uint32_t size) except -1
    cdef bytes peek(self, uint64_t address, uint64_t size)
    cdef bytes peek_virtual(self, uint64_t address, uint32_t size)
    cdef void forget(self) noexcept

cdef Memory memory_new(Core core)
# Python code has run that may have written through views: blocks of changed code go.
cdef void memory_sync(Core core) noexcept
