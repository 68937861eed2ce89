"""Running a program under a debugger's control: go on, step, and why it stopped.

Lives here: `Control` (an emulator that a debugger drives) and `Stop`. Does not live here: the
protocol (`session`), breakpoints themselves (the emulator's). Called by `session`; user mode gives
its own `resume` (`engine.linux.debug`).

"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..._core.api import Emulator, RunResult, StopReason
from ...errors import GuestException, GuestFault, InstructionFault, MemoryFault

SIGINT, SIGILL, SIGTRAP, SIGBUS, SIGSEGV = 2, 4, 5, 7, 11
SLICE = 0.05  # seconds between two looks at the connection

Resume = Callable[..., RunResult]


@dataclass(frozen=True)
class Stop:
    """Why the program is not running.

    `kind` is "signal", "break", "watch" (address and access say what), "exit" (status) or "killed"
    (signal).
    """

    kind: str
    signal: int = SIGTRAP
    address: int = 0
    access: str = ""
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
    signal the program shall get before it goes on.
    """

    def __init__(
        self,
        emu: Emulator,
        resume: Resume | None = None,
        deliver: Callable[[int], None] | None = None,
        signals: dict[int, int] | None = None,
    ) -> None:
        self.emu = emu
        self.resume = emu.run if resume is None else resume
        self.deliver = deliver
        self.signals = signals or {}
        self.icount = 0
        self.last = Stop("signal", SIGTRAP)

    # -- forward
    def advance(self, count: int | None = None, timeout: float | None = None) -> Stop | None:
        """Runs on; None when `count` or `timeout` ended it."""
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
            return Stop("watch", SIGTRAP, hit.address, hit.watchpoint.kind)
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
        while True:
            stop = self.advance(timeout=SLICE)
            if stop is not None:
                return stop
            if interrupted():
                return Stop("signal", SIGINT)
