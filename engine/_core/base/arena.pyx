# Bump allocator, see arena.pxd.
from libc.stdlib cimport free, malloc
from engine._core.base.types cimport uint8_t, uint64_t

cdef enum:
    HEADER = (sizeof(ArenaChunk) + 15) & ~15


cdef void arena_init(Arena *a, uint64_t chunk_size) noexcept nogil:
    a.ptr = NULL
    a.end = NULL
    a.chunks = NULL
    a.chunk_size = chunk_size if chunk_size >= 256 else 256


cdef void *arena_alloc(Arena *a, uint64_t size) noexcept nogil:
    cdef uint64_t want
    cdef ArenaChunk *c
    cdef uint8_t *p
    if size > (1ULL << 62):
        return NULL
    size = (size + 15) & ~15ULL
    if <uint64_t>(a.end - a.ptr) < size or a.ptr == NULL:
        want = HEADER + (size if size > a.chunk_size else a.chunk_size)
        if want != <size_t>want:
            return NULL
        c = <ArenaChunk *>malloc(<size_t>want)
        if c == NULL:
            return NULL
        c.next = a.chunks
        c.size = want
        a.chunks = c
        a.ptr = <uint8_t *>c + HEADER
        a.end = <uint8_t *>c + want
    p = a.ptr
    a.ptr += size
    return p


cdef void arena_reset(Arena *a) noexcept nogil:
    cdef ArenaChunk *c = a.chunks
    cdef ArenaChunk *rest
    if c == NULL:
        return
    rest = c.next
    c.next = NULL
    while rest != NULL:
        a.chunks = rest
        rest = rest.next
        free(a.chunks)
    a.chunks = c
    a.ptr = <uint8_t *>c + HEADER
    a.end = <uint8_t *>c + c.size


cdef void arena_free(Arena *a) noexcept nogil:
    cdef ArenaChunk *c
    while a.chunks != NULL:
        c = a.chunks
        a.chunks = c.next
        free(c)
    a.ptr = NULL
    a.end = NULL
