"""Linux on x86-64: numbers, registers, structures, signal frame, the call that sets the TLS base.

Source: arch/x86/entry/syscalls/syscall_64.tbl, arch/x86/include/uapi/asm/{stat,sigcontext,ucontext,
prctl}.h, the System V psABI for AMD64.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .abi import Abi, SyscallError
from .abi_x86 import FAULT_SIGNALS, FLAGS, FP_SIZE, load_fp, save_fp
from .calls import syscall

if TYPE_CHECKING:
    from .process import Process
    from .signals import Action

SYSCALLS = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 6: "lstat", 7: "poll",
    8: "lseek", 9: "mmap", 10: "mprotect", 11: "munmap", 12: "brk", 13: "rt_sigaction",
    14: "rt_sigprocmask", 15: "rt_sigreturn", 16: "ioctl", 17: "pread64", 18: "pwrite64",
    19: "readv", 20: "writev", 21: "access", 22: "pipe", 23: "select", 24: "sched_yield",
    25: "mremap", 28: "madvise", 32: "dup", 33: "dup2", 34: "pause", 35: "nanosleep",
    39: "getpid", 40: "sendfile", 56: "clone", 57: "fork", 58: "vfork", 59: "execve", 60: "exit",
    61: "wait4", 62: "kill", 63: "uname", 72: "fcntl", 74: "fsync", 75: "fdatasync",
    76: "truncate", 77: "ftruncate", 79: "getcwd", 80: "chdir", 81: "fchdir", 82: "rename",
    83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
    89: "readlink", 90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown", 94: "lchown",
    95: "umask", 96: "gettimeofday", 97: "getrlimit", 98: "getrusage", 99: "sysinfo",
    100: "times", 102: "getuid", 104: "getgid", 107: "geteuid", 108: "getegid", 109: "setpgid",
    110: "getppid", 111: "getpgrp", 112: "setsid", 115: "getgroups", 121: "getpgid",
    124: "getsid", 127: "rt_sigpending", 130: "rt_sigsuspend", 131: "sigaltstack",
    137: "statfs", 138: "fstatfs", 157: "prctl", 158: "arch_prctl", 162: "sync", 186: "gettid",
    200: "tkill", 201: "time", 202: "futex", 204: "sched_getaffinity", 205: "set_thread_area",
    217: "getdents64", 218: "set_tid_address", 221: "fadvise64", 228: "clock_gettime",
    229: "clock_getres", 230: "clock_nanosleep", 231: "exit_group", 234: "tgkill",
    257: "openat", 258: "mkdirat", 260: "fchownat", 262: "newfstatat", 263: "unlinkat",
    264: "renameat", 265: "linkat", 266: "symlinkat", 267: "readlinkat", 268: "fchmodat",
    269: "faccessat", 270: "pselect6", 271: "ppoll", 273: "set_robust_list", 280: "utimensat",
    292: "dup3", 293: "pipe2", 302: "prlimit64", 316: "renameat2", 318: "getrandom",
    326: "copy_file_range", 332: "statx", 334: "rseq", 435: "clone3", 439: "faccessat2",
}  # fmt: skip

# Registers of struct sigcontext_64, in its order; then eflags, selectors, error, trap, mask, cr2.
_SAVED = ("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx",
          "rax", "rcx", "rsp", "rip")  # fmt: skip
_UC_STACK = struct.Struct("<QQQiiQ")  # flags, link, sp, flags, padding, size
_REGS = struct.Struct("<17Q Q 4H 4Q Q 8Q")  # ... oldmask, cr2, fpstate, reserved
_MASK = _UC_STACK.size + _REGS.size
_UCONTEXT = _MASK + 8
_FP_POINTER = 26  # index in _REGS
_UC_FP_XSTATE = 1
_RED_ZONE = 128
_ARCH_SET_GS, _ARCH_SET_FS, _ARCH_GET_FS, _ARCH_GET_GS = 0x1001, 0x1002, 0x1003, 0x1004


@syscall
def sys_arch_prctl(process: Process, code: int, address: int) -> int:
    """Sets or stores the base of FS or GS."""
    name = "fs_base" if code in (_ARCH_SET_FS, _ARCH_GET_FS) else "gs_base"
    if code in (_ARCH_GET_FS, _ARCH_GET_GS):
        process.memory.store(address, struct.pack("<Q", process.emu.regs[name]))
    elif code in (_ARCH_SET_FS, _ARCH_SET_GS):
        if address >> 47:
            raise SyscallError("EPERM")
        process.emu.regs[name] = address
    else:
        raise SyscallError("EINVAL")
    return 0


def _push(process: Process, signo: int, siginfo: bytes, action: Action) -> None:
    regs = process.emu.regs
    sp = process.signals.stack_for(action, regs["rsp"])
    if sp == regs["rsp"]:
        sp -= _RED_ZONE
    fp = (sp - FP_SIZE) & ~63
    frame = ((fp - 8 - _UCONTEXT - 128) & ~15) - 8
    flags, base, stack_size = process.signals.altstack(regs["rsp"])
    uc = _UC_STACK.pack(_UC_FP_XSTATE, 0, base, flags, 0, stack_size)
    uc += _REGS.pack(*regs.read_many(_SAVED), regs["rflags"], regs["cs"], 0, 0, regs["ss"],
                     0, 0, process.signals.mask, 0, fp, *[0] * 8)  # fmt: skip
    uc += struct.pack("<Q", process.signals.mask)
    process.memory.store(fp, save_fp(regs, 16))
    back = struct.pack("<Q", process.sigreturn_address)
    process.memory.store(frame, back + uc + siginfo.ljust(128, b"\0"))
    regs.write_many({"rsp": frame, "rdi": signo, "rsi": frame + 8 + _UCONTEXT, "rdx": frame + 8,
                     "rax": 0, "rip": action.handler,
                     "rflags": regs["rflags"] & ~0x500})  # fmt: skip


def _pop(process: Process) -> None:
    """The return address is gone from the stack."""
    regs = process.emu.regs
    uc = regs["rsp"]
    load = process.memory.load
    (process.signals.mask,) = struct.unpack("<Q", load(uc + _MASK, 8))
    values = _REGS.unpack(load(uc + _UC_STACK.size, _REGS.size))
    state = dict(zip(_SAVED, values[:17], strict=True))
    state["rflags"] = regs["rflags"] & ~FLAGS | values[17] & FLAGS
    if values[_FP_POINTER]:
        state |= load_fp(load(values[_FP_POINTER], FP_SIZE), 16)
    regs.write_many(state)


X86_64 = Abi(
    arch="x86_64",
    machine=62,  # EM_X86_64
    elf_class=64,
    uname="x86_64",
    big_endian=False,
    number_register="rax",
    argument_registers=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    result_register="rax",
    stack_pointer="rsp",
    syscall_exception=0x100,  # SYSCALL
    syscall_size=2,
    syscalls=SYSCALLS,
    user_top=1 << 47,
    page_size=4096,
    hwcap=0,
    stat=struct.Struct("<QQQIIIIQqqqqQqQqQqqq"),
    stat_fields=(
        "st_dev", "st_ino", "st_nlink", "st_mode", "st_uid", "st_gid", "", "st_rdev",
        "st_size", "st_blksize", "st_blocks", "atime_s", "atime_ns", "mtime_s", "mtime_ns",
        "ctime_s", "ctime_ns", "", "", "",
    ),
    fault_signals=FAULT_SIGNALS,
    sigaction=struct.Struct("<QQQQ"),
    sigreturn_code=bytes.fromhex("b80f0000000f05"),  # mov eax, 15; syscall
    push_signal_frame=_push,
    pop_signal_frame=_pop,
    clone_tls_last=True,
)  # fmt: skip
