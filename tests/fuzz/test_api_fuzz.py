"""Random calls of the native API in random order, and random bytes as code.

Whatever happens, it is one of the engine's own exceptions, the interpreter lives, and a fresh
emulator works afterwards. A plain-Python model of mapped memory is kept beside and compared. Set
ENGINE_FUZZ=n for n times as many rounds, ENGINE_FUZZ_SEED for one seed again.
"""

import random
from contextlib import suppress

import pytest
from api.rv import addi, code, ld, sd, sw

pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")
from engine import Emulator, Error, Prot, Snapshot, StopReason

from .calls import SEEDS, Caller, in_threads, odd_number

# A register that the code of do_code addresses memory with, by architecture.
POINTERS = {"riscv64": "a1", "riscv32": "a1", "x86_64": "rsi", "i386": "esi"}
# Loads, stores, jumps, system calls, repetitions.
X86 = [bytes.fromhex(text) for text in (
    "8b06", "8906", "48ff4608", "0fb606", "660f6f06", "f30f7f4610", "cd80", "0f05", "ebfe", "eb01",
    "c3", "e800000000", "0fa2", "0f31", "f4", "f3a4", "f3ab", "29d8", "0f0b", "90")]


class Session(Caller):
    """One emulator."""

    # BufferError: a bytearray that is mapped is not resized.
    refused = (Error, BufferError)

    def __init__(self, rng):
        super().__init__(rng)
        arch = rng.choice(list(POINTERS))
        self.pointer = POINTERS[arch]
        # x86 has no delivery to the guest yet.
        self.delivers = self.pointer == "a1" and rng.random() < 0.5
        self.emu = Emulator(arch,
                            exceptions="guest" if self.delivers else "host",
                            user_mode=rng.random() < 0.3)
        self.hooks = []
        self.views = []
        self.snapshots = []
        self.recorders = []
        self.model = {}             # byte address -> value, of plain memory
        self.shared = False         # other threads use the emulator, too
        self.small = False          # no huge mappings, which the model leaves out
        self.dirty = False          # a guest or a view may have written: read the model anew

    def stop(self):
        self.emu.stop()

    # -- one method a kind of call

    def do_map(self):
        address = self.number()
        size = self.touched_size() if self.small else self.size()
        self.emu.memory.map(address, size, self.rng.choice(["rwx", "rwx", "rw", "r", "rx", ""]))
        if size <= 1 << 20:
            self.model.update(dict.fromkeys(range(address, address + size), 0))

    def do_map_buffer(self):
        buffer = bytearray(self.rng.randbytes(self.rng.choice([0, 1, 100, 0x1000, 0x1800])))
        address = self.number()
        self.emu.memory.map_buffer(address, buffer)
        self.views.append(buffer)
        self.model.update(zip(range(address, address + len(buffer)), buffer, strict=True))

    def do_map_io(self):
        def read(offset, size):
            self.anything()
            return self.rng.choice([0, 1, 0, 255, -1, None, 1 << 70])

        def write(offset, size, value):
            self.anything()

        self.emu.memory.map_io(self.number(), self.size(), self.rng.choice([read, None]),
                               self.rng.choice([write, None]))

    def do_unmap(self):
        address, size = self.number(), self.size()
        self.emu.memory.unmap(address, size)
        for at in list(self.model):
            if address <= at < address + size:
                self.model.pop(at, None)

    def do_protect(self):
        self.emu.memory.protect(self.number(), self.size(), Prot(self.rng.randrange(8)))

    def do_write(self):
        address, data = self.number(), self.rng.randbytes(self.rng.randrange(40))
        plain = isinstance(address, int) and all(
            address + i in self.model for i in range(len(data)))
        self.emu.memory.write(address, data)
        if plain and not self.dirty:
            self.model.update(zip(range(address, address + len(data)), data, strict=True))
        else:
            self.dirty = True

    def do_read(self):
        self.emu.memory.read(self.number(), self.touched_size())

    def do_numbers(self):
        name = self.rng.choice(["u8", "u16", "u32", "u64"])
        if self.rng.random() < 0.5:
            getattr(self.emu.memory, "read_" + name)(self.number())
        else:
            self.dirty = True
            getattr(self.emu.memory, "write_" + name)(self.number(), self.rng.getrandbits(8))

    def do_fill(self):
        self.dirty = True
        self.emu.memory.fill(self.number(), self.touched_size(), self.rng.randrange(260))

    def do_search(self):
        found = self.emu.memory.search(self.rng.randbytes(2), 0, 0x20000)
        for _, _ in zip(range(5), found, strict=False):
            pass

    def do_view(self):
        view = self.emu.memory.view(self.number(), self.size())
        self.views.append(view)
        self.dirty = True
        view[0] = self.rng.randrange(256)

    def do_use_views(self):
        for view in self.views[-3:]:
            if len(view):
                view[-1] = self.rng.randrange(256)
                self.dirty = True
        del self.views[:-6]

    def do_regions(self):
        ends = 0
        for region in self.emu.memory.regions():
            assert region.address >= ends
            assert region.size > 0
            ends = region.end

    def do_regs(self):
        regs = self.emu.regs
        name = self.rng.choice(regs.names)
        if self.rng.random() < 0.5:
            regs[name] = self.rng.choice([0, 1, -1, self.rng.getrandbits(32), odd_number(self.rng)])
        assert 0 <= regs[name] < 1 << regs.info(name).bits

    def do_code(self):
        self.dirty = True
        if self.pointer != "a1":
            self.emu.memory.write(self.address(), b"".join(
                self.rng.choice(X86) if self.rng.random() < 0.8 else self.rng.randbytes(4)
                for _ in range(self.rng.randrange(1, 12))))
            return
        words = []
        for _ in range(self.rng.randrange(1, 12)):
            kind = self.rng.randrange(4)
            if kind == 0:
                words.append(self.rng.getrandbits(32))
            elif kind == 1:
                words.append(addi("a0", "a1", self.rng.randrange(2048)))
            else:
                words.append(self.rng.choice([ld, sd, sw])("a0", self.rng.randrange(64), "a1"))
        self.emu.memory.write(self.address(), code(*words))

    def do_run(self):
        self.dirty = True
        self.emu.regs[self.pointer] = self.address()
        limits = {"count": self.rng.choice([0, 1, 5, 100, 2000])}
        if self.rng.random() < 0.1:
            limits = {"timeout": 0.01}
        if self.rng.random() < 0.1:
            limits["until"] = odd_number(self.rng)
        begin = self.rng.choice([None, self.address() & ~1, odd_number(self.rng)])
        result = self.emu.run(begin, **limits)
        if result.reason is StopReason.COUNT:
            # The count bounds the traps of a guest that does nothing else, too.
            assert result.count == limits["count"] or self.delivers
            assert result.count <= limits["count"]
        assert result.pc == self.emu.pc or self.shared

    def do_step(self):
        self.dirty = True
        self.emu.step(self.rng.choice([1, 1, 1, 2, 0, -1, None, "x", 1 << 64]))

    def do_hook(self):
        def fn(*args):
            self.anything()
            return self.rng.choice([None, None, False, True, "x"])

        kind = self.rng.choice(["code", "block", "memory", "fault", "exception", "invalid", "insn"])
        if kind == "insn":
            hook = self.emu.hook_insn(
                self.rng.choice(["ld", "addi", "ecall", "mov", "syscall", "nonsense"]), fn)
        elif kind == "exception" or self.rng.random() < 0.5:
            hook = getattr(self.emu, "hook_" + kind)(fn)
        else:
            hook = getattr(self.emu, "hook_" + kind)(fn, begin=self.number(), end=self.number())
        self.hooks.append(hook)

    def do_unhook(self):
        with suppress(KeyError):
            self.take(self.hooks).remove()

    def do_pause(self):
        if self.hooks:
            hook = self.rng.choice(self.hooks)
            hook.enabled = not hook.enabled

    def do_snapshot(self):
        snap = self.emu.snapshot()
        self.dirty = True
        if self.rng.random() < 0.1:
            snap = Snapshot.from_bytes(snap.to_bytes())
        self.snapshots.append(snap)
        del self.snapshots[:-8]

    def do_restore(self):
        if self.snapshots:
            self.dirty = True
            self.emu.restore(self.rng.choice(self.snapshots))
            # Mappings came and went with it.
            self.model = {}
            for region in self.emu.memory.regions():
                if region.kind != "io" and region.size <= 0x3000:
                    self.model.update(dict.fromkeys(
                        range(region.address, region.address + region.size), 0))

    def do_fork(self):
        with self.emu.fork() as child:
            child.run(count=5)

    def do_record(self):
        emu = self.emu
        self.recorders.append(self.rng.choice([
            lambda: emu.record(self.rng.choice(["blocks", "instructions", "memory"]),
                               self.rng.choice([1, 7, 100]), self.rng.choice([None, 0x1000]),
                               full=self.rng.choice(["drop", "ring", "stop"])),
            lambda: emu.record_edges(bytearray(256)), lambda: emu.record_coverage()])())

    def do_use_recorder(self):
        if self.recorders:
            recorder = self.rng.choice(self.recorders)
            getattr(recorder, self.rng.choice(["stop", "start", "clear", "tolist", "blocks"]),
                    lambda: None)()
            del self.recorders[:-5]

    def do_call(self):
        self.dirty = True
        self.emu.call(self.number(), *[self.rng.getrandbits(32)] * self.rng.randrange(12),
                      count=50)

    def do_filter(self):
        self.hooks.append(self.emu.hook_memory(
            lambda *args: self.anything(), after=True, every=self.rng.choice([0, 1, 3]),
            value=self.rng.choice([None, 0, ("<", 100), ("~", 1)]),
            addresses=self.rng.choice([None, [], [0x1000, 0x2008], [odd_number(self.rng)]])))

    def do_rest(self):
        emu = self.emu
        self.rng.choice([
            lambda: emu.stats, lambda: emu.flush_code(), lambda: emu.stop(), lambda: repr(emu),
            lambda: emu.disassemble(self.number(), 3),
            lambda: emu.disassemble(self.rng.randbytes(9)),
            lambda: emu.memory.translate(self.number()), lambda: repr(emu.regs),
            lambda: emu.raise_irq(self.rng.randrange(16), self.rng.random() < 0.5),
            lambda: emu.memory.read_virtual(self.number(), 8)])()

    def compare(self):
        if self.dirty:
            for at in list(self.model):
                try:
                    self.model[at] = self.emu.memory.read_u8(at)
                except Error:
                    del self.model[at]
            self.dirty = False
            return
        for at, value in self.model.items():
            assert self.emu.memory.read_u8(at) == value


@pytest.mark.parametrize("seed", SEEDS)
def test_random_calls(seed):
    session = Session(random.Random(seed))
    for _ in range(300):
        session.call()
    session.dirty = True
    session.compare()
    session.emu.close()
    for view in session.views:
        bytes(view)


@pytest.mark.parametrize("seed", SEEDS)
def test_memory_model(seed):
    """Only mapping and writing: the model and the engine never differ."""
    rng = random.Random(seed)
    session = Session(rng)
    session.small = True
    calls = [Session.do_map, Session.do_unmap, Session.do_protect, Session.do_write,
             Session.do_write, Session.do_read, Session.do_regions]
    for _ in range(150):
        try:
            rng.choice(calls)(session)
        except Error:
            pass
        except TypeError:
            pytest.fail("an argument escaped the checks")
    spans = sum(region.size for region in session.emu.memory.regions())
    assert spans == len(session.model)
    for at, value in session.model.items():
        assert session.emu.memory.read_u8(at) == value


@pytest.mark.parametrize("seed", SEEDS)
def test_threads(seed):
    """Three threads on two emulators: each call works or is refused."""
    rng = random.Random(seed)
    sessions = [Session(rng), Session(rng)]
    for session in sessions:
        session.shared = True
    in_threads(sessions, rng)


@pytest.mark.parametrize("arch", ["riscv64", "riscv32"])
@pytest.mark.parametrize("seed", SEEDS)
def test_random_bytes_as_code(arch, seed):
    rng = random.Random(seed)
    with Emulator(arch, exceptions=rng.choice(["host", "guest"])) as emu:
        emu.memory.map(0x1000, 0x4000)
        emu.memory.write(0x1000, rng.randbytes(0x4000))
        for name in emu.regs.groups["general"]:
            emu.regs[name] = rng.choice([0, 0x1000, 0x2000, rng.getrandbits(32)])
        for _ in range(30):
            begin = 0x1000 + 2 * rng.randrange(0x1000)
            try:
                result = emu.run(begin, count=200)
            except Error as error:
                assert str(error)
                result = getattr(error, "result", None)
            if result is not None:
                assert result.count <= 200
        emu.memory.map(0x80000, 0x1000)
        emu.memory.write(0x80000, code(addi("t0", "zero", 5)))
    with Emulator(arch) as fresh:
        fresh.memory.map(0x1000, 0x1000)
        fresh.memory.write(0x1000, code(addi("a0", "zero", 5)))
        fresh.run(0x1000, 0x1004)
        assert fresh.regs.a0 == 5
