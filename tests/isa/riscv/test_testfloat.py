"""Berkeley TestFloat's f32 and f64 vectors through real RISC-V instructions, result and fflags.

Lives here: a guest loop around one instruction, rounding mode in the instruction and in frm. Does
not live here: the vectors' format and the functions below (tests/fp/test_testfloat).
"""

import numpy as np
import pytest
from fp.formats import NV, default_nan, is_nan
from fp.test_testfloat import FILES, INTEGERS, load, parse, riscv_integer
from isa.asm import assemble
from isa.ins import backends

import engine

pytestmark = [
    pytest.mark.skipif(not hasattr(engine, "Emulator"), reason="the engine is not built"),
    pytest.mark.skipif(not FILES, reason="no shared/data/testfloat, and ENGINE_DATA names none")]

CODE, DATA, OUT, SIZE = 0x10000, 0x100000, 0x400000, 0x200000
LETTER = {"f32": "s", "f64": "d", "i32": "w", "ui32": "wu", "i64": "l", "ui64": "lu"}
ARITHMETIC = {"add": 2, "sub": 2, "mul": 2, "div": 2, "sqrt": 1, "muladd": 3}
COMPARE = {"eq": "feq", "lt": "flt", "le": "fle"}
ROUNDING = (", rne", ", rtz", ", rdn", ", rup", ", rmm")
BOX = 0xffffffff00000000


def instruction(op, source, result, rounding):
    """The instruction under test, from a0 or fa0..fa2 to a3 or fa3; None: RISC-V has none."""
    if op in ARITHMETIC:
        operands = ", ".join(f"fa{n}" for n in range(ARITHMETIC[op]))
        name = {"muladd": "madd"}.get(op, op)
        return f"f{name}.{LETTER[source]} fa3, {operands}{rounding}"
    if op in COMPARE:
        return f"{COMPARE[op]}.{LETTER[source]} a3, fa0, fa1"
    if source not in LETTER or result not in LETTER or not op.startswith(("to_", "from_")):
        return None
    if op.startswith("to_") and result in INTEGERS:
        return f"fcvt.{LETTER[result]}.{LETTER[source]} a3, fa0{rounding}"
    exact = source == "f32" or source.endswith("32") and result == "f64"
    text = f"fcvt.{LETTER[result]}.{LETTER[source]} {{}}, {{}}{'' if exact else rounding}"
    return text.format("fa3", "a0" if source in INTEGERS else "fa0")


def wanted(file):
    op, fmt, source, result, _ = parse(file)
    return fmt in LETTER and instruction(op, source, result, "") is not None


GROUPS = {}
for _file in filter(wanted, FILES):
    GROUPS.setdefault(_file.name.split(".")[0], []).append(_file)


def run(arch, backend, text, frm, operands, integer_result):
    """(results, flags) of an instruction over rows of three 64-bit operands."""
    emu = engine.Emulator(arch, backend=backend)
    wide = arch == "riscv64"
    for base in (CODE, DATA, OUT):
        emu.memory.map(base, SIZE if base != CODE else 0x1000)
    load_a0, store_a3 = ("ld", "sd") if wide else ("lw", "sw")
    code, labels = assemble(f"""
        csrrw zero, frm, s3
    loop:
        {load_a0} a0, 0(s0)
        fld fa0, 0(s0)
        fld fa1, 8(s0)
        fld fa2, 16(s0)
        csrrwi zero, fflags, 0
        {text}
        csrrs a4, fflags, zero
        {f"{store_a3} a3, 0(s1)" if integer_result else "fsd fa3, 0(s1)"}
        sw a4, 8(s1)
        addi s0, s0, 24
        addi s1, s1, 16
        addi s2, s2, -1
        bne s2, zero, loop
    done:
        addi zero, zero, 0
    """, arch, CODE)
    emu.memory.write(CODE, code)
    emu.memory.write(DATA, np.ascontiguousarray(operands).tobytes())
    emu.regs.s0, emu.regs.s1, emu.regs.s2, emu.regs.s3 = DATA, OUT, len(operands), frm
    result = emu.run(CODE, labels["done"])
    assert result.pc == labels["done"]
    out = np.frombuffer(bytes(emu.memory.read(OUT, 16 * len(operands))), np.uint64)
    return out[0::2].tolist(), out[1::2].tolist()


def check(file, arch, backend, static):
    op, fmt, source, result, mode = parse(file)
    operands, results, flags = load(file, source)
    rows = operands[:, :, 0].copy()
    if source == "f32":
        rows |= np.uint64(BOX)
    integer = result in INTEGERS or result == "bool"
    text = instruction(op, source, result, ROUNDING[mode] if static else "")
    # With the mode in the instruction frm says something else.
    got, got_flags = run(arch, backend, text, (mode + 2) % 5 if static else mode, rows, integer)
    word = 0xffffffffffffffff if arch == "riscv64" else 0xffffffff
    wrong = []
    for row, want in enumerate(results):
        if result in INTEGERS:
            width = INTEGERS[result][1]
            if flags[row] & NV:
                want = riscv_integer(source, int(operands[row, 0, 0]), result)
            if width == 32 and want >> 31 & 1:
                want |= BOX                 # sign-extended, fcvt.wu too
            want &= word
        elif not integer:
            want = default_nan(result) if is_nan(result, want) else want
            want |= BOX if result == "f32" else 0
        if got[row] & (word if integer else (1 << 64) - 1) != want or got_flags[row] != flags[row]:
            wrong.append(f"row {row}: {got[row]:x} flags {got_flags[row]:x}, "
                         f"expected {want:x} flags {flags[row]:x}")
    assert not wrong, f"{file.name}, {text}: {len(wrong)} of {len(got)}\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("backend", backends())
# RV32 has no conversions from or to 64-bit integers.
@pytest.mark.parametrize(("name", "arch"), [
    (name, arch) for name in GROUPS for arch in ("riscv64", "riscv32")
    if arch == "riscv64" or "i64" not in name])
def test_vectors(name, arch, backend):
    for file in GROUPS[name]:
        check(file, arch, backend, static=False)
        check(file, arch, backend, static=True)
