"""Paths: from names to objects.

What lives here: absolute and partial resolution, also by type. What does not: canonical paths,
which an object says of itself (object.py). Who calls it: links, the command line, users.
"""

from __future__ import annotations

from .object import Object, object_new

__all__ = ["object_get_root", "object_resolve_path", "object_resolve_path_component"]

_root: Object | None = None


def object_get_root() -> Object:
    """The process-wide root: a container for objects that belong to no emulator."""
    global _root
    if _root is None:
        _root = object_new("container")
    return _root


def object_resolve_path_component(parent: Object, part: str) -> Object | None:
    """Where one part of a path leads: the child, or the target of a link, of that name."""
    prop = parent.find_property(part)
    if prop is None or prop.resolve is None:
        return None
    return prop.resolve(parent, part)


def _absolute(parent: Object, parts: list[str], typename: str | None) -> Object | None:
    node: Object | None = parent
    for part in parts:
        if node is None:
            return None
        if part:
            node = object_resolve_path_component(node, part)
    if node is None or (typename is not None and not node.is_a(typename)):
        return None
    return node


def _partial(parent: Object, parts: list[str], typename: str | None,
             found: list[Object]) -> None:
    target = _absolute(parent, parts, typename)
    if target is not None and not any(target is other for other in found):
        found.append(target)
    for child in parent.children().values():
        if len(found) > 1:
            return
        _partial(child, parts, typename, found)


def object_resolve_path(path: str, root: Object | None = None,
                        typename: str | None = None) -> tuple[Object | None, bool]:
    """(object or None, whether the path is ambiguous).

    A path that begins with "/" leads from the root; any other is looked for below every object of
    the tree, and is ambiguous when it leads to more than one. Parts are names of children and
    links. `typename`: only objects of that type count.
    """
    if root is None:
        root = object_get_root()
    if path.startswith("/"):
        return _absolute(root, path.split("/"), typename), False
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None, False
    found: list[Object] = []
    _partial(root, parts, typename, found)
    if len(found) > 1:
        return None, True
    return (found[0] if found else None), False
