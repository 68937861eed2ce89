# Bump allocator: many small pieces that are freed all at once.
# Lives here: Arena. Does not live here: anything that is freed piece by piece. Called by:
# translator, optimiser, exec (records of blocks).
from engine._core.base.types cimport uint8_t, uint64_t

ctypedef struct ArenaChunk:
    ArenaChunk *next
    uint64_t size

ctypedef struct Arena:
    uint8_t *ptr
    uint8_t *end
    ArenaChunk *chunks          # newest first
    uint64_t chunk_size

cdef void arena_init(Arena *a, uint64_t chunk_size) noexcept nogil
# 16-byte aligned, not zeroed; NULL: out of memory.
cdef void *arena_alloc(Arena *a, uint64_t size) noexcept nogil
# Forget every piece; keeps one chunk for the next round.
cdef void arena_reset(Arena *a) noexcept nogil
cdef void arena_free(Arena *a) noexcept nogil
