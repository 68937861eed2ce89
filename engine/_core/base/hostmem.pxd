# Host memory by pages: reserve, commit, guard pages, lazily-zero tables.
# Lives here: everything that asks the OS for memory by page. What the OS is, is decided by the C in
# hostmem_posix.pxi and hostmem_windows.pxi. Does not live here: executable memory (backend/),
# malloc. Called by: mem/ram (guest RAM), mem/dirty (bitmaps), backend (code buffer), exec. Spec
# rows 11, 19, 51.
from engine._core.base.types cimport uint8_t, uint64_t

cdef size_t host_page_size() noexcept nogil

# Zeroed read-write pages that cost nothing until touched. NULL: refused. size is rounded up to
# pages.
cdef void *hostmem_map(uint64_t size) noexcept nogil
cdef void hostmem_unmap(void *p, uint64_t size) noexcept nogil
# A larger copy of a hostmem_map (old goes away): untouched pages stay untouched. NULL: refused, and
# the old mapping stays.
cdef void *hostmem_grow(void *p, uint64_t old_size, uint64_t new_size) noexcept nogil
# Back to zero, and to costing nothing.
cdef void hostmem_discard(void *p, uint64_t size) noexcept nogil

# Guest RAM (row 19): `size` bytes at a multiple of `align` (a power of two, at least the host
# page), followed by one inaccessible page. fd -1: anonymous and lazily zero. NULL: refused, *err
# is an errno.
cdef void *ram_mmap(int fd, uint64_t size, uint64_t align, bint shared, int *err) noexcept nogil
cdef void ram_munmap(void *p, uint64_t size) noexcept nogil
# The same, anonymous, at the size's own alignment. Of a few pages, some that were freed are kept
# and given out again, zeroed: less than what the system's calls and page faults cost.
cdef void *ram_private(uint64_t size, int *err) noexcept nogil
cdef void ram_private_free(void *p, uint64_t size) noexcept nogil
# The alignment for anonymous RAM of a size: 2 MiB for blocks that can use it, else the host page.
cdef uint64_t ram_align(uint64_t size) noexcept nogil
cdef void host_close(int fd) noexcept nogil
