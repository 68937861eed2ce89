"""Streams of CPU state and the crash flag (spec row 29)."""

import contextlib
import random

import pytest
from api.rv import CODE, addi, code, sb

from engine import Emulator, EngineBusyError, GuestException, GuestFault, backends
from engine.machine.state import (
    crash_occurred,
    load_cpu,
    reset_cpu,
    save_cpu,
    set_crash_occurred,
)
from engine.machine.stream import Section, StreamError, read_stream, write_stream
from engine.memory import MemoryRegion, system_memory


@pytest.fixture
def emu():
    with Emulator("riscv64") as emu:
        yield emu


def test_row_29_crash_flag(emu):
    assert not crash_occurred(emu)              # at creation
    assert [s.subsections for s in read_stream(save_cpu(emu))] == [[]]
    # The guest reports a panic through a device.
    root = system_memory(emu)
    root.add_subregion(0x1000, MemoryRegion.ram(emu, "ram", 0x1000))
    root.add_subregion(0x100000, MemoryRegion.io(
        emu, "pvpanic", 1, write=lambda *access: set_crash_occurred(emu, True)))
    emu.memory.write(CODE, code(sb("a0", 0, "a1")))
    emu.regs.a1 = 0x100000
    emu.run(CODE, CODE + 4)
    assert crash_occurred(emu)
    saved = save_cpu(emu)
    (section,) = read_stream(saved)
    (sub,) = section.subsections
    assert (sub.name, sub.version, sub.fields) == ("cpu_common/crash_occurred", 1, b"\1")
    reset_cpu(emu)                              # common reset
    assert not crash_occurred(emu)
    load_cpu(emu, saved)
    assert crash_occurred(emu)
    section.subsections.clear()                 # absent: false
    load_cpu(emu, write_stream([section]))
    assert not crash_occurred(emu)
    section.subsections.append(Section("cpu_common/crash_occurred", 2, b"\1"))
    with pytest.raises(StreamError, match="version 2"):
        load_cpu(emu, write_stream([section]))


@pytest.mark.parametrize("backend", backends())
def test_registers_come_back(backend):
    rng = random.Random(1)
    streams = []
    with Emulator("riscv64", backend=backend) as emu, Emulator("riscv64") as other:
        for one in (emu, other):
            one.memory.map(CODE, 0x1000)
            one.memory.write(CODE, code(*[addi("a0", "a0", 1)] * 8))
        values = {name: rng.getrandbits(64) for name in ("a0", "s5", "fa0", "ft11", "mscratch")}
        emu.regs.write_many({**values, "fcsr": 0x61, "mepc": 0x1234, "priv": 1})
        emu.run(CODE, count=3)
        saved = save_cpu(emu)
        want = emu.regs.as_dict()
        emu.run(count=4)
        emu.regs.write_many({"s5": 0, "fcsr": 0, "priv": 3})
        assert emu.regs.as_dict() != want
        for one in (emu, other):                # and into another one
            load_cpu(one, saved)
            assert one.regs.as_dict() == want and one.pc == CODE + 12
            assert save_cpu(one) == saved
            assert one.run(count=2).pc == CODE + 20
        streams.append(saved)
    assert len(set(streams)) == 1


def test_refusals(emu):
    saved = save_cpu(emu)
    before = emu.regs.as_dict()
    with Emulator("riscv32") as other, pytest.raises(StreamError, match="riscv64"):
        load_cpu(other, saved)
    for bad in (b"", b"nonsense", saved[:-1], saved[:40], saved + b"x", saved + saved):
        with pytest.raises(StreamError):
            load_cpu(emu, bad)
    (section,) = read_stream(saved)
    section.subsections.append(Section("cpu/new", 1))
    with pytest.raises(StreamError, match="unknown sub-section cpu/new"):
        load_cpu(emu, write_stream([section]))
    deep = Section("x", 1)
    for _ in range(20):
        deep = Section("x", 1, b"", [deep])
    with pytest.raises(StreamError, match="too deep"):
        read_stream(write_stream([deep]))
    rng, refused = random.Random(2), 0
    for _ in range(300):                        # damaged streams are refused, or are states
        data = bytearray(saved)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:
            load_cpu(emu, data)
        except StreamError:
            refused += 1
            continue
        with contextlib.suppress(GuestFault, GuestException):
            emu.run(count=3)                    # whatever it is: the host survives it
        load_cpu(emu, saved)
    assert 0 < refused < 300
    assert emu.regs.as_dict() == before
    emu.memory.map(CODE, 0x1000)
    emu.memory.write(CODE, code(addi("a0", "a0", 1)))
    emu.hook_code(lambda emu, *where: save_cpu(emu))
    with pytest.raises(EngineBusyError):
        emu.run(CODE, count=1)
