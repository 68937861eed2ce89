"""The guest's file descriptors and paths on the host's.

Lives here: the descriptor table, path translation with a sysroot. Does not live here: the system
calls over it (`calls_files.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .abi import AT_FDCWD, SyscallError

MAX_FILES = 1024


@dataclass
class OpenFile:
    """An open file description; descriptors made by dup share it."""

    host: int
    path: bytes
    flags: int = 0
    references: int = 0
    borrowed: bool = False  # the host's own 0, 1, 2: never closed
    entries: list[tuple[int, int, bytes]] | None = field(default=None, repr=False)
    position: int = 0  # in entries


class FileTable:
    """Descriptors of one process."""

    def __init__(self, sysroot: str | None) -> None:
        self.sysroot = os.fsencode(os.path.abspath(sysroot)) if sysroot else None
        self.table: dict[int, OpenFile] = {}
        self.close_on_exec: set[int] = set()
        for number in range(3):
            self.table[number] = OpenFile(number, b"", 2, 1, borrowed=True)

    def get(self, number: int) -> OpenFile:
        """The open file of a descriptor; EBADF when there is none."""
        try:
            return self.table[number]
        except KeyError:
            raise SyscallError("EBADF") from None

    def add(self, file: OpenFile, lowest: int = 0, *, cloexec: bool = False) -> int:
        """Installs `file` at the lowest free number; EMFILE when the table is full."""
        number = lowest
        while number in self.table:
            number += 1
        if number >= MAX_FILES:
            raise SyscallError("EMFILE")
        self.put(number, file, cloexec=cloexec)
        return number

    def put(self, number: int, file: OpenFile, *, cloexec: bool = False) -> None:
        """Installs `file` at `number`, closing what was there."""
        if not 0 <= number < MAX_FILES:
            raise SyscallError("EBADF")
        file.references += 1
        if number in self.table:
            self.close(number)
        self.table[number] = file
        if cloexec:
            self.close_on_exec.add(number)

    def close(self, number: int) -> None:
        """Closes a descriptor; EBADF when it is not open."""
        file = self.get(number)
        del self.table[number]
        self.close_on_exec.discard(number)
        file.references -= 1
        if not file.references and not file.borrowed:
            os.close(file.host)

    def close_all(self) -> None:
        """Closes every descriptor (the process ends)."""
        for number in list(self.table):
            self.close(number)

    def directory(self, number: int) -> int | None:
        """dir_fd for a guest dirfd: None means the working directory."""
        return None if number == AT_FDCWD else self.get(number).host

    def translate(self, path: bytes) -> bytes:
        """Host path of a guest path: absolute ones are looked for in the sysroot first."""
        if self.sysroot and path.startswith(b"/"):
            inside = self.sysroot + path
            if os.path.lexists(inside):
                return inside
        return path
