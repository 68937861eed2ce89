"""Hooks with filters, calls of guest functions, loading."""

import pytest

from engine import ArgumentError, ArgumentTypeError, Emulator, Error, LoaderError, MemoryFault, Prot
from engine._core.api.calls import Abi
from engine.errors import NameNotFoundError
from engine.machine.loader import load_elf, load_hex

from .rv import CODE, DATA, add, addi, bne, code, jal, ld, li, sd

PROGRAM = code(li("a0", 10), ld("a2", 0, "a1"), sd("a0", 8, "a1"), addi("a0", "a0", -1),
               bne("a0", "zero", -12))
END = CODE + len(PROGRAM)
RET = 0x00008067                            # jalr zero, 0(ra)


@pytest.fixture
def emu():
    emu = Emulator("riscv64")
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x1000)
    emu.memory.write(CODE, PROGRAM)
    emu.regs.a1 = DATA
    emu.regs.sp = DATA + 0x1000
    return emu


def test_every_and_addresses(emu):
    seen = []
    emu.hook_code(lambda e, address, size: seen.append(address), every=3,
                  addresses=[CODE + 4, CODE + 12])
    emu.run(CODE, END)
    assert seen == [CODE + 4, CODE + 12] * 3        # of 20 events
    assert len(seen) == 20 // 3


def test_blocks_and_instructions(emu):
    blocks, stores = [], []
    emu.hook_block(lambda e, address, size: blocks.append(address), addresses={CODE})
    emu.hook_insn("sd", lambda e, address, size: stores.append(e.regs.a0), every=4)
    emu.run(CODE, END)
    assert blocks == [CODE]
    assert stores == [7, 3]


@pytest.mark.parametrize(("value", "expected"), [
    (4, [4]), (("==", 4), [4]), (("!=", 10), [9, 8, 7, 6, 5, 4, 3, 2, 1]), (("<", 3), [2, 1]),
    (("<=", 3), [3, 2, 1]), ((">", 8), [10, 9]), ((">=", 8), [10, 9, 8]), (("&", 8), [10, 9, 8])])
def test_values(emu, value, expected):
    seen = []
    emu.hook_memory(lambda e, access, address, size, v: seen.append(v), read=False, value=value)
    emu.run(CODE, END)
    assert seen == expected


def test_value_of_loads(emu):
    seen = []
    emu.memory.write_u64(DATA, 6)
    emu.hook_memory(lambda e, access, address, size, v: seen.append(access.name), after=True,
                    value=6)
    emu.run(CODE, END)
    assert seen == ["READ"] * 5 + ["WRITE"] + ["READ"] * 5


def test_wrong_filters(emu):
    def fn(*args):
        raise AssertionError

    for call in (lambda: emu.hook_code(fn, every=0), lambda: emu.hook_code(fn, addresses=[]),
                 lambda: emu.hook_code(fn, begin=0x10, end=0x20, addresses=[0x30]),
                 lambda: emu.hook_memory(fn, value=1),
                 lambda: emu.hook_memory(fn, read=False, value=("~", 1)),
                 lambda: emu.hook_memory(fn, read=False, fetch=True, value=1)):
        with pytest.raises(ArgumentError):
            call()
    with pytest.raises(ArgumentTypeError):
        emu.hook_code(fn, addresses=["a"])
    emu.run(CODE, END)


# ---------------------------------------------------------------- calls

def test_call(emu):
    emu.memory.write(CODE, code(add("a0", "a0", "a1"), RET))
    emu.symbols["add"] = CODE
    emu.pc = 0x4444
    emu.regs.ra = 7
    assert emu.call("add", 40, 2) == 42
    assert emu.call(CODE, 1, -1) == 0
    assert emu.call(CODE, (1 << 64) - 1, 3) == 2
    assert (emu.pc, emu.regs.ra, emu.regs.sp) == (0x4444, 7, DATA + 0x1000)


def test_call_with_stack(emu):
    # a0 = tenth argument
    emu.memory.write(CODE, code(ld("a0", 8, "sp"), RET))
    assert emu.call(CODE, *range(10, 20)) == 19
    pushed = Abi(("a0",), "a0", "sp", None, 8)
    # return address on the stack: ld ra, 0(sp); ld a0, 8(sp)
    emu.memory.write(CODE, code(ld("ra", 0, "sp"), ld("a0", 8, "sp"), RET))
    assert emu.call(CODE, 1, 2, abi=pushed) == 2


def test_call_of_x86():
    with Emulator("x86_64") as emu:
        emu.memory.map(CODE, 0x2000)
        emu.regs.rsp = CODE + 0x2000
        # mov rax, [rsp+8]; sub rax, rdi; sub rax, r9; ret
        emu.memory.write(CODE, bytes.fromhex("488b442408 4829f8 4c29c8 c3"))
        assert emu.call(CODE, 1, 2, 3, 4, 5, 6, 700) == 693
        assert emu.regs.rsp == CODE + 0x2000
    with Emulator("i386") as emu:
        emu.memory.map(CODE, 0x2000)
        emu.regs.esp = CODE + 0x2000
        # mov eax, [esp+4]; sub eax, [esp+8]; ret
        emu.memory.write(CODE, bytes.fromhex("8b442404 2b442408 c3"))
        assert emu.call(CODE, 5, 7) == 0xfffffffe


def test_call_that_does_not_return(emu):
    emu.memory.write(CODE, code(jal("zero", 0)))
    emu.pc = 0x4444
    with pytest.raises(Error, match="did not return"):
        emu.call(CODE, count=100)
    assert emu.pc == 0x4444
    emu.memory.write(CODE, code(ld("a0", 0, "zero")))
    with pytest.raises(MemoryFault):
        emu.call(CODE)
    assert emu.pc == 0x4444


def test_call_with_wrong_arguments(emu):
    with pytest.raises(NameNotFoundError):
        emu.call("nobody")
    with pytest.raises(ArgumentTypeError):
        emu.call(CODE, "text")
    with pytest.raises(ArgumentTypeError, match="an address or a symbol"):
        emu.call(None)
    with pytest.raises(ArgumentError):
        emu.call(CODE, 1 << 64)
    with pytest.raises(ArgumentTypeError):
        emu.call(CODE, abi="stdcall")


# ---------------------------------------------------------------- loading

def test_hex(emu):
    end = load_hex(emu, "13 05 15 00  # addi a0, a0, 1\n13051500", 0x20000)
    assert end == 0x20008
    emu.regs.a0 = 0
    emu.run(0x20000, end)
    assert emu.regs.a0 == 2
    for text in ("", "1", "xyz"):
        with pytest.raises(LoaderError):
            load_hex(emu, text, 0x30000)


def tiny_elf(text, entry=0x10000):
    """A static riscv64 executable with one segment, by the ELF specification."""
    header = bytearray(64)
    header[:16] = b"\x7fELF\x02\x01\x01" + bytes(9)
    for at, size, value in [(16, 2, 2), (18, 2, 243), (20, 4, 1), (24, 8, entry), (32, 8, 64),
                            (52, 2, 64), (54, 2, 56), (56, 2, 1)]:
        header[at:at + size] = value.to_bytes(size, "little")
    segment = b"".join(value.to_bytes(size, "little") for size, value in [
        (4, 1), (4, 5), (8, 0), (8, entry & ~0xfff), (8, entry & ~0xfff), (8, 120 + len(text)),
        (8, 120 + len(text)), (8, 0x1000)])
    return bytes(header) + segment + text


def test_elf(emu, tmp_path):
    pytest.importorskip("elftools", reason="pyelftools is not installed")
    data = tiny_elf(code(addi("a0", "a0", 1), RET), entry=0x10078)
    program = load_elf(emu, data, base=0x100000)
    assert emu.pc == 0x110078
    assert program.entry == 0x10078
    assert emu.call(0x110078, 41) == 42
    with pytest.raises(LoaderError):
        load_elf(emu, b"\x7fELF" + bytes(100))
    path = tmp_path / "program"
    path.write_bytes(data)
    other = Emulator("riscv64")
    load_elf(other, path)
    assert other.call(0x10078, 1) == 2
    assert [(r.address, r.perms) for r in other.memory.regions()] == [(0x10000, Prot.RX)]
