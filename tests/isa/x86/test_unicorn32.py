"""Random integer instructions of 32-bit code: unicorn against both back ends.

Lives here: the comparison. Does not live here: the samples (gen/x86.sample), which flags are
undefined (make_ins_x86.py). ENGINE_NATIVE_CASES: how many instructions (default 1,200), 6 operand
sets each.
"""

import os
import random

import numpy as np
import pytest
from isa.make_ins_x86 import CF, UNDEFINED

import engine
from engine._core.gen.x86 import load, sample

unicorn = pytest.importorskip("unicorn", reason="needs unicorn (extra: test)")
from unicorn import x86_const as u  # noqa: E402

GPRS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
IDS = [getattr(u, f"UC_X86_REG_{name.upper()}") for name in GPRS]
CODE, DATA, SETS = 0x10000, 0x20000, 6
# unicorn is wrong or lacks them (adx, VEX, the aliases F6/1 and F7/1), or they do more than one
# step.
LEFT_OUT = {"adcx", "adox", "crc32", "movnti", "pusha", "popa", "bound", "les", "lds", "into",
            "prefetchw", "clflush", "rdtsc"}


NOT_ALONE = {
    "syscall", "sysenter", "int", "int3", "int1", "hlt", "cli", "sti", "ret", "retf", "iret",
    "call", "callf", "jmp", "jmpf", "cpuid", "rdtsc", "rdtscp", "popf", "pushf", "mov_segment",
    "push_fs", "push_gs", "pop_fs", "pop_gs", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
    "ud0", "ud1", "ud2", "enter", "lss", "lfs", "lgs", "prefetchw", "xlat", "std",
}


def operands(rng, count):
    edge = np.array([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000,
                     0xFFFFFFFF, 1 << 63, (1 << 63) - 1, (1 << 64) - 1], np.uint64)
    bits = rng.integers(0, 1 << 64, (count, 16), np.uint64, endpoint=False)
    small = rng.integers(0, 70, (count, 16)).astype(np.uint64)
    kind = rng.random((count, 16))
    return np.where(kind < 0.25, edge[rng.integers(0, len(edge), (count, 16))],
                    np.where(kind < 0.4, small, bits))


def alone(row):
    kinds = {kind for kind, _, _ in row.codes}
    return not (row.name in NOT_ALONE | LEFT_OUT or row.feature in ("bmi1", "bmi2")
                or row.notation in ("F6/1", "F7/1") or kinds
                & {"S", "J", "X", "Y", "O", "A", "V", "W", "P", "Q", "H"}
                or row.family in ("fence", "push_segment", "pop_segment")
                or row.where.startswith("sys.ops"))


class Oracle:
    def __init__(self):
        self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_32)
        self.uc.ctl_set_cpu_model(u.UC_CPU_X86_HASWELL)
        self.uc.mem_map(CODE, 0x1000)
        self.uc.mem_map(DATA, 0x1000)

    def run(self, code, values, flags, mem):
        uc = self.uc
        uc.mem_write(DATA, mem)
        for reg, value in zip(IDS, values, strict=True):
            uc.reg_write(reg, value)
        uc.reg_write(u.UC_X86_REG_EFLAGS, flags)
        try:
            uc.emu_start(CODE, CODE + len(code), count=1)
        except unicorn.UcError as error:
            return f"fault {error.errno}"
        return ([uc.reg_read(reg) for reg in IDS], uc.reg_read(u.UC_X86_REG_EFLAGS) & 0x8D5,
                bytes(uc.mem_read(DATA, 256)))


def run_engine(emu, code, values, flags, mem):
    emu.memory.write(DATA, mem)
    emu.regs.write_many({**dict(zip(GPRS, values, strict=True)), "eflags": flags})
    try:
        emu.run(CODE, CODE + len(code), count=1)
    except engine.Error as error:
        return f"fault {error}"
    *gpr, got = emu.regs.read_many([*GPRS, "eflags"])
    return list(gpr), got & 0x8D5, emu.memory.read(DATA, 256)


@pytest.mark.parametrize("backend", ["interpreter", "jit"])
def test_unicorn(backend):
    if backend not in engine.backends():
        pytest.skip(f"no {backend} back end here")
    rows = [row for row in load() if row.where.startswith("int.ops") and alone(row)]
    oracle, wrong, ran = Oracle(), {}, 0
    emu = engine.Emulator("i386", backend=backend)
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x1000)
    for seed in range(int(os.environ.get("ENGINE_NATIVE_CASES", "1200"))):
        rng, state = random.Random(seed), np.random.default_rng(seed)
        row = rows[seed % len(rows)]
        base = rng.choice([0, 1, 2, 3, 5, 6, 7])
        index = rng.choice([None, *(x for x in range(8) if x not in (4, base))])
        code = sample(row, rng, 32, base, index)
        if code is None:
            continue
        emu.memory.write(CODE, code)
        oracle.uc.mem_write(CODE, code)
        oracle.uc.ctl_flush_tb()
        for values in operands(state, SETS)[:, :8] & np.uint64(0xFFFFFFFF):
            values = [int(value) for value in values]
            values[4] = DATA + 0x80
            values[base] = DATA + 0x40
            if index is not None:
                values[index] = rng.randrange(4)
            if row.name in ("bt", "bts", "btr", "btc") and row.codes[1][0] == "G":
                values = [v if n in (4, base) else v & 31 for n, v in enumerate(values)]
            if row.name == "leave":
                values[5] = DATA + 0x80
            flags = rng.getrandbits(12) & 0x8D5 | 2
            mem = rng.randbytes(256)
            want = oracle.run(code, values, flags, mem)
            have = run_engine(emu, code, values, flags, mem)
            ran += 1
            ignore = UNDEFINED.get(row.name, 0) | (CF if row.name in ("shld", "shrd") else 0)
            if row.name in ("div", "idiv") and isinstance(have, str):
                continue            # unicorn goes on as if nothing was divided
            if row.name == "neg" and code[0] == 0xF0:
                ignore |= 0x8D5     # unicorn takes the flags of the new value; hardware does not
            if isinstance(want, str) or isinstance(have, str):
                same = isinstance(want, str) and isinstance(have, str)
            elif row.name in ("shld", "shrd") and code[0] == 0x66:
                continue            # counts above 16 are undefined, and differ
            else:
                same = (want[0] == have[0] and want[2] == have[2]
                        and not (want[1] ^ have[1]) & ~ignore)
            if not same and row.name not in wrong:
                wrong[row.name] = (f"{code.hex()} {row.notation} {row.name} {values}, flags "
                                   f"{flags:#x}: {want[:2]} {have[:2]}")
    assert not wrong, "\n".join(wrong.values())
    assert ran > 1000
