"""The never-executed report: rows of the opcode tables (*.ops) that no `.ins` line executes.

    python -m tests.isa.x86.rows_report

runs every line on every back end and prints, by mode, how many rows were executed, and which were
not (exit code 1). A line counts when the engine does what it says; a row that is undefined in a
mode (`pm` and VEX in real mode, UD0 to UD2) counts when a line says so. Lives here: the count,
running lines of x86. Does not live here: the lines, their syntax (tests/isa/ins.py). Called by
test_ins_x86.py.
"""

import sys
from dataclasses import replace
from pathlib import Path

import engine
from engine._core.gen.x86 import FLAGS, load, match

HOME = Path(__file__).resolve().parent
sys.path[:0] = [str(HOME.parents[1])]

from isa import ins  # noqa: E402
from isa.make_ins_x86 import ARCH, NAMES, not_real  # noqa: E402

BITS = {arch: bits for bits, arch in ARCH.items()}


def files():
    return {path: ins.read(path) for path in sorted(HOME.glob("*.ins"))}


def general(arch):
    bits = BITS[arch]
    return [*NAMES[bits], "rflags" if bits == 64 else "eflags"]


def watched(emu):
    """What must not change unless a line says so, beside general(): all that is no part or view."""
    groups = emu.regs.groups
    system = [name for name in groups["system"] if name != "tsc"]      # counts instructions
    return [*groups["segment"], *system, "mxcsr", "fcw", "fsw", "ftw",
            *(name for name in [*groups["vector"], *groups["float"]] if name[:3] in ("ymm", "fpr"))]


# Modes that share lines with another: of which architecture, on which, the state given, flags.
# SDM 3A, 3.4.5 (L and D of code segments), 3B, 21.2 (virtual-8086 mode).
MODES = {
    "compatibility": ("i386", "x86_64", {"cs_attr": 0xC0FB}, 0),
    "protected, 16 bits": ("x86_16", "i386", {"cs_attr": 0x80FB, "ss_attr": 0x80F3}, 0),
    "virtual-8086": ("x86_16", "x86_16", {
        "cr0": 0x33, "eflags": 0x20202,
        **{f"{name}_attr": 0xF3 for name in ("cs", "ss", "ds", "es", "fs", "gs")}}, 0x20000),
}
SHARED = ("int", "sse", "vex", "x87", "rest")


def in_mode(lines, mode):
    """Lines of SHARED files for another mode than theirs: {path: lines} as files() gives them."""
    of, arch, given, flags = MODES[mode]
    for path, some in lines.items():
        if path.stem.rpartition("_")[2] not in SHARED:
            continue
        for line in some:
            # What only real mode refuses.
            if line.arch == of and not (line.fault[:1] == ("illegal",) and mode.endswith("bits")
                                        and ".byte" in line.text):
                before, after = dict(line.before), dict(line.after)
                for state in (before, after):
                    if "eflags" in state:
                        state["eflags"] |= flags
                yield replace(line, arch=arch, before=before, after=after,
                              given={**line.given, **given})


class Runner:
    """Lines of x86 on one back end."""

    def __init__(self, backend):
        self.machine = ins.Machine(backend)
        self.others = {arch: watched(engine.Emulator(arch)) for arch in BITS}

    def run(self, line, names=None):
        """What is not as the line says. `names`: of the general registers."""
        return self.machine.run(line, names or general(line.arch), self.others[line.arch])


def codes_of(line, emu):
    """(bytes, text) of each instruction of a line."""
    at = 0
    while at < len(line.code):
        (insn,) = emu.disassemble(line.code[at:], 1, address=line.address + at)
        size = max(insn.size, 1)
        if insn.text.startswith(".byte"):       # no instruction: what its bytes would be
            size = len(line.code) - at
        yield line.code[at:at + size], insn.text
        at += size


def never_executed(lines, arch):
    """Rows that exist in the mode in which `arch` starts and that none of the lines executes."""
    bits, rows, emu = BITS[arch], load(), engine.Emulator(arch)
    absent = FLAGS["i64" if bits == 64 else "o64"]
    executed = set()
    for line in lines:
        if line.arch == arch:
            found = [match(rows, code, bits) for code, _ in codes_of(line, emu)]
            executed |= {(row.number, line.fault[:1] == ("illegal",)) for row in found if row}
    return [row for row in rows if not row.flags & absent
            and (row.number, row.family == "undefined" or bits == 16 and not_real(row))
            not in executed]


def main():
    bad = False
    for backend in ins.backends():
        runner, good = Runner(backend), []
        for lines in files().values():
            good += [line for line in lines if not runner.run(line)]
        total = sum(map(len, files().values()))
        print(f"{backend}: {len(good)} of {total} lines do what they say")
        bad |= len(good) != total
        for arch, bits in BITS.items():
            missing = never_executed(good, arch)
            absent = FLAGS["i64" if bits == 64 else "o64"]
            count = sum(not row.flags & absent for row in load())
            print(f"  {bits}-bit mode: {count - len(missing)} of {count} rows executed")
            for row in missing:
                print(f"    never executed: {row.where} {row.notation} {row.name}")
            bad |= bool(missing)
        for mode, (of, *_) in MODES.items():
            some = list(in_mode(files(), mode))
            wrong = sum(bool(runner.run(line, general(of))) for line in some)
            print(f"  {mode}: {len(some) - wrong} of {len(some)} lines of {of} do the same")
            bad |= wrong > 0
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
