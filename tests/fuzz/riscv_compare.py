"""Random RISC-V programs on this engine and on another: the same registers and memory after them.

Lives here: the engines behind one interface, the comparison, the search for the instruction at
fault. Programs: riscv_programs.py. Called by test_riscv_compare.py and as
`python -m tests.fuzz.riscv_compare unicorn|qemu|interpreter [PROGRAMS [SEED [BACKEND]]]`.

Unicorn 2.1.4 has no bit manipulation, its minimum and maximum of a signalling NaN follow an older
manual, and its fused operations miss the invalid flag of infinity times zero plus a NaN: these are
left out. It leaves the upper half of some single results open, so singles are compared by their
lower half with it. qemu 7.2 counts wrong in ctzw of a word of zeroes.
"""

import random
import sys
from pathlib import Path

from engine._core.gen.isa_model import load

from .riscv_programs import BOX, CODE, DATA, DATA_SIZE, is_double, make

CODE_SIZE = 0x1000
LIMIT = 10_000          # instructions: a program that runs longer is a mistake
FS_ON = 3 << 13


def not_in_unicorn(pattern):
    return (any(name.startswith("Zb") for name in pattern.needs.names) or pattern.family == "fma"
            or pattern.name.startswith(("fmin", "fmax", "pause")))


class Unicorn:
    """Unicorn, from PyPI."""

    skip = staticmethod(not_in_unicorn)

    def __init__(self, xlen):
        import unicorn
        from unicorn import riscv_const as const
        self.uc = unicorn.Uc(unicorn.UC_ARCH_RISCV,
                             unicorn.UC_MODE_RISCV64 if xlen == 64 else unicorn.UC_MODE_RISCV32)
        self.mask = (1 << xlen) - 1
        self.uc.mem_map(CODE, CODE_SIZE)
        self.uc.mem_map(DATA, DATA_SIZE)
        self.x = [const.UC_RISCV_REG_X0 + n for n in range(32)]
        self.f = [const.UC_RISCV_REG_F0 + n for n in range(32)]
        self.fcsr, self.pc = const.UC_RISCV_REG_FCSR, const.UC_RISCV_REG_PC
        self.uc.reg_write(const.UC_RISCV_REG_MSTATUS, FS_ON)

    def run(self, program, count):
        uc = self.uc
        uc.mem_write(CODE, program.code)
        uc.ctl_flush_tb()
        uc.mem_write(DATA, program.data)
        for n in range(1, 32):
            uc.reg_write(self.x[n], program.x[n])
        for n in range(32):
            uc.reg_write(self.f[n], program.f[n])
        uc.reg_write(self.fcsr, program.frm << 5)
        uc.emu_start(CODE, program.end, count=count or LIMIT)
        floats = [uc.reg_read(reg) for reg in self.f]
        floats = [bits if is_double(n) else bits | BOX for n, bits in enumerate(floats)]
        return ([uc.reg_read(reg) & self.mask for reg in self.x], floats,
                uc.reg_read(self.fcsr), uc.reg_read(self.pc) & self.mask,
                bytes(uc.mem_read(DATA, DATA_SIZE)))


class QemuUser:
    """Debian's qemu-user behind its debugger port."""

    @staticmethod
    def skip(pattern):
        return pattern.name in ("pause", "ctzw")

    def __init__(self, xlen):
        from isa.qemu import Qemu
        self.qemu = Qemu(xlen)
        self.fpr = load("riscv").tables["fpr"]

    def run(self, program, count):
        q = self.qemu
        q.put_code(CODE, program.code)
        q.poke(DATA, program.data)
        for n in range(32):
            q.write(self.fpr[n], program.f[n])
        q.write("fcsr", program.frm << 5)
        q.set_integers([*program.x, CODE])
        if count:
            for _ in range(count):
                if q.integers()[32] != program.end:
                    q.step()
        else:
            q.go(program.end)
        now = q.integers()
        return (now[:32], [q.read(name) for name in self.fpr.values()], q.read("fcsr"), now[32],
                q.peek(DATA, DATA_SIZE))


class Ours:
    """This engine."""

    def __init__(self, xlen, backend=None):
        import engine
        self.emu = engine.Emulator(f"riscv{xlen}", backend=backend or engine.backends()[0])
        self.emu.memory.map(CODE, CODE_SIZE)
        self.emu.memory.map(DATA, DATA_SIZE)
        self.x, self.f = [f"x{n}" for n in range(32)], [f"f{n}" for n in range(32)]

    def run(self, program, count):
        emu = self.emu
        emu.memory.write(CODE, program.code)
        emu.memory.write(DATA, program.data)
        emu.regs.write_many(dict(zip(self.x[1:], program.x[1:], strict=True)))
        emu.regs.write_many(dict(zip(self.f, program.f, strict=True)))
        emu.regs["fcsr"] = program.frm << 5
        emu.run(CODE, program.end, count=count or LIMIT)
        return self.state()

    def state(self):
        emu = self.emu
        return ([emu.regs[name] for name in self.x], [emu.regs[name] for name in self.f],
                emu.regs["fcsr"], emu.pc, bytes(emu.memory.read(DATA, DATA_SIZE)))


class Interpreter(Ours):
    """This engine's interpreter: what the code of the other back ends is compared with."""

    @staticmethod
    def skip(pattern):
        return False

    def __init__(self, xlen):
        super().__init__(xlen, "interpreter")


OTHERS = {"unicorn": Unicorn, "qemu": QemuUser, "interpreter": Interpreter}


def difference(ours, theirs):
    """Words on the first thing that differs, or None."""
    for kind, a, b in (("x", ours[0], theirs[0]), ("f", ours[1], theirs[1])):
        for n in range(32):
            if a[n] != b[n]:
                return f"{kind}{n} is {a[n]:#x}, the other has {b[n]:#x}"
    if ours[2:4] != theirs[2:4]:
        return (f"fcsr {ours[2]:#x}, pc {ours[3]:#x}, the other has fcsr {theirs[2]:#x}, "
                f"pc {theirs[3]:#x}")
    for at in range(DATA_SIZE):
        if ours[4][at] != theirs[4][at]:
            return f"[{DATA + at:#x}] is {ours[4][at]:#x}, the other has {theirs[4][at]:#x}"
    return None


def check(program, ours, theirs):
    """None, or what differs and after which instruction."""
    said = difference(ours.run(program, 0), theirs.run(program, 0))
    if said is None:
        return None
    before = CODE
    for count in range(1, 6 * len(program.text)):
        a, b = ours.run(program, count), theirs.run(program, count)
        step = difference(a, b)
        if step:
            named = dict(program.text).get(before, "?")
            return f"after {count} instructions, at {before:#x} `{named}`: {step}"
        if a[3] == b[3] == program.end:
            break
        before = a[3]
    return f"only as a whole: {said}"


def sweep(other, xlen, programs, seed, backend=None, length=30):
    """Messages for the programs that differ. No back end named: the best."""
    other = OTHERS[other]
    ours, theirs, found = Ours(xlen, backend), other(xlen), []
    for n in range(programs):
        name = f"{seed}-{xlen}-{n}"
        program = make(random.Random(name), xlen, length, other.skip)
        try:
            said = check(program, ours, theirs)
        except Exception as error:      # a fault is a difference: programs have none
            said = f"{type(error).__name__}: {error}"
        if said:
            found.append(f"program {name}: {said}")
            ours, theirs = Ours(xlen, backend), other(xlen)
    return found


def main(words):
    sys.path.append(str(Path(__file__).parents[1]))     # of isa.qemu
    other = words[0]
    programs = int(words[1]) if len(words) > 1 else 2000
    seed = words[2] if len(words) > 2 else str(random.randrange(1 << 32))
    print(f"seed {seed}")
    bad = 0
    for xlen in (64, 32):
        found = sweep(other, xlen, programs, seed, words[3] if len(words) > 3 else None)
        bad += len(found)
        print(f"rv{xlen}: {programs} programs, {len(found)} differences")
        print("\n".join(f"  {line}" for line in found[:20]))
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in OTHERS:
        sys.exit(f"usage: python -m tests.fuzz.riscv_compare {'|'.join(OTHERS)} "
                 "[PROGRAMS [SEED [BACKEND]]]")
    sys.exit(main(sys.argv[1:]))
