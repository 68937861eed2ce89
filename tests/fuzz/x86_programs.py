"""Random x86 programs on every back end: the same registers, memory, counts and faults.

Lives here: the choice of instructions, the comparison. Does not live here: what an instruction of a
row looks like (gen/x86.sample), random bytes as code (test_random_code.py). Called by
test_x86_programs.py and `python -m tests.fuzz.backends N SEED --guest x86_64`.

A program may do anything but wait; what keeps it going is that registers with addresses in them are
loaded again and again, and that a run which has ended somewhere goes on anywhere in the program.
"""

import random
import struct
from functools import cache

from isa.make_ins_x86 import NAMES

import engine
from engine._core.gen.x86 import load, sample

BITS = {"x86_64": 64, "i386": 32, "x86_16": 16}
CODE, DATA, SIZE = 0x4000, 0x8000, 0x3000
# The host's clock and randomness; ends of the run that say nothing.
NEVER = {"rdtsc", "rdtscp", "rdrand", "rdseed", "rdpmc", "hlt"}
# What goes to any address or ends a run at once: now and then.
WILD = {"ret", "retf", "iret", "far", "jmp_indirect", "call_indirect", "int", "syscall",
        "undefined", "privileged"}


@cache
def rows(arch):
    """The rows that can be sampled in a mode, by family so that each is as likely."""
    rng, families = random.Random(0), {}
    for row in load():
        if row.name not in NEVER and sample(row, rng, BITS[arch], 3) is not None:
            families.setdefault(row.family, []).append(row)
    return list(families.values())


def set_register(arch, n, value):
    """MOV r, imm of the mode's width (16 bits: of 16)."""
    if arch == "x86_16":
        return bytes([0xB8 + n]) + struct.pack("<H", value)
    return bytes([0xB8 + n]) + struct.pack("<I", value)


def near(rng):
    return DATA + rng.randrange(0x100, SIZE - 0x200)


def make(rng, arch, count):
    """Addresses of about `count` instructions, and their bytes."""
    parts, jumps = [], {}
    while len(parts) < count:
        if rng.random() < 0.2:
            n = rng.choice((3, 4, 5, 6, 7))
            parts.append(set_register(arch, n, near(rng) & ~(15 if n == 4 else 0)))
            continue
        if rng.random() < 0.05:
            parts.append(set_register(arch, 1, rng.randrange(rng.choice((40, 40, 6000)))))
            continue
        row = rng.choice(rng.choice(rows(arch)))
        if row.family in WILD and rng.random() < 0.9:
            continue
        base = rng.choice((3, 5, 6, 7))
        index = 1 if arch != "x86_16" and rng.random() < 0.2 else None
        code = sample(row, rng, BITS[arch], base, index)
        if code is None:
            continue
        if row.family == "string" and rng.random() < 0.3:
            code = rng.choice((b"\xf3", b"\xf2")) + code
        if any(kind == "J" for kind, _, _ in row.codes):
            jumps[len(parts)] = {"bs": 1}.get(row.codes[0][2], 4 - 2 * (0x66 in code[:1]))
            if arch == "x86_16" and jumps[len(parts)] != 1:
                jumps[len(parts)] = 4 if code[0] == 0x66 else 2
        parts.append(code)
    places, at = [], CODE
    for code in parts:
        places.append(at)
        at += len(code)
    for n, width in jumps.items():
        target = places[min(max(n + rng.choice((-6, -2, 1, 2, 3, 5)), 0), len(parts) - 1)]
        offset = target - places[n] - len(parts[n])
        if -(1 << 8 * width - 1) <= offset < 1 << 8 * width - 1:
            parts[n] = parts[n][:-width] + offset.to_bytes(width, "little", signed=True)
    return places, b"".join(parts)


@cache
def register_names(arch):
    """The whole registers, not their parts; the flags by name."""
    bits = BITS[arch]
    general = NAMES[bits] + ["rflags" if bits == 64 else "eflags"]
    vectors = [f"ymm{n}" for n in range(16 if bits == 64 else 8)]
    segments = [f"{seg}{part}" for seg in ("es", "cs", "ss", "ds", "fs", "gs")
                for part in ("", "_base")]
    return [*general, *segments, *vectors, "mxcsr", *(f"st{n}" for n in range(8)),
            "fcw", "fsw", "ftw"]


def outcome(emu, names, pc, end, count):
    """What a run did, in values that can be compared."""
    try:
        result = emu.run(pc, end, count=count)
        said = result.reason.name, result.count
    except engine.GuestFault as error:
        said = type(error).__name__, error.address, error.access, error.size, error.reason
    except engine.GuestException as error:
        said = type(error).__name__, error.cause, error.tval
    return {"end": said, "pc": emu.pc, "memory": emu.memory.read(DATA, SIZE),
            **dict(zip(names, emu.regs.read_many(names), strict=True))}


def difference(arch, seed, done=None, count=None):
    """None, or where two back ends part on a random program. done: gets how many instructions were
    executed."""
    rng = random.Random(seed)
    places, code = make(rng, arch, count or rng.choice((5, 30, 100)))
    end, names = CODE + len(code), register_names(arch)
    engines = [engine.Emulator(arch, backend=backend) for backend in engine.backends()]
    data = rng.randbytes(SIZE)
    start = {name: rng.getrandbits(32) for name in names if name[:3] in ("ymm", "eax", "rax")}
    for emu in engines:
        emu.memory.map(CODE, 0x3000)
        emu.memory.write(CODE, code)
        emu.memory.map(DATA, SIZE)
        emu.memory.write(DATA, data)
        emu.regs.write_many(start)
    said, pc = None, CODE
    for turn in range(30):
        limit = rng.choice((1, 7, 300, 300, 8000))
        first, *others = [outcome(emu, names, pc, end, limit) for emu in engines]
        parted = [(name, first[name], other[name]) for other in others for name in first
                  if first[name] != other[name]]
        if parted:
            name, a, b = parted[0]
            shown = ("differs", "differs") if name == "memory" else (a, b)
            said = f"{arch} program {seed} turn {turn} pc {pc:#x}, {limit}: {name} {shown}"
            break
        pc = first["pc"]
        if first["end"][0] not in ("COUNT", "UNTIL") or not CODE <= pc < end:
            pc = rng.choice(places)
            values = {NAMES[BITS[arch]][n]: near(rng) & ~15 for n in (3, 4, 5, 6, 7)}
            for emu in engines:
                emu.regs.write_many(values)
    if done is not None:
        done.append(engines[0].stats["instructions"])
    for emu in engines:
        emu.close()
    return said
