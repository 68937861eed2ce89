"""What differs between the Linux system-call interfaces of the guests, as data.

Lives here: the `Abi` record, Linux error numbers, open flags, signal numbers. One module per guest
(`abi_riscv64`) fills an `Abi`. Does not live here: what a call does (`calls_*.py`).
Source: the kernel's user API headers (asm-generic), psABI documents of the guests.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .process import Process

# Linux error numbers of the generic interface (include/uapi/asm-generic/errno*.h): the host's own
# numbers differ outside Linux, so translation goes by name.
ERRNO = {
    "EPERM": 1, "ENOENT": 2, "ESRCH": 3, "EINTR": 4, "EIO": 5, "ENXIO": 6, "E2BIG": 7,
    "ENOEXEC": 8, "EBADF": 9, "ECHILD": 10, "EAGAIN": 11, "ENOMEM": 12, "EACCES": 13,
    "EFAULT": 14, "EBUSY": 16, "EEXIST": 17, "EXDEV": 18, "ENODEV": 19, "ENOTDIR": 20,
    "EISDIR": 21, "EINVAL": 22, "ENFILE": 23, "EMFILE": 24, "ENOTTY": 25, "ETXTBSY": 26,
    "EFBIG": 27, "ENOSPC": 28, "ESPIPE": 29, "EROFS": 30, "EMLINK": 31, "EPIPE": 32, "EDOM": 33,
    "ERANGE": 34, "EDEADLK": 35, "ENAMETOOLONG": 36, "ENOLCK": 37, "ENOSYS": 38,
    "ENOTEMPTY": 39, "ELOOP": 40, "EOVERFLOW": 75, "ENOTSUP": 95, "EOPNOTSUPP": 95,
    "ETIMEDOUT": 110,
}  # fmt: skip

SIGNALS = {
    "SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7,
    "SIGFPE": 8, "SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13,
    "SIGALRM": 14, "SIGTERM": 15, "SIGSTKFLT": 16, "SIGCHLD": 17, "SIGCONT": 18, "SIGSTOP": 19,
    "SIGTSTP": 20, "SIGTTIN": 21, "SIGTTOU": 22, "SIGURG": 23, "SIGXCPU": 24, "SIGXFSZ": 25,
    "SIGVTALRM": 26, "SIGPROF": 27, "SIGWINCH": 28, "SIGIO": 29, "SIGPWR": 30, "SIGSYS": 31,
}  # fmt: skip
SIGNAL_NAMES = {number: name for name, number in SIGNALS.items()}
NSIG = 64

# open(2) flags of the generic interface by name.
OPEN_FLAGS = {
    "O_CREAT": 0o100, "O_EXCL": 0o200, "O_NOCTTY": 0o400, "O_TRUNC": 0o1000, "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000, "O_DSYNC": 0o10000, "O_DIRECT": 0o40000, "O_DIRECTORY": 0o200000,
    "O_NOFOLLOW": 0o400000, "O_NOATIME": 0o1000000, "O_CLOEXEC": 0o2000000, "O_SYNC": 0o4010000,
    "O_PATH": 0o10000000,
}  # fmt: skip
O_ACCMODE = 3

AT_FDCWD = -100


class SyscallError(Exception):
    """A system call fails with a Linux error: becomes its negative number in the guest."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.number = ERRNO[name]


def guest_errno(error: OSError) -> int:
    """The guest's number for a host error (EIO when it has no Linux name)."""
    return ERRNO.get(errno.errorcode.get(error.errno or 0, ""), ERRNO["EIO"])


def host_open_flags(flags: int) -> int:
    """open(2) flags of the guest in the host's numbers; flags the host lacks are dropped."""
    host = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR)[flags & O_ACCMODE]
    for name, bit in OPEN_FLAGS.items():
        if flags & bit == bit:
            host |= getattr(os, name, 0)
    return host | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Abi:
    """One guest's Linux interface."""

    arch: str  # Emulator name
    machine: int  # ELF e_machine
    elf_class: int  # 32 or 64
    uname: str
    big_endian: bool
    number_register: str
    argument_registers: tuple[str, ...]
    result_register: str
    stack_pointer: str
    syscall_exception: int  # exception number of the system-call instruction
    syscall_size: int  # bytes to step over
    syscalls: dict[int, str]
    user_top: int  # end of the user address space
    page_size: int
    hwcap: int  # AT_HWCAP
    stat: struct.Struct
    stat_fields: tuple[str, ...]
    fault_signals: dict[int, tuple[str, int]]  # other exceptions -> (signal, si_code)
    sigaction: struct.Struct  # handler, flags, restorer (where there is one), mask
    sigreturn_code: bytes
    push_signal_frame: Callable[[Process, int, bytes, Any], None]
    pop_signal_frame: Callable[[Process], None]
    clone_tls_last: bool = False  # clone(2): the TLS argument is the fifth, not the fourth

    @property
    def word(self) -> int:
        """Bytes of a long."""
        return self.elf_class // 8

    @property
    def byteorder(self) -> Literal["big", "little"]:
        """Byte order as `int.from_bytes` wants it."""
        return "big" if self.big_endian else "little"

    @property
    def long(self) -> str:
        """`struct` letter of a long."""
        return "q" if self.elf_class == 64 else "i"

    @property
    def order(self) -> str:
        """`struct` byte order."""
        return ">" if self.big_endian else "<"
