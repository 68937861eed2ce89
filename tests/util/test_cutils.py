"""Row 42: string helpers and the size parser."""

import errno
import random

import pytest

from engine.errors import ArgumentError, RangeError
from engine.util import cutils, size
from engine.util.cutils import qemu_strnlen, qemu_strsep, stristart, strstart


def test_row_42_pstrcpy():
    buf = bytearray(b"........")
    cutils.pstrcpy(buf, 4, b"hello")
    assert buf == b"hel\0...."           # terminated, the rest is not filled
    cutils.pstrcpy(buf, 0, b"x")
    cutils.pstrcpy(buf, -3, b"x")
    assert buf == b"hel\0...."
    cutils.pstrcpy(buf, 1, b"x")
    assert buf == b"\0el\0...."
    cutils.pstrcpy(buf, 8, b"ab\0cd")
    assert buf == b"ab\0\0...."


def test_row_42_strpadcpy():
    buf = bytearray(b"??????")
    cutils.strpadcpy(buf, 4, b"ab", b".")
    assert buf == b"ab..??"
    cutils.strpadcpy(buf, 4, b"abcdef", b".")
    assert buf == b"abcd??"              # no terminator
    cutils.strpadcpy(buf, 0, b"zz", b".")
    assert buf == b"abcd??"


def test_row_42_pstrcat():
    buf = bytearray(b"ab\0.....")
    assert cutils.pstrcat(buf, 6, b"cdefg") is buf
    assert buf == b"abcde\0.."
    full = bytearray(b"abcd")
    cutils.pstrcat(full, 4, b"x")
    assert full == b"abcd"               # as long as size already: unchanged


@pytest.mark.parametrize(("s", "prefix", "result"), [
    ("abc", "abc", (True, "")), ("abc", "", (True, "abc")), ("abcd", "ab", (True, "cd")),
    ("ab", "abc", (False, None)), ("abc", "AB", (False, None))])
def test_row_42_strstart(s, prefix, result):
    assert strstart(s, prefix) == result


def test_row_42_stristart():
    assert stristart("AbCd", "aBc") == (True, "d")
    assert stristart("x", "y") == (False, None)
    assert stristart("straße", "STRASSE") == (False, None)   # ASCII letters only


def test_row_42_strnlen_never_reads_past_the_limit():
    class Watched(bytes):
        def __getitem__(self, key):
            assert key.stop is not None and key.stop <= 3
            return super().__getitem__(key)

    assert qemu_strnlen(Watched(b"abcdef"), 3) == 3
    assert qemu_strnlen(b"ab\0cd", 5) == 2
    assert qemu_strnlen(b"abc", 10) == 3
    assert qemu_strnlen(b"abc", 0) == qemu_strnlen(b"abc", -1) == 0


def tokens(text, delims):
    found = []
    while text is not None:
        token, text = qemu_strsep(text, delims)
        found.append(token)
    assert qemu_strsep(text, delims) == (None, None)
    return found


def test_row_42_strsep():
    assert tokens("a,,b", ",") == ["a", "", "b"]
    assert tokens("a,b;c", ";,") == ["a", "b", "c"]
    assert tokens("", ",") == [""]
    assert tokens("abc", "") == ["abc"]
    assert tokens(",", ",") == ["", ""]


def test_row_42_strsep_random():
    rng = random.Random(42)
    for _ in range(500):
        text = "".join(rng.choices("ab,;", k=rng.randrange(12)))
        assert tokens(text, ",;") == text.replace(";", ",").split(",")


@pytest.mark.parametrize(("text", "value"), [
    ("1", 1 << 20), ("1M", 1 << 20), ("1m", 1 << 20), ("8k", 8 << 10), ("512B", 512),
    ("0.5G", 1 << 29), ("1.5k", 1536), ("3T", 3 << 40), ("2p", 2 << 50), ("1E", 1 << 60),
    ("0", 0), ("0x10b", 0x10b << 20), (".5k", 512), ("7E", 7 << 60)])
def test_row_42_sizes(text, value):
    assert size.strtosz(text) == (value, len(text))
    assert size.parse_size(text) == value


@pytest.mark.parametrize(("text", "code"), [
    ("8E", -errno.ERANGE), ("-1", -errno.ERANGE), ("99999999999999999999", -errno.ERANGE),
    ("1.5B", -errno.EINVAL), ("", -errno.EINVAL), ("k", -errno.EINVAL), ("x1", -errno.EINVAL)])
def test_row_42_bad_sizes(text, code):
    assert size.strtosz(text) == (code, 0)
    with pytest.raises(RangeError if code == -errno.ERANGE else ArgumentError):
        size.parse_size(text)


def test_row_42_size_defaults_units_and_rests():
    assert size.strtosz_suffix("10", "B") == (10, 2)
    assert size.strtosz_suffix("10k", "B", unit=1000) == (10000, 3)
    assert size.strtosz_suffix("1.0", "B") == (1, 3)      # a fraction, but of nothing
    assert size.strtosz("4Kx") == (4096, 2)               # the rest is the caller's
    with pytest.raises(ArgumentError, match="'4Kx' is not a size"):
        size.parse_size("4Kx")
    assert size.strtosz_suffix("1", "Q") == (-errno.EINVAL, 0)


def test_row_42_exactly_representable_edges():
    # no detour through a double: 2**63 - 1 bytes fit, one more does not
    assert size.strtosz_suffix(str(2**63 - 1), "B")[0] == 2**63 - 1
    assert size.strtosz_suffix(str(2**63), "B")[0] == -errno.ERANGE
