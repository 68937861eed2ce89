"""Programs into the memory of an emulator: ELF files, hexadecimal text.

What lives here: mapping what a file says. What does not: reading ELF (`engine.linux.elf`, which
wants pyelftools), flat binaries (`Emulator.load`), Linux programs that make system calls
(`engine.linux`). Who calls it: users.

    program = load_elf(emu, "firmware.elf")
    emu.call("checksum", 0x8000, 64)
"""

from __future__ import annotations

import os
from pathlib import Path

from .._core.api import Emulator
from ..errors import LoaderError
from ..linux.elf import Program, parse_program, read_program

__all__ = ["load_elf", "load_hex"]


def load_elf(emu: Emulator, source: str | os.PathLike[str] | bytes, *, base: int = 0) -> Program:
    """Maps the segments of an ELF executable, `base` bytes above where it says, sets the pc to its
    entry and adds its symbols to `emu.symbols`.

    Segments are physical addresses. Pages that two segments share get the permissions of both.
    Raises `LoaderError` for what is no ELF executable, `MapError` where something is mapped
    already.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        program = parse_program(bytes(source), symbols=True)
    else:
        program = read_program(Path(source), symbols=True)
    page = 0x1000
    perms: dict[int, set[str]] = {}
    for segment in program.segments:
        first = (segment.address + base) // page
        last = (segment.address + base + max(segment.memory_size, 1) - 1) // page
        if last - first > 1 << 20:
            raise LoaderError(f"{program.path}: a segment of {segment.memory_size:#x} bytes")
        for number in range(first, last + 1):
            perms.setdefault(number, set()).update(segment.perms)
    run: list[int] = []
    for number in [*sorted(perms), -1]:
        if run and (number != run[-1] + 1 or perms[number] != perms[run[0]]):
            emu.memory.map(run[0] * page, len(run) * page,
                           "".join(c for c in "rwx" if c in perms[run[0]]),
                           name=Path(program.path).name)
            run = []
        run.append(number)
    for segment in program.segments:
        emu.memory.write(segment.address + base, segment.data)
    emu.symbols.update((name, value + base) for name, value in program.symbols.items())
    emu.pc = program.entry + base
    return program


def load_hex(emu: Emulator, text: str, address: int, perms: str = "rwx") -> int:
    """`Emulator.load` of hexadecimal digits; white space between bytes and `#` comments to the end
    of the line are left out. Answers the address after the last byte. Raises `LoaderError`."""
    digits = " ".join(line.partition("#")[0] for line in text.splitlines())
    try:
        data = bytes.fromhex(digits)
    except ValueError as error:
        raise LoaderError(f"not hexadecimal: {error}") from None
    if not data:
        raise LoaderError("no hexadecimal digits")
    return int(emu.load(data, address, perms))
