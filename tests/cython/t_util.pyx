"""base/hostutil, base/buffer, base/compiler: rows 38, 44, 57."""
import random

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from engine._core.base.buffer cimport find_nonzero, find_nonzero_variant, find_nonzero_words
from engine._core.base.clock cimport clock_ns, clock_ticks
from engine._core.base.compiler cimport (build_assert, container_of, likely, member_is_first,
                                         unlikely)
from engine._core.base.hostutil cimport (divs128, divu128, divu128_limbs, muldiv64, muldiv64_limbs)

M32 = (1 << 32) - 1
M64 = (1 << 64) - 1
EDGES = [0, 1, 2, 3, M32, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, M64 - 1, M64]


def test_row_38_muldiv64_both_forms():
    rnd = random.Random(38)
    edges32 = [1, 2, 3, 0x7fffffff, 0x80000000, M32]
    cases = [(a, b, c) for a in EDGES for b in [0, *edges32] for c in edges32]
    cases += [(rnd.getrandbits(rnd.randint(1, 64)), rnd.getrandbits(rnd.randint(1, 32)),
               rnd.getrandbits(rnd.randint(1, 32)) or 1) for _ in range(20000)]
    overflows = 0
    for a, b, c in cases:
        want = a * b // c
        overflows += want > M64
        assert muldiv64(a, b, c) == want & M64
        assert muldiv64_limbs(a, b, c) == want & M64
    assert overflows > 100      # quotients over 64 bits were among them


def test_row_38_unsigned_128_by_64():
    cdef uint64_t lo, hi, lo2, hi2
    rnd = random.Random(1)
    cases = [(h, w, d) for h in EDGES for w in EDGES for d in EDGES]
    cases += [(rnd.getrandbits(rnd.randint(1, 64)), rnd.getrandbits(64),
               rnd.getrandbits(rnd.randint(1, 64))) for _ in range(5000)]
    for h, w, d in cases:
        lo, hi, lo2, hi2 = w, h, w, h
        over, over2 = divu128(&lo, &hi, d), divu128_limbs(&lo2, &hi2, d)
        n = (h << 64) | w
        # high half == divisor: the quotient is 2^64, which the limb form of the original missed
        assert over == over2 == (d == 0 or n // d > M64), (h, w, d)
        if over:
            assert (lo, hi, lo2, hi2) == (w, h, w, h)
        else:
            assert (lo, hi) == (lo2, hi2) == (n // d, n % d)


def test_row_38_signed_128_by_64():
    cdef uint64_t lo
    cdef int64_t hi
    rnd = random.Random(2)

    def signed(v):
        return v - (1 << 64) if v >> 63 else v

    cases = [(signed(h), w, signed(d)) for h in EDGES for w in EDGES for d in EDGES]
    cases += [(rnd.getrandbits(rnd.randint(1, 64)) - (1 << 62), rnd.getrandbits(64),
               signed(rnd.getrandbits(64))) for _ in range(3000)]
    cases += [(-1, rnd.getrandbits(64), rnd.choice([-1, 1]) * rnd.randint(1, 99))
              for _ in range(500)]
    fits = 0
    for h, w, d in cases:
        h = max(min(h, (1 << 63) - 1), -1 << 63)
        lo, hi = w, h
        over = divs128(&lo, &hi, d)
        n = (h << 64) + w
        q = (abs(n) // abs(d)) * (-1 if (n < 0) != (d < 0) else 1) if d else None
        assert over == (q is None or not -1 << 63 <= q < 1 << 63), (h, w, d)
        if over:
            assert (lo, hi) == (w, h)
        else:
            assert (lo, hi) == (q & M64, n - q * d), (h, w, d)
            fits += 1
    assert fits > 500


def test_row_38_reached_through_the_clock():
    before = clock_ns()
    ticks = clock_ticks(10000000)
    assert before // 100 <= ticks <= clock_ns() // 100


def test_row_57_find_nonzero_agrees_with_a_byte_loop():
    cdef uint8_t *buf = <uint8_t *>malloc(1024)
    cdef uint8_t *p
    cdef uint64_t at, size, n
    rnd = random.Random(57)
    assert find_nonzero_variant() in (b"sse2", b"neon", b"words")
    try:
        for _ in range(3000):
            memset(buf, 0, 1024)
            at = rnd.randrange(40)
            n = rnd.randrange(600)
            marks = sorted(rnd.sample(range(n), min(n, rnd.choice([0, 1, 1, 2])))) if n else []
            for mark in marks:
                buf[at + <uint64_t>mark] = rnd.randint(1, 255)
            buf[at + n] = 255           # just behind the end: must not be seen
            if at:
                buf[at - 1] = 255
            p = buf + at
            size = marks[0] if marks else n
            assert find_nonzero(p, n) == size
            assert find_nonzero_words(p, n) == size
    finally:
        free(buf)


ctypedef struct Inner:
    uint32_t x

ctypedef struct Outer:
    uint8_t first
    uint64_t pad
    Inner inner
    uint32_t last

ctypedef struct Derived:
    Inner base
    uint64_t more


def test_row_44_container_of():
    cdef Outer outer
    cdef Outer *found
    cdef Inner *inner = &outer.inner
    outer.last = 77
    inner.x = 5
    found = <Outer *>container_of(inner, <size_t>&(<Outer *>NULL).inner)
    assert found == &outer
    assert found.last == 77 and found.inner.x == 5
    assert not member_is_first(<size_t>&(<Outer *>NULL).inner)


def test_row_44_upcast_is_valid_at_offset_0():
    cdef Derived d
    d.base.x = 9
    build_assert(sizeof(Derived) >= sizeof(Inner))
    assert member_is_first(<size_t>&(<Derived *>NULL).base)
    assert (<Inner *>&d).x == 9


def test_row_44_branch_hints_keep_the_value():
    assert likely(1) and not likely(0)
    assert unlikely(1) and not unlikely(0)
    assert likely(4) and unlikely(4)    # any true value


def test_row_43_true_build_assertion_builds():
    build_assert(sizeof(uint64_t) == 8)
    build_assert(M_EIGHT == 8)


cdef enum:
    M_EIGHT = 8
