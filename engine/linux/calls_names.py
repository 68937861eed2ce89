"""System calls on names: links, directories, access, owners and times of what a path leads to.

Source: section 2 of the Linux manual pages, by the name of each call.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

from .abi import AT_FDCWD, SyscallError
from .calls import signed, syscall
from .calls_files import AT_SYMLINK_NOFOLLOW, path_of

if TYPE_CHECKING:
    from .process import Process

AT_REMOVEDIR, AT_EACCESS, AT_SYMLINK_FOLLOW = 0x200, 0x200, 0x400
_UTIME_NOW, _UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2


def _place(p: Process, dirfd: int, path: int) -> tuple[bytes, int | None]:
    """Host path, and the directory it is relative to."""
    name = path_of(p, path)
    return name, None if name.startswith(b"/") else p.files.directory(signed(dirfd))


@syscall
def sys_readlinkat(p: Process, dirfd: int, path: int, buffer: int, size: int) -> int:
    name = p.memory.cstring(path)
    if signed(size) <= 0:
        raise SyscallError("EINVAL")
    if name in (b"/proc/self/exe", b"/proc/%d/exe" % p.pid):
        target = os.fsencode(os.path.abspath(p.program_path))
    else:
        where = p.files.directory(signed(dirfd)) if not name.startswith(b"/") else None
        target = os.readlink(p.files.translate(name), dir_fd=where)
    target = target[:size]
    p.memory.store(buffer, target)
    return len(target)


def _access(p: Process, dirfd: int, path: int, mode: int, flags: int) -> None:
    name, where = _place(p, dirfd, path)
    os.stat(name, dir_fd=where)  # the precise error when it is not there
    if not os.access(name, mode & 7, dir_fd=where, effective_ids=bool(flags & AT_EACCESS)):
        raise SyscallError("EACCES")


@syscall
def sys_faccessat(p: Process, dirfd: int, path: int, mode: int) -> None:
    _access(p, dirfd, path, mode, 0)


@syscall
def sys_faccessat2(p: Process, dirfd: int, path: int, mode: int, flags: int) -> None:
    _access(p, dirfd, path, mode, flags)


@syscall
def sys_access(p: Process, path: int, mode: int) -> None:
    _access(p, AT_FDCWD, path, mode, 0)


@syscall
def sys_readlink(p: Process, path: int, buffer: int, size: int) -> int:
    return sys_readlinkat(p, AT_FDCWD, path, buffer, size)


@syscall
def sys_getcwd(p: Process, buffer: int, size: int) -> int:
    path = os.getcwdb() + b"\0"
    if len(path) > size:
        raise SyscallError("ERANGE")
    p.memory.store(buffer, path)
    return len(path)


@syscall
def sys_chdir(p: Process, path: int) -> None:
    os.chdir(path_of(p, path))


@syscall
def sys_fchdir(p: Process, fd: int) -> None:
    os.fchdir(p.files.get(signed(fd)).host)


# -- making and removing names; the calls without a directory are those with it at AT_FDCWD


@syscall
def sys_mkdirat(p: Process, dirfd: int, path: int, mode: int) -> None:
    name, where = _place(p, dirfd, path)
    os.mkdir(name, mode & 0o7777, dir_fd=where)


@syscall
def sys_mkdir(p: Process, path: int, mode: int) -> None:
    sys_mkdirat(p, AT_FDCWD, path, mode)


@syscall
def sys_unlinkat(p: Process, dirfd: int, path: int, flags: int) -> None:
    name, where = _place(p, dirfd, path)
    (os.rmdir if flags & AT_REMOVEDIR else os.unlink)(name, dir_fd=where)


@syscall
def sys_unlink(p: Process, path: int) -> None:
    sys_unlinkat(p, AT_FDCWD, path, 0)


@syscall
def sys_rmdir(p: Process, path: int) -> None:
    sys_unlinkat(p, AT_FDCWD, path, AT_REMOVEDIR)


@syscall
def sys_renameat2(p: Process, old_fd: int, old: int, new_fd: int, new: int, flags: int) -> None:
    if flags:
        raise SyscallError("EINVAL")
    source, source_dir = _place(p, old_fd, old)
    target, target_dir = _place(p, new_fd, new)
    os.rename(source, target, src_dir_fd=source_dir, dst_dir_fd=target_dir)


@syscall
def sys_renameat(p: Process, old_fd: int, old: int, new_fd: int, new: int) -> None:
    sys_renameat2(p, old_fd, old, new_fd, new, 0)


@syscall
def sys_rename(p: Process, old: int, new: int) -> None:
    sys_renameat2(p, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall
def sys_linkat(p: Process, old_fd: int, old: int, new_fd: int, new: int, flags: int) -> None:
    source, source_dir = _place(p, old_fd, old)
    target, target_dir = _place(p, new_fd, new)
    follow = bool(flags & AT_SYMLINK_FOLLOW)
    os.link(source, target, src_dir_fd=source_dir, dst_dir_fd=target_dir, follow_symlinks=follow)


@syscall
def sys_link(p: Process, old: int, new: int) -> None:
    sys_linkat(p, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall
def sys_symlinkat(p: Process, target: int, dirfd: int, path: int) -> None:
    """What the link says is the guest's path."""
    name, where = _place(p, dirfd, path)
    os.symlink(p.memory.cstring(target), name, dir_fd=where)


@syscall
def sys_symlink(p: Process, target: int, path: int) -> None:
    sys_symlinkat(p, target, AT_FDCWD, path)


# -- mode, owner, times


@syscall
def sys_fchmodat(p: Process, dirfd: int, path: int, mode: int) -> None:
    name, where = _place(p, dirfd, path)
    os.chmod(name, mode & 0o7777, dir_fd=where)


@syscall
def sys_chmod(p: Process, path: int, mode: int) -> None:
    sys_fchmodat(p, AT_FDCWD, path, mode)


@syscall
def sys_fchmod(p: Process, fd: int, mode: int) -> None:
    os.fchmod(p.files.get(signed(fd)).host, mode & 0o7777)


@syscall
def sys_fchownat(p: Process, dirfd: int, path: int, uid: int, gid: int, flags: int) -> None:
    name, where = _place(p, dirfd, path)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    os.chown(name, signed(uid), signed(gid), dir_fd=where, follow_symlinks=follow)


@syscall
def sys_chown(p: Process, path: int, uid: int, gid: int) -> None:
    sys_fchownat(p, AT_FDCWD, path, uid, gid, 0)


@syscall
def sys_lchown(p: Process, path: int, uid: int, gid: int) -> None:
    sys_fchownat(p, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW)


@syscall
def sys_fchown(p: Process, fd: int, uid: int, gid: int) -> None:
    os.fchown(p.files.get(signed(fd)).host, signed(uid), signed(gid))


def _utimes(p: Process, dirfd: int, path: int, times: int, flags: int, letter: str) -> None:
    where: int | None = None
    name: bytes | int
    if path:
        name, where = _place(p, dirfd, path)
    else:
        name = p.files.get(signed(dirfd)).host
    follow = not flags & AT_SYMLINK_NOFOLLOW
    if isinstance(name, int):
        st = os.fstat(name)
    else:
        st = os.stat(name, dir_fd=where, follow_symlinks=follow)
    values = [time.time_ns()] * 2
    if times:
        shape = struct.Struct(f"{p.abi.order}4{letter}")
        words = shape.unpack(p.memory.load(times, shape.size))
        for n, old in enumerate((st.st_atime_ns, st.st_mtime_ns)):
            seconds, ns = words[2 * n : 2 * n + 2]
            if ns == _UTIME_OMIT:
                values[n] = old
            elif ns != _UTIME_NOW:
                values[n] = seconds * 10**9 + ns
    pair = (values[0], values[1])
    if isinstance(name, int):
        os.utime(name, ns=pair)
    else:
        os.utime(name, ns=pair, dir_fd=where, follow_symlinks=follow)


@syscall
def sys_utimensat(p: Process, dirfd: int, path: int, times: int, flags: int) -> None:
    _utimes(p, dirfd, path, times, flags, p.abi.long)


@syscall
def sys_utimensat_time64(p: Process, dirfd: int, path: int, times: int, flags: int) -> None:
    _utimes(p, dirfd, path, times, flags, "q")
