"""Random instructions of 32- and 16-bit code: unicorn and qemu-i386 against both back ends.

Lives here: the tests. Does not live here: the comparison, the list of what the others do wrong
(others.py, which also is the long run). ENGINE_OTHERS: how many times the default of instructions.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import others  # noqa: E402

# (instructions, operand sets each)
INSTRUCTIONS = {"unicorn32": (1300, 5), "unicorn16": (900, 5), "qemu": (1300, 2)}


@pytest.mark.parametrize("backend", ["interpreter", "jit"])
@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_same_as(name, backend, records):
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    if name == "qemu":
        if not shutil.which("qemu-i386"):
            pytest.skip("needs qemu-i386 (Debian package qemu-user)")
    else:
        pytest.importorskip("unicorn", reason="needs unicorn (extra: test)")
    count, sets = INSTRUCTIONS[name]
    count *= int(os.environ.get("ENGINE_OTHERS", "1"))
    run = others.Comparison(name, records, backend, sets)
    try:
        for seed in range(count):
            run.one(seed + (count if backend == "jit" else 0))
    finally:
        run.close()
    assert not run.wrong, "\n".join(run.wrong.values())
    assert len(run.seen) > 300
