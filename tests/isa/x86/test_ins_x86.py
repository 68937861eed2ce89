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
ids = [path.stem for path in FILES]


def observed(arch):
    bits = BITS[arch]
    return [*NAMES[bits], "rflags" if bits == 64 else "eflags"]


def codes_of(line, emu):
    """Bytes of each instruction of a line."""
    at = 0
    while at < len(line.code):
        (insn,) = emu.disassemble(line.code[at:], 1, address=line.address + at)
        size = max(insn.size, 1)
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
    machine = ins.Machine(backend)
    wrong = []
    for line in LINES[path]:
        wrong += [f"{line} [{line.code.hex(' ')}]: {said}"
                  for said in machine.run(line, observed(line.arch))]
    assert wrong == [], f"{len(wrong)} of {len(LINES[path])} lines"


@pytest.mark.parametrize("arch", list(BITS))
def test_every_row_is_executed(arch):
    bits, rows, emu = BITS[arch], load(), engine.Emulator(arch)
    executed = {found.number for lines in LINES.values() for line in lines if line.arch == arch
                for code, _ in codes_of(line, emu) if (found := match(rows, code, bits))}
    missing = [f"{row.notation} {row.name}" for row in rows
               if "int.ops:" in row.where and row.number not in executed
               and row.family not in ELSEWHERE
               and not row.flags & FLAGS["i64" if bits == 64 else "o64"]
               and not (bits == 16 and (row.flags & FLAGS["pm"] or row.notation[:3] == "VEX"))]
    assert missing == []
