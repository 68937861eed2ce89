"""Calls of guest functions from Python: arguments into registers and stack, the run, the result.

What lives here: calling conventions, `Emulator.call`. What does not: symbols of files
(`engine.machine.loader`). Who calls it: emulator.pyx.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

from engine.errors import ArgumentError, ArgumentTypeError, Error, NameNotFoundError

if TYPE_CHECKING:
    from engine._core.api.emulator import Emulator

__all__ = ["Abi", "call"]


@dataclass(frozen=True)
class Abi:
    """A calling convention of integer functions.

    Registers by name: `arguments` in order, then the stack; `result`; `stack`, aligned to `align`
    bytes at the call; `link` holds the return address, or None: it is pushed. `word`: bytes of a
    stack slot. `shadow`: bytes that the caller leaves free above the return address.
    """

    arguments: tuple[str, ...]
    result: str
    stack: str
    link: str | None
    word: int
    align: int = 16
    shadow: int = 0


# RISC-V ELF psABI, "Integer Calling Convention".
_RISCV = tuple(f"a{n}" for n in range(8))
ABIS = {
    "riscv64": Abi(_RISCV, "a0", "sp", "ra", 8),
    "riscv32": Abi(_RISCV, "a0", "sp", "ra", 4),
    # System V ABI, AMD64 supplement 3.2.3; i386 supplement 2.2.
    "x86_64": Abi(("rdi", "rsi", "rdx", "rcx", "r8", "r9"), "rax", "rsp", None, 8),
    "i386": Abi((), "eax", "esp", None, 4),
}


def _resolve(emu: Emulator, target: int | str) -> int:
    if not isinstance(target, str):
        try:
            return index(target)
        except TypeError:
            raise ArgumentTypeError(f"a function is an address or a symbol's name, not"
                                    f" {type(target).__name__}") from None
    if target not in emu.symbols:
        raise NameNotFoundError(f"no symbol {target!r}",
                                hint="fill emu.symbols, or load the program with"
                                     " engine.machine.loader.load_elf")
    return emu.symbols[target]


def call(emu: Emulator, target: int | str, args: tuple[Any, ...], abi: Abi | None,
         count: int | None, timeout: float | None) -> int:
    """What `Emulator.call` does."""
    if abi is None:
        abi = ABIS.get(emu.arch)
        if abi is None:
            raise ArgumentError(f"no calling convention is known for {emu.arch}",
                                hint="pass abi=Abi(...)")
    if not isinstance(abi, Abi):
        raise ArgumentTypeError(f"abi must be an Abi, not {type(abi).__name__}")
    address = _resolve(emu, target)
    mask = (1 << 8 * abi.word) - 1
    for value in args:
        if not isinstance(value, int):
            raise ArgumentTypeError(
                f"arguments must be ints (addresses for what is longer), not"
                f" {type(value).__name__}", hint="write data to guest memory and pass its address")
        if not -(mask >> 1) - 1 <= value <= mask:
            raise ArgumentError(f"argument {value:#x} does not fit in {8 * abi.word} bits")
    regs = emu.regs
    saved_pc, saved_stack = emu.pc, regs[abi.stack]
    saved_link = None if abi.link is None else regs[abi.link]
    on_stack = args[len(abi.arguments):]
    # The address that is returned to: the last page, where nothing needs to be mapped.
    home = mask & ~0xfff
    try:
        stack = saved_stack
        if on_stack or abi.link is None or abi.shadow:
            stack = (stack - abi.word * len(on_stack) - abi.shadow) & mask & -abi.align
            data = b"".join((value & mask).to_bytes(abi.word, "little") for value in on_stack)
            if data:
                emu.memory.write_virtual(stack + abi.shadow, data)
        else:
            stack &= -abi.align
        if abi.link is None:
            stack = (stack - abi.word) & mask
            emu.memory.write_virtual(stack, home.to_bytes(abi.word, "little"))
        else:
            regs[abi.link] = home
        regs[abi.stack] = stack
        for name, value in zip(abi.arguments, args, strict=False):
            regs[name] = value & mask
        result = emu.run(address, home, count=count, timeout=timeout)
        if result.reason.name != "UNTIL":
            raise Error(f"the call of {target if isinstance(target, str) else hex(address)} did not"
                        f" return: it ended with {result.reason.name} at {result.pc:#x} after"
                        f" {result.count} instructions")
        return regs[abi.result]
    finally:
        if not emu.closed and not emu.running:
            emu.pc = saved_pc
            regs[abi.stack] = saved_stack
            if abi.link is not None and saved_link is not None:
                regs[abi.link] = saved_link
