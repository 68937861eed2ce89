"""Blocks that are entered often are translated again, larger: nobody can tell but by the time."""

import pytest
from api.rv import CODE, EBREAK, NOP, RET, add, addi, bne, code, jal, li, sw

import engine
from engine import Emulator

END = CODE + 36
ROUNDS = 40


@pytest.fixture(params=engine.backends())
def emu(request, monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "5")
    with Emulator("riscv64", backend=request.param) as made:
        made.memory.map(CODE, 0x1000, "rwx")
        # Two parts that jump to each other, with a call in the second.
        made.memory.write(CODE, code(
            li("s0", ROUNDS),
            addi("a0", "a0", 1),
            jal("zero", 8),
            NOP,
            add("a1", "a1", "a0"),
            jal("ra", 0x100 - 0x14),
            addi("s0", "s0", -1),
            bne("s0", "zero", -24),
            jal("zero", 4),
            EBREAK,
        ))  # fmt: skip
        made.memory.write(CODE + 0x100, code(addi("a2", "a2", 3), RET))
        yield made


def start(emu):
    for name in ("a0", "a1", "a2"):
        emu.regs[name] = 0
    emu.regs["pc"] = CODE


def state(emu):
    return tuple(emu.regs[name] for name in ("pc", "s0", "a0", "a1", "a2"))


def finished(step=3):
    return END, 0, ROUNDS, ROUNDS * (ROUNDS + 1) // 2, step * ROUNDS


def test_result_and_count_stay(emu, request):
    hot = request.node.callspec.params["emu"] == "jit"
    for _ in range(4):
        start(emu)
        assert emu.run(until=END).count == 2 + 8 * ROUNDS
        assert state(emu) == finished()
    assert (emu.stats["blocks_heated"] > 0) == hot


def test_every_count_is_exact_in_hot_code(emu):
    start(emu)
    emu.run(until=END)
    start(emu)
    steps = [state(emu)]
    for _ in range(60):
        emu.run(count=1)
        steps.append(state(emu))
    for count in range(61):
        start(emu)
        emu.regs["s0"] = steps[0][1]
        emu.run(count=count)
        assert state(emu) == steps[count]


def test_hot_code_is_changed_from_outside(emu):
    start(emu)
    emu.run(until=END)
    emu.memory.write(CODE + 0x100, code(addi("a2", "a2", 7)))
    start(emu)
    emu.run(until=END)
    assert state(emu) == finished(7)


def test_hot_code_changes_itself(emu):
    """The callee stores over an instruction of the loop that is hot."""
    start(emu)
    emu.run(until=END)
    emu.memory.write(CODE + 0x100, code(bne("s0", "a3", 8), sw("a4", 0, "a5"), RET))
    start(emu)
    emu.regs["a3"], emu.regs["a5"] = 10, CODE + 4
    emu.regs["a4"] = addi("a0", "a0", 100)
    emu.run(until=END)
    assert emu.regs["a0"] == 31 + 9 * 100


def test_hooks_and_stops_in_hot_code(emu):
    start(emu)
    emu.run(until=END)
    seen = []
    hook = emu.hook_code(lambda emu, address, size: seen.append(address))
    start(emu)
    assert emu.run(until=END).count == len(seen) == 2 + 8 * ROUNDS
    hook.remove()
    start(emu)
    assert emu.run(until=CODE + 0x14).count == 4
    assert emu.run(until=CODE + 0x14).count == 0


@pytest.mark.skipif("jit" not in engine.backends(), reason="no host back end on this machine")
def test_pages_of_small_blocks_get_hot(monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "2")
    words = ([addi("a0", "a0", 1)] * 14 + [jal("zero", 8), NOP]) * 3000
    words += [addi("s0", "s0", -1), bne("s0", "zero", 8), EBREAK]
    words.append(jal("zero", -4 * len(words)))
    with Emulator("riscv64", backend="jit") as emu:
        emu.memory.map(0x100000, 0x40000, "rwx")
        emu.memory.write(0x100000, code(*words))
        emu.regs["s0"] = 12
        emu.run(0x100000, 0x100000 + 4 * len(words) - 8)
        assert emu.regs["a0"] == 12 * 3000 * 14 and emu.stats["blocks_heated"] > 40
