"""System calls on the process, time, signals and the system.

Source: section 2 of the Linux manual pages, by the name of each call.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

from .abi import NSIG, SIGNAL_NAMES, SyscallError
from .calls import signed, syscall
from .signals import SI_TKILL, SI_USER, SS_DISABLE, SS_ONSTACK, Action

if TYPE_CHECKING:
    from .process import Process

_RLIMITS = {3: 8 << 20, 7: 1024}  # RLIMIT_STACK, RLIMIT_NOFILE; the rest: no limit
_INFINITY = (1 << 64) - 1


class Exit(Exception):
    """The guest ends with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status


@syscall
def sys_exit(p: Process, status: int) -> None:
    raise Exit(status & 0xFF)


@syscall
def sys_exit_group(p: Process, status: int) -> None:
    raise Exit(status & 0xFF)


@syscall
def sys_set_tid_address(p: Process, address: int) -> int:
    return p.pid


@syscall
def sys_set_robust_list(p: Process, head: int, size: int) -> None:
    return None


@syscall
def sys_futex(p: Process, address: int, operation: int, value: int, timeout: int) -> int:
    return _futex(p, address, operation, value, timeout, "")


@syscall
def sys_futex_time64(p: Process, address: int, operation: int, value: int, timeout: int) -> int:
    return _futex(p, address, operation, value, timeout, "q")


def _futex(p: Process, address: int, operation: int, value: int, timeout: int, letter: str) -> int:
    command = operation & 0x7F
    if address % 4:
        raise SyscallError("EINVAL")
    (now,) = struct.unpack(f"{p.abi.order}I", p.memory.load(address, 4))
    if command in (1, 10):  # FUTEX_WAKE(_BITSET): there is nobody else to wake
        return 0
    if command in (0, 9):  # FUTEX_WAIT(_BITSET)
        if now != value & 0xFFFFFFFF:
            raise SyscallError("EAGAIN")
        if timeout:
            if command == 0:
                time.sleep(load_time(p, timeout, letter))
            raise SyscallError("ETIMEDOUT")
        raise SyscallError("EDEADLK")  # no other thread can ever wake this one
    raise SyscallError("ENOSYS")


# -- identity


@syscall
def sys_getpid(p: Process) -> int:
    return p.pid


@syscall
def sys_gettid(p: Process) -> int:
    return p.pid


@syscall
def sys_getppid(p: Process) -> int:
    return os.getppid()


@syscall
def sys_getuid(p: Process) -> int:
    return p.uid


@syscall
def sys_geteuid(p: Process) -> int:
    return p.uid


@syscall
def sys_getgid(p: Process) -> int:
    return p.gid


@syscall
def sys_getegid(p: Process) -> int:
    return p.gid


@syscall
def sys_umask(p: Process, mask: int) -> int:
    return os.umask(mask & 0o777)


@syscall
def sys_uname(p: Process, buffer: int) -> None:
    fields = ("Linux", os.uname().nodename if hasattr(os, "uname") else "host", "6.1.0",
              "#1 SMP engine", p.abi.uname, "(none)")  # fmt: skip
    p.memory.store(buffer, b"".join(f.encode()[:64].ljust(65, b"\0") for f in fields))


@syscall
def sys_sysinfo(p: Process, buffer: int) -> None:
    page = p.abi.page_size
    total = 1 << 30
    wide = p.abi.word == 8
    # uptime, 3 loads, total and free pages, shared, buffers, total and free swap, processes, pad
    # (natural alignment puts 4 bytes before the longs of wide ABIs), total and free high, unit
    head = struct.pack(
        f"{p.abi.order}qQQQQQQQQQHH4x" if wide else f"{p.abi.order}iIIIIIIIIIHH",
        int(time.monotonic()), 0, 0, 0, total // page, total // 2 // page, 0, 0, 0, 0, 1, 0,
    )  # fmt: skip
    tail = struct.pack(f"{p.abi.order}QQI" if wide else f"{p.abi.order}III", 0, 0, page)
    p.memory.store(buffer, (head + tail).ljust(112 if wide else 64, b"\0"))


@syscall
def sys_prlimit64(p: Process, pid: int, resource: int, new: int, old: int) -> None:
    if pid not in (0, p.pid):
        raise SyscallError("ESRCH")
    if resource > 15:
        raise SyscallError("EINVAL")
    limit = _RLIMITS.get(resource, _INFINITY)
    if old:
        p.memory.store(old, struct.pack(f"{p.abi.order}QQ", limit, limit))


@syscall
def sys_getrlimit(p: Process, resource: int, buffer: int) -> None:
    if resource > 15:
        raise SyscallError("EINVAL")
    infinity = (1 << 8 * p.abi.word) - 1
    limit = min(_RLIMITS.get(resource, infinity), infinity)
    p.memory.store(buffer, struct.pack(f"{p.abi.order}2{p.abi.long.upper()}", limit, limit))


@syscall
def sys_getgroups(p: Process, count: int, buffer: int) -> int:
    groups: list[int] = getattr(os, "getgroups", list)()
    if count:
        if signed(count) < len(groups):
            raise SyscallError("EINVAL")
        p.memory.store(buffer, struct.pack(f"{p.abi.order}{len(groups)}I", *groups))
    return len(groups)


@syscall
def sys_prctl(p: Process, option: int, argument: int) -> None:
    if option == 15:  # PR_SET_NAME: there is nobody who shows it
        p.memory.cstring(argument)
        return
    raise SyscallError("EINVAL")


@syscall
def sys_getrandom(p: Process, buffer: int, size: int, flags: int) -> int:
    size = min(size, 1 << 20)
    p.memory.store(buffer, os.urandom(size))
    return size


@syscall
def sys_sched_yield(p: Process) -> None:
    return None


@syscall
def sys_sched_getaffinity(p: Process, pid: int, size: int, mask: int) -> int:
    if size < 8 or size % 8:
        raise SyscallError("EINVAL")
    p.memory.store(mask, (1).to_bytes(8, "big" if p.abi.big_endian else "little"))
    return 8


@syscall
def sys_riscv_flush_icache(p: Process, start: int, end: int, flags: int) -> None:
    return None  # written code is always seen


@syscall
def sys_riscv_hwprobe(p: Process, pairs: int, count: int, cpus: int, mask: int, flags: int) -> None:
    # Keys this kernel does not know are answered with key -1 (riscv/hwprobe.rst).
    for index in range(min(count, 64)):
        address = pairs + 16 * index
        (key,) = struct.unpack("<q", p.memory.load(address, 8))
        value = {3: 1, 4: 0b11}.get(key)  # BASE_BEHAVIOR: IMA; IMA_EXT_0: F and D, C
        p.memory.store(address, struct.pack("<qQ", -1 if value is None else key, value or 0))


# -- time


def _store_time(p: Process, address: int, ns: int, unit: int, letter: str = "") -> None:
    letter = letter or p.abi.long
    seconds, rest = divmod(ns, 10**9)
    p.memory.store(address, struct.pack(f"{p.abi.order}2{letter}", seconds, rest // unit))


def load_time(p: Process, address: int, letter: str = "", unit: int = 1) -> float:
    """Seconds of a timespec (of a timeval: `unit` 1000 nanoseconds) of the guest's longs, or of
    numbers of `struct` letter `letter`."""
    shape = struct.Struct(f"{p.abi.order}2{letter or p.abi.long}")
    seconds, rest = shape.unpack(p.memory.load(address, shape.size))
    if seconds < 0 or not 0 <= rest * unit < 10**9:
        raise SyscallError("EINVAL")
    return float(seconds + rest * unit / 1e9)


def _clock(clock: int) -> int:
    if clock in (0, 5, 11):  # REALTIME, REALTIME_COARSE, TAI
        return time.time_ns()
    if clock in (1, 4, 6, 7):  # MONOTONIC (RAW, COARSE), BOOTTIME
        return time.monotonic_ns()
    if clock in (2, 3):  # PROCESS_CPUTIME_ID, THREAD_CPUTIME_ID
        return time.process_time_ns()
    raise SyscallError("EINVAL")


@syscall
def sys_clock_gettime(p: Process, clock: int, address: int) -> None:
    _store_time(p, address, _clock(signed(clock)), 1)


@syscall
def sys_clock_getres(p: Process, clock: int, address: int) -> None:
    _clock(signed(clock))
    if address:
        _store_time(p, address, 1, 1)


@syscall
def sys_clock_gettime64(p: Process, clock: int, address: int) -> None:
    _store_time(p, address, _clock(signed(clock)), 1, "q")


@syscall
def sys_clock_getres_time64(p: Process, clock: int, address: int) -> None:
    _clock(signed(clock))
    if address:
        _store_time(p, address, 1, 1, "q")


@syscall
def sys_time(p: Process, address: int) -> int:
    now = int(time.time())
    if address:
        p.memory.store(address, struct.pack(f"{p.abi.order}{p.abi.long}", now))
    return now


@syscall
def sys_gettimeofday(p: Process, address: int, zone: int) -> None:
    if address:
        _store_time(p, address, time.time_ns(), 1000)
    if zone:
        p.memory.store(zone, bytes(8))


@syscall
def sys_nanosleep(p: Process, request: int, remain: int) -> None:
    time.sleep(load_time(p, request))


@syscall
def sys_clock_nanosleep(p: Process, clock: int, flags: int, request: int, remain: int) -> None:
    _sleep_on(clock, flags, load_time(p, request))


@syscall
def sys_clock_nanosleep_time64(
    p: Process, clock: int, flags: int, request: int, remain: int
) -> None:
    _sleep_on(clock, flags, load_time(p, request, "q"))


def _sleep_on(clock: int, flags: int, seconds: float) -> None:
    if flags & 1:  # TIMER_ABSTIME
        seconds -= _clock(signed(clock)) / 1e9
    time.sleep(max(0.0, seconds))


@syscall
def sys_times(p: Process, buffer: int) -> int:
    ticks = [int(t * 100) for t in os.times()]
    if buffer:
        p.memory.store(buffer, struct.pack(f"{p.abi.order}4{p.abi.long}", *ticks[:4]))
    return ticks[4]


@syscall
def sys_getrusage(p: Process, who: int, buffer: int) -> None:
    t = os.times()
    p.memory.store(buffer, child_usage(p, t.user, t.system))


def child_usage(p: Process, user: float, system: float) -> bytes:
    """A struct rusage with the two times."""
    words = []
    for seconds in (user, system):
        words += [int(seconds), int(seconds % 1 * 1e6)]
    return struct.pack(f"{p.abi.order}18{p.abi.long}", *words, *[0] * 14)


# -- signals


@syscall
def sys_rt_sigaction(p: Process, signo: int, new: int, old: int, size: int) -> None:
    name = SIGNAL_NAMES.get(signo)
    if not 1 <= signo <= NSIG or size != 8:
        raise SyscallError("EINVAL")
    if new and name in ("SIGKILL", "SIGSTOP"):
        raise SyscallError("EINVAL")
    shape = p.abi.sigaction
    before = p.signals.actions.get(signo, Action())
    after = before
    if new:
        handler, flags, *restorer, mask = shape.unpack(p.memory.load(new, shape.size))
        after = Action(handler, flags, mask, tuple(restorer))
    if old:
        restorer = list(before.restorer) or [0] * (len(shape.unpack(bytes(shape.size))) - 3)
        p.memory.store(old, shape.pack(before.handler, before.flags, *restorer, before.mask))
    p.signals.actions[signo] = after


@syscall
def sys_rt_sigprocmask(p: Process, how: int, new: int, old: int, size: int) -> None:
    if size != 8:
        raise SyscallError("EINVAL")
    before = p.signals.mask
    if new:
        (bits,) = struct.unpack(f"{p.abi.order}Q", p.memory.load(new, 8))
        if how not in (0, 1, 2):
            raise SyscallError("EINVAL")
        p.signals.mask = (before | bits, before & ~bits, bits)[how]
    if old:
        p.memory.store(old, struct.pack(f"{p.abi.order}Q", before))


@syscall
def sys_rt_sigpending(p: Process, buffer: int, size: int) -> None:
    bits = 0
    for signo, _, _ in p.signals.pending:
        bits |= 1 << (signo - 1)
    p.memory.store(buffer, struct.pack(f"{p.abi.order}Q", bits))


@syscall
def sys_rt_sigreturn(p: Process) -> None:
    p.abi.pop_signal_frame(p)


@syscall
def sys_sigaltstack(p: Process, new: int, old: int) -> None:
    wide = p.abi.word == 8
    shape = struct.Struct(f"{p.abi.order}" + ("Qi4xQ" if wide else "IiI"))
    flags, base, size = p.signals.altstack(p.emu.regs[p.abi.stack_pointer])
    if new:
        if flags == SS_ONSTACK:
            raise SyscallError("EPERM")
        base2, flags2, size2 = shape.unpack(p.memory.load(new, shape.size))
        if flags2 & ~SS_DISABLE:
            raise SyscallError("EINVAL")
        if not flags2 and size2 < 2048:
            raise SyscallError("ENOMEM")
        p.signals.alt = (0, 0, SS_DISABLE) if flags2 else (base2, size2, 0)
    if old:
        p.memory.store(old, shape.pack(base, flags, size))


def _send(p: Process, signo: int, code: int) -> None:
    if not 0 <= signo <= NSIG:
        raise SyscallError("EINVAL")
    if signo:
        p.signals.send(p, signo, code, "sent by the program itself")


@syscall
def sys_kill(p: Process, pid: int, signo: int) -> None:
    if signed(pid) in p.children:
        os.kill(signed(pid), signed(signo))
        return
    if signed(pid) not in (0, p.pid):
        raise SyscallError("EPERM")  # the guest does not signal the host's processes
    _send(p, signed(signo), SI_USER)


@syscall
def sys_tkill(p: Process, tid: int, signo: int) -> None:
    if signed(tid) != p.pid:
        raise SyscallError("ESRCH")
    _send(p, signed(signo), SI_TKILL)


@syscall
def sys_tgkill(p: Process, group: int, tid: int, signo: int) -> None:
    if signed(group) != p.pid or signed(tid) != p.pid:
        raise SyscallError("ESRCH")
    _send(p, signed(signo), SI_TKILL)
