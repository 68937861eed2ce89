"""Coverage of code: drcov files and a report of what `Emulator.record_coverage` recorded.

What lives here: both. What does not: recording (`Coverage`). Who calls it: users.

    coverage = emu.record_coverage()
    emu.run(...)
    Path("run.drcov").write_bytes(drcov(coverage, [Module("firmware", 0x1000, 0x8000)]))
    print(report(emu, coverage, 0x1000, 0x1400))
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from .._core.api import Emulator
from .._core.api.recorder import Coverage
from ..errors import ArgumentError

__all__ = ["Module", "drcov", "report"]

_ENTRY = struct.Struct("<IHH")      # offset in the module, size, number of the module
_MAX_SIZE = 0xFFFF


@dataclass(frozen=True)
class Module:
    """A range of addresses under a name, as drcov files know code by."""

    path: str
    base: int
    end: int
    entry: int = 0


def _blocks(coverage: Coverage | Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    if isinstance(coverage, Coverage):
        return coverage.blocks()
    return sorted(set(coverage))


def drcov(coverage: Coverage | Iterable[tuple[int, int]], modules: Iterable[Module]) -> bytes:
    """A drcov file, version 2 (DynamoRIO's format, which Lighthouse and others read) of (address,
    size) pairs. Blocks outside of all modules are left out; one longer than 65,535 bytes is cut
    into several. Raises `ArgumentError` for a module whose range is empty or 4 GiB and larger.
    """
    table = list(modules)
    for module in table:
        if not 0 < module.end - module.base < 1 << 32:
            raise ArgumentError(f"module {module.path}: {module.base:#x}..{module.end:#x}")
        if "\n" in module.path or "," in module.path:
            raise ArgumentError(f"module {module.path!r}: no comma and no new line, please")
    entries = []
    for address, size in _blocks(coverage):
        for number, module in enumerate(table):
            if module.base <= address < module.end:
                while size > 0:
                    part = min(size, _MAX_SIZE)
                    entries.append(_ENTRY.pack(address - module.base, part, number))
                    address += part
                    size -= part
                break
    lines = ["DRCOV VERSION: 2", "DRCOV FLAVOR: drcov",
             f"Module Table: version 2, count {len(table)}",
             "Columns: id, base, end, entry, checksum, timestamp, path"]
    for number, module in enumerate(table):
        lines.append(f"{number:3}, {module.base:#018x}, {module.end:#018x}, {module.entry:#018x},"
                     f" 0x00000000, 0x00000000, {module.path}")
    lines.append(f"BB Table: {len(entries)} bbs")
    return ("\n".join(lines) + "\n").encode() + b"".join(entries)


def report(emu: Emulator, coverage: Coverage | Iterable[tuple[int, int]], begin: int,
           end: int) -> str:
    """The instructions in [begin, end), those executed marked with `+`, and how many they are.

    Instructions are found by disassembling from `begin` on; raises `ArgumentError` when there is
    nothing in the range, `MemoryFault` when nothing is mapped at its beginning.
    """
    if end <= begin:
        raise ArgumentError(f"the range of a report is empty: {begin:#x}..{end:#x}")
    done: set[int] = set()
    for address, size in _blocks(coverage):
        if address < end and address + size > begin:
            done.update(range(max(address, begin), min(address + size, end)))
    lines = []
    count = 0
    # Symbols by address, as headings.
    names = {value: name for name, value in sorted(emu.symbols.items(), reverse=True)}
    at = begin
    while at < end:
        found = emu.disassemble(at, 1)
        if not found:
            break
        instruction = found[0]
        if at in names:
            lines.append(f"{names[at]}:")
        mark = "+" if at in done else " "
        count += mark == "+"
        lines.append(f"{mark} {at:#10x}  {instruction.text}")
        at += instruction.size
    total = sum(1 for line in lines if not line.endswith(":"))
    lines.append(f"{count} of {total} instructions, {count / total:.0%}")
    return "\n".join(lines)
