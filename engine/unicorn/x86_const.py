"""Constants of `unicorn.x86_const`.

What lives here: the names; their numbers are in tables.py. Who calls it: scripts, engine.unicorn.
"""

import typing as _typing

import engine.unicorn.tables as _tables

if _typing.TYPE_CHECKING:
    def __getattr__(name: str) -> int: ...

_tables.fill(globals(), "x86")
