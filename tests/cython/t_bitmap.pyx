"""base/bitmap against Python integers: plain, atomic, from several threads (spec rows 69, 70)."""
import random
import threading

from libc.stdlib cimport calloc, free
from engine._core.base.bitmap cimport (bitmap_clear, bitmap_count, bitmap_set, bitmap_set_atomic,
                                       bitmap_test_and_clear_atomic, bitmap_test_and_set_atomic,
                                       bitmap_words, clear_bit, find_next_bit, find_next_zero_bit,
                                       set_bit, set_bit_atomic, test_bit)
from engine._core.base.types cimport uint64_t

DEF_WORDS = 8
ALL = (1 << (DEF_WORDS * 64)) - 1


cdef class Map:
    cdef uint64_t *w

    def __cinit__(self):
        self.w = <uint64_t *>calloc(DEF_WORDS, 8)

    def __dealloc__(self):
        free(self.w)

    def put(self, v):
        for i in range(DEF_WORDS):
            self.w[i] = (v >> (64 * i)) & 0xffffffffffffffff

    def get(self):
        return sum(int(self.w[i]) << (64 * i) for i in range(DEF_WORDS))


def test_row_69_70_ranges():
    cdef Map m = Map()
    rnd = random.Random(2)
    for start in range(0, 131):
        for nr in list(range(0, 201, 7)) + [1, 63, 64, 65, 128, 200]:
            v = rnd.choice([0, ALL, rnd.getrandbits(512)])
            mask = ((1 << nr) - 1) << start
            m.put(v)
            bitmap_set(m.w, start, nr)
            assert m.get() == v | mask
            m.put(v)
            bitmap_clear(m.w, start, nr)
            assert m.get() == v & ~mask
            m.put(v)
            bitmap_set_atomic(m.w, start, nr)
            assert m.get() == v | mask
            m.put(v)
            assert bitmap_test_and_clear_atomic(m.w, start, nr) == (v & mask != 0)
            assert m.get() == v & ~mask
            m.put(v)
            assert bitmap_test_and_set_atomic(m.w, start, nr) == (~v & mask != 0)
            assert m.get() == v | mask
            m.put(v)
            assert bitmap_count(m.w, start, nr) == bin(v & mask).count("1")


def test_single_bits_and_search():
    cdef Map m = Map()
    rnd = random.Random(3)
    assert [bitmap_words(n) for n in (0, 1, 64, 65)] == [0, 1, 1, 2]
    for _ in range(300):
        v = rnd.getrandbits(512) & rnd.getrandbits(512)
        v &= rnd.getrandbits(512) & rnd.getrandbits(512)
        if rnd.random() < 0.3:
            v ^= ALL
        m.put(v)
        size, start = rnd.randint(0, 512), rnd.randint(0, 512)
        one = next((i for i in range(start, size) if v >> i & 1), size)
        zero = next((i for i in range(start, size) if not v >> i & 1), size)
        assert find_next_bit(m.w, size, start) == one
        assert find_next_zero_bit(m.w, size, start) == zero
        n = rnd.randrange(512)
        assert test_bit(n, m.w) == (v >> n & 1)
        set_bit(n, m.w)
        assert m.get() == v | 1 << n
        clear_bit(n, m.w)
        assert m.get() == v & ~(1 << n)
        set_bit_atomic(n, m.w)
        assert m.get() == v | 1 << n


cdef void hammer(uint64_t *w, int lane) noexcept nogil:
    cdef int _k, n
    for _k in range(2000):
        for n in range(lane, 64, 4):
            set_bit_atomic(n, w)
            bitmap_test_and_clear_atomic(w, n, 1)
        for n in range(lane, 64, 4):
            bitmap_set_atomic(w, n, 1)


def test_row_70_threads_lose_nothing():
    cdef Map m = Map()

    def run(lane):
        cdef int k = lane
        with nogil:
            hammer(m.w, k)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert m.get() == (1 << 64) - 1
