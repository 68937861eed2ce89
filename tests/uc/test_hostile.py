"""Hooks that do whatever the interface allows, in any order, and threads that stop each other.

What lives here: random sequences without an oracle: nothing may crash, hang, or raise what is no
error of the package. `ENGINE_FUZZ_UC=n` makes n of them instead of a few. What does not: sequences
compared with unicorn (test_random.py).
"""

import contextlib
import os
import random
import threading

import pytest
from uc.rv import CODE, DATA
from uc.sessions import BASES, STACK, X86, RiscV, Session

import engine.unicorn as u
from engine.errors import Error

COUNT = int(os.environ.get("ENGINE_FUZZ_UC", "12"))
KINDS = ("CODE", "BLOCK", "MEM_READ", "MEM_WRITE", "MEM_READ_AFTER", "MEM_FETCH", "MEM_UNMAPPED",
         "MEM_PROT", "INTR", "INSN_INVALID", "EDGE_GENERATED", "INSN")


class Mine(Exception):
    """What hooks of these tests raise."""


class Hostile(Session):
    """An engine whose hooks call anything."""

    def __init__(self, guest, seed):
        super().__init__(u, guest)
        self.guest = guest
        self.rng = random.Random(seed)
        self.depth = self.calls = 0
        for address in (CODE, DATA, STACK - 0x1000):
            self.uc.mem_map(address, 0x1000)
        self.uc.mem_write(CODE, guest.program(self.rng))
        self.uc.reg_write(self.ids[5], DATA)

    def act(self):
        """One random call; what it refuses is fine."""
        rng, uc = self.rng, self.uc
        base = rng.choice((*BASES, CODE, STACK - 0x1000))
        size = rng.choice((0x1000, 0x2000))
        self.calls += 1
        try:
            rng.choice((
                lambda: uc.mem_map(base, size, rng.randrange(8)),
                lambda: uc.mem_unmap(base, size),
                lambda: uc.mem_protect(base, size, rng.choice((7, 7, 5, 3, 1, 0))),
                lambda: uc.mem_write(CODE, self.guest.program(rng)),
                lambda: uc.mem_write(base + rng.randrange(0xf00), rng.randbytes(40)),
                lambda: uc.mem_read(base, size),
                lambda: uc.mmio_map(0x400000, 0x1000, self.read, None, self.write_back, None),
                lambda: uc.reg_write(rng.choice(self.ids), rng.choice((DATA, base, 0x400000,
                                                                       rng.getrandbits(64)))),
                lambda: uc.reg_write(self.watched[-1], CODE + self.guest.end(rng)),
                lambda: self.add(), lambda: self.add(), lambda: self.unhook(rng.randrange(9)),
                lambda: uc.emu_stop(), self.save, lambda: self.restore(rng.randrange(9)),
                lambda: uc.ctl_flush_tb(), lambda: uc.ctl_request_cache(CODE),
                lambda: uc.ctl_flush_tlb(), lambda: list(uc.mem_regions()),
                lambda: uc.ctl_exits_enabled(rng.random() < 0.5),
                lambda: uc.ctl_set_exits([CODE + self.guest.end(rng)]),
                lambda: uc.ctl_context_mode(rng.choice((1, 1, 3))),
                lambda: self.go(), lambda: self.go(), lambda: self.fail()))()
        except (u.UcError, Error, KeyError, Mine):
            if self.depth and rng.random() < 0.1:
                raise

    def fail(self):
        if self.rng.random() < 0.2:
            raise Mine

    def go(self):
        begin = CODE + self.guest.end(self.rng)
        self.uc.emu_start(begin, CODE + self.guest.end(self.rng), self.rng.choice((0, 2000)),
                          count=self.rng.choice((1, 7, 50, 300)))

    def inside(self, *args):
        """What every hook does."""
        if self.depth < 3 and self.calls < 3000 and self.rng.random() < 0.2:
            self.depth += 1
            try:
                self.act()
            finally:
                self.depth -= 1
        return self.rng.random() < 0.5

    def read(self, *args):
        return self.inside() * 0x1234

    def write_back(self, *args):
        self.inside()

    def add(self):
        kind = self.rng.choice(KINDS)
        begin, end = self.rng.choice(((1, 0), (CODE, CODE + 40), (DATA, DATA + 0xfff)))
        insn = self.rng.choice((699, 113, 608))
        if len(self.hooks) < 12:
            self.hooks.append(self.uc.hook_add(getattr(u, "UC_HOOK_" + kind), self.inside, None,
                                               begin, end, insn))


@pytest.mark.parametrize("seed", range(COUNT))
@pytest.mark.parametrize("guest", [RiscV, X86])
def test_hooks_that_do_anything(guest, seed):
    session = Hostile(guest, seed)
    for _ in range(150):
        session.act()
    assert session.calls >= 150
    session.uc.ctl_context_mode(1)
    assert len(session.registers()) == len(session.watched)


def test_threads_that_stop_each_other():
    sessions = [Hostile(guest, seed) for guest in (RiscV, X86) for seed in range(2)]
    failures = []

    def work(session):
        others = [other for other in sessions if other is not session]
        try:
            for _ in range(60):
                session.act()
                other = session.rng.choice(others)
                other.uc.emu_stop()
                with contextlib.suppress(Error):        # it may be running: refused then
                    other.uc.reg_read(other.ids[1])
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
