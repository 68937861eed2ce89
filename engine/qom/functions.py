"""QEMU's function names over the object model, with `errp` as the last argument.

What lives here: thin forms of the methods of `Object` and of property makers, for code in QEMU's
shape: errors go to a slot or a sentinel (`engine.errors`) and a getter that fails answers a default
(None, False, -1). What does not: any logic of its own. Who calls it: ports, tests. Python code uses
the methods, which raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import Errp, collect
from ..qobject import QBool, QInt, QObject, QString
from .object import Object, ObjectClass, ObjectProperty, ObjectPropertyIterator
from .path import object_get_root, object_resolve_path
from .properties import object_resolve_link
from .visitor import (
    InputVisitor,
    OutputVisitor,
    Visitor,
    value_to_qobject,
    wrong_type,
)

__all__ = [
    "object_child_foreach", "object_child_foreach_recursive", "object_class_dynamic_cast",
    "object_class_get_name", "object_class_get_parent", "object_class_property_add",
    "object_dynamic_cast", "object_dynamic_cast_assert", "object_get_canonical_path",
    "object_get_canonical_path_component", "object_get_class", "object_get_typename",
    "object_property_add", "object_property_add_child", "object_property_del",
    "object_property_find", "object_property_get", "object_property_get_bool",
    "object_property_get_int", "object_property_get_link", "object_property_get_qobject",
    "object_property_get_str", "object_property_get_type", "object_property_iter_free",
    "object_property_iter_init", "object_property_iter_next", "object_property_parse",
    "object_property_print", "object_property_set", "object_property_set_bool",
    "object_property_set_int", "object_property_set_link", "object_property_set_qobject",
    "object_property_set_str", "object_ref", "object_resolve_path_type", "object_unparent",
    "object_unref",
]


# ---------------------------------------------------------------- classes and casts

def object_get_class(obj: Object) -> ObjectClass:
    """The object's class."""
    return obj.get_class()


def object_get_typename(obj: Object) -> str:
    """Name of the object's type."""
    return obj.type


def object_class_get_name(klass: ObjectClass) -> str:
    """Name of the class's type."""
    return klass.name


def object_class_get_parent(klass: ObjectClass) -> ObjectClass | None:
    """The parent class; None for a root."""
    return klass.parent


def object_dynamic_cast(obj: Object | None, typename: str) -> Object | None:
    """The object if it is of that type or implements that interface, else None."""
    return obj if obj is not None and obj.is_a(typename) else None


def object_dynamic_cast_assert(obj: Object, typename: str) -> Object:
    """The object, which must be of that type (AssertionError)."""
    assert obj.is_a(typename), f"object of type '{obj.type}' is no '{typename}'"
    return obj


def object_class_dynamic_cast(klass: ObjectClass, typename: str) -> ObjectClass | None:
    """The class if it is of that type or implements that interface, else None."""
    return klass if klass.is_a(typename) else None


def object_ref(obj: Object | None) -> None:
    """Takes a reference; None: nothing."""
    if obj is not None:
        obj.ref()


def object_unref(obj: Object | None) -> None:
    """Drops a reference; None: nothing."""
    if obj is not None:
        obj.unref()


# ---------------------------------------------------------------- properties

Accessor = Callable[[Object, Visitor, str], None] | None


def object_property_add(obj: Object, name: str, type_name: str, get: Accessor, set: Accessor,
                        release: Callable[[Object, str], None] | None,
                        errp: Errp) -> ObjectProperty | None:
    """Adds a property to an instance."""
    with collect(errp):
        return obj.add_property(ObjectProperty(name, type_name, get, set, release=release))
    return None


def object_class_property_add(klass: ObjectClass, name: str, type_name: str, get: Accessor,
                              set: Accessor, errp: Errp) -> ObjectProperty | None:
    """Adds a property to a class."""
    with collect(errp):
        return klass.add_property(ObjectProperty(name, type_name, get, set))
    return None


def object_property_add_child(obj: Object, name: str, child: Object, errp: Errp) -> None:
    """Makes an object a child."""
    with collect(errp):
        obj.add_child(name, child)


def object_property_del(obj: Object, name: str, errp: Errp) -> None:
    """Takes a property off an instance."""
    with collect(errp):
        obj.delete_property(name)


def object_property_find(obj: Object, name: str, errp: Errp) -> ObjectProperty | None:
    """The property of that name, or None."""
    with collect(errp):
        return obj.property_named(name)
    return None


def object_property_get_type(obj: Object, name: str, errp: Errp) -> str | None:
    """Type of a property, or None."""
    prop = object_property_find(obj, name, errp)
    return None if prop is None else prop.type


def object_property_iter_init(obj: Object) -> ObjectPropertyIterator:
    """An iterator over all properties."""
    return obj.iter_properties()


def object_property_iter_next(it: ObjectPropertyIterator) -> ObjectProperty | None:
    """The next property; None at the end, again and again."""
    return it.advance()


def object_property_iter_free(it: ObjectPropertyIterator | None) -> None:
    """Ends an iteration; None: nothing."""
    if it is not None:
        it.free()


# ---------------------------------------------------------------- values

def object_property_get(obj: Object, visitor: Visitor, name: str, errp: Errp) -> None:
    """Hands the value of a property to a visitor."""
    with collect(errp):
        obj.visit_get(name, visitor)


def object_property_set(obj: Object, visitor: Visitor, name: str, errp: Errp) -> None:
    """Lets a property take its value from a visitor."""
    with collect(errp):
        obj.visit_set(name, visitor)


def object_property_set_qobject(obj: Object, value: QObject, name: str, errp: Errp) -> None:
    """Sets a property to a value object."""
    object_property_set(obj, InputVisitor(value), name, errp)


def object_property_get_qobject(obj: Object, name: str, errp: Errp) -> QObject | None:
    """The value as a new value object, or None."""
    visitor = OutputVisitor()
    with collect(errp):
        obj.visit_get(name, visitor)
        return visitor.value
    return None


def object_property_set_str(obj: Object, value: str, name: str, errp: Errp) -> None:
    """Sets a string property."""
    object_property_set_qobject(obj, value_to_qobject(value), name, errp)


def object_property_set_bool(obj: Object, value: bool, name: str, errp: Errp) -> None:
    """Sets a boolean property."""
    object_property_set_qobject(obj, value_to_qobject(bool(value)), name, errp)


def object_property_set_int(obj: Object, value: int, name: str, errp: Errp) -> None:
    """Sets an integer property."""
    object_property_set_qobject(obj, value_to_qobject(int(value)), name, errp)


def object_property_set_link(obj: Object, value: Object | None, name: str, errp: Errp) -> None:
    """Sets a link; None clears it."""
    path = (value.canonical_path() or "") if value is not None else ""
    object_property_set_str(obj, path, name, errp)


def object_property_get_str(obj: Object, name: str, errp: Errp) -> str | None:
    """The string, or None and an error."""
    with collect(errp):
        value = _value(obj, name)
        if not isinstance(value, QString):
            raise wrong_type(name, "string")
        return value.value
    return None


def object_property_get_bool(obj: Object, name: str, errp: Errp) -> bool:
    """The boolean, or False and an error."""
    with collect(errp):
        value = _value(obj, name)
        if not isinstance(value, QBool):
            raise wrong_type(name, "boolean")
        return value.value
    return False


def object_property_get_int(obj: Object, name: str, errp: Errp) -> int:
    """The integer, or -1 and an error."""
    with collect(errp):
        value = _value(obj, name)
        if not isinstance(value, QInt):
            raise wrong_type(name, "int")
        return value.value
    return -1


def object_property_get_link(obj: Object, name: str, errp: Errp) -> Object | None:
    """The object that a link leads to, or None; DeviceNotFound when there is none any more."""
    with collect(errp):
        value = _value(obj, name)
        if not isinstance(value, QString):
            raise wrong_type(name, "string")
        return object_resolve_link(obj, name, value.value, "object")
    return None


def _value(obj: Object, name: str) -> QObject | None:
    visitor = OutputVisitor()
    obj.visit_get(name, visitor)
    return visitor.value


def object_property_parse(obj: Object, text: str, name: str, errp: Errp) -> None:
    """Sets a property from text."""
    with collect(errp):
        obj.parse(name, text)


def object_property_print(obj: Object, name: str, human: bool, errp: Errp) -> str | None:
    """The value of a property as text, or None."""
    with collect(errp):
        return obj.print(name, human)
    return None


# ---------------------------------------------------------------- the tree

def object_unparent(obj: Object | None) -> None:
    """Takes an object out of its parent; None: nothing."""
    if obj is not None:
        obj.unparent()


def object_get_canonical_path(obj: Object) -> str | None:
    """The path from the root, or None for an object that is in no tree."""
    return obj.canonical_path()


def object_get_canonical_path_component(obj: Object) -> str | None:
    """The name in the parent."""
    return obj.canonical_component()


def object_resolve_path_type(path: str, typename: str,
                             root: Object | None = None) -> tuple[Object | None, bool]:
    """`object_resolve_path` among objects of a type."""
    return object_resolve_path(path, root or object_get_root(), typename)


def object_child_foreach(obj: Object, fn: Callable[[Object], Any]) -> Any:
    """Calls fn for each child until one answers something that is not 0 or None; that answer."""
    for child in obj.children().values():
        answer = fn(child)
        if answer:
            return answer
    return 0


def object_child_foreach_recursive(obj: Object, fn: Callable[[Object], Any]) -> Any:
    """`object_child_foreach` over everything below the object."""
    for child in obj.children().values():
        answer = fn(child) or object_child_foreach_recursive(child, fn)
        if answer:
            return answer
    return 0
