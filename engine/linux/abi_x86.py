"""What the Linux interfaces of x86-64 and i386 have in common: faults, saved FPU state.

Lives here: exception number to signal, the FXSAVE and XSAVE images of signal frames. Does not live
here: numbers and frames of one of them (`abi_x86_64.py`, `abi_i386.py`). Source: arch/x86/kernel/
traps.c, SDM volume 1, 10.5.1 and 13.4, arch/x86/include/uapi/asm/sigcontext.h.
"""

from __future__ import annotations

import struct
from typing import Any

# Vectors, and INT n (0x200 + n), which user mode may not use but for 3, 4 and the system call.
FAULT_SIGNALS: dict[int, tuple[str, int]] = {0x200 + n: ("SIGSEGV", 128) for n in range(256)} | {
    0: ("SIGFPE", 1), 1: ("SIGTRAP", 2), 3: ("SIGTRAP", 128), 4: ("SIGSEGV", 128),
    5: ("SIGSEGV", 128), 6: ("SIGILL", 2), 12: ("SIGBUS", 128), 13: ("SIGSEGV", 128),
    16: ("SIGFPE", 0), 17: ("SIGBUS", 1), 19: ("SIGFPE", 0),
}  # fmt: skip

# What a handler's context may change of the flags: AC OF DF TF SF ZF AF PF CF (signal_64.c).
FLAGS = 0x40DD5

_FXSAVE = 512
_SW_RESERVED = 464  # in the FXSAVE image: what the kernel says of the whole one
_XSTATE = _FXSAVE + 64 + 256  # header, upper halves of YMM
_MAGIC1, _MAGIC2 = 0x46505853, 0x46505845
_FEATURES = 7  # x87, SSE, AVX
FP_SIZE = _XSTATE + 4
_ENVIRONMENT = ("fcw", "fsw", "ftw", "mxcsr")


def _stacked(fsw: int) -> list[int]:
    """Physical numbers of ST(0) to ST(7)."""
    return [(n + (fsw >> 11)) & 7 for n in range(8)]


def save_fp(regs: Any, vectors: int) -> bytes:
    """The XSAVE image of the x87, SSE and AVX registers, as signal frames have it."""
    fcw, fsw, ftw, mxcsr = regs.read_many(_ENVIRONMENT)
    used = sum(1 << n for n in range(8) if ftw >> 2 * n & 3 != 3)
    image = bytearray(struct.pack("<HHBxHQQII", fcw, fsw, used, 0, 0, 0, mxcsr, 0xFFFF))
    for value in regs.read_many([f"st{n}" for n in range(8)]):
        image += value.to_bytes(16, "little")
    full = regs.read_many([f"ymm{n}" for n in range(vectors)])
    low = (1 << 128) - 1
    image += b"".join((v & low).to_bytes(16, "little") for v in full)
    image = image.ljust(_SW_RESERVED, b"\0")
    image += struct.pack("<IIQI28x", _MAGIC1, FP_SIZE, _FEATURES, _XSTATE)
    image += struct.pack("<Q56x", _FEATURES)
    image += b"".join((v >> 128).to_bytes(16, "little") for v in full)
    return bytes(image.ljust(_XSTATE, b"\0")) + struct.pack("<I", _MAGIC2)


def load_fp(image: bytes, vectors: int) -> dict[str, int]:
    """Register values of an image that a handler may have changed."""
    fcw, fsw, used, mxcsr = struct.unpack_from("<HHB19xI", image)
    values = {"fcw": fcw, "fsw": fsw, "mxcsr": mxcsr & 0xFFFF}
    tags = 0xFFFF
    for n, physical in enumerate(_stacked(fsw)):
        number = int.from_bytes(image[32 + 16 * n : 42 + 16 * n], "little")
        values[f"st{n}"] = number
        if used >> physical & 1:
            tags &= ~(3 << 2 * physical)
            tags |= _tag(number) << 2 * physical
    values["ftw"] = tags
    for n in range(vectors):
        low = image[160 + 16 * n : 176 + 16 * n]
        high = image[_FXSAVE + 64 + 16 * n :][:16]
        values[f"ymm{n}"] = int.from_bytes(low + high, "little")
    return values


def _tag(number: int) -> int:
    """0 valid, 1 zero, 2 special (SDM 1, 8.1.7)."""
    exponent, mantissa = number >> 64 & 0x7FFF, number & ((1 << 64) - 1)
    if not exponent and not mantissa:
        return 1
    return 2 if exponent in (0, 0x7FFF) or not mantissa >> 63 else 0


def fsave(image: bytes) -> bytes:
    """The 108 bytes of FSAVE in front of the FXSAVE image in a frame of i386."""
    values = load_fp(image, 0)
    head = struct.pack("<7I", 0xFFFF0000 | values["fcw"], 0xFFFF0000 | values["fsw"],
                       0xFFFF0000 | values["ftw"], 0, 0, 0, 0xFFFF0000)  # fmt: skip
    return head + b"".join(values[f"st{n}"].to_bytes(10, "little") for n in range(8))
