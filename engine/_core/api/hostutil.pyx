"""Integer and buffer utilities of the host for Python: what the core computes with.

Lives here: argument checks and conversion. Does not live here: the arithmetic (base/bits, int128,
hostutil, bitmap, buffer). Numbers are unsigned unless a name says otherwise; an argument that does
not fit is a RangeError.
"""
from engine._core.base cimport bits
from engine._core.base.bitmap cimport (bitmap_clear, bitmap_count, bitmap_set, bitmap_set_atomic,
                                       bitmap_test_and_clear_atomic, find_next_bit,
                                       find_next_zero_bit)
from engine._core.base.buffer cimport find_nonzero as c_find_nonzero
from engine._core.base.buffer cimport find_nonzero_variant as c_variant
from engine._core.base.buffer cimport find_nonzero_words as c_find_nonzero_words
from engine._core.base.clock cimport clock_ns as c_clock_ns
from engine._core.base.clock cimport clock_ticks as c_clock_ticks
from engine._core.base.hostmem cimport host_page_size as c_host_page_size
from engine._core.base.hostutil cimport divs128 as c_divs128
from engine._core.base.hostutil cimport divu128 as c_divu128
from engine._core.base.hostutil cimport divu128_limbs as c_divu128_limbs
from engine._core.base.hostutil cimport muldiv64 as c_muldiv64
from engine._core.base.hostutil cimport muldiv64_limbs as c_muldiv64_limbs
from engine._core.base.int128 cimport s128_mul64, u128, u128_mul64
from engine._core.base.types cimport int64_t, uint8_t, uint32_t, uint64_t

from operator import index

from engine.errors import ArgumentError, ArgumentTypeError, DivideByZeroError, RangeError


cdef uint64_t unsigned(object value, int width, str what) except? 0xfffffffffffffffeULL:
    number = integer(value, what)
    if number < 0 or number >> width:
        raise RangeError(f"{what} must fit in {width} bits, unsigned: {number:#x}")
    return number


cdef int64_t signed(object value, str what) except? -2:
    number = integer(value, what)
    if not -0x8000000000000000 <= number <= 0x7fffffffffffffff:
        raise RangeError(f"{what} must fit in 64 bits, signed: {number:#x}")
    return number


cdef object integer(object value, str what):
    try:
        return index(value)
    except TypeError:
        raise ArgumentTypeError(f"{what} must be an int, not {type(value).__name__}") from None


# ---------------------------------------------------------------- products and quotients

def muldiv64(a, b, c):
    """The low 64 bits of a * b / c, rounded down, with the whole product; b and c of 32 bits."""
    cdef uint64_t x = unsigned(a, 64, "a")
    cdef uint32_t y = <uint32_t>unsigned(b, 32, "b"), z = <uint32_t>unsigned(c, 32, "c")
    if z == 0:
        raise DivideByZeroError(f"muldiv64({x}, {y}, 0): division by zero")
    return c_muldiv64(x, y, z)


def muldiv64_limbs(a, b, c):
    """`muldiv64` by its form for hosts without 128-bit integers."""
    cdef uint64_t x = unsigned(a, 64, "a")
    cdef uint32_t y = <uint32_t>unsigned(b, 32, "b"), z = <uint32_t>unsigned(c, 32, "c")
    if z == 0:
        raise DivideByZeroError(f"muldiv64_limbs({x}, {y}, 0): division by zero")
    return c_muldiv64_limbs(x, y, z)


def mulu64(a, b):
    """(low, high) of the 128-bit product of unsigned a and b."""
    cdef u128 r = u128_mul64(unsigned(a, 64, "a"), unsigned(b, 64, "b"))
    return r.lo, r.hi


def muls64(a, b):
    """(low, high) of the 128-bit product of signed a and b; high is signed."""
    cdef u128 r = s128_mul64(signed(a, "a"), signed(b, "b"))
    return r.lo, <int64_t>r.hi


def divu128(low, high, divisor, *, limbs=False):
    """(overflow, low, high): quotient and remainder of high:low / divisor, unsigned.

    overflow: the divisor is 0 or the quotient does not fit; low and high are as given then.
    limbs: by the form for hosts without a 128/64 division.
    """
    cdef uint64_t lo = unsigned(low, 64, "low"), hi = unsigned(high, 64, "high")
    cdef uint64_t d = unsigned(divisor, 64, "divisor")
    over = c_divu128_limbs(&lo, &hi, d) if limbs else c_divu128(&lo, &hi, d)
    return bool(over), lo, hi


def divs128(low, high, divisor):
    """(overflow, low, high) of signed high:low / divisor, rounded towards zero: low is the quotient
    as two's complement, high the signed remainder."""
    cdef uint64_t lo = unsigned(low, 64, "low")
    cdef int64_t hi = signed(high, "high")
    over = c_divs128(&lo, &hi, signed(divisor, "divisor"))
    return bool(over), lo, hi


# ---------------------------------------------------------------- bits

def clz32(value):
    """Leading zeros; 32 for 0."""
    return bits.clz32(<uint32_t>unsigned(value, 32, "value"))


def clz64(value):
    """Leading zeros; 64 for 0."""
    return bits.clz64(unsigned(value, 64, "value"))


def ctz32(value):
    """Trailing zeros; 32 for 0."""
    return bits.ctz32(<uint32_t>unsigned(value, 32, "value"))


def ctz64(value):
    """Trailing zeros; 64 for 0."""
    return bits.ctz64(unsigned(value, 64, "value"))


def ctpop64(value):
    """Number of ones."""
    return bits.popcnt64(unsigned(value, 64, "value"))


def rol32(value, count):
    """Rotates left; the count counts modulo the width, so the others."""
    return bits.rotl32(<uint32_t>unsigned(value, 32, "value"), unsigned(count, 64, "count"))


def ror32(value, count):
    """Rotates right."""
    return bits.rotr32(<uint32_t>unsigned(value, 32, "value"), unsigned(count, 64, "count"))


def rol64(value, count):
    """Rotates left."""
    return bits.rotl64(unsigned(value, 64, "value"), unsigned(count, 64, "count"))


def ror64(value, count):
    """Rotates right."""
    return bits.rotr64(unsigned(value, 64, "value"), unsigned(count, 64, "count"))


cdef int field(object start, object length, uint64_t *pos, uint64_t *n) except -1:
    pos[0] = unsigned(start, 64, "start")
    n[0] = unsigned(length, 64, "length")
    if not (0 < n[0] <= 64 and pos[0] <= 64 - n[0]):
        raise RangeError(f"no field of {length} bits at bit {start} in 64 bits")
    return 0


def extract64(value, start, length):
    """The field of `length` bits at bit `start`."""
    cdef uint64_t pos = 0, n = 0
    field(start, length, &pos, &n)
    return bits.extract64(unsigned(value, 64, "value"), pos, n)


def sextract64(value, start, length):
    """The same as a signed number."""
    cdef uint64_t pos = 0, n = 0
    field(start, length, &pos, &n)
    return <int64_t>bits.sextract64(unsigned(value, 64, "value"), pos, n)


def deposit64(value, start, length, fieldval):
    """The value with `fieldval` (its low bits) in that field."""
    cdef uint64_t pos = 0, n = 0
    field(start, length, &pos, &n)
    return bits.deposit64(unsigned(value, 64, "value"), unsigned(fieldval, 64, "fieldval"), pos, n)


# ---------------------------------------------------------------- bit arrays
# A map is a writable buffer of uint64 (numpy array, array.array("Q")): bit n is bit n % 64 of word
# n // 64.

cdef uint64_t *bit_range(uint64_t[::1] map, object start, object nr, uint64_t *first,
                         uint64_t *count) except? NULL:
    cdef uint64_t have = <uint64_t>map.shape[0] * 64
    first[0] = unsigned(start, 64, "start")
    count[0] = unsigned(nr, 64, "nr")
    if first[0] > have or count[0] > have - first[0]:
        raise RangeError(f"bits {start} to {start + nr} are not in a map of {have}")
    return &map[0] if have else NULL


def set_bits(uint64_t[::1] map not None, start, nr, *, atomic=False):
    """Sets [start, start + nr)."""
    cdef uint64_t first = 0, count = 0
    cdef uint64_t *p = bit_range(map, start, nr, &first, &count)
    if atomic:
        bitmap_set_atomic(p, first, count)
    else:
        bitmap_set(p, first, count)


def clear_bits(uint64_t[::1] map not None, start, nr):
    """Clears [start, start + nr)."""
    cdef uint64_t first = 0, count = 0
    cdef uint64_t *p = bit_range(map, start, nr, &first, &count)
    bitmap_clear(p, first, count)


def test_and_clear_bits(uint64_t[::1] map not None, start, nr):
    """Clears [start, start + nr) atomically and says whether any was set."""
    cdef uint64_t first = 0, count = 0
    cdef uint64_t *p = bit_range(map, start, nr, &first, &count)
    return bool(bitmap_test_and_clear_atomic(p, first, count))


def count_bits(uint64_t[::1] map not None, start, nr):
    """Number of ones in [start, start + nr)."""
    cdef uint64_t first = 0, count = 0
    cdef uint64_t *p = bit_range(map, start, nr, &first, &count)
    return bitmap_count(p, first, count)


def next_bit(uint64_t[::1] map not None, size, start, *, zero=False):
    """The first set (zero: clear) bit at or after start, below size; size when there is none."""
    cdef uint64_t first = 0, count = 0
    cdef uint64_t *p = bit_range(map, 0, size, &first, &count)
    cdef uint64_t begin = unsigned(start, 64, "start")
    return find_next_zero_bit(p, count, begin) if zero else find_next_bit(p, count, begin)


# ---------------------------------------------------------------- buffers and pages

def find_nonzero(const uint8_t[::1] data not None, *, words=False):
    """Index of the first byte that is not 0, or the length. words: without host vectors."""
    cdef uint64_t size = <uint64_t>data.shape[0], found
    cdef const uint8_t *p = &data[0] if size else NULL
    cdef bint plain = bool(words)
    with nogil:
        found = c_find_nonzero_words(p, size) if plain else c_find_nonzero(p, size)
    return found


def buffer_is_zero(const uint8_t[::1] data not None):
    """Whether all bytes are 0."""
    return find_nonzero(data) == data.shape[0]


def find_nonzero_variant():
    """What `find_nonzero` is made of on this host: "sse2", "neon" or "words"."""
    return (<bytes>c_variant()).decode("ascii")


def host_page_size():
    """Size of a page of the host, as an int."""
    return c_host_page_size()


def host_page_align(address, guest_page=1):
    """Rounds up to the host's pages, or the guest's where these are larger (spec row 51). Wraps in
    64 bits."""
    cdef uint64_t size = max(<uint64_t>c_host_page_size(), unsigned(guest_page, 64, "guest_page"))
    if size & (size - 1):
        raise ArgumentError(f"a page size is a power of two, not {guest_page}")
    return bits.round_up(unsigned(address, 64, "address"), size)


def clock_ns():
    """The engine's clock in nanoseconds."""
    return c_clock_ns()


def clock_ticks(hz):
    """What a counter of `hz` that started with the clock shows."""
    return c_clock_ticks(<uint32_t>unsigned(hz, 32, "hz"))
