"""The guest process's address space: areas, brk, placement of mappings, copies in and out.

Lives here: which addresses are taken and with which permissions. Does not live here: the memory
itself (`Emulator.memory`) and the system calls over it (`calls_memory.py`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from ..errors import Error
from .abi import Abi, SyscallError

Area = tuple[int, int, str]  # start, end, permissions


class GuestMemory:
    """Areas of one process, kept sorted and disjoint, on top of `emu.memory`."""

    def __init__(self, emu: Any, abi: Abi) -> None:
        self._mem = emu.memory
        self.abi = abi
        self.page = abi.page_size
        self.areas: list[Area] = []
        self.brk_start = self.brk_end = 0
        # mmap grows down from below the stack; 1/8 of the space is left for the stack.
        self.mmap_top = abi.user_top - abi.user_top // 8

    # -- copies
    def load(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`; EFAULT when some are not mapped."""
        try:
            return bytes(self._mem.read(address, size))
        except (Error, OverflowError) as error:
            raise SyscallError("EFAULT") from error

    def store(self, address: int, data: bytes) -> None:
        """Writes `data`; EFAULT when an address is not mapped or not writable."""
        if data and "w" not in self.perms_of(address, len(data)):
            raise SyscallError("EFAULT")
        try:
            self._mem.write(address, data)
        except (Error, OverflowError) as error:
            raise SyscallError("EFAULT") from error

    def place(self, address: int, data: bytes) -> None:
        """Writes `data` to mapped memory whatever its permissions, as the kernel fills mappings."""
        self._mem.write(address, data)

    def check(self, address: int, size: int, perm: str) -> None:
        """EFAULT unless all of the range has permission `perm` ('r' or 'w')."""
        if size and perm not in self.perms_of(address, size):
            raise SyscallError("EFAULT")

    def cstring(self, address: int, limit: int = 4096) -> bytes:
        """The zero-terminated string at `address`; ENAMETOOLONG past `limit` bytes."""
        out = bytearray()
        while len(out) <= limit:
            chunk = min(256, self.page - address % self.page)
            data = self.load(address, chunk)
            end = data.find(b"\0")
            if end >= 0:
                out += data[:end]
                break
            out += data
            address += chunk
        if len(out) > limit:
            raise SyscallError("ENAMETOOLONG")
        return bytes(out)

    def perms_of(self, address: int, size: int) -> str:
        """Permissions that all pages of the range have ('' when one is not mapped)."""
        perms = "rwx"
        end = address + size
        for start, stop, own in self.overlapping(address, end):
            if start > address:
                return ""
            perms = "".join(c for c in perms if c in own)
            address = stop
        return perms if address >= end else ""

    # -- areas
    def overlapping(self, start: int, end: int) -> list[Area]:
        """The areas that have an address in the range, by address."""
        index = bisect_left(self.areas, (start, 0, ""))
        if index and self.areas[index - 1][1] > start:
            index -= 1
        found = []
        while index < len(self.areas) and self.areas[index][0] < end:
            found.append(self.areas[index])
            index += 1
        return found

    def is_free(self, start: int, end: int) -> bool:
        """Whether no area overlaps the range."""
        return not self.overlapping(start, end)

    def find_free(self, size: int, hint: int = 0) -> int:
        """An address for `size` bytes: at `hint` when it is free, else the highest gap."""
        if hint and hint + size <= self.mmap_top and self.is_free(hint, hint + size):
            return hint
        end = self.mmap_top
        for start, stop, _ in reversed(self.areas):
            if start >= end:
                continue
            if end - stop >= size:
                break
            end = start
        if end - size < 0x10000:
            raise SyscallError("ENOMEM")
        return end - size

    def add(self, start: int, size: int, perms: str, buffer: Any = None) -> None:
        """Maps a free range, page-aligned: zeroes, or the writable `buffer` itself."""
        if start < 0 or start + size > self.abi.user_top:
            raise SyscallError("ENOMEM")
        try:
            if buffer is None:
                self._mem.map(start, size, perms)
            else:
                self._mem.map_buffer(start, buffer, perms)
        except Error as error:
            raise SyscallError("ENOMEM") from error
        insort(self.areas, (start, start + size, perms))

    def remove(self, start: int, end: int) -> None:
        """Unmaps what is mapped in the range."""
        for area in self.overlapping(start, end):
            low, high = max(area[0], start), min(area[1], end)
            self._mem.unmap(low, high - low)
            self.areas.remove(area)
            if area[0] < low:
                insort(self.areas, (area[0], low, area[2]))
            if high < area[1]:
                insort(self.areas, (high, area[1], area[2]))

    def protect(self, start: int, end: int, perms: str) -> None:
        """Changes permissions; ENOMEM when part of the range is not mapped."""
        covered = start
        for area in self.overlapping(start, end):
            if area[0] > covered:
                raise SyscallError("ENOMEM")
            covered = area[1]
        if covered < end:
            raise SyscallError("ENOMEM")
        for area in self.overlapping(start, end):
            low, high = max(area[0], start), min(area[1], end)
            if area[2] == perms:
                continue
            self._mem.protect(low, high - low, perms)
            self.areas.remove(area)
            for piece in ((area[0], low, area[2]), (low, high, perms), (high, area[1], area[2])):
                if piece[0] < piece[1]:
                    insort(self.areas, piece)

    # -- brk
    def set_brk(self, end: int) -> int:
        """brk(2): moves the end of the heap when that is possible; answers where it is."""
        if end < self.brk_start:
            return self.brk_end
        old = self._up(self.brk_end)
        new = self._up(end)
        if new > old:
            if new > self.mmap_top or not self.is_free(old, new):
                return self.brk_end
            self.add(old, new - old, "rw")
        elif new < old:
            self.remove(new, old)
        self.brk_end = end
        return end

    def _up(self, address: int) -> int:
        return -(-address // self.page) * self.page
