"""System calls that wait for files: poll, select and their relatives.

Source: poll(2), select(2).
"""

from __future__ import annotations

import select
import struct
from typing import TYPE_CHECKING

from .abi import SyscallError
from .calls import signed, syscall
from .calls_process import load_time
from .files import MAX_FILES

if TYPE_CHECKING:
    from .process import Process

_POLLNVAL = 0x20


def _poll(p: Process, address: int, count: int, seconds: float | None) -> int:
    if count > MAX_FILES:
        raise SyscallError("EINVAL")
    if not hasattr(select, "poll"):
        raise SyscallError("ENOSYS")
    shape = struct.Struct(f"{p.abi.order}ihh")
    asked = list(shape.iter_unpack(p.memory.load(address, shape.size * count)))
    found = [0] * len(asked)
    poller = select.poll()
    hosts: dict[int, int] = {}
    for index, (fd, events, _) in enumerate(asked):
        if fd < 0:
            continue
        if fd not in p.files.table:
            found[index] = _POLLNVAL
            continue
        host = p.files.get(fd).host
        hosts[host] = hosts.get(host, 0) | events & 0xFFFF
    for host, events in hosts.items():
        poller.register(host, events)
    wait = None if seconds is None else max(0.0, seconds * 1000)
    ready = dict(poller.poll(0 if any(found) else wait))
    for index, (fd, events, _) in enumerate(asked):
        if fd >= 0 and not found[index]:
            always = select.POLLERR | select.POLLHUP
            found[index] = ready.get(p.files.get(fd).host, 0) & (events & 0xFFFF | always)
    pairs = zip(asked, found, strict=True)
    out = b"".join(shape.pack(fd, events, got) for (fd, events, _), got in pairs)
    p.memory.store(address, out)
    return sum(1 for got in found if got)


@syscall
def sys_poll(p: Process, address: int, count: int, timeout: int) -> int:
    ms = signed(timeout)
    return _poll(p, address, count, None if ms < 0 else ms / 1000)


@syscall
def sys_ppoll(p: Process, address: int, count: int, timeout: int, mask: int, size: int) -> int:
    return _poll(p, address, count, load_time(p, timeout) if timeout else None)


@syscall
def sys_ppoll_time64(
    p: Process, address: int, count: int, timeout: int, mask: int, size: int
) -> int:
    return _poll(p, address, count, load_time(p, timeout, "q") if timeout else None)


def _select(p: Process, count: int, sets: tuple[int, ...], seconds: float | None) -> int:
    count = signed(count)
    if not 0 <= count <= MAX_FILES:
        raise SyscallError("EINVAL")
    size = -(-count // (8 * p.abi.word)) * p.abi.word
    order = p.abi.byteorder
    hosts: list[dict[int, int]] = []
    for address in sets:
        bits = int.from_bytes(p.memory.load(address, size), order) if address else 0
        numbers = [n for n in range(count) if bits >> n & 1]
        hosts.append({n: p.files.get(n).host for n in numbers})
    first, second, third = (list(set(h.values())) for h in hosts)
    ready = select.select(first, second, third, seconds)
    total = 0
    for address, asked, got in zip(sets, hosts, ready, strict=True):
        bits = sum(1 << n for n, host in asked.items() if host in got)
        total += bits.bit_count()
        if address:
            p.memory.store(address, bits.to_bytes(size, order))
    return total


@syscall
def sys_select(
    p: Process, count: int, readers: int, writers: int, others: int, timeout: int
) -> int:
    seconds = load_time(p, timeout, unit=1000) if timeout else None
    return _select(p, count, (readers, writers, others), seconds)


@syscall
def sys_pselect6(
    p: Process, count: int, readers: int, writers: int, others: int, timeout: int, mask: int
) -> int:
    seconds = load_time(p, timeout) if timeout else None
    return _select(p, count, (readers, writers, others), seconds)


@syscall
def sys_pselect6_time64(
    p: Process, count: int, readers: int, writers: int, others: int, timeout: int, mask: int
) -> int:
    seconds = load_time(p, timeout, "q") if timeout else None
    return _select(p, count, (readers, writers, others), seconds)
