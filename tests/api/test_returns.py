"""Calls and returns: whatever predicts where a return goes, it goes where the guest says."""

import pytest
from api.rv import (
    CODE,
    EBREAK,
    NOP,
    RET,
    add,
    addi,
    auipc,
    bne,
    code,
    i_type,
    jal,
    jalr,
    ld,
    li,
    lw,
    sd,
    sw,
)

import engine
from engine import Emulator, InstructionFault, StopReason

STACK = 0x20000
# f at CODE + 0x100: a0 = n answers n + f(n - 1), f(0) = 0; the call is an auipc/jalr pair
F = 0x100
RECURSION = code(
    addi("sp", "sp", -16),
    sd("ra", 0, "sp"),
    sd("a0", 8, "sp"),
    bne("a0", "zero", 8),
    jal("zero", 24),
    addi("a0", "a0", -1),
    auipc("ra", 0),
    jalr("ra", "ra", -24),
    ld("a1", 8, "sp"),
    add("a0", "a0", "a1"),
    ld("ra", 0, "sp"),
    addi("sp", "sp", 16),
    RET,
)


@pytest.fixture(params=engine.backends())
def emu(request):
    with Emulator("riscv64", backend=request.param) as made:
        made.memory.map(CODE, 0x2000, "rwx")
        made.memory.map(STACK - 0x4000, 0x4000, "rw")
        yield made


def put(emu, at, *words):
    emu.memory.write(CODE + at, code(*words))


@pytest.mark.parametrize("depth", [0, 1, 31, 32, 33, 200])
def test_recursion_of_any_depth(emu, depth):
    emu.memory.write(CODE + F, RECURSION)
    put(emu, 0, jal("ra", F), EBREAK)
    for _ in range(3):
        emu.regs["sp"], emu.regs["a0"] = STACK, depth
        result = emu.run(CODE, CODE + 4)
        assert emu.regs["a0"] == depth * (depth + 1) // 2 and emu.regs["sp"] == STACK
        assert result.count == 1 + 12 * depth + 8


def test_every_count_is_exact(emu):
    emu.memory.write(CODE + F, RECURSION)
    put(emu, 0, jal("ra", F), EBREAK)
    emu.regs["sp"], emu.regs["a0"] = STACK, 5
    pcs = []
    emu.regs["pc"] = CODE
    while emu.regs["pc"] != CODE + 4:
        pcs.append(emu.regs["pc"])
        assert emu.run(count=1).count == 1
    for count in range(1, len(pcs)):
        emu.regs["sp"], emu.regs["a0"] = STACK, 5
        assert emu.run(CODE, count=count).pc == pcs[count]


def test_jump_between_the_halves_of_a_call(emu):
    """The jalr of an auipc/jalr pair is a target of its own, with another address."""
    put(
        emu, 0,
        auipc("t1", 0),
        jalr("ra", "t1", F),
        bne("a2", "zero", 16),
        li("a2", 1),
        addi("t1", "t1", 0x40),
        bne("a2", "zero", -16),
        EBREAK,
    )  # fmt: skip
    put(emu, F, addi("a0", "a0", 1), RET)
    put(emu, F + 0x40, addi("a0", "a0", 100), RET)
    for _ in range(3):
        emu.regs["a0"] = emu.regs["a2"] = 0
        emu.run(CODE, CODE + 24)
        assert emu.regs["a0"] == 101


def call_loop(emu, rounds, *callee):
    """s0 rounds of calls of the callee, with a0 += 1 after each: at CODE + 8."""
    put(
        emu, 0,
        li("s0", rounds),
        jal("ra", F - 4),
        addi("a0", "a0", 1),
        addi("s0", "s0", -1),
        bne("s0", "zero", -12),
        EBREAK,
    )  # fmt: skip
    put(emu, F, *callee)
    emu.regs["a0"] = 0


def test_callee_rewrites_where_it_returns(emu):
    call_loop(emu, 100, bne("s0", "a1", 8), sw("a2", 0, "a3"), RET)
    emu.regs["a1"], emu.regs["a3"] = 40, CODE + 8
    emu.regs["a2"] = addi("a0", "a0", 2)
    emu.run(CODE, CODE + 20)
    assert emu.regs["a0"] == 60 + 2 * 40


def test_hook_rewrites_where_the_callee_returns(emu):
    call_loop(emu, 100, NOP, RET)
    seen = []

    def hook(emu, address, size):
        seen.append(0)
        if len(seen) == 50:
            put(emu, 8, addi("a0", "a0", 3))

    emu.run(CODE, CODE + 20)
    assert emu.regs["a0"] == 100
    emu.hook_code(hook, CODE + F, CODE + F + 4)
    emu.regs["a0"] = 0
    emu.run(CODE, CODE + 20)
    assert emu.regs["a0"] == 49 + 3 * 51


def test_page_of_the_caller_is_mapped_anew(emu):
    """Between call and return other code comes to stand where the return goes."""
    page = CODE + 0x1000
    call_loop(emu, 20, NOP, RET)
    caller = emu.memory.read(CODE, 0x100)
    callee = code(NOP, RET)
    emu.memory.write(page + 0x20, callee)
    put(emu, 4, jal("ra", page + 0x20 - CODE - 4))
    other = bytearray(caller)
    other[8:12] = code(addi("a0", "a0", 5))
    emu.run(CODE, CODE + 20)
    assert emu.regs["a0"] == 20
    emu.regs["a0"] = 0
    emu.run(CODE, page + 0x24)          # into the callee, before its return
    emu.memory.unmap(CODE, 0x1000)
    emu.memory.map(CODE, 0x1000, "rwx")
    other[4:8] = emu.memory.read(CODE + 4, 4)
    emu.memory.write(CODE, bytes(other))
    put(emu, 4, jal("ra", page + 0x20 - CODE - 4))
    emu.run(page + 0x24, CODE + 20)
    assert emu.regs["a0"] == 5 * 20


def test_stop_where_a_callee_returns(emu):
    call_loop(emu, 100, NOP, RET)
    emu.run(CODE, CODE + 20)
    result = emu.run(CODE, CODE + 8)
    assert (result.reason, result.pc) == (StopReason.UNTIL, CODE + 8)
    result = emu.run(CODE + 8, CODE + 12)
    assert result.count == 1


def test_state_that_blocks_depend_on_changes_in_the_callee(emu):
    """mstatus.FS goes off in a callee: the floating-point instruction it returns to traps."""
    put(
        emu, 0,
        li("s0", 50),
        jal("ra", F - 4),
        0x02007053,                     # fadd.s ft0, ft0, ft0
        addi("s0", "s0", -1),
        bne("s0", "zero", -12),
        EBREAK,
    )  # fmt: skip
    put(
        emu, F,
        bne("s0", "a1", 8),
        i_type(0x73, 3, "zero", "a2", 0x300),           # csrrc zero, mstatus, a2
        RET,
    )  # fmt: skip
    emu.regs["a1"], emu.regs["a2"] = 0, 0x6000
    emu.run(CODE, CODE + 20)
    emu.regs["a1"] = 7
    with pytest.raises(InstructionFault) as caught:
        emu.run(CODE, CODE + 20)
    assert caught.value.pc == CODE + 8 and emu.regs["s0"] == 7


def test_returns_that_were_never_called(emu):
    """Callees that drop their return address, and a return to where nobody called from."""
    put(
        emu, 0,
        li("s0", 200),
        jal("ra", F - 4),
        addi("a0", "a0", 1),            # never reached
        addi("s0", "s0", -1),
        bne("s0", "zero", -12),
        EBREAK,
    )  # fmt: skip
    put(emu, F, addi("ra", "ra", 4), RET)
    emu.regs["a0"] = 0
    emu.run(CODE, CODE + 20)
    assert emu.regs["a0"] == 0 and emu.regs["s0"] == 0


def test_call_at_the_end_of_a_page(emu):
    page = CODE + 0x1000
    put(emu, 0x1000 - 4, jal("ra", F - 0x1000 + 4))
    emu.memory.write(page, code(addi("a1", "a1", -1), bne("a1", "zero", -8), EBREAK))
    put(emu, F, lw("a3", 0, "sp"), addi("a0", "a0", 1), RET)
    emu.regs["a0"], emu.regs["a1"], emu.regs["sp"] = 0, 100, STACK - 16
    emu.run(page - 4, page + 8)
    assert emu.regs["a0"] == 100
