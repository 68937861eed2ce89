"""Every Berkeley TestFloat vector through the software functions, f32 and f64 also on the host.

What lives here: reading of shared/data/testfloat and the comparison, result and flags exactly, by
the rules of that folder's README (NaNs by class; where a conversion to integer is invalid the value
is the guest's, so RISC-V's rule is checked instead). What does not: cases of our own (test_edges).
"""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from fp.formats import CANONICAL, FORMATS, NV, default_nan, integers, is_nan

MODES = {"rnear_even": 0, "rminMag": 1, "rmin": 2, "rmax": 3, "rnear_maxMag": 4}
INTEGERS = {"i32": (True, 32), "ui32": (False, 32), "i64": (True, 64), "ui64": (False, 64)}
COMPARES = {"eq": "eq", "lt": "lt", "le": "le", "eq_signaling": "eq_sig", "lt_quiet": "lt_quiet",
            "le_quiet": "le_quiet"}
HOST_OPS = ("add", "sub", "mul", "div", "sqrt", "mulAdd", "eq", "lt", "le")


def find_data():
    if "ENGINE_DATA" in os.environ:
        return Path(os.environ["ENGINE_DATA"]) / "testfloat"
    for folder in Path(__file__).resolve().parents:
        if (folder / "shared/data/testfloat").is_dir():
            return folder / "shared/data/testfloat"
    return None


DATA = find_data()
FILES = sorted(DATA.glob("*.txt.gz")) if DATA and DATA.is_dir() else []
pytestmark = pytest.mark.skipif(
    not FILES, reason="no shared/data/testfloat above the checkout, and ENGINE_DATA names none")


def short(name):
    return "f80" if name == "extF80" else name


def parse(file):
    """Operation, operand and result types, rounding mode."""
    name, mode = file.name.split(".")[:2]
    source, op = name.split("_", 1)
    source = short(source)
    if op.startswith("to_"):
        result = short(op[3:])
        if source in INTEGERS:
            return "from_" + source, result, source, result, MODES[mode]
        return "to_" + result, source, source, result, MODES[mode]
    result = "bool" if op in COMPARES else source
    op = COMPARES.get(op, {"mulAdd": "muladd", "roundToInt": "round_to_int"}.get(op, op))
    return op, source, source, result, MODES[mode]


def load(file, source):
    with gzip.open(file, "rt") as lines:
        table = [line.split() for line in lines]
    columns = [[int(word, 16) for word in column] for column in zip(*table, strict=True)]
    *operands, results, flags = columns
    array = np.zeros((len(table), 3, 2), np.uint64)
    for place, column in enumerate(operands):
        if source in INTEGERS and INTEGERS[source] == (True, 32):
            column = [(v ^ 0x80000000) - 0x80000000 & 0xffffffffffffffff for v in column]
        array[:, place, 0] = np.array([v & 0xffffffffffffffff for v in column], np.uint64)
        array[:, place, 1] = np.array([v >> 64 for v in column], np.uint64)
    return array, results, flags


def riscv_integer(source, bits, kind):
    """What RISC-V's fcvt gives for an operand that does not fit."""
    signed, width = INTEGERS[kind]
    prec, exp_bits = FORMATS[source]
    sign = bits >> (prec + exp_bits - (0 if source == "f80" else 1))
    negative = sign and not is_nan(source, bits)
    if signed:
        return 1 << (width - 1) if negative else (1 << (width - 1)) - 1
    return 0 if negative else (1 << width) - 1


def check(runner, path, file):
    op, fmt, source, result, mode = parse(file)
    operands, results, flags = load(file, source)
    extra = 1 if op == "round_to_int" else 0
    got, got_flags = runner.run(path, fmt, op, operands, extra=extra, rounding=mode,
                                nan_rule=CANONICAL)
    got = integers(got)
    got_flags = (got_flags & 31).tolist()
    bits = integers(operands[:, 0])
    wrong = []
    for row, (have, want) in enumerate(zip(got, results, strict=True)):
        if result in INTEGERS:
            have &= (1 << INTEGERS[result][1]) - 1
            if flags[row] & NV:
                want = riscv_integer(source, bits[row], result)
        elif result != "bool" and is_nan(result, want):
            want = default_nan(result)
        if have != want or got_flags[row] != flags[row]:
            wrong.append(f"row {row}: {have:x} flags {got_flags[row]:x}, "
                         f"expected {want:x} flags {flags[row]:x}")
    assert not wrong, f"{file.name} ({path}): {len(wrong)} of {len(got)}\n" + "\n".join(wrong[:5])
    return len(got)


def on_host(file):
    op = file.name.split(".")[0].split("_", 1)
    if op[1] in HOST_OPS:
        return op[0] in ("f32", "f64")
    to = op[1].removeprefix("to_")
    return {op[0], to} <= {"f32", "f64", *INTEGERS} and op[1].startswith("to_")


def by_operation(files):
    groups = {}
    for file in files:
        groups.setdefault(file.name.split(".")[0], []).append(file)
    return [pytest.param(group, id=name) for name, group in groups.items()]


@pytest.mark.parametrize("group", by_operation(FILES))
def test_software(runner, group):
    assert sum(check(runner, "soft", file) for file in group) >= len(group)


@pytest.mark.parametrize("group", by_operation(filter(on_host, FILES)))
def test_host(runner, group):
    if not runner.HAVE_HOST:
        pytest.skip("the host is not x86-64 with GNU C: these functions are the software ones")
    assert sum(check(runner, "host", file) for file in group) >= len(group)
