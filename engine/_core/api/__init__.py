"""The native API: the compiled classes that Python sees.

Each name is loaded with its module when it is first asked for: hashing does not load the emulator.
"""

from engine.errors import NoAttributeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine._core.api.disassembly import Instruction
    from engine._core.api.emulator import Emulator, RunResult
    from engine._core.api.guests import backend_names, guest_names
    from engine._core.api.hooks import Fault, Hook
    from engine._core.api.kinds import Access, Prot, StopReason
    from engine._core.api.memory import Memory, Region
    from engine._core.api.ports import Ports
    from engine._core.api.registers import Reg, Registers
    from engine._core.api.snapshot import Snapshot

__all__ = [
    "Access",
    "Emulator",
    "Fault",
    "Hook",
    "Instruction",
    "Memory",
    "Ports",
    "Prot",
    "Reg",
    "Region",
    "Registers",
    "RunResult",
    "Snapshot",
    "StopReason",
    "backend_names",
    "guest_names",
]

_HOME = {
    "Access": "kinds",
    "Emulator": "emulator",
    "Fault": "hooks",
    "Hook": "hooks",
    "Instruction": "disassembly",
    "Memory": "memory",
    "Ports": "ports",
    "Prot": "kinds",
    "Reg": "registers",
    "Region": "memory",
    "Registers": "registers",
    "RunResult": "emulator",
    "Snapshot": "snapshot",
    "StopReason": "kinds",
    "backend_names": "guests",
    "guest_names": "guests",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise NoAttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name == "Emulator":      # which has loaded all the others
        from engine._core.api import layout
        layout.check()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
