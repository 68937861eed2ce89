"""What the core's hot paths cost: TLB, TB hash, jump cache, dirty bitmaps, physical reads.

    python tests/bench/bench_core.py

after `ENGINE_TESTS=1 python setup.py build_ext --inplace`.

The Cython-level numbers come from loops in the compiled tests (tests/cython/t_*.pyx: bench_*).
A benchmark, not a test: nothing here fails for being slow.
"""

import importlib
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096


def best(function, repeat=7):
    return min(function() for _ in range(repeat))


def timed(function, loops=1):
    began = time.perf_counter()
    for _ in range(loops):
        function()
    return (time.perf_counter() - began) / loops


def cython_level():
    for module, name, what in (("t_tlb", "bench_lookup", "TLB"),
                               ("t_tbhash", "bench_hash", "TB hash"),
                               ("t_address_space", "bench_read", "address_space_read, bytes")):
        found = getattr(importlib.import_module(f"tests.cython.{module}"), name)()
        for key, ns in found.items():
            if key != "_":
                print(f"{what + ' ' + str(key):45} {ns:8.1f} ns")


def dirty_bitmaps():
    """Harvest 1 GiB of 4 KiB pages, 1 % dirty, against numpy on one array."""
    from engine import Emulator
    from engine.memory import DirtyClient, DirtyMemory, MemoryRegion
    emu = Emulator("riscv64")
    region = MemoryRegion.ram(emu, "ram", 1 << 30)
    dirty = DirtyMemory(emu)
    pages = 1 << 18
    rng = np.random.default_rng(1)
    chosen = rng.choice(pages, pages // 100, replace=False)
    words = np.zeros(pages // 64, np.uint64)
    np.bitwise_or.at(words, chosen >> 6, np.uint64(1) << (chosen & 63).astype(np.uint64))
    client = DirtyClient.MIGRATION
    dirty.test_and_clear_bitmap(client)

    def fill():
        for page in chosen:
            dirty.set_dirty(int(page) * PAGE, PAGE, 1 << client)

    def numpy_words():
        array = words.copy()

        def harvest():
            old = array.copy()
            array.fill(0)
            return old
        return timed(harvest)

    def numpy_pages():
        array = words.copy()

        def harvest():
            old = array.copy()
            array.fill(0)
            return np.flatnonzero(np.unpackbits(old.view(np.uint8), bitorder="little"))
        return timed(harvest)

    def numpy_bytes():
        array = np.unpackbits(words.view(np.uint8), bitorder="little")

        def harvest():
            old = array.copy()
            array.fill(0)
            return old
        return timed(harvest)

    def ours(function):
        fill()
        return timed(function)

    mine = best(lambda: ours(lambda: dirty.test_and_clear_bitmap(client)))
    theirs = best(numpy_words, 50)
    print(f"{'test-and-clear of 1 GiB, words':45} {mine * 1e6:8.1f} us, numpy"
          f" {theirs * 1e6:.1f} us, {mine / theirs:.2f}x")
    theirs = best(numpy_bytes, 50)
    print(f"{'the same, numpy with a byte a page':45} {mine * 1e6:8.1f} us, numpy"
          f" {theirs * 1e6:.1f} us, {mine / theirs:.2f}x")
    mine = best(lambda: ours(lambda: dirty.dirty_pages(client, clear=True)))
    theirs = best(numpy_pages, 50)
    print(f"{'test-and-clear of 1 GiB, page numbers':45} {mine * 1e6:8.1f} us, numpy"
          f" {theirs * 1e6:.1f} us, {mine / theirs:.2f}x")
    del region


def python_reads():
    from engine import Emulator
    from engine.memory import MemoryRegion, cpu_address_spaces, system_memory
    emu = Emulator("riscv64")
    system_memory(emu).add_subregion(0x1000, MemoryRegion.ram(emu, "ram", 1 << 20))
    (space,) = cpu_address_spaces(emu)
    data = bytes(1 << 16)
    loops = 200_000
    for size in (1, 8, 16):
        read = space.read

        def ours(size=size, read=read):
            for _ in range(loops):
                read(0x1100, size)

        def slices(size=size):
            for _ in range(loops):
                data[0x100:0x100 + size]
        mine, theirs = best(lambda f=ours: timed(f)), best(lambda f=slices: timed(f))
        print(f"{f'AddressSpace.read of {size} from Python':45} {mine / loops * 1e9:8.1f} ns,"
              f" bytes slice {theirs / loops * 1e9:.1f} ns, {mine / theirs:.2f}x")


def random_walk():
    """Loads at random addresses of working sets of several sizes: what TLB misses cost a guest."""
    from api.rv import add, addi, bne, code, ld, mul

    from engine import Emulator
    base, loops = 0x10000000, 2_000_000
    for size in (512 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20):
        with Emulator("riscv64") as emu:
            emu.memory.map(0x1000, 0x1000)
            emu.memory.map(base, size)
            srli = addi("a2", "a0", 20) | 5 << 12
            mask = add("a2", "a2", "a5") | 7 << 12
            emu.memory.write(0x1000, code(mul("a0", "a0", "a3"), addi("a0", "a0", 1021), srli, mask,
                                          add("a2", "a2", "a1"), ld("a6", 0, "a2"),
                                          addi("a4", "a4", -1), bne("a4", "zero", -28)))
            seconds = []
            for _ in range(3):
                emu.regs.write_many({"a0": 1, "a1": base, "a3": 6364136223846793005, "a4": loops,
                                     "a5": size - 8})
                began = time.perf_counter()
                emu.run(0x1000, 0x1000 + 32)
                seconds.append(time.perf_counter() - began)
            fills = emu.stats["tlb_fills"]
            print(f"{f'random load from {size >> 10} KiB':45} {min(seconds) / loops * 1e9:8.1f} ns,"
                  f" {fills / loops / 3:.3f} TLB fills each")


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    cython_level()
    random_walk()
    dirty_bitmaps()
    python_reads()
