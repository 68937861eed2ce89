"""Writes `.ins` lines for the rows of sse.ops, vex.ops and x87.ops, their results taken from this
machine's own processor.

Lives here: which registers a line names, and its text. Does not live here: the operands
(x86/native_cases.py), the processor's side (x86/stepper.c), the rows of make_ins_rest.py.
Called by a developer: `python -m tests.isa.make_ins_vec [COUNT]` writes the files of 64-, 32- and
16-bit code (needs gcc). What it writes is read and kept, not made by CI.
"""

import re
import sys
from pathlib import Path

import numpy as np

import engine
from engine._core.gen.x86 import FLAGS

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "x86")]

import native_cases  # noqa: E402
from native_cases import native  # noqa: E402

from .make_ins_x86 import (  # noqa: E402
    ARCH,
    NAMES,
    Stepper,
    illegal,
    not_real,
    processor,
    register_number,
)

# 16 bits: offsets, so that the low halves of addresses are good.
CODE = {64: native.CODE, 32: native.CODE, 16: native.CODE & 0xFFFF}
DATA = {64: native.MEM_WINDOW, 32: native.MEM_WINDOW, 16: native.MEM_WINDOW & 0xFFFF}
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


def state(record, bits, general, vectors, x87, fpu):
    """{name: value} of everything a line may name."""
    out = {NAMES[bits][n]: int(record["gpr"][n]) for n in sorted(general)}
    out["rflags" if bits == 64 else "eflags"] = number(record, "rflags")
    if x87:
        out |= {"fcw": number(record, "fcw"), "fsw": number(record, "fsw"), "ftw": tags(record)}
        out |= {f"fpr{n}": stack(record, n) for n in range(8)}
    if not fpu:
        out["mxcsr"] = number(record, "mxcsr")
    out |= {f"ymm{n}": wide(record, n, True) for n in sorted(vectors)}
    return out


def stepped(cpu, record, code):
    """(record after the instruction, signal, vector) on the processor."""
    signal, trap, gpr, flags, _, memory, xsave = cpu.state(
        code, [int(value) for value in record["gpr"]][:16 if cpu.bits == 64 else 8],
        int(record["rflags"]), record["mem"].tobytes(),
        record.tobytes()[:832])
    after = np.frombuffer(bytearray(xsave + record.tobytes()[832:]), native.RECORD)[0].copy()
    after["gpr"][:len(gpr)] = gpr
    after["rflags"] = flags
    after["mem"] = np.frombuffer(memory, np.uint8)
    return after, signal, trap


def line(emu, cpu, row, seed, rows):
    bits = cpu.bits
    made = native_cases.vector_case(seed, rows, bits, 1)
    if made is None:
        return None
    _, code, cases = made
    if bits == 16 and not_real(row):
        return illegal(emu, code, CODE[16])
    fpu = row.where.startswith("x87")
    record = cases[0].copy()
    # Few bytes of memory, so that lines stay short.
    record["mem"][:16] = 0
    record["mem"][80:] = 0
    record["gpr"] &= np.uint64(cpu.mask)
    (insn,) = emu.disassemble(code, 1, address=CODE[bits])
    if insn.size != len(code):
        return None
    real, signal, trap = stepped(cpu, record, code)
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
    before = state(record, bits, general, vectors, x87, fpu)
    after = state(real, bits, general, vectors, x87, fpu)
    if signal in (7, 11):
        return None
    fault = {4: "!illegal", 8: f"!exception {trap}"}.get(signal)
    words = [f"{name}={value:#x}" for name, value in before.items()]
    memory, changed = record["mem"].tobytes(), real["mem"].tobytes()
    touches = row.family == "maskmov" or "[" in insn.text
    cell = f"[{DATA[bits]:#x}:128]="
    if touches:
        words.append(f"{cell}{int.from_bytes(memory, 'little'):#x}")
    if changed != memory and not touches:
        return None
    changes = [f"{name}={value:#x}" for name, value in after.items() if value != before[name]]
    if changed != memory:
        changes.append(f"{cell}{int.from_bytes(changed, 'little'):#x}")
    end = " ".join([fault or "=>", *changes])
    return (f'{CODE[bits]:#x} [{code.hex(" ")}] "{insn.text}" {" ".join(words)} {end}').rstrip()


def lines(bits, count):
    emu = engine.Emulator(ARCH[bits])
    rows = native_cases.vector_rows()
    cpu = Stepper(bits, CODE[bits], DATA[bits])
    for n, row in enumerate(rows):
        made = []
        for turn in range(200):
            text = line(emu, cpu, row, n + len(rows) * turn, rows)
            if text and text not in made and (turn > 100 or "!" not in text):
                made.append(text)
            if len(made) == count:
                break
        if not made and not row.flags & FLAGS["i64" if bits == 64 else "o64"]:
            print(f"# none for {row.notation} {row.name} in {bits} bits", file=sys.stderr)
        yield row, made
    cpu.close()


def main(words):
    np.seterr(all="raise")
    count = int(words[0]) if words else 1
    for bits, arch in ARCH.items():
        files = {}
        for row, made in lines(bits, count):
            files.setdefault(row.where.split(".")[0], []).extend(made)
        for name, made in files.items():
            with (HERE / "x86" / f"{arch}_{name}.ins").open("w") as file:
                print(f"# {name}.ops in {bits}-bit mode: results of this machine's {processor()} "
                      "(tests/isa/make_ins_vec.py).", arch, sep="\n", file=file)
                if bits == 16:
                    print("given cr4=0x600", file=file)
                print(*made, sep="\n", file=file)


if __name__ == "__main__":
    main(sys.argv[1:])
