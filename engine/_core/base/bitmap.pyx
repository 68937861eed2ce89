# Bit arrays, see bitmap.pxd. A range is cut at word boundaries: a first partial word, whole words,
# a last partial word; the partial ones keep their other bits.
from engine._core.base.atomics cimport (atomic_and64, atomic_barrier, atomic_load64, atomic_or64,
                                        atomic_xchg64)
from engine._core.base.bits cimport ctz64, popcnt64
from engine._core.base.types cimport uint64_t

cdef extern from *:
    const uint64_t ONES "0xffffffffffffffffULL"


# The bits of word w that lie in [start, end); w is one of the range's words.
cdef inline uint64_t _part(uint64_t w, uint64_t start, uint64_t end) noexcept nogil:
    cdef uint64_t m = ONES
    if w == start >> 6:
        m <<= start & 63
    if w == end >> 6:
        m &= (1ULL << (end & 63)) - 1
    return m


cdef void set_bit_atomic(uint64_t nr, uint64_t *map) noexcept nogil:
    atomic_or64(map + (nr >> 6), 1ULL << (nr & 63))


cdef void bitmap_set(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, end = start + nr
    if nr:
        for w in range(start >> 6, ((end - 1) >> 6) + 1):
            map[w] |= _part(w, start, end)


cdef void bitmap_clear(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, end = start + nr
    if nr:
        for w in range(start >> 6, ((end - 1) >> 6) + 1):
            map[w] &= ~_part(w, start, end)


cdef void bitmap_set_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, m, end = start + nr
    if nr == 0:
        return
    for w in range(start >> 6, ((end - 1) >> 6) + 1):
        m = _part(w, start, end)
        if m == ONES:
            map[w] = ONES
        else:
            atomic_or64(map + w, m)
    atomic_barrier()


cdef bint bitmap_test_and_clear_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, m, old = 0, end = start + nr
    if nr == 0:
        return False
    for w in range(start >> 6, ((end - 1) >> 6) + 1):
        m = _part(w, start, end)
        if atomic_load64(map + w) & m:      # a word that has nothing to give is not written
            if m == ONES:
                old |= atomic_xchg64(map + w, 0)
            else:
                old |= atomic_and64(map + w, ~m) & m
    atomic_barrier()
    return old != 0


cdef bint bitmap_test_and_set_atomic(uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, m, old = 0, end = start + nr
    if nr == 0:
        return False
    for w in range(start >> 6, ((end - 1) >> 6) + 1):
        m = _part(w, start, end)
        if ~atomic_load64(map + w) & m:
            if m == ONES:
                old |= ~atomic_xchg64(map + w, ONES)
            else:
                old |= ~atomic_or64(map + w, m) & m
    atomic_barrier()
    return old != 0


cdef uint64_t _find(const uint64_t *map, uint64_t size, uint64_t start,
                    uint64_t flip) noexcept nogil:
    cdef uint64_t w, v
    if start >= size:
        return size
    w = start >> 6
    v = (map[w] ^ flip) & (ONES << (start & 63))
    while v == 0:
        w += 1
        if w > (size - 1) >> 6:
            return size
        v = map[w] ^ flip
    w = (w << 6) + ctz64(v)
    return w if w < size else size


cdef uint64_t find_next_bit(const uint64_t *map, uint64_t size, uint64_t start) noexcept nogil:
    return _find(map, size, start, 0)


cdef uint64_t find_next_zero_bit(const uint64_t *map, uint64_t size, uint64_t start) noexcept nogil:
    return _find(map, size, start, ONES)


cdef uint64_t bitmap_count(const uint64_t *map, uint64_t start, uint64_t nr) noexcept nogil:
    cdef uint64_t w, n = 0, end = start + nr
    if nr:
        for w in range(start >> 6, ((end - 1) >> 6) + 1):
            n += popcnt64(map[w] & _part(w, start, end))
    return n
