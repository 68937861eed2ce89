"""Times guest kernels on this engine, its peers and the host's own build of the same C, in turn.

    python tests/bench/bench_kernels.py [--guest riscv64] [--repeat 3] [--scale 1.0] [--only NAME]

Prints a table of time ratios to the host's own code and, for each peer that is installed (unicorn,
icicle-emu), how many times faster this engine is, with geometric means. Every engine's result is
compared with the host's: a wrong one is printed as such and ends the command with status 1.
Needs gcc and pyelftools; this is a benchmark, not a test: nothing here fails for being slow.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

HERE = Path(__file__).parent / "kernels"
STACK_TOP = 0x8000_0000
STACK_SIZE = 1 << 20
MASK = (1 << 64) - 1

# Sizes that take the host 10 to 60 ms each.
SIZES = {
    "integer": 20_000_000,
    "sha256": 20_000,
    "crc32": 2_000_000,
    "sieve": 6,
    "sort": 5,
    "calls": 31,
    "matmul": 60,
    "bytecode": 1_000_000,
    "copy": 150,
    "list": 600,
}


class Guest:
    """The kernels' ELF file: segments and symbols; how a kernel is called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.argument, self.result = ("a0", "a0") if name == "riscv64" else ("rdi", "rax")
        with (HERE / f"kernels.{name}.elf").open("rb") as file:
            elf = ELFFile(file)
            self.segments = [
                (s["p_vaddr"], s["p_memsz"], s.data())
                for s in elf.iter_segments()
                if s["p_type"] == "PT_LOAD"
            ]
            self.symbols = {
                symbol.name: symbol["st_value"]
                for section in elf.iter_sections()
                if isinstance(section, SymbolTableSection)
                for symbol in section.iter_symbols()
            }
        self.finish = self.symbols["finish"]

    def call_state(self, n: int) -> tuple[dict[str, int], bytes]:
        """Registers at the start of a kernel, and what is on the stack then."""
        if self.name == "riscv64":
            return {"sp": STACK_TOP - 64, "ra": self.finish, "a0": n}, b""
        return {"rsp": STACK_TOP - 72, "rdi": n}, self.finish.to_bytes(8, "little")

    def pages(self):
        """(address, size) of each mapping, page-aligned."""
        for address, size, _ in self.segments:
            low = address & ~0xFFF
            yield low, ((address + size + 0xFFF) & ~0xFFF) - low


class Host:
    name = "host"

    def __init__(self) -> None:
        self.dir = tempfile.TemporaryDirectory()  # kept for as long as the library is used
        library = Path(self.dir.name) / "kernels.so"
        flags = ["-O2", "-fno-tree-vectorize", "-ffp-contract=off", "-fno-builtin", "-w"]
        command = ["gcc", *flags, "-shared", "-fPIC", "-o", library, HERE / "kernels.c"]
        subprocess.run(command, check=True)
        self.library = ctypes.CDLL(str(library))

    def call(self, kernel: str, n: int) -> tuple[float, int]:
        function = getattr(self.library, f"kernel_{kernel}")
        function.restype = ctypes.c_uint64
        function.argtypes = [ctypes.c_uint64]
        began = time.perf_counter()
        value = function(n)
        return time.perf_counter() - began, value


class Engine:
    name = "engine"

    def __init__(self, guest: Guest, backend: str | None) -> None:
        import engine

        self.guest = guest
        options = {"backend": backend} if backend else {}
        self.emu = engine.Emulator(guest.name, **options)
        for address, size in guest.pages():
            self.emu.memory.map(address, size, "rwx")
        for address, _, data in guest.segments:
            self.emu.memory.write(address, data)
        self.emu.memory.map(STACK_TOP - STACK_SIZE, STACK_SIZE, "rw")
        self.count = 0

    def call(self, kernel: str, n: int) -> tuple[float, int]:
        regs = self.emu.regs
        values, stack = self.guest.call_state(n)
        regs.write_many(values)
        self.emu.memory.write(STACK_TOP - 72, stack)
        began = time.perf_counter()
        result = self.emu.run(self.guest.symbols[f"kernel_{kernel}"], self.guest.finish)
        seconds = time.perf_counter() - began
        self.count = result.count
        return seconds, regs[self.guest.result]


class Unicorn:
    name = "unicorn"

    def __init__(self, guest: Guest) -> None:
        import unicorn
        from unicorn import riscv_const, x86_const

        self.guest = guest
        if guest.name == "riscv64":
            self.prefix, self.consts = "UC_RISCV_REG_", riscv_const
            self.uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        else:
            self.prefix, self.consts = "UC_X86_REG_", x86_const
            self.uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        for address, size in guest.pages():
            self.uc.mem_map(address, size)
        for address, _, data in guest.segments:
            self.uc.mem_write(address, data)
        self.uc.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE)
        if guest.name == "riscv64":
            status = self.reg("mstatus")
            self.uc.reg_write(status, self.uc.reg_read(status) | 0x6000)  # FS: floating point on

    def reg(self, name: str) -> int:
        return getattr(self.consts, self.prefix + name.upper())

    def call(self, kernel: str, n: int) -> tuple[float, int]:
        uc = self.uc
        values, stack = self.guest.call_state(n)
        for name, value in values.items():
            uc.reg_write(self.reg(name), value)
        uc.mem_write(STACK_TOP - 72, stack)
        began = time.perf_counter()
        uc.emu_start(self.guest.symbols[f"kernel_{kernel}"], self.guest.finish)
        return time.perf_counter() - began, uc.reg_read(self.reg(self.guest.result))


class Icicle:
    name = "icicle"

    def __init__(self, guest: Guest) -> None:
        import icicle

        self.guest = guest
        self.vm = icicle.Icicle("riscv64gc" if guest.name == "riscv64" else "x86_64", jit=True)
        perms = icicle.MemoryProtection.ExecuteReadWrite
        for address, size in guest.pages():
            self.vm.mem_map(address, size, perms)
        for address, _, data in guest.segments:
            self.vm.mem_write(address, data)
        self.vm.mem_map(STACK_TOP - STACK_SIZE, STACK_SIZE, icicle.MemoryProtection.ReadWrite)

    def call(self, kernel: str, n: int) -> tuple[float, int]:
        vm = self.vm
        values, stack = self.guest.call_state(n)
        for name, value in values.items():
            vm.reg_write(name, value)
        vm.mem_write(STACK_TOP - 72, stack)
        vm.pc = self.guest.symbols[f"kernel_{kernel}"]
        began = time.perf_counter()
        vm.run_until(self.guest.finish)
        seconds = time.perf_counter() - began
        if vm.pc != self.guest.finish:
            return math.inf, -1
        return seconds, vm.reg_read(self.guest.result)


def geomean(values: list[float]) -> float:
    good = [v for v in values if math.isfinite(v) and v > 0]
    return math.exp(sum(map(math.log, good)) / len(good)) if good else math.nan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the kernels' sizes")
    parser.add_argument("--only", nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--backend", default=None)
    parser.add_argument("--without", nargs="*", default=[], help="engines to leave out")
    parser.add_argument("--guest", default="riscv64", choices=["riscv64", "x86_64"])
    args = parser.parse_args()
    guest = Guest(args.guest)
    args.only = [name for name in args.only if f"kernel_{name}" in guest.symbols]
    host = Host()
    engine = Engine(guest, args.backend)
    peers = []
    for make in (Unicorn, Icicle):
        if make.name in args.without:
            continue
        try:
            peers.append(make(guest))
        except ImportError as error:
            print(f"{make.name} is not installed ({error})")
    wrong = 0
    ratios: dict[str, list[float]] = {e.name: [] for e in (engine, *peers)}
    heads = ["engine/host", "M insn/s", *(f"{p.name}/host" for p in peers)]
    heads += [f"vs {p.name}" for p in peers]
    print(f"{'kernel':<10}" + "".join(f"{h:>14}" for h in heads))
    for kernel in args.only:
        # `calls` grows exponentially: scale its result, not its argument
        size = SIZES[kernel]
        if kernel == "calls":
            size += round(math.log(args.scale, 1.618))
        else:
            size = max(1, int(size * args.scale))
        best = {e.name: math.inf for e in (host, engine, *peers)}
        notes = {}
        for _ in range(args.repeat):
            for one in (host, engine, *peers):
                if one.name in notes:
                    continue
                seconds, value = one.call(kernel, size)
                if one is host:
                    truth = value
                elif value & MASK != truth & MASK:
                    notes[one.name] = "wrong"
                    wrong += one is engine
                best[one.name] = min(best[one.name], seconds)
        row = []
        for one in (engine, *peers):
            slow = math.nan if one.name in notes else best[one.name] / best["host"]
            ratios[one.name].append(slow)
        mine = ratios["engine"][-1]
        row.append(notes.get("engine", f"{mine:.2f}"))
        row.append(f"{engine.count / best['engine'] / 1e6:.0f}")
        row += [notes.get(p.name, f"{ratios[p.name][-1]:.2f}") for p in peers]
        row += [f"{ratios[p.name][-1] / mine:.2f}x" for p in peers]
        print(f"{kernel:<10}" + "".join(f"{c:>14}" for c in row), flush=True)
    row = [f"{geomean(ratios['engine']):.2f}", ""]
    row += [f"{geomean(ratios[p.name]):.2f}" for p in peers]
    for peer in peers:
        both = zip(ratios[peer.name], ratios["engine"], strict=True)
        row.append(f"{geomean([b / a for b, a in both]):.2f}x")
    print(f"{'geomean':<10}" + "".join(f"{c:>14}" for c in row))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
