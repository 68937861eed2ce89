"""32-bit Arm of unicorn's Python package.

What lives here: `UcAArch32` and its register structure. Who calls it: unicorn.py.
"""

import ctypes

from engine.unicorn.arm_const import UC_ARM_REG_CP_REG
from engine.unicorn.unicorn_py3.unicorn import Uc, check_maxbits


class UcRegCP(ctypes.Structure):
    """A coprocessor register."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in (
        "cp", "is64", "sec", "crn", "crm", "opc1", "opc2")) + (("val", ctypes.c_uint64),)


def _aux(coproc: int, opc1: int, crn: int, crm: int, opc2: int, el: int,
         is_64: bool) -> tuple[int, ...]:
    for value, bits in ((coproc, 4), (opc1, 3), (crn, 4), (crm, 4), (opc2, 3), (el, 1)):
        assert check_maxbits(value, bits), f"{value} has more than {bits} bits"
    return coproc, int(bool(is_64)), el, crn, crm, opc1, opc2


class UcAArch32(Uc):
    """A 32-bit Arm engine."""

    def cpr_read(self, coproc: int, opc1: int, crn: int, crm: int, opc2: int, el: int,
                 is_64: bool) -> int:
        """Value of a coprocessor register."""
        return int(self.reg_read(UC_ARM_REG_CP_REG, _aux(coproc, opc1, crn, crm, opc2, el, is_64)))

    def cpr_write(self, coproc: int, opc1: int, crn: int, crm: int, opc2: int, el: int,
                  is_64: bool, value: int) -> None:
        """Set a coprocessor register."""
        self.reg_write(UC_ARM_REG_CP_REG,
                       (*_aux(coproc, opc1, crn, crm, opc2, el, is_64), value))
