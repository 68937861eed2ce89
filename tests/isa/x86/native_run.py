"""Random vector and x87 instructions: this machine's processor against whole engines.

Lives here: instructions with operands worth trying, the comparison, and the long run as a command:

    python -m tests.isa.x86.native_run [INSTRUCTIONS] [SEED] [BACKEND]

Does not live here: the rows (sse.ops, vex.ops, x87.ops), the processor's side (native/), images of
more than 128 bytes (test_native_state.py). Called by test_native_vec.py.
"""

import importlib.machinery
import importlib.util
import random
import sys
import sysconfig
import time
from pathlib import Path

import numpy as np

import engine
from engine._core.gen.x86 import load, sample

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "native")]

import native  # noqa: E402

SETS = 16           # operand sets an instruction
APPROXIMATE = {"rcpps", "rcpss", "rsqrtps", "rsqrtss", "vrcpps", "vrcpss", "vrsqrtps", "vrsqrtss"}
APART = {"image", "xgetbv"}
LACKING = {"sha": "sha_ni", "fma": "fma", "f16c": "f16c", "avx2": "avx2", "aes": "aes"}
# D9 xx whose last bits the manual leaves open: test_native_x87.py.
TRANSCENDENTAL = {0xF0, 0xF1, 0xF2, 0xF3, 0xF9, 0xFB, 0xFE, 0xFF}
FLAGS = 0x8D5
FIELDS = ("signal", "gpr", "rflags", "mxcsr", "xmm", "ymmh", "mem", "fcw", "fsw", "ftw", "st")


def vector_rows():
    """Rows that this processor has too and whose results are fixed."""
    have = native.cpu_flags()
    return [row for row in load() if row.where.startswith(("sse.ops", "vex.ops", "x87.ops"))
            and row.name not in APPROXIMATE and row.family not in APART
            and LACKING.get(row.feature, "sse2") in have]


def x87_state(state, cases):
    """Random numbers on a stack that is mostly full; pending exceptions now and then."""
    count = len(cases)
    for k in range(8):
        sig, exp = native.numbers(state, count)
        cases["st"][:, k, :8] = sig.view(np.uint8).reshape(count, 8)
        cases["st"][:, k, 8:10] = exp.view(np.uint8).reshape(count, 2)
    cases["fcw"] = 0x7F | state.choice([0, 2, 3, 3, 3], count) << 8
    cases["fcw"] |= state.integers(0, 4, count).astype(np.uint16) << 10
    cases["fcw"] &= ~np.where(state.random(count) < 0.2, state.integers(0, 64, count),
                              0).astype(np.uint16)
    cases["fsw"] = state.integers(0, 8, count) << 11 | state.integers(0, 8, count) << 8
    flags = np.where(state.random(count) < 0.1, state.integers(0, 128, count), 0).astype(np.uint16)
    cases["fsw"] |= flags
    cases["fsw"] |= np.where(flags & ~cases["fcw"] & 0x3F, 0x8080, 0).astype(np.uint16)
    cases["ftw"] = np.where(state.random(count) < 0.8, 0xFF, state.integers(0, 256, count))


def make(seed, rows, bits=64):
    """(row, code, records) for one instruction, None where the row does not make one.

    bits 32, 16: of such code (32: bytes that mean the same in 64-bit code)."""
    rng, state = random.Random(seed), np.random.default_rng(seed)
    row = rows[seed % len(rows)]
    base = rng.choice([b for b in range(bits // 4) if b not in (4, 12)])
    if bits == 16:
        base = rng.choice([4, 5, 6, 7])         # rm: [si] [di] [bp] [bx]
    gather = row.family == "vgather"
    index = rng.choice([n for n in range(bits // 4) if n != base]) if gather else None
    code = sample(row, rng, bits, base, index)
    if bits == 16:
        base = {4: 6, 5: 7, 6: 5, 7: 3}[base]
    if code and bits < 64 and any(kind == "L" for kind, _, _ in row.codes):
        code = code[:-1] + bytes([code[-1] & 0x7F])     # the bit is ignored in 32-bit mode
    x87 = row.where.startswith("x87")
    if code is None or x87 and b"\xd9" in code[:3] and code[-1] in TRANSCENDENTAL:
        return None
    cases = native.cases(SETS)
    width = {"D": 64}.get(row.name[-1:].upper(), 32)
    for field in ("xmm", "ymmh"):
        cases[field] = native.lanes(state, cases[field].shape, rng.choice([8, 16, width, 32, 64]))
    cases["gpr"] = native.lanes(state, cases["gpr"].shape, 32)
    cases["gpr"][:, 4] = native.MEM_WINDOW + 64
    # Aligned once the displacement of sample() is added, mostly.
    place = 0 if x87 else 32
    cases["gpr"][:, base] = native.MEM_WINDOW + place - (code[-1] & 7 if rng.random() < 0.5 else 0)
    if x87 and rng.random() < 0.1:
        cases["gpr"][:, base] += 100
    if row.family == "maskmov":
        cases["gpr"][:, 7] = native.MEM_WINDOW + rng.choice([0, 3, 16, 112])
    if gather:
        for field in ("xmm", "ymmh"):
            small = state.integers(0, 8, cases[field][:, index].shape).astype(np.uint64)
            if row.notation.split()[-3 if "mem" in row.notation else -1] in ("90", "92"):
                small |= small << np.uint64(32)
            cases[field][:, index] = small
    cases["mem"] = native.lanes(state, (SETS, 16), rng.choice([8, 16, 32, 64])).view(np.uint8)
    if row.name.endswith("ldmxcsr"):
        cases["mem"] &= 0x7D            # without AMD's bit 17
        for at in range(2, 128, 1):
            if rng.random() < 0.9:
                cases["mem"][:, at] = 0
    cases["rflags"] = 0x202 | state.integers(0, 1 << 12, SETS).astype(np.uint64) & np.uint64(FLAGS)
    cases["mxcsr"] = 0x1F80 | state.integers(0, 4, SETS) << 13
    if rng.random() < 0.2:
        cases["mxcsr"] ^= state.integers(0, 1 << 16, SETS).astype(np.uint32)
    if x87 or {kind for kind, _, _ in row.codes} & {"P", "Q", "N"}:
        x87_state(state, cases)
    native.set_code(cases, code)
    return row, code, cases


def difference(mine, real):
    """The first field and record that differ, as text; None: all the same."""
    for field in FIELDS:
        a, b = mine[field], real[field]
        if field == "rflags":
            a, b = a & np.uint64(FLAGS), b & np.uint64(FLAGS)
        if field == "st":
            a, b = a[:, :, :10], b[:, :, :10]
        wrong = np.argwhere(a != b)
        if len(wrong):
            n, where = wrong[0][0], tuple(wrong[0][:2])
            return (f"record {n}, {field}{list(wrong[0][1:])} (little-endian): processor "
                    f"{b[where].tobytes().hex()}, engine {a[where].tobytes().hex()}; signals "
                    f"{real['signal'][n]} {mine['signal'][n]}")
    return None


class Comparison:
    """Both sides; `wrong` says the first difference of each row, `seen` which rows ran."""

    def __init__(self, runner, cpu, backend, arch="x86_64"):
        self.runner, self.cpu, self.bits = runner, cpu, 64 if arch == "x86_64" else 32
        self.rows = vector_rows()
        self.wrong, self.seen, self.cases = {}, set(), 0
        self.emu = engine.Emulator(arch, backend=backend)
        self.emu.memory.map(native.CODE & ~0xFFF, 0x1000)
        self.emu.memory.map(native.MEM_WINDOW & ~0xFFF, 0x1000)

    def one(self, seed):
        made = make(seed, self.rows, self.bits)
        if made is None:
            return
        row, code, cases = made
        self.seen.add(row.number)
        self.cases += len(cases)
        self.emu.memory.write(native.CODE, code + b"\xf4" * 16)
        mine = cases.copy()
        self.runner.run(self.emu, mine.view(np.uint8).reshape(len(mine), -1), native.CODE,
                        native.MEM_WINDOW)
        real = self.cpu.run(cases)
        if self.bits == 32:
            for records in (mine, real):        # what there is in 32-bit mode
                records["gpr"] &= np.uint64(0xFFFFFFFF)
                records["xmm"][:, 8:] = records["ymmh"][:, 8:] = 0
        bad = difference(mine, real)
        if bad and row.name not in self.wrong:
            self.wrong[row.name] = f"{code.hex()} {row.notation} {row.name} seed {seed}: {bad}"


def compiled():
    """tests/cython/t_x86_records as built in place (ENGINE_TESTS=1)."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    file = str(HERE.parents[1] / "cython" / f"t_x86_records{suffix}")
    loader = importlib.machinery.ExtensionFileLoader("t_x86_records", file)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_file_location("t_x86_records", file, loader=loader))
    loader.exec_module(module)
    return module


def main(words):
    records = compiled()
    count, first = (int(words[k]) if len(words) > k else default for k, default in
                    enumerate((20000, 0)))
    backends = words[2:] or [b for b in ("interpreter", "jit") if b in engine.backends()]
    failed = False
    for backend in backends:
        with native.Processor() as cpu:
            run, began = Comparison(records, cpu, backend), time.time()
            for seed in range(first * count, (first + 1) * count):
                run.one(seed)
        print(f"{backend}: {run.cases} cases of {len(run.seen)} rows in "
              f"{time.time() - began:.0f} s, {len(run.wrong)} rows differ")
        print("\n".join(run.wrong.values()))
        failed |= bool(run.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
