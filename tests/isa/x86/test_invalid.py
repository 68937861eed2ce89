"""Random bytes as instructions: what the processor or capstone refuses, the engine refuses.

Lives here: the comparison. An instruction that the engine executes must be one to the processor
these tests run on (stepped by stepper.c), or where it cannot be asked to capstone; one that the
engine refuses is an invalid-opcode exception whose message has the bytes. Does not live here: what
instructions do (test_native_int.py). Flow that would end the stepping child is left out.
"""

import random
import re
import shutil

import pytest
from isa.make_ins_x86 import ARCH, CODE, DATA, NAMES, Stepper

import engine

capstone = pytest.importorskip("capstone", reason="needs capstone (extra: test)")

MODES = {64: capstone.CS_MODE_64, 32: capstone.CS_MODE_32, 16: capstone.CS_MODE_16}
HEADS = [b"", b"", b"", b"\x0f", b"\x0f", b"\x0f\x38", b"\x0f\x3a", b"\x66\x0f", b"\xf3\x0f",
         b"\xf2\x0f", b"\xc5", b"\xc4", b"\x48\x0f", b"\xf0", b"\x66", b"\x0f\xc7",
         b"\x0f\x01"]  # fmt: skip
# System calls, segment loads, flags and returns from interrupts: not for the stepping child.
LEFT_OUT = [b"\xcd", b"\x0f\x05", b"\x0f\x34", b"\x0f\xae", b"\x8e", b"\x0f\xa1", b"\x0f\xa9",
            b"\xff"]  # fmt: skip
FIRST = b"\x07\x17\x1f\x9a\x9d\xca\xcb\xcf\xea"
# No-operations by Intel's account: PREFETCHW of a register, which AMD's cores refuse, and hints
# that capstone does not know; nor does it that BSF and BSR ignore F2. SIDT: of a kernel with UMIP.
RESERVED = re.compile(rb".?.?\x0f[\x0d\x18-\x1f]|\xf2\x0f[\xbc\xbd]"
                      rb"|.?.?\x0f\x01[\x08-\x0f\x48-\x4f\x88-\x8f]", re.DOTALL)


def strings(bits):
    rng = random.Random(bits)
    while True:
        code = (rng.choice(HEADS) + rng.randbytes(15))[:15]
        if code[0] not in FIRST and not any(part in code for part in LEFT_OUT):
            yield code


def native(bits):
    compiler = "gcc" if bits == 64 else "i686-linux-gnu-gcc"
    if bits == 16 or not shutil.which(compiler):
        return None
    try:
        return Stepper(bits)
    except OSError:         # a host that does not run the program
        return None


def refused(stepper, code, bits):
    """Whether the processor refuses; None where nobody could be asked."""
    try:
        fault, *_ = stepper.step(code, [DATA[bits] + 0x80] * len(NAMES[bits]), 0x202, bytes(256))
    except Exception:       # the child is gone
        return None
    return fault == "!illegal"


@pytest.mark.parametrize("bits", [64, 32, 16])
def test_what_is_no_instruction_is_refused(bits):
    emu = engine.Emulator(ARCH[bits], user_mode=bits != 16)
    emu.memory.map(CODE[bits] & ~0xFFF, 0x1000)
    tables = capstone.Cs(capstone.CS_ARCH_X86, MODES[bits])
    stepper, wrong, executed, undefined = native(bits), [], 0, 0
    for _, code in zip(range(1500), strings(bits), strict=False):
        emu.memory.write(CODE[bits], code)
        emu.regs.write_many(dict.fromkeys(NAMES[bits], DATA[bits] + 0x80))
        try:
            emu.run(CODE[bits], count=1)
        except engine.InstructionFault as error:
            undefined += 1
            if f"bytes {code[:1].hex()}" not in str(error):
                wrong.append(f"{code.hex()}: {error}")
            continue
        except engine.Error:
            pass
        executed += 1
        if RESERVED.match(code):
            continue
        said = refused(stepper, code, bits) if stepper else None
        if said is None:
            # capstone does not know the vector prefixes in 16-bit code
            said = bits != 16 and not list(tables.disasm(code, CODE[bits], 1))
            if stepper:
                stepper = native(bits)
        if said:
            wrong.append(f"{code.hex()} runs: {next(iter(emu.disassemble(code, 1))).text}")
    assert wrong == []
    assert executed > 200
    assert undefined > 200
