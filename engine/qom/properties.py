"""Kinds of properties: bool, integers, string, enumeration, link, alias.

What lives here: makers of `ObjectProperty` from plain getters and setters, for instances and
classes alike. What does not: child properties, which the tree makes itself (object.py). Who calls
it: types, when their instances or classes are initialised:

    obj.add_property(int_property("size", "uint32", lambda o: o.size))
    klass.add_property(bool_property("on", attribute="on"))

A property without a setter is read-only, one without a getter write-only. `attribute` makes both
from a Python attribute of the object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import ArgumentError, ArgumentTypeError, DeviceNotFoundError, Error
from . import messages
from .object import Getter, Object, ObjectProperty
from .path import object_resolve_path
from .visitor import INT_KINDS, Visitor

__all__ = ["alias_property", "bool_property", "enum_property", "int_property", "link_property",
           "number_property", "object_resolve_link", "str_property"]

V = TypeVar("V")
Get = Callable[[Any], V] | None
Set = Callable[[Any, V], None] | None


def _accessors(get: Get[V], set: Set[V], attribute: str | None, readonly: bool,
               ) -> tuple[Get[V], Set[V]]:
    if attribute is None:
        return get, set
    name: str = attribute
    if get is None:
        def get(obj: Any) -> V:
            value: V = getattr(obj, name)
            return value
    if set is None and not readonly:
        def set(obj: Any, value: V) -> None:
            setattr(obj, name, value)
    return get, set


def _scalar(name: str, type_name: str, get: Get[V], set: Set[V], zero: V,
            visit: Callable[[Visitor, str, V], V], description: str | None) -> ObjectProperty:
    reader: Getter | None = None
    writer: Getter | None = None
    if get is not None:
        getter = get

        def reader(obj: Object, visitor: Visitor, prop: str) -> None:
            visit(visitor, prop, getter(obj))
    if set is not None:
        setter = set

        def writer(obj: Object, visitor: Visitor, prop: str) -> None:
            setter(obj, visit(visitor, prop, zero))
    return ObjectProperty(name, type_name, reader, writer, description=description)


def bool_property(name: str, get: Get[bool] = None, set: Set[bool] = None, *,
                  attribute: str | None = None, readonly: bool = False,
                  description: str | None = None) -> ObjectProperty:
    """A boolean."""
    get, set = _accessors(get, set, attribute, readonly)
    return _scalar(name, "bool", get, set, False, lambda v, n, x: v.visit_bool(n, x), description)


def int_property(name: str, kind: str = "int", get: Get[int] = None, set: Set[int] = None, *,
                 low: int | None = None, high: int | None = None, attribute: str | None = None,
                 readonly: bool = False, description: str | None = None) -> ObjectProperty:
    """An integer of a kind: int8 to uint64, "int" (64 bits) or "size" (text may say "64M").

    `low` and `high` narrow what may be set; both belong to it.
    """
    if kind not in INT_KINDS:
        raise ArgumentError(f"no kind of integer {kind!r}",
                            hint=f"there are {', '.join(INT_KINDS)}")
    get, set = _accessors(get, set, attribute, readonly)
    if set is not None and (low is not None or high is not None):
        inner = set
        least = INT_KINDS[kind][0] if low is None else low
        most = INT_KINDS[kind][1] if high is None else high

        def set(obj: Any, value: int) -> None:
            if not least <= value <= most:
                raise ArgumentError(messages.QERR_PROPERTY_VALUE_OUT_OF_RANGE % (
                    obj.type, name, value, least, most))
            inner(obj, value)
    return _scalar(name, kind, get, set, 0, lambda v, n, x: v.visit_int(kind, n, x), description)


def number_property(name: str, get: Get[float] = None, set: Set[float] = None, *,
                    attribute: str | None = None, readonly: bool = False,
                    description: str | None = None) -> ObjectProperty:
    """A double."""
    get, set = _accessors(get, set, attribute, readonly)
    return _scalar(name, "number", get, set, 0.0, lambda v, n, x: v.visit_number(n, x),
                   description)


def str_property(name: str, get: Get[str] = None, set: Set[str] = None, *,
                 attribute: str | None = None, readonly: bool = False,
                 description: str | None = None) -> ObjectProperty:
    """Text."""
    get, set = _accessors(get, set, attribute, readonly)
    return _scalar(name, "string", get, set, "", lambda v, n, x: v.visit_str(n, x), description)


def enum_property(name: str, type_name: str, names: Sequence[str], get: Get[int] = None,
                  set: Set[int] = None, *, attribute: str | None = None, readonly: bool = False,
                  description: str | None = None) -> ObjectProperty:
    """One of several names; getter and setter deal with its index."""
    get, set = _accessors(get, set, attribute, readonly)
    return _scalar(name, type_name, get, set, 0, lambda v, n, x: v.visit_enum(n, x, names),
                   description)


# ---------------------------------------------------------------- links

Check = Callable[[Object, str, Object | None], None]


def object_resolve_link(obj: Object, name: str, path: str, typename: str) -> Object | None:
    """The object of a type that a link's path means; None for the empty path."""
    if path == "":
        return None
    target, ambiguous = object_resolve_path(path, obj.root(), typename)
    if ambiguous:
        raise Error(f"Path '{path}' does not uniquely identify an object")
    if target is not None:
        return target
    other, ambiguous = object_resolve_path(path, obj.root())
    if other is not None or ambiguous:
        raise ArgumentTypeError(messages.QERR_INVALID_PARAMETER_TYPE % (name, typename))
    raise DeviceNotFoundError(f"Device '{path}' not found")


def link_property(name: str, typename: str, *, target: Object | None = None,
                  check: Check | None = None, strong: bool = True,
                  changed: Callable[[Object, Object | None], None] | None = None,
                  description: str | None = None) -> ObjectProperty:
    """A pointer to an object of a type, by its path; for one instance, not for classes.

    `check` decides whether a new target is allowed (it raises to refuse); without one the link
    cannot be set. `strong`: the link holds a reference. `changed` learns of new targets.
    """
    box = _Link(target)
    if strong and target is not None:
        target.ref()

    def get(obj: Object, visitor: Visitor, prop: str) -> None:
        visitor.visit_str(prop, box.shown())

    def resolve(obj: Object, part: str) -> Object | None:
        return box.target

    def writer(obj: Object, visitor: Visitor, prop: str) -> None:
        assert check is not None
        new = object_resolve_link(obj, prop, visitor.visit_str(prop, ""), typename)
        check(obj, prop, new)
        if strong and new is not None:
            new.ref()
        old, box.target = box.target, new
        box.path = new.canonical_path() or "" if new is not None else ""
        if changed is not None:
            changed(obj, new)
        if strong and old is not None:
            old.unref()

    def release(obj: Object, prop: str) -> None:
        old, box.target = box.target, None
        if strong and old is not None:
            old.unref()

    return ObjectProperty(name, f"link<{typename}>", get, writer if check is not None else None,
                          resolve, release, description)


class _Link:
    """Target of a link and the last path it had: what the link shows when it dangles."""

    def __init__(self, target: Object | None) -> None:
        self.target = target
        self.path = (target.canonical_path() or "") if target is not None else ""

    def shown(self) -> str:
        if self.target is None:
            return ""
        self.path = self.target.canonical_path() or self.path
        return self.path


def allow_any(obj: Object, name: str, target: Object | None) -> None:
    """A `check` that allows every target."""


# ---------------------------------------------------------------- aliases

def alias_property(name: str, target: Object, target_name: str, *,
                   description: str | None = None) -> ObjectProperty:
    """Another name, here, for a property of another object."""
    aimed = target.property_named(target_name)
    kind = aimed.type.replace("child<", "link<", 1) if aimed.is_child else aimed.type

    def get(obj: Object, visitor: Visitor, prop: str) -> None:
        target.visit_get(target_name, visitor)

    def write(obj: Object, visitor: Visitor, prop: str) -> None:
        target.visit_set(target_name, visitor)

    def resolve(obj: Object, part: str) -> Object | None:
        found = target.find_property(target_name)
        if found is None or found.resolve is None:
            return None
        return found.resolve(target, target_name)

    return ObjectProperty(
        name, kind, get if aimed.get else None, write if aimed.set else None,
        resolve if aimed.resolve else None, None, description or aimed.description)
