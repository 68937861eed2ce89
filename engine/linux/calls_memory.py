"""System calls on the address space: brk, mmap and its relatives.

Source: brk(2), mmap(2), mprotect(2), mremap(2), madvise(2).
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from .abi import SyscallError
from .calls import signed, syscall

if TYPE_CHECKING:
    from .process import Process

PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_FIXED_NOREPLACE = 1, 2, 0x10, 0x20, 0x100000
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
MADV_DONTNEED = 4


def _perms(prot: int) -> str:
    return "".join(c for c, bit in (("r", 1), ("w", 2), ("x", 4)) if prot & bit)


def _extent(p: Process, address: int, length: int) -> tuple[int, int]:
    page = p.abi.page_size
    if address % page or not length:
        raise SyscallError("EINVAL")
    end = address + -(-length // page) * page
    if end > p.abi.user_top:
        raise SyscallError("ENOMEM")
    return address, end


@syscall
def sys_brk(p: Process, end: int) -> int:
    return p.memory.set_brk(end)


@syscall
def sys_mmap(
    p: Process, address: int, length: int, prot: int, flags: int, fd: int, offset: int
) -> int:
    page = p.abi.page_size
    kind = flags & 3
    if not length or offset % page or kind not in (MAP_SHARED, MAP_PRIVATE, 3):
        raise SyscallError("EINVAL")
    if length > p.abi.user_top:
        raise SyscallError("ENOMEM")
    size = -(-length // page) * page
    fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)
    if fixed:
        start, end = _extent(p, address, length)
        if flags & MAP_FIXED_NOREPLACE and not p.memory.is_free(start, end):
            raise SyscallError("EEXIST")
    file = None if flags & MAP_ANONYMOUS else p.files.get(signed(fd))
    shared = None
    data = b""
    if file is not None:
        if kind != MAP_PRIVATE and prot & PROT_WRITE:
            shared = _shared_file(file.host, size, offset)
        else:
            data = os.pread(file.host, size, offset)
    if fixed:
        p.memory.remove(start, end)
    else:
        start = p.memory.find_free(size, address - address % page)
    p.memory.add(start, size, _perms(prot), shared)
    if data:
        p.memory.place(start, data)
    return start


def _shared_file(host: int, size: int, offset: int) -> mmap.mmap:
    if offset % mmap.ALLOCATIONGRANULARITY:
        raise SyscallError("EINVAL")
    # The part of the mapping past the end of the file would raise SIGBUS in this very process.
    if os.fstat(host).st_size < offset + size - 4095:
        raise SyscallError("ENODEV")
    try:
        return mmap.mmap(host, size, mmap.MAP_SHARED, offset=offset)
    except ValueError as error:
        raise SyscallError("EACCES") from error


@syscall
def sys_munmap(p: Process, address: int, length: int) -> None:
    p.memory.remove(*_extent(p, address, length))


@syscall
def sys_mprotect(p: Process, address: int, length: int, prot: int) -> None:
    if not length and not address % p.abi.page_size:
        return
    start, end = _extent(p, address, length)
    p.memory.protect(start, end, _perms(prot))


@syscall
def sys_mremap(p: Process, address: int, old: int, new: int, flags: int, target: int) -> int:
    start, end = _extent(p, address, old)
    _, wanted = _extent(p, address, new)
    areas = p.memory.overlapping(start, end)
    if flags & ~MREMAP_MAYMOVE:
        raise SyscallError("EINVAL")
    if not areas or areas[0][0] > start or areas[-1][1] < end or len({a[2] for a in areas}) > 1:
        raise SyscallError("EFAULT")
    perms = areas[0][2]
    if wanted <= end:
        p.memory.remove(wanted, end)
        return start
    if p.memory.is_free(end, wanted):
        p.memory.add(end, wanted - end, perms)
        return start
    if not flags & MREMAP_MAYMOVE:
        raise SyscallError("ENOMEM")
    data = p.memory.load(start, end - start)
    moved = p.memory.find_free(wanted - start)
    p.memory.add(moved, wanted - start, perms)
    p.memory.place(moved, data)
    p.memory.remove(start, end)
    return moved


@syscall
def sys_madvise(p: Process, address: int, length: int, advice: int) -> None:
    if not length:
        return
    start, end = _extent(p, address, length)
    if advice == MADV_DONTNEED:  # anonymous pages read as zero afterwards: programs rely on it
        p.memory.check(start, end - start, "r")
        for low in range(start, end, 1 << 20):
            p.memory.place(low, bytes(min(1 << 20, end - low)))
