"""Random user-level instructions: this machine's processor against whole engines.

Lives here: the comparison, and the long run as a command:

    python -m tests.isa.x86.native_run [--cases N] [--seed S] [--backend NAME] [--kind NAME]
                                       [--bits 64|32] [--sets N] | --left-out

Cases are spread over the kinds (integer, pairs, vector, x87, image), 64- and 32-bit code and the
back ends; the report says how many ran of each group and which differ. --left-out lists the rows
of the opcode tables that are not compared, and why. The same seed gives the same cases.

Does not live here: what the cases are (native_cases.py), the processor's side (native/). Called by
test_native_run.py.
"""

import argparse
import importlib.machinery
import importlib.util
import sys
import sysconfig
import time
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

import engine

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "native"), str(HERE.parents[1])]

import native  # noqa: E402
import native_cases  # noqa: E402

KINDS = {"integer": 0.3, "pairs": 0.15, "vector": 0.35, "x87": 0.17, "image": 0.03}
FLAGS = 0x200CD5
FIELDS = ("signal", "trap", "error", "fault_addr", "rip", "gpr", "rflags", "mxcsr", "xmm", "ymmh",
          "mem", "fcw", "fsw", "ftw", "st", "fsbase", "gsbase", "image")


@cache
def mask(kind, bits, ignore, image):
    """The bytes of a record that must agree, as words."""
    one = np.zeros(1, kind)
    for field in FIELDS:
        if field in kind.names:
            one[field].view(np.uint8)[...] = 0xFF
    one["st"][:, :, 10:] = 0
    one["rflags"] = FLAGS & ~ignore
    if bits == 32:
        one["gpr"] = 0xFFFFFFFF
        one["gpr"][:, 8:] = 0
        one["xmm"][:, 8:] = one["ymmh"][:, 8:] = 0
        one["fsbase"] = one["gsbase"] = 0
        one["rip"] = 0xFFFFFFFF
    if image is not None:
        # Bytes that processors leave alone or that are their own: FOP to FDP, MXCSR_MASK, 416...
        for low, high in ((6, 24), (28, 32), (416, 512)):
            one["image"][:, image + low:image + high] = 0
    return one.view(np.uint64)


def settle(made, mine, real):
    """Where an engine without page tables and processors themselves have their own way."""
    # Not canonical: #GP or #SS; flat memory of 64 bits has nothing there, which is a MemoryFault.
    top = mine["fault_addr"] >> np.uint64(47)
    own = (mine["trap"] == 14) & np.isin(real["trap"], (12, 13)) & (top != 0) & (top != 0x1FFFF)
    for field in ("signal", "trap", "error", "fault_addr"):
        mine[field][own] = real[field][own]
    # A branch to where there is no address: #GP of the branch, with page tables (test_system.py).
    own = (real["trap"] == 13) & (mine["trap"] == 0) & (
        (mine["rip"] + np.uint64(native.CODE) >> np.uint64(47)) - np.uint64(1) < np.uint64(0x1FFFE))
    if own.any() and made.branches:
        mine[own] = real[own]
    # Exceptions without an error code.
    mine["error"][np.isin(mine["trap"], (0, 1, 3, 4, 5, 6, 7, 16, 19))] = 0
    # A read that is followed by a write is one to the processor; in flat memory it is what it is
    # (with page tables: test_paging.py).
    both = (mine["trap"] == 14) & (real["trap"] == 14)
    mine["error"][both] |= real["error"][both] & 2
    # The upper half is the kernel's, where something is.
    kernel = both & (real["fault_addr"] >> np.uint64(47) != 0)
    mine["error"][kernel] |= real["error"][kernel] & 1
    # Which byte of a store in parts or of an image is the first to be tried.
    if made.parts:
        both &= (
            mine["fault_addr"] >> np.uint64(12) == real["fault_addr"] >> np.uint64(12))
        mine["fault_addr"][both] = real["fault_addr"][both]


def difference(mine, real, wanted):
    """The first field and record that differ, as text; None: all the same."""
    a, b = (records.view(np.uint64).reshape(len(records), -1) for records in (mine, real))
    wrong = (a ^ b) & wanted
    if not wrong.any():
        return None
    n = int(np.argwhere(wrong.any(axis=1))[0][0])
    left = wrong[n:n + 1].copy().view(mine.dtype).reshape(1)
    signals = f"signals {real['signal'][n]} {mine['signal'][n]} traps {real['trap'][n]} " \
              f"{mine['trap'][n]}"
    for field in FIELDS:
        if field in mine.dtype.names and left[field].any():
            at = tuple(np.argwhere(left[field][0])[0]) if left[field][0].shape else ()
            at = (n, *at[:1])
            return (f"record {n}, {field}{list(at[1:])} (little-endian): processor "
                    f"{real[field][at].tobytes().hex()[:64]}, engine "
                    f"{mine[field][at].tobytes().hex()[:64]}; {signals}")
    return signals


class Comparison:
    """Both sides; `wrong` says the first difference of each row, `seen` what ran, `cases` how many
    of each group. Close it, or use it in a `with`."""

    def __init__(self, runner, backend, bits=64, sets=32):
        self.runner, self.bits, self.sets = runner, bits, sets
        self.wrong, self.seen, self.cases = {}, set(), Counter()
        self.cpus = {}
        self.emu = engine.Emulator("x86_64" if bits == 64 else "i386", backend=backend,
                                   user_mode=True)
        self.emu.memory.map(native.CODE & ~0xFFF, 0x1000)
        self.emu.memory.write(native.CODE & ~0xFFF, b"\xcc" * 0x1000)
        self.emu.memory.map(native.MEM_WINDOW & ~0xFFF, 0x1000)

    def one(self, seed, kind):
        made = native_cases.make(seed, kind, self.bits, self.sets)
        if made is None:
            return
        self.seen.add(made.name)
        self.cases[made.group] += len(made.records)
        wanted = made.records.dtype
        if wanted not in self.cpus:
            self.cpus[wanted] = native.Processor(kind=wanted)
        self.emu.memory.write(native.CODE, made.code + b"\xf4" * 16)
        mine = made.records.copy()
        self.runner.run(self.emu, mine.view(np.uint8).reshape(len(mine), -1), native.CODE,
                        native.MEM_WINDOW, native.CODE + len(made.code), made.count or 1000,
                        native.IMAGE if made.image is not None else 0)
        real = self.cpus[wanted].run(made.records)
        settle(made, mine, real)
        bad = difference(mine, real, mask(wanted, self.bits, made.ignore, made.image))
        if bad and made.name not in self.wrong:
            self.wrong[made.name] = (f"{self.bits} {made.code.hex()} {made.name} {kind} seed "
                                     f"{seed}: {bad}")

    def close(self):
        for cpu in self.cpus.values():
            cpu.close()
        self.emu.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def compiled():
    """tests/cython/t_x86_records as built in place (ENGINE_TESTS=1)."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    file = str(HERE.parents[1] / "cython" / f"t_x86_records{suffix}")
    loader = importlib.machinery.ExtensionFileLoader("t_x86_records", file)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_file_location("t_x86_records", file, loader=loader))
    loader.exec_module(module)
    return module


def left_out():
    """Rows that no case is of, with the reason."""
    lines = []
    for row in native_cases.load():
        reason = native_cases.why_not(row)
        if not reason:
            kind = native_cases.kind_of(row)
            rows = native_cases.rows(kind)
            at = rows.index(row)
            if all(native_cases.make(at + len(rows) * n, kind, bits, 1) is None
                   for n in range(20) for bits in (64, 32)):
                reason = "NO CASE IS MADE"
        if reason:
            lines.append(f"{row.notation:30} {row.name:12} {reason}")
    return lines


def main(words=None):
    parser = argparse.ArgumentParser(prog="native_run", description="engine and this processor")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", choices=[*engine.backends()])
    parser.add_argument("--kind", choices=[*KINDS])
    parser.add_argument("--bits", type=int, choices=(64, 32))
    parser.add_argument("--sets", type=int, default=128, help="operand sets an instruction")
    parser.add_argument("--left-out", action="store_true", help="list the rows not compared")
    given = parser.parse_args(words)
    if given.left_out:
        print("\n".join(left_out()))
        return 0
    records, failed, total = compiled(), False, 0
    backends = [given.backend] if given.backend else [
        b for b in ("interpreter", "jit") if b in engine.backends()]
    widths = [given.bits] if given.bits else [64, 32]
    kinds = [given.kind] if given.kind else list(KINDS)
    weight = sum(KINDS[kind] for kind in kinds) * len(backends) * len(widths)
    for backend in backends:
        for bits in widths:
            with Comparison(records, backend, bits, given.sets) as run:
                for kind in kinds:
                    began, before = time.time(), run.cases.total()
                    seed = given.seed * 10_000_000
                    while run.cases.total() - before < given.cases * KINDS[kind] / weight:
                        run.one(seed, kind)
                        seed += 1
                    done = run.cases.total() - before
                    print(f"{backend} {bits} {kind}: {done} cases, {seed % 10_000_000} seeds, "
                          f"{done / (time.time() - began):.0f}/s", flush=True)
                total += run.cases.total()
                print(f"{backend} {bits}: {run.cases.total()} cases of {len(run.seen)} rows "
                      f"({', '.join(f'{k} {n}' for k, n in sorted(run.cases.items()))}); "
                      f"{len(run.wrong)} differ")
                print("\n".join(run.wrong.values()), flush=True)
                failed |= bool(run.wrong)
    print(f"{total} cases, seed {given.seed}: {'DIFFERENCES' if failed else 'no difference'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
