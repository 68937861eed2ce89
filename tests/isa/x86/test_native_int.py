"""Random integer instructions of 64-bit code: this machine's processor against both back ends.

Lives here: which rows run alone, undefined flags, the comparison. Does not live here: the records
(native/), the samples (gen/x86.sample). ENGINE_NATIVE_CASES: how many instructions, 16 operand
sets each (default 2,000).
"""

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from isa.make_ins_x86 import CF, UNDEFINED

import engine
from engine._core.gen.x86 import load, sample

sys.path[:0] = [str(Path(__file__).resolve().parent / "native")]

import native  # noqa: E402

SETS = 16
GPRS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16))]
NOT_ALONE = {
    "syscall", "sysenter", "int", "int3", "int1", "hlt", "cli", "sti", "ret", "retf", "iret",
    "call", "callf", "jmp", "jmpf", "cpuid", "rdtsc", "rdtscp", "popf", "pushf", "mov_segment",
    "push_fs", "push_gs", "pop_fs", "pop_gs", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
    "ud0", "ud1", "ud2", "enter", "lss", "lfs", "lgs", "prefetchw", "xlat", "std",
}
SIGNAL = {4: 6, 8: 0}   # SIGILL, SIGFPE -> exception


def alone(row):
    kinds = {kind for kind, _, _ in row.codes}
    if row.name in NOT_ALONE or kinds & {"S", "J", "X", "Y", "O", "A", "V", "W", "P", "Q", "H"}:
        return False
    return row.family not in ("fence",) and not row.where.startswith("sys.ops")


def operands(rng, count):
    edge = np.array([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000,
                     0xFFFFFFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1], np.uint64)
    bits = rng.integers(0, 1 << 64, (count, 16), np.uint64, endpoint=False)
    small = rng.integers(0, 70, (count, 16)).astype(np.uint64)
    kind = rng.random((count, 16))
    return np.where(kind < 0.25, edge[rng.integers(0, len(edge), (count, 16))],
                    np.where(kind < 0.4, small, bits))


def make(seed, rows):
    """(row, code, records) for one instruction."""
    rng, state = random.Random(seed), np.random.default_rng(seed)
    row = rows[seed % len(rows)]
    base = rng.choice([b for b in range(16) if b not in (4, 12)])
    index = rng.choice([None, *(x for x in range(16) if x not in (4, base))])
    code = sample(row, rng, 64, base, index)
    if code is None:
        return None
    cases = native.cases(SETS)
    cases["gpr"] = operands(state, SETS)
    cases["gpr"][:, 4] = native.MEM_WINDOW + 64
    cases["gpr"][:, base] = native.MEM_WINDOW + 40
    if index is not None:
        cases["gpr"][:, index] = state.integers(0, 4, SETS)
    if row.name == "leave":
        cases["gpr"][:, 5] = native.MEM_WINDOW + 64
    cases["rflags"] = 0x202 | state.integers(0, 1 << 12, SETS).astype(np.uint64) & np.uint64(0x8D5)
    cases["mem"] = state.integers(0, 256, cases["mem"].shape, np.uint8, endpoint=False)
    if row.name in ("div", "idiv"):     # half of them with a quotient that fits
        cases["gpr"][::2, 2] = np.where(state.random(len(cases["gpr"][::2])) < 0.5, 0, 1)
    if row.name in ("bt", "bts", "btr", "btc") and row.codes[1][0] == "G":
        near = cases["gpr"] & np.uint64(63)
        cases["gpr"][:] = np.where(np.arange(16) == base, cases["gpr"], near)
        cases["gpr"][:, 4] = native.MEM_WINDOW + 64
    native.set_code(cases, code)
    return row, code, cases


def run_engine(emu, code, case):
    emu.memory.write(native.MEM_WINDOW, case["mem"].tobytes())
    values = dict(zip(GPRS, map(int, case["gpr"]), strict=True))
    values["rflags"] = int(case["rflags"])
    emu.regs.write_many(values)
    try:
        emu.run(native.CODE, native.CODE + len(code), count=2)
        fault = None
    except engine.GuestException as error:
        fault = error.cause
    except engine.InstructionFault:
        fault = 6
    except engine.MemoryFault:
        fault = 14
    state = emu.regs.read_many([*GPRS, "rflags"])
    return fault, state[:16], state[16], emu.memory.read(native.MEM_WINDOW, 128)


def differences(row, case, result, got):
    fault, gpr, flags, mem = got
    signal = int(result["signal"])
    if signal:
        want = SIGNAL.get(signal)
        if fault is None or want is not None and fault != want:
            return f"signal {signal}, engine: exception {fault}"
        return None
    if fault is not None:
        return f"engine: exception {fault}"
    for name, old, want, have in zip(GPRS, case["gpr"], result["gpr"], gpr, strict=True):
        if int(want) != have:
            return f"{name} {int(old):#x} -> {int(want):#x}, engine {have:#x}"
    if bytes(result["mem"]) != mem:
        return "memory"
    ignore = UNDEFINED.get(row.name, 0)
    if row.name in ("shld", "shrd") and case["code"][:int(case["size"])].tobytes().count(b"\x66"):
        ignore |= CF            # undefined for 16 bits by more than 16
    if (int(result["rflags"]) ^ flags) & 0x8D5 & ~ignore:
        return f"flags {int(result['rflags']):#x}, engine {flags:#x}"
    return None


@pytest.mark.parametrize("backend", ["interpreter", "jit"])
def test_processor(backend):
    if native.why_not():
        pytest.skip(native.why_not())
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    count = int(os.environ.get("ENGINE_NATIVE_CASES", "2000"))
    rows = [row for row in load() if row.where.startswith("int.ops") and alone(row)]
    wrong, seen = {}, set()
    emu = engine.Emulator("x86_64", backend=backend, user_mode=True)
    emu.memory.map(native.CODE & ~0xFFF, 0x1000)
    emu.memory.map(native.MEM_WINDOW & ~0xFFF, 0x1000)
    with native.Processor() as cpu:
        for seed in range(count):
            made = make(seed, rows)
            if made is None:
                continue
            row, code, cases = made
            seen.add(row.number)
            results = cpu.run(cases)
            emu.memory.write(native.CODE, code + b"\xf4" * 16)
            for case, result in zip(cases, results, strict=True):
                bad = differences(row, case, result, run_engine(emu, code, case))
                if bad and row.name not in wrong:
                    wrong[row.name] = f"{code.hex()} {row.name} seed {seed}: {bad}"
    assert not wrong, "\n".join(wrong.values())
    assert len(seen) > len(rows) * 0.8
