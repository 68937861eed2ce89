"""Random vector and x87 instructions: this processor against both back ends.

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
import native_run  # noqa: E402

INSTRUCTIONS = 6600         # 16 cases each


@pytest.mark.parametrize("arch", ["x86_64", "i386"])
@pytest.mark.parametrize("backend", ["interpreter", "jit"])
def test_processor(backend, arch, records):
    if native.why_not():
        pytest.skip(native.why_not())
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    with native.Processor() as cpu:
        run = native_run.Comparison(records, cpu, backend, arch)
        for seed in range(INSTRUCTIONS if arch == "x86_64" else INSTRUCTIONS // 4):
            run.one(seed)
    assert not run.wrong, f"{len(run.wrong)}\n" + "\n".join(run.wrong.values())
    assert len(run.seen) > len(run.rows) * 0.9
