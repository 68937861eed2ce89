"""Signals of a single-threaded guest process.

Lives here: actions, mask, pending set, choice of what a signal does. The frame on the guest's stack
is the ABI's business (`abi_*.py`). Source: signal(7), sigaction(2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .abi import NSIG, SIGNALS

if TYPE_CHECKING:
    from .process import Process

SIG_DFL, SIG_IGN = 0, 1
SA_SIGINFO, SA_ONSTACK, SA_NODEFER, SA_RESETHAND = 4, 0x08000000, 0x40000000, 0x80000000
SS_ONSTACK, SS_DISABLE = 1, 2
_IGNORED = {SIGNALS[n] for n in ("SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT")}
_UNMASKABLE = 1 << (SIGNALS["SIGKILL"] - 1) | 1 << (SIGNALS["SIGSTOP"] - 1)
SI_USER, SI_TKILL = 0, -6


@dataclass(frozen=True)
class Action:
    """A sigaction: handler address (or SIG_DFL, SIG_IGN), flags, mask while it runs."""

    handler: int = SIG_DFL
    flags: int = 0
    mask: int = 0
    restorer: tuple[int, ...] = ()  # kept for who asks: frames return through the engine's own code


@dataclass(frozen=True)
class Killed(Exception):
    """The guest dies of a signal."""

    signo: int
    detail: str


class Signals:
    """Signal state of one process."""

    def __init__(self) -> None:
        self.actions: dict[int, Action] = {}
        self.mask = 0
        self.pending: list[tuple[int, bytes, str]] = []
        self.alt = (0, 0, SS_DISABLE)  # base, size, flags
        self.restored_mask: int | None = None  # sigsuspend: what the handler's frame saves

    def exec(self) -> None:
        """Another program: handlers are gone, what is ignored stays so."""
        kept = {n: a for n, a in self.actions.items() if a.handler == SIG_IGN}
        self.actions = kept
        self.alt = (0, 0, SS_DISABLE)

    def altstack(self, sp: int) -> tuple[int, int, int]:
        """(ss_flags, ss_sp, ss_size) as sigaltstack reports them for a stack pointer."""
        base, size, flags = self.alt
        if flags != SS_DISABLE and base <= sp < base + size:
            return SS_ONSTACK, base, size
        return flags, base, size

    def stack_for(self, action: Action, sp: int) -> int:
        """Where the frame of a handler goes."""
        base, size, flags = self.alt
        if action.flags & SA_ONSTACK and flags != SS_DISABLE and not base <= sp < base + size:
            return base + size
        return sp

    def blocked(self, signo: int) -> bool:
        """Whether the mask holds a signal back."""
        return bool(self.mask & ~_UNMASKABLE & 1 << (signo - 1))

    def raise_fault(self, process: Process, name: str, code: int, address: int, text: str) -> None:
        """A synchronous signal: delivered now, deadly when it is blocked or ignored."""
        signo = SIGNALS[name]
        action = self.actions.get(signo, Action())
        if action.handler in (SIG_DFL, SIG_IGN) or self.blocked(signo):
            raise Killed(signo, text)
        wide = process.abi.word == 8
        shape = struct.Struct(process.abi.order + ("iii4xQ" if wide else "iiiI"))
        info = shape.pack(signo, 0, code, address)
        self._enter(process, signo, info, action)

    def send(self, process: Process, signo: int, code: int, text: str) -> None:
        """A signal from kill, tkill or tgkill: pending until `deliver`."""
        if not 1 <= signo <= NSIG:
            return
        shape = struct.Struct(process.abi.order + ("iii4xii" if process.abi.word == 8 else "iiiii"))
        info = shape.pack(signo, 0, code, process.pid, process.uid)
        self.pending.append((signo, info, text))

    def deliver(self, process: Process) -> None:
        """Delivers pending signals that are not blocked (before going back to the guest)."""
        for item in list(self.pending):
            signo, info, text = item
            if self.blocked(signo):
                continue
            self.pending.remove(item)
            action = self.actions.get(signo, Action())
            if action.handler == SIG_IGN or (action.handler == SIG_DFL and signo in _IGNORED):
                continue
            if action.handler == SIG_DFL:
                raise Killed(signo, text)
            self._enter(process, signo, info, action)

    def _enter(self, process: Process, signo: int, info: bytes, action: Action) -> None:
        during = self.mask
        if self.restored_mask is not None:
            self.mask, self.restored_mask = self.restored_mask, None
        process.abi.push_signal_frame(process, signo, info, action)
        self.mask = during | action.mask
        if not action.flags & SA_NODEFER:
            self.mask |= 1 << (signo - 1)
        if action.flags & SA_RESETHAND:
            self.actions[signo] = Action()
