# Executable memory, see codemem.pxd. The OS is chosen by the preprocessor inside the two includes.
from engine._core.base.types cimport int64_t, uint8_t, uint64_t
from engine._core.base.hostmem cimport host_page_size

include "codemem_posix.pxi"
include "codemem_windows.pxi"

cdef extern from * nogil:
    bint engine_code_map(size_t size, uint8_t **top, void **rw, void **rx)
    void engine_code_unmap(void *rw, void *rx, size_t size)


cdef size_t _pages(uint64_t size) noexcept nogil:
    cdef uint64_t page = host_page_size()
    return <size_t>((size + page - 1) & ~(page - 1))


cdef uint8_t *codemem_map(uint64_t size, uint8_t **top, int64_t *rx_delta) noexcept nogil:
    cdef void *rw = NULL
    cdef void *rx = NULL
    if size == 0 or size > 1ULL << 31 or not engine_code_map(_pages(size), top, &rw, &rx):
        return NULL
    rx_delta[0] = <uint8_t *>rx - <uint8_t *>rw
    return <uint8_t *>rw


cdef void codemem_unmap(uint8_t *rw, uint64_t size, int64_t rx_delta) noexcept nogil:
    if rw != NULL:
        engine_code_unmap(rw, rw + rx_delta, _pages(size))
