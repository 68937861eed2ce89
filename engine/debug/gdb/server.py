"""A gdb server on a TCP port.

Lives here: `GdbServer`: listening, one gdb after the other. Does not live here: packets and
commands (`packets`, `session`). Called by `engine run --gdb`, users.
"""

from __future__ import annotations

import logging
import socket
from types import TracebackType
from typing import TYPE_CHECKING

from ..._core.api import Emulator
from ...errors import Error, UnsupportedError
from .control import Control
from .packets import Connection, Disconnected
from .session import Detached, Session
from .targets import TARGETS

if TYPE_CHECKING:
    from typing_extensions import Self

log = logging.getLogger("engine.debug.gdb")


class GdbServer:
    """Lets a gdb drive an emulator.

        with GdbServer(emu, 1234) as server:      # port 0: any free one, see server.port
            server.serve()                        # until gdb detaches or kills

    In gdb: `set architecture riscv:rv64` is not needed, `target remote :1234` is. Breakpoints,
    watchpoints, registers, memory, step and continue work; with `reverse` also reverse-step and
    reverse-continue: snapshots are taken while the program runs (one a million instructions, at
    most 32, then fewer), and the way from one of them is run again. Hooks and device functions are
    called again on it.
    Listens on `host`, the loopback by default: whoever can connect controls the emulator.

    Raises `UnsupportedError` for an architecture that gdb is not told of yet, `Error` when the
    port cannot be had.
    """

    def __init__(
        self,
        emu: Emulator,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        control: Control | None = None,
        attached: bool = True,
        reverse: bool = True,
    ) -> None:
        target = TARGETS.get(emu.arch)
        if target is None:
            raise UnsupportedError(
                f"no gdb target description for {emu.arch}",
                hint=f"there is one for: {', '.join(TARGETS)}",
            )
        self.control = control or Control(emu, signals=target.signals, reverse=reverse)
        self.attached = attached
        try:
            self.socket = socket.create_server((host, port))
        except (OSError, OverflowError) as error:
            raise Error(f"cannot listen for gdb on {host} port {port}: {error}") from error
        self.host, self.port = self.socket.getsockname()[:2]

    def serve(self) -> bool:
        """Waits for a gdb and serves it. True: it has let go of the program; False: it wants the
        program killed, or the program has ended. A gdb that disconnects without a word may come
        back: the next one is waited for."""
        while True:
            sock, peer = self.socket.accept()
            log.info("gdb connected from %s:%s", *peer[:2])
            with sock:
                session = Session(Connection(sock), self.control, attached=self.attached)
                try:
                    session.serve()
                except Detached as end:
                    return not end.kill and not self.control.last.ended
                except Disconnected as end:
                    log.info("%s", end)
                    if self.control.last.ended:
                        return False

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
