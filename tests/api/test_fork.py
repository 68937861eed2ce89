"""A forked child may use the engines it inherits, and neither process disturbs the other."""

import os

import pytest
from api.rv import CODE, addi, bne, code

pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

LOOP = code(addi("a0", "a0", 3), addi("a1", "a1", -1), bne("a1", "zero", -8))


def in_child(function) -> int:
    """Runs function in a forked child; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            status = function()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def total(emu, n) -> int:
    emu.regs.a0, emu.regs.a1 = 0, n
    emu.run(CODE, CODE + len(LOOP))
    return emu.regs.a0


def backends():
    import engine
    return engine.backends()


@pytest.fixture(params=backends())
def emu(request):
    from engine import Emulator
    with Emulator("riscv64", backend=request.param) as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, LOOP)
        yield emu


def test_child_runs_an_inherited_engine(emu):
    assert total(emu, 1000) == 3000

    def child() -> int:
        first = total(emu, 500) == 1500
        emu.memory.write(CODE, code(addi("a0", "a0", 5)))   # its own code, translated anew
        return 7 if first and total(emu, 500) == 2500 else 1

    assert in_child(child) == 7
    assert total(emu, 1000) == 3000


def test_child_of_a_hook_goes_on_with_the_run(emu):
    pids = []

    @emu.hook_code(begin=CODE + 4, end=CODE + 8)
    def fork_once(emu, address, size):
        if not pids:
            pids.append(os.fork())

    result = total(emu, 100)
    if pids[0] == 0:
        os._exit(8 if result == 300 else 1)
    assert result == 300
    assert os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]) == 8


def test_new_engine_in_a_child(emu):
    total(emu, 10)

    def child() -> int:
        from engine import Emulator
        with Emulator("riscv64") as fresh:
            fresh.memory.map(CODE, 0x1000)
            fresh.memory.write(CODE, LOOP)
            return 9 if total(fresh, 10) == 30 else 1

    assert in_child(child) == 9
