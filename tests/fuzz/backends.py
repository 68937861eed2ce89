"""The long comparison of the back ends: random programs until a number of instructions is executed.

    python -m tests.fuzz.backends [INSTRUCTIONS [SEED]] [--guest riscv]     default: ten million

Guests: riscv (both widths in turn), x86_64, i386, x86_16.

Lives here: the loop and its report. Does not live here: programs (riscv_programs.py: loops, memory,
floating point, all comparable to the end; test_random_code.py: anything, with traps, paging and
privilege changes; x86_programs.py), the comparison (riscv_compare.py).
"""

import os
import random
import sys
import time
from pathlib import Path

LENGTHS = (5, 30, 100, 300)


def programs_agree(rng, xlen, engines, tally):
    from . import riscv_compare, riscv_programs
    seed = rng.getrandbits(64)
    program = riscv_programs.make(random.Random(seed), xlen, rng.choice(LENGTHS))
    before = engines[0].emu.stats["instructions"]
    said = riscv_compare.check(program, *engines)
    tally.append(engines[0].emu.stats["instructions"] - before)
    return said and f"rv{xlen} program {seed}: {said}"


def riscv(rng, engines, tally):
    """A program for one of the two widths; None or what differs."""
    from .riscv_compare import Ours
    from .test_random_code import difference
    xlen = rng.choice((64, 32))
    if xlen not in engines:
        import engine
        engines[xlen] = [Ours(xlen, name) for name in engine.backends()]
    if rng.random() < 0.8:
        said = programs_agree(rng, xlen, engines[xlen], tally)
    else:
        said = difference(f"riscv{xlen}", rng.choice(("host", "guest")), str(rng.getrandbits(64)),
                          tally)
    if said:
        engines.clear()
    return said


def main(words):
    sys.path.append(str(Path(__file__).parents[1]))     # of the packages that tests import
    os.environ.setdefault("ENGINE_HEAT", "3")           # blocks get hot at once
    import engine

    from . import x86_programs
    guest = "riscv"
    if "--guest" in words:
        at = words.index("--guest")
        guest = words[at + 1]
        words = words[:at] + words[at + 2:]
    limit = int(words[0]) if words else 10_000_000
    seed = words[1] if len(words) > 1 else str(random.randrange(1 << 32))
    rng, done, programs, bad, began = random.Random(seed), 0, 0, 0, time.monotonic()
    print(f"seed {seed}, back ends {', '.join(engine.backends())}", flush=True)
    engines, shown = {}, done
    while done < limit:
        tally = []
        if guest == "riscv":
            said = riscv(rng, engines, tally)
        else:
            said = x86_programs.difference(guest, str(rng.getrandbits(64)), tally)
        programs += 1
        done += sum(tally)
        if said:
            bad += 1
            print(f"  {said}", flush=True)
        if done - shown >= limit // 20:
            shown = done
            print(f"{done} instructions, {programs} programs, {bad} differences, "
                  f"{time.monotonic() - began:.0f} s", flush=True)
    print(f"{done} instructions, {programs} programs, {bad} differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
