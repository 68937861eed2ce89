"""What an architecture of unicorn is to this engine: one `Arch` each.

What lives here: modes, register ids as registers of a guest, numbers and kinds of exceptions, CPU
models. What does not: the numbers of the constants (tables.py), how registers are read
(_core/api/uc.pyx). Who calls it: unicorn_py3/unicorn.py.
"""

from collections.abc import Callable
from typing import NamedTuple

from engine._core.api import guest_names
from engine.unicorn.tables import constants

GUESTS = frozenset(guest_names())
# Kinds of registers: SLOT_* of _core/api/uc.pxd.
WORD, PART, WIDE, FLOAT, TABLE, NUMBERED = 1, 2, 3, 4, 5, 6
# What an exception is to hooks: TRAP_* of uc.pyx.
FAULT, AFTER, INVALID = 0, 1, 2
LENGTH_SHORTEST, LENGTH_RISCV = 0, 1

# (kind, names of the guest's register: the first there is; TABLE: four registers; shift, bits).
# Bits 0: all of the register.
Row = tuple[int, tuple[str, ...], int, int]


class Arch(NamedTuple):
    """An architecture of unicorn."""

    module: str                             # of its constants
    natives: dict[int, str]                 # mode bits -> the engine's name of the guest
    modes: int                              # all mode bits that are understood
    default_model: dict[int, int]           # mode bits -> UC_CPU_*
    models: dict[int, int]                  # mode bits -> how many
    traps: dict[int, tuple[int, int]]       # exception -> (what it is, number that hooks get)
    length_rule: int
    reset_pc: int
    subtractions: tuple[str, ...]           # mnemonics that UC_TCG_OP_SUB reports
    make_rows: Callable[[], dict[int, Row]]

    def mode_bits(self, mode: int) -> int | None:
        """The bits of a mode that choose the guest; None: there is no such mode."""
        if mode & ~self.modes:
            return None
        return next((bits for bits in self.natives if mode & bits), None)

    def supported(self) -> bool:
        """Whether this engine has a guest for it."""
        return any(name in GUESTS for name in self.natives.values())

    def rows(self) -> dict[int, Row]:
        """Register id -> what it is in the guest. Made once."""
        if self.module not in _rows:
            _rows[self.module] = self.make_rows()
        return _rows[self.module]


_rows: dict[str, dict[int, Row]] = {}


def _ids(module: str, prefix: str) -> dict[str, int]:
    return {name[len(prefix):]: number for name, number in constants(module).items()
            if name.startswith(prefix) and not name.endswith(("_INVALID", "_ENDING"))}


def _riscv() -> dict[int, Row]:
    # Both have the ISA manual's names.
    return {number: (WORD, (name.lower(),), 0, 0)
            for name, number in _ids("riscv", "UC_RISCV_REG_").items()}


def _x86() -> dict[int, Row]:
    rows: dict[str, Row] = {}
    for legacy in ("ax", "bx", "cx", "dx"):
        whole = ("r" + legacy, "e" + legacy)
        rows["r" + legacy] = (WORD, whole, 0, 0)
        rows["e" + legacy] = (PART, whole, 0, 32)
        rows[legacy] = (PART, whole, 0, 16)
        rows[legacy[0] + "l"] = (PART, whole, 0, 8)
        rows[legacy[0] + "h"] = (PART, whole, 8, 8)
    for legacy in ("sp", "bp", "si", "di"):
        whole = ("r" + legacy, "e" + legacy)
        rows["r" + legacy] = (WORD, whole, 0, 0)
        rows["e" + legacy] = (PART, whole, 0, 32)
        rows[legacy] = (PART, whole, 0, 16)
        rows[legacy + "l"] = (PART, whole, 0, 8)
    for index in range(8, 16):
        rows[f"r{index}"] = (WORD, (f"r{index}",), 0, 0)
        for suffix, bits in (("d", 32), ("w", 16), ("b", 8)):
            rows[f"r{index}{suffix}"] = (PART, (f"r{index}",), 0, bits)
    rows |= {name: (WORD, ("pc",), 0, bits)
             for name, bits in (("rip", 64), ("eip", 32), ("ip", 16))}
    for name, bits in (("rflags", 64), ("eflags", 32), ("flags", 16)):
        rows[name] = (PART, ("rflags", "eflags"), 0, bits)
    for name in ("cs", "ds", "es", "fs", "gs", "ss"):
        rows[name] = (WORD, (name,), 0, 16)
    for name in ("fs_base", "gs_base", "mxcsr", "fip", "fcs", "fdp", "fds", "fop"):
        rows[name] = (WORD, (name,), 0, 0)
    for name, native in (("fpsw", ("fpsw", "fstat")), ("fpcw", ("fpcw", "fctrl")),
                         ("fptag", ("fptag", "ftag"))):
        rows[name] = (WORD, native, 0, 16)
    for index in range(16):
        rows[f"cr{index}"] = (WORD, (f"cr{index}",), 0, 0)
        rows[f"dr{index}"] = (WORD, (f"dr{index}",), 0, 0)
    for index in range(8):
        rows[f"k{index}"] = (WORD, (f"k{index}",), 0, 0)
        rows[f"mm{index}"] = (PART, (f"mm{index}", f"fpr{index}"), 0, 64)
        rows[f"st{index}"] = (PART, (f"st{index}",), 0, 64)
        rows[f"fp{index}"] = (FLOAT, (f"fpr{index}", f"fp{index}", f"st{index}"), 0, 80)
    for index in range(32):
        vector = tuple(f"{kind}{index}" for kind in ("zmm", "ymm", "xmm"))
        rows[f"xmm{index}"] = (WIDE, (f"xmm{index}", *vector[:2]), 0, 128)
        rows[f"ymm{index}"] = (WIDE, vector[1:], 0, 256)
        rows[f"zmm{index}"] = (WIDE, vector[:1], 0, 512)
    for name in ("gdtr", "idtr", "ldtr", "tr"):
        rows[name] = (TABLE, (f"{name}_selector", f"{name}_base", f"{name}_limit",
                              f"{name}_flags"), 0, 0)
    rows["msr"] = (NUMBERED, (), 0, 64)
    ids = _ids("x86", "UC_X86_REG_")
    return {ids[name.upper()]: row for name, row in rows.items() if name.upper() in ids}


# Privileged ISA, table 14: 2 illegal instruction, 3 breakpoint, 8 to 11 environment calls.
# Unicorn's hooks see calls from every level as 8, and breakpoints as invalid instructions.
_RISCV = Arch(
    module="riscv", natives={4: "riscv32", 8: "riscv64"}, modes=12,
    default_model={4: 3, 8: 3}, models={4: 4, 8: 4},
    traps={2: (AFTER, 2), 3: (INVALID, 3), 8: (AFTER, 8), 9: (AFTER, 8), 11: (AFTER, 8)},
    length_rule=LENGTH_RISCV, reset_pc=0x1000, subtractions=("sub", "subw", "c.sub", "c.subw"),
    make_rows=_riscv)

# SDM volume 3, table 6-1. 3 and 4 are traps.
_X86 = Arch(
    module="x86", natives={2: "x86_16", 4: "i386", 8: "x86_64"}, modes=14,
    default_model={2: 19, 4: 19, 8: 19}, models={2: 38, 4: 38, 8: 38},
    traps={3: (AFTER, 3), 4: (AFTER, 4), 6: (INVALID, 6),
           **{number: (AFTER, number) for number in range(32, 256)}},
    length_rule=LENGTH_SHORTEST, reset_pc=0, subtractions=("sub",), make_rows=_x86)

ARCHES = {8: _RISCV, 4: _X86}
KNOWN = range(1, 11)                        # UC_ARCH_* that unicorn has
