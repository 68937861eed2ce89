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
    return write_stream([cpu_section(state.layout(emu), state.save(emu),
                                     state.crash_occurred(emu))])


def cpu_section(layout: str, registers: bytes, crashed: bool) -> Section:
    """The section of a CPU, of what `_core.api.state` knows."""
    name = layout.encode()
    section = Section(CPU, CPU_VERSION, struct.pack("<H", len(name)) + name + registers)
    if crashed:
        section.subsections.append(Section(CRASH, CRASH_VERSION, b"\1"))
    return section


def parse_cpu_section(section: Section) -> tuple[str, bytes, bool]:
    """(layout, registers, crashed) of a `cpu_section`. Raises `StreamError`."""
    section.demand(CPU_VERSION, (CRASH,))
    crash = section.subsection(CRASH)
    if crash is not None:
        crash.demand(CRASH_VERSION)
        if len(crash.fields) != 1:
            raise StreamError(f"{CRASH} holds one byte, not {len(crash.fields)}")
    if len(section.fields) < 2:
        raise StreamError("the section of the CPU is too short")
    (length,) = struct.unpack_from("<H", section.fields)
    return (section.fields[2:2 + length].decode("ascii", "replace"), section.fields[2 + length:],
            crash is not None and crash.fields != b"\0")


def load_cpu(emu: Emulator, data: bytes) -> None:
    """Gives a CPU the state that `save_cpu` took. Raises `StreamError`, and changes nothing, when
    it is not of the same architecture, or no such stream."""
    sections = read_stream(bytes(data))
    if [section.name for section in sections] != [CPU]:
        raise StreamError("the stream does not hold a CPU, or more than that")
    (section,) = sections
    layout, registers, crashed = parse_cpu_section(section)
    mine = state.layout(emu)
    if layout != mine:
        raise StreamError(f"the state is of a CPU {layout!r},"
                          f" this one is {mine!r}")
    try:
        state.load(emu, registers)
    except ArgumentError as error:
        raise StreamError(error.message) from None
    state.set_crash_occurred(emu, crashed)
