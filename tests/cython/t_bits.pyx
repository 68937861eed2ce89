"""base/bits against Python integers."""
import random

from engine._core.base.bits cimport (clz64, ctz64, popcnt64, clz32, ctz32, bswap64, bswap32,
                                     bswap16, rotl64, rotr64, rotl32, rotr32, mask64, sextract64,
                                     extract64, deposit64, mulhu64, mulhs64, mulhsu64, divu64,
                                     divs64, remu64, rems64, divu32, divs32, remu32, rems32,
                                     engine_mulhu64_limbs, round_up, pow2floor)
from engine._core.base.types cimport uint32_t

M64 = (1 << 64) - 1
EDGES = [0, 1, 2, 3, 7, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, (1 << 63) - 1, 1 << 63, M64,
         M64 - 1]


def values():
    rnd = random.Random(1)
    return EDGES + [rnd.getrandbits(rnd.randint(1, 64)) for _ in range(60)]


def s(v, n=64):
    return v - (1 << n) if v >> (n - 1) & 1 else v


def quot(a, b, n):
    """RISC-V signed division and remainder."""
    a, b = s(a, n), s(b, n)
    if b == 0:
        return (1 << n) - 1, a % (1 << n)
    q = abs(a) // abs(b)
    q = -q if (a < 0) != (b < 0) else q
    return q % (1 << n), (a - q * b) % (1 << n)


def test_one_operand():
    for v in values():
        w = v & 0xffffffff
        assert clz64(v) == 64 - v.bit_length()
        assert clz32(<uint32_t>w) == 32 - w.bit_length()
        assert ctz64(v) == ((v & -v).bit_length() - 1 if v else 64)
        assert ctz32(<uint32_t>w) == ((w & -w).bit_length() - 1 if w else 32)
        assert popcnt64(v) == bin(v).count("1")
        assert bswap64(v) == int.from_bytes(v.to_bytes(8, "little"), "big")
        assert bswap32(<uint32_t>w) == int.from_bytes(w.to_bytes(4, "little"), "big")
        h = v & 0xffff
        assert bswap16(<uint32_t>h) == int.from_bytes(h.to_bytes(2, "little"), "big")
        assert pow2floor(v) == (1 << (v.bit_length() - 1) if v else 0)


def test_two_operands():
    for a in values():
        for b in values():
            assert mulhu64(a, b) == a * b >> 64 == engine_mulhu64_limbs(a, b)
            assert mulhs64(a, b) == (s(a) * s(b) >> 64) & M64
            assert mulhsu64(a, b) == (s(a) * b >> 64) & M64
            assert divu64(a, b) == (a // b if b else M64)
            assert remu64(a, b) == (a % b if b else a)
            assert (divs64(a, b), rems64(a, b)) == quot(a, b, 64)
            c, d = a & 0xffffffff, b & 0xffffffff
            assert divu32(<uint32_t>c, <uint32_t>d) == (c // d if d else 0xffffffff)
            assert remu32(<uint32_t>c, <uint32_t>d) == (c % d if d else c)
            got = divs32(<uint32_t>c, <uint32_t>d), rems32(<uint32_t>c, <uint32_t>d)
            assert got == quot(c, d, 32)


def test_rotates_and_fields():
    for a in values():
        w = a & 0xffffffff
        for n in list(range(70)) + [M64]:
            k, j = n % 64, n % 32
            assert rotl64(a, n) == (a << k | a >> (64 - k)) & M64
            assert rotr64(a, n) == (a >> k | a << (64 - k)) & M64
            assert rotl32(<uint32_t>w, n) == (w << j | w >> (32 - j)) & 0xffffffff
            assert rotr32(<uint32_t>w, n) == (w >> j | w << (32 - j)) & 0xffffffff
        for n in range(65):
            assert mask64(n) == (1 << n) - 1
            for pos in range(0, min(63, 64 - n) + 1, 5):
                field = (a >> pos) & ((1 << n) - 1)
                assert extract64(a, pos, n) == field
                assert sextract64(a, pos, n) == ((s(field, n) if n else 0) & M64)
                want = (a & ~(((1 << n) - 1) << pos) & M64) | ((w & ((1 << n) - 1)) << pos) & M64
                assert deposit64(a, w, pos, n) == want


def test_round_up():
    for n in range(0, 70):
        for p in (1, 2, 16, 64):
            assert round_up(n, p) == -(-n // p) * p
