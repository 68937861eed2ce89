"""The exceptions of the engine, and the collectors that QEMU-shaped interfaces take.

What lives here: `Error`, the base of everything the engine raises on purpose, the classes that
carry facts about guest faults, and QEMU's way with errors on top of them: `ErrorSlot` (where the
first error of several steps goes), the sentinels `error_abort` and `error_fatal`, set, propagate,
report.
What does not: the decision when to raise (the layer that notices). Who calls it: every Python layer
and `_core.api`. It imports nothing of the package.

Every error knows its class, its message, an optional hint (what to do about it), and the file, line
and function where it was created; for an error that a compiled module raises that is the line of
the .pyx file. Messages are whole sentences without a final full stop; numbers of the guest are
hexadecimal.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import os
import sys
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import NoReturn

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "ClosedError",
    "DeviceError",
    "DeviceNotFoundError",
    "DivideByZeroError",
    "DuplicateError",
    "EngineBusyError",
    "Error",
    "ErrorClass",
    "ErrorSlot",
    "Errp",
    "GuestException",
    "GuestFault",
    "HostMemoryError",
    "InstructionFault",
    "LoaderError",
    "MapError",
    "MemoryFault",
    "NameNotFoundError",
    "NoAttributeError",
    "PermissionDeniedError",
    "PreconditionError",
    "RangeError",
    "UnsupportedError",
    "ViewError",
    "collect",
    "error_abort",
    "error_append_hint",
    "error_copy",
    "error_fatal",
    "error_free",
    "error_free_or_abort",
    "error_get_class",
    "error_get_pretty",
    "error_propagate",
    "error_report",
    "error_report_err",
    "error_set",
    "error_set_internal",
    "error_set_progname",
    "error_setg",
    "error_setg_errno",
    "error_setg_errno_internal",
    "error_setg_file_open",
    "error_setg_file_open_internal",
    "error_setg_internal",
]


class ErrorClass(enum.IntEnum):
    """QEMU's classes of errors, for callers that must tell them apart by number."""

    GENERIC_ERROR = 0
    COMMAND_NOT_FOUND = 1
    DEVICE_ENCRYPTED = 2
    DEVICE_NOT_ACTIVE = 3
    DEVICE_NOT_FOUND = 4
    KVM_MISSING_CAP = 5


class Error(Exception):
    """Base of all errors of the engine.

    `str(error)` is the message, followed by the hint on a line of its own where there is one.
    `error_class` is QEMU's class, `errno` the host's error number where one was the reason.
    """

    message: str
    hint: str | None
    error_class: ErrorClass = ErrorClass.GENERIC_ERROR
    errno: int | None = None
    _born: _Birthplace

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self._born = _birthplace(self)

    @property
    def cls(self) -> str:
        """Name of the error's class."""
        return type(self).__name__

    @property
    def file(self) -> str:
        """File that created the error."""
        return self._located()[0]

    @property
    def line(self) -> int:
        """Line of `file`."""
        return self._located()[1]

    @property
    def function(self) -> str:
        """Function that created the error."""
        return self._located()[2]

    def _located(self) -> tuple[str, int, str]:
        born = self._born
        if born.code is not None and (better := _compiled_birthplace(born, self.__traceback__)):
            born = self._born = _Birthplace(*better)
        return born.file, born.line, born.function

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Subclasses take facts, not a message: rebuild from the state instead of calling __init__.
        self._born = _Birthplace(*self._located())  # code objects are not for pickling
        return _rebuild, (type(self), self.args), self.__dict__


class _Birthplace:
    """Where an error was created; `code` while that is only the Python caller as far as known."""

    __slots__ = ("code", "file", "function", "line")

    def __init__(self, file: str, line: int, function: str, code: CodeType | None = None) -> None:
        self.file = file
        self.line = line
        self.function = function
        self.code = code

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Birthplace):
            return NotImplemented
        return (self.file, self.line, self.function) == (other.file, other.line, other.function)

    __hash__ = None  # type: ignore[assignment]


def _rebuild(cls: type[Error], args: tuple[object, ...]) -> Error:
    error = cls.__new__(cls)
    error.args = args
    return error


def _birthplace(error: Error) -> _Birthplace:
    """File, line and function that created the error: the caller of its outermost __init__.

    Frames of compiled modules are not on this stack: of an error that one creates this finds the
    Python function that called it. `_compiled_birthplace` knows better once it has been raised.
    """
    frame = sys._getframe(1)
    while (frame.f_back is not None and frame.f_code.co_name == "__init__"
           and frame.f_locals.get("self") is error):
        frame = frame.f_back
    code = frame.f_code
    return _Birthplace(code.co_filename, frame.f_lineno, code.co_name, code)


def _compiled_birthplace(
    born: _Birthplace, traceback: TracebackType | None
) -> tuple[str, int, str] | None:
    """The innermost line of the traceback if it is a compiled module's and the error is from there.

    It is when the Python function that seemed to create the error is the one that called into the
    compiled code; else a Python function made the error and compiled code only raised it.
    """
    inner = caller = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename.endswith((".pyx", ".pxd", ".pxi")):
            inner = traceback
        else:
            inner, caller = None, traceback
        traceback = traceback.tb_next
    if inner is None:
        return None
    if caller is not None and (caller.tb_frame.f_code is not born.code
                               or caller.tb_lineno != born.line):
        return None
    frame = inner.tb_frame
    module = str(frame.f_globals.get("__name__", "")) + "."
    return frame.f_code.co_filename, inner.tb_lineno, frame.f_code.co_name.removeprefix(module)


class ArgumentError(Error, ValueError):
    """An argument has a value that cannot be used."""


class PreconditionError(Error, AssertionError):
    """What a call demands of its caller does not hold."""


class ArgumentTypeError(Error, TypeError):
    """An argument has a type that cannot be used."""


class RangeError(ArgumentError, OverflowError):
    """A number is outside of what can be represented or is allowed."""


class DivideByZeroError(ArgumentError, ZeroDivisionError):
    """A divisor is zero."""


class NameNotFoundError(Error, KeyError):
    """There is nothing of that name: no such register, property, group."""

    __str__ = Error.__str__


class NoAttributeError(Error, AttributeError):
    """An object has no attribute of that name."""

    def __init__(self, message: str, *, name: str | None = None, obj: object = None,
                 hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.obj = obj


class DuplicateError(Error, ValueError):
    """The name is taken."""


class PermissionDeniedError(Error):
    """The thing exists but does not allow this: no getter, no setter."""


class DeviceNotFoundError(Error, LookupError):
    """A path leads to no object."""

    error_class = ErrorClass.DEVICE_NOT_FOUND


class ViewError(Error, BufferError):
    """An object has no memory to show."""


class HostMemoryError(Error, MemoryError):
    """The host has no memory left for this."""


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


class DeviceError(Error):
    """What a device function raises to refuse an access: the guest's access fails (or the transfer
    answers with this result), and nothing else. `result`: bits of `engine.memory.MemTxResult`."""

    result: int

    def __init__(self, message: str = "the device refuses the access", result: int = 1) -> None:
        super().__init__(message)
        self.result = result


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


# ---------------------------------------------------------------- collectors and sentinels


class ErrorSlot:
    """Where an error goes when the caller wants to look at it instead of catching it.

    An empty slot is false. A slot holds one error: setting it twice is a bug (AssertionError),
    propagating into a full one keeps the first.
    """

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: Error | None = None

    def __bool__(self) -> bool:
        return self.error is not None

    def __repr__(self) -> str:
        return f"<error slot: {self.error!r}>"


class _Sentinel:
    """A place for errors that must not happen: see `error_abort` and `error_fatal`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


error_abort = _Sentinel("error_abort")
"""An error here is a bug: its place of birth and message go to standard error, then SIGABRT."""

error_fatal = _Sentinel("error_fatal")
"""An error here ends the program: it is reported to standard error, exit status 1."""

Errp = ErrorSlot | _Sentinel | None
"""What functions with an `errp` take: a slot, a sentinel, or None (errors are of no interest)."""

_TYPES: dict[ErrorClass, type[Error]] = {ErrorClass.DEVICE_NOT_FOUND: DeviceNotFoundError}
_progname = ""


def error_set_progname(name: str) -> None:
    """Sets the program name that reports begin with. Default: that of the running script."""
    global _progname
    _progname = name


def error_report(text: str) -> None:
    """Prints `<program>: <text>` to standard error."""
    name = _progname or os.path.basename(sys.argv[0] if sys.argv else "") or "engine"
    print(f"{name}: {text}", file=sys.stderr)


def error_report_err(error: Error) -> None:
    """Reports an error with its hint, and frees it."""
    error_report(error.message)
    if error.hint:
        print(error.hint.rstrip("\n"), file=sys.stderr)
    error_free(error)


def _abort(error: Error) -> NoReturn:
    print(f"Unexpected error in {error.function}() at {error.file}:{error.line}:", file=sys.stderr)
    error_report_err(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.abort()


def _deliver(errp: ErrorSlot | _Sentinel, error: Error) -> None:
    if isinstance(errp, ErrorSlot):
        assert errp.error is None, f"the slot already holds an error: {errp.error}"
        errp.error = error
    elif errp is error_abort:
        _abort(error)
    else:
        error_report_err(error)
        sys.exit(1)


def _with_errno(message: str, err: int) -> str:
    return f"{message}: {os.strerror(abs(err))}" if err else message


def error_set_internal(errp: Errp, file: str, line: int, function: str, error_class: ErrorClass,
                       message: str, *args: object, err: int = 0) -> None:
    """Creates an error of a class whose place of birth is given; all the others end here.

    `args` are put into the message with `%`. errp None: nothing is created.
    """
    if errp is None:
        return
    text = _with_errno(message % args if args else message, err)
    error = _TYPES.get(error_class, Error)(text)
    if error.error_class is not error_class:
        error.error_class = error_class
    if err:
        error.errno = abs(err)
    error._born = _Birthplace(file, line, function)
    _deliver(errp, error)


def _here() -> tuple[str, int, str]:
    """Place of the caller's caller."""
    frame = sys._getframe(2)
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def error_set(errp: Errp, error_class: ErrorClass, message: str, *args: object) -> None:
    """Creates an error of a class, born where this is called."""
    error_set_internal(errp, *_here(), error_class, message, *args)


def error_setg(errp: Errp, message: str, *args: object) -> None:
    """Creates a generic error, born where this is called."""
    error_set_internal(errp, *_here(), ErrorClass.GENERIC_ERROR, message, *args)


def error_setg_internal(errp: Errp, file: str, line: int, function: str, message: str,
                        *args: object) -> None:
    """`error_setg` with an explicit place of birth."""
    error_set_internal(errp, file, line, function, ErrorClass.GENERIC_ERROR, message, *args)


def error_setg_errno(errp: Errp, err: int, message: str, *args: object) -> None:
    """`error_setg`; the host's text for errno `err` follows the message unless err is 0."""
    error_set_internal(errp, *_here(), ErrorClass.GENERIC_ERROR, message, *args, err=err)


def error_setg_errno_internal(errp: Errp, file: str, line: int, function: str, err: int,
                              message: str, *args: object) -> None:
    """`error_setg_errno` with an explicit place of birth."""
    error_set_internal(errp, file, line, function, ErrorClass.GENERIC_ERROR, message, *args,
                       err=err)


def error_setg_file_open(errp: Errp, err: int, name: str) -> None:
    """The error of a file that cannot be opened for the reason `err`."""
    error_set_internal(errp, *_here(), ErrorClass.GENERIC_ERROR, "Could not open '%s'", name,
                       err=err)


def error_setg_file_open_internal(errp: Errp, file: str, line: int, function: str, err: int,
                                  name: str) -> None:
    """`error_setg_file_open` with an explicit place of birth."""
    error_set_internal(errp, file, line, function, ErrorClass.GENERIC_ERROR,
                       "Could not open '%s'", name, err=err)


def error_propagate(errp: Errp, error: Error | None) -> None:
    """Hands an error on. None: nothing; errp None: it is dropped; errp full: the first one stays;
    a sentinel acts, with the error's own place of birth."""
    if error is None:
        return
    if errp is None or (isinstance(errp, ErrorSlot) and errp.error is not None):
        error_free(error)
    else:
        _deliver(errp, error)


def error_copy(error: Error) -> Error:
    """A second error with the same class, text and place of birth."""
    twin = _rebuild(type(error), error.args)
    twin.__dict__.update(error.__dict__)
    twin._born = _Birthplace(*error._located())
    return twin


def error_free(error: Error | None) -> None:
    """Gives an error up: what its traceback keeps alive can go. None: nothing."""
    if error is not None:
        error._born = _Birthplace(*error._located())
        error.__traceback__ = None


def error_free_or_abort(errp: ErrorSlot) -> None:
    """For tests: the slot must hold an error, which goes; aborts when there is none."""
    if errp.error is None:
        _abort(Error("an error was expected"))
    error_free(errp.error)
    errp.error = None


def error_get_pretty(error: Error) -> str:
    """The message, without the hint."""
    return error.message


def error_get_class(error: Error) -> ErrorClass:
    """QEMU's class of the error."""
    return error.error_class


def error_append_hint(errp: Errp, text: str, *args: object) -> None:
    """Adds to the hint of the error in a slot; reports show it. errp None: nothing."""
    if errp is None:
        return
    assert isinstance(errp, ErrorSlot), "a sentinel keeps no error that a hint could be added to"
    assert errp.error is not None, "there is no error to add a hint to"
    errp.error.hint = (errp.error.hint or "") + (text % args if args else text)


@contextlib.contextmanager
def collect(errp: Errp) -> Iterator[None]:
    """Hands `Error`s raised in the block on to errp: `with collect(errp): obj.set(...)`."""
    try:
        yield
    except Error as error:
        error_propagate(errp, error)
