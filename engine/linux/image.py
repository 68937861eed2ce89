"""Placing a program in the guest: segments, interpreter, initial stack with argv, envp and auxv.

Lives here: what the kernel's ELF loader does at execve. Does not live here: reading the file
(`elf.py`). Source: System V ABI, chapter "Process Initialization"; auxiliary vector numbers from
include/uapi/linux/auxvec.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import LoaderError
from .abi import Abi, SyscallError
from .elf import Program, read_program
from .memory import GuestMemory

STACK_SIZE = 8 << 20
_PIE_BASE = 0x10000
_INTERPRETER_OFFSET = 0x40000000

AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY = range(3, 10)
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK = range(11, 18)
AT_SECURE, AT_RANDOM, AT_EXECFN = 23, 25, 31


@dataclass(frozen=True)
class Image:
    """Where execution starts."""

    entry: int
    stack_pointer: int
    bias: int  # what was added to the program's own addresses
    program: Program


def check_machine(program: Program, abi: Abi) -> None:
    """Raises `LoaderError` unless the program is one for `abi`."""
    same = (abi.machine, abi.elf_class, abi.big_endian)
    if (program.machine, program.elf_class, program.big_endian) != same:
        order = "big" if program.big_endian else "little"
        raise LoaderError(
            f"{program.path}: a {program.elf_class}-bit {order}-endian ELF file for machine "
            f"{program.machine}, not one for {abi.arch} (machine {abi.machine})"
        )


def load_image(
    program: Program,
    memory: GuestMemory,
    argv: Sequence[bytes],
    env: Mapping[bytes, bytes],
    sysroot: str | None,
) -> Image:
    """Maps the program and its interpreter and builds the stack."""
    abi = memory.abi
    check_machine(program, abi)
    bias = _PIE_BASE if program.position_independent else 0
    _map_segments(program, memory, bias)
    memory.brk_start = memory.brk_end = -(-(program.high + bias) // abi.page_size) * abi.page_size
    entry = program.entry + bias
    base = 0
    if program.interpreter is not None:
        loader = read_program(_interpreter_path(program, sysroot))
        check_machine(loader, abi)
        base = abi.user_top // 2 + _INTERPRETER_OFFSET
        _map_segments(loader, memory, base)
        entry = loader.entry + base
    sp = _build_stack(program, memory, argv, env, bias, base)
    return Image(entry, sp, bias, program)


def _interpreter_path(program: Program, sysroot: str | None) -> str:
    assert program.interpreter is not None
    path = (sysroot or "") + program.interpreter
    if not os.path.exists(path):
        raise LoaderError(
            f"{program.path}: dynamically linked, and its interpreter {path} is not there",
            hint="link it with -static, or name a directory with the guest's libraries: --sysroot",
        )
    return path


def _map_segments(program: Program, memory: GuestMemory, bias: int) -> None:
    page = memory.page
    for segment in program.segments:
        start = segment.address + bias
        low = start - start % page
        end = -(-(start + segment.memory_size) // page) * page
        if low == 0:
            raise LoaderError(f"{program.path}: a segment at address 0 cannot be mapped")
        taken = low
        # Neighbouring segments may share a page: the later one adds its permissions there.
        while taken < end and not memory.is_free(taken, taken + page):
            shared = memory.perms_of(taken, page)
            memory.protect(taken, taken + page, _union(shared, segment.perms))
            taken += page
        if taken > low + page:
            raise LoaderError(f"{program.path}: segments overlap at {low + page:#x}")
        try:
            if taken < end:
                memory.add(taken, end - taken, segment.perms)
            memory.place(start, segment.data)
        except SyscallError as error:
            raise LoaderError(
                f"{program.path}: a segment of {segment.memory_size:#x} bytes at {start:#x} "
                "does not fit in the user address space"
            ) from error


def _union(a: str, b: str) -> str:
    return "".join(c for c in "rwx" if c in a or c in b)


def _build_stack(
    program: Program,
    memory: GuestMemory,
    argv: Sequence[bytes],
    env: Mapping[bytes, bytes],
    bias: int,
    base: int,
) -> int:
    abi = memory.abi
    top = abi.user_top - abi.page_size
    memory.add(top - STACK_SIZE, STACK_SIZE, "rw")
    blob = bytearray()
    where: list[int] = []
    texts = [*argv, *(k + b"=" + v for k, v in env.items()), os.fsencode(program.path)]
    total = sum(len(t) + 1 for t in texts)
    if total > STACK_SIZE // 4:
        raise LoaderError(f"arguments and environment of {total} bytes do not fit on the stack")
    cursor = top - total
    for text in texts:
        where.append(cursor + len(blob))
        blob += text + b"\0"
    memory.store(cursor, bytes(blob))
    random_at = (cursor - 16) & ~15
    memory.store(random_at, os.urandom(16))
    uid, gid = _ids()
    auxv = {
        AT_PHDR: program.phdr_address + bias,
        AT_PHENT: program.phdr_size,
        AT_PHNUM: program.phdr_count if program.phdr_address else 0,
        AT_PAGESZ: abi.page_size,
        AT_BASE: base,
        AT_FLAGS: 0,
        AT_ENTRY: program.entry + bias,
        AT_UID: uid,
        AT_EUID: uid,
        AT_GID: gid,
        AT_EGID: gid,
        AT_HWCAP: abi.hwcap,
        AT_CLKTCK: 100,
        AT_SECURE: 0,
        AT_RANDOM: random_at,
        AT_EXECFN: where[-1],
    }
    words = [len(argv), *where[: len(argv)], 0, *where[len(argv) : -1], 0]
    for key, value in auxv.items():
        words += [key, value]
    words += [0, 0]
    sp = (random_at - len(words) * abi.word) & ~15
    memory.store(sp, struct.pack(f"{abi.order}{len(words)}{'Q' if abi.word == 8 else 'I'}", *words))
    return sp


def _ids() -> tuple[int, int]:
    return getattr(os, "getuid", lambda: 0)(), getattr(os, "getgid", lambda: 0)()
