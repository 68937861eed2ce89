"""Engines made and dropped leave nothing behind: host memory, objects, mappings, file handles.

ENGINE_LEAKS=10000 makes that many of them instead of a few hundred.
"""

import gc
import os
import sys
from pathlib import Path

import pytest

from engine import Emulator

from .rv import CODE, DATA, addi, code, jal, ld, sd

ROUNDS = int(os.environ.get("ENGINE_LEAKS", "300"))
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


def resident():
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def mappings():
    return len(Path("/proc/self/maps").read_text().splitlines())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_nothing_is_left():
    for _ in range(60):
        once()
    gc.collect()
    objects, maps = len(gc.get_objects()), mappings()
    files = len(os.listdir("/proc/self/fd"))
    memory = resident()
    for _ in range(ROUNDS):
        once()
    gc.collect()
    assert len(gc.get_objects()) - objects < 50
    assert mappings() - maps < 20
    assert len(os.listdir("/proc/self/fd")) - files <= 2
    # A leak of a page an engine would be 4 KiB a round; the allocator's own noise is less.
    assert resident() - memory < 4 * 2**20 + ROUNDS * 1024
