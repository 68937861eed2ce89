"""A CPU emulation engine for Python.

`Emulator` is the door: a CPU of some architecture with memory, registers and hooks. The other names
are what it takes and gives, and the exceptions it raises.
"""

from __future__ import annotations

from engine.errors import (
    ArgumentError,
    ArgumentTypeError,
    ClosedError,
    EngineBusyError,
    Error,
    GuestException,
    GuestFault,
    InstructionFault,
    LoaderError,
    MapError,
    MemoryFault,
    NoAttributeError,
    UnsupportedError,
)
from engine.util import factory as _factory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine._core.api import (
        Access,
        Emulator,
        Fault,
        Hook,
        Instruction,
        Memory,
        Ports,
        Prot,
        Region,
        Registers,
        RunResult,
        Snapshot,
        StopReason,
    )

__version__ = "0.1.0"

__all__ = [
    "Access",
    "ArgumentError",
    "ArgumentTypeError",
    "ClosedError",
    "Emulator",
    "EngineBusyError",
    "Error",
    "Fault",
    "GuestException",
    "GuestFault",
    "Hook",
    "Instruction",
    "InstructionFault",
    "LoaderError",
    "MapError",
    "Memory",
    "MemoryFault",
    "Ports",
    "Prot",
    "Region",
    "Registers",
    "RunResult",
    "Snapshot",
    "StopReason",
    "UnsupportedError",
    "__version__",
    "architectures",
    "backends",
]

def __getattr__(name: str) -> object:
    # The compiled classes are loaded when first asked for: what needs none of them (errors, hashes,
    # the command line's help) starts at once.
    if name in __all__:
        from engine._core import api
        value = getattr(api, name)
        globals()[name] = value
        return value
    raise NoAttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _node_of(emu: Emulator) -> object:
    from engine.qom.emulator import emulator_node
    return emulator_node(emu)


def _snapshot_codec() -> tuple[object, object]:
    from engine.machine import snapshot
    return snapshot.to_bytes, snapshot.from_bytes


def _serve_gdb(emu: Emulator, port: int, host: str, reverse: bool) -> bool:
    from engine.debug.gdb import GdbServer
    with GdbServer(emu, port, host, reverse=reverse) as server:
        return server.serve()


_factory.node_of = _node_of
_factory.serve_gdb = _serve_gdb
_factory.snapshot_codec = _snapshot_codec  # type: ignore[assignment]


def architectures() -> tuple[str, ...]:
    """Names that `Emulator` takes as its first argument."""
    from engine._core.api import guest_names
    return guest_names()


def backends() -> tuple[str, ...]:
    """Names that `Emulator` takes as `backend`."""
    from engine._core.api import backend_names
    return backend_names()
