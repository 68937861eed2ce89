"""Every `.ins` line of x86: text, execution on each back end; and every row of int.ops has a line.

Lives here: the tests. Does not live here: the lines (`*_int.ins` are made by make_ins_x86.py,
`*_hand.ins` are written from the manual), their syntax (tests/isa/ins.py).
"""

from pathlib import Path

import pytest
from isa import ins
from isa.make_ins_x86 import ARCH, NAMES

import engine
from engine._core.gen.x86 import FLAGS, load, match

HOME = Path(__file__).parent
FILES = sorted(HOME.glob("*.ins"))
LINES = {path: ins.read(path) for path in FILES}
BITS = {arch: bits for bits, arch in ARCH.items()}
# Their results are not fixed, or belong to descriptors and privilege: test_system*.py.
ELSEWHERE = {"rdtsc", "rdtscp", "cpuid", "hlt", "interrupt_flag", "far", "retf", "iret",
             "load_pointer"}
# Vectors and x87, in 64-bit mode: results that processors choose are in test_native_x87.py (a
# bound) and test_native_simd.py, images of states in test_native_state.py.
CHOSEN = {"f2xm1", "fyl2x", "fptan", "fpatan", "fyl2xp1", "fsincos", "fsin", "fcos", "rcpps",
          "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss"}
IMAGES = {"image", "xgetbv"}
ids = [path.stem for path in FILES]


def general(arch):
    bits = BITS[arch]
    return [*NAMES[bits], "rflags" if bits == 64 else "eflags"]


def watched(emu):
    """What must not change unless a line says so, beside general(): all that is no part or view."""
    groups = emu.regs.groups
    system = [name for name in groups["system"] if name != "tsc"]      # counts instructions
    return [*groups["segment"], *system, "mxcsr", "fcw", "fsw", "ftw",
            *(name for name in [*groups["vector"], *groups["float"]] if name[:3] in ("ymm", "fpr"))]


def codes_of(line, emu):
    """Bytes of each instruction of a line."""
    at = 0
    while at < len(line.code):
        (insn,) = emu.disassemble(line.code[at:], 1, address=line.address + at)
        size = max(insn.size, 1)
        if insn.text.startswith(".byte"):       # no instruction: what its bytes would be
            size = len(line.code) - at
        yield line.code[at:at + size], insn.text
        at += size


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_disassembler(path):
    wrong, engines = [], {arch: engine.Emulator(arch) for arch in BITS}
    for line in LINES[path]:
        said = "; ".join(text for _, text in codes_of(line, engines[line.arch]))
        if said != line.text:
            wrong.append(f"{line}: {said}")
    assert wrong == []


@pytest.mark.parametrize("backend", ins.backends())
@pytest.mark.parametrize("path", FILES, ids=ids)
def test_execution(path, backend):
    machine, wrong = ins.Machine(backend), []
    others = {arch: watched(engine.Emulator(arch)) for arch in BITS}
    for line in LINES[path]:
        wrong += [f"{line} [{line.code.hex(' ')}]: {said}"
                  for said in machine.run(line, general(line.arch), others[line.arch])]
    assert wrong == [], f"{len(wrong)} of {len(LINES[path])} lines"


@pytest.mark.parametrize("arch", list(BITS))
def test_every_row_is_executed(arch):
    bits, rows, emu = BITS[arch], load(), engine.Emulator(arch)
    executed = {found.number for lines in LINES.values() for line in lines if line.arch == arch
                for code, _ in codes_of(line, emu) if (found := match(rows, code, bits))}
    missing = [f"{row.notation} {row.name}" for row in rows
               if bits == 64 and row.where.startswith(("sse.ops", "vex.ops", "x87.ops"))
               and row.number not in executed and row.name not in CHOSEN
               and row.family not in IMAGES]
    missing += [f"{row.notation} {row.name}" for row in rows
               if "int.ops:" in row.where and row.number not in executed
               and row.family not in ELSEWHERE
               and not row.flags & FLAGS["i64" if bits == 64 else "o64"]
               and not (bits == 16 and (row.flags & FLAGS["pm"] or row.notation[:3] == "VEX"))]
    assert missing == []
