# Search for the first byte that is not zero.
# Lives here: find_nonzero in its variants: host vectors (SSE2, NEON) where there are any, machine
# words everywhere. Does not live here: host memory (hostmem). Called by: hostmem (which pages of a
# block are worth copying), api/hostutil.
from engine._core.base.types cimport uint64_t

# Index of the first byte that is not 0; size when all are.
cdef uint64_t find_nonzero(const void *p, uint64_t size) noexcept nogil
cdef uint64_t find_nonzero_words(const void *p, uint64_t size) noexcept nogil
# "sse2", "neon" or "words": what find_nonzero is made of.
cdef const char *find_nonzero_variant() noexcept nogil
