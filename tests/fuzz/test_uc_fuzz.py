"""Random calls of engine.unicorn in random order, hooks that do the same, other threads that stop.

Whatever happens, it is UcError (or what Python raises for an argument of a wrong type), the
interpreter lives, and an engine made afterwards works. Set ENGINE_FUZZ=n for n times as many
rounds, ENGINE_FUZZ_SEED for one seed again; hostile.py does it for an hour. Does not live here:
sequences that are compared with unicorn (tests/uc/test_random.py).
"""

import ctypes
import pickle
import random
from contextlib import suppress

import pytest
from uc.sessions import X86, RiscV

pytest.importorskip("engine._core.api.uc", reason="the extension modules are not built")
import engine.unicorn as u
from engine import EngineBusyError
from engine.unicorn import riscv_const, x86_const

from .calls import SEEDS, Caller, in_threads, odd_number

KINDS = {
    "riscv64": (u.UC_ARCH_RISCV, u.UC_MODE_RISCV64, riscv_const.UC_RISCV_REG_A1),
    "riscv32": (u.UC_ARCH_RISCV, u.UC_MODE_RISCV32, riscv_const.UC_RISCV_REG_A1),
    "x86_64": (u.UC_ARCH_X86, u.UC_MODE_64, x86_const.UC_X86_REG_RSI),
    "x86_32": (u.UC_ARCH_X86, u.UC_MODE_32, x86_const.UC_X86_REG_ESI),
    "x86_16": (u.UC_ARCH_X86, u.UC_MODE_16, x86_const.UC_X86_REG_SI),
}
# Loads, stores, jumps, system calls: what makes events.
PIECES = {
    u.UC_ARCH_RISCV: ["03b60500", "23b4c500", "13051500", "73000000", "6f00c0ff", "6f004000",
                      "67800000", "ef000001", "b3052540"],
    u.UC_ARCH_X86: ["8b06", "8906", "48ff4608", "cd80", "0f05", "ebfe", "eb01", "c3", "e800000000",
                    "0fa2", "0f31", "f4", "f3a4", "29d8", "e460", "e660", "0f0b", "90"],
}
# Wrong types are Python's business; the original lets two threads into one engine.
REFUSED = (u.UcError, TypeError, ValueError, OverflowError, EngineBusyError)


class Session(Caller):
    """One engine."""

    refused = REFUSED

    def __init__(self, rng):
        super().__init__(rng)
        self.arch, mode, self.pointer = KINDS[rng.choice(list(KINDS))]
        self.uc = u.Uc(self.arch, mode)
        self.hooks = []
        self.contexts = []
        self.buffers = []

    def stop(self):
        self.uc.emu_stop()

    def register(self):
        return self.rng.choice([self.pointer, self.rng.randrange(300), odd_number(self.rng)])

    # -- one method a kind of call

    def do_map(self):
        self.uc.mem_map(self.number() & ~0xfff if self.rng.random() < 0.9 else self.number(),
                        self.touched_size(), self.rng.choice([7, 7, 7, 5, 3, 1, 0]))

    do_map_too = do_map

    def do_map_ptr(self):
        buffer = ctypes.create_string_buffer(0x2000)
        self.buffers.append(buffer)
        self.uc.mem_map_ptr(self.address() & ~0xfff, self.rng.choice([0x1000, 0x2000, 0, 5]), 7,
                            ctypes.addressof(buffer))

    def do_mmio(self):
        def read(uc, offset, size, data):
            self.anything()
            return self.rng.choice([0, 1, 255, 1 << 40, None])

        def write(uc, offset, size, value, data):
            self.anything()

        self.uc.mmio_map(self.address() & ~0xfff, 0x1000, self.rng.choice([read, None]), self,
                         self.rng.choice([write, None]), self)

    def do_unmap(self):
        self.uc.mem_unmap(self.number(), self.size())

    def do_protect(self):
        self.uc.mem_protect(self.number(), self.size(), self.rng.choice([7, 5, 3, 1, 0]))

    def do_read(self):
        self.uc.mem_read(self.number(), self.touched_size())

    def do_write(self):
        self.uc.mem_write(self.number(), self.rng.randbytes(self.rng.randrange(40)))

    def do_regions(self):
        ends = -1
        for first, last, perms in self.uc.mem_regions():
            assert ends < first <= last
            assert 0 <= perms <= 7
            ends = last

    def do_reg_read(self):
        self.uc.reg_read(self.register())

    def do_reg_write(self):
        self.uc.reg_write(self.register(), self.rng.choice([
            0, 1, -1, self.rng.getrandbits(64), self.address(), (1, 2), odd_number(self.rng)]))

    def do_batch(self):
        ids = [self.register() for _ in range(self.rng.randrange(6))]
        if self.rng.random() < 0.5:
            self.uc.reg_read_batch(ids)
        else:
            self.uc.reg_write_batch([(i, self.rng.getrandbits(32)) for i in ids])

    def do_code(self):
        pieces = [bytes.fromhex(self.rng.choice(PIECES[self.arch])) if self.rng.random() < 0.8
                  else self.rng.randbytes(4) for _ in range(self.rng.randrange(1, 12))]
        self.uc.mem_write(self.address(), b"".join(pieces))

    do_code_too = do_code

    def do_program(self):
        guest = RiscV if self.arch == u.UC_ARCH_RISCV else X86
        self.uc.mem_write(self.address() & ~0xfff, guest.program(self.rng))

    def do_run(self):
        self.uc.reg_write(self.pointer, self.address())
        timeout, count = self.rng.choice([(0, 1), (0, 50), (0, 2000), (0, 2000), (5000, 0)])
        self.uc.emu_start(self.address() if self.rng.random() < 0.9 else odd_number(self.rng),
                          self.number(), timeout, count)

    do_run_too = do_run

    def do_stop(self):
        self.uc.emu_stop()

    def do_hook(self):
        def fn(uc, *rest):
            assert uc is self.uc
            self.anything()
            return self.rng.choice([None, False, True, 1, "x"])

        kind = self.rng.choice([1 << self.rng.randrange(18), u.UC_HOOK_CODE, u.UC_HOOK_BLOCK,
                                u.UC_HOOK_MEM_VALID, u.UC_HOOK_MEM_INVALID,
                                self.rng.getrandbits(16)])
        span = self.rng.choice([(1, 0), (1, 0), (0, 0x4000), (self.number(), self.number())])
        extra = self.rng.choice([(), (x86_const.UC_X86_INS_SYSCALL,), (x86_const.UC_X86_INS_CPUID,),
                                 (x86_const.UC_X86_INS_IN,), (odd_number(self.rng),), (0, 0)])
        self.hooks.append(self.uc.hook_add(kind, fn, self, *span, *extra))

    do_hook_too = do_hook

    def do_unhook(self):
        with suppress(KeyError):        # no handle of a hook
            self.uc.hook_del(self.take(self.hooks) if self.hooks or self.rng.random() < 0.7
                             else self.number())

    def do_save(self):
        context = self.uc.context_save()
        if self.rng.random() < 0.3:
            context = pickle.loads(pickle.dumps(context))
        self.contexts = [*self.contexts[-4:], context]

    def do_restore(self):
        if self.contexts:
            context = self.rng.choice(self.contexts)
            if self.rng.random() < 0.2:
                self.uc.context_update(context)
            self.uc.context_restore(context)

    def do_context_reg(self):
        if self.contexts:
            context = self.rng.choice(self.contexts)
            context.reg_write(self.register(), self.rng.getrandbits(32))
            context.reg_read(self.register())

    def do_ctl(self):
        uc, rng = self.uc, self.rng
        rng.choice([
            uc.ctl_get_mode, uc.ctl_get_page_size, uc.ctl_get_arch, uc.ctl_get_timeout,
            uc.ctl_get_exits_cnt, uc.ctl_get_exits, uc.ctl_get_cpu_model, uc.ctl_flush_tb,
            uc.ctl_flush_tlb, uc.ctl_get_tcg_buffer_size,
            lambda: uc.ctl_exits_enabled(rng.random() < 0.5),
            lambda: uc.ctl_set_exits([self.number() for _ in range(rng.randrange(4))]),
            lambda: uc.ctl_remove_cache(self.number(), self.number()),
            lambda: uc.ctl_request_cache(self.number()),
            lambda: uc.ctl_set_tlb_mode(rng.randrange(3)),
            lambda: uc.ctl_context_mode(rng.randrange(4)),
            lambda: uc.ctl_set_cpu_model(rng.randrange(5)),
            lambda: uc.query(rng.randrange(6)), lambda: repr(uc)])()

    def do_virtual(self):
        self.rng.choice([
            lambda: self.uc.vmem_read(self.number(), 8),
            lambda: self.uc.vmem_write(self.number(), b"12345678"),
            lambda: self.uc.vmem_translate(self.number())])()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_calls(seed):
    session = Session(random.Random(seed))
    for _ in range(300):
        session.call()
    fresh = u.Uc(u.UC_ARCH_RISCV, u.UC_MODE_RISCV64)
    fresh.mem_map(0x1000, 0x1000)
    fresh.mem_write(0x1000, bytes.fromhex("13055000"))      # addi a0, zero, 5
    fresh.emu_start(0x1000, 0x1004)
    assert fresh.reg_read(riscv_const.UC_RISCV_REG_A0) == 5


@pytest.mark.parametrize("seed", SEEDS)
def test_threads(seed):
    """Three threads on two engines: each call works or is refused."""
    rng = random.Random(seed)
    in_threads([Session(rng), Session(rng)], rng)
