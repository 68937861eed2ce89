"""The vector helpers of the x86 guest against this machine's processor.

ENGINE_NATIVE_CASES=n runs n cases a form instead of a few hundred, ENGINE_NATIVE_SEED=n others.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "native")]

import native  # noqa: E402
import vector_rows as rows  # noqa: E402

CASES = int(os.environ.get("ENGINE_NATIVE_CASES", "0"))
SEED = int(os.environ.get("ENGINE_NATIVE_SEED", "0"))
why_not = native.why_not()
pytestmark = pytest.mark.skipif(why_not is not None, reason=str(why_not))


@pytest.fixture(scope="module")
def cpu():
    with native.Processor() as processor:
        yield processor


def fresh(rng, count, width):
    """Records with random vector registers, numbers of one lane width likely."""
    out = native.cases(CASES or count)
    out["xmm"][:, :5] = native.lanes(rng, (len(out), 5, 2), width)
    out["ymmh"][:, :5] = native.lanes(rng, (len(out), 5, 2), width)
    same = rng.random(len(out)) < 0.1       # equal operands
    out["xmm"][same, 2] = out["xmm"][same, 1]
    return out


def raw(records):
    return records.view(np.uint8).reshape(len(records), native.RECORD.itemsize)


COMPARED = ("xmm", "ymmh", "gpr", "rflags", "mxcsr", "mem", "signal", "rip")


def differences(name, before, mine, real, fields=COMPARED):
    """A report of the first difference, or None."""
    for field in fields:
        bad = (mine[field] != real[field]).reshape(len(mine), -1).any(axis=1)
        if bad.any():
            i = int(np.argmax(bad))

            def text(r, f, i=i):
                value = r[f][i]
                return [hex(int(x)) for x in value.flat] if value.shape else hex(int(value))
            inputs = {f: text(before, f)[:10] for f in ("xmm", "ymmh")} | {
                f: text(before, f) for f in ("mxcsr", "rflags", "fcw", "fsw")}
            return (f"{name}: {field} differs in {int(bad.sum())} of {len(mine)}; case {i}: "
                    f"helper {text(mine, field)}, processor {text(real, field)}, "
                    f"mxcsr {text(mine, 'mxcsr')} / {text(real, 'mxcsr')}, "
                    f"signal {text(mine, 'signal')} / {text(real, 'signal')}, before {inputs}")
    return None


def encodings(row, imm):
    """(form, bytes of code, vector bytes, d, a, b) for each form of a row."""
    imm = imm if row.imm else None
    for form in row.forms:
        pp = row.pp
        if form == "m" and pp == 1:
            pp = 0
        if form in "ms":
            if row.digit >= 0:
                code, regs = rows.legacy(pp, row.space, row.opcode, row.digit, 2, imm), (2, 1, 2)
            else:
                code, regs = rows.legacy(pp, row.space, row.opcode, 1, 2, imm), (1, 1, 2)
            yield form, code, 8 if form == "m" else 16, regs
        else:
            wide = 1 if form == "y" else 0
            if row.digit >= 0:
                code = rows.vex(pp, row.space, row.opcode, row.digit, 0, 2, size=wide, imm=imm)
            else:
                code = rows.vex(pp, row.space, row.opcode, 0, -1 if row.one else 1, 2, size=wide,
                                w=row.w, imm=imm)
            yield form, code, 32 if wide else 16, (0, 1, 2)


@pytest.mark.parametrize("row", rows.INT, ids=lambda row: row.name)
def test_integer_lanes(cpu, simd, row):
    rng = np.random.default_rng([SEED, row.opcode])
    ops = simd.lane_size_ops()
    op = ops[row.op] | row.n
    width = {"SLLI": 64, "SRLI": 64}.get(row.op, 8 << row.n)
    for imm in (rng.integers(0, 256, 12).tolist() + list(range(20)) if row.imm else [0]):
        for form, code, size, (d, a, b) in encodings(row, int(imm)):
            before = fresh(rng, 30 if row.imm else 400, width)
            if row.op in ("SLL", "SRL", "SRA", "SLLV", "SRLV", "SRAV"):
                small = rng.random(len(before)) < 0.8
                before["xmm"][small, 2] &= np.uint64(0x0000003F0000003F)
                if row.op in ("SLL", "SRL", "SRA"):
                    before["xmm"][small, 2, 0] &= np.uint64(0x3F)
            if form == "m":     # the x87 mantissas are the MMX registers; XMM ones stand for them
                before["st"][:, :8, :8] = before["xmm"][:, :8, 0].copy().view(np.uint8) \
                    .reshape(len(before), 8, 8)
            native.set_code(before, code)
            mine = before.copy()
            simd.run_int(raw(mine), op, d, a, b, imm, size, form in "vy", len(code))
            real = cpu.run(before)
            if form == "m":
                real["xmm"][:, :8, 0] = real["st"][:, :8, :8].copy().view("<u8") \
                    .reshape(len(real), 8)
            problem = differences(f"{row.name} {form} imm {imm} {code.hex()}", before, mine, real)
            assert problem is None, problem


@pytest.mark.parametrize("name, opcode, vopcode, n", [
    ("pblendvb", 0x10, 0x4C, 0), ("blendvps", 0x14, 0x4A, 2), ("blendvpd", 0x15, 0x4B, 3)])
def test_variable_blends(cpu, simd, name, opcode, vopcode, n):
    rng = np.random.default_rng([SEED, opcode])
    for form in "svy":
        before = fresh(rng, 500, 8)
        if form == "s":
            code = rows.legacy(1, 2, opcode, 1, 2)
            regs = (1, 1, 2, 0)
        else:
            code = rows.vex(1, 3, vopcode, 0, 1, 2, size=form == "y", imm=0x30)
            regs = (0, 1, 2, 3)
        native.set_code(before, code)
        mine = before.copy()
        simd.run_blendv(raw(mine), n, *regs, 32 if form == "y" else 16, form in "vy", len(code))
        problem = differences(f"{name} {form}", before, mine, cpu.run(before))
        assert problem is None, problem


@pytest.mark.parametrize("name, pp, space, opcode, n", [
    ("movmskps", 0, 1, 0x50, 2), ("movmskpd", 1, 1, 0x50, 3), ("pmovmskb", 1, 1, 0xD7, 0),
    ("ptest", 1, 2, 0x17, 4), ("vtestps", 1, 2, 0x0E, 2), ("vtestpd", 1, 2, 0x0F, 3)])
def test_masks_and_tests(cpu, simd, name, pp, space, opcode, n):
    rng = np.random.default_rng([SEED, opcode])
    test = "test" in name
    for form in "vy" if name.startswith("v") else "svy":
        before = fresh(rng, 500, 8)
        before["rflags"] |= np.uint64(0x8D5)
        reg = 1 if test else 0
        code = rows.legacy(pp, space, opcode, reg, 2) if form == "s" else \
            rows.vex(pp, space, opcode, reg, -1, 2, size=form == "y")
        if test:
            sparse = rng.random(len(before)) < 0.6
            for field in ("xmm", "ymmh"):
                before[field][sparse, 2] &= before[field][sparse, 1]
                before[field][:, 1][rng.random(len(before)) < 0.2] = 0
        native.set_code(before, code)
        mine = before.copy()
        simd.run_scalar(raw(mine), "test" if test else "movmask", n, 1, 2,
                        32 if form == "y" else 16, len(code))
        problem = differences(f"{name} {form}", before, mine, cpu.run(before))
        assert problem is None, problem


def float_encodings(row):
    """(form, code, d, a, b, c, lanes, keep, zero_from) for each form of a FloatRow."""
    for form in row.forms:
        double = row.double
        full = 32 if form == "y" else 16
        lanes = row.lanes if row.lanes and form != "y" else \
            2 * row.lanes if row.lanes else full // (8 if double else 4)
        if row.scalar:
            lanes = 1
        yield form, full, lanes


@pytest.mark.parametrize("row", rows.FLOAT, ids=lambda row: row.name)
def test_float_lanes(cpu, simd, row):
    rng = np.random.default_rng([SEED, row.opcode + row.pp])
    op = simd.float_ops()[row.op]
    imms = {"CMP": range(32), "ROUND": range(16), "F32_F16": range(8),
            "DP": [0xFF, 0x31, 0x7F, 0xF1, 0x13, 0xAC, 0x55, 0xE2]}.get(row.op, [row.extra])
    for imm in imms:
        for form, full, lanes in float_encodings(row):
            if row.op == "CMP" and form == "s" and imm > 7:
                continue
            has_imm = row.op in ("CMP", "ROUND", "F32_F16", "DP")
            before = fresh(rng, 60 if len(imms) > 1 else 1000, row.width)
            before["mxcsr"] = modes(rng, len(before), row.unmasked)
            if form == "s":
                code = rows.legacy(row.pp, row.space, row.opcode, 1, 2, imm if has_imm else None)
                d, a, zero = 1, 1, 32
            else:
                # VCVTPS2PH writes the r/m operand
                reg, rm = (2, 0) if row.op == "F32_F16" else (0, 2)
                code = rows.vex(row.pp, row.space, row.opcode, reg, -1 if row.one else 1, rm,
                                size=form == "y", w=row.w, imm=imm if has_imm else None)
                d, a, zero = 0, 1, full
            b, c = 2, 0
            if row.op == "FMA":     # x * y + z by the form's name
                d, (a, b, c) = 0, {132: (0, 2, 1), 213: (1, 0, 2), 231: (1, 2, 0)}[row.order]
            keep, zero_from = 0, zero
            if row.scalar and form != "s" and row.op != "FMA":
                keep = 16
            if row.result:
                if form != "s":
                    zero_from = row.result * (2 if form == "y" else 1)
                elif row.result == 8:
                    zero_from = -8      # the upper half of the low 16 bytes
            native.set_code(before, code)
            mine = before.copy()
            upper = mine["ymmh"][:, d].copy()
            simd.run_float(raw(mine), op, row.double, d, a, b, c, imm, lanes, keep,
                           8 if zero_from == -8 else zero_from, len(code))
            if zero_from == -8:
                mine["ymmh"][:, d] = upper
            real = cpu.run(before)
            if row.op in ("RCP", "RSQRT"):
                check_approximation(row, before, mine, real)
                continue
            problem = differences(f"{row.name} {form} imm {imm} {code.hex()}", before, mine, real)
            assert problem is None, problem


def check_approximation(row, before, mine, real):
    """RCPPS and RSQRTPS: both within 1.5 * 2^-12, else equal (Intel SDM vol. 2)."""
    got, want = mine["xmm"].copy().view(np.float32), real["xmm"].copy().view(np.float32)
    with np.errstate(all="ignore"):
        close = np.abs(got / want - 1) <= 3 * 2.0 ** -12
    same = mine["xmm"].copy().view(np.uint32) == real["xmm"].copy().view(np.uint32)
    bad = ~(close | same)
    assert not bad.any(), (row.name, got[bad][:5], want[bad][:5])
    assert (mine["mxcsr"] == real["mxcsr"]).all()


def modes(rng, count, unmasked):
    """MXCSR values: rounding, DAZ, FTZ, sticky flags at random; sometimes unmasked exceptions."""
    out = rng.integers(0, 4, count, np.uint32) << 13 | 0x1F80
    out |= np.where(rng.random(count) < 0.2, 0x40, 0).astype(np.uint32)
    out |= np.where(rng.random(count) < 0.2, 0x8000, 0).astype(np.uint32)
    out |= np.where(rng.random(count) < 0.2, rng.integers(0, 64, count), 0).astype(np.uint32)
    if unmasked:
        clear = np.where(rng.random(count) < 0.3, rng.integers(0, 64, count), 0).astype(np.uint32)
        out &= ~(clear << 7)
    return out.astype(np.uint32)


@pytest.mark.parametrize("name, pp, opcode", [
    ("ucomiss", 0, 0x2E), ("comiss", 0, 0x2F), ("ucomisd", 1, 0x2E), ("comisd", 1, 0x2F)])
def test_ordered_compares(cpu, simd, name, pp, opcode):
    rng = np.random.default_rng([SEED, opcode])
    for form in "sv":
        before = fresh(rng, 2000, 64 if pp else 32)
        before["mxcsr"] = modes(rng, len(before), True)
        code = rows.legacy(pp, 1, opcode, 1, 2) if form == "s" else \
            rows.vex(pp, 1, opcode, 1, -1, 2)
        native.set_code(before, code)
        mine = before.copy()
        simd.run_comi(raw(mine), pp == 1, opcode == 0x2F, 1, 2, len(code))
        problem = differences(f"{name} {form}", before, mine, cpu.run(before))
        assert problem is None, problem


@pytest.mark.parametrize("name, pp, space, opcode, forms, imms", [
    ("aesenc", 1, 2, 0xDC, "sv", None), ("aesenclast", 1, 2, 0xDD, "sv", None),
    ("aesdec", 1, 2, 0xDE, "sv", None), ("aesdeclast", 1, 2, 0xDF, "sv", None),
    ("aesimc", 1, 2, 0xDB, "sv", None), ("aeskeygen", 1, 3, 0xDF, "sv", (0, 1, 27, 128, 255)),
    ("pclmulqdq", 1, 3, 0x44, "sv", (0, 1, 16, 17, 0xEE)),
    ("sha1rnds4", 0, 3, 0xCC, "s", (0, 1, 2, 3, 0xFF)), ("sha1nexte", 0, 2, 0xC8, "s", None),
    ("sha1msg1", 0, 2, 0xC9, "s", None), ("sha1msg2", 0, 2, 0xCA, "s", None),
    ("sha256rnds2", 0, 2, 0xCB, "s", None), ("sha256msg1", 0, 2, 0xCC, "s", None),
    ("sha256msg2", 0, 2, 0xCD, "s", None)])
def test_aes_sha_and_carryless(cpu, simd, name, pp, space, opcode, forms, imms):
    need = {"aes": "aes", "pcl": "pclmulqdq", "sha": "sha_ni"}[name[:3]]
    if need not in native.cpu_flags():
        pytest.skip(f"this processor has no {need}")
    rng = np.random.default_rng([SEED, opcode])
    one = name in ("aesimc", "aeskeygen")
    for imm in imms or [None]:
        for form in forms:
            before = fresh(rng, 400, 8)
            if form == "s":
                code, d, a = rows.legacy(pp, space, opcode, 1, 2, imm), 1, 1
            else:
                code, d, a = rows.vex(pp, space, opcode, 0, -1 if one else 1, 2, imm=imm), 0, 1
            native.set_code(before, code)
            mine = before.copy()
            simd.run_misc(raw(mine), simd.misc_ops()[name], d, a, 2, imm or 0, form == "v",
                          len(code))
            problem = differences(f"{name} {form} {imm}", before, mine, cpu.run(before))
            assert problem is None, problem


@pytest.mark.parametrize("name, opcode", [("pcmpestrm", 0x60), ("pcmpestri", 0x61),
                                          ("pcmpistrm", 0x62), ("pcmpistri", 0x63)])
def test_string_compares(cpu, simd, name, opcode):
    rng = np.random.default_rng([SEED, opcode])
    for imm in range(128):
        before = fresh(rng, 60, 8)
        small = rng.integers(0, 4, (len(before), 3, 16), np.uint8)
        few = rng.random(len(before)) < 0.8
        before["xmm"][few, :3] = small.view("<u8").reshape(len(before), 3, 2)[few]
        lengths = rng.integers(-20, 20, (len(before), 16), np.int64)
        before["gpr"] = lengths.astype(np.uint64)
        before["gpr"][rng.random(len(before)) < 0.1, 0] = np.uint64(0x180000003)
        before["gpr"][rng.random(len(before)) < 0.1, 2] = np.uint64(1 << 63)
        before["rflags"] |= np.uint64(0x8D5)
        wide = bool(imm & 1) and opcode < 0x62
        code = rows.legacy(1, 3, opcode, 1, 2, imm)
        code = code[:1] + b"\x48" + code[1:] if wide else code
        native.set_code(before, code)
        mine = before.copy()
        simd.run_strings(raw(mine), opcode < 0x62, wide, not opcode & 1, imm, len(code))
        problem = differences(f"{name} {imm:#x}", before, mine, cpu.run(before))
        assert problem is None, problem


@pytest.mark.parametrize("size, code", [(1, "f20f38f0ca"), (2, "66f20f38f1ca"),
                                        (4, "f20f38f1ca"), (8, "f2480f38f1ca")])
def test_crc32(cpu, simd, size, code):
    rng = np.random.default_rng([SEED, size])
    before = fresh(rng, 400, 8)
    before["gpr"] = native.lanes(rng, (len(before), 16), 32)
    native.set_code(before, bytes.fromhex(code))
    mine = before.copy()
    simd.run_crc32(raw(mine), size, len(code) // 2)
    problem = differences("crc32", before, mine, cpu.run(before))
    assert problem is None, problem
