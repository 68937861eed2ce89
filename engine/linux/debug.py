"""A Linux process under gdb: `engine run --gdb PORT`.

Lives here: what gdb's control of an emulator needs to know of a process: its end, its signals. Does
not live here: the protocol (`engine.debug.gdb`). Called by `engine.cli.run`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..debug.gdb import Control, Ended, GdbServer, Stop
from ..debug.gdb.targets import TARGETS
from ..errors import GuestException, GuestFault
from .calls_process import Exit
from .process import ExitStatus, Process
from .signals import SI_USER, Killed

if TYPE_CHECKING:
    from .._core.api import RunResult


class ProcessControl(Control):
    """A process as a debugger sees it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.fault: GuestFault | GuestException | None = None
        target = TARGETS.get(process.emu.arch)
        super().__init__(
            process.emu, self._resume, self._deliver, target.signals if target else None
        )

    def _resume(self, *, count: int | None, timeout: float | None) -> RunResult:
        self.fault = None
        try:
            return self.process.emu.run(count=count, timeout=timeout)
        except Exit as end:
            raise Ended(Stop("exit", status=end.status)) from end
        except Killed as end:
            raise Ended(Stop("killed", end.signo, detail=end.detail)) from end
        except (GuestFault, GuestException) as fault:
            self.fault = fault
            raise

    def _deliver(self, signal: int) -> None:
        """The program gets the signal: that of the fault it stopped at, or one from outside."""
        process = self.process
        try:
            if self.fault is not None:
                fault, self.fault = self.fault, None
                process.deliver_fault(fault)
            else:
                process.signals.send(process, signal, SI_USER, f"signal {signal} from gdb")
                process.signals.deliver(process)
        except Killed as end:
            raise Ended(Stop("killed", end.signo, detail=end.detail)) from end


def serve_gdb(
    process: Process,
    port: int,
    host: str = "127.0.0.1",
    listening: Callable[[str], None] | None = None,
) -> ExitStatus:
    """Runs a process under the gdb that connects to the port; to its end when gdb detaches.
    `listening` is called with a line that says where gdb is waited for.

    Raises `UnsupportedError` for an architecture without target description.
    """
    control = ProcessControl(process)
    process.alone = True
    with GdbServer(process.emu, port, host, control=control, attached=False) as server:
        if listening is not None:
            listening(f"engine: waiting for gdb: target remote {server.host}:{server.port}")
        if server.serve():
            return process.run()
    process.files.close_all()
    stop = control.last
    if stop.kind == "exit":
        return ExitStatus(stop.status)
    if stop.kind == "killed":
        return process.killed(stop.signal, stop.detail)
    return process.killed(9, "killed by gdb")
