"""Running a program under a debugger's control: go on, step, back, and why it stopped.

Lives here: `Control` (an emulator that a debugger drives) and `Stop`. Does not live here: the
protocol (`session`), breakpoints themselves (the emulator's), the snapshots that going back starts
from (`history`). Called by `session`; user mode gives its own `resume` (`engine.linux.debug`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..._core.api import Emulator, RunResult, StopReason
from ...errors import GuestException, GuestFault, InstructionFault, MemoryFault
from .history import History

SIGINT, SIGILL, SIGTRAP, SIGBUS, SIGSEGV = 2, 4, 5, 7, 11
SLICE = 0.05  # seconds between two looks at the connection

Resume = Callable[..., RunResult]


@dataclass(frozen=True)
class Stop:
    """Why the program is not running.

    `kind` is "signal", "break", "watch" (address and access say what, `before` whether the access
    is still to come), "exit" (status), "killed" (signal) or "begin" (it cannot be gone back
    further).
    """

    kind: str
    signal: int = SIGTRAP
    address: int = 0
    access: str = ""
    before: bool = False
    status: int = 0
    detail: str = ""

    @property
    def ended(self) -> bool:
        return self.kind in ("exit", "killed")


class Ended(Exception):
    """The program is over: raised by a `resume` function of its own kind of program."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.kind)
        self.stop = stop


class Control:
    """An emulator as a debugger sees it.

    `resume(count=..., timeout=...)` runs it (default `emu.run`); `deliver(signal)` is told which
    signal the program shall get before it goes on. With `reverse` and no `resume`, snapshots are
    taken on the way, and the program can go back; with a `resume`, more belongs to the program's
    state than the emulator knows.
    """

    def __init__(
        self,
        emu: Emulator,
        resume: Resume | None = None,
        deliver: Callable[[int], None] | None = None,
        signals: dict[int, int] | None = None,
        *,
        reverse: bool = True,
    ) -> None:
        self.emu = emu
        self.resume = emu.run if resume is None else resume
        self.deliver = deliver
        self.signals = signals or {}
        self.icount = 0
        self.history = History(emu) if reverse and resume is None else None
        self.last = Stop("signal", SIGTRAP)

    def edited(self) -> None:
        """The debugger has changed registers or memory."""
        if self.history is not None:
            self.history.edited = True

    # -- forward
    def advance(self, count: int | None = None, timeout: float | None = None) -> Stop | None:
        """Runs on; None when `count` or `timeout` ended it."""
        history = self.history
        if history is not None:
            history.begin(self.icount)
        stop = self._run(count, timeout)
        if history is not None:
            history.passed(self.icount)
            if stop is not None and stop.kind == "signal":
                history.edited = True  # whoever handles it may change anything
        return stop

    def _run(self, count: int | None = None, timeout: float | None = None) -> Stop | None:
        try:
            result = self.resume(count=count, timeout=timeout)
        except (GuestFault, GuestException) as error:
            self.icount += error.result.count  # type: ignore[union-attr]
            return self._fault(error)
        except Ended as end:
            return end.stop
        self.icount += result.count
        return self._reason(result)

    def _reason(self, result: RunResult) -> Stop | None:
        if result.reason is StopReason.BREAKPOINT:
            return Stop("break")
        if result.reason is StopReason.WATCHPOINT:
            hit = result.watchpoint
            assert hit is not None
            point = hit.watchpoint
            return Stop("watch", SIGTRAP, hit.address, point.kind, point.before)
        if result.reason in (StopReason.STOP, StopReason.UNTIL):
            return Stop("signal", SIGTRAP, detail="stopped by the program's own limits")
        if result.reason is StopReason.HALT:
            return Stop("signal", SIGTRAP, detail="the guest waits for an interrupt")
        return None

    def _fault(self, error: GuestFault | GuestException) -> Stop:
        if isinstance(error, MemoryFault):
            signal = SIGBUS if error.kind == "misaligned" else SIGSEGV
        elif isinstance(error, InstructionFault):
            signal = SIGILL
        elif isinstance(error, GuestException):
            signal = self.signals.get(error.cause, SIGTRAP)
        else:
            signal = SIGTRAP
        return Stop("signal", signal, detail=str(error))

    def step(self) -> Stop:
        return self.advance(count=1) or Stop("signal", SIGTRAP)

    def run(self, interrupted: Callable[[], bool]) -> Stop:
        """Runs until something stops the program; `interrupted()` is asked now and then."""
        count = None if self.history is None else self.history.spacing
        while True:
            stop = self.advance(count, SLICE)
            if stop is not None:
                return stop
            if interrupted():
                return Stop("signal", SIGINT)

    # -- back
    def step_back(self) -> Stop:
        """To the moment before the last instruction."""
        history = self._begin_back()
        if self.icount <= history.first:
            return Stop("begin")
        return self._go_to(self.icount - 1) or Stop("signal", SIGTRAP)

    def run_back(self, interrupted: Callable[[], bool]) -> Stop:
        """To the last moment before this one at which a breakpoint or watchpoint would have
        stopped the program. Of a watchpoint that is the other side of the access: one that stops
        before it forward stops behind it backward."""
        history = self._begin_back()
        end = self.icount
        while end > history.first:
            base = history.before(end - 1)
            found = self._last_stop(base, end, interrupted)
            if found is not None:
                moment, stop = found
                return self._go_to(moment) or stop
            end = base
        self._restore(history.first)
        return Stop("begin")

    def _begin_back(self) -> History:
        assert self.history is not None  # the session offers it only then
        self.history.begin(self.icount)
        return self.history

    def _restore(self, moment: int) -> None:
        assert self.history is not None
        self.history.restore(moment)
        self.icount = moment

    def _last_stop(
        self, base: int, end: int, interrupted: Callable[[], bool]
    ) -> tuple[int, Stop] | None:
        """The last stop from `base` on and before `end`, running from the snapshot of `base`."""
        self._restore(base)
        found = (base, Stop("break")) if self.emu.pc in self.emu.breakpoints else None
        while self.icount < end:
            stop = self._run(end - self.icount, SLICE)
            if stop is None:
                if interrupted():
                    return base, Stop("signal", SIGINT)
            elif stop.kind == "watch":
                found = self.icount + (1 if stop.before else -1), stop
            elif stop.kind != "break":
                break  # not what happened the first time: what was found before it still counts
            elif self.icount < end:
                found = self.icount, stop
        return found

    def _go_to(self, moment: int) -> Stop | None:
        """To a moment; a Stop when the program did something else on the way there than before."""
        assert self.history is not None
        self._restore(self.history.before(moment))
        while self.icount < moment:
            stop = self._run(moment - self.icount)
            if stop is not None and stop.kind not in ("break", "watch"):
                return Stop("signal", SIGTRAP, detail=f"the way back is lost: {stop.detail}")
        return None
