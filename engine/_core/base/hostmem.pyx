# Host memory by pages, see hostmem.pxd. The OS is chosen by the preprocessor inside the two
# includes.
from libc.string cimport memcpy, memset
from engine._core.base.atomics cimport atomic_cas64, atomic_load64
from engine._core.base.buffer cimport find_nonzero
from engine._core.base.types cimport uint8_t, uint64_t, uintptr_t

cdef enum:
    KEPT = 16
    KEPT_PAGES = 16

include "hostmem_posix.pxi"
include "hostmem_windows.pxi"

cdef extern from * nogil:
    size_t engine_page_size()
    void *engine_map(size_t size)
    void engine_unmap(void *p, size_t size)
    bint engine_discard(void *p, size_t size)
    void *engine_move(void *p, size_t old_size, size_t new_size)
    void *engine_ram_map(int fd, size_t size, size_t align, bint shared, int *err)
    void engine_ram_unmap(void *p, size_t size)
    void engine_close(int fd)
    size_t engine_ram_align(size_t size)
    const size_t SIZE_MAX
    const int ENOMEM

cdef size_t _page = engine_page_size()


cdef size_t host_page_size() noexcept nogil:
    return _page


# size rounded up to pages; 0: does not fit the host's address space.
cdef size_t _pages(uint64_t size) noexcept nogil:
    cdef uint64_t n = (size + _page - 1) & ~(<uint64_t>_page - 1)
    return <size_t>n if n >= size and n <= SIZE_MAX else 0


cdef void *hostmem_map(uint64_t size) noexcept nogil:
    cdef size_t n = _pages(size)
    return engine_map(n) if n else NULL


cdef void hostmem_unmap(void *p, uint64_t size) noexcept nogil:
    if p != NULL:
        engine_unmap(p, _pages(size))


cdef void *hostmem_grow(void *p, uint64_t old_size, uint64_t new_size) noexcept nogil:
    cdef size_t old = _pages(old_size), new = _pages(new_size), i
    cdef uint8_t *src
    cdef void *q
    if new == 0:
        return NULL
    if new <= old:
        return p
    q = engine_move(p, old, new)
    if q != NULL:
        return q
    q = engine_map(new)
    if q == NULL:
        return NULL
    i = 0
    while i < old:
        src = <uint8_t *>p + i
        if find_nonzero(src, _page) != _page:
            memcpy(<uint8_t *>q + i, src, _page)
        i += _page
    engine_unmap(p, old)
    return q


cdef void hostmem_discard(void *p, uint64_t size) noexcept nogil:
    cdef size_t n = _pages(size)
    if p != NULL and n and not engine_discard(p, n):
        memset(p, 0, n)


cdef void *ram_mmap(int fd, uint64_t size, uint64_t align, bint shared, int *err) noexcept nogil:
    cdef size_t n = _pages(size)
    if n == 0 or align > SIZE_MAX:
        err[0] = ENOMEM
        return NULL
    return engine_ram_map(fd, n, <size_t>align, shared, err)


cdef void ram_munmap(void *p, uint64_t size) noexcept nogil:
    if p != NULL:
        engine_ram_unmap(p, _pages(size))


# Kept mappings: address | pages, in the bits that a page's address has free.
cdef uint64_t _kept[KEPT]


cdef inline uint64_t _few_pages(uint64_t size) noexcept nogil:
    cdef uint64_t n = _pages(size) // _page
    return n if n <= KEPT_PAGES else 0


cdef void *ram_private(uint64_t size, int *err) noexcept nogil:
    cdef uint64_t pages = _few_pages(size), found
    cdef void *p
    cdef int i
    if pages:
        for i in range(KEPT):
            found = atomic_load64(&_kept[i])
            if found & (_page - 1) == pages and atomic_cas64(&_kept[i], &found, 0):
                p = <void *><uintptr_t>(found - pages)
                memset(p, 0, pages * _page)
                return p
    return ram_mmap(-1, size, ram_align(size), False, err)


cdef void ram_private_free(void *p, uint64_t size) noexcept nogil:
    cdef uint64_t pages = _few_pages(size), empty
    cdef int i
    if pages and p != NULL:
        for i in range(KEPT):
            empty = 0
            if atomic_load64(&_kept[i]) == 0 and \
                    atomic_cas64(&_kept[i], &empty, <uint64_t><uintptr_t>p + pages):
                return
    ram_munmap(p, size)


cdef uint64_t ram_align(uint64_t size) noexcept nogil:
    return engine_ram_align(_pages(size))


cdef void host_close(int fd) noexcept nogil:
    engine_close(fd)
