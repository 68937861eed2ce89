"""Hooks of unicorn that are made of the engine's: edges, subtractions.

What lives here: the objects that stand between a BLOCK or instruction hook of the engine and the
function of the user. Who calls it: unicorn_py3/unicorn.py.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from engine import Emulator, Error
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
        bits = next(found for found in map(partial(_bits, emulator), operands) if found)
        first, second = (_value(emulator, text, bits, address + size) for text in operands[-2:])
        self.fn(uc, address, first, second, bits, user_data)


_MEMORY = re.compile(r"(\w+) ptr (?:(\w+):)?\[(.*)\]")
_POINTED = {"byte": 8, "word": 16, "dword": 32, "qword": 64}


def _bits(emulator: Emulator, text: str) -> int:
    """Of a register or memory operand; 0: it is a number."""
    if text in emulator.regs:
        return emulator.regs.info(text).bits
    place = _MEMORY.fullmatch(text)
    return _POINTED[place[1]] if place else 0


def _value(emulator: Emulator, text: str, bits: int, next_pc: int) -> int:
    """What an operand is worth, as the disassembly writes it. 0 for memory that cannot be read: the
    instruction is about to fault."""
    regs = emulator.regs
    if text in regs:
        return regs[text]
    place = _MEMORY.fullmatch(text)
    if place is None:
        return int(text, 0) & ((1 << bits) - 1)
    names = re.findall(r"[a-z]\w*", place[3])
    offset = 0
    for sign, term in re.findall(r"([+-]?)\s*([^\s+-]+)", place[3]):
        name, _, scale = term.partition("*")
        value = next_pc if name in ("rip", "eip") else regs[name] if name in regs else int(name, 0)
        offset += (-value if sign == "-" else value) * int(scale or "1")
    width = max((regs.info(name).bits for name in names if name in regs), default=64)
    segment = place[2] or ("ss" if names and names[0] in _ON_STACK else "ds")
    linear = (offset & ((1 << width) - 1)) + regs[segment + "_base"]
    try:
        data = emulator.memory.read_virtual(linear & ((1 << 64) - 1), bits // 8)
    except Error:
        return 0
    return int.from_bytes(data, "little")


_ON_STACK = ("bp", "sp", "ebp", "esp", "rbp", "rsp")
