"""Cost of engine.unicorn against unicorn, in one run: `python tests/bench/bench_unicorn.py`.

Arguments: rows (all, if none), `riscv` and `x86` (both), `slow` (4,000 maps in unicorn, too).

What lives here: the same client code over both packages; one row a figure, with the ratio and what
issue 7 asks for. What does not: the native API (bench_api.py).
"""

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

ADDRESS, DATA = 0x10000, 0x200000


class Guest(NamedTuple):
    """An architecture and the pieces of code that the rows need."""

    name: str
    arch: str               # UC_ARCH_*
    mode: str               # UC_MODE_*
    pointer: str            # the register that loads take their address from
    many: str               # the first of some registers whose ids follow each other
    n_many: int
    nop: bytes
    jump: bytes             # to the next instruction
    load: bytes
    load32: bytes


GUESTS = (
    Guest("riscv", "RISCV", "RISCV64", "UC_RISCV_REG_A0", "UC_RISCV_REG_A0", 16,
          bytes.fromhex("13000000"), bytes.fromhex("6f004000"), bytes.fromhex("83350500"),
          bytes.fromhex("83250500")),
    Guest("x86", "X86", "64", "UC_X86_REG_RAX", "UC_X86_REG_R8", 8, b"\x90", bytes.fromhex("eb00"),
          bytes.fromhex("488b18"), bytes.fromhex("8b18")))


def best(action: Callable[[], Any], count: int, rounds: int = 5) -> float:
    """Nanoseconds a call: the best of some rounds."""
    found = float("inf")
    for _ in range(rounds):
        start = time.perf_counter_ns()
        for _ in range(count):
            action()
        found = min(found, (time.perf_counter_ns() - start) / count)
    return found


class Client:
    """The measurements over one package."""

    def __init__(self, name: str, guest: Guest) -> None:
        self.uc = importlib.import_module(name)
        self.guest = guest
        self.nop = guest.nop
        registers = importlib.import_module(f"{name}.{guest.name}_const")
        self.a0 = getattr(registers, guest.pointer)
        self.many = getattr(registers, guest.many)

    def new(self, code: bytes = b"") -> Any:
        emu = self.uc.Uc(getattr(self.uc, "UC_ARCH_" + self.guest.arch),
                         getattr(self.uc, "UC_MODE_" + self.guest.mode))
        emu.mem_map(ADDRESS, 0x1000)
        emu.mem_map(DATA, 0x1000)
        emu.mem_write(ADDRESS, code or self.nop * 64)
        return emu

    def reg_read(self) -> float:
        emu = self.new()
        return best(lambda: emu.reg_read(self.a0), 20000)

    def reg_write(self) -> float:
        emu = self.new()
        return best(lambda: emu.reg_write(self.a0, 0x1234), 20000)

    def batch_16(self) -> float:
        emu = self.new()
        ids = list(range(self.many, self.many + self.guest.n_many)) * (16 // self.guest.n_many)
        return best(lambda: emu.reg_read_batch(ids), 3000)

    def mem_read_8(self) -> float:
        emu = self.new()
        return best(lambda: emu.mem_read(DATA, 8), 20000)

    def mem_write_8(self) -> float:
        emu = self.new()
        return best(lambda: emu.mem_write(DATA, b"12345678"), 20000)

    def run_one(self) -> float:
        emu = self.new()
        end = ADDRESS + len(self.nop)
        emu.emu_start(ADDRESS, end)
        return best(lambda: emu.emu_start(ADDRESS, end), 3000)

    def new_engine(self) -> float:
        def once() -> None:
            emu = self.new()
            emu.emu_start(ADDRESS, ADDRESS + 20 * len(self.nop))
        return best(once, 40)

    def context(self) -> float:
        emu = self.new()
        saved = emu.context_save()

        def once() -> None:
            emu.context_update(saved)
            emu.context_restore(saved)
        return best(once, 3000)

    def events(self, kind: str, code: bytes, callback: Callable[..., Any], per_run: int) -> float:
        emu = self.new(code)
        emu.hook_add(getattr(self.uc, kind), callback)
        emu.reg_write(self.a0, DATA)
        end = ADDRESS + len(code)
        emu.emu_start(ADDRESS, end)
        return best(lambda: emu.emu_start(ADDRESS, end), 30) / per_run

    # Blocks of 10 instructions, as compilers make them: 9 of a kind and a jump to the next block.
    def blocks(self, insn: bytes) -> bytes:
        return (insn * 9 + self.guest.jump) * 100

    def code_hook(self) -> float:
        return self.events("UC_HOOK_CODE", self.blocks(self.nop), lambda uc, addr, size, data: None,
                           1000)

    def block_hook(self) -> float:
        jumps = self.guest.jump * 1000
        return self.events("UC_HOOK_BLOCK", jumps, lambda uc, addr, size, data: None, 1000)

    def memory_hook(self) -> float:
        return self.events("UC_HOOK_MEM_READ", self.blocks(self.guest.load),
                           lambda uc, access, addr, size, value, data: None, 900)

    def busy_code_hook(self) -> float:
        def look(uc: Any, addr: int, size: int, data: object) -> None:
            uc.reg_read(self.a0)
            uc.mem_read(DATA, 8)
        return self.events("UC_HOOK_CODE", self.blocks(self.nop), look, 1000)

    def mmio(self) -> float:
        code = self.blocks(self.guest.load32)
        emu = self.new(code)
        emu.mmio_map(0x400000, 0x1000, lambda uc, offset, size, data: 7, None, None, None)
        emu.reg_write(self.a0, 0x400000)
        end = ADDRESS + len(code)
        emu.emu_start(ADDRESS, end)
        return best(lambda: emu.emu_start(ADDRESS, end), 30) / 900

    def maps_4000(self) -> float:
        emu = self.new()
        start = time.perf_counter_ns()
        for index in range(4000):
            emu.mem_map(0x10000000 + index * 0x2000, 0x1000)
        return (time.perf_counter_ns() - start) / 4000


# row -> how many times cheaper, or at most so many ns, issue 7 asks for
ROWS = {"reg_read": "8x", "reg_write": "8x", "batch_16": "30x", "mem_read_8": "8x",
        "mem_write_8": "5x", "run_one": "5x", "new_engine": "5x", "context": "",
        "code_hook": "110 ns", "block_hook": "110 ns", "memory_hook": "110 ns",
        "busy_code_hook": "8x", "mmio": "5x", "maps_4000": "100x"}


def main(wanted: list[str]) -> None:
    rows = [row for row in ROWS if row in wanted] or list(ROWS)
    guests = [guest for guest in GUESTS if guest.name in wanted] or GUESTS
    for guest in guests:
        ours, theirs = Client("engine.unicorn", guest), Client("unicorn", guest)
        print(f"{guest.name:16}{'engine ns':>12}{'unicorn ns':>12}{'ratio':>9}   asked")
        for row in rows:
            here = getattr(ours, row)()
            there = float("nan")
            if row != "maps_4000" or "slow" in wanted:
                there = getattr(theirs, row)()
            print(f"{row:16}{here:12.1f}{there:12.1f}{there / here:8.1f}x   {ROWS[row]}",
                  flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
