"""Enumerations of the native API.

What lives here: the names that arguments and results use (why a run stopped, kinds of access,
permissions, attributes and results of memory transactions). What does not: their C twins, which
exec/engine.pxd, base/types.pxd, mem/attrs.pxd and mem/context.pxd hold with the same numbers. Who
calls it: the classes of `_core.api`, users through `engine`.
"""

import enum

__all__ = ["Access", "DirtyClient", "Endian", "MemTxAttrs", "MemTxResult", "Prot", "StopReason"]


class StopReason(enum.IntEnum):
    """Why `run()` came back."""

    UNTIL = 0
    """The pc reached `until`."""
    COUNT = 1
    """`count` instructions have been executed."""
    TIMEOUT = 2
    """`timeout` seconds have passed."""
    STOP = 3
    """`stop()` was called, by a hook or by another thread."""
    FAULT = 4
    """A memory or instruction fault; `run()` raises it as `MemoryFault` or `InstructionFault`."""
    EXCEPTION = 5
    """A trap of the guest that nobody handled; `run()` raises it as `GuestException`."""
    HALT = 6
    """The guest waits for an interrupt that cannot come while nobody else raises it."""
    BREAKPOINT = 7
    """The pc reached a breakpoint."""
    SIGNAL = 8
    """A signal handler raised (Ctrl-C); `run()` raises what it raised."""
    ERROR = 9
    """A hook raised; `run()` raises what it raised."""
    INTERNAL = 10
    """The engine could not go on; `run()` raises `Error` with the reason."""
    WATCHPOINT = 11
    """A watchpoint was hit: `RunResult.watchpoint` says how."""


class Access(enum.IntEnum):
    """What a memory access does."""

    READ = 0
    WRITE = 1
    FETCH = 2


class Prot(enum.IntFlag):
    """Permissions of mapped memory."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXEC = 4
    RW = 3
    RX = 5
    RWX = 7


class MemTxAttrs(enum.IntFlag):
    """What a memory transaction says of itself. Bits 16 to 31 are the requester's id. No bit at all
    is a deliberate value; `UNSPECIFIED` is for those who do not know."""

    UNSPECIFIED = 1
    SECURE = 2
    """Secure world: TrustZone, system management mode, machine mode."""
    USER = 4
    """The least privileged mode."""


class MemTxResult(enum.IntFlag):
    """How a memory transaction ended; the parts of a split one are OR-ed."""

    OK = 0
    ERROR = 1
    """The device refuses."""
    DECODE_ERROR = 2
    """Nobody answers at this address."""


class DirtyClient(enum.IntEnum):
    """Who follows writes to RAM, page by page."""

    VGA = 0
    CODE = 1
    MIGRATION = 2


class Endian(enum.IntEnum):
    """Byte order of a device's registers."""

    NATIVE = 0
    """The guest's."""
    BIG = 1
    LITTLE = 2
