"""System calls on files, directories and terminals.

Lives here: open to close, reading and writing, stat, directory entries, ioctl of terminals. Does
not live here: links, owners, making and removing (`calls_names.py`), waiting (`calls_poll.py`).
Source: section 2 of the Linux manual pages, by the name of each call.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
from typing import TYPE_CHECKING

from .abi import AT_FDCWD, OPEN_FLAGS, SyscallError, host_open_flags
from .calls import signed, syscall
from .files import OpenFile

if TYPE_CHECKING:
    from .process import Process

MAX_TRANSFER = 0x7FFFF000  # what Linux moves at most in one call
_CHUNK = 1 << 20
_IOV_MAX = 1024
AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH = 0x100, 0x1000


def path_of(p: Process, address: int) -> bytes:
    """Host path of the string at an address; ENOENT when it is empty."""
    path = p.memory.cstring(address)
    if not path:
        raise SyscallError("ENOENT")
    return p.files.translate(path)


@syscall
def sys_openat(p: Process, dirfd: int, path: int, flags: int, mode: int) -> int:
    flags &= 0xFFFFFFFF
    name = p.memory.cstring(path)
    if not name:
        raise SyscallError("ENOENT")
    host_name = p.files.translate(name)
    if name in (b"/proc/self/exe", b"/proc/%d/exe" % p.pid):
        host_name = os.fsencode(p.program_path)
    where = p.files.directory(signed(dirfd)) if not host_name.startswith(b"/") else None
    host = os.open(host_name, host_open_flags(flags), mode & 0o7777, dir_fd=where)
    cloexec = bool(flags & OPEN_FLAGS["O_CLOEXEC"])
    try:
        return p.files.add(OpenFile(host, name, flags), cloexec=cloexec)
    except SyscallError:
        os.close(host)
        raise


@syscall
def sys_open(p: Process, path: int, flags: int, mode: int) -> int:
    return sys_openat(p, AT_FDCWD, path, flags, mode)


@syscall
def sys_creat(p: Process, path: int, mode: int) -> int:
    return sys_openat(p, AT_FDCWD, path, 0o1101, mode)  # O_CREAT O_WRONLY O_TRUNC


@syscall
def sys_close(p: Process, fd: int) -> None:
    p.files.close(signed(fd))


def _read(p: Process, host: int, address: int, count: int, offset: int | None) -> int:
    done = 0
    while done < count:
        want = min(count - done, _CHUNK)
        p.memory.check(address + done, want, "w")
        data = os.read(host, want) if offset is None else os.pread(host, want, offset + done)
        p.memory.store(address + done, data)
        done += len(data)
        if len(data) < want:
            break
    return done


def _write(p: Process, host: int, address: int, count: int, offset: int | None) -> int:
    done = 0
    while done < count:
        data = p.memory.load(address + done, min(count - done, _CHUNK))
        if offset is None:
            if host in (1, 2):
                p.flush_host_output(host)
            step = os.write(host, data)
        else:
            step = os.pwrite(host, data, offset + done)
        done += step
        if step < len(data):
            break
    return done


@syscall
def sys_read(p: Process, fd: int, buffer: int, count: int) -> int:
    return _read(p, p.files.get(signed(fd)).host, buffer, min(count, MAX_TRANSFER), None)


@syscall
def sys_write(p: Process, fd: int, buffer: int, count: int) -> int:
    return _write(p, p.files.get(signed(fd)).host, buffer, min(count, MAX_TRANSFER), None)


@syscall
def sys_pread64(p: Process, fd: int, buffer: int, count: int, offset: int) -> int:
    host = p.files.get(signed(fd)).host
    return _read(p, host, buffer, min(count, MAX_TRANSFER), signed(offset, 64))


@syscall
def sys_pwrite64(p: Process, fd: int, buffer: int, count: int, offset: int) -> int:
    host = p.files.get(signed(fd)).host
    return _write(p, host, buffer, min(count, MAX_TRANSFER), signed(offset, 64))


def _vectors(p: Process, iov: int, count: int) -> list[tuple[int, int]]:
    if not 0 <= count <= _IOV_MAX:
        raise SyscallError("EINVAL")
    letter = "Q" if p.abi.word == 8 else "I"
    data = p.memory.load(iov, 2 * p.abi.word * count)
    words = struct.unpack(f"{p.abi.order}{2 * count}{letter}", data)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    if sum(size for _, size in pairs) > MAX_TRANSFER:
        raise SyscallError("EINVAL")
    return pairs


@syscall
def sys_readv(p: Process, fd: int, iov: int, count: int) -> int:
    host = p.files.get(signed(fd)).host
    total = 0
    for base, size in _vectors(p, iov, signed(count)):
        done = _read(p, host, base, size, None)
        total += done
        if done < size:
            break
    return total


@syscall
def sys_writev(p: Process, fd: int, iov: int, count: int) -> int:
    host = p.files.get(signed(fd)).host
    total = 0
    for base, size in _vectors(p, iov, signed(count)):
        done = _write(p, host, base, size, None)
        total += done
        if done < size:
            break
    return total


@syscall
def sys_lseek(p: Process, fd: int, offset: int, whence: int) -> int:
    return seek(p, fd, signed(offset, 8 * p.abi.word), whence)


def seek(p: Process, fd: int, offset: int, whence: int) -> int:
    """lseek with an offset of any width."""
    file = p.files.get(signed(fd))
    if file.entries is not None and whence == 0:
        file.position = offset
        return offset
    return os.lseek(file.host, offset, whence)


@syscall
def sys_sendfile(p: Process, target: int, source: int, offset: int, count: int) -> int:
    """Offset 0: from where the source is; a pointer to one is refused, and programs copy."""
    if offset:
        raise SyscallError("EINVAL")
    target, source = p.files.get(signed(target)).host, p.files.get(signed(source)).host
    if stat.S_ISDIR(os.fstat(source).st_mode):
        raise SyscallError("EISDIR")
    data = os.read(source, min(count, _CHUNK))
    done = 0
    while done < len(data):
        done += os.write(target, data[done:])
    return done


@syscall
def sys_fadvise64(p: Process, fd: int) -> None:
    p.files.get(signed(fd))


@syscall
def sys_dup(p: Process, fd: int) -> int:
    return p.files.add(p.files.get(signed(fd)))


@syscall
def sys_dup3(p: Process, old: int, new: int, flags: int) -> int:
    old, new = signed(old), signed(new)
    file = p.files.get(old)
    if old == new:
        raise SyscallError("EINVAL")
    p.files.put(new, file, cloexec=bool(flags & OPEN_FLAGS["O_CLOEXEC"]))
    return new


@syscall
def sys_pipe2(p: Process, fds: int, flags: int) -> None:
    p.memory.check(fds, 8, "w")
    reader, writer = os.pipe()
    cloexec = bool(flags & OPEN_FLAGS["O_CLOEXEC"])
    numbers = [
        p.files.add(OpenFile(reader, b"pipe", 0), cloexec=cloexec),
        p.files.add(OpenFile(writer, b"pipe", 1), cloexec=cloexec),
    ]
    p.memory.store(fds, struct.pack(f"{p.abi.order}ii", *numbers))


@syscall
def sys_dup2(p: Process, old: int, new: int) -> int:
    if signed(old) == signed(new):
        p.files.get(signed(old))
        return signed(old)
    return sys_dup3(p, old, new, 0)


@syscall
def sys_pipe(p: Process, fds: int) -> None:
    sys_pipe2(p, fds, 0)


@syscall
def sys_fcntl(p: Process, fd: int, command: int, argument: int) -> int:
    fd = signed(fd)
    file = p.files.get(fd)
    if command in (0, 1030):  # F_DUPFD, F_DUPFD_CLOEXEC
        return p.files.add(file, argument, cloexec=command == 1030)
    if command == 1:  # F_GETFD
        return int(fd in p.files.close_on_exec)
    if command == 2:  # F_SETFD
        (p.files.close_on_exec.add if argument & 1 else p.files.close_on_exec.discard)(fd)
        return 0
    if command == 3:  # F_GETFL
        return file.flags & ~OPEN_FLAGS["O_CLOEXEC"]
    if command == 4:  # F_SETFL: what Linux lets change and a host descriptor can do
        changeable = OPEN_FLAGS["O_APPEND"] | OPEN_FLAGS["O_NONBLOCK"]
        if not file.borrowed:
            os.set_blocking(file.host, not argument & OPEN_FLAGS["O_NONBLOCK"])
        file.flags = file.flags & ~changeable | argument & changeable
        return 0
    raise SyscallError("EINVAL")


# -- metadata


def pack_stat(p: Process, st: os.stat_result) -> bytes:
    """The ABI's struct stat."""
    extra = {"": 0, "ino_low": st.st_ino & 0xFFFFFFFF}
    for letter in "amc":
        ns = getattr(st, f"st_{letter}time_ns")
        extra[f"{letter}time_s"], extra[f"{letter}time_ns"] = divmod(ns, 10**9)
    values = (extra[f] if f in extra else getattr(st, f, 0) for f in p.abi.stat_fields)
    return p.abi.stat.pack(*values)


@syscall
def sys_fstat(p: Process, fd: int, buffer: int) -> None:
    p.memory.store(buffer, pack_stat(p, os.fstat(p.files.get(signed(fd)).host)))


def stat_at(p: Process, dirfd: int, path: int, flags: int) -> os.stat_result:
    """What newfstatat and statx are asked for."""
    name = p.memory.cstring(path)
    dirfd = signed(dirfd)
    if not name:
        if not flags & AT_EMPTY_PATH:
            raise SyscallError("ENOENT")
        return os.stat(".") if dirfd == AT_FDCWD else os.fstat(p.files.get(dirfd).host)
    return os.stat(
        p.files.translate(name),
        dir_fd=p.files.directory(dirfd) if not name.startswith(b"/") else None,
        follow_symlinks=not flags & AT_SYMLINK_NOFOLLOW,
    )


@syscall
def sys_newfstatat(p: Process, dirfd: int, path: int, buffer: int, flags: int) -> None:
    p.memory.store(buffer, pack_stat(p, stat_at(p, dirfd, path, flags)))


@syscall
def sys_stat(p: Process, path: int, buffer: int) -> None:
    sys_newfstatat(p, AT_FDCWD, path, buffer, 0)


@syscall
def sys_lstat(p: Process, path: int, buffer: int) -> None:
    sys_newfstatat(p, AT_FDCWD, path, buffer, AT_SYMLINK_NOFOLLOW)


_STATX_BASIC = 0x7FF


@syscall
def sys_statx(p: Process, dirfd: int, path: int, flags: int, mask: int, buffer: int) -> None:
    """The same structure for every ABI; without time of birth."""
    st = stat_at(p, dirfd, path, flags)
    order = p.abi.order
    out = struct.pack(
        f"{order}IIQIIIH2xQQQQ", _STATX_BASIC, st.st_blksize, 0, st.st_nlink, st.st_uid, st.st_gid,
        st.st_mode, st.st_ino, st.st_size, st.st_blocks, 0,
    )  # fmt: skip
    for ns in (st.st_atime_ns, 0, st.st_ctime_ns, st.st_mtime_ns):
        out += struct.pack(f"{order}qI4x", *divmod(ns, 10**9))
    numbers = [f(d) for d in (st.st_rdev, st.st_dev) for f in (os.major, os.minor)]
    out += struct.pack(f"{order}4I", *numbers)
    p.memory.store(buffer, out.ljust(256, b"\0"))


def _statfs(p: Process, buffer: int, of: int | bytes, wide: str = "") -> None:
    """Type: what the host does not say is ext2's. `wide`: `struct` letter of the counts."""
    v = os.statvfs(of)
    order, letter = p.abi.order, p.abi.long
    fields = (0xEF53, v.f_bsize, v.f_blocks, v.f_bfree, v.f_bavail, v.f_files, v.f_ffree)
    out = struct.pack(f"{order}2{letter}5{wide or letter}", *fields)
    out += struct.pack(f"{order}ii3{letter}", 0, 0, v.f_namemax, v.f_frsize, v.f_flag)
    p.memory.store(buffer, out + bytes(4 * p.abi.word))


@syscall
def sys_statfs(p: Process, path: int, buffer: int) -> None:
    _statfs(p, buffer, path_of(p, path))


@syscall
def sys_statfs64(p: Process, path: int, size: int, buffer: int) -> None:
    _statfs(p, buffer, path_of(p, path), "q")


@syscall
def sys_fstatfs64(p: Process, fd: int, size: int, buffer: int) -> None:
    _statfs(p, buffer, p.files.get(signed(fd)).host, "q")


@syscall
def sys_fstatfs(p: Process, fd: int, buffer: int) -> None:
    _statfs(p, buffer, p.files.get(signed(fd)).host)


_TYPES = {
    stat.S_IFIFO: 1, stat.S_IFCHR: 2, stat.S_IFDIR: 4, stat.S_IFBLK: 6, stat.S_IFREG: 8,
    stat.S_IFLNK: 10, stat.S_IFSOCK: 12,
}  # fmt: skip


@syscall
def sys_getdents64(p: Process, fd: int, buffer: int, size: int) -> int:
    file = p.files.get(signed(fd))
    if file.entries is None:
        own = os.fstat(file.host)
        if not stat.S_ISDIR(own.st_mode):
            raise SyscallError("ENOTDIR")
        parent = os.stat("..", dir_fd=file.host)
        file.entries = [(own.st_ino, 4, b"."), (parent.st_ino, 4, b"..")]
        with os.scandir(file.host) as entries:
            for entry in entries:
                st = entry.stat(follow_symlinks=False)
                kind = _TYPES.get(stat.S_IFMT(st.st_mode), 0)
                file.entries.append((entry.inode(), kind, os.fsencode(entry.name)))
    out = bytearray()
    while file.position < len(file.entries):
        inode, kind, name = file.entries[file.position]
        length = (19 + len(name) + 1 + 7) & ~7
        if len(out) + length > size:
            break
        file.position += 1
        head = struct.pack(f"{p.abi.order}QqHB", inode, file.position, length, kind)
        out += (head + name).ljust(length, b"\0")
    if not out and file.position < len(file.entries):
        raise SyscallError("EINVAL")
    p.memory.store(buffer, bytes(out))
    return len(out)


@syscall
def sys_ftruncate(p: Process, fd: int, length: int) -> None:
    os.ftruncate(p.files.get(signed(fd)).host, signed(length, 8 * p.abi.word))


@syscall
def sys_truncate(p: Process, path: int, length: int) -> None:
    os.truncate(path_of(p, path), signed(length, 8 * p.abi.word))


@syscall
def sys_sync(p: Process) -> None:
    os.sync()


@syscall
def sys_fsync(p: Process, fd: int) -> None:
    os.fsync(p.files.get(signed(fd)).host)


@syscall
def sys_fdatasync(p: Process, fd: int) -> None:
    os.fsync(p.files.get(signed(fd)).host)


# -- terminals: TCGETS, TCSETS (and W, F), TIOCGWINSZ, TIOCGPGRP, FIONREAD of asm-generic/ioctls.h
_IOCTL_READ = {0x5401: 36, 0x5413: 8, 0x540F: 4, 0x541B: 4}
_IOCTL_WRITE = {0x5402: 36, 0x5403: 36, 0x5404: 36}


@syscall
def sys_ioctl(p: Process, fd: int, request: int, argument: int) -> int:
    host = p.files.get(signed(fd)).host
    request &= 0xFFFFFFFF
    if not sys.platform.startswith("linux"):
        raise SyscallError("ENOTTY")  # the host's request numbers and structures are others
    import fcntl

    if request in _IOCTL_READ:
        data = fcntl.ioctl(host, request, bytes(_IOCTL_READ[request]))
        p.memory.store(argument, data)
        return 0
    if request in _IOCTL_WRITE:
        fcntl.ioctl(host, request, p.memory.load(argument, _IOCTL_WRITE[request]))
        return 0
    raise SyscallError("ENOTTY")
