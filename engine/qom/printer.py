"""The object tree as text.

What lives here: one line an object, with its properties on request. What does not: values as data
(`Object.get`). Who calls it: the command line, users at a prompt.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Error
from .object import Object

__all__ = ["format_tree", "tree_lines"]


def tree_lines(obj: Object, properties: bool = False, indent: str = "") -> Iterator[str]:
    """An object, what it has and what is below it, a line each."""
    name = obj.canonical_component()
    yield f"{indent}/{name or ''} ({obj.type})"
    inner = indent + "  "
    if properties:
        # children have lines of their own
        for prop in [prop for prop in obj.iter_properties() if not prop.is_child]:
            yield f"{inner}{prop.name} = {_value(obj, prop.name)}"
    for child in obj.children().values():
        yield from tree_lines(child, properties, inner)


def _value(obj: Object, name: str) -> str:
    try:
        return obj.print(name, human=True)
    except Error as error:
        return f"<{error.message}>"


def format_tree(obj: Object, properties: bool = False) -> str:
    """The tree below an object."""
    return "\n".join(tree_lines(obj, properties))
