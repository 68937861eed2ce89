"""What the compiled layer wants of the layers above it: slots that `engine/__init__.py` fills.

What lives here: `node_of` (the object-model node of an emulator), `snapshot_codec` (snapshots as
streams), `serve_gdb`. The native API stands below the object model, the streams and the gdb stub
and imports nothing of them; it asks here when `Emulator.qom`, `Snapshot.to_bytes` or `Emulator.gdb`
is used. What does not: the nodes (`engine.qom.emulator`), the streams (`engine.machine.snapshot`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

node_of: Callable[[Any], Any] | None = None
"""Takes an Emulator, answers the root of its object tree."""

snapshot_codec: Callable[[], tuple[Callable[[Any], bytes], Callable[[bytes], Any]]] | None = None
"""Answers (snapshot -> bytes, bytes -> snapshot)."""

serve_gdb: Callable[[Any, int, str, bool], bool] | None = None
"""Takes an Emulator, a TCP port, the host's address, whether to go back; serves one gdb."""
