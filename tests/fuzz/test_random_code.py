"""Random bytes as code: whatever the guest does, the host goes on and errors are the engine's own.

Lives here: bytes without any rule, and instructions of the tables without the rules of
riscv_programs.py, in machine, supervisor and user mode, traps to the host or to the guest.
"""

import random
from functools import cache

import pytest

import engine
from engine._core.gen.isa_model import load, random_bits

BASE, SIZE = 0x10000, 0x4000
FEATURES = frozenset(load("riscv").features) - {"RV32", "RV64"}


@cache
def instructions(arch):
    """A few thousand instructions of the tables."""
    rng, features = random.Random(arch), FEATURES | {"RV" + arch[-2:]}
    guest = load("riscv")
    patterns = [pattern for pattern in guest.patterns if pattern.available(features)]
    found = ((pattern, random_bits(guest, pattern, rng, features)) for pattern in patterns * 10)
    return [insn.to_bytes(pattern.length // 8, "little")
            for pattern, insn in found if insn is not None]


def code_bytes(rng, arch):
    kind = rng.randrange(3)
    if kind == 0:
        return rng.randbytes(SIZE)
    made = b""
    while len(made) < SIZE:
        made += rng.choice(instructions(arch))
        if kind == 2 and rng.random() < 0.1:
            made += rng.randbytes(rng.choice((1, 2, 4)))
    return made[:SIZE]


def start(emu, rng):
    """Registers near the memory, CSRs with anything."""
    width = int(emu.arch[-2:])
    for n in range(1, 32):
        near = BASE + rng.randrange(-64, SIZE + 64)
        emu.regs[f"x{n}"] = near if rng.random() < 0.6 else rng.getrandbits(width)
        emu.regs[f"f{n}"] = rng.getrandbits(64)
    for name in ("mtvec", "stvec", "mepc", "sepc"):
        emu.regs[name] = BASE + rng.randrange(SIZE // 4) * 4
    if rng.random() < 0.3:
        emu.regs["satp"] = rng.getrandbits(width)
        emu.regs["mstatus"] = rng.getrandbits(width)
    if rng.random() < 0.3:
        emu.regs["priv"] = rng.choice((0, 1, 3))


@pytest.mark.parametrize("arch", ("riscv64", "riscv32"))
@pytest.mark.parametrize("exceptions", ("host", "guest"))
@pytest.mark.parametrize("backend", engine.backends())
def test_random_code(backend, exceptions, arch):
    rng = random.Random(f"{arch}{exceptions}")
    retired, kinds = 0, set()
    for _ in range(40):
        emu = engine.Emulator(arch, backend=backend, exceptions=exceptions,
                              user_mode=rng.random() < 0.3)
        emu.memory.map(BASE, SIZE)
        emu.memory.write(BASE, code_bytes(rng, arch))
        start(emu, rng)
        pc = BASE + rng.randrange(SIZE // 2) * 2
        for _ in range(20):
            try:
                result = emu.run(pc, count=300)
                assert 0 <= result.count <= 300
                retired += result.count
                kinds.add(result.reason.name)
            except engine.GuestFault as error:
                kinds.add(type(error).__name__)
                assert error.pc == emu.pc
            except engine.GuestException as error:
                kinds.add(type(error).__name__)
            pc = BASE + rng.randrange(SIZE // 2) * 2
        # The engine stays usable.
        emu.regs["x5"] = 7
        assert emu.regs["x5"] == 7
        assert len(emu.memory.read(BASE, SIZE)) == SIZE
        emu.close()
    assert retired > 300
    assert "COUNT" in kinds
    assert exceptions == "guest" or {"MemoryFault", "InstructionFault"} <= kinds


@pytest.mark.parametrize("arch", ("riscv64", "riscv32"))
def test_random_bytes_disassemble(arch):
    rng = random.Random(arch)
    emu = engine.Emulator(arch)
    for size in (0, 1, 2, 3, 5, 4096):
        data = rng.randbytes(size)
        found = list(emu.disassemble(data, address=BASE))
        assert b"".join(one.bytes for one in found) == data
        assert all(one.text for one in found)


def outcome(emu, pc, count):
    """What a run did, in values that can be compared."""
    try:
        result = emu.run(pc, count=count)
        said = result.reason.name, result.count
    except engine.GuestFault as error:
        said = type(error).__name__, error.address, error.access, error.size, error.reason
    except engine.GuestException as error:
        said = type(error).__name__, error.cause, error.tval
    registers = tuple(emu.regs[f"{kind}{n}"] for kind in "xf" for n in range(32))
    system = tuple(emu.regs[name] for name in ("fcsr", "mstatus", "mcause", "mepc", "mtval",
                                               "scause", "sepc", "priv", "instret"))
    return said, emu.pc, registers, system, bytes(emu.memory.read(BASE, SIZE))


def difference(arch, exceptions, name, done=None):
    """None, or where two back ends part on the same random code. done: gets how many instructions
    were executed."""
    engines = []
    for backend in engine.backends():
        rng = random.Random(name)
        emu = engine.Emulator(arch, backend=backend, exceptions=exceptions,
                              user_mode=rng.random() < 0.3)
        emu.memory.map(BASE, SIZE)
        emu.memory.write(BASE, code_bytes(rng, arch))
        start(emu, rng)
        engines.append(emu)
    for turn in range(15):
        pc = BASE + rng.randrange(SIZE // 2) * 2
        count = rng.choice((1, 3, 50, 400))
        first, *others = [outcome(emu, pc, count) for emu in engines]
        for other in others:
            for what, a, b in zip(("end", "pc", "registers", "system", "memory"), first, other,
                                  strict=True):
                if a != b:
                    if what == "registers":
                        a, b = zip(*[(f"{n}:{x:#x}", f"{n}:{y:#x}") for n, (x, y)
                                     in enumerate(zip(a, b, strict=True)) if x != y], strict=True)
                    elif what == "memory":
                        a = b = "differs"
                    return f"{arch} {exceptions} {name} turn {turn} pc {pc:#x} count {count}: " \
                           f"{what} {a} | {b}"
    if done is not None:
        done.append(engines[0].stats["instructions"])
    for emu in engines:
        emu.close()
    return None


@pytest.mark.skipif(len(engine.backends()) < 2, reason="one back end only")
@pytest.mark.parametrize("arch", ("riscv64", "riscv32"))
@pytest.mark.parametrize("exceptions", ("host", "guest"))
def test_back_ends_agree_on_random_code(exceptions, arch):
    for n in range(25):
        assert difference(arch, exceptions, f"agree {n}") is None
