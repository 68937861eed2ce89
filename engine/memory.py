"""The memory system of an emulator, as QEMU's memory API has it: regions, address spaces, dirty
pages.

What lives here: the public names. What does not: the classes (`_core.api.regions`, `.spaces`,
`.rams`). Who calls it: users that build machines of their own. `Emulator.memory` is the simple map
for everybody else; what it maps and what is built here are one tree.

    from engine import Emulator
    from engine.memory import MemoryRegion, system_memory

    emu = Emulator("riscv64")
    system_memory(emu).add_subregion(0x80000000, MemoryRegion.ram(emu, "dram", 1 << 20))
"""

from __future__ import annotations

from ._core.api.kinds import DirtyClient, Endian, MemTxAttrs, MemTxResult
from ._core.api.rams import (
    DirtyMemory,
    HostPlace,
    RAMBlock,
    ram_block_by_name,
    ram_block_from_host,
    ram_blocks,
    ram_list_version,
)
from ._core.api.regions import MemoryRegion, all_regions, system_memory, transaction
from ._core.api.spaces import (
    AddressSpace,
    FlatPiece,
    MemoryListener,
    Section,
    cpu_address_space_for,
    cpu_address_spaces,
    global_dirty_log,
    set_cpu_address_spaces,
)
from .errors import DeviceError

__all__ = [
    "AddressSpace",
    "DeviceError",
    "DirtyClient",
    "DirtyMemory",
    "Endian",
    "FlatPiece",
    "HostPlace",
    "MemTxAttrs",
    "MemTxResult",
    "MemoryListener",
    "MemoryRegion",
    "RAMBlock",
    "Section",
    "all_regions",
    "cpu_address_space_for",
    "cpu_address_spaces",
    "global_dirty_log",
    "ram_block_by_name",
    "ram_block_from_host",
    "ram_blocks",
    "ram_list_version",
    "set_cpu_address_spaces",
    "system_memory",
    "transaction",
]
