"""The object model: types, objects with properties in a tree, and the objects of an emulator.

What lives here: the public names. What does not: QEMU's function forms (functions.py). Who calls
it: `engine.machine`, the command line, users.
"""

from .object import (
    TYPE_INTERFACE,
    TYPE_OBJECT,
    IterationError,
    Object,
    ObjectClass,
    ObjectProperty,
    ObjectPropertyIterator,
    TypeInfo,
    object_class_by_name,
    object_class_get_list,
    object_new,
    type_register,
    type_unregister,
)
from .path import object_get_root, object_resolve_path, object_resolve_path_component
from .properties import (
    alias_property,
    allow_any,
    bool_property,
    enum_property,
    int_property,
    link_property,
    number_property,
    object_resolve_link,
    str_property,
)

__all__ = [
    "IterationError",
    "Object",
    "ObjectClass",
    "ObjectProperty",
    "ObjectPropertyIterator",
    "TYPE_INTERFACE",
    "TYPE_OBJECT",
    "TypeInfo",
    "alias_property",
    "allow_any",
    "bool_property",
    "enum_property",
    "int_property",
    "link_property",
    "number_property",
    "object_class_by_name",
    "object_class_get_list",
    "object_get_root",
    "object_new",
    "object_resolve_link",
    "object_resolve_path",
    "object_resolve_path_component",
    "str_property",
    "type_register",
    "type_unregister",
]
