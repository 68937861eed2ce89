"""System calls that make processes, replace their program and wait for them.

Lives here: fork and its relatives, execve, wait4, process groups, waiting for a signal. A guest
process is a process of the host with an emulator of its own: fork is the host's fork. Does not live
here: loading a program (`process.py`). Source: fork(2), clone(2), execve(2), wait4(2).
"""

from __future__ import annotations

import os
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import LoaderError
from .abi import SIGNALS, SyscallError
from .calls import signed, syscall
from .calls_process import child_usage
from .elf import Program, read_program
from .signals import SIG_DFL, SIG_IGN, Action

if TYPE_CHECKING:
    from .process import Process

_CLONE_VM, _CLONE_VFORK, _CLONE_THREAD, _CLONE_SETTLS = 0x100, 0x4000, 0x10000, 0x80000
_CLONE_PARENT_SETTID, _CLONE_CHILD_SETTID = 0x100000, 0x1000000
_MAX_WORDS = 1 << 16
_MAX_SCRIPTS = 4  # a script's interpreter may be a script


@dataclass(frozen=True)
class Exec(Exception):
    """The process goes on with another program."""

    program: Program
    argv: tuple[bytes, ...]
    env: tuple[tuple[bytes, bytes], ...]


def _fork(p: Process, stack: int = 0) -> int:
    if p.alone or not hasattr(os, "fork"):
        raise SyscallError("ENOSYS")
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    pid = os.fork()
    if pid:
        p.children.add(pid)
        return pid
    p.is_child = True
    p.pid = os.getpid()
    p.children.clear()
    p.signals.pending.clear()
    if stack:
        p.emu.regs[p.abi.stack_pointer] = stack
    return 0


@syscall
def sys_fork(p: Process) -> int:
    return _fork(p)


@syscall
def sys_vfork(p: Process) -> int:
    return _fork(p)


@syscall
def sys_clone(p: Process, flags: int, stack: int, parent_tid: int, fourth: int, fifth: int) -> int:
    """Processes, not threads."""
    if flags & (_CLONE_THREAD | _CLONE_SETTLS) or flags & _CLONE_VM and not flags & _CLONE_VFORK:
        raise SyscallError("ENOSYS")
    child_tid = fourth if p.abi.clone_tls_last else fifth
    pid = _fork(p, stack)
    if pid and flags & _CLONE_PARENT_SETTID:
        p.memory.store(parent_tid, struct.pack(f"{p.abi.order}i", pid))
    if not pid and flags & _CLONE_CHILD_SETTID:
        p.memory.store(child_tid, struct.pack(f"{p.abi.order}i", p.pid))
    return pid


def _words(p: Process, address: int) -> list[bytes]:
    """Strings of a zero-terminated array of pointers."""
    out: list[bytes] = []
    while address and len(out) < _MAX_WORDS:
        word = int.from_bytes(p.memory.load(address, p.abi.word), p.abi.byteorder)
        if not word:
            return out
        out.append(p.memory.cstring(word, 1 << 17))
        address += p.abi.word
    if address:
        raise SyscallError("E2BIG")
    return out


def _script(path: bytes) -> list[bytes]:
    """Interpreter and argument of the first line, [] when the file is no script."""
    with open(path, "rb") as file:
        line = file.readline(256)
    if not line.startswith(b"#!"):
        return []
    words = line[2:].strip().split(None, 1)
    if not words:
        raise SyscallError("ENOEXEC")
    return words


@syscall
def sys_execve(p: Process, path: int, argv: int, envp: int) -> None:
    from .process import abi_of

    if p.alone:
        raise SyscallError("ENOSYS")
    name = p.memory.cstring(path)
    arguments = _words(p, argv)
    pairs = [(k, v) for k, _, v in (w.partition(b"=") for w in _words(p, envp))]
    for _ in range(_MAX_SCRIPTS):
        if name in (b"/proc/self/exe", b"/proc/%d/exe" % p.pid):
            host = os.fsencode(os.path.abspath(p.program_path))
        else:
            host = p.files.translate(name)
        if not os.access(host, os.X_OK) or os.path.isdir(host):
            os.stat(host)  # the precise error when it is not there
            raise SyscallError("EACCES")
        interpreter = _script(host)
        if not interpreter:
            break
        arguments = [*interpreter, name, *arguments[1:]]
        name = interpreter[0]
    else:
        raise SyscallError("ELOOP")
    try:
        program = read_program(os.fsdecode(host))
        abi_of(program)
    except LoaderError as error:
        raise SyscallError("ENOEXEC") from error
    raise Exec(program, tuple(arguments), tuple(pairs))


@syscall
def sys_wait4(p: Process, pid: int, status: int, options: int, usage: int) -> int:
    if not hasattr(os, "wait4"):
        raise SyscallError("ENOSYS")
    who, how, spent = os.wait4(signed(pid), options & 0xFFFFFFFF)
    if who and (os.WIFEXITED(how) or os.WIFSIGNALED(how)):
        p.children.discard(who)
        p.signals.pending = [s for s in p.signals.pending if s[0] != SIGNALS["SIGCHLD"]]
    if status and who:
        p.memory.store(status, struct.pack(f"{p.abi.order}i", how))
    if usage and who:
        p.memory.store(usage, child_usage(p, spent.ru_utime, spent.ru_stime))
    return who


# -- groups and sessions


@syscall
def sys_getpgrp(p: Process) -> int:
    return os.getpgrp()


@syscall
def sys_getpgid(p: Process, pid: int) -> int:
    return os.getpgid(signed(pid))


@syscall
def sys_setpgid(p: Process, pid: int, group: int) -> None:
    if pid not in (0, p.pid, *p.children):
        raise SyscallError("ESRCH")
    os.setpgid(signed(pid), signed(group))


@syscall
def sys_getsid(p: Process, pid: int) -> int:
    return os.getsid(signed(pid))


@syscall
def sys_setsid(p: Process) -> int:
    os.setsid()
    return os.getsid(0)


# -- waiting for a signal: of what can happen to a guest from outside, the end of a child


def _wait_for_signal(p: Process) -> None:
    chld = SIGNALS["SIGCHLD"]
    while not any(not p.signals.blocked(s[0]) for s in p.signals.pending):
        handled = p.signals.actions.get(chld, Action()).handler not in (SIG_DFL, SIG_IGN)
        if p.signals.blocked(chld) or not handled or not p.children:
            raise SyscallError("EDEADLK")  # nothing can ever end this
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        p.signals.send(p, chld, 1, "a child ended")  # CLD_EXITED


@syscall
def sys_pause(p: Process) -> None:
    _wait_for_signal(p)
    raise SyscallError("EINTR")


@syscall
def sys_rt_sigsuspend(p: Process, mask: int, size: int) -> None:
    """The handler's frame keeps the mask from before."""
    if size != 8:
        raise SyscallError("EINVAL")
    before = p.signals.mask
    p.signals.mask = int.from_bytes(p.memory.load(mask, 8), p.abi.byteorder)
    try:
        _wait_for_signal(p)
        p.signals.restored_mask = before
    except SyscallError:
        p.signals.mask = before
        raise
    raise SyscallError("EINTR")
