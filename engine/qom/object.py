"""The object model: types, classes with inheritance and interfaces, instances in a tree.

What lives here: the type registry, `ObjectClass`, `Object` with references, parent and children,
its table of properties and their iterator. What does not: kinds of properties (properties.py),
paths (path.py), the objects of an emulator (machine.py). Who calls it: everything of `engine.qom`.

Rules. A type is registered by name with `type_register`; its class is made when it is first needed:
`class_init` runs for it alone, after the attributes (`data`) of the parent class were copied.
Instances are created with one reference; `instance_init` runs from the root type down, the instance
is finalised from its own type up. A property is looked for on the classes first, the root-most
winning, then on the instance; so an instance cannot add what a class has. Properties that are added
or removed make the next step of an iteration that is under way fail.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, DuplicateError, Error, NameNotFoundError, PermissionDeniedError
from ..qobject import Plain, qobject_to_python
from . import messages
from .visitor import (
    InputVisitor,
    OutputVisitor,
    StringInputVisitor,
    StringOutputVisitor,
    Visitor,
    value_to_qobject,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "IterationError",
    "Object",
    "ObjectClass",
    "ObjectProperty",
    "ObjectPropertyIterator",
    "TYPE_INTERFACE",
    "TYPE_OBJECT",
    "TypeInfo",
    "object_class_by_name",
    "object_class_get_list",
    "object_new",
    "type_register",
    "type_unregister",
]

TYPE_OBJECT = "object"
TYPE_INTERFACE = "interface"


class IterationError(Error, RuntimeError):
    """Properties were added or removed while they were iterated over."""


@dataclass(frozen=True)
class TypeInfo:
    """What a type is made of. Everything but the name may be left out.

    `instance` is the Python class of its instances (a subclass of `Object`; default: the parent
    type's). `data` holds attributes of the class, which subtypes inherit.
    """

    name: str
    parent: str | None = TYPE_OBJECT
    abstract: bool = False
    instance: builtins.type[Object] | None = None
    interfaces: Sequence[str] = ()
    data: dict[str, Any] = field(default_factory=dict)
    class_init: Callable[[ObjectClass], None] | None = None
    instance_init: Callable[[Any], None] | None = None
    instance_post_init: Callable[[Any], None] | None = None
    instance_finalize: Callable[[Any], None] | None = None


_types: dict[str, TypeInfo] = {}
_classes: dict[str, ObjectClass] = {}


def type_register(info: TypeInfo) -> TypeInfo:
    """Makes a type known. Its parent and interfaces may be registered later, before it is used."""
    if not info.name:
        raise ArgumentError("a type needs a name")
    if info.name in _types:
        raise DuplicateError(f"the type '{info.name}' is registered already")
    _types[info.name] = info
    return info


def type_unregister(name: str) -> None:
    """Forgets a type (for tests). Types that were derived from it must go first."""
    _types.pop(name, None)
    _classes.pop(name, None)


# ---------------------------------------------------------------- properties

Getter = Callable[["Object", Visitor, str], None]


@dataclass
class ObjectProperty:
    """A property: name, type in QEMU's words ("bool", "uint8", "link<device>" ...), accessors.

    `get` and `set` hand the value to, or take it from, a visitor. `resolve` leads a path on.
    `release` runs when the property goes.
    """

    name: str
    type: str
    get: Getter | None = None
    set: Getter | None = None
    resolve: Callable[[Object, str], Object | None] | None = None
    release: Callable[[Object, str], None] | None = None
    description: str | None = None

    @property
    def is_child(self) -> bool:
        """Whether it is the parent's end of a parent-child relation."""
        return self.type.startswith("child<")

    @property
    def is_link(self) -> bool:
        """Whether it points to another object."""
        return self.type.startswith("link<")


class ObjectPropertyIterator:
    """Every property once: the instance's in the order they were added, then the object's class's,
    then each parent class's up to the root."""

    def __init__(self, obj: Object) -> None:
        self._stages: list[_PropertyOwner] = [obj]
        klass: ObjectClass | None = obj.get_class()
        while klass is not None:
            self._stages.append(klass)
            klass = klass.parent
        self._versions = [stage.version for stage in self._stages]
        self._source: Iterator[ObjectProperty] | None = iter(
            [prop for stage in self._stages for prop in stage.properties.values()])
        self._freed = False

    def advance(self) -> ObjectProperty | None:
        """The next property; None at the end, and for ever after it."""
        if self._freed:
            raise IterationError("the iterator was freed")
        if self._source is None:
            return None
        if self._versions != [stage.version for stage in self._stages]:
            raise IterationError("properties were added or removed during the iteration")
        prop = next(self._source, None)
        if prop is None:
            self._source = None
        return prop

    def free(self) -> None:
        """Ends the iteration."""
        self._freed = True
        self._source = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ObjectProperty:
        prop = self.advance()
        if prop is None:
            raise StopIteration
        return prop


class _PropertyOwner:
    """A table of properties, by name, in the order they were added."""

    def __init__(self) -> None:
        self.properties: dict[str, ObjectProperty] = {}
        self.version = 0


# ---------------------------------------------------------------- classes

class ObjectClass(_PropertyOwner):
    """The class of a type: shared properties and attributes. Attributes of the parent are copied
    when the class is made; `class_init` overrides them."""

    def __init__(self, info: TypeInfo, parent: ObjectClass | None) -> None:
        super().__init__()
        self.info = info
        self.name = info.name
        self.parent = parent
        self.data: dict[str, Any] = {**(parent.data if parent else {}), **info.data}
        self.interfaces: tuple[str, ...] = tuple(
            dict.fromkeys([*(parent.interfaces if parent else ()), *info.interfaces]))

    @property
    def abstract(self) -> bool:
        """Whether there can be no instances."""
        return self.info.abstract

    def chain(self) -> list[ObjectClass]:
        """The class and its parents, the root last."""
        found: list[ObjectClass] = []
        klass: ObjectClass | None = self
        while klass is not None:
            found.append(klass)
            klass = klass.parent
        return found

    def is_a(self, name: str) -> bool:
        """Whether the type is `name`, derived from it, or implements it as an interface."""
        if any(klass.name == name for klass in self.chain()):
            return True
        return any(_class(interface).is_a(name) for interface in self.interfaces)

    def find_property(self, name: str) -> ObjectProperty | None:
        """The property of the root-most class that has it."""
        for klass in reversed(self.chain()):
            if name in klass.properties:
                return klass.properties[name]
        return None

    def add_property(self, prop: ObjectProperty) -> ObjectProperty:
        """Adds a property that all instances have, present ones too. It can not be deleted."""
        if self.find_property(prop.name) is not None:
            raise DuplicateError(f"the class '{self.name}' has a property '{prop.name}' already")
        self.properties[prop.name] = prop
        self.version += 1
        return prop

    def __repr__(self) -> str:
        return f"<class of type '{self.name}'>"


def _class(name: str) -> ObjectClass:
    klass = _classes.get(name)
    if klass is not None:
        return klass
    info = _types.get(name)
    if info is None:
        raise NameNotFoundError(f"there is no type '{name}'")
    if info.parent == name:
        raise ArgumentError(f"the type '{name}' is its own parent")
    klass = ObjectClass(info, _class(info.parent) if info.parent else None)
    for interface in info.interfaces:
        if not _class(interface).is_a(TYPE_INTERFACE):
            raise ArgumentError(f"'{interface}', which '{name}' is to implement, is no interface")
    _classes[name] = klass
    if info.class_init is not None:
        info.class_init(klass)
    return klass


def object_class_by_name(name: str) -> ObjectClass | None:
    """The class of a type, or None."""
    return _class(name) if name in _types else None


def object_class_get_list(implements: str | None = None,
                          include_abstract: bool = False) -> list[ObjectClass]:
    """All classes, or those that are or implement a type, sorted by name."""
    classes = [_class(name) for name in sorted(_types)]
    return [klass for klass in classes
            if (include_abstract or not klass.abstract)
            and (implements is None or klass.is_a(implements))]


# ---------------------------------------------------------------- instances

class Object(_PropertyOwner):
    """An instance. Create it with `object_new`."""

    def __init__(self, klass: ObjectClass) -> None:
        super().__init__()
        self.klass = klass
        self.refcnt = 1
        self.parent: Object | None = None
        self.name: str | None = None     # in the parent

    # -- class

    def get_class(self) -> ObjectClass:
        """The class."""
        return self.klass

    @property
    def type(self) -> str:
        """Name of the type."""
        return self.klass.name

    def is_a(self, name: str) -> bool:
        """Whether it is of a type, or a derived one, or implements that interface."""
        return self.klass.is_a(name)

    # -- references

    def ref(self) -> Self:
        """Takes a reference."""
        assert self.refcnt > 0, f"reference to a finalised object of type {self.type}"
        self.refcnt += 1
        return self

    def unref(self) -> None:
        """Drops a reference; with the last one the object is finalised."""
        assert self.refcnt > 0, f"reference dropped after the last: object of type {self.type}"
        self.refcnt -= 1
        if self.refcnt == 0:
            self._finalize()

    def _finalize(self) -> None:
        assert self.parent is None, "a parent holds a reference"
        self.delete_all_properties()
        for klass in self.klass.chain():
            if klass.info.instance_finalize is not None:
                klass.info.instance_finalize(self)

    # -- properties

    def refresh(self) -> None:
        """Brings properties up to date before they are looked at. For objects that show something
        which changes by itself."""

    def find_property(self, name: str) -> ObjectProperty | None:
        """The property of that name: of the classes first, the root-most winning."""
        self.refresh()
        return self.klass.find_property(name) or self.properties.get(name)

    def property_named(self, name: str) -> ObjectProperty:
        """The property, or `NameNotFoundError`."""
        prop = self.find_property(name)
        if prop is None:
            raise NameNotFoundError(f"Property '{self.type}.{name}' not found")
        return prop

    def add_property(self, prop: ObjectProperty) -> ObjectProperty:
        """Adds a property to this instance. A name ending in "[*]" gets the first free index."""
        if prop.name.endswith("[*]"):
            stem = prop.name[:-3]
            index = 0
            while self._taken(f"{stem}[{index}]"):
                index += 1
            prop.name = f"{stem}[{index}]"
        elif self._taken(prop.name):
            raise DuplicateError(
                f"the object of type '{self.type}' has a property '{prop.name}' already")
        self.properties[prop.name] = prop
        self.version += 1
        return prop

    def _taken(self, name: str) -> bool:
        return name in self.properties or self.klass.find_property(name) is not None

    def delete_property(self, name: str) -> None:
        """Takes a property off the instance; a child is unparented by it."""
        prop = self.properties.get(name)
        if prop is None:
            if self.klass.find_property(name) is not None:
                raise PermissionDeniedError(
                    f"'{name}' belongs to the class '{self.type}': it cannot be deleted")
            raise NameNotFoundError(f"Property '{self.type}.{name}' not found")
        del self.properties[name]
        self.version += 1
        if prop.release is not None:
            prop.release(self, name)

    def delete_all_properties(self) -> None:
        """Takes all properties off the instance, the newest first."""
        while self.properties:
            self.delete_property(next(reversed(self.properties)))

    def iter_properties(self) -> ObjectPropertyIterator:
        """Iterates over all properties: see `ObjectPropertyIterator`."""
        self.refresh()
        return ObjectPropertyIterator(self)

    # -- values

    def visit_get(self, name: str, visitor: Visitor) -> None:
        """Hands the value of a property to a visitor."""
        prop = self.property_named(name)
        if prop.get is None:
            raise PermissionDeniedError(messages.QERR_PERMISSION_DENIED % "read")
        prop.get(self, visitor, name)

    def visit_set(self, name: str, visitor: Visitor) -> None:
        """Lets a property take its value from a visitor."""
        prop = self.property_named(name)
        if prop.set is None:
            raise PermissionDeniedError(messages.QERR_PERMISSION_DENIED % "written")
        prop.set(self, visitor, name)

    def get(self, name: str) -> Plain:
        """The value of a property. Objects come as their canonical paths."""
        visitor = OutputVisitor()
        self.visit_get(name, visitor)
        if visitor.value is None:
            raise Error(f"the getter of '{self.type}.{name}' visited nothing")
        return qobject_to_python(visitor.value)

    def set(self, name: str, value: Any) -> None:
        """Sets a property to a Python value; an `Object` stands for its path."""
        if isinstance(value, Object):
            value = value.canonical_path() or ""
        elif value is None:
            value = ""
        self.visit_set(name, InputVisitor(value_to_qobject(value)))

    def parse(self, name: str, text: str) -> None:
        """Sets a property from text."""
        self.visit_set(name, StringInputVisitor(text))

    def print(self, name: str, human: bool = False) -> str:
        """The value of a property as text."""
        visitor = StringOutputVisitor(human)
        self.visit_get(name, visitor)
        return visitor.text

    # -- the tree

    def add_child(self, name: str, child: Object) -> ObjectProperty:
        """Makes `child` a child; the parent holds a reference. Name: "[*]" counts by itself."""
        if child.parent is not None:
            raise DuplicateError(f"'{child.canonical_path()}' has a parent already")
        node: Object | None = self
        while node is not None:
            if node is child:
                raise ArgumentError("an object cannot be its own ancestor")
            node = node.parent

        def get(obj: Object, visitor: Visitor, prop_name: str) -> None:
            visitor.visit_str(prop_name, child.canonical_path() or "")

        def release(obj: Object, prop_name: str) -> None:
            child.parent = child.name = None
            child.unparented()
            child.unref()

        prop = self.add_property(ObjectProperty(
            name, f"child<{child.type}>", get, resolve=lambda obj, part: child, release=release))
        child.ref()
        child.parent, child.name = self, prop.name
        return prop

    def unparented(self) -> None:
        """Called when the object was taken out of its parent."""

    def unparent(self) -> None:
        """Takes the object out of its parent, which drops its reference. No parent: nothing."""
        if self.parent is not None and self.name is not None:
            self.parent.delete_property(self.name)

    def children(self) -> dict[str, Object]:
        """The children by name."""
        self.refresh()
        found: dict[str, Object] = {}
        for name, prop in list(self.properties.items()):
            if prop.is_child and prop.resolve is not None:
                child = prop.resolve(self, name)
                if child is not None:
                    found[name] = child
        return found

    def walk(self) -> Iterator[Object]:
        """The object and all below it, parents before their children."""
        yield self
        for child in self.children().values():
            yield from child.walk()

    def root(self) -> Object:
        """The topmost ancestor."""
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def canonical_path(self) -> str | None:
        """The path from the root; "/" for a root that has children or is a container, None for
        an object that is in no tree."""
        if self.parent is None:
            return "/" if self.is_a("container") or self.children() else None
        parts = []
        node: Object = self
        while node.parent is not None:
            parts.append(node.name or "")
            node = node.parent
        return "/" + "/".join(reversed(parts))

    def canonical_component(self) -> str | None:
        """The name in the parent."""
        return self.name

    def __repr__(self) -> str:
        with contextlib.suppress(Error):
            return f"<{self.type} object at {self.canonical_path() or 'no path'}>"
        return f"<{self.type} object>"


def object_new(typename: str, **properties: Any) -> Object:
    """A new instance with one reference; properties are set in order ("_" stands for "-" where
    there is no such name)."""
    klass = _class(typename)
    if klass.abstract:
        raise ArgumentError(f"the type '{typename}' is abstract: it has no instances")
    chain = klass.chain()
    python_class = next((k.info.instance for k in chain if k.info.instance is not None), Object)
    obj = python_class(klass)
    for each in reversed(chain):
        if each.info.instance_init is not None:
            each.info.instance_init(obj)
    for each in chain:
        if each.info.instance_post_init is not None:
            each.info.instance_post_init(obj)
    try:
        for name, value in properties.items():
            known = obj.find_property(name) is not None
            obj.set(name if known else name.replace("_", "-"), value)
    except BaseException:
        obj.unref()
        raise
    return obj


type_register(TypeInfo(TYPE_OBJECT, parent=None, abstract=True))
type_register(TypeInfo(TYPE_INTERFACE, parent=None, abstract=True))
type_register(TypeInfo("container"))
