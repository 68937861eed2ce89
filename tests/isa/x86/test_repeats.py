"""Repeated string instructions: many iterations in one step are the same as one after the other.

A code hook makes each iteration an execution of its own; without one they go in steps. Random cases
on pages of every sort: RAM, not mapped, read-only, a device, the page of the instruction itself.
ENGINE_REPEATS=20000 makes more of them, ENGINE_REPEATS_SEED others.
"""

import os
import random
import struct

import pytest

import engine

from .systems import DATA, FLAT, descriptor, load_gdt, machine, raised

CASES = int(os.environ.get("ENGINE_REPEATS", "150"))
SEED = int(os.environ.get("ENGINE_REPEATS_SEED", "1"))
CODE = 0x4800
RAM = ((0x0, 0x1000), (0x4000, 0x1000), (0x8000, 0x2000), (0xB000, 0x1000), (0xD000, 0x1000),
       (0xE000, 0x2000))
DEVICE, READ_ONLY, TOP = 0xC000, 0xD000, 0xFFFFF000
EDGES = (0x8000, 0x9000, 0xA000, 0xB000, 0xC000, 0xD000, 0xE000, 0xF000, 0x10000, 0x4000, CODE)
# A limit that ends in RAM, one that grows down, one with a base, one that must not be written.
SEGMENTS = [*FLAT, descriptor(0, 0x8FF0, 0x93, 4), descriptor(0, 0x8123, 0x97, 4),
            descriptor(0x123, 0xFFFFF, 0x93, 0xC), descriptor(0, 0xFFFFF, 0x91, 0xC)]
STRINGS = {"movs": 0xA4, "cmps": 0xA6, "stos": 0xAA, "lods": 0xAC, "scas": 0xAE}
BITS = {"x86_64": 64, "i386": 32, "x86_16": 16}


class Side:
    """One engine: its backend, and whether it goes iteration by iteration."""

    def __init__(self, arch, backend, single):
        self.emu = emu = engine.Emulator(arch, backend=backend)
        self.pages = [*RAM, *([(TOP, 0x1000)] if arch != "x86_16" else [(0x10000, 0x10000)])]
        for address, size in self.pages:
            emu.memory.map(address, size, "r" if address == READ_ONLY else "rwx")
        self.seen = []
        emu.memory.map_io(DEVICE, 0x1000, lambda offset, size: offset & 3,
                          lambda offset, size, value: self.seen.append((offset, size, value)))
        if arch == "i386":
            emu.memory.map(0x40000, 0x1000)
            load_gdt(emu, SEGMENTS)
        if single:
            emu.hook_code(lambda *_: None)
        first = {"x86_64": "r", "i386": "e", "x86_16": ""}[arch]
        self.general = [first + name for name in ("ax", "cx", "si", "di")]
        self.flags = "rflags" if arch == "x86_64" else "eflags"

    def run(self, case):
        emu = self.emu
        self.seen.clear()
        for (address, size), data in zip(self.pages, case["memory"], strict=True):
            emu.memory.write(address, data[:size])
        emu.memory.write(CODE, case["code"])
        emu.regs.write_many({**dict(zip(self.general, case["registers"], strict=True)),
                             self.flags: case["flags"], **case["segments"]})
        try:
            result = emu.run(CODE, CODE + len(case["code"]) - 1, count=case["count"])
            said = result.reason.name, result.count
        except engine.GuestFault as error:
            said = type(error).__name__, error.address, error.access, error.size, error.reason
        except engine.GuestException as error:
            said = type(error).__name__, error.cause, error.tval
        return {"end": said, "pc": emu.pc, "seen": list(self.seen),
                "registers": emu.regs.read_many([*self.general, self.flags]),
                "memory": [emu.memory.read(address, size) for address, size in self.pages]}


def make(rng, arch):
    prefix = bytes([rng.choice((0xF2, 0xF3))])
    if rng.random() < 0.3:
        prefix += b"\x67"
    word = rng.random() < 0.6
    if word and rng.random() < 0.3:
        prefix += b"\x66"
    if rng.random() < 0.1:
        prefix += b"\x26" if arch != "x86_64" else b"\x64"
    if word and arch == "x86_64" and rng.random() < 0.5:
        prefix += b"\x48"
    name = rng.choice(list(STRINGS))
    code = prefix + bytes([STRINGS[name] + word])

    def index():
        at = rng.choice(EDGES) + rng.choice((0, 0, 1, 8, -8, 3, rng.randrange(-600, 600)))
        if arch != "x86_16" and rng.random() < 0.1:
            at = 0x100000000 - rng.randrange(1, 100)
        return at & (0xFFFF if arch == "x86_16" else 0xFFFFFFFF)
    si = index()
    di = index()
    if rng.random() < 0.5:
        di = si + rng.choice((1, 2, 3, 4, 7, 8, 64, 0, -1, -2, -5, -8))
    bits = 0xFFFF if arch == "x86_16" else 0xFFFFFFFF
    count = rng.choice((rng.randrange(20), rng.randrange(600), rng.randrange(9000)))
    # Long runs of the same, so that comparisons go far.
    fill = rng.choice((b"\0", b"\7", b"\1\2\3\4\5\6\7\x08"))
    memory = []
    for _ in range(7):
        data = bytearray(fill * (0x10000 // len(fill)))
        for _ in range(rng.choice((0, 3))):
            data[rng.randrange(0x1000)] ^= 1 << rng.randrange(8)
        memory.append(bytes(data))
    flags = rng.choice((2, 2, 0x402)) | rng.choice((0, 0x8D5))
    segments = {}
    if arch == "i386":
        segments = {seg: 8 * rng.choice((2, 2, 5, 6, 7, 8)) for seg in ("ds", "es")}
    elif arch == "x86_16":
        segments = {seg: rng.choice((0, 0, 0x100)) for seg in ("ds", "es")}
    word8 = fill * 8 if rng.random() < 0.8 else rng.randbytes(8)
    return {"code": code + b"\x90", "memory": memory[:7], "flags": flags, "segments": segments,
            "registers": [struct.unpack("<Q", word8[:8])[0] & (bits if arch != "x86_64" else ~0),
                          count, si, di & bits],
            "count": rng.choice((None, None, 1, 2, rng.randrange(1, 700), rng.randrange(1, 5000)))}


@pytest.mark.parametrize("arch", BITS)
def test_steps_are_what_iterations_are(arch):
    rng = random.Random(SEED)
    one = Side(arch, engine.backends()[0], True)
    many = [Side(arch, backend, False) for backend in engine.backends()]
    ends = set()
    for _ in range(CASES):
        case = make(rng, arch)
        expected = one.run(case)
        ends.add(expected["end"][0])
        for side in many:
            got = side.run(case)
            for part, value in expected.items():
                assert got[part] == value, (part, case["code"].hex(), case["registers"],
                                            case["flags"], case["segments"], case["count"])
    assert {"UNTIL", "COUNT"} < ends        # and faults


@pytest.mark.parametrize("backend", engine.backends())
class TestWhatIsSeen:
    CODE = 0x10000

    def test_memory_hooks_see_each_access(self, backend):
        emu = machine("x86_64", b"\xF3\xA4\x90", backend)
        seen = []
        emu.hook_memory(lambda _, access, address, *rest: seen.append(address),
                        begin=DATA + 0x1000, end=DATA + 0x2000)
        emu.regs.write_many({"rsi": DATA, "rdi": DATA + 0xFF0, "rcx": 0x20})
        emu.run(self.CODE, self.CODE + 2)
        assert seen == [DATA + 0x1000 + n for n in range(16)]

    def test_a_hook_on_the_instruction_sees_each_iteration(self, backend):
        emu = machine("x86_64", b"\xF3\xAA\x90", backend)
        seen = []
        emu.hook_code(lambda emu, pc, size: seen.append(emu.regs.rcx), self.CODE, self.CODE + 2)
        emu.regs.write_many({"rdi": DATA, "rcx": 100})
        emu.run(self.CODE, self.CODE + 2)
        assert seen == list(range(100, 0, -1))

    def test_a_hook_elsewhere_does_not(self, backend):
        emu = machine("x86_64", b"\xF3\xAA\x90\x90", backend)
        seen = []
        emu.hook_code(lambda emu, pc, size: seen.append(emu.regs.rcx), self.CODE + 2)
        emu.regs.write_many({"rax": 7, "rdi": DATA, "rcx": 5000})
        assert emu.run(self.CODE, self.CODE + 3).count == 5001
        assert seen == [0]
        assert emu.memory.read(DATA, 5001) == b"\7" * 5000 + b"\0"

    def test_a_breakpoint_stops_at_each_iteration(self, backend):
        emu = machine("x86_64", b"\x90\xF3\xAA\x90", backend)
        emu.breakpoints.add(self.CODE + 1)
        emu.regs.write_many({"rdi": DATA, "rcx": 50})
        assert emu.run(self.CODE, self.CODE + 3).reason.name == "BREAKPOINT"
        assert (emu.regs.rcx, emu.pc) == (50, self.CODE + 1)
        emu.run(until=self.CODE + 3)
        assert emu.regs.rcx == 49

    def test_single_step_traps_after_each_iteration(self, backend):
        emu = machine("x86_64", b"\xF3\xAA\x90", backend)
        emu.regs.write_many({"rdi": DATA, "rcx": 50, "rflags": 0x102})
        assert raised(emu, count=100)[0] == 1
        assert emu.regs.rcx == 49

    def test_code_that_overwrites_itself(self, backend):
        # REP STOSB from 16 bytes in front of itself; then its prefix is a NOP, and STOSB writes one
        at = self.CODE + 0x20
        emu = machine("x86_64", b"", backend)
        emu.memory.write(at, b"\xF3\xAA" + b"\xFF\xC3" * 8)
        emu.regs.write_many({"rax": 0x90, "rdi": at - 16, "rcx": 40, "rbx": 0})
        emu.run(at, at + 18)
        assert (emu.regs.rbx, emu.regs.rcx, emu.regs.rdi) == (8, 40 - 17, at + 2)

    def test_a_fault_in_the_middle(self, backend):
        emu = machine("x86_64", b"\xF3\x48\xAB\x90", backend)
        emu.regs.write_many({"rax": -1 & 0xFFFFFFFFFFFFFFFF, "rdi": 0xFF000, "rcx": 0x1000})
        with pytest.raises(engine.GuestFault) as info:
            emu.run(self.CODE, self.CODE + 3)
        assert (info.value.address, emu.pc) == (0x100000, self.CODE)
        assert (emu.regs.rdi, emu.regs.rcx) == (0x100000, 0x1000 - 0x200)
        assert emu.stats["instructions"] == 0x200

    def test_counts_end_at_the_iteration(self, backend):
        emu = machine("x86_64", b"\xF3\xA4\x90", backend)
        emu.regs.write_many({"rsi": DATA, "rdi": DATA + 0x3000, "rcx": 0x2000})
        for count in (1, 2, 5, 63, 64, 65, 1000, 4097):
            before = emu.regs.rcx
            assert emu.run(self.CODE, self.CODE + 2, count=count).count == count
            assert before - emu.regs.rcx == count
        assert emu.stats["instructions"] == 0x2000 - emu.regs.rcx

    def test_a_loop_of_them_can_be_stopped(self, backend):
        # mov ecx, 0xffff; mov rdi, DATA ..; rep stosb; jmp: millions of iterations a millisecond
        code = b"\xB9\xFF\xFF\0\0\xBF" + struct.pack("<I", DATA) + b"\xF3\xAA\xEB\xF2"
        emu = machine("x86_64", code, backend)
        for _ in range(3):
            assert emu.run(self.CODE, timeout=0.05).reason.name == "TIMEOUT"
        # The slices are those of time, not of iterations: what comes next is looked at as often.
        emu.memory.write(self.CODE, b"\xEB\xFE")
        assert emu.run(self.CODE, timeout=0.05).reason.name == "TIMEOUT"
        assert emu.stats["instructions"] > 65535
