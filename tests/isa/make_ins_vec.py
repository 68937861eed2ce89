"""Writes `.ins` lines for the rows of sse.ops, vex.ops and x87.ops, their results taken from this
machine's own processor.

Lives here: which registers a line names, and its text. Does not live here: the operands and the
processor's side (x86/native_run.py, x86/native/), rows whose effect has more than 128 bytes. Called
by a developer: `python -m tests.isa.make_ins_vec [COUNT]` prints the lines (64-bit mode; needs
gcc). What it prints is read and kept, not made by CI.
"""

import re
import sys
from pathlib import Path

import numpy as np

import engine

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "x86")]

import native_run  # noqa: E402
from native_run import native  # noqa: E402

from .make_ins_x86 import NAMES, processor, register_number  # noqa: E402

CODE, DATA = native.CODE, native.MEM_WINDOW
FLAGS = 0x8D5
WORD = re.compile(r"\b([xy]?mm)(\d+)\b")


def wide(record, n, size):
    value = int.from_bytes(record["xmm"][n].tobytes(), "little")
    return value | int.from_bytes(record["ymmh"][n].tobytes(), "little") << 128 if size else value


def number(record, field):
    return int(record[field])


def stack(record, n):
    """Physical register n."""
    return int.from_bytes(record["st"][n - (int(record["fsw"]) >> 11) & 7][:10].tobytes(), "little")


def tags(record):
    """FNSTENV's two bits a register."""
    word = 0
    for n in range(8):
        value = stack(record, n)
        exponent, fraction = value >> 64 & 0x7FFF, value & (1 << 64) - 1
        tag = (3 if not int(record["ftw"]) >> n & 1 else 1 if value & (1 << 79) - 1 == 0 else
               2 if exponent in (0, 0x7FFF) or not fraction >> 63 else 0)
        word |= tag << 2 * n
    return word


def named(text, code):
    """(general registers, vectors) that a line's text names."""
    general = {n for n in map(register_number, re.findall(r"\b[a-z][a-z0-9]+\b", text))
               if n is not None}
    return general, {int(n) for kind, n in WORD.findall(text) if kind != "mm"}


def state(record, general, vectors, x87, fpu):
    """{name: value} of everything a line may name."""
    out = {NAMES[64][n]: int(record["gpr"][n]) for n in sorted(general)}
    out["rflags"] = number(record, "rflags")
    if x87:
        out |= {"fcw": number(record, "fcw"), "fsw": number(record, "fsw"), "ftw": tags(record)}
        out |= {f"fpr{n}": stack(record, n) for n in range(8)}
    if not fpu:
        out["mxcsr"] = number(record, "mxcsr")
    out |= {f"ymm{n}": wide(record, n, True) for n in sorted(vectors)}
    return out


def line(emu, cpu, row, seed, rows):
    made = native_run.make(seed, rows)
    if made is None:
        return None
    _, code, cases = made
    fpu = row.where.startswith("x87")
    cases = cases[:1].copy()
    # Few bytes of memory, so that lines stay short.
    cases["mem"][:, :16] = 0
    cases["mem"][:, 80:] = 0
    (insn,) = emu.disassemble(code, 1, address=CODE)
    if insn.size != len(code):
        return None
    real = cpu.run(cases)[0]
    record = cases[0]
    general, vectors = named(insn.text, code)
    if "pcmpestr" in row.name:
        general |= {0, 2}
    if "pcmp" in row.name and "stri" in row.name:
        general.add(1)
    if "pcmp" in row.name and "strm" in row.name or row.name in ("blendvps", "blendvpd", "pblendvb",
                                                                 "sha256rnds2"):
        vectors.add(0)
    if row.family == "vzero":
        vectors |= {0, 7, 15}
    if row.family == "maskmov":
        general.add(7)
    x87 = fpu or re.search(r"\bmm\d", insn.text) or row.family == "emms"
    for n in range(16):         # whatever changes must be named
        if n not in general and int(real["gpr"][n]) != int(record["gpr"][n]):
            return None
    before = state(record, general, vectors, x87, fpu)
    after = state(real, general, vectors, x87, fpu)
    signal = int(real["signal"])
    if signal == 11:
        return None
    fault = {4: "!illegal", 8: f"!exception {16 if int(real['trap']) == 16 else 19}"}.get(signal)
    words = [f"{name}={value:#x}" for name, value in before.items()]
    memory, changed = record["mem"].tobytes(), real["mem"].tobytes()
    touches = row.family == "maskmov" or "[" in insn.text
    if touches:
        words.append(f"[{DATA:#x}:128]={int.from_bytes(memory, 'little'):#x}")
    changes = []
    if fault is None:
        after["rflags"] = int(record["rflags"]) & ~FLAGS | int(real["rflags"]) & FLAGS
        changes = [f"{name}={value:#x}" for name, value in after.items() if value != before[name]]
        if changed != memory:
            changes.append(f"[{DATA:#x}:128]={int.from_bytes(changed, 'little'):#x}")
        if changed != memory and not touches:
            return None
    end = fault or "=> " + " ".join(changes)
    return (f'{CODE:#x} [{code.hex(" ")}] "{insn.text}" {" ".join(words)} {end}').rstrip()


def lines(count):
    emu = engine.Emulator("x86_64")
    rows = native_run.vector_rows()
    with native.Processor() as cpu:
        for n, row in enumerate(rows):
            made = []
            for turn in range(200):
                text = line(emu, cpu, row, n + len(rows) * turn, rows)
                if text and (turn > 100 or "!" not in text):
                    made.append(text)
                if len(made) == count:
                    break
            if not made:
                print(f"# none for {row.notation} {row.name}", file=sys.stderr)
            yield row, made


def main(words):
    np.seterr(all="raise")
    count = int(words[0]) if words else 1
    files, alone = {}, {}
    for row, made in lines(count):
        # Images of the x87 unit have pointers that lines before would change.
        there = alone if row.name in ("fnstenv", "fnsave") else files
        there.setdefault(row.where.split(".")[0], []).extend(made)
    for name, made in files.items():
        with (HERE / "x86" / f"x86_64_{name}.ins").open("w") as file:
            print(f"# {name}.ops in 64-bit mode: results of this machine's {processor()} "
                  "(tests/isa/make_ins_vec.py).", file=file)
            print("x86_64", *made, sep="\n", file=file)
            if name in alone:
                print("fresh", *alone[name], sep="\n", file=file)


if __name__ == "__main__":
    main(sys.argv[1:])
