"""Random sequences of calls on unicorn and engine.unicorn, compared step by step.

What lives here: the sequences. `ENGINE_FUZZ_UC=n` makes n of them instead of a few. What does not:
random programs (tests/fuzz).
"""

import importlib
import os
import random

import pytest
from uc.rv import CODE, DATA, ECALL, ILLEGAL, NOP, addi, bne, load, mul, store, sub

import engine.unicorn as ours

theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")
BASES = (DATA, 0x300000, 0x304000)


class Session:
    """One package's side of a sequence."""

    def __init__(self, package):
        self.u = package
        self.r = importlib.import_module(package.__name__ + ".riscv_const")
        self.uc = package.Uc(package.UC_ARCH_RISCV, package.UC_MODE_RISCV64)
        self.events = []
        self.hooks = []
        self.contexts = []

    def call(self, name, *args):
        try:
            answer = getattr(self, name)(*args)
        except self.u.UcError as error:
            answer = error.errno, str(error), error.args
        events, self.events = self.events, []
        return answer, events

    def registers(self):
        return self.uc.reg_read_batch([*range(self.r.UC_RISCV_REG_X1, self.r.UC_RISCV_REG_X31 + 1),
                                       self.r.UC_RISCV_REG_PC])

    def map(self, address, size, perms):
        self.uc.mem_map(address, size, perms)

    def unmap(self, address, size):
        self.uc.mem_unmap(address, size)

    def protect(self, address, size, perms):
        self.uc.mem_protect(address, size, perms)

    def regions(self):
        """Neighbours that differ in nothing as one: unicorn keeps them apart, the engine does not
        when they were mapped together."""
        found = []
        for first, last, perms in self.uc.mem_regions():
            if found and found[-1][1] + 1 == first and found[-1][2] == perms:
                first = found.pop()[0]
            found.append((first, last, perms))
        return found

    def read(self, address, size):
        return bytes(self.uc.mem_read(address, size))

    def write(self, address, data):
        self.uc.mem_write(address, data)

    def reg(self, number, value):
        self.uc.reg_write(self.r.UC_RISCV_REG_X0 + number, value)
        return self.uc.reg_read(self.r.UC_RISCV_REG_X0 + number)

    def hook(self, kind, begin, end):
        fault = kind.startswith("MEM_") and kind not in ("MEM_READ", "MEM_WRITE")

        def seen(uc, *args):
            # The engine's blocks end where `count` does.
            self.events.append((kind, *(args[:1] if kind == "BLOCK" else args)))
            return False if fault else None
        self.hooks.append(self.uc.hook_add(getattr(self.u, "UC_HOOK_" + kind), seen, None, begin,
                                           end))

    def unhook(self, index):
        if self.hooks:
            self.uc.hook_del(self.hooks.pop(index % len(self.hooks)))

    def save(self):
        self.contexts.append(self.uc.context_save())

    def restore(self, index):
        if self.contexts:
            self.uc.context_restore(self.contexts[index % len(self.contexts)])
        return self.registers()

    def run(self, begin, until, count):
        # Unicorn keeps blocks of code, hooks and ends that were, and permissions.
        self.uc.ctl_flush_tb()
        self.uc.ctl(self.u.UC_CTL_TLB_FLUSH, self.u.UC_CTL_IO_WRITE)
        try:
            self.uc.emu_start(begin, until, count=count)
        finally:
            registers = self.registers()
            # Unicorn tells of the block that `count` lets nothing run of.
            while count and self.events and self.events[-1] == ("BLOCK", registers[-1]):
                self.events.pop()
            self.events.append(registers)


def program(rng):
    """Straight code and forward branches over loads and stores; register 5 stays the base."""
    words = []
    for _ in range(rng.randrange(4, 24)):
        a, b, c = (rng.choice((1, 2, 3, 4, 6, 7, 8)) for _ in range(3))
        offset = rng.randrange(0, 0x200) & ~7
        words.append(rng.choice((
            addi(a, b, rng.randrange(-2048, 2048)), mul(a, b, c), sub(a, b, c), NOP,
            load(rng.choice((1, 2, 4, 8)), a, 5, offset), store(rng.choice((1, 2, 4, 8)), a, 5,
                                                                offset),
            bne(a, b, 8), ECALL if rng.random() < 0.1 else NOP)))
    # Zeros are illegal, and 2 bytes long: unicorn goes 4 on.
    return b"".join(words) + NOP * 2 + ILLEGAL * (1022 - len(words))


def step(rng):
    base = rng.choice(BASES)
    size = rng.choice((0x1000, 0x1000, 0x2000, 0x3000))
    return rng.choice((
        lambda: ("map", base, size, rng.choice((7, 7, 3, 1, 5, 0))),
        lambda: ("unmap", base + rng.choice((0, 0x1000)), 0x1000),
        lambda: ("protect", base, size, rng.choice((7, 7, 3, 1))),
        lambda: ("regions",),
        lambda: ("read", base + rng.randrange(0x3000), rng.choice((0, 1, 8, 0x1000))),
        lambda: ("write", base + rng.randrange(0x1000), rng.randbytes(rng.randrange(64))),
        lambda: ("write", CODE, program(rng)),
        lambda: ("write", CODE, program(rng)),
        lambda: ("reg", rng.choice((1, 2, 3, 4, 6, 7, 8)), rng.choice((0, 1, -1, 1 << 63,
                                                                      rng.getrandbits(70)))),
        lambda: ("reg", 5, base),
        lambda: ("hook", rng.choice(("CODE", "BLOCK", "MEM_READ", "MEM_WRITE", "MEM_UNMAPPED",
                                     "MEM_PROT", "INTR")),
                 *rng.choice(((1, 0), (1, 0), (CODE + 8, CODE + 16), (DATA, DATA + 0xff)))),
        lambda: ("unhook", rng.randrange(100)),
        lambda: ("save",),
        lambda: ("restore", rng.randrange(100)),
        lambda: ("run", CODE, CODE + 4 * rng.randrange(1, 30), rng.choice((0, 0, 1, 3, 10))),
        lambda: ("run", CODE, CODE + 4 * rng.randrange(1, 30), rng.choice((0, 0, 1, 3, 10))),
    ))()


@pytest.mark.parametrize("seed", range(int(os.environ.get("ENGINE_FUZZ_UC", "25"))))
def test_random_calls(seed):
    rng = random.Random(seed)
    pair = Session(ours), Session(theirs)
    log = []
    for call in [("map", CODE, 0x1000, 7), ("map", DATA, 0x1000, 7), ("write", CODE, program(rng)),
                 ("reg", 5, DATA), *(step(rng) for _ in range(60))]:
        log.append(call)
        here, there = (session.call(*call) for session in pair)
        assert here == there, log
