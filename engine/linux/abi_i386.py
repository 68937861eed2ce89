"""Linux on i386: numbers, registers, structures, signal frame, the call that sets the TLS segment.

Lives here: calls that only this ABI has because its registers hold 32 bits (a file offset takes
two). Source: arch/x86/entry/syscalls/syscall_32.tbl, arch/x86/include/uapi/asm/{stat,sigcontext,
ucontext,ldt}.h, the System V psABI for Intel386.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from .abi import Abi, SyscallError
from .abi_x86 import FAULT_SIGNALS, FLAGS, FP_SIZE, fsave, load_fp, save_fp
from .calls import signed, syscall
from .calls_children import sys_wait4
from .calls_files import path_of, seek, sys_pread64, sys_pwrite64
from .calls_memory import sys_mmap

if TYPE_CHECKING:
    from .process import Process
    from .signals import Action

SYSCALLS = {
    1: "exit", 2: "fork", 3: "read", 4: "write", 5: "open", 6: "close", 7: "waitpid", 8: "creat",
    9: "link", 10: "unlink", 11: "execve", 12: "chdir", 13: "time", 15: "chmod", 19: "lseek",
    20: "getpid", 24: "getuid", 29: "pause", 33: "access", 36: "sync", 37: "kill", 38: "rename",
    39: "mkdir", 40: "rmdir", 41: "dup", 42: "pipe", 43: "times", 45: "brk", 47: "getgid",
    49: "geteuid", 50: "getegid", 54: "ioctl", 55: "fcntl", 57: "setpgid", 60: "umask",
    63: "dup2", 64: "getppid", 65: "getpgrp", 66: "setsid", 76: "getrlimit", 77: "getrusage",
    78: "gettimeofday", 83: "symlink", 85: "readlink", 90: "mmap_structure", 91: "munmap",
    92: "truncate", 93: "ftruncate", 94: "fchmod", 99: "statfs", 100: "fstatfs",
    102: "socketcall", 114: "wait4", 116: "sysinfo", 118: "fsync", 120: "clone", 122: "uname",
    125: "mprotect", 132: "getpgid", 133: "fchdir", 140: "llseek", 142: "select", 145: "readv",
    146: "writev", 147: "getsid", 148: "fdatasync", 158: "sched_yield", 162: "nanosleep",
    163: "mremap", 168: "poll", 172: "prctl", 173: "rt_sigreturn", 174: "rt_sigaction",
    175: "rt_sigprocmask", 176: "rt_sigpending", 179: "rt_sigsuspend", 180: "pread64_pair",
    181: "pwrite64_pair", 183: "getcwd", 186: "sigaltstack", 187: "sendfile", 190: "vfork",
    191: "getrlimit", 192: "mmap2", 193: "truncate_pair", 194: "ftruncate_pair", 195: "stat",
    196: "lstat", 197: "fstat", 198: "lchown", 199: "getuid", 200: "getgid", 201: "geteuid",
    202: "getegid", 205: "getgroups", 207: "fchown", 212: "chown", 219: "madvise",
    220: "getdents64", 221: "fcntl", 224: "gettid", 238: "tkill", 239: "sendfile",
    240: "futex", 242: "sched_getaffinity", 243: "set_thread_area", 244: "get_thread_area",
    250: "fadvise64", 252: "exit_group", 258: "set_tid_address", 265: "clock_gettime",
    266: "clock_getres", 267: "clock_nanosleep", 268: "statfs64", 269: "fstatfs64",
    270: "tgkill", 272: "fadvise64",
    295: "openat", 296: "mkdirat", 298: "fchownat", 300: "newfstatat", 301: "unlinkat",
    302: "renameat", 303: "linkat", 304: "symlinkat", 305: "readlinkat", 306: "fchmodat",
    307: "faccessat", 308: "pselect6", 309: "ppoll", 311: "set_robust_list", 320: "utimensat",
    330: "dup3", 331: "pipe2", 340: "prlimit64", 353: "renameat2", 355: "getrandom",
    377: "copy_file_range", 383: "statx", 384: "arch_prctl", 386: "rseq",
    403: "clock_gettime64", 406: "clock_getres_time64", 407: "clock_nanosleep_time64",
    412: "utimensat_time64", 413: "pselect6_time64", 414: "ppoll_time64", 422: "futex_time64",
    435: "clone3", 439: "faccessat2",
}  # fmt: skip

_TLS_ENTRIES = range(12, 15)  # entries of the GDT that set_thread_area gives out
_USER_DESC = struct.Struct("<4I")

# struct sigcontext_32: selectors, then registers in this order, trap, error, ip ...
_SELECTORS = ("gs", "fs", "es", "ds")
_SAVED = ("edi", "esi", "ebp", "esp", "ebx", "edx", "ecx", "eax")
_REGS = struct.Struct("<4I 8I 2I I I I I I I I I")
_UC_STACK = struct.Struct("<IIIiI")  # flags, link, sp, flags, size
_FSAVE = 112  # with status and the magic that says that FXSAVE follows


@syscall
def sys_set_thread_area(p: Process, address: int) -> None:
    """One of three segments; GS is the one that the C library loads next, with its selector."""
    entry, base, limit, flags = _USER_DESC.unpack(p.memory.load(address, _USER_DESC.size))
    if entry == 0xFFFFFFFF:
        free = [n for n in _TLS_ENTRIES if n not in p.tls_segments]
        if not free:
            raise SyscallError("ESRCH")
        entry = free[0]
        p.memory.store(address, struct.pack("<I", entry))
    elif entry not in _TLS_ENTRIES:
        raise SyscallError("EINVAL")
    p.tls_segments[entry] = (base, limit, flags)
    p.emu.regs["gs_base"] = base


@syscall
def sys_get_thread_area(p: Process, address: int) -> None:
    (entry,) = struct.unpack("<I", p.memory.load(address, 4))
    if entry not in _TLS_ENTRIES:
        raise SyscallError("EINVAL")
    values = p.tls_segments.get(entry, (0, 0, 0x28))  # 0x28: empty, not present
    p.memory.store(address, _USER_DESC.pack(entry, *values))


# -- 64-bit numbers in two registers, low half first


@syscall
def sys_pread64_pair(p: Process, fd: int, buffer: int, count: int, low: int, high: int) -> int:
    return sys_pread64(p, fd, buffer, count, high << 32 | low)


@syscall
def sys_pwrite64_pair(p: Process, fd: int, buffer: int, count: int, low: int, high: int) -> int:
    return sys_pwrite64(p, fd, buffer, count, high << 32 | low)


@syscall
def sys_truncate_pair(p: Process, path: int, low: int, high: int) -> None:
    os.truncate(path_of(p, path), signed(high << 32 | low, 64))


@syscall
def sys_ftruncate_pair(p: Process, fd: int, low: int, high: int) -> None:
    os.ftruncate(p.files.get(signed(fd)).host, signed(high << 32 | low, 64))


@syscall
def sys_llseek(p: Process, fd: int, high: int, low: int, result: int, whence: int) -> None:
    p.memory.check(result, 8, "w")
    at = seek(p, fd, signed(high << 32 | low, 64), whence)
    p.memory.store(result, struct.pack("<Q", at))


@syscall
def sys_mmap2(
    p: Process, address: int, length: int, prot: int, flags: int, fd: int, pages: int
) -> int:
    return sys_mmap(p, address, length, prot, flags, fd, pages << 12)


@syscall
def sys_mmap_structure(p: Process, arguments: int) -> int:
    return sys_mmap(p, *struct.unpack("<6I", p.memory.load(arguments, 24)))


@syscall
def sys_waitpid(p: Process, pid: int, status: int, options: int) -> int:
    return sys_wait4(p, pid, status, options, 0)


def _push(process: Process, signo: int, siginfo: bytes, action: Action) -> None:
    """The frame with siginfo serves both kinds of handlers: the number is the first argument."""
    regs = process.emu.regs
    fp_image = save_fp(regs, 8)
    sp = process.signals.stack_for(action, regs["esp"])
    fx = (sp - FP_SIZE) & ~63
    fp = fx - _FSAVE
    flags, base, stack_size = process.signals.altstack(regs["esp"])
    uc = _UC_STACK.pack(1, 0, base, flags, stack_size)
    saved = regs.read_many(_SAVED)
    uc += _REGS.pack(*regs.read_many(_SELECTORS), *saved, 0, 0, regs["eip"], regs["cs"],
                     regs["eflags"], regs["esp"], regs["ss"], fp, process.signals.mask & 0xFFFFFFFF,
                     0)  # fmt: skip
    uc += struct.pack("<Q", process.signals.mask)
    info = siginfo.ljust(128, b"\0")
    frame = ((fp - 16 - len(info) - len(uc)) & ~15) - 4
    head = (process.sigreturn_address, signo, frame + 16, frame + 16 + len(info))
    process.memory.store(fp, fsave(fp_image) + struct.pack("<I", regs["fsw"]) + fp_image)
    process.memory.store(frame, struct.pack("<4I", *head) + info + uc)
    regs.write_many({"esp": frame, "eax": signo, "edx": frame + 16, "ecx": head[3],
                     "eip": action.handler, "eflags": regs["eflags"] & ~0x500})  # fmt: skip


def _pop(process: Process) -> None:
    """The return address is gone from the stack; the number is on top."""
    regs = process.emu.regs
    load = process.memory.load
    (uc,) = struct.unpack("<I", load(regs["esp"] + 8, 4))
    values = _REGS.unpack(load(uc + _UC_STACK.size, _REGS.size))
    (process.signals.mask,) = struct.unpack("<Q", load(uc + _UC_STACK.size + _REGS.size, 8))
    state = dict(zip(_SAVED, values[4:12], strict=True))
    state["eip"] = values[14]
    state["eflags"] = regs["eflags"] & ~FLAGS | values[16] & FLAGS
    if values[19]:
        state |= load_fp(load(values[19] + _FSAVE, FP_SIZE), 8)
    regs.write_many(state)


I386 = Abi(
    arch="i386",
    machine=3,  # EM_386
    elf_class=32,
    uname="i686",
    big_endian=False,
    number_register="eax",
    argument_registers=("ebx", "ecx", "edx", "esi", "edi", "ebp"),
    result_register="eax",
    stack_pointer="esp",
    syscall_exception=0x280,  # INT 0x80
    syscall_size=2,
    syscalls=SYSCALLS,
    user_top=0xC0000000,
    page_size=4096,
    hwcap=0,
    stat=struct.Struct("<Q4xIIIIIQ4xqIQiIiIiIQ"),
    stat_fields=(
        "st_dev", "ino_low", "st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "st_size",
        "st_blksize", "st_blocks", "atime_s", "atime_ns", "mtime_s", "mtime_ns", "ctime_s",
        "ctime_ns", "st_ino",
    ),
    fault_signals={n: s for n, s in FAULT_SIGNALS.items() if n != 0x280},
    sigaction=struct.Struct("<IIIQ"),
    sigreturn_code=bytes.fromhex("b8ad000000cd80"),  # mov eax, 173; int 0x80
    push_signal_frame=_push,
    pop_signal_frame=_pop,
)  # fmt: skip
