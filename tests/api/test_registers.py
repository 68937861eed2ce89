"""Registers by name: reading, writing, wrong names and values."""

import pytest
from api.rv import CODE, code, li

from engine import ArgumentError, ArgumentTypeError, ClosedError, Emulator


@pytest.fixture
def regs():
    with Emulator("riscv64") as emu:
        yield emu.regs


def test_attributes_and_items(regs):
    regs.a0 = 5
    assert regs.a0 == 5
    assert regs["a0"] == 5
    regs["a0"] = 6
    assert regs.a0 == 6


def test_aliases(regs):
    regs.x10 = 7
    assert regs.a0 == 7
    assert regs.info("x10").alias != regs.info("a0").alias


def test_full_width(regs):
    regs.a0 = (1 << 64) - 1
    assert regs.a0 == (1 << 64) - 1
    regs.a0 = -1
    assert regs.a0 == (1 << 64) - 1
    regs.a0 = -(1 << 63)
    assert regs.a0 == 1 << 63


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1, 1 << 100])
def test_too_large(regs, value):
    regs.a0 = 3
    with pytest.raises(ArgumentError, match="a0"):
        regs.a0 = value
    assert regs.a0 == 3


@pytest.mark.parametrize("value", ["1", None, 1.0, b"1"])
def test_wrong_type(regs, value):
    with pytest.raises(ArgumentTypeError, match="a0"):
        regs.a0 = value


def test_what_answers_index(regs):
    class Seven:
        def __index__(self):
            return 7

    regs.a0 = Seven()
    assert regs.a0 == 7
    regs.a0 = True
    assert regs.a0 == 1


def test_zero_stays_zero(regs):
    regs.zero = 5
    assert regs.zero == 0


def test_riscv32_is_narrow():
    with Emulator("riscv32") as emu:
        assert emu.regs.info("a0").bits == 32
        emu.regs.a0 = -1
        assert emu.regs.a0 == 0xffffffff
        with pytest.raises(ArgumentError):
            emu.regs.a0 = 1 << 32


def test_unknown(regs):
    with pytest.raises(AttributeError, match="no register 'a00'; did you mean"):
        regs.a00  # noqa: B018
    with pytest.raises(AttributeError):
        regs.rax = 1
    with pytest.raises(KeyError):
        regs["rax"]
    with pytest.raises(KeyError):
        regs["rax"] = 1
    with pytest.raises(ArgumentTypeError):
        regs[10]
    assert not hasattr(regs, "rax")
    assert "rax" not in regs
    assert "a0" in regs


def test_pc(regs):
    regs.pc = 0x1234
    assert regs.pc == 0x1234


def test_many(regs):
    regs.write_many({"a0": 1, "a1": 2, "sp": 0x8000})
    assert regs.read_many(["sp", "a1", "a0"]) == (0x8000, 2, 1)
    regs.write_many([("a0", 9)])
    assert regs.read_many(("a0",)) == (9,)
    assert regs.read_many(()) == ()
    with pytest.raises(KeyError):
        regs.write_many({"a0": 10, "nope": 1})
    assert regs.a0 == 9
    with pytest.raises(ArgumentTypeError):
        regs.read_many("a0")


def test_names(regs):
    assert len(regs) == len(list(regs)) == len(regs.names)
    for name in ("zero", "ra", "sp", "a0", "t6", "pc", "fa0", "fcsr", "mstatus"):
        assert name in regs
    assert "a0" in regs.groups["general"]
    assert "x10" not in regs.names
    assert "a0" in dir(regs)


def test_as_dict(regs):
    regs.a0 = 3
    assert regs.as_dict()["a0"] == 3
    general = regs.as_dict("general")
    assert set(general) == set(regs.groups["general"])
    with pytest.raises(KeyError, match="general"):
        regs.as_dict("nope")


def test_every_register_reads_and_takes_its_own_value(regs):
    for name, value in regs.as_dict().items():
        assert 0 <= value < 1 << regs.info(name).bits
        try:
            regs[name] = value
        except ArgumentError as error:
            assert "cannot be written" in str(error)


def test_methods_of_the_emulator():
    with Emulator("riscv64") as emu:
        emu.reg_write("a0", 4)
        assert emu.reg_read("a0") == 4
        emu.pc = 0x100
        assert emu.regs.pc == emu.pc == 0x100


def test_closed():
    emu = Emulator("riscv64")
    regs = emu.regs
    emu.close()
    with pytest.raises(ClosedError):
        regs.a0  # noqa: B018
    with pytest.raises(ClosedError):
        regs.a0 = 1
    assert "closed" in repr(regs)


def test_made_by_hand():
    with Emulator("riscv64") as emu:
        kind = type(emu.regs)
    with pytest.raises(AttributeError):
        kind().a0  # noqa: B018
    with pytest.raises(ClosedError):
        kind()["a0"]


def test_registers_outlive_the_name_of_the_emulator():
    emu = Emulator("riscv64")
    emu.memory.map(CODE, 0x1000)
    emu.memory.write(CODE, code(li("a0", 1)))
    emu.run(CODE, CODE + 4)
    regs = emu.regs
    del emu
    assert regs.a0 == 1
