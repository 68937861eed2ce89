"""Log categories: what the engine says about its own work, chosen by a mask.

What lives here: the categories with QEMU's names and bits, the mask, the sink (a file or the
standard library's logger "engine.log"). What does not: the sources of lines: engine/debug/log.py
arms hooks for the categories of a mask. Who calls it: every module that logs, the command line's
`-d`.

With nothing chosen `level` is 0 and nothing is armed; a caller asks `if log.level & Category.MMU:`
before it makes a line, which costs one load and one test.
"""

from __future__ import annotations

import enum
import logging
import os
import sys
from typing import TextIO

from ..errors import ArgumentError, Error

__all__ = [
    "Category",
    "category_of",
    "close_log",
    "describe",
    "is_open",
    "log",
    "log_mask",
    "mask_from_text",
    "set_file",
    "set_level",
    "set_stream",
    "use_logging",
]


class Category(enum.IntFlag):
    """Categories, by QEMU's bits. `nochain` is no source of lines: it keeps blocks from being
    chained, so that `exec` sees each of them."""

    OUT_ASM = 1 << 0
    IN_ASM = 1 << 1
    OP = 1 << 2
    OP_OPT = 1 << 3
    INT = 1 << 4
    EXEC = 1 << 5
    PCALL = 1 << 6
    IOPORT = 1 << 7
    CPU = 1 << 8
    CPU_RESET = 1 << 9
    UNIMP = 1 << 10
    GUEST_ERRORS = 1 << 11
    MMU = 1 << 12
    NOCHAIN = 1 << 13


MEANINGS: dict[Category, str] = {
    Category.OUT_ASM: "host code of each translated block",
    Category.IN_ASM: "guest code of each block when it is first met",
    Category.OP: "intermediate code of each translated block",
    Category.OP_OPT: "intermediate code after optimisation",
    Category.INT: "interrupts and exceptions, briefly",
    Category.EXEC: "each block before it is executed",
    Category.PCALL: "far calls and returns of x86 protected mode",
    Category.IOPORT: "port input and output",
    Category.CPU: "CPU state before each block",
    Category.CPU_RESET: "CPU state at reset",
    Category.UNIMP: "what the guest uses and the engine does not have",
    Category.GUEST_ERRORS: "what the guest does and must not",
    Category.MMU: "events of the memory management unit",
    Category.NOCHAIN: "do not chain blocks, so that exec and cpu show each of them",
}

LOGGER = logging.getLogger("engine.log")

level: int = 0
"""The mask in force; 0 while nothing is chosen."""

_stream: TextIO | None = None
_owned = False
_to_logging = False


def category_of(name: str) -> Category:
    """The category of a name as the command line has it. Raises `ArgumentError`."""
    try:
        return Category[name.strip().upper()]
    except KeyError:
        names = ", ".join(category.name.lower() for category in MEANINGS if category.name)
        raise ArgumentError(f"no log category {name!r}", hint=f"there are {names}") from None


def mask_from_text(text: str) -> Category:
    """The mask of "mmu,int"; "all" is every category that makes lines."""
    mask = Category(0)
    for name in text.split(","):
        if name.strip() == "all":
            mask |= ~Category.NOCHAIN & Category((1 << 14) - 1)
        else:
            mask |= category_of(name)
    return mask


def describe() -> str:
    """The categories and what they show, a line each."""
    return "\n".join(f"{(category.name or '').lower():<13} {meaning}"
                     for category, meaning in MEANINGS.items())


def set_level(mask: int) -> None:
    """Chooses categories. Nothing is written before there is also a sink."""
    global level
    if not 0 <= mask < 1 << 14:
        raise ArgumentError(f"a log mask has 14 bits: {mask:#x}")
    level = int(mask)


def set_file(path: str | os.PathLike[str], append: bool = False) -> None:
    """Writes lines to a file; "%d" in its name becomes the process id."""
    name = os.fspath(path).replace("%d", str(os.getpid()), 1)
    try:
        stream = open(name, "a" if append else "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    except OSError as error:
        raise Error(f"Could not open '{name}': {error.strerror}") from error
    _set_sink(stream, owned=True)


def set_stream(stream: TextIO | None = None) -> None:
    """Writes lines to an open stream; default: standard error."""
    _set_sink(stream or sys.stderr, owned=False)


def use_logging() -> None:
    """Hands lines to the standard logger "engine.log", at level DEBUG."""
    global _to_logging
    _set_sink(None, owned=False)
    _to_logging = True


def close_log() -> None:
    """No sink: nothing is written, whatever the mask."""
    _set_sink(None, owned=False)


def _set_sink(stream: TextIO | None, owned: bool) -> None:
    global _stream, _owned, _to_logging
    if _owned and _stream is not None:
        _stream.close()
    _stream, _owned, _to_logging = stream, owned, False


def is_open() -> bool:
    """Whether there is a sink."""
    return _stream is not None or _to_logging


def log(text: str) -> None:
    """Writes lines, whatever the mask, if there is a sink."""
    if _stream is not None:
        _stream.write(text if text.endswith("\n") else text + "\n")
    elif _to_logging:
        LOGGER.debug("%s", text.rstrip("\n"))


def log_mask(mask: int, text: str) -> None:
    """Writes lines if one of the categories is chosen and there is a sink."""
    if level & mask:
        log(text)
