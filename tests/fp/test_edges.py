"""Software and host functions against an exact rational model, and each guest's own rules.

What lives here: random and edge operands in all six rounding modes (round to odd and ties away
included), tininess before rounding, NaN rules, minimum and maximum, integer conversions that do not
fit, remainders, round to integral. What does not: TestFloat's vectors and the processor as judge.
"""

import math
from fractions import Fraction

import pytest
from fp.formats import (
    ARM,
    CANONICAL,
    DE,
    FORMATS,
    M68K,
    MIPS_2008,
    MIPS_LEGACY,
    NV,
    NX,
    PPC,
    RDN,
    RMM,
    RNE,
    RTO,
    RTZ,
    RUP,
    S390,
    SPARC,
    UF,
    X86_SSE,
    default_nan,
    fields,
    integers,
    is_nan,
    pack,
    round_integer,
    round_to,
    rows,
    value,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MODES = st.sampled_from([RNE, RTZ, RDN, RUP, RMM, RTO])
FMTS = st.sampled_from(sorted(FORMATS))


@st.composite
def finite(draw, fmt):
    """A finite number, with weight on the ends of the exponent range and on sparse fractions."""
    prec, exp_bits = FORMATS[fmt]
    top = (1 << exp_bits) - 2
    bias = top >> 1
    exp = draw(st.one_of(st.integers(0, 3), st.integers(top - 2, top), st.integers(0, top),
                         st.integers(max(bias - prec - 2, 0), min(bias + prec + 2, top)),
                         st.integers(max(bias // 2 - 3, 0), bias // 2 + 3)))
    width = prec - 1
    frac = draw(st.one_of(st.integers(0, (1 << width) - 1), st.integers(0, 3),
                          st.integers((1 << width) - 3, (1 << width) - 1),
                          st.integers(0, width - 1).map(lambda bit: 1 << bit)))
    if fmt == "f80" and exp:
        frac |= 1 << 63
    return pack(fmt, draw(st.integers(0, 1)), exp, frac)


@st.composite
def case(draw, count):
    fmt = draw(FMTS)
    return fmt, [draw(finite(fmt)) for _ in range(count)], draw(MODES)


def call(runner, path, fmt, op, operands, **modes):
    got, flags = runner.run(path, fmt, op, rows(*[[v] for v in operands], fmt=fmt), **modes)
    return integers(got)[0], int(flags[0]) & ~DE


def both(runner, fmt, op, operands, **modes):
    """The software's answer, which the host's must equal."""
    got = call(runner, "soft", fmt, op, operands, **modes)
    if fmt in ("f32", "f64"):
        assert call(runner, "host", fmt, op, operands, **modes) == got
        if "rm" not in modes:
            # Static rounding, different from the current one.
            mode = modes.pop("rounding")
            modes |= {"rm": mode, "rounding": RUP if mode == RTZ else RTZ}
            assert call(runner, "host", fmt, op, operands, **modes) == got
            assert call(runner, "soft", fmt, op, operands, **modes) == got
    return got


def sign_of(fmt, bits):
    return fields(fmt, bits)[0]


@settings(max_examples=600, deadline=None)
@given(case(2), st.sampled_from(["add", "sub", "mul", "div"]))
def test_arithmetic(runner, args, op):
    fmt, (a, b), mode = args
    x, y = value(fmt, a), value(fmt, b)
    signs = sign_of(fmt, a), sign_of(fmt, b) ^ (op == "sub")
    zero_sign = signs[0] ^ signs[1]
    if op in ("add", "sub"):
        exact = x + y if op == "add" else x - y
        zero_sign = signs[0] if x == y == 0 and signs[0] == signs[1] else int(mode == RDN)
    elif op == "mul":
        exact = x * y
    elif y:
        exact = x / y
    else:
        return      # special results are TestFloat's and test_hardware's
    assert both(runner, fmt, op, [a, b], rounding=mode) == round_to(fmt, exact, mode,
                                                                    zero_sign=zero_sign)


@settings(max_examples=600, deadline=None)
@given(case(3), st.integers(0, 15), st.booleans())
def test_muladd(runner, args, how, cancel):
    fmt, (a, b, c), mode = args
    if cancel:      # c near -a * b: nearly everything cancels
        c, _ = round_to(fmt, -value(fmt, a) * value(fmt, b), mode)
        if fields(fmt, c)[1] == (1 << FORMATS[fmt][1]) - 1:
            return
    product = value(fmt, a) * value(fmt, b) * (-1 if how & 1 else 1)
    addend = value(fmt, c) * (-1 if how & 2 else 1)
    exact = product + addend
    sign_p = sign_of(fmt, a) ^ sign_of(fmt, b) ^ (how & 1)
    sign_c = sign_of(fmt, c) ^ (how >> 1 & 1)
    zero_sign = sign_p if product == addend == 0 and sign_p == sign_c else int(mode == RDN)
    bits, flags = round_to(fmt, exact / 2 if how & 8 else exact, mode, zero_sign=zero_sign)
    if how & 4:
        prec, exp_bits = FORMATS[fmt]
        bits ^= 1 << (prec + exp_bits - (0 if fmt == "f80" else 1))
    assert both(runner, fmt, "muladd", [a, b, c], extra=how, rounding=mode) == (bits, flags)


@settings(max_examples=400, deadline=None)
@given(case(1))
def test_sqrt(runner, args):
    fmt, (a,), mode = args
    x = abs(value(fmt, a))
    a = round_to(fmt, x, RNE)[0]
    # 2^200 times the root, floored, plus a sticky part if that is not all of it.
    scaled = x * Fraction(4) ** 17000
    root = math.isqrt(scaled.numerator // scaled.denominator)
    exact = Fraction(root) + (Fraction(1, 3) if root * root != scaled else 0)
    assert both(runner, fmt, "sqrt", [a], rounding=mode) == round_to(
        fmt, exact / Fraction(2) ** 17000, mode)


@pytest.mark.parametrize("fmt", FORMATS)
def test_sqrt_of_the_largest_significands(runner, fmt):
    """Here the digits of the root reach the base of the long division."""
    prec, exp_bits = FORMATS[fmt]
    one = (1 << (exp_bits - 1)) - 1
    width = prec if fmt == "f80" else prec - 1
    for below in range(4):
        for exp in (one, one + 1):
            a = (exp << width) | ((1 << width) - 1 - below)
            test_sqrt.hypothesis.inner_test(runner, (fmt, [a], RTZ))
            test_sqrt.hypothesis.inner_test(runner, (fmt, [a], RNE))


@settings(max_examples=300, deadline=None)
@given(case(2), st.booleans())
def test_remainder(runner, args, truncate):
    fmt, (a, b), _ = args
    x, y = value(fmt, a), value(fmt, b)
    if y == 0:
        return
    n, _ = round_integer(abs(x / y), 0, RTZ if truncate else RNE)
    exact = abs(x) - n * abs(y)
    negative = sign_of(fmt, a)
    expect, flags = round_to(fmt, -exact if negative else exact, RNE, zero_sign=negative)
    got = runner.remainder(fmt, rows([a], [b], fmt=fmt), truncate)
    assert integers(got[:, :2]) == [expect]
    assert int(got[0, 2]) == n & (1 << 64) - 1
    if not truncate:
        assert call(runner, "soft", fmt, "rem", [a, b]) == (expect, flags)


@settings(max_examples=400, deadline=None)
@given(case(1), FMTS, st.booleans())
def test_format_conversion(runner, args, to, before):
    fmt, (a,), mode = args
    if fmt == to:
        return
    expect = round_to(to, value(fmt, a), mode, zero_sign=sign_of(fmt, a), tininess_before=before)
    modes = {"rounding": mode, "tininess_before": int(before)}
    got, flags = runner.run("soft", fmt, "to_" + to, rows([a], fmt=fmt), **modes)
    assert (integers(got)[0], int(flags[0]) & ~DE) == expect
    if {fmt, to} <= {"f32", "f64"}:
        got, flags = runner.run("host", fmt, "to_" + to, rows([a], fmt=fmt), **modes)
        assert (integers(got)[0], int(flags[0]) & ~DE) == expect


INTEGERS = {"i32": (-1 << 31, (1 << 31) - 1), "ui32": (0, (1 << 32) - 1),
            "i64": (-1 << 63, (1 << 63) - 1), "ui64": (0, (1 << 64) - 1)}
# Results by rule, for NaN, too large, too small: RISC-V, saturating, x86, MIPS, NaN to minimum.
RULES = [("max", "max", "min"), ("zero", "max", "min"), ("x86", "x86", "x86"),
         ("max", "max", "max"), ("min", "max", "min")]


def misfit(kind, word):
    low, high = INTEGERS[kind]
    return {"max": high, "min": low, "zero": 0, "x86": low if low else high}[word]


@settings(max_examples=600, deadline=None)
@given(case(1), st.sampled_from(sorted(INTEGERS)), st.integers(0, 4), st.booleans(),
       st.integers(-2, 2))
def test_to_integer(runner, args, kind, rule, near, delta):
    fmt, (a,), mode = args
    low, high = INTEGERS[kind]
    if near:        # around the ends of the range and of zero
        end = (low, high + 1, 0)[delta % 3]
        a, _ = round_to(fmt, Fraction(end) + Fraction(delta, 2), RNE)
        if fields(fmt, a)[1] == (1 << FORMATS[fmt][1]) - 1:
            return
    x = value(fmt, a)
    magnitude, inexact = round_integer(abs(x), int(x < 0), mode)
    n = -magnitude if x < 0 else magnitude
    if low <= n <= high:
        expect = n, NX if inexact else 0
    else:
        expect = misfit(kind, RULES[rule][1 if x > 0 else 2]), NV
    bits = 32 if "32" in kind else 64
    got, flags = both(runner, fmt, "to_" + kind, [a], extra=rule, rounding=mode)
    assert (got & (1 << bits) - 1, flags) == (expect[0] & (1 << bits) - 1, expect[1])
    quiet = both(runner, fmt, "to_" + kind, [a], extra=rule | 8, rounding=mode)
    assert quiet == (got, flags & ~NX)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("fmt", FORMATS)
def test_nan_and_infinity_to_integer(runner, fmt, kind):
    bits = (1 << (32 if "32" in kind else 64)) - 1
    inf = round_to(fmt, Fraction(2) ** 17000, RNE)[0]
    minus = round_to(fmt, -(Fraction(2) ** 17000), RNE)[0]
    for rule, words in enumerate(RULES):
        for operand, word in zip((default_nan(fmt), inf, minus), words, strict=True):
            got, flags = both(runner, fmt, "to_" + kind, [operand], extra=rule, rounding=RNE)
            assert (got & bits, flags) == (misfit(kind, word) & bits, NV)


@settings(max_examples=400, deadline=None)
@given(FMTS, st.sampled_from(sorted(INTEGERS)), st.data(), MODES)
def test_from_integer(runner, fmt, kind, data, mode):
    low, high = INTEGERS[kind]
    n = data.draw(st.one_of(st.integers(low, high), st.integers(high - 1100, high),
                            st.integers(max(low, -70000), 70000)))
    operand = n & (1 << 64) - 1
    results = [runner.run(path, fmt, "from_" + kind, rows([operand]), rounding=mode)
               for path in (("soft", "host") if fmt in ("f32", "f64") else ("soft",))]
    for got, flags in results:
        assert (integers(got)[0], int(flags[0])) == round_to(fmt, Fraction(n), mode)


@settings(max_examples=300, deadline=None)
@given(case(1), st.booleans())
def test_round_to_integral(runner, args, exact):
    fmt, (a,), mode = args
    x = value(fmt, a)
    n, inexact = round_integer(abs(x), int(x < 0), mode)
    expect, _ = round_to(fmt, Fraction(-n if x < 0 else n), RNE, zero_sign=sign_of(fmt, a))
    got = call(runner, "soft", fmt, "round_to_int", [a], extra=int(exact), rounding=mode)
    assert got == (expect, NX if inexact and exact else 0)


# ---- comparisons, minimum and maximum

@settings(max_examples=300, deadline=None)
@given(case(2))
def test_order(runner, args):
    fmt, (a, b), _ = args
    x, y = value(fmt, a), value(fmt, b)
    for op, expect in (("eq", x == y), ("lt", x < y), ("le", x <= y)):
        assert both(runner, fmt, op, [a, b], rounding=RNE) == (expect, 0)
    for op, expect in (("eq_sig", x == y), ("lt_quiet", x < y), ("le_quiet", x <= y)):
        assert call(runner, "soft", fmt, op, [a, b]) == (expect, 0)
    smaller = a if (x, -sign_of(fmt, a)) < (y, -sign_of(fmt, b)) else b
    larger = b if smaller == a else a
    for flavour in (0, 1, 2):
        assert call(runner, "soft", fmt, "minmax", [a, b], extra=flavour) == (smaller, 0)
        assert call(runner, "soft", fmt, "minmax", [a, b], extra=flavour | 4) == (larger, 0)
        if abs(x) != abs(y):
            got = call(runner, "soft", fmt, "minmax", [a, b], extra=flavour | 8)
            assert got == (a if abs(x) < abs(y) else b, 0)
    assert call(runner, "soft", fmt, "minmax", [a, b], extra=3) == (a if x < y else b, 0)
    assert call(runner, "soft", fmt, "minmax", [a, b], extra=7) == (a if x > y else b, 0)
    if fmt in ("f32", "f64"):
        assert call(runner, "host", fmt, "min", [a, b]) == (smaller, 0)
        assert call(runner, "host", fmt, "max", [a, b]) == (larger, 0)


ONE, QNAN, SNAN, ZERO, MINUS_ZERO = (0x3f800000, 0x7fc00123, 0x7f800123, 0, 0x80000000)


@pytest.mark.parametrize("flavour, a, b, expect, flags", [
    (0, ONE, QNAN, ONE, 0), (0, SNAN, ONE, ONE, NV), (0, SNAN, QNAN, 0x7fc00000, NV),
    (0, QNAN, QNAN, 0x7fc00000, 0), (1, QNAN, ONE, ONE, 0), (1, SNAN, ONE, 0x7fc00000, NV),
    (2, QNAN, ONE, 0x7fc00000, 0), (2, ONE, SNAN, 0x7fc00000, NV), (3, QNAN, ONE, ONE, NV),
    (3, ONE, QNAN, QNAN, NV), (3, ZERO, MINUS_ZERO, MINUS_ZERO, 0),
    (3, MINUS_ZERO, ZERO, ZERO, 0)])
def test_minimum_of_nans(runner, flavour, a, b, expect, flags):
    for larger in (0, 4):
        got = call(runner, "soft", "f32", "minmax", [a, b], extra=flavour | larger)
        assert got == (expect, flags)
        if flavour == 0:
            got = call(runner, "host", "f32", "max" if larger else "min", [a, b])
            assert got == (expect, flags)


@pytest.mark.parametrize("a", [QNAN, SNAN])
def test_comparisons_of_nans(runner, a):
    for op, quiet in (("eq", True), ("lt", False), ("le", False), ("eq_sig", False),
                      ("lt_quiet", True), ("le_quiet", True)):
        flags = NV if a == SNAN or not quiet else 0
        for operands in ([a, ONE], [ONE, a], [a, a]):
            assert call(runner, "soft", "f32", op, operands) == (0, flags)
            if op in ("eq", "lt", "le"):
                assert call(runner, "host", "f32", op, operands) == (0, flags)


def test_classes(runner):
    inf = 0x7f800000
    table = {inf | 1 << 31: 0, 0xbf800000: 1, 0x80000001: 2, 0x80000000: 3, 0: 4, 0x007fffff: 5,
             0x00800000: 6, inf: 7, SNAN: 8, QNAN: 9}
    for bits, place in table.items():
        for path in ("soft", "host"):
            got = call(runner, path, "f32", "classify", [bits], flush_inputs=2)
            assert got == (1 << place, 0)


# ---- NaN rules. Quiet NaNs A, B, C; signalling a, b, c; the results as read from the manuals that
# status.pxd names. "D" is the default NaN of the rule.

NANS = {"A": 0x7fc00aaa, "B": 0xffc00bbb, "C": 0x7fc00ccc, "a": 0x7f800aaa, "b": 0xff800bbb,
        "c": 0x7f800ccc, "1": ONE, "0": 0, "i": 0x7f800000}
DEFAULTS = {CANONICAL: 0x7fc00000, X86_SSE: 0xffc00000, ARM: 0x7fc00000, PPC: 0x7fc00000,
            MIPS_2008: 0x7fc00000, SPARC: 0x7fffffff, M68K: 0x7fffffff, S390: 0x7fc00000}
CASES2 = [  # operands, then the result by rule
    ("A1", {CANONICAL: "D", X86_SSE: "A", ARM: "A", PPC: "A", SPARC: "A", M68K: "A", S390: "A"}),
    ("1b", {CANONICAL: "D", X86_SSE: "B", ARM: "B", PPC: "B", SPARC: "B", M68K: "B", S390: "B"}),
    ("AB", {CANONICAL: "D", X86_SSE: "A", ARM: "A", PPC: "A", SPARC: "B", M68K: "A", S390: "A"}),
    ("Ab", {CANONICAL: "D", X86_SSE: "A", ARM: "B", PPC: "A", SPARC: "B", M68K: "A", S390: "B"}),
    ("aB", {CANONICAL: "D", X86_SSE: "A", ARM: "A", PPC: "A", SPARC: "A", M68K: "A", S390: "A"}),
    ("ab", {CANONICAL: "D", X86_SSE: "A", ARM: "A", PPC: "A", SPARC: "B", M68K: "A", S390: "A"}),
]
CASES3 = [
    ("ABC", {CANONICAL: "D", X86_SSE: "A", ARM: "C", MIPS_2008: "C", PPC: "A", SPARC: "C",
             S390: "A"}),
    ("1BC", {CANONICAL: "D", X86_SSE: "B", ARM: "C", PPC: "C", SPARC: "C", S390: "B"}),
    ("AbC", {CANONICAL: "D", X86_SSE: "A", ARM: "B", PPC: "A", SPARC: "B", S390: "B"}),
    ("abc", {CANONICAL: "D", X86_SSE: "A", ARM: "C", MIPS_2008: "C", PPC: "A", SPARC: "C",
             S390: "A"}),
    ("i0C", {CANONICAL: "D", X86_SSE: "C", ARM: "D", PPC: "C"}),
    ("0ic", {CANONICAL: "D", X86_SSE: "C", ARM: "C", PPC: "C"}),
    ("i01", {CANONICAL: "D", X86_SSE: "D", ARM: "D", PPC: "D", SPARC: "D"}),
]


@pytest.mark.parametrize("operands, results", CASES2 + CASES3)
def test_nan_rules(runner, operands, results):
    op = "mul" if len(operands) == 2 else "muladd"
    signalling = any(letter.islower() and letter != "i" for letter in operands)
    for rule, letter in results.items():
        invalid = signalling or (operands == "i01") or (operands == "i0C" and rule != X86_SSE)
        expect = (DEFAULTS[rule] if letter == "D" else NANS[letter]), NV if invalid else 0
        bits = [NANS[letter] for letter in operands]
        assert both(runner, "f32", op, bits, nan_rule=rule, rounding=RNE) == expect
        always = both(runner, "f32", op, bits, nan_rule=rule, default_nan=1, rounding=RNE)
        expect = DEFAULTS[rule], expect[1]
        if not (operands == "i0C" and rule == X86_SSE):
            assert always == expect


def test_legacy_mips_nans(runner):
    """The quiet bit set means signalling: such operands give the default NaN."""
    quiet, signalling = 0x7f800123, 0x7fc00123
    modes = {"nan_rule": MIPS_LEGACY, "rounding": RNE}
    assert both(runner, "f32", "add", [quiet, ONE], **modes) == (quiet, 0)
    assert both(runner, "f32", "add", [quiet, signalling], **modes) == (0x7fbfffff, NV)
    assert both(runner, "f32", "sub", [0x7f800000, 0x7f800000], **modes) == (0x7fbfffff, NV)
    # Narrowing must not turn a NaN with only low payload bits into an infinity.
    got = call(runner, "soft", "f64", "to_f32", [0x7ff0000000000001], **modes)
    assert got == (0x7fbfffff, 0)


@pytest.mark.parametrize("rule", [CANONICAL, ARM, MIPS_LEGACY])
@given(a=st.integers(0, (1 << 64) - 1), b=st.integers(0, (1 << 64) - 1))
@settings(max_examples=200, deadline=None)
def test_any_bits_agree_on_host_and_in_software(runner, rule, a, b):
    """Any 64 bits as f64 and, halved, as f32; NaN results follow the rule on both paths."""
    for op in ("add", "sub", "mul", "div", "sqrt"):
        both(runner, "f64", op, [a, b], nan_rule=rule, rounding=RNE)
        both(runner, "f32", op, [a >> 32, b & 0xffffffff], nan_rule=rule, rounding=RNE)
    both(runner, "f64", "muladd", [a, b, a ^ b], nan_rule=rule, rounding=RNE)


# ---- flushing and tininess

def test_arm_flush_to_zero(runner):
    """Results tiny before rounding become zero with UF alone, denormal operands zero with IDC."""
    tiny, half, least = 0x00400000, 0x3f000000, 0x00800000
    modes = {"nan_rule": ARM, "flush_to_zero": 1, "flush_inputs": 2}
    got, flags = runner.run("soft", "f32", "mul", rows([least], [half]), **modes)
    assert (integers(got), flags.tolist()) == ([0], [UF])
    got, flags = runner.run("host", "f32", "add", rows([tiny], [ONE]), **modes)
    assert (integers(got), flags.tolist()) == ([ONE], [DE])
    # Just below the smallest normal number: it would round up to it, but is tiny before.
    below = [0x3f7fffff], [least]
    got, flags = runner.run("soft", "f32", "mul", rows(*below), **modes)
    assert (integers(got), flags.tolist()) == ([0], [UF])


def test_tininess(runner):
    """(1 - 2^-24) * 2^-126 rounds to 2^-126 with an unbounded exponent too: tiny only before."""
    operands = [0x3f7fffff, 0x00800001]     # about (1 + 2^-24) 2^-126: not tiny
    assert both(runner, "f32", "mul", operands, rounding=RDN) == (0x00800000, NX)
    operands = [0x3f7fffff, 0x00800000]
    assert both(runner, "f32", "mul", operands, rounding=RNE) == (0x00800000, NX | UF)
    exact = value("f32", operands[0]) * value("f32", operands[1])
    for mode in (RNE, RTZ, RDN, RUP, RMM, RTO):
        for before in (False, True):
            expect = round_to("f32", exact, mode, tininess_before=before)
            got = both(runner, "f32", "mul", operands, rounding=mode, tininess_before=int(before))
            assert got == expect


def test_x87_unsupported_encodings_are_invalid_everywhere(runner):
    unnormal = (0x3fff << 64) | (1 << 62)
    assert is_nan("f80", default_nan("f80"))
    for op in ("add", "mul", "sqrt", "round_to_int"):
        got = call(runner, "soft", "f80", op, [unnormal, unnormal], nan_rule=2)
        assert got == ((0xffff << 64) | (3 << 62), NV)
    assert call(runner, "soft", "f80", "eq", [unnormal, unnormal], nan_rule=2) == (0, NV)
    # The 68881 takes them as the numbers they stand for.
    one_and_a_half = call(runner, "soft", "f80", "add", [unnormal, (0x3fff << 64) | (1 << 63)],
                          nan_rule=M68K)
    assert one_and_a_half == ((0x3fff << 64) | (3 << 62), 0)
