"""Streams of state: sections with versions and optional sub-sections.

What lives here: the format, writing and reading. What does not: what the sections hold (`state`).
Who calls it: `state`.

A stream is the magic, then sections: name, version, fields, sub-sections. Numbers are little-
endian:

    stream      "ENGINE\\0\\1"  section*
    section     u8 length, name; u32 version; u64 length, fields; u32 count, section*

A reader knows which versions of a section it takes. A sub-section holds what most states do not
need: it is written only where it says something, its absence is the default, and one that the
reader does not know is an error, because the writer thought it needed (QEMU's migration streams
have the same rules).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ..errors import Error

__all__ = ["Section", "StreamError", "read_stream", "write_stream"]

MAGIC = b"ENGINE\0\1"
MAX_DEPTH = 8


class StreamError(Error, ValueError):
    """A stream of state that cannot be read, or that does not fit where it should go."""


@dataclass
class Section:
    """A piece of state: `version` says what its fields are."""

    name: str
    version: int
    fields: bytes = b""
    subsections: list[Section] = field(default_factory=list)

    def subsection(self, name: str) -> Section | None:
        """The sub-section of a name, or None."""
        return next((s for s in self.subsections if s.name == name), None)

    def demand(self, version: int, known: tuple[str, ...] = ()) -> None:
        """`StreamError` unless the section has that version and no other sub-sections than known
        ones."""
        if self.version != version:
            raise StreamError(
                f"section {self.name} has version {self.version}, this engine reads {version}")
        for sub in self.subsections:
            if sub.name not in known:
                raise StreamError(f"section {self.name} has the unknown sub-section {sub.name}")


def _pack(section: Section) -> bytes:
    name = section.name.encode()
    return b"".join([
        struct.pack("<B", len(name)), name,
        struct.pack("<IQ", section.version, len(section.fields)), section.fields,
        struct.pack("<I", len(section.subsections)), *map(_pack, section.subsections)])


def write_stream(sections: list[Section]) -> bytes:
    """Sections as bytes."""
    return MAGIC + b"".join(map(_pack, sections))


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = len(MAGIC)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise StreamError(
                f"the stream ends at byte {len(self.data)}, in the middle of a section")
        self.at += size
        return self.data[self.at - size:self.at]

    def section(self, depth: int = 0) -> Section:
        if depth > MAX_DEPTH:
            raise StreamError("sections are nested too deep")
        (length,) = self.take(1)
        try:
            name = self.take(length).decode()
        except UnicodeDecodeError:
            raise StreamError("the name of a section is no text") from None
        version, size = struct.unpack("<IQ", self.take(12))
        fields = self.take(size)
        (count,) = struct.unpack("<I", self.take(4))
        return Section(name, version, fields, [self.section(depth + 1) for _ in range(count)])


def read_stream(data: bytes) -> list[Section]:
    """The sections of a stream. Raises `StreamError`."""
    if data[:len(MAGIC)] != MAGIC:
        raise StreamError("this is no stream of an engine's state")
    reader = _Reader(data)
    found = []
    while reader.at < len(data):
        found.append(reader.section())
    return found
