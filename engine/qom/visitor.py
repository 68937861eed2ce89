"""Visitors: the way of a property's value in and out.

What lives here: the visitor interface, input from and output to QObjects and strings, range checks
of the integer kinds. What does not: properties (properties.py). Who calls it: accessors of
properties.

A visit takes the name and the present value and answers the value: an output visitor records what
it gets and answers it, an input visitor answers what it has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..errors import ArgumentError, ArgumentTypeError, RangeError
from ..qobject import (
    QBool,
    QFloat,
    QInt,
    QObject,
    QString,
    qobject_from_python,
)
from ..util.size import parse_size
from . import messages
from .messages import name_or_null

__all__ = ["INT_KINDS", "InputVisitor", "OutputVisitor", "StringInputVisitor",
           "StringOutputVisitor", "Visitor", "check_range"]

INT_KINDS: dict[str, tuple[int, int]] = {
    "int8": (-(1 << 7), (1 << 7) - 1), "uint8": (0, (1 << 8) - 1),
    "int16": (-(1 << 15), (1 << 15) - 1), "uint16": (0, (1 << 16) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1), "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1), "uint64": (0, (1 << 64) - 1),
}
INT_KINDS["int"] = INT_KINDS["int64"]
INT_KINDS["size"] = INT_KINDS["uint64"]


def check_range(kind: str, name: str | None, value: int) -> int:
    """The value, or `RangeError` when it is no number of that kind; both ends belong to it."""
    low, high = INT_KINDS[kind]
    if not low <= value <= high:
        c_type = "uint64_t" if kind == "size" else "int64_t" if kind == "int" else kind + "_t"
        raise RangeError(messages.QERR_INVALID_PARAMETER_VALUE % (name_or_null(name), c_type))
    return value


def wrong_type(name: str | None, expected: str) -> ArgumentTypeError:
    """The error for a value of another type."""
    return ArgumentTypeError(messages.QERR_INVALID_PARAMETER_TYPE % (name_or_null(name), expected))


class Visitor(ABC):
    """What properties are read and written through. `is_input`: it answers values of its own."""

    is_input: bool

    @abstractmethod
    def visit_int64(self, name: str | None, value: int) -> int:
        """An integer of up to 64 bits, signed or unsigned; kinds are checked by `visit_int`."""

    @abstractmethod
    def visit_bool(self, name: str | None, value: bool) -> bool:
        """True or False."""

    @abstractmethod
    def visit_str(self, name: str | None, value: str) -> str:
        """Text."""

    @abstractmethod
    def visit_number(self, name: str | None, value: float) -> float:
        """A double."""

    def visit_int(self, kind: str, name: str | None, value: int) -> int:
        """An integer of a kind ("uint8", "int32" ...): a 64-bit visit, then the range check."""
        if kind == "size":
            return check_range(kind, name, self.visit_size(name, value))
        return check_range(kind, name, self.visit_int64(name, value))

    def visit_size(self, name: str | None, value: int) -> int:
        """A number of bytes."""
        return self.visit_int64(name, value)

    def visit_enum(self, name: str | None, value: int, names: Sequence[str]) -> int:
        """One of several names, by its index."""
        if not self.is_input:
            self.visit_str(name, names[value])
            return value
        text = self.visit_str(name, "")
        try:
            return names.index(text)
        except ValueError:
            raise ArgumentError(messages.QERR_INVALID_PARAMETER % text,
                                hint=f"there are {', '.join(names)}") from None


class InputVisitor(Visitor):
    """Answers the value of a QObject, which must be of the type that is asked for."""

    is_input = True

    def __init__(self, value: QObject) -> None:
        self.value = value

    def visit_int64(self, name: str | None, value: int) -> int:
        if not isinstance(self.value, (QInt, BigInt)):
            raise wrong_type(name, "integer")
        return self.value.value

    def visit_bool(self, name: str | None, value: bool) -> bool:
        if not isinstance(self.value, QBool):
            raise wrong_type(name, "boolean")
        return self.value.value

    def visit_str(self, name: str | None, value: str) -> str:
        if not isinstance(self.value, QString):
            raise wrong_type(name, "string")
        return self.value.value

    def visit_number(self, name: str | None, value: float) -> float:
        if not isinstance(self.value, (QFloat, QInt)):
            raise wrong_type(name, "number")
        return float(self.value.value)


class BigInt(QInt):
    """An integer of 64 bits unsigned, on its way through a visitor: QInt itself is signed."""

    __slots__ = ()

    def __init__(self, value: int) -> None:
        super().__init__(0)
        self.value = value


def value_to_qobject(value: object) -> QObject:
    """A QObject for what a Python caller sets; integers of any size are left to the range check."""
    if isinstance(value, int) and not isinstance(value, bool):
        return BigInt(int(value))
    return qobject_from_python(value)  # type: ignore[arg-type]


class OutputVisitor(Visitor):
    """Records a value as a QObject."""

    is_input = False

    def __init__(self) -> None:
        self.value: QObject | None = None

    def visit_int64(self, name: str | None, value: int) -> int:
        self.value = BigInt(value)
        return value

    def visit_bool(self, name: str | None, value: bool) -> bool:
        self.value = QBool(value)
        return value

    def visit_str(self, name: str | None, value: str) -> str:
        self.value = QString(value)
        return value

    def visit_number(self, name: str | None, value: float) -> float:
        self.value = QFloat(value)
        return value


class StringInputVisitor(Visitor):
    """Answers values parsed from a text, as a command line has them."""

    is_input = True

    def __init__(self, text: str) -> None:
        self.text = text

    def visit_int64(self, name: str | None, value: int) -> int:
        try:
            return int(self.text.strip(), 0)
        except ValueError:
            raise ArgumentError(messages.QERR_INVALID_PARAMETER_VALUE % (
                name_or_null(name), "an int64 value or range")) from None

    def visit_bool(self, name: str | None, value: bool) -> bool:
        word = self.text.strip().lower()
        if word in ("true", "yes", "on"):
            return True
        if word in ("false", "no", "off"):
            return False
        raise wrong_type(name, "boolean")

    def visit_str(self, name: str | None, value: str) -> str:
        return self.text

    def visit_number(self, name: str | None, value: float) -> float:
        try:
            return float(self.text)
        except ValueError:
            raise wrong_type(name, "number") from None

    def visit_size(self, name: str | None, value: int) -> int:
        if self.text.strip().lower().startswith("0x"):
            return self.visit_int64(name, value)
        return parse_size(self.text, default_suffix="B")


class StringOutputVisitor(Visitor):
    """Records a value as text; `human` adds what a reader wants to see (hexadecimal, quotes)."""

    is_input = False

    def __init__(self, human: bool = False) -> None:
        self.human = human
        self.text = ""

    def visit_int64(self, name: str | None, value: int) -> int:
        self.text = f"{value} ({value:#x})" if self.human else str(value)
        return value

    def visit_bool(self, name: str | None, value: bool) -> bool:
        self.text = "true" if value else "false"
        return value

    def visit_str(self, name: str | None, value: str) -> str:
        self.text = f'"{value}"' if self.human else value
        return value

    def visit_number(self, name: str | None, value: float) -> float:
        self.text = repr(float(value))
        return value

    def visit_enum(self, name: str | None, value: int, names: Sequence[str]) -> int:
        self.text = names[value]
        return value
