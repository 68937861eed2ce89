"""Linux on riscv64: numbers, registers, structures, signal frame.

Source: include/uapi/asm-generic/unistd.h, the structure layouts of
arch/riscv/include/uapi/asm/{ucontext,sigcontext,ptrace}.h, the RISC-V psABI.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .abi import Abi

if TYPE_CHECKING:
    from .process import Process

# asm-generic numbers; every 64-bit architecture added after 2012 shares them.
GENERIC_SYSCALLS = {
    17: "getcwd", 23: "dup", 24: "dup3", 25: "fcntl", 29: "ioctl", 34: "mkdirat",
    35: "unlinkat", 36: "symlinkat", 37: "linkat", 38: "renameat", 43: "statfs", 44: "fstatfs",
    45: "truncate", 46: "ftruncate", 48: "faccessat", 49: "chdir", 50: "fchdir", 52: "fchmod",
    53: "fchmodat", 54: "fchownat", 55: "fchown", 56: "openat", 57: "close",
    59: "pipe2", 61: "getdents64", 62: "lseek", 63: "read", 64: "write", 65: "readv",
    66: "writev", 67: "pread64", 68: "pwrite64", 71: "sendfile", 72: "pselect6", 73: "ppoll",
    78: "readlinkat", 79: "newfstatat", 80: "fstat", 81: "sync", 82: "fsync", 83: "fdatasync",
    88: "utimensat", 93: "exit", 94: "exit_group",
    96: "set_tid_address", 98: "futex", 99: "set_robust_list", 101: "nanosleep",
    113: "clock_gettime", 114: "clock_getres", 115: "clock_nanosleep",
    123: "sched_getaffinity", 124: "sched_yield", 129: "kill", 130: "tkill", 131: "tgkill",
    132: "sigaltstack", 133: "rt_sigsuspend", 134: "rt_sigaction", 135: "rt_sigprocmask",
    136: "rt_sigpending", 139: "rt_sigreturn", 153: "times", 154: "setpgid", 155: "getpgid",
    156: "getsid", 157: "setsid", 158: "getgroups", 160: "uname", 163: "getrlimit",
    165: "getrusage", 166: "umask", 167: "prctl",
    169: "gettimeofday", 172: "getpid", 173: "getppid", 174: "getuid", 175: "geteuid",
    176: "getgid", 177: "getegid", 178: "gettid", 179: "sysinfo", 214: "brk", 215: "munmap",
    216: "mremap", 220: "clone", 221: "execve", 222: "mmap", 223: "fadvise64", 226: "mprotect",
    233: "madvise", 260: "wait4", 261: "prlimit64", 276: "renameat2", 278: "getrandom",
    285: "copy_file_range", 291: "statx", 293: "rseq", 435: "clone3", 439: "faccessat2",
}  # fmt: skip

GPRS = tuple(f"x{n}" for n in range(1, 32))
FPRS = tuple(f"f{n}" for n in range(32))

# ucontext: flags, link, stack (sp, flags, size), mask, padding to 1024 bits of mask, then the
# machine context at the next multiple of 16.
_SIGINFO = 128
_UC_STACK = struct.Struct("<QQQiiQ")
_UC_MASK = _UC_STACK.size
_MCONTEXT = 176  # 40 + 128 rounded up to 16
_REGS = struct.Struct("<32Q")
_FPREGS = struct.Struct("<32QI")
_FRAME = _SIGINFO + _MCONTEXT + _REGS.size + 528  # the FP union is sized for quad precision


def _hwcap() -> int:
    """AT_HWCAP: one bit a single-letter extension (misa's layout)."""
    return sum(1 << (ord(letter) - ord("A")) for letter in "IMAFDC")


def _push(process: Process, signo: int, siginfo: bytes, action: Any) -> None:
    regs = process.emu.regs
    sp = process.signals.stack_for(action, regs["sp"])
    frame = (sp - _FRAME) & ~15
    flags, base, size = process.signals.altstack(regs["sp"])
    uc = _UC_STACK.pack(0, 0, base, flags, 0, size)
    uc = (uc + struct.pack("<Q", process.signals.mask)).ljust(_MCONTEXT, b"\0")
    uc += _REGS.pack(regs["pc"], *regs.read_many(GPRS))
    uc += _FPREGS.pack(*regs.read_many(FPRS), regs["fcsr"])
    process.memory.store(frame, (siginfo.ljust(_SIGINFO, b"\0") + uc).ljust(_FRAME, b"\0"))
    regs.write_many(
        {
            "sp": frame,
            "a0": signo,
            "a1": frame,
            "a2": frame + _SIGINFO,
            "ra": process.sigreturn_address,
            "pc": action.handler,
        }
    )


def _pop(process: Process) -> None:
    regs = process.emu.regs
    uc = regs["sp"] + _SIGINFO
    load = process.memory.load
    (process.signals.mask,) = struct.unpack("<Q", load(uc + _UC_MASK, 8))
    values = _REGS.unpack(load(uc + _MCONTEXT, _REGS.size))
    floats = _FPREGS.unpack(load(uc + _MCONTEXT + _REGS.size, _FPREGS.size))
    state = dict(zip(GPRS, values[1:], strict=True))
    state.update(zip(FPRS, floats[:32], strict=True))
    state["fcsr"] = floats[32] & 0xFF
    state["pc"] = values[0]
    regs.write_many(state)


RISCV64 = Abi(
    arch="riscv64",
    machine=243,  # EM_RISCV
    elf_class=64,
    uname="riscv64",
    big_endian=False,
    number_register="a7",
    argument_registers=("a0", "a1", "a2", "a3", "a4", "a5"),
    result_register="a0",
    stack_pointer="sp",
    syscall_exception=8,  # environment call from U-mode
    syscall_size=4,
    syscalls=GENERIC_SYSCALLS | {258: "riscv_hwprobe", 259: "riscv_flush_icache"},
    user_top=1 << 38,  # half of Sv39
    page_size=4096,
    hwcap=_hwcap(),
    stat=struct.Struct("<QQIIIIQQqiiqqQqQqQII"),
    stat_fields=(
        "st_dev", "st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "",
        "st_size", "st_blksize", "", "st_blocks", "atime_s", "atime_ns", "mtime_s", "mtime_ns",
        "ctime_s", "ctime_ns", "", "",
    ),
    fault_signals={3: ("SIGTRAP", 1)},  # breakpoint: TRAP_BRKPT
    sigaction=struct.Struct("<QQQ"),
    sigreturn_code=bytes.fromhex("9308b008 73000000"),  # li a7, 139; ecall
    push_signal_frame=_push,
    pop_signal_frame=_pop,
)  # fmt: skip
