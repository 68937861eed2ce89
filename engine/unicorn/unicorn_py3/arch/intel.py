"""x86 of unicorn's Python package.

What lives here: `UcIntel` and its register structures. Who calls it: unicorn.py beside this folder.
"""

import ctypes

from engine.unicorn.unicorn_py3.unicorn import Uc
from engine.unicorn.x86_const import UC_X86_REG_MSR


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

    def msr_read(self, msr_id: int) -> int:
        """Value of a model-specific register."""
        return int(self.reg_read(UC_X86_REG_MSR, msr_id))

    def msr_write(self, msr_id: int, value: int) -> None:
        """Set a model-specific register."""
        self.reg_write(UC_X86_REG_MSR, (msr_id, value))
