"""Times what a hot loop does not show: cold code, short runs, stopping.

    python tests/bench/bench_cold.py [--instructions 200000] [--repeat 5]

- Cold code: that many different RISC-V instructions, each executed once by a fresh emulator, here
  and under unicorn (if installed).
- Short runs: 20 instructions through `Emulator.run` on a warm emulator.
- Stopping: from `stop()` in another thread, or the end of a timeout, until `run` has returned.

A benchmark, not a test: nothing here fails for being slow. Stopping takes two threads: with
a real-time priority on one CPU the second one never gets there.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from api.rv import CODE, LOOPS, code, li, stop_later

import engine

BASE = 0x100000
DATA = 0x10000


def cold_program(n: int) -> bytes:
    """n instructions without a loop: arithmetic, loads, stores, a branch every ten or so."""
    rng = random.Random(1)
    words = []
    while len(words) < n:
        kind, rd, rs1, rs2 = rng.random(), *(rng.randrange(10, 28) for _ in range(3))
        if kind < 0.1:  # beq or bne over nothing
            words.append(rs2 << 20 | rs1 << 15 | rng.randrange(2) << 12 | 4 << 7 | 0x63)
        elif kind < 0.25:  # ld from sp
            words.append(8 * rng.randrange(64) << 20 | 2 << 15 | 3 << 12 | rd << 7 | 0x03)
        elif kind < 0.35:  # sd to sp
            at = 8 * rng.randrange(64)
            words.append(at >> 5 << 25 | rs2 << 20 | 2 << 15 | 3 << 12 | (at & 31) << 7 | 0x23)
        elif kind < 0.7:  # addi, xori, ori, andi
            funct3 = rng.choice((0, 4, 6, 7))
            words.append(rng.randrange(1 << 12) << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x13)
        else:
            funct3 = rng.choice((0, 2, 3, 4, 6, 7))
            words.append(rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x33)
    return struct.pack(f"<{n}I", *words)


def cold_engine(program: bytes, backend: str | None) -> float:
    options = {"backend": backend} if backend else {}
    with engine.Emulator("riscv64", **options) as emu:
        emu.memory.map(BASE, (len(program) + 0xFFF) & ~0xFFF, "rwx")
        emu.memory.map(DATA, 0x1000, "rw")
        emu.memory.write(BASE, program)
        emu.regs["sp"] = DATA
        began = time.perf_counter()
        result = emu.run(BASE, BASE + len(program) - 4)
        seconds = time.perf_counter() - began
        assert result.count == len(program) // 4 - 1, result
        return seconds


def cold_unicorn(program: bytes) -> float:
    import unicorn
    from unicorn import riscv_const as rc

    uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    uc.mem_map(BASE, (len(program) + 0xFFF) & ~0xFFF)
    uc.mem_map(DATA, 0x1000)
    uc.mem_write(BASE, program)
    uc.reg_write(rc.UC_RISCV_REG_SP, DATA)
    began = time.perf_counter()
    uc.emu_start(BASE, BASE + len(program) - 4)
    return time.perf_counter() - began


def short_run(repeat: int) -> float:
    """Seconds of one run of 20 instructions."""
    with engine.Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000, "rwx")
        emu.memory.write(CODE, code(*[li("a0", i) for i in range(21)]))
        best, run, end = float("inf"), emu.run, CODE + 80
        for _ in range(repeat):
            began = time.perf_counter()
            for _ in range(20_000):
                run(CODE, end)
            best = min(best, (time.perf_counter() - began) / 20_000)
        return best


def stopped(parts: dict[int, list[int]], how: str) -> float:
    """Seconds from the request until `run` has returned."""
    with engine.Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x2000, "rwx")
        emu.memory.map(DATA, 0x1000, "rw")
        for at, words in parts.items():
            emu.memory.write(CODE + at, code(*words))
        emu.regs["sp"] = DATA
        if how == "timeout":
            began = time.monotonic()
            emu.run(CODE, timeout=0.1)
            return time.monotonic() - began - 0.1
        thread, asked = stop_later(emu)
        emu.run(CODE)
        done = time.monotonic()
        thread.join()
        return done - asked[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instructions", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()
    program = cold_program(args.instructions)
    times: dict[str, float] = {}
    for _ in range(args.repeat):
        for name in (*engine.backends(), "unicorn"):
            try:
                seconds = (cold_unicorn(program) if name == "unicorn"
                           else cold_engine(program, name))  # fmt: skip
            except ImportError:
                continue
            times[name] = min(times.get(name, float("inf")), seconds)
    for name, seconds in times.items():
        each = seconds / args.instructions * 1e9
        print(f"cold code, {name:<12} {seconds * 1e3:8.1f} ms {each:8.0f} ns/instruction")
    if "unicorn" in times:
        first = engine.backends()[0]
        print(f"cold code, {first}: {times['unicorn'] / times[first]:.2f}x as fast as unicorn")
    print(f"run of 20 instructions {short_run(args.repeat) * 1e6:8.2f} us")
    for name, parts in LOOPS.items():
        for how in ("stop()", "timeout"):
            worst = max(stopped(parts, how) for _ in range(args.repeat))
            print(f"{how:<8} in loop '{name}': at most {worst * 1e3:6.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
