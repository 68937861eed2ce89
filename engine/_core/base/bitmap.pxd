# Bit arrays over 64-bit words, plain and atomic (spec rows 69, 70).
# Lives here: set, clear, test-and-clear, search, count. Bit n is bit n % 64 of word n / 64.
# Does not live here: what the bits mean (mem/dirty). Called by: mem/dirty, allocators, exec.
from engine._core.base.types cimport uint64_t

cdef inline bint test_bit(uint64_t nr, const uint64_t *map) noexcept nogil:
    return (map[nr >> 6] >> (nr & 63)) & 1

cdef inline void set_bit(uint64_t nr, uint64_t *map) noexcept nogil:
    map[nr >> 6] |= 1ULL << (nr & 63)

cdef inline void clear_bit(uint64_t nr, uint64_t *map) noexcept nogil:
    map[nr >> 6] &= ~(1ULL << (nr & 63))

cdef inline uint64_t bitmap_words(uint64_t nbits) noexcept nogil:
    return (nbits >> 6) + (1 if nbits & 63 else 0)

cdef void set_bit_atomic(uint64_t nr, uint64_t *map) noexcept nogil
cdef void bitmap_set(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
cdef void bitmap_clear(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
cdef void bitmap_set_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
# Both answer whether any bit of the range was not yet what it becomes.
cdef bint bitmap_test_and_clear_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
cdef bint bitmap_test_and_set_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
# First set (or clear) bit at or after start, below size; size when there is none.
cdef uint64_t find_next_bit(const uint64_t *map, uint64_t size, uint64_t start) noexcept nogil
cdef uint64_t find_next_zero_bit(const uint64_t *map, uint64_t size, uint64_t start) noexcept nogil
cdef uint64_t bitmap_count(const uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil
