"""The state of a CPU as a portable stream: `save_cpu`, `load_cpu`, the crash flag.

What lives here: the sections of a CPU. What does not: the format (`stream`), copying registers
(`_core.api.state`), memory: a CPU's state is its registers. Who calls it: users.

    before = save_cpu(emu)
    emu.run(...)
    load_cpu(emu, before)               # or into another emulator of the architecture

Equal states give equal streams, whatever the back end. Spec row 29.
"""

from __future__ import annotations

import struct

from .._core.api import Emulator, state
from ..errors import ArgumentError
from .stream import Section, StreamError, read_stream, write_stream

__all__ = ["crash_occurred", "load_cpu", "reset_cpu", "save_cpu", "set_crash_occurred"]

crash_occurred = state.crash_occurred
set_crash_occurred = state.set_crash_occurred
reset_cpu = state.reset

CPU, CPU_VERSION = "cpu", 1
CRASH, CRASH_VERSION = "cpu_common/crash_occurred", 1


def save_cpu(emu: Emulator) -> bytes:
    """All registers of the CPU, hidden ones too, as bytes. Not from hooks (`EngineBusyError`)."""
    layout = state.layout(emu).encode()
    section = Section(CPU, CPU_VERSION, struct.pack("<H", len(layout)) + layout + state.save(emu))
    if state.crash_occurred(emu):
        section.subsections.append(Section(CRASH, CRASH_VERSION, b"\1"))
    return write_stream([section])


def load_cpu(emu: Emulator, data: bytes) -> None:
    """Gives a CPU the state that `save_cpu` took. Raises `StreamError`, and changes nothing, when
    it is not of the same architecture, or no such stream."""
    sections = read_stream(bytes(data))
    if [section.name for section in sections] != [CPU]:
        raise StreamError("the stream does not hold a CPU, or more than that")
    (section,) = sections
    section.demand(CPU_VERSION, (CRASH,))
    crash = section.subsection(CRASH)
    if crash is not None:
        crash.demand(CRASH_VERSION)
        if len(crash.fields) != 1:
            raise StreamError(f"{CRASH} holds one byte, not {len(crash.fields)}")
    if len(section.fields) < 2:
        raise StreamError("the section of the CPU is too short")
    (length,) = struct.unpack_from("<H", section.fields)
    layout = section.fields[2:2 + length]
    mine = state.layout(emu)
    if layout != mine.encode():
        raise StreamError(f"the state is of a CPU {layout.decode('ascii', 'replace')!r},"
                          f" this one is {mine!r}")
    try:
        state.load(emu, section.fields[2 + length:])
    except ArgumentError as error:
        raise StreamError(error.message) from None
    state.set_crash_occurred(emu, crash is not None and crash.fields != b"\0")
