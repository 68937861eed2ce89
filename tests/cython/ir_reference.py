"""Meaning of every IR op in plain Python integers and floats, written from the op's name and notes.

What lives here: `INT[name](a, b, c, x, **constants)`, `FLOAT[name]`, `VECTOR[name]`,
`LANES[name]`, `COND`, edge operands. Not
derived from ops.tab's meanings: it checks them. Used by t_interp.pyx and t_opt.pyx.
"""

import math
import struct
from fractions import Fraction

M = (1 << 64) - 1
W = (1 << 32) - 1


def s64(v):
    return v - (1 << 64) if v >> 63 & 1 else v


def s32(v):
    v &= W
    return v - (1 << 32) if v >> 31 else v


def sext(v, bits):
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def div(a, b):
    """Towards zero; by zero -1."""
    if b == 0:
        return -1
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def rem(a, b):
    return a if b == 0 else a - b * div(a, b)


def rotl(a, n, w):
    a &= (1 << w) - 1
    n %= w
    return (a << n | a >> (w - n)) & ((1 << w) - 1)


def clz(a, w):
    return w - a.bit_length()


def ctz(a, w):
    return (a & -a).bit_length() - 1 if a else w


def swap(a, n):
    return int.from_bytes((a & ((1 << 8 * n) - 1)).to_bytes(n, "little"), "big")


COND = {
    "eq": lambda a, b, s: a == b, "ne": lambda a, b, s: a != b,
    "lt": lambda a, b, s: s(a) < s(b), "ge": lambda a, b, s: s(a) >= s(b),
    "le": lambda a, b, s: s(a) <= s(b), "gt": lambda a, b, s: s(a) > s(b),
    "ltu": lambda a, b, s: a < b, "geu": lambda a, b, s: a >= b,
    "leu": lambda a, b, s: a <= b, "gtu": lambda a, b, s: a > b,
    "tsteq": lambda a, b, s: a & b == 0, "tstne": lambda a, b, s: a & b != 0,
}


def cond(name, a, b):
    return COND[name](a, b, s64)


def cond32(name, a, b):
    return COND[name](a & W, b & W, s32)


INT = {
    "mov": lambda a: a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "andc": lambda a, b: a & ~b,
    "orc": lambda a, b: a | ~b,
    "eqv": lambda a, b: ~(a ^ b),
    "neg": lambda a: -a,
    "not": lambda a: ~a,
    "shl": lambda a, b: a << (b & 63),
    "shr": lambda a, b: a >> (b & 63),
    "sar": lambda a, b: s64(a) >> (b & 63),
    "rotl": lambda a, b: rotl(a, b & 63, 64),
    "rotr": lambda a, b: rotl(a, -b & 63, 64),
    "mulhu": lambda a, b: a * b >> 64,
    "mulhs": lambda a, b: s64(a) * s64(b) >> 64,
    "mulhsu": lambda a, b: s64(a) * b >> 64,
    "divu": div,
    "divs": lambda a, b: div(s64(a), s64(b)),
    "remu": rem,
    "rems": lambda a, b: rem(s64(a), s64(b)),
    "clz": lambda a: clz(a, 64),
    "ctz": lambda a: ctz(a, 64),
    "popcnt": lambda a: bin(a).count("1"),
    "bswap": lambda a: swap(a, 8),
    "add32": lambda a, b: a + b & W,
    "sub32": lambda a, b: a - b & W,
    "mul32": lambda a, b: a * b & W,
    "neg32": lambda a: -a & W,
    "not32": lambda a: ~a & W,
    "shl32": lambda a, b: a << (b & 31) & W,
    "shr32": lambda a, b: (a & W) >> (b & 31),
    "sar32": lambda a, b: s32(a) >> (b & 31) & W,
    "rotl32": lambda a, b: rotl(a, b & 31, 32),
    "rotr32": lambda a, b: rotl(a, -b & 31, 32),
    "mulhu32": lambda a, b: (a & W) * (b & W) >> 32,
    "mulhs32": lambda a, b: s32(a) * s32(b) >> 32 & W,
    "mulhsu32": lambda a, b: s32(a) * (b & W) >> 32 & W,
    "divu32": lambda a, b: div(a & W, b & W) & W,
    "divs32": lambda a, b: div(s32(a), s32(b)) & W,
    "remu32": lambda a, b: rem(a & W, b & W),
    "rems32": lambda a, b: rem(s32(a), s32(b)) & W,
    "clz32": lambda a: clz(a & W, 32),
    "ctz32": lambda a: ctz(a & W, 32),
    "popcnt32": lambda a: bin(a & W).count("1"),
    "bswap32": lambda a: swap(a, 4),
    "bswap16": lambda a: swap(a, 2),
    "ext8u": lambda a: a & 0xff,
    "ext16u": lambda a: a & 0xffff,
    "ext32u": lambda a: a & W,
    "ext8s": lambda a: sext(a, 8),
    "ext16s": lambda a: sext(a, 16),
    "ext32s": lambda a: sext(a, 32),
    "extract": lambda a, pos, len: a >> pos & ((1 << len) - 1),
    "sextract": lambda a, pos, len: sext(a >> pos, len),
    "deposit": lambda a, b, pos, len: (a & ~(((1 << len) - 1) << pos)
                                       | (b & ((1 << len) - 1)) << pos),
    "setcond": lambda a, b, cond: globals()["cond"](cond, a, b),
    "setcond32": lambda a, b, cond: cond32(cond, a, b),
    "negsetcond": lambda a, b, cond: -globals()["cond"](cond, a, b),
    "movcond": lambda a, b, c, x, cond: c if globals()["cond"](cond, a, b) else x,
    "movcond32": lambda a, b, c, x, cond: c if cond32(cond, a, b) else x,
    # float operands that are handled as bits
    "fmov": lambda a: a,
    "fmovi": lambda a: a,
    "fmovr": lambda a: a,
    "fbox32": lambda a: a | W << 32,
    "funbox32": lambda a: a & W if a >> 32 == W else 0x7fc00000,
}


def f32(v):
    return struct.unpack("<I", struct.pack("<f", v))[0]


def f64(v):
    return struct.unpack("<Q", struct.pack("<d", v))[0]


# name -> (inputs, constants, result), values exact in both formats: which operand goes where, not
# rounding, is tested here (rounding: tests of fp/).
FLOAT = {}
for _w, _f in (("32", f32), ("64", f64)):
    FLOAT.update({
        f"fadd{_w}": ([_f(1.5), _f(2.25)], [0], _f(3.75)),
        f"fsub{_w}": ([_f(1.5), _f(2.25)], [7], _f(-0.75)),
        f"fmul{_w}": ([_f(1.5), _f(-2.5)], [1], _f(-3.75)),
        f"fdiv{_w}": ([_f(3.0), _f(0.5)], [2], _f(6.0)),
        f"fsqrt{_w}": ([_f(6.25)], [7], _f(2.5)),
        f"fma{_w}": ([_f(1.5), _f(2.0), _f(0.25)], [7, 1], _f(-2.75)),
        f"fcmp{_w}": ([_f(1.5), _f(2.0)], [1], 1),
        f"fi32_{_w}": ([0xffffffff], [0], _f(-1.0)),
        f"fu32_{_w}": ([0x80000000], [0], _f(2147483648.0)),
        f"fi64_{_w}": ([M], [0], _f(-1.0)),
        f"fu64_{_w}": ([1 << 63], [0], _f(math.ldexp(1.0, 63))),
    })
FLOAT["fcvt64_32"] = ([f64(1.5)], [0], f32(1.5))
FLOAT["fcvt32_64"] = ([f32(-1.5)], [], f64(-1.5))

EDGES = [0, 1, 2, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
         0xffffffff, 0x100000000, 0x7fffffffffffffff, 1 << 63, M - 1, M, 0xffffffff80000000,
         0x123456789abcdef0]


def operand(rng):
    """A 64-bit value that is often special."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(EDGES)
    if kind == 1:
        return rng.getrandbits(64)
    if kind == 2:
        return rng.getrandbits(rng.randrange(1, 65))
    return (rng.choice(EDGES) + rng.randrange(-3, 4)) & M


def value(name, ins, constants):
    """Result of an integer op; constants by kind name."""
    return INT[name](*ins, **constants) & M


# ---------------------------------------------------------------- vectors: 128-bit integers
V = (1 << 128) - 1


def lanes(a, n):
    """Lanes of 2^n bytes, unsigned, the lowest first."""
    bits = 8 << n
    return [a >> bits * i & ((1 << bits) - 1) for i in range(16 >> n)]


def join(values, n):
    bits = 8 << n
    return sum((v & ((1 << bits) - 1)) << bits * i for i, v in enumerate(values))


def each(function, signed=False):
    """A vector op made of a function of lanes; it may ask for the width in bits."""
    def op(a, b, n):
        bits = 8 << n
        pairs = zip(lanes(a, n), lanes(b, n), strict=True)
        if signed:
            pairs = ((sext(x, bits), sext(y, bits)) for x, y in pairs)
        return join([function(x, y, bits) for x, y in pairs], n)
    return op


def clamp(v, low, high):
    return max(low, min(high, v))


def clamp_s(v, bits):
    return clamp(v, -(1 << bits - 1), (1 << bits - 1) - 1)


def clamp_u(v, bits):
    return clamp(v, 0, (1 << bits) - 1)


def pack(a, b, n, limit):
    n = n or 1
    both = lanes(a, n) + lanes(b, n)
    return join([limit(sext(v, 8 << n), 4 << n) for v in both], n - 1)


def unpack(a, b, n, high):
    half = 8 >> n
    pick = slice(half, None) if high else slice(0, half)
    return join([v for pair in zip(lanes(a, n)[pick], lanes(b, n)[pick], strict=True)
                 for v in pair], n)


def insert(a, b, pos, n):
    values = lanes(a, n)
    values[pos % len(values)] = b
    return join(values, n)


def shuffle8(a, b):
    return join([0 if at & 0x80 else lanes(a, 0)[at & 15] for at in lanes(b, 0)], 0)


def shuffle32(a, b, n):
    x, y = lanes(a, 2), lanes(b, 2)
    return join([x[n & 3], x[n >> 2 & 3], y[n >> 4 & 3], y[n >> 6 & 3]], 2)


def wide_products(a, b, n, signed):
    """Products of all lanes, of lanes of 1, 2 or 4 bytes."""
    bits = 8 << n
    pairs = zip(lanes(a, n), lanes(b, n), strict=True)
    return [sext(x, bits) * sext(y, bits) if signed else x * y for x, y in pairs]


def multiply_even(a, b, n, signed):
    n = min(n, 2)
    return join(wide_products(a, b, n, signed)[::2], n + 1)


def multiply_add(a, b, n):
    n = min(n, 2)
    products = wide_products(a, b, n, True)
    return join([x + y for x, y in zip(products[::2], products[1::2], strict=True)], n + 1)


def multiply_add_unsigned(a, b, n):
    n = min(n, 1)
    bits = 8 << n
    products = [x * sext(y, bits) for x, y in zip(lanes(a, n), lanes(b, n), strict=True)]
    return join([clamp_s(x + y, 2 * bits) for x, y in
                 zip(products[::2], products[1::2], strict=True)], n + 1)


def multiply_rounded(a, b, n):
    n = min(n, 2)
    bits = 8 << n
    return join([p + (1 << bits - 2) >> bits - 1 for p in wide_products(a, b, n, True)], n)


def carryless(a, b, n):
    x, y = a >> 64 * (n & 1) & M, b >> 64 * (n >> 1 & 1) & M
    product = 0
    for i in range(64):
        product ^= (x << i) * (y >> i & 1)
    return product


def field_product(x, y):
    # In GF(2^8) of FIPS-197, section 4.2.
    product = 0
    for i in range(8):
        product ^= (x << i) * (y >> i & 1)
    for i in range(14, 7, -1):
        product ^= (0x11b << i - 8) * (product >> i & 1)
    return product


def substitution():
    # FIPS-197, section 5.1.1: inverse in the field, then the affine map.
    box = []
    for x in range(256):
        inverse = next((y for y in range(256) if field_product(x, y) == 1), 0)
        turned = [(inverse << k | inverse >> 8 - k) & 255 for k in range(5)]
        box.append(turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63)
    return box


SBOX = substitution()
INVERSE_SBOX = [SBOX.index(x) for x in range(256)]


def aes_round(a, b, n):
    n &= 3
    state = lanes(a, 0)
    moved = [state[(i + 4 * (i % 4) * (-1 if n & 2 else 1)) % 16] for i in range(16)]
    out = [(INVERSE_SBOX if n & 2 else SBOX)[x] for x in moved]
    if not n & 1:
        row = (14, 11, 13, 9) if n & 2 else (2, 3, 1, 1)
        mixed = []
        for i in range(16):
            value = 0
            for k in range(4):
                value ^= field_product(out[i // 4 * 4 + (i + k) % 4], row[k])
            mixed.append(value)
        out = mixed
    return join(out, 0) ^ b


def sum_differences(a, b):
    differences = [abs(x - y) for x, y in zip(lanes(a, 0), lanes(b, 0), strict=True)]
    return sum(differences[:8]) | sum(differences[8:]) << 64


def shuffle16(a, n):
    x = lanes(a, 1)
    base = 4 if n & 0x100 else 0
    picked = [x[base + (n >> 2 * i & 3)] for i in range(4)]
    return join(x[:4] + picked if base else picked + x[4:], 1)


# name -> (outs, ins, constants, function of inputs and constants)
VECTOR = {
    "vset": ("v", "ii", [], lambda a, b: b << 64 | a),
    "vlo": ("i", "v", [], lambda a: a & M),
    "vhi": ("i", "v", [], lambda a: a >> 64),
    "vext": ("i", "v", ["pos", "n"], lambda a, pos, n: lanes(a, n)[pos % (16 >> n)]),
    "vins": ("v", "vi", ["pos", "n"], insert),
    "vdup": ("v", "i", ["n"], lambda a, n: join([a] * (16 >> n), n)),
    "vand": ("v", "vv", [], lambda a, b: a & b),
    "vor": ("v", "vv", [], lambda a, b: a | b),
    "vxor": ("v", "vv", [], lambda a, b: a ^ b),
    "vandc": ("v", "vv", [], lambda a, b: a & ~b),
    "vnot": ("v", "v", [], lambda a: ~a & V),
    "vadd": ("v", "vv", ["n"], each(lambda x, y, bits: x + y)),
    "vsub": ("v", "vv", ["n"], each(lambda x, y, bits: x - y)),
    "vmul": ("v", "vv", ["n"], each(lambda x, y, bits: x * y)),
    "vmulhs": ("v", "vv", ["n"], each(lambda x, y, bits: x * y >> bits, True)),
    "vmulhu": ("v", "vv", ["n"], each(lambda x, y, bits: x * y >> bits)),
    "vmulxs": ("v", "vv", ["n"], lambda a, b, n: multiply_even(a, b, n, True)),
    "vmulxu": ("v", "vv", ["n"], lambda a, b, n: multiply_even(a, b, n, False)),
    "vmadds": ("v", "vv", ["n"], multiply_add),
    "vmaddus": ("v", "vv", ["n"], multiply_add_unsigned),
    "vmulrs": ("v", "vv", ["n"], multiply_rounded),
    "vclmul": ("v", "vv", ["n"], carryless),
    "vaes": ("v", "vv", ["n"], aes_round),
    "vsadu": ("v", "vv", [], sum_differences),
    "vcmpeq": ("v", "vv", ["n"], each(lambda x, y, bits: -(x == y))),
    "vcmpgts": ("v", "vv", ["n"], each(lambda x, y, bits: -(x > y), True)),
    "vmins": ("v", "vv", ["n"], each(lambda x, y, bits: min(x, y), True)),
    "vminu": ("v", "vv", ["n"], each(lambda x, y, bits: min(x, y))),
    "vmaxs": ("v", "vv", ["n"], each(lambda x, y, bits: max(x, y), True)),
    "vmaxu": ("v", "vv", ["n"], each(lambda x, y, bits: max(x, y))),
    "vqadds": ("v", "vv", ["n"], each(lambda x, y, bits: clamp_s(x + y, bits), True)),
    "vqaddu": ("v", "vv", ["n"], each(lambda x, y, bits: clamp_u(x + y, bits))),
    "vqsubs": ("v", "vv", ["n"], each(lambda x, y, bits: clamp_s(x - y, bits), True)),
    "vqsubu": ("v", "vv", ["n"], each(lambda x, y, bits: clamp_u(x - y, bits))),
    "vavgu": ("v", "vv", ["n"], each(lambda x, y, bits: x + y + 1 >> 1)),
    "vabs": ("v", "v", ["n"], lambda a, n: join([abs(sext(x, 8 << n)) for x in lanes(a, n)], n)),
    "vshl": ("v", "vi", ["n"],
             lambda a, b, n: join([x << min(b, 64) for x in lanes(a, n)], n)),
    "vshr": ("v", "vi", ["n"], lambda a, b, n: join([x >> b for x in lanes(a, n)], n)),
    "vsar": ("v", "vi", ["n"],
             lambda a, b, n: join([sext(x, 8 << n) >> b for x in lanes(a, n)], n)),
    "vpacks": ("v", "vv", ["n"], lambda a, b, n: pack(a, b, n, clamp_s)),
    "vpackus": ("v", "vv", ["n"], lambda a, b, n: pack(a, b, n, clamp_u)),
    "vunpcklo": ("v", "vv", ["n"], lambda a, b, n: unpack(a, b, n, False)),
    "vunpckhi": ("v", "vv", ["n"], lambda a, b, n: unpack(a, b, n, True)),
    "vshuf8": ("v", "vv", [], shuffle8),
    "vshuf16": ("v", "v", ["n"], shuffle16),
    "vshuf32": ("v", "vv", ["n"], shuffle32),
    "valign": ("v", "vv", ["pos"], lambda a, b, pos: (b << 128 | a) >> 8 * pos & V),
    "vmovmask": ("i", "v", ["n"],
                 lambda a, n: sum((x >> (8 << n) - 1) << i for i, x in enumerate(lanes(a, n)))),
    "vtest": ("i", "v", [], lambda a: int(a != 0)),
}


def vector_constant(name, kind, rng):
    if kind == "pos":
        return rng.randrange(40 if name == "valign" else 16)
    return rng.randrange({"vshuf32": 256, "vshuf16": 512}.get(name, 4))


def vector_operand(rng):
    """128 bits whose lanes are often special."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice((0, V, 1 << 127, 1, V >> 1))
    if kind == 1:
        return rng.getrandbits(128)
    n = rng.randrange(4)
    return join([operand(rng) for _ in range(16 >> n)], n)


# ---------------------------------------------------------------- floating-point lanes
# Rounding to nearest; x86: NaNs as x86 has them, else always the positive default NaN.
def value_of(bits, double):
    size, code, word = (8, "<d", "<Q") if double else (4, "<f", "<I")
    return struct.unpack(code, struct.pack(word, bits & ((1 << 8 * size) - 1)))[0]


def bits_of(v, double):
    try:
        return f64(v) if double else f32(v)
    except OverflowError:
        return 0x7f800000 | (v < 0) << 31


def is_nan(bits, double):
    return math.isnan(value_of(bits, double))


def default_nan(double, x86):
    return (0x7ff8 << 48 | x86 << 63) if double else (0x7fc00000 | x86 << 31)


def first_nan(operands, double, x86):
    """The NaN an operation with such operands gives, None without NaN."""
    for bits in operands:
        if is_nan(bits, double):
            return bits | (1 << 51 if double else 1 << 22) if x86 else default_nan(double, False)
    return None


def divide(x, y):
    if y == 0:
        return math.nan if x == 0 else math.copysign(math.inf, x) * math.copysign(1, y)
    return x / y


def calculate(function, operands, double, x86):
    nan = first_nan(operands, double, x86)
    if nan is not None:
        return nan
    try:
        v = function(*(value_of(bits, double) for bits in operands))
    except OverflowError:
        raise AssertionError(operands) from None
    return default_nan(double, x86) if math.isnan(v) else bits_of(v, double)


def in_lanes(function):
    """function(x, y, n, x86) of bits in all lanes, or in lane 0 of a."""
    def op(a, b, *constants, x86):
        n = constants[-1]
        w = 3 if n & 3 == 3 else 2
        x, y = lanes(a, w), lanes(b, w)
        out = list(x)
        for i in range(1 if n & 4 else len(x)):
            out[i] = function(x[i], y[i], *constants, x86)
        return join(out, w)
    return op


def arithmetic(function):
    return in_lanes(lambda x, y, n, x86: calculate(function, (x, y), n & 3 == 3, x86))


def to_odd(exact):
    """A Fraction as a double whose last bit says whether something was cut off."""
    near = float(exact)
    if Fraction(near) == exact or math.isinf(near):
        return near
    other = math.nextafter(near, math.inf if exact > Fraction(near) else -math.inf)
    return near if bits_of(near, True) & 1 else other


def fused(x, y, z, how, double):
    if how & 1:
        x = -x
    if how & 2:
        z = -z
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return x * y + z if math.isinf(x) or math.isinf(y) else z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:                      # zeros of one sign keep it
        negative = math.copysign(1, x) * math.copysign(1, y) < 0 and math.copysign(1, z) < 0
        return -0.0 if negative and (x == 0 or y == 0) else 0.0
    try:
        return float(exact) if double else to_odd(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def multiply_add_lanes(a, b, c, n, x86):
    double = n & 3 == 3
    w = 3 if double else 2
    x, y, z = lanes(a, w), lanes(b, w), lanes(c, w)
    out = list(x)
    for i in range(1 if n & 4 else len(x)):
        out[i] = calculate(lambda p, q, r: fused(p, q, r, n >> 4, double), (x[i], y[i], z[i]),
                           double, x86)
    return join(out, w)


def pick(greater):
    def op(x, y, n, x86):
        u, v = value_of(x, n & 3 == 3), value_of(y, n & 3 == 3)
        return x if (u > v if greater else u < v) else y
    return in_lanes(op)


def outcome(x, y, double):
    u, v = value_of(x, double), value_of(y, double)
    return 1 if u < v else 2 if u == v else 4 if u > v else 8


def root(v):
    return math.nan if v < 0 else math.sqrt(v)


def integral(v, rm):
    """As a Python integer; 7 is to nearest here."""
    if rm == 4:
        return int(math.copysign(math.floor(abs(v)) + (abs(v) - math.floor(abs(v)) >= 0.5), v))
    return {0: round, 1: math.trunc, 2: math.floor, 3: math.ceil, 7: round}[rm](v)


def round_lane(x, y, rm, n, x86):
    double = n & 3 == 3
    return calculate(lambda v: v if math.isinf(v) else math.copysign(float(integral(v, rm)), v),
                     (y,), double, x86)


def from_integer(v, double):
    drop = max(0, abs(v).bit_length() - (53 if double else 24))
    kept, rest = abs(v) >> drop, abs(v) & ((1 << drop) - 1)
    if drop and (rest, kept & 1) > (1 << drop - 1, 0):
        kept += 1
    return bits_of(math.copysign(float(kept << drop), v), double)


def to_integer(x, bits, rm, n):
    """Rules 2: always the least integer; 0: the nearest, NaN the largest; 1: NaN 0."""
    v, rule = value_of(x, n & 3 == 3), n >> 4 & 7
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if math.isnan(v):
        return {0: high, 1: 0, 2: low}[rule]
    r = (high + 1 if v > 0 else low - 1) if math.isinf(v) else integral(v, rm)
    if low <= r <= high:
        return r
    return low if rule == 2 else clamp(r, low, high)


def other_format(x, double, x86):
    """double: that of x."""
    v = value_of(x, double)
    if not math.isnan(v):
        return bits_of(v, not double)
    if not x86:
        return default_nan(not double, False)
    if double:
        return (x >> 63) << 31 | 0x7fc00000 | x >> 29 & 0x3fffff
    return (x >> 31) << 63 | 0x7ff8 << 48 | (x & 0x3fffff) << 29


def convert(a, b, n, x86):
    double = n & 3 == 3
    narrow, wide = (2, 3) if not double else (3, 2)
    out = lanes(a, wide) if n & 4 else [0] * (16 >> wide)
    for i in range(1 if n & 4 else 2):
        out[i] = other_format(lanes(b, narrow)[i], double, x86)
    return join(out, wide)


def to_integers(a, rm, n, x86):
    return join([to_integer(x, 32, rm, n) for x in lanes(a, 3 if n & 3 == 3 else 2)], 2)


def from_integers(a, n, x86):
    double = n & 3 == 3
    return join([from_integer(sext(x, 32), double) for x in lanes(a, 2)[:2 if double else 4]],
                3 if double else 2)


def compare_lanes(x, y, n, x86):
    return -bool(outcome(x, y, n & 3 == 3) & n >> 4)


def compare_to_flags(a, b, n, x86):
    w = 3 if n & 3 == 3 else 2
    return {1: 1, 2: 64, 4: 0, 8: 69}[outcome(lanes(a, w)[0], lanes(b, w)[0], w == 3)]


def put_integer(a, b, n, x86):
    v = s64(b) if n & 8 else s32(b)
    return insert(a, from_integer(v, n & 3 == 3), 0, 3 if n & 3 == 3 else 2)


def get_integer(a, rm, n, x86):
    bits = 64 if n & 8 else 32
    return to_integer(a, bits, rm, n) & ((1 << bits) - 1)


# name -> (outs, ins, constants, function of inputs, constants and x86)
LANES = {
    "vfadd": ("v", "vv", ["n"], arithmetic(lambda x, y: x + y)),
    "vfsub": ("v", "vv", ["n"], arithmetic(lambda x, y: x - y)),
    "vfmul": ("v", "vv", ["n"], arithmetic(lambda x, y: x * y)),
    "vfdiv": ("v", "vv", ["n"], arithmetic(divide)),
    "vfmin": ("v", "vv", ["n"], pick(False)),
    "vfmax": ("v", "vv", ["n"], pick(True)),
    "vfsqrt": ("v", "vv", ["n"],
               in_lanes(lambda x, y, n, x86: calculate(root, (y,), n & 3 == 3, x86))),
    "vfma": ("v", "vvv", ["n"], multiply_add_lanes),
    "vfround": ("v", "vv", ["rm", "n"], in_lanes(round_lane)),
    "vfcmp": ("v", "vv", ["n"], in_lanes(compare_lanes)),
    "vfcomp": ("i", "vv", ["n"], compare_to_flags),
    "vfcvt": ("v", "vv", ["n"], convert),
    "vfromi": ("v", "v", ["n"], from_integers),
    "vfset": ("v", "vi", ["n"], put_integer),
    "vftoi": ("v", "v", ["rm", "n"], to_integers),
    "vfget": ("i", "v", ["rm", "n"], get_integer),
}


def lane_constants(name, rng):
    """Values of the constants of an op of LANES."""
    n = rng.choice((2, 3))
    if name in ("vfadd", "vfsub", "vfmul", "vfdiv", "vfmin", "vfmax", "vfsqrt", "vfround", "vfcmp",
                "vfcvt", "vfma"):
        n |= rng.choice((0, 4))
    if name in ("vfset", "vfget"):
        n |= rng.choice((0, 8))
    if name in ("vftoi", "vfget"):
        n |= rng.choice((2, 2, 2, 0, 1)) << 4
    if name == "vfcmp":
        n |= rng.randrange(16) << 4
    if name == "vfma":
        n |= rng.randrange(4) << 4
    if name in ("vfcmp", "vfcomp", "vfround"):
        n |= rng.choice((0, 0x100))
    return [rng.choice((7, 7, 1, 1, 0, 2, 3, 4)), n] if "rm" in LANES[name][2] else [n]


FLOAT_EDGES = {
    2: [0, 1, 0x7fffff, 0x800000, 0x3f800000, 0x3fc00000, 0x40000000, 0x4b000000, 0x3f000000,
        0x4effffff, 0x4f000000, 0x5f000000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc00000,
        0x7fc12345],
    3: [0, 1, (1 << 52) - 1, 1 << 52, 0x3ff << 52, 0x3ff8 << 48, 1 << 62, 0x4330 << 48,
        0x3fe << 52, 0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e << 52, 0x43e << 52,
        0x47efffffe0000000, 0x47effffff0000000, 0x36a << 52, (0x7ff << 52) - 1, 0x7ff << 52,
        (0x7ff << 52) + 1, 0x7ff8 << 48, 0x7ff8123456789abc],
}


def lane_operand(rng):
    """128 bits of one format whose lanes are often special, or small numbers."""
    n = rng.choice((2, 3))
    out = []
    for _ in range(16 >> n):
        kind = rng.randrange(4)
        if kind == 0:
            out.append(rng.choice(FLOAT_EDGES[n]) | rng.getrandbits(1) << (8 << n) - 1)
        elif kind == 1:
            out.append(rng.getrandbits(8 << n))
        else:
            out.append(bits_of(rng.randrange(-64, 65) / 2 ** rng.randrange(-2, 4), n == 3))
    return join(out, n)
