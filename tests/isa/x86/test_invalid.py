"""What the processor or capstone refuses, the engine refuses: every opcode, and random bytes.

Lives here: a part of the sweep (sweep.py), random bytes. An instruction that the engine executes
must be one to the processor these tests run on (stepped by stepper.c), or where there is none that
could be asked to capstone; one that the engine refuses is an invalid-opcode exception whose message
has the bytes and their text. Does not live here: what instructions do (test_native_run.py).
ENGINE_SWEEP: one in how many encodings of the sweep (default 20).
"""

import os
import random
import re
import sys
from pathlib import Path

import pytest
from isa.make_ins_x86 import ARCH, CODE, DATA, NAMES, Stepper

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import sweep  # noqa: E402
from native_run import native  # noqa: E402

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
# CLAC, STAC: of level 0, which real mode is.
RESERVED = re.compile(rb".?.?\x0f[\x0d\x18-\x1f]|\xf2\x0f[\xbc\xbd]"
                      rb"|.?.?\x0f\x01[\x08-\x0f\x48-\x4f\x88-\x8f\xca\xcb]", re.DOTALL)
# What the sweep needs of the processor.
NEEDED = {"avx2", "fma", "bmi2", "f16c", "adx", "sha_ni", "movbe", "rdrand", "fsgsbase"}


def strings(bits):
    rng = random.Random(bits)
    while True:
        code = (rng.choice(HEADS) + rng.randbytes(15))[:15]
        if code[0] not in FIRST and not any(part in code for part in LEFT_OUT):
            yield code


def child(bits):
    """A stepping child, None: not on this host."""
    if native.why_not():
        return None
    try:
        return Stepper(bits)
    except OSError:         # a host that does not run the program
        return None


def refused(stepper, code, bits):
    """Whether the processor refuses; None where nobody could be asked."""
    try:
        fault, *_ = stepper.step(code, [DATA[bits] + 0x80] * len(NAMES[bits]), 0x202, bytes(256))
    except (ChildProcessError, BrokenPipeError):
        return None
    return fault == "!illegal"


@pytest.mark.parametrize("bits", [64, 32, 16])
def test_what_is_no_instruction_is_refused(bits):
    emu = engine.Emulator(ARCH[bits], user_mode=bits != 16)
    emu.memory.map(CODE[bits] & ~0xFFF, 0x1000)
    tables = capstone.Cs(capstone.CS_ARCH_X86, MODES[bits])
    stepper, wrong, executed, undefined = child(bits), [], 0, 0
    for _, code in zip(range(1500), strings(bits), strict=False):
        emu.memory.write(CODE[bits], code)
        emu.regs.write_many(dict.fromkeys(NAMES[bits], DATA[bits] + 0x80))
        try:
            emu.run(CODE[bits], count=1)
        except engine.InstructionFault as error:
            undefined += 1
            if f"bytes {error.bytes.hex(' ')} ({error.disassembly})" not in str(error):
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
                stepper.close()
                stepper = child(bits)
        if said:
            wrong.append(f"{code.hex()} runs: {next(iter(emu.disassemble(code, 1))).text}")
    if stepper:
        stepper.close()
    assert wrong == []
    assert executed > 200
    assert undefined > 200


@pytest.mark.skipif(bool(native.why_not()), reason=native.why_not() or "")
@pytest.mark.skipif(not native.cpu_flags() >= NEEDED,
                    reason=f"needs a processor with {', '.join(sorted(NEEDED))}")
@pytest.mark.parametrize("backend", engine.backends())
@pytest.mark.parametrize("bits", [64, 32, 16])
def test_sweep(bits, backend):
    """One encoding in some of the sweep: the same is undefined, the rest does the same."""
    of = int(os.environ.get("ENGINE_SWEEP", "20"))
    count, found = sweep.compare(bits, sorted(engine.backends()).index(backend) % of, of, backend)
    # A later processor has more instructions; the engine refuses those.
    assert [case for case in found.get(None, ()) if ": refused, " not in case] == []
    assert count > 150000 // of
