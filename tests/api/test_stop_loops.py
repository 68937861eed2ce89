"""Stop and timeout end any loop soon: bench/bench_cold.py has the figures (milliseconds)."""

import time

import pytest
from api.rv import CODE, DATA, LOOPS, addi, bne, code, jal, ld, lui, stop_later

import engine
from engine import Emulator, StopReason

SOON = 5.0      # seconds: for a loaded machine; a loop that is not noticed never ends


@pytest.fixture(params=engine.backends())
def emu(request):
    with Emulator("riscv64", backend=request.param) as made:
        made.memory.map(CODE, 0x2000, "rwx")
        made.memory.map(DATA, 0x1000, "rw")
        made.regs["sp"] = DATA
        yield made


@pytest.mark.parametrize("name", LOOPS)
def test_stop_from_another_thread(emu, name):
    for at, words in LOOPS[name].items():
        emu.memory.write(CODE + at, code(*words))
    thread, asked = stop_later(emu)
    result = emu.run(CODE, timeout=60)
    late = time.monotonic() - asked[0]
    thread.join()
    assert result.reason is StopReason.STOP and late < SOON


@pytest.mark.parametrize("name", LOOPS)
def test_timeout(emu, name):
    for at, words in LOOPS[name].items():
        emu.memory.write(CODE + at, code(*words))
    began = time.monotonic()
    result = emu.run(CODE, timeout=0.05)
    assert result.reason is StopReason.TIMEOUT and 0.05 <= time.monotonic() - began < 0.05 + SOON


@pytest.mark.parametrize("kind", ["hook", "device"])
def test_timeout_where_calls_are_slow(emu, kind):
    """Slices that fast code has made long do not put the clock off when calls make it slow."""
    def slow(*args):
        time.sleep(0.001)
        return 0

    quick = [lui("a0", 0x800), addi("a0", "a0", -1), bne("a0", "zero", -4)]
    emu.memory.write(CODE, code(*quick, ld("a1", 0, "a2"), jal("zero", -4)))
    emu.regs.a2 = DATA
    if kind == "hook":
        emu.hook_memory(slow, begin=DATA, end=DATA + 8)
    else:
        emu.memory.map_io(0x40000, 8, slow)
        emu.regs.a2 = 0x40000
    began = time.monotonic()
    result = emu.run(CODE, timeout=0.05)
    assert result.reason is StopReason.TIMEOUT and time.monotonic() - began < SOON
