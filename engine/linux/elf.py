"""Reading ELF programs (with pyelftools) into a checked, plain description.

Lives here: what a file says and whether it can be believed. Does not live here: mapping it
(`image.py`). Every broken or hostile file ends in a `LoaderError` that says what is wrong.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import LoaderError

_MAX_SEGMENTS = 128
_MAX_FILE = 1 << 30


@dataclass(frozen=True)
class Segment:
    """One PT_LOAD: address before relocation, bytes of the file, permissions as 'rwx' letters."""

    address: int
    memory_size: int
    data: bytes = field(repr=False)
    perms: str


@dataclass(frozen=True)
class Program:
    """An executable: entry and segments before relocation."""

    path: str
    machine: int
    elf_class: int
    big_endian: bool
    entry: int
    position_independent: bool
    segments: tuple[Segment, ...]
    interpreter: str | None
    phdr_address: int  # of the program headers in memory, before relocation; 0: not in memory
    phdr_size: int  # of one
    phdr_count: int
    flags: int
    symbols: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def low(self) -> int:
        """Lowest address of a segment."""
        return min(s.address for s in self.segments)

    @property
    def high(self) -> int:
        """End of the highest segment."""
        return max(s.address + s.memory_size for s in self.segments)


def read_program(path: str | Path, *, symbols: bool = False) -> Program:
    """Reads the executable at `path`.

    Raises `LoaderError` for anything but a well-formed ELF executable.
    """
    name = str(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise LoaderError(f"{name}: cannot be read: {error.strerror or error}") from error
    return parse_program(data, name, symbols=symbols)


def parse_program(data: bytes, name: str = "<bytes>", *, symbols: bool = False) -> Program:
    """Reads an executable from its bytes; see `read_program`."""
    if not data:
        raise LoaderError(f"{name}: the file is empty")
    if data[:4] != b"\x7fELF":
        hint = "scripts need their interpreter as the program" if data[:2] == b"#!" else None
        start = data[:4].hex(" ")
        raise LoaderError(f"{name}: not an ELF file (it starts with {start})", hint=hint)
    if len(data) > _MAX_FILE:
        raise LoaderError(f"{name}: larger than {_MAX_FILE >> 20} MiB")
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError as error:
        raise LoaderError(
            "reading ELF files needs the package pyelftools",
            hint="pip install 'emulation-engine[linux]'",
        ) from error
    try:
        return _parse(ELFFile(io.BytesIO(data)), data, name, symbols)
    except LoaderError:
        raise
    except Exception as error:  # pyelftools raises many kinds on broken files
        raise LoaderError(f"{name}: broken ELF file: {type(error).__name__}: {error}") from error


def _parse(elf: Any, data: bytes, name: str, symbols: bool) -> Program:
    header = elf.header
    kind = header["e_type"]
    if kind not in ("ET_EXEC", "ET_DYN"):
        raise LoaderError(f"{name}: an ELF file of type {kind}, not an executable")
    count = header["e_phnum"]
    if not 0 < count <= _MAX_SEGMENTS:
        raise LoaderError(f"{name}: {count} program headers (1 to {_MAX_SEGMENTS} make sense)")
    segments: list[Segment] = []
    interpreter = None
    phdr = 0
    table = header["e_phoff"]
    for index in range(count):
        p = elf.get_segment(index).header
        start, size = p["p_offset"], p["p_filesz"]
        if p["p_type"] in ("PT_LOAD", "PT_INTERP") and start + size > len(data):
            raise LoaderError(
                f"{name}: truncated: segment {index} needs bytes up to {start + size:#x} "
                f"of a file of {len(data):#x}"
            )
        if p["p_type"] == "PT_INTERP":
            interpreter = data[start : start + size].rstrip(b"\0").decode("utf-8", "replace")
        elif p["p_type"] == "PT_LOAD" and p["p_memsz"]:
            segments.append(_segment(p, data, name, index, elf.elfclass))
            if start <= table and table + count * header["e_phentsize"] <= start + size:
                phdr = p["p_vaddr"] + table - start
    if not segments:
        raise LoaderError(f"{name}: nothing to load (no PT_LOAD segment)")
    little = elf.little_endian
    return Program(
        path=name,
        machine=int.from_bytes(data[18:20], "little" if little else "big"),
        elf_class=elf.elfclass,
        big_endian=not little,
        entry=header["e_entry"],
        position_independent=kind == "ET_DYN",
        segments=tuple(segments),
        interpreter=interpreter,
        phdr_address=phdr,
        phdr_size=header["e_phentsize"],
        phdr_count=count,
        flags=header["e_flags"],
        symbols=_symbols(elf) if symbols else {},
    )


def _segment(p: Any, data: bytes, name: str, index: int, bits: int) -> Segment:
    start, size = p["p_offset"], p["p_filesz"]
    if size > p["p_memsz"]:
        raise LoaderError(f"{name}: segment {index} has more bytes in the file than in memory")
    if p["p_vaddr"] + p["p_memsz"] > 1 << bits:
        raise LoaderError(f"{name}: segment {index} ends past the address space")
    perms = "".join(c for c, bit in (("r", 4), ("w", 2), ("x", 1)) if p["p_flags"] & bit)
    return Segment(p["p_vaddr"], p["p_memsz"], data[start : start + size], perms)


def _symbols(elf: Any) -> dict[str, int]:
    from elftools.elf.sections import SymbolTableSection

    table: dict[str, int] = {}
    for section in elf.iter_sections():
        if isinstance(section, SymbolTableSection):
            for symbol in section.iter_symbols():
                if symbol.name and symbol["st_shndx"] != "SHN_UNDEF":
                    table.setdefault(symbol.name, symbol["st_value"])
    return table
