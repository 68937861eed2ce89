"""String helpers with C's rules: bounded copies into buffers, prefixes, tokens.

What lives here: QEMU's helpers for strings in fixed buffers. A buffer is a bytearray (or writable
memoryview); a string in it ends at its first zero byte. What does not: sizes (size.py). Who calls
it: devices and loaders that fill guest structures.
"""

from __future__ import annotations

__all__ = [
    "pstrcat", "pstrcpy", "qemu_strnlen", "qemu_strsep", "stristart", "strpadcpy", "strstart",
]

Buffer = bytearray | memoryview


def _c_string(data: bytes | bytearray | memoryview) -> bytes:
    """The bytes before the first zero byte."""
    return bytes(data).split(b"\0", 1)[0]


def pstrcpy(buf: Buffer, size: int, s: bytes) -> None:
    """Copies at most size - 1 bytes and terminates; nothing when size <= 0. The rest stays."""
    if size <= 0:
        return
    text = _c_string(s)[: size - 1]
    buf[: len(text) + 1] = text + b"\0"


def strpadcpy(buf: Buffer, size: int, s: bytes, pad: bytes) -> None:
    """Copies without the terminator and fills up to size with `pad`; cuts what is longer."""
    text = _c_string(s)[: max(size, 0)]
    buf[: max(size, 0)] = text + pad[:1] * (size - len(text))


def pstrcat(buf: Buffer, size: int, s: bytes) -> Buffer:
    """Appends within size, terminated; nothing when the string in buf already fills it."""
    length = qemu_strnlen(buf, size)
    if length < size:
        text = _c_string(s)[: size - length - 1]
        buf[length : length + len(text) + 1] = text + b"\0"
    return buf


def strstart(s: str, prefix: str) -> tuple[bool, str | None]:
    """(True, the rest) when s begins with prefix, else (False, None)."""
    return (True, s[len(prefix):]) if s.startswith(prefix) else (False, None)


def _upper(s: str) -> str:
    # of ASCII only: no other letter changes, or changes the length
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in s)


def stristart(s: str, prefix: str) -> tuple[bool, str | None]:
    """`strstart` without regard to the case of ASCII letters."""
    return (True, s[len(prefix):]) if _upper(s).startswith(_upper(prefix)) else (False, None)


def qemu_strnlen(s: bytes | bytearray | memoryview, max_len: int) -> int:
    """min(length of the string, max_len), without a look beyond max_len; 0 when that is <= 0."""
    if max_len <= 0:
        return 0
    head = bytes(s[:max_len])
    at = head.find(b"\0")
    return len(head) if at < 0 else at


def qemu_strsep(text: str | None, delims: str) -> tuple[str | None, str | None]:
    """(token, what is left): cuts at the first character that is in delims.

    Without one the token is the whole text and nothing (None) is left; None has no tokens.
    """
    if text is None:
        return None, None
    for at, char in enumerate(text):
        if char in delims:
            return text[:at], text[at + 1:]
    return text, None
