"""The size parser: "64M", "1.5G", "4096B".

What lives here: numbers with a unit of 1024. What does not: other strings (cutils.py). Who calls
it: command lines, machine options, object properties.
"""

from __future__ import annotations

import errno
import re
from decimal import Decimal

from ..errors import ArgumentError, RangeError

__all__ = ["parse_size", "strtosz", "strtosz_suffix"]

_UNITS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_NUMBER = re.compile(
    r"\s*(?P<hex>[+-]?0[xX][0-9a-fA-F]+)|\s*(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))")
INT64_MAX = (1 << 63) - 1


def strtosz_suffix(text: str, default_suffix: str = "M", unit: int = 1024) -> tuple[int, int]:
    """(size, characters used), or (-EINVAL | -ERANGE, 0).

    Suffixes B K M G T P E in either case multiply by powers of `unit`; without one the default
    suffix counts. A fraction is allowed unless the multiplier is 1. Out of range: below zero, or
    2**63 and above. Characters after the size are the caller's to judge.
    """
    found = _NUMBER.match(text)
    if not found:
        return -errno.EINVAL, 0
    used = found.end()
    value = Decimal(int(found["hex"], 16)) if found["hex"] else Decimal(found["number"])
    power = _UNITS.get(text[used : used + 1].upper()) if used < len(text) else None
    if power is None:
        power = _UNITS.get(default_suffix.upper(), -1)
        if power < 0:
            return -errno.EINVAL, 0
    else:
        used += 1
    multiplier = unit**power
    if value != int(value) and multiplier == 1:
        return -errno.EINVAL, 0
    if value < 0:
        return -errno.ERANGE, 0
    size = int(value * multiplier)
    if size > INT64_MAX:
        return -errno.ERANGE, 0
    return size, used


def strtosz(text: str) -> tuple[int, int]:
    """`strtosz_suffix` with mebibytes as default."""
    return strtosz_suffix(text)


def parse_size(text: str, default_suffix: str = "M", unit: int = 1024) -> int:
    """The size that the whole of `text` says. Raises `ArgumentError` or `RangeError`."""
    size, used = strtosz_suffix(text, default_suffix, unit)
    if size == -errno.ERANGE:
        raise RangeError(f"size {text!r} is negative or does not fit in 63 bits")
    if size < 0 or text[used:].strip():
        raise ArgumentError(f"{text!r} is not a size",
                            hint="a size is a number and one of the suffixes B K M G T P E")
    return size
