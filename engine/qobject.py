"""Values with a reference count and a type: numbers, booleans, strings, lists, dictionaries.

What lives here: QEMU's QObject family with its counting rules (a new object has one reference;
putting one into a container hands that reference over), typed getters with defaults, JSON in and
out. What does not: properties and visitors (`engine.qom`). Who calls it: code that is ported from
QEMU's shape, snapshot and option handling. It imports nothing of the package but the errors.

Python frees memory by itself; the count is kept because owners rely on `destroy` running exactly
once, and because a dropped reference that is used again is a bug worth an AssertionError.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator
from typing import TypeVar

from .errors import ArgumentError, ArgumentTypeError, RangeError

__all__ = [
    "Plain", "QBool", "QDict", "QFloat", "QInt", "QList", "QObject", "QString", "QType",
    "qbool_from_bool", "qbool_get_bool", "qdict_del", "qdict_get", "qdict_get_bool",
    "qdict_get_double", "qdict_get_int", "qdict_get_qdict", "qdict_get_qlist", "qdict_get_str",
    "qdict_get_try_bool", "qdict_get_try_int", "qdict_get_try_str", "qdict_haskey", "qdict_iter",
    "qdict_new", "qdict_put", "qdict_size", "qfloat_from_double", "qfloat_get_double",
    "qint_from_int", "qint_get_int", "qlist_append", "qlist_empty", "qlist_iter", "qlist_new",
    "qlist_peek", "qlist_pop", "qlist_size", "qobject_decref", "qobject_from_json",
    "qobject_from_python", "qobject_incref", "qobject_to_json", "qobject_to_python",
    "qobject_to_qbool", "qobject_to_qdict", "qobject_to_qfloat", "qobject_to_qint",
    "qobject_to_qlist", "qobject_to_qstring", "qobject_type", "qstring_from_str",
    "qstring_get_str",
]

Plain = int | float | bool | str | list["Plain"] | dict[str, "Plain"]
"""What a value is outside of this module."""


class QType(enum.IntEnum):
    """Type codes, QEMU's numbers. QERROR is dead: no object has it."""

    NONE = 0
    QINT = 1
    QSTRING = 2
    QDICT = 3
    QLIST = 4
    QFLOAT = 5
    QBOOL = 6
    QERROR = 7


QTYPE_MAX = 8


class QObject:
    """Base of all values. `destroy` runs once, when the last reference goes."""

    __slots__ = ("refcnt",)
    qtype: QType = QType.NONE

    def __init__(self) -> None:
        self.refcnt = 1

    def destroy(self) -> None:
        """Drops the references this object holds."""

    def plain(self) -> Plain:
        """The value as Python's own."""
        raise ArgumentTypeError(f"{type(self).__name__} has no plain form")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.plain()!r}, {self.refcnt} references>"


class QInt(QObject):
    """A signed 64-bit integer."""

    __slots__ = ("value",)
    qtype = QType.QINT

    def __init__(self, value: int) -> None:
        super().__init__()
        if not -(1 << 63) <= value < 1 << 63:
            raise RangeError(f"an integer value has 64 bits, signed: {value:#x}")
        self.value = int(value)

    def plain(self) -> int:
        return self.value


class QFloat(QObject):
    """A double."""

    __slots__ = ("value",)
    qtype = QType.QFLOAT

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = float(value)

    def plain(self) -> float:
        return self.value


class QBool(QObject):
    """A boolean; whatever is true becomes True."""

    __slots__ = ("value",)
    qtype = QType.QBOOL

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = bool(value)

    def plain(self) -> bool:
        return self.value


class QString(QObject):
    """A string."""

    __slots__ = ("value",)
    qtype = QType.QSTRING

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def plain(self) -> str:
        return self.value


class QList(QObject):
    """A list; it owns a reference to each element."""

    __slots__ = ("items",)
    qtype = QType.QLIST

    def __init__(self) -> None:
        super().__init__()
        self.items: list[QObject] = []

    def destroy(self) -> None:
        for item in self.items:
            qobject_decref(item)
        self.items = []

    def plain(self) -> list[Plain]:
        return [item.plain() for item in self.items]


class QDict(QObject):
    """A dictionary with string keys, in the order they were first put; it owns its values."""

    __slots__ = ("items",)
    qtype = QType.QDICT

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, QObject] = {}

    def destroy(self) -> None:
        for item in self.items.values():
            qobject_decref(item)
        self.items = {}

    def plain(self) -> dict[str, Plain]:
        return {key: item.plain() for key, item in self.items.items()}


# ---------------------------------------------------------------- references

def qobject_incref(obj: QObject | None) -> None:
    """Takes a reference; None: nothing."""
    if obj is not None:
        obj.refcnt += 1


def qobject_decref(obj: QObject | None) -> None:
    """Drops a reference, and destroys with the last. AssertionError when there is none to drop."""
    if obj is None:
        return
    assert obj.refcnt != 0, f"reference dropped after the last: {type(obj).__name__}"
    obj.refcnt -= 1
    if obj.refcnt == 0:
        assert obj.qtype is not QType.NONE, f"{type(obj).__name__} has no type"
        destroy: Callable[[], None] | None = getattr(obj, "destroy", None)
        assert destroy is not None, f"{type(obj).__name__} has no destroy"
        destroy()


def qobject_type(obj: QObject) -> QType:
    """The type code."""
    assert obj.qtype is not QType.NONE, f"{type(obj).__name__} has no type"
    return obj.qtype


T = TypeVar("T", bound=QObject)


def _cast(obj: QObject | None, cls: type[T]) -> T | None:
    return obj if isinstance(obj, cls) else None


def qobject_to_qint(obj: QObject | None) -> QInt | None:
    """The object if it is an integer, else None; so the others."""
    return _cast(obj, QInt)


def qobject_to_qfloat(obj: QObject | None) -> QFloat | None:
    """The object if it is a float, else None."""
    return _cast(obj, QFloat)


def qobject_to_qbool(obj: QObject | None) -> QBool | None:
    """The object if it is a boolean, else None."""
    return _cast(obj, QBool)


def qobject_to_qstring(obj: QObject | None) -> QString | None:
    """The object if it is a string, else None."""
    return _cast(obj, QString)


def qobject_to_qlist(obj: QObject | None) -> QList | None:
    """The object if it is a list, else None."""
    return _cast(obj, QList)


def qobject_to_qdict(obj: QObject | None) -> QDict | None:
    """The object if it is a dictionary, else None."""
    return _cast(obj, QDict)


# ---------------------------------------------------------------- scalars

def qint_from_int(value: int) -> QInt:
    """A new integer with one reference; so the others."""
    return QInt(value)


def qint_get_int(obj: QInt) -> int:
    """The number."""
    return obj.value


def qfloat_from_double(value: float) -> QFloat:
    """A new float."""
    return QFloat(value)


def qfloat_get_double(obj: QFloat) -> float:
    """The number."""
    return obj.value


def qbool_from_bool(value: object) -> QBool:
    """A new boolean; 5 becomes True."""
    return QBool(value)


def qbool_get_bool(obj: QBool) -> bool:
    """True or False."""
    return obj.value


def qstring_from_str(value: str) -> QString:
    """A new string."""
    return QString(value)


def qstring_get_str(obj: QString) -> str:
    """The text."""
    return obj.value


# ---------------------------------------------------------------- lists

def qlist_new() -> QList:
    """An empty list."""
    return QList()


def qlist_append(qlist: QList, value: QObject) -> None:
    """Appends; the caller's reference goes to the list."""
    qlist.items.append(value)


def qlist_pop(qlist: QList) -> QObject | None:
    """Takes the first element out, with its reference; None when there is none."""
    return qlist.items.pop(0) if qlist.items else None


def qlist_peek(qlist: QList) -> QObject | None:
    """The first element, still the list's; None when there is none."""
    return qlist.items[0] if qlist.items else None


def qlist_empty(qlist: QList) -> bool:
    """Whether there are no elements."""
    return not qlist.items


def qlist_size(qlist: QList) -> int:
    """Number of elements."""
    return len(qlist.items)


def qlist_iter(qlist: QList) -> Iterator[QObject]:
    """The elements in order."""
    return iter(list(qlist.items))


# ---------------------------------------------------------------- dictionaries

def qdict_new() -> QDict:
    """An empty dictionary."""
    return QDict()


def qdict_put(qdict: QDict, key: str, value: QObject) -> None:
    """Stores under a key; the caller's reference goes to the dictionary, which drops what was there
    before."""
    before = qdict.items.get(key)
    qdict.items[key] = value
    qobject_decref(before)


def qdict_del(qdict: QDict, key: str) -> None:
    """Takes a key out and drops its value; no such key: nothing."""
    qobject_decref(qdict.items.pop(key, None))


def qdict_get(qdict: QDict, key: str) -> QObject | None:
    """The value, still the dictionary's; None when there is none."""
    return qdict.items.get(key)


def qdict_haskey(qdict: QDict, key: str) -> bool:
    """Whether there is such a key."""
    return key in qdict.items


def qdict_size(qdict: QDict) -> int:
    """Number of keys."""
    return len(qdict.items)


def qdict_iter(qdict: QDict) -> Iterator[tuple[str, QObject]]:
    """Keys and values in order."""
    return iter(list(qdict.items.items()))


def _need(qdict: QDict, key: str, cls: type[T]) -> T:
    value = qdict.items.get(key)
    assert isinstance(value, cls), f"{key!r} is {value!r}, not a {cls.__name__}"
    return value


def qdict_get_int(qdict: QDict, key: str) -> int:
    """The integer under a key, which must be there and be one (AssertionError); so the others."""
    return _need(qdict, key, QInt).value


def qdict_get_double(qdict: QDict, key: str) -> float:
    """The float or integer under a key, as a float."""
    value = qdict.items.get(key)
    assert isinstance(value, (QFloat, QInt)), f"{key!r} is {value!r}, not a number"
    return float(value.value)


def qdict_get_bool(qdict: QDict, key: str) -> bool:
    """The boolean under a key."""
    return _need(qdict, key, QBool).value


def qdict_get_str(qdict: QDict, key: str) -> str:
    """The string under a key."""
    return _need(qdict, key, QString).value


def qdict_get_qlist(qdict: QDict, key: str) -> QList:
    """The list under a key, still the dictionary's."""
    return _need(qdict, key, QList)


def qdict_get_qdict(qdict: QDict, key: str) -> QDict:
    """The dictionary under a key, still the outer one's."""
    return _need(qdict, key, QDict)


def qdict_get_try_int(qdict: QDict, key: str, default: int) -> int:
    """The integer under a key, or the default when it is missing or of another type."""
    value = qdict.items.get(key)
    return value.value if isinstance(value, QInt) else default


def qdict_get_try_bool(qdict: QDict, key: str, default: object) -> bool:
    """The boolean under a key, or the default as a boolean: an "unset" of -1 comes out True."""
    value = qdict.items.get(key)
    return value.value if isinstance(value, QBool) else bool(default)


def qdict_get_try_str(qdict: QDict, key: str) -> str | None:
    """The string under a key, or None."""
    value = qdict.items.get(key)
    return value.value if isinstance(value, QString) else None


# ---------------------------------------------------------------- Python and JSON

def qobject_from_python(value: Plain) -> QObject:
    """A new object with the value. Raises `ArgumentTypeError` for a type there is no value of."""
    if isinstance(value, bool):
        return QBool(value)
    if isinstance(value, int):
        return QInt(value)
    if isinstance(value, float):
        return QFloat(value)
    if isinstance(value, str):
        return QString(value)
    if isinstance(value, (list, tuple)):
        made = QList()
        for item in value:
            qlist_append(made, qobject_from_python(item))
        return made
    if isinstance(value, dict):
        table = QDict()
        for key, item in value.items():
            if not isinstance(key, str):
                raise ArgumentTypeError(f"a key must be a str, not {type(key).__name__}")
            qdict_put(table, key, qobject_from_python(item))
        return table
    raise ArgumentTypeError(f"there is no value of type {type(value).__name__}")


def qobject_to_python(obj: QObject) -> Plain:
    """The value as Python's own."""
    return obj.plain()


def _no_constant(text: str) -> float:
    raise ArgumentError(f"JSON has no {text}")


def qobject_from_json(text: str) -> QObject:
    """The value of a JSON text. Integers that do not fit in 64 bits become floats. Raises
    `ArgumentError` for what is not JSON, and for null, which no value is."""
    def number(digits: str) -> int | float:
        value = int(digits)
        return value if -(1 << 63) <= value < 1 << 63 else float(digits)

    try:
        plain = json.loads(text, parse_constant=_no_constant, parse_int=number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"not JSON: {error}") from error
    try:
        return qobject_from_python(plain)
    except ArgumentTypeError:
        raise ArgumentError("JSON's null is no value") from None


def qobject_to_json(obj: QObject, pretty: bool = False) -> str:
    """JSON text of a value; `pretty` on several lines. Raises `ArgumentError` for NaN, infinity."""
    try:
        return json.dumps(obj.plain(), indent=4 if pretty else None, allow_nan=False)
    except ValueError as error:
        raise ArgumentError(f"JSON cannot say this number: {error}") from error
