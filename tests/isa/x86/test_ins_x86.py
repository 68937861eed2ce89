"""Every `.ins` line of x86: text, execution on each back end; and every row of every table has
lines in each mode.

Lives here: the tests. Does not live here: the lines (`*_int.ins`, `*_sse.ins`, `*_vex.ins`,
`*_x87.ins`, `*_rest.ins` are made by make_ins_*.py; `*_hand.ins`, `*_sys.ins` and modes.ins are
written from the manual), their syntax (tests/isa/ins.py), the count (rows_report.py).
"""

import sys
from pathlib import Path

import pytest
from isa import ins

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from rows_report import BITS, Runner, codes_of, files, never_executed  # noqa: E402

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


@pytest.mark.parametrize("arch", list(BITS))
def test_every_row_is_executed(arch):
    lines = [line for lines in LINES.values() for line in lines]
    assert [f"{row.where} {row.notation} {row.name}" for row in never_executed(lines, arch)] == []
