"""x86 of unicorn's Python package.

What lives here: `UcIntel` and its register structures, the types of C callbacks. Who
calls it: unicorn.py beside this folder.
"""

import ctypes
from typing import Any

from engine.unicorn.clib import (  # noqa: F401
    HOOK_INSN_CPUID_CFUNC,
    HOOK_INSN_IN_CFUNC,
    HOOK_INSN_OUT_CFUNC,
    HOOK_INSN_SYSCALL_CFUNC,
)
from engine.unicorn.unicorn_py3.unicorn import Uc
from engine.unicorn.x86_const import UC_X86_REG_MSR

# Model-specific registers (SDM volume 4, table 2-2) that the guest has under a name.
MSRS = {0x10: "tsc", 0x1b: "apic_base", 0x174: "sysenter_cs", 0x175: "sysenter_esp",
        0x176: "sysenter_eip", 0x1a0: "misc_enable", 0x277: "pat", 0xc0000080: "efer",
        0xc0000081: "star", 0xc0000082: "lstar", 0xc0000083: "cstar", 0xc0000084: "fmask",
        0xc0000100: "fs_base", 0xc0000101: "gs_base", 0xc0000102: "kernel_gs_base",
        0xc0000103: "tsc_aux"}


class UcRegMMR(ctypes.Structure):
    """A descriptor-table register: selector, base, limit, flags."""

    _fields_ = (("selector", ctypes.c_uint16), ("base", ctypes.c_uint64),
                ("limit", ctypes.c_uint32), ("flags", ctypes.c_uint32))


class UcRegMSR(ctypes.Structure):
    """A model-specific register: its number and value."""

    _fields_ = (("rid", ctypes.c_uint32), ("val", ctypes.c_uint64))


class UcRegFPR(ctypes.Structure):
    """An x87 register: mantissa and exponent."""

    _fields_ = (("mantissa", ctypes.c_uint64), ("exponent", ctypes.c_uint16))


class UcIntel(Uc):
    """An x86 engine."""

    def _numbered(self, aux: Any, value: Any) -> int:
        number = aux[0] if isinstance(aux, tuple) else aux
        emulator = self._ready()
        name = MSRS.get(number)
        if name is None or name not in emulator.regs:
            return 0                            # as unicorn has it: no #GP for the host
        if value is None:
            return emulator.reg_read(name)
        emulator.reg_write(name, value & ((1 << emulator.regs.info(name).bits) - 1))
        return 0

    def msr_read(self, msr_id: int) -> int:
        """Value of a model-specific register."""
        return int(self.reg_read(UC_X86_REG_MSR, msr_id))

    def msr_write(self, msr_id: int, value: int) -> None:
        """Set a model-specific register."""
        self.reg_write(UC_X86_REG_MSR, (msr_id, value))
