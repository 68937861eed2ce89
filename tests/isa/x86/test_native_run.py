"""Random user-level instructions: this processor against both back ends, 64- and 32-bit code.

Lives here: the tests. Does not live here: how (native_run.py, which also is the long run), the
helpers by themselves (test_native_simd.py, test_native_x87.py).
"""

import sys
from pathlib import Path

import pytest

import engine

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "native")]

import native  # noqa: E402
import native_cases  # noqa: E402
import native_run  # noqa: E402

SETS = 20
SHARE = {"integer": 900, "pairs": 450, "vector": 1050, "x87": 330, "image": 60}     # instructions


@pytest.fixture(autouse=True)
def processor():
    if native.why_not():
        pytest.skip(native.why_not())


@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("backend", ["interpreter", "jit"])
def test_processor(backend, bits, records):
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    with native_run.Comparison(records, backend, bits, SETS) as run:
        for kind, count in SHARE.items():
            # Other seeds for each, and each row about once.
            for seed in range(count):
                run.one(seed + 1_000_003 * (bits == 32), kind)
    assert not run.wrong, f"{len(run.wrong)}\n" + "\n".join(run.wrong.values())
    assert run.cases.total() > 50_000           # 200,000 in all


def test_every_row_has_cases():
    """Rows that are neither compared nor left out for a reason."""
    for kind in ("integer", "vector", "x87", "image"):
        rows = native_cases.rows(kind)
        missing = [row.name for at, row in enumerate(rows)
                   if all(native_cases.make(at + len(rows) * n, kind, bits, 1) is None
                          for n in range(12) for bits in (64, 32))]
        assert missing == []


def test_a_difference_is_found(records):
    """The comparison sees a flag, a register, a vector and a byte of memory that differ."""
    with native_run.Comparison(records, "interpreter", 64, 4) as run:
        seed = next(s for s in range(50) if (case := native_cases.make(s, "vector", 64, 4)))
        run.one(seed, "vector")
        assert run.wrong == {}
        case = native_cases.make(seed, "vector", 64, 4)
        wanted = native_run.mask(case.records.dtype, 64, case.ignore, case.image)
        for field in ("rflags", "gpr", "xmm", "mem", "st", "fault_addr"):
            other = case.records.copy()
            at = other.dtype.fields[field][1]
            other.view("u1").reshape(4, -1)[2, at] ^= 1
            found = native_run.difference(other, case.records, wanted)
            assert found is not None
            assert found.startswith(f"record 2, {field}")
