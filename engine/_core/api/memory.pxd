# Guest memory as Python sees it. Lives here: Memory (emu.memory), the list of mapped pieces. Does
# not live here: what is behind a mapping (blocks.pxd), regions (mem/). Caller: emulator.pyx.
from engine._core.base.types cimport hwaddr, uint8_t, uint32_t, uint64_t
from engine._core.api.blocks cimport Block, Piece
from engine._core.api.core cimport Core
from engine._core.api.devices cimport Device

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
    cdef void release(self, Block block) noexcept
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
    cdef bytes debug_read(self, uint64_t address, uint64_t size)
    cdef int debug_write(self, uint64_t address, bytes data) except -1
    cdef int debug_fault(self, uint64_t address, uint64_t size, str access) except -1
    cdef bytes peek(self, uint64_t address, uint64_t size)
    cdef bytes peek_virtual(self, uint64_t address, uint32_t size)
    cdef void forget(self) noexcept

cdef Memory memory_new(Core core)
# Blocks that nothing shows yet: with a region, but for buffer_block (over_memory gives it one).
cdef Block ram_block(Core core, uint64_t size_less_one, object name)
cdef Block buffer_block(Core core, object buffer, object name)
cdef Block io_block(Core core, Device device, hwaddr size, object name)
cdef int over_memory(Core core, Block block) except -1
