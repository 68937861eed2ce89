"""Every `.ins` line of x86: text, execution on each back end; and every row of every table has
lines in each mode.

Lives here: the tests. Does not live here: the lines (`*_int.ins`, `*_sse.ins`, `*_vex.ins`,
`*_x87.ins`, `*_rest.ins` are made by make_ins_*.py; `*_hand.ins`, `*_sys.ins` and modes.ins are
written from the manual), their syntax (tests/isa/ins.py), the count (rows_report.py).
"""

import re
import sys
from pathlib import Path

import pytest
from isa import ins

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from rows_report import (  # noqa: E402
    BITS,
    MODES,
    Runner,
    codes_of,
    files,
    general,
    in_mode,
    never_executed,
)

LINES = files()
ids = [path.stem for path in LINES]


@pytest.mark.parametrize("path", LINES, ids=ids)
def test_disassembler(path):
    wrong, engines = [], {arch: engine.Emulator(arch) for arch in BITS}
    for line in LINES[path]:
        said = "; ".join(text for _, text in codes_of(line, engines[line.arch]))
        if said != line.text:
            wrong.append(f"{line}: {said}")
    assert wrong == []


@pytest.mark.parametrize("backend", ins.backends())
@pytest.mark.parametrize("path", LINES, ids=ids)
def test_execution(path, backend):
    runner, wrong = Runner(backend), []
    for line in LINES[path]:
        wrong += [f"{line} [{line.code.hex(' ')}]: {said}" for said in runner.run(line)]
    assert wrong == [], f"{len(wrong)} of {len(LINES[path])} lines"


@pytest.mark.parametrize("backend", ins.backends())
@pytest.mark.parametrize("mode", MODES)
def test_execution_in_other_modes(mode, backend):
    """Code of 32 bits in compatibility mode, of 16 bits in protected and virtual-8086 mode."""
    runner, wrong, count = Runner(backend), [], 0
    for line in in_mode(LINES, mode):
        count += 1
        wrong += [f"{line} [{line.code.hex(' ')}]: {said}"
                  for said in runner.run(line, general(MODES[mode][0]))]
    assert wrong == [], f"{len(wrong)} of {count} lines"
    assert count > 1000


@pytest.mark.parametrize("arch", list(BITS))
def test_every_row_is_executed(arch):
    lines = [line for lines in LINES.values() for line in lines]
    assert [f"{row.where} {row.notation} {row.name}" for row in never_executed(lines, arch)] == []


def test_a_wrong_line_is_noticed(tmp_path):
    """Registers of every group that a line does not name, state that it gives, error codes."""
    path = tmp_path / "x.ins"
    path.write_text(
        'x86_16\n'
        'given cr4=0x600\n'
        '0x3000 [8e c0] "mov es, ax" eax=0x1234 => es=0x1234\n'
        '0x3000 [d9 e8] "fld1" fcw=0x37f => fsw=0x3800 ftw=0x3fff\n'
        '0x3000 [0f 58 c1] "addps xmm0, xmm1" ymm1=0x3f800000 =>\n'
        '0x3000 [0f 20 e0] "mov eax, cr4" => eax=0x0\n'
        '0x3000 [0f 32] "rdmsr" ecx=0xfe !exception 13 error_code=0x8\n'
        '0x3000 [0f 32] "rdmsr" ecx=0xfe !illegal\n'
        '0x3000 [0f 0b] "ud2" !exception 13\n'
        'given\n'
        '0x3000 [0f 58 c1] "addps xmm0, xmm1" =>\n')
    runner = Runner("interpreter")
    for line in ins.read(path):
        assert runner.run(line), str(line)


def test_examples_of_the_docs(tmp_path):
    text = (Path(__file__).parents[3] / "docs/testing.md").read_text(encoding="utf-8")
    block = re.search(r"^    x86_16.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)[0]
    path, runner = tmp_path / "x.ins", Runner("interpreter")
    path.write_text(re.sub(r"(?<=\S)   +.*", "", block))
    lines = ins.read(path)
    assert len(lines) == 2
    assert [runner.run(line) for line in lines] == [[], []]
