"""Random vector instructions of 64-bit code: this machine's processor against both back ends.

Lives here: the rows of sse.ops and vex.ops, decoded and run by the engine. Does not live here: the
helpers by themselves (test_native_simd.py). ENGINE_NATIVE_CASES: how many instructions (default
3,000), 4 operand sets each.
"""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest

import engine
from engine._core.gen.x86 import load, sample

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "native")]

import native  # noqa: E402

SETS = 4
GPRS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16))]
NAMES = [*GPRS, "rflags", "mxcsr", *(f"ymm{n}" for n in range(16))]
APPROXIMATE = {"rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss"}
APART = {"image", "vgather", "maskmov", "xgetbv"}       # test_native_state.py
EXCEPTIONS = {4: (6,), 8: (0, 16, 19), 11: (13, 14)}    # signal: vectors


def vector_rows():
    flags = native.cpu_flags()
    lacking = {"sha": "sha_ni", "fma": "fma", "f16c": "f16c", "avx2": "avx2", "aes": "aes"}
    return [row for row in load() if row.where.startswith(("sse.ops", "vex.ops"))
            and row.name not in APPROXIMATE and row.family not in APART
            and lacking.get(row.feature, "sse2") in flags]


def make(seed, rows):
    """(row, code, records) for one instruction."""
    rng, state = random.Random(seed), np.random.default_rng(seed)
    row = rows[seed % len(rows)]
    base = rng.choice([b for b in range(16) if b not in (4, 12)])
    code = sample(row, rng, 64, base, None)
    if code is None:
        return None
    cases = native.cases(SETS)
    width = {"D": 64}.get(row.name[-1:].upper(), 32)
    for field in ("xmm", "ymmh"):
        cases[field] = native.lanes(state, cases[field].shape, rng.choice([8, 16, width, 32, 64]))
    cases["gpr"] = native.lanes(state, cases["gpr"].shape, 32)
    cases["gpr"][:, 4] = native.MEM_WINDOW + 64
    # Aligned once the displacement of sample() is added, mostly.
    cases["gpr"][:, base] = native.MEM_WINDOW + 32 - (code[-1] & 7 if rng.random() < 0.5 else 0)
    cases["mem"] = native.lanes(state, (SETS, 16), rng.choice([8, 16, 32, 64])).view(np.uint8)
    if row.name.endswith("ldmxcsr"):
        cases["mem"] &= 0x7F
        for at in range(2, 128, 1):
            if rng.random() < 0.9:
                cases["mem"][:, at] = 0
    cases["rflags"] = 0x202 | state.integers(0, 1 << 12, SETS).astype(np.uint64) & np.uint64(0x8D5)
    cases["mxcsr"] = 0x1F80 | state.integers(0, 4, SETS) << 13
    if rng.random() < 0.2:
        cases["mxcsr"] ^= state.integers(0, 1 << 16, SETS).astype(np.uint32)
    native.set_code(cases, code)
    return row, code, cases


def ymm(record):
    return [int(record["xmm"][n, 0]) | int(record["xmm"][n, 1]) << 64
            | int(record["ymmh"][n, 0]) << 128 | int(record["ymmh"][n, 1]) << 192
            for n in range(16)]


def run_engine(emu, code, case):
    emu.memory.write(native.MEM_WINDOW, case["mem"].tobytes())
    values = dict(zip(NAMES, [*map(int, case["gpr"]), int(case["rflags"]), int(case["mxcsr"]),
                              *ymm(case)], strict=True))
    values |= {"fsw": 0, "ftw": 0xFFFF, "fcw": 0x37F}
    for n in range(8):
        values[f"st{n}"] = 0
    emu.regs.write_many(values)
    fault = None
    try:
        emu.run(native.CODE, native.CODE + len(code), count=2)
    except engine.GuestException as error:
        fault = error.cause
    except engine.InstructionFault:
        fault = 6
    except engine.MemoryFault:
        fault = 14
    return fault, emu.regs.read_many(NAMES), emu.memory.read(native.MEM_WINDOW, 128), \
        emu.regs.read_many([f"st{n}" for n in range(8)])


def difference(result, got):
    fault, values, mem, st = got
    signal = int(result["signal"])
    if fault not in EXCEPTIONS.get(signal, (None,)):
        return f"signal {signal}, engine: exception {fault}"
    want = [*map(int, result["gpr"]), int(result["rflags"]), int(result["mxcsr"]), *ymm(result)]
    for name, a, b in zip(NAMES, want, values, strict=True):
        if name == "rflags":
            a, b = a & 0x8D5, b & 0x8D5
        if a != b:
            return f"{name}: processor {a:#x}, engine {b:#x}"
    if bytes(result["mem"]) != mem:
        return f"memory: processor {bytes(result['mem']).hex()}, engine {mem.hex()}"
    real = [int.from_bytes(bytes(result["st"][n, :10]), "little") for n in range(8)]
    if real != list(st):
        return f"MMX: processor {real}, engine {list(st)}"
    return None


@pytest.mark.parametrize("backend", ["interpreter", "jit"])
def test_processor(backend):
    if native.why_not():
        pytest.skip(native.why_not())
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    count = int(os.environ.get("ENGINE_NATIVE_CASES", "3000"))
    first = int(os.environ.get("ENGINE_NATIVE_SEED", "0")) * count
    rows = vector_rows()
    wrong, seen = {}, set()
    emu = engine.Emulator("x86_64", backend=backend)
    emu.memory.map(native.CODE & ~0xFFF, 0x1000)
    emu.memory.map(native.MEM_WINDOW & ~0xFFF, 0x1000)
    with native.Processor() as cpu:
        for seed in range(first, first + count):
            made = make(seed, rows)
            if made is None:
                continue
            row, code, cases = made
            seen.add(row.number)
            results = cpu.run(cases)
            emu.memory.write(native.CODE, code + b"\xf4" * 16)
            for case, result in zip(cases, results, strict=True):
                bad = difference(result, run_engine(emu, code, case))
                if bad and row.name not in wrong:
                    wrong[row.name] = f"{code.hex()} {row.notation} {row.name} seed {seed}: {bad}"
    assert not wrong, f"{len(wrong)}\n" + "\n".join(wrong.values())
    assert len(seen) > len(rows) * 0.9
