"""Breakpoints and watchpoints of the native API (spec rows 17, 56)."""

import pytest
from api.rv import CODE, DATA, addi, bne, code, jal, lb, li, lw, sw

from engine import Access, ArgumentError, Emulator, MemoryFault, StopReason, backends
from engine.errors import DuplicateError, NameNotFoundError

# a0 counts to a3; each turn stores it at a1 and reads it back
LOOP = (addi("a0", "a0", 1), sw("a0", 0, "a1"), lw("a2", 0, "a1"), bne("a0", "a3", -12),
        jal("zero", 0))
END = CODE + 16


@pytest.fixture(params=backends())
def emu(request):
    with Emulator("riscv64", backend=request.param) as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.map(DATA, 0x2000)
        emu.memory.write(CODE, code(*LOOP))
        emu.regs.write_many({"a1": DATA, "a3": 5, "pc": CODE})
        yield emu


def test_row_17_breakpoints_stop_before_the_instruction(emu):
    emu.run(CODE, END)                          # the blocks exist already
    emu.regs.a0 = 0
    point = emu.breakpoints.add(CODE + 8)
    assert CODE + 8 in emu.breakpoints and len(emu.breakpoints) == 1
    for turn in range(1, 4):
        result = emu.run(CODE if turn == 1 else None, END)
        assert (result.reason, result.pc) == (StopReason.BREAKPOINT, CODE + 8)
        assert emu.regs.a0 == turn
    point.remove()
    point.remove()
    assert emu.run(until=END).reason is StopReason.UNTIL
    assert list(emu.breakpoints) == []


def test_breakpoints_by_address(emu):
    emu.breakpoints.add(CODE)
    with pytest.raises(DuplicateError):
        emu.breakpoints.add(CODE)
    emu.breakpoints.remove(CODE)
    with pytest.raises(NameNotFoundError):
        emu.breakpoints.remove(CODE)
    with pytest.raises(ArgumentError):
        emu.breakpoints.add(-1)
    emu.breakpoints.add(CODE + 4)
    emu.breakpoints.clear()
    assert emu.run(CODE, END).reason is StopReason.UNTIL


def test_breakpoint_added_by_a_hook(emu):
    emu.hook_code(lambda emu, address, size: CODE + 12 in emu.breakpoints
                  or emu.breakpoints.add(CODE + 12), CODE, CODE + 4)
    result = emu.run(CODE, END)
    assert (result.reason, result.pc, result.count) == (StopReason.BREAKPOINT, CODE + 12, 3)


@pytest.mark.parametrize(("kind", "pc", "access"), [
    ("write", CODE + 8, Access.WRITE), ("read", CODE + 12, Access.READ),
    ("access", CODE + 8, Access.WRITE)])
def test_row_56_watchpoints_stop_behind_the_instruction(emu, kind, pc, access):
    point = emu.watchpoints.add(DATA, 4, kind)
    assert (point.kind, point.before, point.hit) == (kind, False, "")
    result = emu.run(CODE, END)
    assert (result.reason, result.pc) == (StopReason.WATCHPOINT, pc)
    hit = result.watchpoint
    assert (hit.watchpoint, hit.access, hit.address, hit.size, hit.pc) == (
        point, access, DATA, 4, pc - 4)
    assert hit.value == (1 if access is Access.WRITE else None)
    assert emu.memory.read_u32(DATA) == 1
    assert point.hit == access.name.lower()
    assert result.count == (pc - CODE) // 4     # exact, the finished instruction included
    hits = 1
    while (result := emu.run(until=END)).reason is StopReason.WATCHPOINT:
        hits += 1
    assert hits == (10 if kind == "access" else 5) and result.reason is StopReason.UNTIL
    assert result.watchpoint is None
    point.remove()
    emu.regs.a0 = 0
    assert emu.run(CODE, END).reason is StopReason.UNTIL


def test_row_17_stop_before_the_access(emu):
    emu.watchpoints.add(DATA, 4, "write", before=True)
    for turn in range(1, 6):
        result = emu.run(CODE if turn == 1 else None, END)
        assert (result.reason, result.pc) == (StopReason.WATCHPOINT, CODE + 4)
        assert emu.memory.read_u32(DATA) == turn - 1 and emu.regs.a0 == turn
        assert result.watchpoint.value == turn
    assert emu.run(until=END).reason is StopReason.UNTIL
    # A run from elsewhere does not carry the leave to pass on.
    emu.regs.a0 = 0
    assert emu.run(CODE, END).pc == CODE + 4


def test_ranges_overlap_bytewise(emu):
    emu.memory.write(CODE, code(lb("a4", 7, "a1"), lw("a4", 4, "a1"), sw("a4", 8, "a1"),
                                li("a5", 1)))
    emu.watchpoints.add(DATA + 7, 1, "access")
    assert emu.run(CODE, END).pc == CODE + 4
    assert emu.run(until=END).pc == CODE + 8
    assert emu.run(until=END).reason is StopReason.UNTIL


def test_count_and_fault_while_watching(emu):
    emu.watchpoints.add(DATA, 4, "write")
    assert emu.run(CODE, count=1).reason is StopReason.COUNT
    assert emu.run(count=1).reason is StopReason.WATCHPOINT
    emu.memory.write(CODE, code(sw("a0", 0, "a1"), lw("a2", 0, "zero")))
    assert emu.run(CODE).reason is StopReason.WATCHPOINT
    with pytest.raises(MemoryFault):
        emu.run()
    emu.memory.protect(DATA, 0x1000, "r")
    with pytest.raises(MemoryFault) as info:    # watched, and it faults
        emu.run(CODE)
    assert (info.value.kind, info.value.pc) == ("protected", CODE)


def test_bad_watchpoints(emu):
    for args in ((DATA, 0), ((1 << 64) - 1, 2), (DATA, 1, "fetch"), (-1,)):
        with pytest.raises(ArgumentError):
            emu.watchpoints.add(*args)
    emu.watchpoints.add(0, 1 << 63, "read")
    assert len(emu.watchpoints) == 1
    emu.watchpoints.clear()
    assert list(emu.watchpoints) == []


def test_stop_of_a_hook_wins(emu):
    """emu.stop() in a hook at a watched access: it stays in front of the instruction."""
    emu.watchpoints.add(DATA, 4, "write")
    emu.hook_memory(lambda emu, *event: emu.stop(), read=False)
    result = emu.run(CODE, END)
    assert result.pc == CODE + 4 and result.reason in (StopReason.STOP, StopReason.WATCHPOINT)
