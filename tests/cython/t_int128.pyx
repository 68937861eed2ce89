"""base/int128 against Python integers."""
import random

from libc.stdint cimport int64_t, uint64_t
from engine._core.base.int128 cimport (
    engine_div128_words, s128_mul64, u128, u128_add, u128_clz, u128_div64, u128_eq, u128_is_zero,
    u128_lt, u128_make, u128_mul64, u128_shl, u128_shr, u128_shr_jam, u128_shr_lost, u128_sub,
)

M64 = (1 << 64) - 1
M128 = (1 << 128) - 1
EDGES = [0, 1, 2, 3, 0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, M64 - 1, M64]


def words():
    rnd = random.Random(7)
    return EDGES + [rnd.getrandbits(rnd.randint(1, 64)) for _ in range(40)]


def pairs():
    rnd = random.Random(8)
    return ([(a << 64) | b for a in EDGES for b in EDGES]
            + [rnd.getrandbits(rnd.randint(1, 128)) for _ in range(60)])


cdef u128 pair(v) except *:
    return u128_make(v >> 64, v & M64)


cdef value(u128 v):
    return (int(v.hi) << 64) | v.lo


def signed(v):
    return v - (1 << 64) if v >> 63 else v


def test_products():
    for a in words():
        for b in words():
            assert value(u128_mul64(a, b)) == a * b
            expect = (signed(a) * signed(b)) & M128
            assert value(s128_mul64(<int64_t><uint64_t>a, <int64_t><uint64_t>b)) == expect


def test_sums_and_order():
    for a in pairs():
        for b in pairs():
            assert value(u128_add(pair(a), pair(b))) == (a + b) & M128
            assert value(u128_sub(pair(a), pair(b))) == (a - b) & M128
            assert u128_lt(pair(a), pair(b)) == (a < b)
            assert u128_eq(pair(a), pair(b)) == (a == b)


def test_shifts():
    for a in pairs():
        assert u128_clz(pair(a)) == 128 - a.bit_length()
        assert u128_is_zero(pair(a)) == (a == 0)
        for n in [*range(0, 131), 1000, 1 << 40]:
            lost = n < 128 and (a & ((1 << n) - 1)) != 0 or n >= 128 and a != 0
            shifted = a >> n if n < 128 else 0
            assert value(u128_shl(pair(a), n)) == ((a << n) & M128 if n < 128 else 0)
            assert value(u128_shr(pair(a), n)) == shifted
            assert u128_shr_lost(pair(a), n) == lost
            assert value(u128_shr_jam(pair(a), n)) == shifted | lost


def test_division():
    cdef uint64_t rem, rem_words
    rnd = random.Random(9)
    for d in words():
        if d == 0:
            continue
        for hi in [0, 1, d - 1, d >> 1, d // 3, rnd.randrange(d)]:
            if hi >= d:
                continue
            for lo in words():
                n = (hi << 64) | lo
                assert u128_div64(hi, lo, d, &rem) == n // d
                assert engine_div128_words(hi, lo, d, &rem_words) == n // d
                assert rem == rem_words == n % d
