"""Every `.ins` line of RISC-V: text, encoding, execution on each back end; all patterns covered."""

from pathlib import Path

import pytest
from isa import ins

import engine
from engine._core.gen.isa_model import (
    arguments,
    build,
    insn_length,
    load,
    match,
    never_executed,
    text,
)

HOME = Path(__file__).parent
FILES = sorted(HOME.glob("riscv/*.ins"))
LINES = {path: ins.read(path) for path in FILES}
ids = [path.stem for path in FILES]
built = pytest.mark.skipif(not hasattr(engine, "Emulator"), reason="the engine is not built")


def guest_of(line):
    """(tables, features) of a line's architecture."""
    name, xlen = line.arch[:-2], line.arch[-2:]
    guest = load(name)
    if line.features:
        return guest, frozenset(line.features)
    return guest, frozenset(guest.features) - {"RV32", "RV64"} | {f"RV{xlen}"}


def patterns_of(line):
    """(pattern or None, bits, address) of each instruction of a line."""
    guest, features = guest_of(line)
    at = 0
    while at < len(line.code):
        insn = int.from_bytes(line.code[at:at + 4], "little")
        length = insn_length(guest, insn)
        insn &= (1 << length) - 1
        yield match(guest, insn, length, features), insn, line.address + at
        at += length // 8


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_text_of_the_tables(path):
    wrong = []
    for line in LINES[path]:
        guest, features = guest_of(line)
        said = "; ".join(text(guest, pattern, insn, pc, features) if pattern else "(none)"
                         for pattern, insn, pc in patterns_of(line))
        if said != line.text:
            wrong.append(f"{line}: {said}")
    assert wrong == []


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_encoder(path):
    wrong = []
    for line in LINES[path]:
        _, features = guest_of(line)
        for pattern, insn, _ in patterns_of(line):
            if pattern and build(pattern, features, **arguments(pattern, insn)) \
                    != insn & ~pattern.free:
                wrong.append(f"{line}: {insn:#x}")
    assert wrong == []


@built
@pytest.mark.parametrize("path", FILES, ids=ids)
def test_disassembler(path):
    wrong, engines = [], {}
    for line in LINES[path]:
        if line.arch not in engines:
            engines[line.arch] = engine.Emulator(line.arch)
        parts, at = [], 0
        for _, insn, pc in patterns_of(line):
            found = list(engines[line.arch].disassemble(line.code[at:], 1, address=pc))
            # Bytes that are no instruction come as data.
            parts += ["(none)" if one.text.startswith(".byte") else one.text for one in found]
            at += 2 if insn & 3 != 3 else 4
        if "; ".join(parts) != line.text:
            wrong.append(f"{line}: {'; '.join(parts)}")
    assert wrong == []


@built
@pytest.mark.parametrize("backend", ins.backends())
@pytest.mark.parametrize("path", FILES, ids=ids)
def test_execution(path, backend):
    machine = ins.Machine(backend)
    wrong = []
    for line in LINES[path]:
        names = ins.observed(load(line.arch[:-2]))
        wrong += [f"{line}: {said}" for said in machine.run(line, names)]
    assert wrong == [], f"{len(wrong)} of {len(LINES[path])} lines"


@pytest.mark.parametrize("arch", ("riscv64", "riscv32"))
def test_every_pattern_is_executed(arch):
    executed, features = set(), None
    for lines in LINES.values():
        for line in lines:
            if line.arch == arch:
                guest, features = guest_of(line)
                executed |= {pattern.number for pattern, _, _ in patterns_of(line) if pattern}
    assert never_executed(load("riscv"), executed, features) == []


def test_syntax_mistakes(tmp_path):
    path = tmp_path / "x.ins"
    for bad in ('0x0 "add" => x1=1', '0x0 [33] "add" x1 => x2=3', '0x0 [33] "add" x1=1',
                '0x0 [33] "add" !load', '0x0 [33] "add" !illegal 4'):
        path.write_text(f"riscv64\n{bad}\n")
        with pytest.raises(ValueError, match=r"x\.ins:2: "):
            ins.read(path)


@built
def test_a_wrong_line_is_noticed(tmp_path):
    path = tmp_path / "x.ins"
    path.write_text('riscv64\n'
                    '0x1000 [b3 00 31 00] "add ra, sp, gp" sp=1 gp=2 => ra=4\n'
                    '0x1000 [b3 00 31 00] "add ra, sp, gp" sp=1 gp=2 =>\n'
                    '0x1000 [b3 00 31 00] "add ra, sp, gp" sp=1 gp=2 => ra=3 pc=0x1008\n'
                    '0x1000 [b3 00 31 00] "add ra, sp, gp" sp=1 gp=2 !illegal\n'
                    '0x1000 [03 30 01 00] "ld zero, 0(sp)" sp=0x5000 => ra=4\n'
                    '0x1000 [03 30 01 00] "ld zero, 0(sp)" sp=0x5000 !load 0x5008\n')
    machine = ins.Machine("interpreter")
    names = ins.observed(load("riscv"))
    for line in ins.read(path):
        assert machine.run(line, names), str(line)
