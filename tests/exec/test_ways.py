"""The way a program is run must not show: random RISC-V code in one run, in steps, in pieces, under
hooks, with a tiny code buffer: the same registers, memory, pc and count.

What lives here: hostile code (any instruction of the tables, jumps anywhere, faults, traps, stores
into itself). What does not: whether the results are right (tests/isa, tests/fuzz).
"""

import os
import random

import pytest

from engine import Emulator
from engine._core.gen.isa_model import load, random_instruction
from engine.errors import Error

CODE, DATA, SIZE = 0x10000, 0x20000, 0x2000
HANDLER = CODE + 0x1800
SKIP = b"".join(word.to_bytes(4, "little") for word in (
    0x34102ff3, 0x004f8f93, 0x341f9073, 0x30200073))    # mepc += 4 by way of t6; mret
NOT_REPEATABLE = {0xc01, 0xc81}                         # time
FEATURES = frozenset(load("riscv").features) - {"RV32"}


def hostile(rng):
    guest = load("riscv")
    out = b""
    while len(out) < 0x400:
        pattern, insn = random_instruction(guest, rng, FEATURES)
        if insn & 0x7f == 0x73 and insn >> 20 in NOT_REPEATABLE:
            continue
        if pattern.name in ("jal", "c.j", "c.jal") and rng.random() < 0.8:
            continue
        out += insn.to_bytes(pattern.length // 8, "little")
    return out


class Run:
    def __init__(self, seed, exceptions, **options):
        rng = random.Random(seed)
        self.emu = Emulator("riscv64", exceptions=exceptions, **options)
        self.emu.memory.map(CODE, SIZE, "rwx")
        self.emu.memory.map(DATA, SIZE, "rw")
        self.emu.memory.write(CODE, hostile(rng))
        self.emu.memory.write(HANDLER, SKIP)
        self.emu.memory.write(DATA, rng.randbytes(SIZE))
        for i in range(1, 32):
            self.emu.regs[f"x{i}"] = rng.choice((
                DATA + 0x1000, CODE + 0x200, rng.getrandbits(64), rng.randrange(64), 0,
                DATA + rng.randrange(SIZE), CODE + 2 * rng.randrange(0x200)))
        self.emu.regs.mtvec = HANDLER
        self.emu.pc = CODE
        self.done = 0
        self.errors = []
        self.ended = None

    def go(self, count):
        """Run `count` more instructions, or to the end."""
        want = self.done + count
        try:
            while self.done < want and not self.ended:
                result = self.emu.run(count=want - self.done)
                self.done += result.count
                if result.reason.name != "COUNT" or not result.count:
                    self.ended = result.reason.name
        except Error as error:
            self.done += error.result.count
            self.errors.append((self.done, f"{type(error).__name__} {error}"))
            if len(self.errors) >= 100:
                self.ended = "errors"
            inside = CODE <= self.emu.pc < CODE + 0x400
            self.emu.pc = self.emu.pc + 4 if inside else CODE   # go on with the next one

    def state(self):
        emu = self.emu
        names = [f"x{i}" for i in range(32)] + [f"f{i}" for i in range(32)]
        names += ["fcsr", "mstatus", "mepc", "mcause", "mtval", "mscratch", "sepc", "instret"]
        return {"done": self.done, "ended": self.ended, "errors": self.errors, "pc": emu.pc,
                "code": bytes(emu.memory.read(CODE, SIZE)),
                "data": bytes(emu.memory.read(DATA, SIZE)),
                **{name: emu.regs[name] for name in names}}


def nothing(*event):
    pass


def compare(seed, exceptions):
    rng = random.Random(~seed)
    total = rng.choice((50, 400, 3000))
    ways = {}

    def one(name, pieces, arm=None, **options):
        run = Run(seed, exceptions, **options)
        if arm:
            arm(run.emu)
        while run.done < total and not run.ended:
            run.go(min(pieces(), total - run.done))
        ways[name] = run.state()

    one("whole", lambda: total)
    one("steps", lambda: 1)
    one("pieces", lambda: rng.choice((1, 2, 5, 9, 20, 100)))
    one("small buffer", lambda: total, code_buffer=1 << 16)
    one("code hook", lambda: total, lambda emu: emu.hook_code(nothing))
    one("memory hook", lambda: rng.choice((3, 70, 1000)), lambda emu: emu.hook_memory(nothing))
    one("late hook", lambda: total, lambda emu: emu.hook_block(
        lambda e, *event: e.flush_code() if rng.random() < 0.05 else None))
    first = ways["whole"]
    for name, state in ways.items():
        different = [key for key in state if state[key] != first[key]]
        assert not different, (seed, exceptions, name,
                               {key: (first[key], state[key]) for key in different
                                if key not in ("code", "data")}, different)


@pytest.mark.parametrize("exceptions", ["host", "guest"])
def test_ways_agree(exceptions):
    given = os.environ.get("EXEC_WAYS", "")
    for seed in map(int, given.split()) if given else range(15):
        compare(seed, exceptions)
