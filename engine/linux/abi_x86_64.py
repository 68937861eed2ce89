"""Linux on x86-64: numbers, registers, structures, signal frame, the call that sets the TLS base.

Source: arch/x86/entry/syscalls/syscall_64.tbl, arch/x86/include/uapi/asm/{stat,sigcontext,ucontext,
prctl}.h, the System V psABI for AMD64.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .abi import Abi, SyscallError
from .calls import syscall

if TYPE_CHECKING:
    from .process import Process

SYSCALLS = {
    0: "read", 1: "write", 3: "close", 5: "fstat", 8: "lseek", 9: "mmap", 10: "mprotect",
    11: "munmap", 12: "brk", 13: "rt_sigaction", 14: "rt_sigprocmask", 15: "rt_sigreturn",
    16: "ioctl", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 24: "sched_yield",
    25: "mremap", 28: "madvise", 32: "dup", 35: "nanosleep", 39: "getpid", 60: "exit",
    62: "kill", 63: "uname", 72: "fcntl", 74: "fsync", 75: "fdatasync", 77: "ftruncate",
    79: "getcwd", 80: "chdir", 95: "umask", 96: "gettimeofday", 98: "getrusage", 99: "sysinfo",
    100: "times", 102: "getuid", 104: "getgid", 107: "geteuid", 108: "getegid", 110: "getppid",
    127: "rt_sigpending", 131: "sigaltstack", 158: "arch_prctl", 186: "gettid", 200: "tkill",
    202: "futex", 204: "sched_getaffinity", 217: "getdents64", 218: "set_tid_address",
    228: "clock_gettime", 229: "clock_getres", 230: "clock_nanosleep", 231: "exit_group",
    234: "tgkill", 257: "openat", 258: "mkdirat", 262: "newfstatat", 263: "unlinkat",
    267: "readlinkat", 269: "faccessat", 273: "set_robust_list", 292: "dup3", 293: "pipe2",
    302: "prlimit64", 316: "renameat2", 318: "getrandom", 439: "faccessat2",
}  # fmt: skip

# Registers of struct sigcontext_64, in its order; then eflags, selectors, error, trap, mask, cr2.
_SAVED = ("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx",
          "rax", "rcx", "rsp", "rip")  # fmt: skip
_UC_STACK = struct.Struct("<QQQiiQ")  # flags, link, sp, flags, padding, size
_REGS = struct.Struct("<17Q Q 4H 4Q Q 8Q")
_MASK = _UC_STACK.size + _REGS.size
_UCONTEXT = _MASK + 8
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


def _push(process: Process, signo: int, siginfo: bytes, action: Any) -> None:
    regs = process.emu.regs
    sp = process.signals.stack_for(action, regs["rsp"])
    if sp == regs["rsp"]:
        sp -= _RED_ZONE
    size = 8 + _UCONTEXT + 128
    frame = (sp - size & ~15) - 8
    flags, base, stack_size = process.signals.altstack(regs["rsp"])
    uc = _UC_STACK.pack(0, 0, base, flags, 0, stack_size)
    uc += _REGS.pack(*regs.read_many(_SAVED), regs["rflags"], 0x33, 0, 0, 0x2B, *[0] * 13)
    uc += struct.pack("<Q", process.signals.mask)
    process.memory.store(frame, struct.pack("<Q", process.sigreturn_address) + uc
                         + siginfo.ljust(128, b"\0"))
    regs.write_many({"rsp": frame, "rdi": signo, "rsi": frame + 8 + _UCONTEXT, "rdx": frame + 8,
                     "rax": 0, "rip": action.handler})


def _pop(process: Process) -> None:
    regs = process.emu.regs
    uc = regs["rsp"]
    load = process.memory.load
    (process.signals.mask,) = struct.unpack("<Q", load(uc + _MASK, 8))
    values = _REGS.unpack(load(uc + _UC_STACK.size, _REGS.size))
    regs.write_many({**dict(zip(_SAVED, values[:17], strict=True)), "rflags": values[17]})


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
    fault_signals={0: ("SIGFPE", 1), 1: ("SIGTRAP", 2), 3: ("SIGTRAP", 128), 4: ("SIGSEGV", 128),
                   5: ("SIGSEGV", 128), 13: ("SIGSEGV", 128), 17: ("SIGBUS", 1)},
    sigreturn_code=bytes.fromhex("b80f0000000f05"),  # mov eax, 15; syscall
    push_signal_frame=_push,
    pop_signal_frame=_pop,
)  # fmt: skip
