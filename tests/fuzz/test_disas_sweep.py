"""Every 16-bit word and a sample of 32-bit words: our disassembly is objdump's."""

import random
import shutil

import pytest

from fuzz import disas_sweep

pytestmark = pytest.mark.skipif(not shutil.which("riscv64-linux-gnu-objdump"),
                                reason="riscv64-linux-gnu-objdump is not installed")


@pytest.mark.parametrize("xlen", (64, 32))
def test_half_words(xlen):
    words = disas_sweep.half_words()
    assert len(words) == 49_152
    assert disas_sweep.differences(words, 2, xlen, disas_sweep.compiled) == []


@pytest.mark.parametrize("disassemble", (disas_sweep.model, disas_sweep.compiled))
@pytest.mark.parametrize("xlen", (64, 32))
def test_random_words(xlen, disassemble):
    words = disas_sweep.random_words(random.Random(xlen), 6000, xlen)
    assert disas_sweep.differences(words, 4, xlen, disassemble) == []


def test_comparison_can_fail():
    words = [0x003100b3, 0x403100b3]
    assert disas_sweep.differences(words, 4, 64, lambda *a: "add ra, sp, gp") \
        == [(0x403100b3, "add ra, sp, gp", "sub\tra,sp,gp")]
    assert len(disas_sweep.differences(words, 4, 64, lambda *a: None)) == 2
