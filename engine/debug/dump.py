"""A block of guest code at every stage of its translation.

What lives here: `dump_block`, the text that it answers: guest disassembly, intermediate code before
and after each step of the optimiser, host code. What does not: making it (`Emulator.dump_block`,
`Emulator.dump_code`). Who calls it: users, `exec_log`.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._core.api import Emulator

__all__ = ["BlockDump", "dump_block", "host_lines"]

_INSN = re.compile(r"^\s*insn_start (0x[0-9a-f]+)", re.M)
_BYTES_A_LINE = 16


@dataclass(frozen=True)
class BlockDump:
    """`guest`: (address, bytes, text) of each instruction; `stages`: name -> intermediate code, in
    order; `host_address`, `host`: the code for this machine (empty from the interpreter)."""

    address: int
    guest: tuple[tuple[int, bytes, str], ...]
    stages: dict[str, str]
    host_address: int
    host: bytes

    def __str__(self) -> str:
        parts = [f"guest code at {self.address:#x}"]
        parts += [f"  {at:#012x}  {data.hex():<16}  {text}" for at, data, text in self.guest]
        before = None
        for name, text in self.stages.items():
            if name == "ir":
                parts += ["intermediate code", text.rstrip()]
            elif text == before:
                parts.append(f"after {name}: no change")
            else:
                parts += [f"after {name}", text.rstrip()]
            before = text
        if self.host:
            parts.append(f"host code, {len(self.host)} bytes")
            parts += host_lines(self.host, self.host_address)
        return "\n".join(parts)


def dump_block(emu: Emulator, address: int) -> BlockDump | None:
    """The block that starts at an address, as it would be translated now (without hooks), or None
    when nothing can be translated there. Not while the emulator runs."""
    stages = {name: emu.dump_block(address, name) for name in emu.dump_stages}
    if not stages["ir"]:
        return None
    starts = sorted({int(found, 16) for found in _INSN.findall(stages["ir"])})
    guest = []
    for start in starts:
        insn = emu.disassemble(start)[0]
        guest.append((start, insn.bytes, insn.text))
    host_address, host = emu.dump_code(address)
    return BlockDump(address, tuple(guest), stages, host_address, host)


def host_lines(code: bytes, address: int) -> list[str]:
    """Host code as lines: disassembled where capstone is installed, else in hexadecimal."""
    try:
        import capstone
    except ImportError:
        return [
            f"  {address + at:#012x}  {code[at : at + _BYTES_A_LINE].hex(' ')}"
            for at in range(0, len(code), _BYTES_A_LINE)
        ]
    if platform.machine().lower() in ("aarch64", "arm64"):
        decoder = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    else:
        decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    decoder.skipdata = True  # the distances of search tables and padding between stubs
    return [
        f"  {at:#012x}  {code[at - address : at - address + size].hex():<20}  {name} {operands}"
        for at, size, name, operands in decoder.disasm_lite(code, address)
    ]
