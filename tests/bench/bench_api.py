"""Costs of the native API, beside unicorn's where it is installed.

Run it: python tests/bench/bench_api.py. Prints one row a measurement: nanoseconds a call (the
best of several rounds), the same through unicorn, the ratio. Timed tests are not among pytest's: a
busy machine would fail them.
"""

import subprocess
import sys
import threading
import time
import timeit
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1]),
               str(Path(__file__).parent)]

from api.rv import CODE, DATA, addi, bne, code, jal, ld, li, lui, sd  # noqa: E402

from engine import Emulator  # noqa: E402

try:
    import unicorn
    from unicorn import riscv_const as rv
except ImportError:
    unicorn = None


def best(fn, number, rounds=5):
    """Nanoseconds of CPU time a call."""
    times = []
    for _ in range(rounds):
        began = time.process_time()     # what else the machine does, does not count
        for _ in range(number):
            fn()
        times.append(time.process_time() - began)
    return min(times) / number * 1e9


def call(statement, number, rounds=5, **names):
    """Nanoseconds of CPU time a statement, as timeit has it: in a loop, not in a function."""
    timer = timeit.Timer(statement, globals=names, timer=time.process_time)
    return min(timer.repeat(rounds, number)) / number * 1e9


def per_event(fn, events, rounds=5):
    """Nanoseconds an event of a call that has so many."""
    return best(fn, 1, rounds) / events


def ours():
    emu = Emulator("riscv64")
    emu.memory.map(CODE, 0x1000)
    emu.memory.map(DATA, 0x1000)
    return emu


def theirs():
    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    uc.mem_map(CODE, 0x1000)
    uc.mem_map(DATA, 0x1000)
    return uc


LOOP_TURNS = 20_000
# a0 = turns; loop: load, store, count
LOOP = code(lui("a0", LOOP_TURNS >> 12), addi("a0", "a0", LOOP_TURNS & 0x7ff),
            ld("a2", 0, "a1"), sd("a2", 8, "a1"), addi("a0", "a0", -1), bne("a0", "zero", -12))
TURNS = (LOOP_TURNS >> 12 << 12) + (LOOP_TURNS & 0x7ff)
END = CODE + len(LOOP)
TWENTY = code(*[addi("a0", "a0", 1)] * 20)
REGS16 = [f"a{i}" for i in range(8)] + [f"s{i}" for i in range(8)]


def creation():
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, TWENTY)
        emu.run(CODE, CODE + 80)


def creation_unicorn():
    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    uc.mem_map(CODE, 0x1000)
    uc.mem_write(CODE, TWENTY)
    uc.emu_start(CODE, CODE + 80)


def maps(n):
    with Emulator("riscv64") as emu:
        for i in range(n):
            emu.memory.map(i * 0x2000, 0x1000)
        emu.memory.write(0, code(addi("a0", "a0", 1)))
        emu.run(0, 4)


def maps_unicorn(n):
    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    for i in range(n):
        uc.mem_map(i * 0x2000, 0x1000)


def hooked(arm):
    emu = ours()
    emu.memory.write(CODE, LOOP)
    emu.regs.a1 = DATA
    arm(emu)
    return lambda: emu.run(CODE, END)


def hooked_unicorn(*kinds_and_fn):
    uc = theirs()
    uc.mem_write(CODE, LOOP)
    uc.reg_write(rv.UC_RISCV_REG_A1, DATA)
    kind, fn = kinds_and_fn
    uc.hook_add(kind, fn)
    return lambda: uc.emu_start(CODE, END)


def two_threads(turns, hooked=False):
    """Time of two runs in two threads over that of one after the other."""
    emus = []
    for _ in range(2):
        emu = ours()
        emu.memory.write(CODE, code(lui("a0", turns), addi("a0", "a0", -1), bne("a0", "zero", -4)))
        if hooked:
            emu.hook_code(lambda *event: None)
        emus.append(emu)

    def run(emu):
        emu.run(CODE, CODE + 12)

    began = time.perf_counter()
    for emu in emus:
        run(emu)
    after = time.perf_counter() - began
    threads = [threading.Thread(target=run, args=(emu,)) for emu in emus]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - began) / after


def snapshots():
    """Microseconds of a restore of 64 MiB: untouched, with 10 dirty pages, and of the guest's own
    writing of these."""
    emu = ours()
    emu.memory.map(0x4000000, 64 << 20)
    emu.memory.fill(0x4000000, 64 << 20, 1)
    snap = emu.snapshot()
    row("restore of 64 MiB, untouched", best(lambda: emu.restore(snap), 20_000))

    def dirty():
        for page in range(10):
            emu.memory.write_u64(0x4000000 + page * 0x5000, 7)

    def both():
        dirty()
        emu.restore(snap)

    row("restore of 64 MiB, 10 dirty pages", best(both, 5_000) - best(dirty, 5_000))
    row("snapshot of 64 MiB, 10 dirty pages", best(lambda: (dirty(), emu.snapshot()), 300)
        - best(dirty, 5_000))


def coverage_overhead():
    """Time of the loop with block coverage over that without, in one run."""
    emu = ours()
    emu.memory.write(CODE, code(lui("a0", 10_000), addi("a0", "a0", -1), bne("a0", "zero", -4)))

    def run():
        emu.run(CODE, CODE + 12)

    without = best(run, 1)
    coverage = emu.record_coverage()
    ratio = best(run, 1) / without
    coverage.stop()
    print(f"{'coverage, two-instruction loop: with / without':44}{ratio:12.2f}")


def coverage_on_kernels():
    """Geometric mean over the kernels of bench_kernels.py of the time with block coverage over
    that without."""
    import bench_kernels

    guest = bench_kernels.Guest("riscv64")
    plain, covered = (bench_kernels.Engine(guest, None) for _ in range(2))
    coverage = covered.emu.record_coverage()
    ratios = []
    for kernel, size in bench_kernels.SIZES.items():
        times = [[one.call(kernel, size)[0] for one in (plain, covered)] for _ in range(3)]
        ratios.append(min(t[1] for t in times) / min(t[0] for t in times))
    coverage.stop()
    print(f"{'coverage, kernels: with / without, mean, most':44}"
          f"{bench_kernels.geomean(ratios):12.2f}{max(ratios):12.2f}")


def import_time():
    script = "import time; t = time.process_time(); import engine; engine.Emulator; " \
             "print(time.process_time() - t)"
    return min(float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                    check=True, cwd=Path(__file__).parents[2]).stdout)
               for _ in range(5))


def row(name, mine, other=None):
    ratio = f"{other / mine:8.1f}x" if other else ""
    shown = f"{other:12,.0f}" if other else " " * 12
    print(f"{name:44}{mine:12,.0f}{shown}{ratio}")


def main():
    emu = ours()
    regs, mem = emu.regs, emu.memory
    emu.memory.write(CODE, code(jal("zero", 0)))
    emu.pc = CODE
    uc = theirs() if unicorn else None
    if uc:
        uc.mem_write(CODE, code(jal("zero", 0)))
        a0 = rv.UC_RISCV_REG_A0
        batch = [rv.UC_RISCV_REG_A0 + i for i in range(8)] + [rv.UC_RISCV_REG_S0 + i
                                                              for i in range(8)]

    def rows(name, statement, number, theirs, their_number):
        row(name, call(statement, number, emu=emu, regs=regs, mem=mem, **names),
            call(theirs, their_number, uc=uc, **names) if uc else None)

    def against(fn, n):
        return best(fn, n) if uc else None

    names = {"DATA": DATA, "CODE": CODE, "REGS16": REGS16}
    if uc:
        names.update(a0=a0, batch=batch)
    print(f"{'':44}{'engine ns':>12}{'unicorn ns':>12}{'ratio':>9}")
    rows("register read, regs.a0", "regs.a0", 200_000, "uc.reg_read(a0)", 50_000)
    rows("register read, reg_read", "emu.reg_read('a0')", 200_000, "uc.reg_read(a0)", 50_000)
    rows("register write, reg_write", "emu.reg_write('a0', 5)", 200_000,
         "uc.reg_write(a0, 5)", 50_000)
    rows("16 registers", "regs.read_many(REGS16)", 50_000, "uc.reg_read_batch(batch)", 5_000)
    rows("memory read, 8 bytes", "mem.read(DATA, 8)", 200_000, "uc.mem_read(DATA, 8)", 50_000)
    rows("memory read_u64", "mem.read_u64(DATA)", 200_000, "uc.mem_read(DATA, 8)", 50_000)
    rows("memory write, 8 bytes", "mem.write(DATA, b'12345678')", 200_000,
         "uc.mem_write(DATA, b'12345678')", 50_000)
    rows("run of one instruction", "emu.run(CODE, count=1)", 50_000,
         "uc.emu_start(CODE, 0, count=1)", 5_000)
    row("new engine, map, 20 instructions", best(creation, 200),
        against(creation_unicorn, 50))
    row("4,000 maps, each", best(lambda: maps(4000), 1, 2) / 4000,
        best(lambda: maps_unicorn(4000), 1, 1) / 4000 if uc else None)
    row("10,000 maps, each", best(lambda: maps(10_000), 1, 2) / 10_000)

    def nothing(*args):
        pass

    def looks(emu, address, size):
        emu.regs.a0  # noqa: B018
        emu.memory.read(DATA, 8)

    def looks_unicorn(uc, address, size, data):
        uc.reg_read(rv.UC_RISCV_REG_A0)
        uc.mem_read(DATA, 8)

    events = 4 * TURNS
    row("code hook", per_event(hooked(lambda emu: emu.hook_code(nothing)), events),
        per_event(hooked_unicorn(unicorn.UC_HOOK_CODE, nothing), events) if uc else None)
    row("code hook that reads register and memory",
        per_event(hooked(lambda emu: emu.hook_code(looks)), events, 3),
        per_event(hooked_unicorn(unicorn.UC_HOOK_CODE, looks_unicorn), events, 1) if uc else None)
    row("block hook", per_event(hooked(lambda emu: emu.hook_block(nothing)), TURNS),
        per_event(hooked_unicorn(unicorn.UC_HOOK_BLOCK, nothing), TURNS) if uc else None)
    row("memory hook", per_event(hooked(lambda emu: emu.hook_memory(nothing)), 2 * TURNS),
        per_event(hooked_unicorn(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, nothing),
                  2 * TURNS) if uc else None)

    def device(emu):
        emu.memory.map_io(0x40000, 0x1000, lambda offset, size: 0, lambda offset, size, value: None)
        emu.regs.a1 = 0x40000

    def device_unicorn():
        uc = theirs()
        uc.mem_write(CODE, LOOP)
        uc.mmio_map(0x40000, 0x1000, lambda uc, offset, size, data: 0, None,
                    lambda uc, offset, size, value, data: None, None)
        uc.reg_write(rv.UC_RISCV_REG_A1, 0x40000)
        return lambda: uc.emu_start(CODE, END)

    row("device access", per_event(hooked(device), 2 * TURNS),
        per_event(device_unicorn(), 2 * TURNS, 2) if uc else None)
    row("instruction recorder", per_event(hooked(lambda emu: emu.record(
        "instructions", 1 << 16, full="ring")), events))
    row("memory recorder", per_event(hooked(lambda emu: emu.record(
        "memory", 1 << 16, full="ring")), 2 * TURNS))
    row("edge recorder", per_event(hooked(lambda emu: emu.record_edges(bytearray(1 << 16))), TURNS))
    snapshots()
    coverage_overhead()
    coverage_on_kernels()
    print(f"{'import engine and its classes, ms':44}{import_time() * 1e3:12.1f}")
    print(f"{'two engines in two threads / in sequence':44}{two_threads(200_000):12.2f}")
    print(f"{'the same with a Python hook on each instruction':44}{two_threads(200, True):12.2f}")
    spin = ours()
    spin.memory.write(CODE, code(li("a0", 0), addi("a0", "a0", 1), jal("zero", -4)))
    began = time.process_time()
    done = spin.run(CODE, timeout=0.5).count
    print(f"{'million instructions per second, add loop':44}"
          f"{done / (time.process_time() - began) / 1e6:12.1f}")


if __name__ == "__main__":
    main()
