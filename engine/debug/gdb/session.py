"""One gdb's conversation: what each packet of the remote serial protocol does.

Lives here: the commands (gdb manual, appendix E "Remote Protocol"; stop replies E.3; general
queries E.4) over `Control`. Does not live here: framing (`packets`), sockets (`server`), how the
program runs (`control`). Called by `server`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from ...errors import ArgumentError, Error
from .control import Control, Ended, Stop
from .packets import INTERRUPT, MAX_PACKET, Connection, escape, unescape
from .targets import TARGETS, Reg, Target

log = logging.getLogger("engine.debug.gdb")

E_ARG, E_FAULT, E_STATE = b"E16", b"E0e", b"E0b"  # EINVAL, EFAULT, EAGAIN
WATCH_KINDS: dict[str, Literal["write", "read", "access"]] = {
    "2": "write",
    "3": "read",
    "4": "access",
}
WATCH_REPLY = {"write": "watch", "read": "rwatch", "access": "awatch"}

Handler = Callable[["Session", str], "bytes | None"]


class Detached(Exception):
    """gdb lets go of the program (or, `kill`, wants it ended)."""

    def __init__(self, kill: bool) -> None:
        super().__init__("killed" if kill else "detached")
        self.kill = kill


class Session:
    """Serves one gdb on one connection until it detaches, kills or disconnects."""

    def __init__(self, connection: Connection, control: Control, *, attached: bool = True) -> None:
        self.connection = connection
        self.control = control
        self.emu = control.emu
        self.attached = attached
        self.target: Target = TARGETS[self.emu.arch]
        known = set(self.emu.regs.names)
        self.regs: tuple[Reg | None, ...] = tuple(
            reg if reg.source in known or reg.source in self.emu.regs else None
            for reg in self.target.regs
        )
        self.sizes = tuple((reg.bits + 7) // 8 for reg in self.target.regs)
        self.points: dict[tuple[str, int, int], Any] = {}
        self.swbreak = False

    def serve(self) -> None:
        """Raises `Detached` or `packets.Disconnected` at the end."""
        try:
            while True:
                packet = self.connection.receive()
                if packet == INTERRUPT:
                    continue  # nothing runs
                reply = self._answer(packet)
                if reply is not None:
                    self.connection.send(reply)
        finally:
            for point in self.points.values():
                point.remove()
            self.points.clear()

    def _answer(self, packet: bytes) -> bytes | None:
        if packet[:1] == b"X":
            return self._write_binary(packet[1:])
        text = packet.decode("latin-1")
        name, handler = _find(text)
        if handler is None:
            return b""
        try:
            return handler(self, text[len(name) :])
        except ValueError:  # of a number that is none, and of the engine's argument errors
            return E_ARG
        except Error as error:
            log.debug("%s: %s", text, error)
            return E_FAULT

    # -- registers
    def _read_reg(self, index: int) -> str:
        reg, size = self.regs[index], self.sizes[index]
        if reg is None:
            return "xx" * size
        value = self.emu.regs[reg.source] & ((1 << (8 * size)) - 1)
        return value.to_bytes(size, self.target.byteorder).hex()

    def _write_reg(self, index: int, data: str) -> None:
        reg = self.regs[index]
        raw = bytes.fromhex(data)
        if reg is None or len(raw) != self.sizes[index]:
            raise ArgumentError(f"no value for register {index}")
        self.emu.regs[reg.source] = int.from_bytes(raw, self.target.byteorder)
        self.control.edited()

    def read_all(self, _: str) -> bytes:
        return "".join(map(self._read_reg, range(len(self.regs)))).encode()

    def write_all(self, data: str) -> bytes:
        at = 0
        for index, size in enumerate(self.sizes):
            piece = data[at : at + 2 * size]
            at += 2 * size
            if len(piece) == 2 * size and self.regs[index] is not None and "x" not in piece:
                self._write_reg(index, piece)
        return b"OK"

    def read_one(self, text: str) -> bytes:
        index = int(text, 16)
        if index >= len(self.regs):
            return E_ARG
        return self._read_reg(index).encode()

    def write_one(self, text: str) -> bytes:
        number, _, data = text.partition("=")
        index = int(number, 16)
        if index >= len(self.regs):
            return E_ARG
        self._write_reg(index, data)
        return b"OK"

    # -- memory: virtual addresses, past the permissions
    def read_memory(self, text: str) -> bytes:
        address, _, length = text.partition(",")
        size = min(int(length, 16), MAX_PACKET // 2 - 16)
        return bytes(self.emu.memory.read_virtual(int(address, 16), size)).hex().encode()

    def write_memory(self, text: str) -> bytes:
        where, _, data = text.partition(":")
        address, _, length = where.partition(",")
        raw = bytes.fromhex(data)
        if len(raw) != int(length, 16):
            return E_ARG
        return self._store(int(address, 16), raw)

    def _write_binary(self, packet: bytes) -> bytes:
        where, _, data = packet.partition(b":")
        try:
            address, _, length = where.decode("latin-1").partition(",")
            raw = unescape(data)
            if len(raw) != int(length, 16):
                return E_ARG
            return self._store(int(address, 16), raw)
        except ValueError:
            return E_ARG
        except Error:
            return E_FAULT

    def _store(self, address: int, raw: bytes) -> bytes:
        if raw:
            self.emu.memory.write_virtual(address, raw)
            self.control.edited()
        return b"OK"

    # -- breakpoints and watchpoints
    def insert(self, text: str) -> bytes:
        kind, address, length = _point(text)
        if (kind, address, length) in self.points:
            return b"OK"
        if kind in "01":
            point: Any = self.emu.breakpoints.add(address)
        elif kind in WATCH_KINDS:
            point = self.emu.watchpoints.add(
                address, length, WATCH_KINDS[kind], before=self.target.watch_before
            )
        else:
            return b""
        self.points[kind, address, length] = point
        return b"OK"

    def remove(self, text: str) -> bytes:
        point = self.points.pop(_point(text), None)
        if point is not None:
            point.remove()
        return b"OK"

    # -- running
    def stop_reply(self, stop: Stop) -> bytes:
        if stop.kind == "exit":
            return b"W%02x" % (stop.status & 0xFF)
        if stop.kind == "killed":
            return b"X%02x" % stop.signal
        words = ["thread:1"]
        if stop.kind == "watch":
            words.append(f"{WATCH_REPLY[stop.access]}:{stop.address:x}")
        elif stop.kind == "break" and self.swbreak:
            words.append("swbreak:")
        elif stop.kind == "begin":
            words.append("replaylog:begin")
        return f"T{stop.signal:02x}".encode() + "".join(w + ";" for w in words).encode()

    def _resume(self, how: str) -> bytes:
        control = self.control
        if control.last.ended:
            return E_STATE
        interrupted = self.connection.interrupted
        if how == "step":
            stop = control.step()
        elif how == "continue":
            stop = control.run(interrupted)
        elif how == "step back":
            stop = control.step_back()
        else:
            stop = control.run_back(interrupted)
        if stop.detail:
            log.info("%s", stop.detail)
        control.last = stop
        return self.stop_reply(stop)

    def why(self, _: str) -> bytes:
        return self.stop_reply(self.control.last)

    def go(self, text: str) -> bytes:
        return self._go("continue", text)

    def step(self, text: str) -> bytes:
        return self._go("step", text)

    def _go(self, how: str, address: str) -> bytes:
        if address:
            self.emu.pc = int(address, 16)
            self.control.edited()
        return self._resume(how)

    def back(self, text: str) -> bytes:
        # gdb manual, E.1 "Packets": bc, bs.
        if self.control.history is None or text not in ("c", "s"):
            return b""
        return self._resume("step back" if text == "s" else "continue back")

    def go_with_signal(self, text: str) -> bytes:
        return self._with_signal("continue", text)

    def step_with_signal(self, text: str) -> bytes:
        return self._with_signal("step", text)

    def _with_signal(self, how: str, text: str) -> bytes:
        signal, _, address = text.partition(";")
        if self.control.deliver is not None:
            try:
                self.control.deliver(int(signal, 16))
            except Ended as end:
                self.control.last = end.stop
                return self.stop_reply(end.stop)
        return self._go(how, address)

    def vcont(self, text: str) -> bytes:
        # One thread: the first action is its.
        action = text.split(";")[1].split(":")[0] if ";" in text else ""
        if action == "c":
            return self._resume("continue")
        if action == "s":
            return self._resume("step")
        if action[:1] in ("C", "S"):
            how = "continue" if action[0] == "C" else "step"
            return self._with_signal(how, action[1:])
        return E_ARG

    # -- queries
    def supported(self, text: str) -> bytes:
        self.swbreak = "swbreak+" in text
        words = [
            f"PacketSize={MAX_PACKET:x}",
            "QStartNoAckMode+",
            "qXfer:features:read+",
            "vContSupported+",
            "swbreak+",
        ]
        if self.control.history is not None:
            words += ["ReverseStep+", "ReverseContinue+"]
        return ";".join(words).encode()

    def no_ack(self, _: str) -> bytes | None:
        self.connection.send(b"OK")
        self.connection.no_ack = True
        return None

    def features(self, text: str) -> bytes:
        annex, _, window = text.partition(":")
        if annex != "target.xml":
            return b"E00"
        offset, _, length = window.partition(",")
        begin, size = int(offset, 16), int(length, 16)
        data = self.target.xml().encode()
        piece = data[begin : begin + size]
        return (b"m" if begin + size < len(data) else b"l") + escape(piece)

    def monitor(self, text: str) -> bytes:
        command = bytes.fromhex(text).decode("utf-8", "replace").strip()
        if command == "icount":
            out = f"{self.control.icount} instructions since gdb came\n"
        elif command == "regions":
            out = "".join(
                f"{r.address:#x}-{r.end:#x} {r.kind} {r.perms.name} {r.name or ''}\n"
                for r in self.emu.memory.regions()
            )
        elif command == "why":
            out = (self.control.last.detail or self.control.last.kind) + "\n"
        else:
            out = "monitor commands: icount, regions, why\n"
        return out.encode().hex().encode()

    def detach(self, _: str) -> bytes | None:
        self.connection.send(b"OK")
        raise Detached(kill=False)

    def kill(self, _: str) -> bytes | None:
        raise Detached(kill=True)

    def kill_process(self, _: str) -> bytes | None:
        self.connection.send(b"OK")
        raise Detached(kill=True)

    def is_attached(self, _: str) -> bytes:
        return b"1" if self.attached else b"0"


def _point(text: str) -> tuple[str, int, int]:
    kind, address, length = text.split(";")[0].split(",")
    return kind, int(address, 16), int(length, 16)


def _constant(reply: bytes) -> Handler:
    return lambda session, text: reply


# By the beginning of the packet; the longest that fits wins.
_HANDLERS: dict[str, Handler] = {
    "?": Session.why,
    "g": Session.read_all,
    "G": Session.write_all,
    "p": Session.read_one,
    "P": Session.write_one,
    "m": Session.read_memory,
    "M": Session.write_memory,
    "Z": Session.insert,
    "z": Session.remove,
    "c": Session.go,
    "s": Session.step,
    "C": Session.go_with_signal,
    "S": Session.step_with_signal,
    "b": Session.back,
    "vCont?": _constant(b"vCont;c;C;s;S"),
    "vCont": Session.vcont,
    "vKill": Session.kill_process,
    "k": Session.kill,
    "D": Session.detach,
    "H": _constant(b"OK"),
    "T": _constant(b"OK"),
    "qSupported": Session.supported,
    "QStartNoAckMode": Session.no_ack,
    "qXfer:features:read:": Session.features,
    "qAttached": Session.is_attached,
    "qC": _constant(b"QC1"),
    "qfThreadInfo": _constant(b"m1"),
    "qsThreadInfo": _constant(b"l"),
    "qSymbol": _constant(b"OK"),
    "qRcmd,": Session.monitor,
}
_LONGEST = max(map(len, _HANDLERS))


def _find(text: str) -> tuple[str, Handler | None]:
    for length in range(min(len(text), _LONGEST), 0, -1):
        handler = _HANDLERS.get(text[:length])
        if handler is not None:
            return text[:length], handler
    return "", None
