"""A few random RISC-V programs a run, against each other engine that is installed."""

import importlib.util
import random
import shutil

import pytest

import engine
from fuzz import riscv_compare, riscv_programs

INSTALLED = {"unicorn": importlib.util.find_spec("unicorn") is not None,
             "interpreter": True,
             "qemu": bool(shutil.which("qemu-riscv64") and shutil.which("qemu-riscv32"))}


@pytest.mark.parametrize("xlen", (64, 32))
@pytest.mark.parametrize("backend", engine.backends())
@pytest.mark.parametrize("other", sorted(riscv_compare.OTHERS))
def test_same_as(other, backend, xlen):
    if not INSTALLED[other]:
        pytest.skip(f"{other} is not installed")
    if other == backend:
        pytest.skip("an engine is the same as itself")
    assert riscv_compare.sweep(other, xlen, 40, "test", backend) == []


@pytest.mark.parametrize("backend", engine.backends())
@pytest.mark.parametrize("xlen", (64, 32))
def test_one_instruction_at_a_time(xlen, backend):
    """Running a program whole and in steps ends in the same state."""
    ours, steps = riscv_compare.Ours(xlen, backend), riscv_compare.Ours(xlen, backend)
    for n in range(20):
        program = riscv_programs.make(random.Random(f"steps{n}"), xlen, 20)
        whole = ours.run(program, 0)
        steps.run(program, 1)
        while steps.emu.pc != program.end:
            assert steps.emu.run(count=1).count == 1
        assert riscv_compare.difference(whole, steps.state()) is None


def test_a_difference_is_found():
    """An engine that computes one instruction otherwise: the report names the instruction."""
    class Wrong(riscv_compare.Ours):
        def run(self, program, count):
            state = super().run(program, count)
            if state[3] > riscv_programs.CODE + 8:
                state[0][5] ^= 1
            return state

    program = riscv_programs.make(random.Random("wrong"), 64, 20,
                                  lambda p: p.family in riscv_programs.JUMPS)
    said = riscv_compare.check(program, riscv_compare.Ours(64), Wrong(64))
    at = max(address for address, _ in program.text if address <= riscv_programs.CODE + 8)
    assert said is not None
    assert f"at {at:#x} `{dict(program.text)[at]}`: x5 is" in said
