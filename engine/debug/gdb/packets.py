"""Packets of gdb's remote serial protocol on a stream socket.

Lives here: framing, checksums, escapes, acknowledgements, the interrupt byte (gdb manual, appendix
E.1 "Overview" and E.13 "Interrupts"). Does not live here: what a packet means (`session`). Called
by `server` and `session`.
"""

from __future__ import annotations

import select
import socket

INTERRUPT = b"\x03"
MAX_PACKET = 0x20000  # characters of one packet that we take; gdb is told in qSupported
_ESCAPED = b"#$}*"


class Disconnected(Exception):
    """The other side has closed the connection, or sends what is no packet at all."""


def escape(data: bytes) -> bytes:
    """Binary data as a packet's body has it: `}` and the byte with bit 5 turned."""
    out = bytearray()
    for byte in data:
        if byte in _ESCAPED:
            out += bytes((0x7D, byte ^ 0x20))
        else:
            out.append(byte)
    return bytes(out)


def unescape(data: bytes) -> bytes:
    out = bytearray()
    it = iter(data)
    for byte in it:
        if byte == 0x7D:
            follower = next(it, None)
            if follower is None:
                break
            byte = follower ^ 0x20
        out.append(byte)
    return bytes(out)


def frame(body: bytes) -> bytes:
    return b"$" + body + b"#%02x" % (sum(body) & 0xFF)


class Connection:
    """One gdb on one socket.

    `receive()` answers the next packet's body or `INTERRUPT`; `send()` sends a reply and waits for
    its acknowledgement unless `no_ack` is set.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.no_ack = False
        self.buffer = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _more(self) -> None:
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Disconnected(str(error)) from error
        if not data:
            raise Disconnected("gdb has closed the connection")
        self.buffer += data

    def _take(self) -> bytes | None:
        """A whole packet's body, or the interrupt byte, from the buffer; None: more is needed."""
        buffer = self.buffer
        while buffer:
            if buffer[:1] == INTERRUPT:
                del buffer[0]
                return INTERRUPT
            if buffer[0] != 0x24:  # acknowledgements of what was sent before, and noise
                del buffer[0]
                continue
            end = buffer.find(b"#")
            if end < 0 or len(buffer) < end + 3:
                if len(buffer) > MAX_PACKET:
                    raise Disconnected("a packet without end")
                return None
            body = bytes(buffer[1:end])
            check = bytes(buffer[end + 1 : end + 3])
            del buffer[: end + 3]
            if self.no_ack:
                return body
            good = check.lower() == b"%02x" % (sum(body) & 0xFF)
            self._write(b"+" if good else b"-")
            if good:
                return body
        return None

    def receive(self) -> bytes:
        while True:
            body = self._take()
            if body is not None:
                return body
            self._more()

    def interrupted(self) -> bool:
        """Has gdb asked the running program to stop? Never waits."""
        while select.select([self.sock], [], [], 0)[0]:
            self._more()
        if self.buffer[:1] == INTERRUPT:
            del self.buffer[0]
            return True
        return False

    def send(self, body: bytes) -> None:
        data = frame(body)
        self._write(data)
        while not self.no_ack:
            while not self.buffer:
                self._more()
            first = self.buffer[0]
            if first == 0x24 or first == INTERRUPT[0]:
                return  # it goes on: the reply has arrived
            del self.buffer[0]
            if first == 0x2B:
                return
            if first == 0x2D:
                self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Disconnected(str(error)) from error
