"""Hooks of unicorn that are made of the engine's: edges, subtractions.

What lives here: the objects that stand between a BLOCK or instruction hook of the engine and the
function of the user. Who calls it: unicorn_py3/unicorn.py.
"""

import re
from collections.abc import Callable
from typing import Any

from engine.unicorn.clib import uc_tb

__all__ = ["EdgeHook", "SubtractionHook"]


class EdgeHook:
    """Called before each block: calls fn(uc, block, block before, user_data) for each pair of them
    when a run meets it first."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.run = -1
        self.before = (0, 0)                    # address, bytes
        self.seen: set[tuple[int, int]] = set()

    def __call__(self, uc: Any, address: int, size: int, user_data: Any) -> None:
        before, self.before = self.before, (address, size)
        if self.run != uc.runs:
            self.run = uc.runs
            self.seen.clear()
        elif (before[0], address) not in self.seen:
            self.seen.add((before[0], address))
            self.fn(uc, uc_tb.at(uc, address, size), uc_tb.at(uc, *before), user_data)


class SubtractionHook:
    """Called before each subtraction: calls fn(uc, address, arg1, arg2, size, user_data) with its
    operands, size being the bits of a register."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, uc: Any, address: int, size: int, user_data: Any) -> None:
        emulator = uc.emulator
        operands = re.split(r"\s*,\s*", emulator.disassemble(address)[0].operands)
        first, second = (emulator.regs[name] for name in operands[-2:])
        self.fn(uc, address, first, second, emulator.regs.info(operands[0]).bits, user_data)
