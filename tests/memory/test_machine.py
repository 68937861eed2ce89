"""A machine of the project's own that shows the memory system's parts together.

A RISC-V CPU with two address spaces (machine mode sees the secure one), a boot ROM that is resized,
a framebuffer, a device without the big lock, and dirty tracking as a migration does it.
"""

import random
import threading

import numpy as np
import pytest
from api.rv import addi, bne, code, jal, lb, lui, lw, sb, sw

from engine import Emulator, backends
from engine.memory import (
    AddressSpace,
    DirtyClient,
    DirtyMemory,
    MemoryRegion,
    MemTxAttrs,
    cpu_address_spaces,
    global_dirty_log,
    set_cpu_address_spaces,
    system_memory,
)

PAGE = 0x1000
ROM, RAM, FB, VSYNC, COUNTER, VAULT = 0x1000, 0x80000, 0x200000, 0x300000, 0x310000, 0x400000
WIDTH = HEIGHT = 64                 # bytes a row, rows: a page each, so that rows are pages
ROW = PAGE


class Machine:
    def __init__(self, backend):
        self.emu = emu = Emulator("riscv64", backend=backend)
        self.plain_root = system_memory(emu)
        self.secure_root = MemoryRegion.container(emu, "secure", 1 << 64)
        self.rom = MemoryRegion.resizeable_ram(emu, "rom", PAGE, 4 * PAGE, readonly=True)
        self.ram = MemoryRegion.ram(emu, "ram", 64 * PAGE)
        self.fb = MemoryRegion.ram(emu, "fb", HEIGHT * ROW)
        self.fb.set_log(True, DirtyClient.VGA)
        self.frames = []
        self.vsync = MemoryRegion.io(emu, "vsync", 8, write=self.on_vsync)
        self.ticks = 0
        self.inside = 0
        self.counter = MemoryRegion.io(emu, "counter", 8, read=self.on_counter)
        self.counter.global_locking = False
        self.vault = MemoryRegion.ram(emu, "vault", PAGE)
        for at, region in ((ROM, self.rom), (RAM, self.ram), (FB, self.fb), (VSYNC, self.vsync),
                           (COUNTER, self.counter)):
            self.plain_root.add_subregion(at, region)
        # The secure world sees all of the plain one, and the vault.
        everything = MemoryRegion.alias(emu, "plain", self.plain_root, 0, 1 << 63)
        self.secure_root.add_subregion(0, everything, -1)
        self.secure_root.add_subregion(VAULT, self.vault)
        (self.plain,) = cpu_address_spaces(emu)
        self.secure = AddressSpace(emu, self.secure_root, "secure")
        set_cpu_address_spaces(emu, [self.plain, self.secure])
        self.dirty = DirtyMemory(emu)

    def on_vsync(self, offset, size, value, attrs):
        """The guest has drawn: which rows, since the last time?"""
        rows = [row for row in range(HEIGHT)
                if self.fb.test_and_clear_dirty(row * ROW, ROW, DirtyClient.VGA)]
        self.frames.append(rows)

    def on_counter(self, offset, size, attrs):
        self.inside += 1
        self.ticks += 1
        self.inside -= 1
        return self.ticks & 0xff

    def load(self, at, *insns):
        self.plain.write_rom(at, code(*insns))
        return at + 4 * len(insns)


@pytest.fixture(params=backends())
def machine(request):
    made = Machine(request.param)
    yield made
    made.emu.close()


def test_spaces_are_chosen_by_attributes(machine):
    emu = machine.emu
    machine.vault.set_dirty(0, 1)
    machine.secure.write(VAULT, b"key!")
    end = machine.load(RAM, lw("a0", 0, "a1"))
    emu.regs.a1 = VAULT
    emu.run(RAM, end)                           # machine mode
    assert emu.regs.a0 == int.from_bytes(b"key!", "little")
    emu.regs.priv = 0                           # user mode: nothing is there
    with pytest.raises(Exception) as info:
        emu.run(RAM, end)
    assert info.value.kind == "unmapped" and info.value.address == VAULT
    emu.regs.priv = 3                           # and back: the TLBs did not mix
    emu.regs.a0 = 0
    emu.run(RAM, end)
    assert emu.regs.a0 == int.from_bytes(b"key!", "little")
    assert not machine.plain.access_valid(VAULT, 4)
    assert machine.secure.read(RAM, 4) == machine.plain.read(RAM, 4)


def test_rom_is_resized_while_its_code_is_known(machine):
    emu = machine.emu
    end = machine.load(ROM + PAGE - 8, addi("a0", "zero", 1), addi("a0", "a0", 1))
    emu.run(ROM + PAGE - 8, end)
    assert emu.regs.a0 == 2
    assert not machine.plain.access_valid(ROM + PAGE, 4)
    machine.rom.resize(2 * PAGE)
    end = machine.load(ROM + PAGE, addi("a0", "a0", 40))
    emu.run(ROM + PAGE - 8, end)
    assert emu.regs.a0 == 42
    # A guest's store to ROM is lost; the host's is refused.
    emu.regs.a1 = ROM
    before = machine.plain.read(ROM, 4)
    emu.run(RAM, machine.load(RAM, sw("a0", 0, "a1")))
    assert machine.plain.read(ROM, 4) == before
    assert machine.plain.try_write(ROM, b"x") != 0
    machine.rom.resize(PAGE)
    assert not machine.plain.access_valid(ROM + PAGE, 4)


def test_dirty_rows_of_the_framebuffer(machine):
    """The guest draws rows and hits vsync, the display fetches exactly the rows drawn since."""
    emu = machine.emu
    rng = random.Random(1)
    machine.fb.test_and_clear_dirty(0, HEIGHT * ROW, DirtyClient.VGA)
    frames = [sorted(rng.sample(range(HEIGHT), rng.randrange(1, 9))) for _ in range(12)]
    program = []
    for rows in frames:
        for row in rows:
            program += [lui("a1", (FB + row * ROW) >> 12), sb("a0", rng.randrange(WIDTH), "a1")]
        program += [lui("a2", VSYNC >> 12), sw("zero", 0, "a2")]
    end = machine.load(RAM, *program)
    for _ in range(3):                          # the blocks and the TLB are warm the second time
        machine.frames.clear()
        emu.run(RAM, end)
        assert machine.frames == frames
    # Other clients keep their own view.
    assert machine.fb.is_logging(DirtyClient.VGA) and not machine.fb.is_logging(
        DirtyClient.MIGRATION)


def test_device_without_the_big_lock_from_two_threads(machine):
    """One thread is the guest's, the other does transfers between runs of it."""
    emu = machine.emu
    done = []
    end = machine.load(RAM, *[lb("a0", 0, "a1")] * 50)
    emu.regs.a1 = COUNTER

    def transfers():
        while not done:
            try:
                machine.plain.read(COUNTER, 1, MemTxAttrs.USER)
            except Exception as error:          # refused while the guest runs, and says so
                assert type(error).__name__ == "EngineBusyError"

    thread = threading.Thread(target=transfers)
    thread.start()
    try:
        runs = 0
        while runs < 40:
            try:
                emu.run(RAM, end)
                runs += 1
            except Exception as error:
                assert type(error).__name__ == "EngineBusyError", error
    finally:
        done.append(True)
        thread.join(20)
    assert machine.ticks >= 40 * 50 and machine.inside == 0


def test_migration_finds_exactly_the_written_pages(machine):
    emu = machine.emu
    rng = random.Random(2)
    global_dirty_log(emu, True)
    base = machine.ram.ram_address >> 12
    machine.load(RAM, sb("a0", 0, "a1"), addi("a2", "a2", -1), bne("a2", "zero", -8),
                 jal("zero", 0))
    machine.dirty.test_and_clear_bitmap(DirtyClient.MIGRATION)
    copy = machine.ram.read(0, 64 * PAGE)
    for _ in range(10):
        pages = sorted(rng.sample(range(1, 64), 5))
        for page in pages:
            emu.regs.write_many({"a0": rng.randrange(1, 256),
                                 "a1": RAM + page * PAGE + rng.randrange(PAGE), "a2": 3})
            emu.run(RAM, RAM + 12)
        found = machine.dirty.dirty_pages(DirtyClient.MIGRATION, clear=True)
        assert list(found) == [base + page for page in pages]
        # Copying these is enough to follow the memory.
        now = machine.ram.read(0, 64 * PAGE)
        follow = bytearray(copy)
        for page in (found - np.uint64(base)).tolist():
            follow[page * PAGE:(page + 1) * PAGE] = now[page * PAGE:(page + 1) * PAGE]
        assert bytes(follow) == now
        copy = now
    assert machine.dirty.dirty_pages(DirtyClient.MIGRATION).size == 0


def test_code_modifies_itself_through_an_alias_of_its_page(machine):
    emu = machine.emu
    window = MemoryRegion.alias(emu, "window", machine.ram, 0, PAGE)
    machine.plain_root.add_subregion(0x500000, window)
    # The store goes to the next instruction, at another address of the same page.
    patch = int.from_bytes(code(addi("a2", "a2", 100)), "little")
    end = machine.load(RAM, sw("a0", 4, "a1"), addi("a2", "a2", 1), addi("a3", "a3", 1))
    emu.regs.write_many({"a0": patch, "a1": 0x500000, "a2": 0, "a3": 0})
    emu.run(RAM, end)
    assert (emu.regs.a2, emu.regs.a3) == (100, 1)
    machine.plain.write(0x500004, code(addi("a2", "a2", 7)))    # the host, the same way
    emu.regs.a0 = int.from_bytes(code(addi("a2", "a2", 9)), "little")
    emu.run(RAM, end)
    assert emu.regs.a2 == 109


def test_two_threads_are_inside_a_device_without_the_big_lock(machine):
    """Each waits in the device for the other: that ends only if nobody holds a lock there."""
    both = threading.Barrier(2)
    answers = []

    def read(offset, size, attrs):
        both.wait(20)
        return offset

    device = MemoryRegion.io(machine.emu, "slow", 8, read)
    device.global_locking = False
    machine.plain_root.add_subregion(0x600000, device)
    threads = [threading.Thread(target=lambda at=at: answers.append(
        machine.secure.read(0x600000 + at, 1)[0])) for at in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [1, 2]
