"""The types of unicorn's Python package that its clients name.

What lives here: handles and values as ctypes. What does not: their use. Who calls it: unicorn.py
beside this folder, clients that talk to `uclib` themselves.
"""

import ctypes

from engine.errors import ArgumentTypeError

uc_err = ctypes.c_int
uc_engine = ctypes.c_void_p
uc_context = ctypes.c_void_p
uc_hook_h = ctypes.c_size_t


class _Register(ctypes.Structure):
    """A register wider than 64 bits, as little-endian words."""

    qwords: ctypes.Array[ctypes.c_uint64]

    @property
    def value(self) -> int:
        """The register as an int."""
        return sum(word << 64 * index for index, word in enumerate(self.qwords))

    @classmethod
    def from_value(cls, value: int) -> "_Register":
        """A register with the low bits of an int. TypeError: value is no int."""
        if not isinstance(value, int):
            raise ArgumentTypeError(
                f"value of a register must be an int, not {type(value).__name__}")
        count = ctypes.sizeof(cls) // 8
        return cls(tuple(value >> 64 * index & 0xffffffffffffffff for index in range(count)))


class UcReg128(_Register):
    """128 bits."""

    _fields_ = (("qwords", ctypes.c_uint64 * 2),)


class UcReg256(_Register):
    """256 bits."""

    _fields_ = (("qwords", ctypes.c_uint64 * 4),)


class UcReg512(_Register):
    """512 bits."""

    _fields_ = (("qwords", ctypes.c_uint64 * 8),)
