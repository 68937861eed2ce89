"""What an architecture of unicorn is to this engine: one `Arch` each.

What lives here: modes, register ids as registers of a guest, numbers and kinds of exceptions, CPU
models. What does not: the numbers of the constants (tables.py), how registers are read
(_core/api/ucregs.pyx). Who calls it: unicorn_py3/unicorn.py.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine._core.api import guest_names
from engine.unicorn.tables import constants

GUESTS = frozenset(guest_names())
# Kinds of registers: SLOT_* of _core/api/ucregs.pxd.
WORD, PART, WIDE, FLOAT, TABLE, NUMBERED, STACK = 1, 2, 3, 4, 5, 6, 8
# What an exception is to hooks: TRAP_* of ucregs.pxd.
FAULT, AFTER, INVALID, CALL = 0, 1, 2, 3
# What a rarer hook is made of: SPECIAL_* of uchooks.pyx.
ON_BLOCK, BEFORE, INSTEAD, ON_CALL = 0, 1, 2, 3

# (kind, names of the guest's register: the first there is; TABLE and STACK: all of them; shift,
# bits). Bits 0: all of the register.
Row = tuple[int, tuple[str, ...], int, int]


class Arch(NamedTuple):
    """An architecture of unicorn."""

    module: str                             # of its constants
    natives: dict[int, str]                 # mode bits -> the engine's name of the guest
    modes: int                              # all mode bits that are understood
    default_model: dict[int, int]           # mode bits -> UC_CPU_*
    n_cpus: int                             # UC_CPU_*_ENDING
    # mode bits -> UC_CPU_* -> options of Emulator; what is not there has everything
    cpus: dict[int, dict[int, dict[str, Any]]]
    traps: dict[int, tuple[int, int]]       # exception -> (what it is, number that hooks get)
    reset: tuple[tuple[str, int], ...]      # registers that unicorn resets to other values
    saved: tuple[str, ...]                  # registers that contexts hold; (): all
    subtractions: tuple[str, ...]           # mnemonics that UC_TCG_OP_SUB reports
    insns: dict[int, tuple[int, Any]]       # UC_*_INS_* -> (what its hook is made of, of which)
    make_rows: Callable[[str], dict[int, Row]]

    def mode_bits(self, mode: int) -> int | None:
        """The bits of a mode that choose the guest; None: there is no such mode."""
        if mode & ~self.modes:
            return None
        return next((bits for bits in self.natives if mode & bits), None)

    def supported(self) -> bool:
        """Whether this engine has a guest for it."""
        return any(name in GUESTS for name in self.natives.values())

    def rows(self, native: str) -> dict[int, Row]:
        """Register id -> what it is in a guest of this architecture."""
        return self.make_rows(native)


def _ids(module: str, prefix: str) -> dict[str, int]:
    return {name[len(prefix):]: number for name, number in constants(module).items()
            if name.startswith(prefix) and not name.endswith(("_INVALID", "_ENDING"))}


def _riscv(native: str) -> dict[int, Row]:
    # Both have the ISA manual's names.
    return {number: (WORD, (name.lower(),), 0, 0)
            for name, number in _ids("riscv", "UC_RISCV_REG_").items()}


def _x86(native: str) -> dict[int, Row]:
    rows: dict[str, Row] = {}
    wide = native == "x86_64"
    for name in ("ax", "bx", "cx", "dx", "sp", "bp", "si", "di"):
        whole = ("r" + name,)
        rows["e" + name] = (PART, whole, 0, 32)
        rows[name] = (PART, whole, 0, 16)
        if wide:
            rows["r" + name] = (WORD, whole, 0, 0)
        if name[1] == "x":
            rows[name[0] + "l"] = (PART, whole, 0, 8)
            rows[name[0] + "h"] = (PART, whole, 8, 8)
        elif wide:
            rows[name + "l"] = (PART, whole, 0, 8)
    for index in range(8, 16) if wide else ():
        rows[f"r{index}"] = (WORD, (f"r{index}",), 0, 0)
        for suffix, bits in (("d", 32), ("w", 16), ("b", 8)):
            rows[f"r{index}{suffix}"] = (PART, (f"r{index}",), 0, bits)
    rows |= {"eip": (WORD, ("eip",), 0, 32), "ip": (WORD, ("ip",), 0, 16),
             "eflags": (PART, ("rflags",), 0, 32), "flags": (PART, ("rflags",), 0, 16)}
    if wide:
        rows |= {"rip": (WORD, ("pc",), 0, 64), "rflags": (WORD, ("rflags",), 0, 64),
                 "cr8": (WORD, ("cr8",), 0, 0)}
    for name in (*_SEGMENTS, "fpsw", "fpcw", "fptag"):
        rows[name] = (WORD, ({"fpsw": "fsw", "fpcw": "fcw", "fptag": "ftw"}.get(name, name),), 0,
                      16)
    for name in ("fs_base", "gs_base", "mxcsr", "fip", "fcs", "fdp", "fds", "fop",
                 *(f"{kind}{index}" for kind in ("cr", "dr") for index in range(8))):
        rows[name] = (WORD, (name,), 0, 0)
    for index in range(8):
        rows[f"mm{index}"] = (PART, (f"fpr{index}",), 0, 64)
        rows[f"fp{index}"] = (FLOAT, (f"fpr{index}",), 0, 80)
        rows[f"st{index}"] = (STACK, ("fpr0", "fsw"), index, 64)
    for index in range(16 if wide else 8):
        rows[f"xmm{index}"] = (WIDE, (f"ymm{index}",), 0, 128)
        rows[f"ymm{index}"] = (WIDE, (f"ymm{index}",), 0, 256)
    for name, native, selector in (("gdtr", "gdt", ""), ("idtr", "idt", ""),
                                   ("ldtr", "ldt", "ldtr"), ("tr", "tr", "tr")):
        rows[name] = (TABLE, (selector, f"{native}_base", f"{native}_limit", f"{native}_attr"), 0,
                      0)
    rows["msr"] = (NUMBERED, (), 0, 64)
    ids = _ids("x86", "UC_X86_REG_")
    return {number: rows[name.lower()] for name, number in ids.items() if name.lower() in rows}


def _riscv_cpu(letters: str) -> dict[str, Any]:
    return {"features": [*letters, "zicsr", "zifencei"]}


# ANY, BASE, SiFive's E31 and E51 (FU540 manual: RV64IMAC, machine and user mode), U34 and U54
# (RV64GC, all modes).
_RISCV_CPUS: dict[int, dict[str, Any]] = {0: {}, 1: _riscv_cpu(""), 2: _riscv_cpu("macu"),
                                          3: _riscv_cpu("mafdcsu")}

# Privileged ISA, table 14: 2 illegal instruction, 3 breakpoint, 8 to 11 environment calls.
# Unicorn's hooks see calls from every level as 8, and breakpoints as invalid instructions.
_RISCV = Arch(
    module="riscv", natives={4: "riscv32", 8: "riscv64"}, modes=12,
    default_model={4: 3, 8: 3}, n_cpus=4, cpus={4: _RISCV_CPUS, 8: _RISCV_CPUS},
    traps={2: (AFTER, 2), 3: (INVALID, 3), 8: (AFTER, 8), 9: (AFTER, 8), 11: (AFTER, 8)},
    reset=(("pc", 0x1000),), saved=(),
    subtractions=("sub", "subw", "c.sub", "c.subw"), insns={}, make_rows=_riscv)

_SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs")
_SYSTEM = ("cr0", "cr2", "cr3", "cr4", "cr8", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "efer",
           "xcr0", "gdt_base", "gdt_limit", "idt_base", "idt_limit", "ldtr", "ldt_base",
           "ldt_limit", "tr", "tr_base", "tr_limit", "star", "lstar", "cstar", "fmask",
           "kernel_gs_base", "sysenter_cs", "sysenter_esp", "sysenter_eip", "tsc_aux", "pat",
           "apic_base", "misc_enable")
# UC_CPU_X86_*: those that the engine has under the same name, and Conroe, which is a Core 2.
_X86_OLD = {7: {"model": "486"}, 8: {"model": "pentium"}, 9: {"model": "pentium2"},
            10: {"model": "pentium3"}}
_X86_64_BIT = {2: {"model": "core2"}, 13: {"model": "core2"}, 15: {"model": "nehalem"},
               19: {"model": "haswell"}}
IN, OUT = 218, 500                          # UC_X86_INS_*
_SYSCALL, _SYSENTER = 699, 700

# SDM volume 3, table 6-1: 3 and 4 are traps. From 0x100 on the engine's own: SYSCALL, SYSENTER,
# INT n (isa/x86/defs.pxd). No register is named twice in `saved`: each would undo the other.
_X86 = Arch(
    module="x86", natives={2: "x86_16", 4: "i386", 8: "x86_64"}, modes=14,
    default_model={2: 19, 4: 19, 8: 19}, n_cpus=38,
    cpus={2: _X86_OLD | _X86_64_BIT, 4: _X86_OLD | _X86_64_BIT, 8: _X86_64_BIT},
    traps={1: (AFTER, 1), 3: (AFTER, 3), 4: (AFTER, 4), 6: (INVALID, 6),
           0x100: (CALL, _SYSCALL), 0x101: (CALL, _SYSENTER),
           **{0x200 + number: (AFTER, number) for number in range(256)}},
    reset=(("rflags", 2), *((name, 0) for name in _SEGMENTS)),
    saved=("rax", "rbx", "rcx", "rdx", "rsp", "rbp", "rsi", "rdi",
           *(f"r{index}" for index in range(8, 16)), "rflags", *_SEGMENTS,
           *(f"{name}_{part}" for name in _SEGMENTS for part in ("base", "limit", "attr")), "cpl",
           "pc", *_SYSTEM, "fsw", "fcw", "ftw", "mxcsr",
           *(f"ymm{index}" for index in range(16)), *(f"fpr{index}" for index in range(8))),
    subtractions=("sub",),
    insns={_SYSCALL: (ON_CALL, _SYSCALL), _SYSENTER: (ON_CALL, _SYSENTER),
           113: (INSTEAD, ("cpuid",)), 608: (INSTEAD, ("rdtsc",)), 609: (INSTEAD, ("rdtscp",)),
           IN: (ON_CALL, IN), OUT: (ON_CALL, OUT)},
    make_rows=_x86)

ARCHES = {8: _RISCV, 4: _X86}
KNOWN = range(1, 11)                        # UC_ARCH_* that unicorn has
