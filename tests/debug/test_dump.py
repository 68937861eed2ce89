"""A block at every stage of its translation."""

import sys

import pytest
from api.rv import CODE, addi, bne, code, li

from engine import ArgumentError, Emulator, backends
from engine.debug.dump import dump_block, host_lines


@pytest.fixture(params=backends())
def emu(request):
    with Emulator("riscv64", backend=request.param) as emu:
        emu.memory.map(CODE, 0x1000)
        # a2 is written twice: the first goes in the last step
        emu.memory.write(CODE, code(li("a2", 1), li("a2", 2), addi("a0", "a0", 1),
                                    bne("a0", "a1", -4), li("a3", 3)))
        yield emu


def test_all_stages(emu):
    found = dump_block(emu, CODE)
    assert [text for _, _, text in found.guest][:3] == ["addi a2, zero, 1", "addi a2, zero, 2",
                                                        "addi a0, a0, 1"]
    assert list(found.stages) == list(emu.dump_stages) == ["ir", "flow", "fold", "flow again",
                                                           "dead"]
    assert "mov a2, $0x1" in found.stages["ir"]
    assert "mov a2, $0x1" not in found.stages["dead"]
    assert "mov a2, $0x2" in found.stages["dead"]
    text = str(found)
    assert text.index("guest code") < text.index("intermediate code") < text.index("after dead")
    if emu.dump_code(CODE) == (0, b""):
        assert "host code" not in text
    else:
        assert f"host code, {len(found.host)} bytes" in text
    # Nothing is left behind: the block still runs, and is translated as if for the first time.
    assert emu.stats["blocks_translated"] == 0
    emu.regs.a1 = 5
    emu.run(CODE, CODE + 16)
    assert (emu.regs.a0, emu.regs.a2) == (5, 2)


def test_host_code_is_that_of_the_back_end(emu):
    address, host = emu.dump_code(CODE)
    again, same = emu.dump_code(CODE)
    # The space is given back. The code names its block, which need not stand where it did.
    assert (again, len(same)) == (address, len(host))
    if host:
        pytest.importorskip("capstone", reason="needs capstone (PyPI)")
        assert any("inc" in line or "add" in line or "lea" in line
                   for line in host_lines(host, address))


def test_without_capstone(monkeypatch):
    monkeypatch.setitem(sys.modules, "capstone", None)
    assert host_lines(bytes(range(18)), 0x1000) == [
        "  0x0000001000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
        "  0x0000001010  10 11"]


def test_nothing_there(emu):
    assert dump_block(emu, 0x70000000) is None
    assert emu.dump_block(0x70000000) == ""
    assert emu.dump_code(0x70000000) == (0, b"")
    with pytest.raises(ArgumentError, match="no stage 'x'"):
        emu.dump_block(CODE, "x")


def test_not_in_mid_run(emu):
    seen = []
    emu.hook_code(lambda emu, address, size: seen.append(
        (emu.dump_block(address), emu.dump_code(address))))
    emu.run(CODE, CODE + 4)
    assert seen == [("", (0, b""))]
