"""Snapshots as portable streams.

What lives here: the sections of a snapshot. What does not: the format (`stream`), the CPU's section
(`state`), taking and restoring (`_core.api.snapshot`). Who calls it: `Snapshot.to_bytes` and
`from_bytes`, through `engine.util.factory`.

    cpu         as in `state`
    memory      blocks and the pieces of them that the guest sees
    pages       contents that are not zero: block, page size, then pages

Sections of other names are skipped when they begin with "optional/": what a later version knows to
add and an older one does well without.
"""

from __future__ import annotations

import struct
from typing import Any

from .._core.api import Snapshot
from .._core.api.snapshot import snapshot_of_parts, snapshot_parts
from .state import cpu_section, parse_cpu_section
from .stream import Section, StreamError, read_stream, write_stream

__all__ = ["from_bytes", "to_bytes"]

MEMORY, MEMORY_VERSION = "memory", 1
PAGES, PAGES_VERSION = "pages", 1
OPTIONAL = "optional/"

BLOCK = struct.Struct("<B16sH")     # kind, size, length of the name; the name follows
PIECE = struct.Struct("<QQQBI")     # first, last, offset, prot, block
PAGE = struct.Struct("<QI")         # number, length; the bytes follow
PAGE_MAX = 1 << 24
NO_NAME = 0xFFFF


def to_bytes(snap: Snapshot) -> bytes:
    """The stream of a snapshot."""
    layout, cpu, crashed, blocks, pieces, pages = snapshot_parts(snap)
    fields = [struct.pack("<II", len(blocks), len(pieces))]
    for kind, size, name in blocks:
        encoded = b"" if name is None else name.encode()
        length = NO_NAME if name is None else len(encoded)
        fields += [BLOCK.pack(kind, size.to_bytes(16, "little"), length), encoded]
    fields += [PIECE.pack(*piece) for piece in pieces]
    contents = []
    for block in sorted(pages):
        contents.append(struct.pack("<II", block, len(pages[block])))
        for number in sorted(pages[block]):
            data = pages[block][number]
            contents += [PAGE.pack(number, len(data)), data]
    return write_stream([
        cpu_section(layout, cpu, crashed),
        Section(MEMORY, MEMORY_VERSION, b"".join(fields)),
        Section(PAGES, PAGES_VERSION, b"".join(contents))])


class _Fields:
    """Fields of a section, taken from the front."""

    def __init__(self, section: Section) -> None:
        self.data = section.fields
        self.name = section.name
        self.at = 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise StreamError(f"section {self.name} is too short")
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self.take(form.size))

    @property
    def left(self) -> int:
        return len(self.data) - self.at


_PAIR = struct.Struct("<II")


def _read_memory(section: Section) -> tuple[list[Any], list[Any]]:
    fields = _Fields(section)
    n_blocks, n_pieces = fields.unpack(_PAIR)
    blocks = []
    for _ in range(n_blocks):
        kind, size, length = fields.unpack(BLOCK)
        try:
            name = None if length == NO_NAME else fields.take(length).decode()
        except UnicodeDecodeError:
            raise StreamError("the name of a mapping is no text") from None
        size = int.from_bytes(size, "little")
        # A device may have all of 2^64, memory what a snapshot takes.
        if kind > 2 or not 0 < size <= (1 << 64 if kind == 2 else 1 << 32):
            raise StreamError(f"there is no block of kind {kind} and {size:#x} bytes")
        blocks.append((kind, size, name))
    pieces = []
    end = 0
    for _ in range(n_pieces):
        first, last, offset, prot, block = piece = fields.unpack(PIECE)
        if not end <= first <= last or block >= n_blocks or prot > 7 \
                or offset + (last - first) >= blocks[block][1]:
            raise StreamError(f"the mapping at {first:#x} is none")
        end = last + 1
        pieces.append(piece)
    if fields.left or {piece[4] for piece in pieces} != set(range(n_blocks)):
        raise StreamError("the memory map is not consistent")
    return blocks, pieces


def _read_pages(section: Section, blocks: list[Any]) -> dict[int, dict[int, bytes]]:
    fields = _Fields(section)
    found: dict[int, dict[int, bytes]] = {}
    while fields.left:
        block, count = fields.unpack(_PAIR)
        if block >= len(blocks) or block in found or blocks[block][0] == 2:
            raise StreamError(f"there is no memory {block} to have pages")
        pages = found[block] = {}
        size = None
        for _ in range(count):
            number, length = fields.unpack(PAGE)
            pages[number] = fields.take(length)
            size = max(size or 0, length)
        for number, data in pages.items():
            # All are of the guest's page size, but the end of a block.
            if size is None or not 0 < size <= PAGE_MAX or len(data) == 0 \
                    or number >= 1 << 40 or number * 64 >= blocks[block][1]:
                raise StreamError(f"page {number} of memory {block} is none")
    return found


def from_bytes(data: bytes) -> Snapshot:
    """The snapshot of a stream. Raises `StreamError`."""
    sections = {}
    for section in read_stream(bytes(data)):
        if section.name in sections:
            raise StreamError(f"section {section.name} comes twice")
        if section.name in ("cpu", MEMORY, PAGES):
            sections[section.name] = section
        elif not section.name.startswith(OPTIONAL):
            raise StreamError(f"the stream has a section {section.name}, which is not known")
    for name in ("cpu", MEMORY, PAGES):
        if name not in sections:
            raise StreamError(f"the stream has no section {name}")
    layout, cpu, crashed = parse_cpu_section(sections["cpu"])
    sections[MEMORY].demand(MEMORY_VERSION)
    sections[PAGES].demand(PAGES_VERSION)
    blocks, pieces = _read_memory(sections[MEMORY])
    snap: Snapshot = snapshot_of_parts(layout, cpu, crashed, blocks, pieces,
                                       _read_pages(sections[PAGES], blocks))
    return snap
