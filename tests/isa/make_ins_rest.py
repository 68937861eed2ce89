"""Writes `.ins` lines for rows of sse.ops, vex.ops and x87.ops whose results are not fixed in every
bit (approximations) or have more than 128 bytes (images of states), from this machine's processor.

Lives here: operands whose results are fixed or can be bounded, and the lines' text. Does not live
here: the other rows (make_ins_vec.py). Called by a developer: `python -m tests.isa.make_ins_rest`
writes x86/*_rest.ins (needs gcc). What it writes is read and kept, not made by CI.

What processors may do differently is masked: of an approximation's bits those below its error (SDM
2B, RCPPS: a relative error of 1.5 * 2^-12, 15 bits of 23 here; SDM 1, 8.3.10: one unit in the last
place, 4 bits here), with results that do not stand near a carry into the others; C1 and PE of these
x87 instructions, which tell how the result was rounded.
"""

import random
import struct
import sys

import numpy as np

import engine
from engine._core.gen.x86 import load, sample

from . import make_ins_vec as vec
from .make_ins_vec import HERE, native
from .make_ins_x86 import ARCH, CODE, DATA, NAMES, Stepper, illegal, not_real, processor

SINGLES = [0, 1 << 31, 0x3F800000, 0xC0800000, 0x7F800000, 0xFF800000, 0x7FC00001, 0x7F800001, 1,
           0x80000001, 0x7F7FFFFF, 0x42C80000, 0x3EAAAAAB, 0x40490FDB, 0x3F1DE69A]
LOW_SINGLE, LOW_EXTENDED, CHOSEN_FSW = 0x7FFF, 0xF, 0x220
ZERO, MINUS, ONE, HALF, THREE, INF = 0, 1 << 79, 0x3FFF << 64 | 1 << 63, 0x3FFE << 64 | 1 << 63, \
    0x4000 << 64 | 3 << 62, 0x7FFF << 64 | 1 << 63
NAN, SNAN, HUGE, THIRD = INF | 3 << 62, INF | 1, 0x4040 << 64 | 1 << 63, \
    0x3FFD << 64 | 0xAAAAAAAAAAAAAAAB
# Operands (st0, st1) by mnemonic: of fixed results first, then one whose last bits are chosen.
EXTENDED = {
    "f2xm1": [(ZERO, ONE), (MINUS, ONE), (ONE, ONE), (ONE | MINUS, ONE), (NAN, ONE), (SNAN, ONE),
              (THIRD, ONE)],
    "fyl2x": [(ONE, THREE), (HUGE, THREE), (HALF, THREE), (ZERO, THREE), (ONE | MINUS, THREE),
              (INF, THREE), (ONE, INF), (NAN, ONE), (THIRD, THREE)],
    "fyl2xp1": [(ZERO, THREE), (MINUS, THREE), (ZERO, INF), (SNAN, ONE), (0x3FFC << 64 | 1 << 63,
                                                                        THREE)],
    "fptan": [(ZERO, ONE), (MINUS, ONE), (INF, ONE), (HUGE, ONE), (NAN, ONE), (HALF, ONE)],
    "fpatan": [(ONE, ZERO), (ONE, MINUS), (INF, ONE), (NAN, ONE), (ONE, SNAN), (THREE, HALF)],
    "fsin": [(ZERO, ONE), (MINUS, ONE), (INF, ONE), (HUGE, ONE), (SNAN, ONE), (HALF, ONE)],
    "fcos": [(ZERO, ONE), (MINUS, ONE), (INF, ONE), (HUGE, ONE), (NAN, ONE), (HALF, ONE)],
    "fsincos": [(ZERO, ONE), (MINUS, ONE), (INF, ONE), (HUGE, ONE), (NAN, ONE), (HALF, ONE)],
}


def text_line(emu, bits, code, before, changes, fault=None):
    (insn,) = emu.disassemble(code, 1, address=CODE[bits])
    end = " ".join([fault or "=>", *changes])
    return (f'{CODE[bits]:#x} [{code.hex(" ")}] "{insn.text}" '
            f'{" ".join(f"{key}={value:#x}" for key, value in before.items())} {end}').rstrip()


def reset_record():
    return native.cases(1)[0].copy()


def transcendental(emu, cpu, row):
    """Lines of an x87 approximation."""
    code = bytes([row.opcode, 0xC0 | row.reg << 3 | row.mod - 3])
    for st0, st1 in EXTENDED[row.name]:
        line, step = None, 0
        while line is None:
            line = extended(emu, cpu, code, st0 + (step << 55), st1)
            step += 1
        yield line


def extended(emu, cpu, code, st0, st1):
    """The line of one pair of operands; None: a result stands near a carry."""
    record = reset_record()
    record["fsw"], record["ftw"] = 0x3000, 0xC0        # top is 6: two registers are full
    for n, value in ((0, st0), (1, st1)):
        record["st"][n, :10] = np.frombuffer(value.to_bytes(10, "little"), np.uint8)
    real, signal, _ = vec.stepped(cpu, record, code)
    assert not signal
    before = vec.state(record, cpu.bits, (), (), True, True)
    changes = []
    for name, value in vec.state(real, cpu.bits, (), (), True, True).items():
        mask = CHOSEN_FSW if name == "fsw" else 0
        exact = not value & 0xFFFFFFFF or value >> 64 & 0x7FFF in (0, 0x7FFF)
        if name[:3] == "fpr" and not exact and value != before[name]:
            mask = LOW_EXTENDED
            if not 3 <= value & mask <= 12:
                return None
        if value != before[name] or mask:
            changes.append(f"{name}{f'~{mask:#x}' if mask else ''}={value:#x}")
    return text_line(emu, cpu.bits, code, before, changes)


def estimate(emu, cpu, row, rng):
    """A line of RCPPS and its kin; None: a result stands near a carry."""
    bits, size = cpu.bits, 256 if row.vex_l == 1 or row.vex_l == 2 and rng.random() < 0.5 else 128
    code = sample(row, rng, bits)
    if code is None:
        return None
    if bits == 16 and not_real(row):
        return illegal(emu, code, CODE[16])
    record = reset_record()
    (insn,) = emu.disassemble(code, 1, address=CODE[bits])
    general, vectors = vec.named(insn.text, code)
    for n in vectors:
        lanes = np.array([rng.choice(SINGLES) for _ in range(8)], "<u4").view("<u8")
        record["xmm"][n], record["ymmh"][n] = lanes[:2], lanes[2:] if size == 256 else 0
    real, signal, _ = vec.stepped(cpu, record, code)
    assert not signal
    before = vec.state(record, bits, general, vectors, False, False)
    after, changes = vec.state(real, bits, general, vectors, False, False), []
    for name, value in after.items():
        mask = 0
        if name[:3] == "ymm" and value != before[name]:
            for at in range(0, 256, 32):
                lane, old = value >> at & 0xFFFFFFFF, before[name] >> at & 0xFFFFFFFF
                if lane != old and lane >> 23 & 0xFF not in (0, 0xFF):
                    mask |= LOW_SINGLE << at
                    if not 6200 < lane & LOW_SINGLE < LOW_SINGLE - 6200:
                        return None
        if value != before[name]:
            changes.append(f"{name}{f'~{mask:#x}' if mask else ''}={value:#x}")
    return text_line(emu, bits, code, before, changes) if changes else None


def image(emu, cpu, row, rng, mask):
    """A line of an instruction of the FXSAVE and XSAVE families. `mask`: what it asks for."""
    bits = cpu.bits
    rm = 3 if bits != 16 else 7                # [rbx], [bx]
    compact = row.name == "xsavec"
    code = (b"\x0F\xAE" if row.opcode == 0xAE else b"\x0F\xC7") + bytes([row.reg << 3 | rm])
    if bits == 64 and rng.random() < 0.5:
        code = b"\x48" + code
    record = reset_record()
    vectors = [0, 3, 7] + ([9, 15] if bits == 64 else [])
    lanes = native.lanes(np.random.default_rng(rng.getrandbits(32)), (16, 4), 32)
    for n in vectors:
        record["xmm"][n], record["ymmh"][n] = lanes[n, :2], lanes[n, 2:]
    record["mxcsr"], record["fsw"], record["ftw"] = 0x5FA0, 0x3000, 0xC0
    record["st"][0, :10] = np.frombuffer(THIRD.to_bytes(10, "little"), np.uint8)
    record["st"][1, :10] = np.frombuffer(HUGE.to_bytes(10, "little"), np.uint8)
    size = 512 if row.name[0] == "f" else 576 + 256
    memory = bytearray(size)
    if "rstor" in row.name:
        memory[:512] = struct.pack("<HHBxHQQII", 0x27F, 0x2800, 0xE0, 0, 0, 0, 0x3FC0, 0).ljust(
            32, b"\0") + bytes(480)
        for at in (32, 48, 64, 160, 272, *((304, 400) if bits == 64 else ())):
            memory[at:at + 8] = rng.randbytes(8)
            memory[at + 8:at + 10] = b"\x12\x40"
        if size > 512:
            memory[512] = 7 if rng.random() < 0.6 else 3
            memory[576:592] = rng.randbytes(16)
    gpr = [0] * (16 if bits == 64 else 8)
    gpr[0], gpr[3], gpr[4] = mask, DATA[bits], DATA[bits] + 0x400
    signal, _, _, _, _, changed, xsave = cpu.state(
        code, gpr, 0x202, bytes(memory).ljust(1024, b"\0"), record.tobytes()[:832])
    if signal:
        return None
    real = np.frombuffer(bytearray(xsave + record.tobytes()[832:]), native.RECORD)[0]
    names = NAMES[bits]
    before = {names[0]: gpr[0], names[2]: 0, names[3]: gpr[3]}
    start, after = (vec.state(r, bits, (), range(16 if bits == 64 else 8), True, False)
                    for r in (record, real))
    before |= {name: value for name, value in start.items() if value}
    changes = [f"{name}={value:#x}" for name, value in after.items() if value != start[name]
               and name[1:] != "flags"]
    # MXCSR_MASK (bytes 28 to 31) is the processor's own.
    for low, high in ((0, 28), (32, size)):
        cell = f"[{DATA[bits] + low:#x}:{high - low}]"
        before[cell] = int.from_bytes(memory[low:high], "little")
        value = int.from_bytes(changed[low:high], "little")
        if value != before[cell]:
            changes.append(f"{cell}={value:#x}")
    if compact and not changes:
        return None
    return text_line(emu, bits, code, before, changes)


def lines(bits):
    emu, cpu = engine.Emulator(ARCH[bits]), Stepper(bits)
    for row in load():
        rng = random.Random(f"{row.name} {bits}")
        if row.name in EXTENDED:
            yield from transcendental(emu, cpu, row)
        elif row.name.lstrip("v") in ("rcpps", "rcpss", "rsqrtps", "rsqrtss"):
            made = (estimate(emu, cpu, row, rng) for _ in range(400))
            found = [line for line in made if line]
            yield from found[:3]
        elif row.family == "image":
            masks = (7, 3, 4) if row.name[0] == "x" else (0,)
            yield from filter(None, (image(emu, cpu, row, rng, mask) for mask in masks))
    cpu.close()


def main():
    for bits, arch in ARCH.items():
        with (HERE / "x86" / f"{arch}_rest.ins").open("w") as file:
            print(f"# Approximations and images of states in {bits}-bit mode: results of this "
                  f"machine's {processor()} (tests/isa/make_ins_rest.py).", arch, sep="\n",
                  file=file)
            if bits == 16:
                print("given cr4=0x40600 xcr0=0x7", file=file)
            print(*lines(bits), sep="\n", file=file)


if __name__ == "__main__":
    sys.exit(main())
