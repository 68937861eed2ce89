"""Engines made and dropped leave nothing behind: host memory, objects, mappings, file handles.

ENGINE_LEAKS=10000 makes that many of them instead of a few hundred.
"""

import gc
import os
import sys
from pathlib import Path

import pytest

import engine.unicorn as unicorn
from engine import Emulator, backends
from engine.unicorn import riscv_const

from .rv import CODE, DATA, addi, code, jal, ld, sd

ROUNDS = int(os.environ.get("ENGINE_LEAKS", "500"))
PROGRAM = code(addi("a0", "a0", 1), sd("a0", 0, "a1"), ld("a2", 0, "a1"), jal("zero", -12))


def once():
    emu = Emulator("riscv64")
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x10000)
    emu.memory.map_io(0x50000, 0x1000, lambda offset, size: 5)
    emu.memory.write(CODE, PROGRAM)
    emu.regs.a1 = DATA
    seen = []
    emu.hook_code(lambda *event: seen.append(event[1:]), every=10)
    emu.hook_memory(lambda *event: seen.append(event[1:]), after=True)
    first = emu.snapshot()
    recorder = emu.record("memory", 100, full="ring")
    edges = emu.record_edges(bytearray(256))
    coverage = emu.record_coverage()
    view = emu.memory.view(DATA, 16)
    emu.run(CODE, count=40)
    second = emu.snapshot()
    emu.memory.unmap(0x50000, 0x1000)
    emu.restore(first)
    emu.restore(second)
    assert len(recorder) and coverage.blocks() and len(view) and edges.active
    try:
        emu.run(0x70000)
    except Exception as error:
        assert error.pc == 0x70000
    return emu.fork().regs.a0


def once_unicorn():
    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x10000)
    uc.mmio_map(0x50000, 0x1000, lambda uc, offset, size, data: 5, uc, None, None)
    uc.mem_write(CODE, PROGRAM)
    uc.reg_write(riscv_const.UC_RISCV_REG_A1, DATA)
    seen = []
    uc.hook_add(unicorn.UC_HOOK_CODE, lambda *event: seen.append(event), uc)
    uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, lambda *event: seen.append(event))
    context = uc.context_save()
    uc.emu_start(CODE, 0, count=40)
    assert len(seen) == 40
    uc.context_restore(context)
    try:
        uc.emu_start(0x70000, 0)
    except unicorn.UcError as error:
        assert error.errno == unicorn.UC_ERR_FETCH_UNMAPPED


def resident():
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def mappings():
    return len(Path("/proc/self/maps").read_text().splitlines())


def test_nothing_of_an_engine_is_in_the_next():
    """Parts of a freed engine are used again by the next one of its kind (exec/spare)."""
    for n in range(1, 20):
        with Emulator("riscv64", fp=n % 2 == 0) as emu:
            assert all(emu.regs[name] == 0 for name in emu.regs.groups["general"])
            assert not any(count for name, count in emu.stats.items() if name != "tlb_flushes")
            emu.memory.map(CODE, 0x1000)
            emu.memory.map(DATA, 0x3000)
            assert not any(emu.memory.read(DATA, 0x3000))
            assert not any(emu.memory.read(CODE, 0x1000))
            emu.memory.write(CODE, code(addi("a0", "a0", n), sd("a0", 0, "a1"), jal("zero", 0)))
            emu.regs.a1 = DATA + 8 * n
            seen = []
            if n % 3 == 0:
                emu.hook_code(lambda *event, seen=seen: seen.append(event[1]))
                emu.breakpoints.add(CODE + 8)
            if n % 4 == 0:
                emu.record_coverage()
            emu.run(CODE, CODE + 8, count=1000)
            assert (emu.regs.a0, emu.memory.read_u64(DATA + 8 * n)) == (n, n)
            assert len(seen) == (2 if n % 3 == 0 else 0)
            for name in emu.regs.groups["general"]:
                emu.regs[name] = 0x5a5a
            for name in emu.regs.groups["float"]:
                emu.regs[name] = 0x5a5a


def test_many_at_a_time():
    """More than are kept when they are freed."""
    for _ in range(3):
        emus = [Emulator("riscv64", backend=backend) for backend in backends() * 12]
        for n, emu in enumerate(emus):
            emu.memory.map(CODE, 0x1000)
            emu.memory.write(CODE, code(addi("a0", "a0", n)))
            emu.run(CODE, CODE + 4)
        assert [emu.regs.a0 for emu in emus] == list(range(len(emus)))


def make(once, rounds):
    for n in range(rounds):
        once()
        if n % 20 == 0:
            gc.collect()        # hooks that know their engine are cycles
    gc.collect()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("once", [once, once_unicorn])
def test_nothing_is_left(once):
    make(once, 100)             # the allocator finds its size
    objects, maps = len(gc.get_objects()), mappings()
    files = len(os.listdir("/proc/self/fd"))
    memory = resident()
    for n in range(ROUNDS):
        once()
        if n % 50 == 49:
            gc.collect()        # hooks that know their engine are cycles
    assert len(gc.get_objects()) - objects < 50
    # The allocator of a sanitizer build keeps what was freed for a while, in mappings of its own.
    release = os.environ.get("ENGINE_BUILD", "release") == "release"
    assert mappings() - maps < 20 + (0 if release else ROUNDS // 4)
    assert len(os.listdir("/proc/self/fd")) - files <= 2
    # What the allocator keeps settles at some 16 MiB; an engine that is left is at least 16 KiB, so
    # it is the long form that sees them.
    assert resident() - memory < 24 * 2**20 + ROUNDS * 1024
