# Signed LEB128 of the search tables (spec row 24).
import random
from engine._core.base.types cimport int64_t, uint8_t
from engine._core.backend.rows cimport sleb128_read, sleb128_write


def encode(value):
    cdef uint8_t[16] buf
    cdef uint8_t *end = sleb128_write(buf, <int64_t>value)
    return bytes(buf[:end - buf])


def decode(bytes data):
    cdef int64_t value = 0
    cdef const uint8_t *start = data
    cdef const uint8_t *end = sleb128_read(start, &value)
    assert end - start == len(data)
    return value


def test_known():
    for value, text in ((0, "00"), (63, "3f"), (64, "c000"), (-1, "7f"), (-64, "40"), (-65, "bf7f"),
                        (128, "8001")):
        assert encode(value).hex() == text


def test_round_trip():
    rng = random.Random(5)
    for _ in range(2000):
        value = rng.getrandbits(rng.randrange(1, 64)) * rng.choice((1, -1))
        assert decode(encode(value)) == value
    for value in (-(1 << 63), (1 << 63) - 1):
        assert decode(encode(value)) == value and len(encode(value)) == 10
