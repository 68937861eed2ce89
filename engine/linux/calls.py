"""The table of system calls by name.

Lives here: the registry that the `calls_*` modules fill, dispatch by the ABI's numbers, and the
rule that an unknown call answers ENOSYS with one log line. Does not live here: any call.
"""

from __future__ import annotations

import inspect
import logging
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..util.log import Category, log_mask
from .abi import ERRNO, SIGNALS, SyscallError, guest_errno

if TYPE_CHECKING:
    from .process import Process

log = logging.getLogger("engine.linux")

Handler = Callable[..., "int | None"]
_F = TypeVar("_F", bound=Handler)
REGISTRY: dict[str, tuple[Handler, int]] = {}

# Calls whose result is not a return value: registers are set by the call itself.
NO_RESULT = {"rt_sigreturn"}
# Calls that C libraries try first and do without: refused without a word.
TRIED = {"rseq", "clone3", "copy_file_range", "socketcall"}


def syscall(function: _F) -> _F:
    """Registers `sys_<name>(process, ...)`; its parameters say how many arguments it takes."""
    count = len(inspect.signature(function).parameters) - 1
    REGISTRY[function.__name__.removeprefix("sys_")] = (function, count)
    return function


def signed(value: int, bits: int = 32) -> int:
    """An argument register as a signed integer of `bits` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def dispatch(process: Process, number: int, args: tuple[int, ...]) -> int | None:
    """Runs call `number`; the guest's return value, None when registers are already set."""
    name = process.abi.syscalls.get(number)
    entry = REGISTRY.get(name) if name else None
    result: int | None = None
    try:
        if name is not None and entry is not None:
            result = _call(process, entry, args)
        else:
            if number not in process.unknown_calls and name not in TRIED:
                process.unknown_calls.add(number)
                log.warning("unknown system call %d (%s): ENOSYS", number, name or "no name")
            log_mask(Category.UNIMP, f"unknown system call {number} ({name or 'no name'}): ENOSYS")
            result = -ERRNO["ENOSYS"]
    finally:  # a call that ends the program has no result
        if process.trace is not None:
            shown = ", ".join(f"{a:#x}" for a in args[: entry[1] if entry else 6])
            process.trace(f"{name or number}({shown}) = {'?' if result is None else result}")
    return None if name in NO_RESULT else result


def _call(process: Process, entry: tuple[Handler, int], args: tuple[int, ...]) -> int:
    function, count = entry
    try:
        return function(process, *args[:count]) or 0
    except SyscallError as error:
        return -error.number
    except BrokenPipeError as error:
        process.signals.send(process, SIGNALS["SIGPIPE"], 0, "wrote to a closed pipe")
        return -guest_errno(error)
    except OSError as error:
        return -guest_errno(error)
    except struct.error:  # a number that the guest's structure has no room for
        return -ERRNO["EOVERFLOW"]
    except (OverflowError, ValueError):  # an argument that the host's call refuses outright
        return -ERRNO["EINVAL"]
    except MemoryError:
        return -ERRNO["ENOMEM"]
