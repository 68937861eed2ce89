"""The native API: the compiled classes that Python sees."""

from engine._core.api.emulator import Emulator, Instruction, RunResult
from engine._core.api.guests import backend_names, guest_names
from engine._core.api.hooks import Fault, Hook
from engine._core.api.kinds import Access, Prot, StopReason
from engine._core.api.memory import Memory, Region
from engine._core.api.registers import Reg, Registers

__all__ = [
    "Access",
    "Emulator",
    "Fault",
    "Hook",
    "Instruction",
    "Memory",
    "Prot",
    "Reg",
    "Region",
    "Registers",
    "RunResult",
    "StopReason",
    "backend_names",
    "guest_names",
]
