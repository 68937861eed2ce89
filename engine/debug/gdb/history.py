"""Going back: snapshots on the way, and the exact count of instructions between them.

Lives here: `History`, which keeps the snapshots of a run and answers which one a moment is reached
from. Does not live here: running (`control`), snapshots themselves (the emulator's). Called by
`control`.

A moment is a number of instructions since the debugger came. Running on from a snapshot of an
earlier moment by the difference leads to it, as long as nothing but the program changes the state;
what the debugger changes gets a snapshot of its own, behind which that is true again.
"""

from __future__ import annotations

from bisect import bisect_right

from ..._core.api import Emulator, Snapshot

MOST = 32  # snapshots kept
SPACING = 1_000_000  # instructions between two, at first; it doubles when there are too many


class History:
    """The snapshots of one emulator, by moment."""

    def __init__(self, emu: Emulator) -> None:
        self.emu = emu
        self.moments: list[int] = []
        self.snapshots: list[Snapshot] = []
        self.spacing = SPACING
        self.edited = True  # something but the program changed the state since the newest snapshot

    @property
    def first(self) -> int:
        """The earliest moment that can be gone back to."""
        return self.moments[0]

    def begin(self, now: int) -> None:
        """The program is about to go on, or back, from `now`."""
        if self.edited:
            # What came after `now` before the change will not come again.
            keep = bisect_right(self.moments, now - 1)
            del self.moments[keep:], self.snapshots[keep:]
            self._add(now)
            self.edited = False

    def passed(self, now: int) -> None:
        """The program has come to `now`."""
        if now >= self.moments[-1] + self.spacing:
            self._add(now)

    def _add(self, now: int) -> None:
        self.moments.append(now)
        self.snapshots.append(self.emu.snapshot())
        if len(self.moments) > MOST:
            del self.moments[1:-1:2], self.snapshots[1:-1:2]
            self.spacing *= 2

    def before(self, moment: int) -> int:
        """The newest moment with a snapshot that is not after `moment`, which is not before
        `first`."""
        return self.moments[bisect_right(self.moments, moment) - 1]

    def restore(self, moment: int) -> None:
        """Back to a moment that has a snapshot."""
        self.emu.restore(self.snapshots[self.moments.index(moment)])
