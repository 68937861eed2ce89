"""The exceptions of the engine.

What lives here: `Error`, the base of everything the engine raises on purpose, and the classes that
carry facts about guest faults. What does not: the decision when to raise (the layer that notices).
Who calls it: every Python layer and `_core.api`. It imports nothing of the package.

Every error knows its class, its message, an optional hint (what to do about it), and the file, line
and function where it was created. Messages are whole sentences without a final full stop; numbers
of the guest are hexadecimal.
"""

import builtins
import sys

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ClosedError",
    "EngineBusyError",
    "Error",
    "GuestException",
    "GuestFault",
    "InstructionFault",
    "LoaderError",
    "MapError",
    "MemoryFault",
    "UnsupportedError",
]


class Error(Exception):
    """Base of all errors of the engine.

    `str(error)` is the message, followed by the hint on a line of its own where there is one.
    """

    message: str
    hint: str | None
    file: str
    line: int
    function: str

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file, self.line, self.function = _birthplace(self)

    @property
    def cls(self) -> str:
        """Name of the error's class."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take facts, not a message: rebuild from the state instead of calling __init__.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[Error], args: tuple[object, ...]) -> Error:
    error = cls.__new__(cls)
    error.args = args
    return error


def _birthplace(error: Error) -> tuple[str, int, str]:
    """File, line and function that created the error: the caller of its outermost __init__.

    Frames of compiled modules are not on this stack; an error raised by one is born, for all that
    Python can say, in the Python function that called it. Its traceback names the .pyx line.
    """
    frame = sys._getframe(1)
    while (frame.f_back is not None and frame.f_code.co_name == "__init__"
           and frame.f_locals.get("self") is error):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


class ArgumentError(Error, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(Error, TypeError):
    """An argument has a type that cannot be used."""


class MapError(Error, ValueError):
    """A change of the memory map is impossible: overlap, nothing mapped there, no host memory."""


class EngineBusyError(Error, RuntimeError):
    """The engine is running: it cannot be run again, or changed so, until it stops."""


class ClosedError(Error, ValueError):
    """The object was closed and is used all the same."""


class UnsupportedError(Error, NotImplementedError):
    """The engine does not have what was asked for."""


class LoaderError(Error):
    """A program file cannot be loaded: damaged, of another kind, or for another architecture."""


class GuestFault(Error):
    """The guest did something that it could not go on from, and the guest did not handle it.

    The engine has stopped before the instruction at `pc`; registers and memory may be changed and
    the run repeated.
    """

    address: int
    access: str
    size: int
    pc: int
    reason: str

    def __init__(self, message: str, *, address: int, access: str, size: int, pc: int, reason: str,
                 hint: str | None = None) -> None:
        if access not in _ACCESS_NOUNS:
            raise ArgumentError(f"access must be 'read', 'write' or 'fetch', not {access!r}")
        super().__init__(message, hint=hint)
        self.address = address
        self.access = access
        self.size = size
        self.pc = pc
        self.reason = reason


_ACCESS_NOUNS = {"read": "read", "write": "write", "fetch": "instruction fetch"}

# kind -> (reason in words, hint)
_MEMORY_KINDS = {
    "unmapped": ("nothing is mapped there",
                 "map the page first, or add a hook for invalid memory that does"),
    "protected": ("the permissions of the page forbid it",
                  "change them with memory.protect, or add a hook for invalid memory that does"),
    "misaligned": ("the address is not aligned as the instruction requires", None),
    "page": ("the guest's page tables do not allow it", None),
    "io": ("the device behind it answered with an error", None),
}


class MemoryFault(GuestFault):
    """A memory access of the guest failed. `kind` is one of unmapped, protected, misaligned, page
    (the guest's own page tables refuse it), io (a device refuses it)."""

    kind: str

    def __init__(self, kind: str, *, address: int, access: str, size: int, pc: int,
                 reason: str | None = None, hint: str | None = None) -> None:
        if kind not in _MEMORY_KINDS:
            raise ArgumentError(
                f"kind of memory fault must be one of {', '.join(_MEMORY_KINDS)}, not {kind!r}")
        words, advice = _MEMORY_KINDS[kind]
        reason = reason or words
        noun = _ACCESS_NOUNS.get(access, access)
        unit = "byte" if size == 1 else "bytes"
        super().__init__(f"{noun} of {size} {unit} at {address:#x} failed: {reason} (pc {pc:#x})",
                         address=address, access=access, size=size, pc=pc, reason=reason,
                         hint=hint or advice)
        self.kind = kind


class InstructionFault(GuestFault):
    """The guest reached bytes that are no instruction it may execute."""

    bytes: builtins.bytes
    disassembly: str | None

    def __init__(self, code: builtins.bytes, *, pc: int, disassembly: str | None = None,
                 reason: str | None = None, hint: str | None = None) -> None:
        reason = reason or "undefined instruction"
        shown = f" ({disassembly})" if disassembly else ""
        super().__init__(f"{reason} at pc {pc:#x}: bytes {code.hex(' ') or 'none'}{shown}",
                         address=pc, access="fetch", size=len(code), pc=pc, reason=reason,
                         hint=hint)
        self.bytes = code
        self.disassembly = disassembly


class GuestException(Error):
    """The guest raised an exception that nobody handled: a system call, a breakpoint, a trap.

    `cause` is the architecture's number, `name` its name, `tval` the value that goes with it.
    """

    cause: int
    name: str
    tval: int
    pc: int

    def __init__(self, cause: int, name: str, *, pc: int, tval: int = 0,
                 hint: str | None = None) -> None:
        value = f", value {tval:#x}" if tval else ""
        super().__init__(f"guest exception {cause} ({name}) at pc {pc:#x}{value}", hint=hint)
        self.cause = cause
        self.name = name
        self.tval = tval
        self.pc = pc
