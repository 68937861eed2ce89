"""Who makes the object-model node of an emulator: a slot that the compiled layer may look into.

What lives here: `node_of`, filled by `engine/__init__.py`. The native API stands below the object
model and imports nothing of it; it asks here when `Emulator.qom` is first used. What does not: the
nodes (`engine.qom.emulator`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

node_of: Callable[[Any], Any] | None = None
"""Takes an Emulator, answers the root of its object tree."""
