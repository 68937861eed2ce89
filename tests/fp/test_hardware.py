"""The functions of fp/ in x86's modes against the processor's own SSE and x87 instructions.

What lives here: what TestFloat's vectors leave out: NaN payloads and their choice, the denormal
flag, flush-to-zero, denormals-are-zero, x87 precision control and unsupported encodings. What does
not: other guests' rules (test_edges). Everything is bit for bit, all six flags.
"""

import itertools

import numpy as np
import pytest
from fp.formats import (
    DE,
    DZ,
    FORMATS,
    NV,
    NX,
    OF,
    RDN,
    RNE,
    RTZ,
    RUP,
    UF,
    X86_SSE,
    X87,
    integers,
    rows,
)

RC = {RNE: 0, RDN: 1, RUP: 2, RTZ: 3}       # Intel SDM vol. 1, table 4-8
SSE_FLAGS = (NV, DE, DZ, OF, UF, NX)        # MXCSR and x87 status, from bit 0
MM_X86, MM_MAX, INT_X86 = 3, 4, 2


def edges(fmt, few=False):
    """Bits around every boundary of a format, both signs."""
    prec, exp_bits = FORMATS[fmt]
    frac = prec - 1
    one = ((1 << (exp_bits - 1)) - 1) << frac
    inf = ((1 << exp_bits) - 1) << frac
    quiet = 1 << (frac - 1)
    found = [0, 1, quiet, (1 << frac) - 1, 1 << frac, one, one + 1, inf - 1, inf, inf | 1,
             inf | quiet | 5]
    if not few:
        half = (one >> frac) // 2
        found += [2, 3, (1 << frac) + 1, 2 << frac, one - 1, one | quiet, one + (1 << frac),
                  (half << frac) | 0x155, (half + 1 << frac) | 0x2aa, (prec << frac) | 1,
                  one + (31 << frac), one + (31 << frac) - 1, one + (63 << frac), one - (1 << frac),
                  inf - (1 << frac), inf | 6, inf | quiet, inf | quiet - 1, inf | (2 * quiet - 1)]
    sign = 1 << (frac + exp_bits)
    return found + [v | sign for v in found]


def to_flags(bits):
    return sum(flag for i, flag in enumerate(SSE_FLAGS) if bits >> i & 1)


def compare(got, got_flags, want, want_flags, operands, label):
    have = integers(got)
    expected = integers(want)
    flags = [to_flags(int(f)) for f in want_flags]
    wrong = [f"{[f'{v:x}' for v in row]}: {a:x} flags {int(af):x}, hardware {b:x} flags {bf:x}"
             for row, a, af, b, bf in zip(operands, have, got_flags, expected, flags, strict=True)
             if (a, int(af)) != (b, bf)]
    assert not wrong, f"{label}: {len(wrong)} of {len(have)}\n" + "\n".join(wrong[:8])


@pytest.fixture(autouse=True)
def need_host(runner):
    if not runner.HAVE_HOST:
        pytest.skip("the host is not x86-64 with GNU C")


SSE = [("add", 2, None), ("sub", 2, None), ("mul", 2, None), ("div", 2, None), ("sqrt", 1, None),
       ("muladd", 3, 0), ("eq", 2, None), ("lt", 2, None), ("le", 2, None),
       ("min", 2, MM_X86), ("max", 2, MM_X86 | MM_MAX), ("to_i32", 1, INT_X86),
       ("to_i64", 1, INT_X86), ("to_f32", 1, None), ("to_f64", 1, None)]


@pytest.mark.parametrize("fmt", ["f32", "f64"])
@pytest.mark.parametrize("op, arity, extra", SSE, ids=[case[0] for case in SSE])
def test_sse(runner, fmt, op, arity, extra):
    if op == "to_" + fmt:
        pytest.skip("there is no such conversion")
    values = edges(fmt, few=arity == 3)
    operands = list(itertools.product(values, repeat=arity))
    array = rows(*zip(*operands, strict=True), fmt=fmt)
    name = {"min": "minmax", "max": "minmax"}.get(op, op)
    for rounding, flush, daz in itertools.product(RC, (0, 1), (0, 1)):
        mxcsr = 0x1f80 | RC[rounding] << 13 | flush << 15 | daz << 6
        want, want_flags = runner.raw(fmt, op, array, mxcsr)
        if op in ("eq", "lt", "le"):
            want = np.minimum(want, 1)      # CMPSD gives a mask
        for path in ("soft", "host") if name != "minmax" else ("soft",):
            got, got_flags = runner.run(path, fmt, name, array, extra=extra or 0, nan_rule=X86_SSE,
                                        rounding=rounding, flush_to_zero=2 * flush,
                                        flush_inputs=daz)
            compare(got, got_flags, want, want_flags, operands,
                    f"{path} mode {rounding} FTZ {flush} DAZ {daz}")


def edges80():
    """Significands and exponents around the boundaries, the x87's unsupported ones among them."""
    top = 1 << 63
    sigs = [top, top | 1, top | 1 << 62, (1 << 64) - 1, top | 0x400, top | 0x7ff, top | 0x800,
            top | 0xc00, top | 1 << 39, top | 3 << 38, (1 << 64) - 0x400, (1 << 64) - (1 << 39),
            top | 0xdeadbeef12345678]
    found = [(exp << 64) | sig for exp in (0x3fff, 0x4000, 0x3fbf, 0x0001, 0x0040, 0x7ffe, 0x7fff)
             for sig in sigs]
    found += [0, 1, 3, 0x400, 1 << 62, top - 1, top, top | 5]       # and pseudo-denormals
    found += [1 << 64 | 1, 0x3fff << 64 | 1 << 62, 0x3fff << 64, 0x7fff << 64, 0x7fff << 64 | 1,
              0x7fff << 64 | 1 << 62]                               # unsupported
    found += [exp << 64 | top | 0x123 for exp in (0x3c00, 0x3c01, 0x3bcd, 0x43fe, 0x3f81, 0x407e,
                                                  0x3f6a, 0x403e, 0x403d)]
    return found + [v | 1 << 79 for v in found]


X87_OPS = [("add", 0, 2, None), ("sub", 1, 2, None), ("mul", 2, 2, None), ("div", 3, 2, None),
           ("sqrt", 4, 1, None), ("round_to_int", 5, 1, 1), ("to_i64", 6, 1, INT_X86),
           ("compare", 7, 2, None), ("to_f64", 8, 1, None), ("to_f32", 9, 1, None)]


@pytest.mark.parametrize("op, number, arity, extra", X87_OPS, ids=[case[0] for case in X87_OPS])
def test_x87(runner, op, number, arity, extra):
    values = edges80()
    operands = list(itertools.product(values, repeat=arity))
    array = rows(*zip(*operands, strict=True), fmt="f80")
    for rounding, (precision, pc) in itertools.product(RC, [(80, 3), (64, 2), (32, 0)]):
        if op == "compare" and (rounding, precision) != (RNE, 80):
            continue
        want, status = runner.raw_x87(number, array, 0x3f | pc << 8 | RC[rounding] << 10)
        modes = {"rounding": rounding, "nan_rule": X87, "x87_precision": precision}
        if op == "compare":
            less, flags = runner.run("soft", "f80", "lt", array, **modes)
            equal, _ = runner.run("soft", "f80", "eq_sig", array, **modes)
            want = np.stack([status >> 8 & 1, status >> 14 & 1], axis=1).astype(np.uint64)
            unordered = status >> 10 & 1
            want[unordered == 1] = 0
            got = np.stack([less[:, 0], equal[:, 0]], axis=1)
        else:
            got, flags = runner.run("soft", "f80", op, array, extra=extra or 0, **modes)
        compare(got, flags, want, status & 0x3f, operands, f"mode {rounding} precision {precision}")
