"""64-bit Arm of unicorn's Python package.

What lives here: `UcAArch64` and its register structures. Who calls it: unicorn.py.
"""

import ctypes
from typing import NamedTuple

from engine.unicorn.arm64_const import UC_ARM64_REG_CP_REG
from engine.unicorn.unicorn_py3.unicorn import Uc, check_maxbits


class UcRegCP64(ctypes.Structure):
    """A system register."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in (
        "crn", "crm", "op0", "op1", "op2")) + (("val", ctypes.c_uint64),)


class CpReg(NamedTuple):
    """A system register as hooks of MRS, MSR, SYS and SYSL get it."""

    crn: int
    crm: int
    op0: int
    op1: int
    op2: int
    val: int


def _aux(op0: int, op1: int, crn: int, crm: int, op2: int) -> tuple[int, ...]:
    for value, bits in ((op0, 2), (op1, 3), (crn, 4), (crm, 4), (op2, 3)):
        assert check_maxbits(value, bits), f"{value} has more than {bits} bits"
    return crn, crm, op0, op1, op2


class UcAArch64(Uc):
    """A 64-bit Arm engine."""

    def cpr_read(self, op0: int, op1: int, crn: int, crm: int, op2: int) -> int:
        """Value of a system register."""
        return int(self.reg_read(UC_ARM64_REG_CP_REG, _aux(op0, op1, crn, crm, op2)))

    def cpr_write(self, op0: int, op1: int, crn: int, crm: int, op2: int, value: int) -> None:
        """Set a system register."""
        self.reg_write(UC_ARM64_REG_CP_REG, (*_aux(op0, op1, crn, crm, op2), value))
