"""The lowest Python module: facts of the host, and fall-backs where a platform lacks a constant.

What lives here: constants that not every operating system has, page size, 64-bit truncation, sizes
rounded. What does not: anything that only some modules need. It imports the standard library and
nothing of the package, so that every other module may import it. Who calls it: everyone.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
from types import ModuleType, SimpleNamespace

__all__ = [
    "ECANCELED", "EMEDIUMTYPE", "ENOMEDIUM", "ENOTSUP", "EPROTONOSUPPORT", "MAP_ANONYMOUS",
    "O_BINARY", "O_LARGEFILE", "TIME_MAX", "array_size", "constants", "div_round_up",
    "host_page_size", "min_non_zero", "round_up", "truncate",
]


def constants(
    os_module: ModuleType | SimpleNamespace, errno_module: ModuleType | SimpleNamespace,
    mmap_module: ModuleType | SimpleNamespace, long_bits: int = 64,
) -> dict[str, int]:
    """The platform's own values where its modules have them, else the fall-backs."""
    nodev = getattr(errno_module, "ENODEV", 19)
    return {
        "O_LARGEFILE": getattr(os_module, "O_LARGEFILE", 0),
        "O_BINARY": getattr(os_module, "O_BINARY", 0),
        "MAP_ANONYMOUS": getattr(mmap_module, "MAP_ANONYMOUS",
                                 getattr(mmap_module, "MAP_ANON", 0)),
        "ENOMEDIUM": getattr(errno_module, "ENOMEDIUM", nodev),
        "ENOTSUP": getattr(errno_module, "ENOTSUP", 4096),
        "ECANCELED": getattr(errno_module, "ECANCELED", 4097),
        "EMEDIUMTYPE": getattr(errno_module, "EMEDIUMTYPE", 4098),
        "EPROTONOSUPPORT": getattr(errno_module, "EPROTONOSUPPORT",
                                   getattr(errno_module, "EINVAL", 22)),
        "TIME_MAX": (1 << (long_bits - 1)) - 1,
    }


_LONG_BITS = 64 if sys.maxsize > 1 << 32 and os.name != "nt" else 32
_found = constants(os, errno, mmap, _LONG_BITS)
O_LARGEFILE: int = _found["O_LARGEFILE"]
O_BINARY: int = _found["O_BINARY"]
MAP_ANONYMOUS: int = _found["MAP_ANONYMOUS"]
ENOMEDIUM: int = _found["ENOMEDIUM"]
ENOTSUP: int = _found["ENOTSUP"]
ECANCELED: int = _found["ECANCELED"]
EMEDIUMTYPE: int = _found["EMEDIUMTYPE"]
EPROTONOSUPPORT: int = _found["EPROTONOSUPPORT"]
TIME_MAX: int = _found["TIME_MAX"]


def host_page_size() -> int:
    """Size of a page of the host: an int, a power of two."""
    return mmap.PAGESIZE


def truncate(fd: int, length: int) -> int:
    """Sets the size of an open file, also beyond 2**32, on every platform: 0, or -errno."""
    try:
        os.ftruncate(fd, length)
    except OverflowError:
        return -errno.EFBIG
    except OSError as error:
        return -(error.errno or errno.EIO)
    return 0


def round_up(number: int, power: int) -> int:
    """The next multiple of a power of two."""
    return (number + power - 1) & -power


def div_round_up(number: int, divisor: int) -> int:
    """Quotient, rounded up."""
    return (number + divisor - 1) // divisor


def min_non_zero(a: int, b: int) -> int:
    """The smaller of those that are not zero; zero only if both are."""
    return min(a, b) if a and b else a or b


def array_size(array: memoryview | bytes | bytearray | list[object] | tuple[object, ...]) -> int:
    """Number of elements."""
    return len(array)
