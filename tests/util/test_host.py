"""Rows 4, 11, 39, 40, 41: the lowest Python module, platform facts and fall-backs."""

import ast
import errno
import mmap
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.util import host

UTIL = Path(host.__file__).resolve().parent
ROOT = UTIL.parent.parent
STDLIB = {"errno", "mmap", "os", "sys", "types", "__future__", "collections"}


def imports_of(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or "").split(".")[0])
    return found


def in_fresh_interpreter(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60)


def test_row_4_the_lowest_module_is_enough_for_every_utility():
    """Every module of util imports alone and brings in nothing of the engine but util, errors."""
    modules = sorted(path.stem for path in UTIL.glob("*.py") if path.stem != "__init__")
    assert {"cutils", "host", "log", "size"} <= set(modules)
    for module in modules:
        done = in_fresh_interpreter(
            f"import sys, engine.util.{module}\n"
            "print(*[m for m in sys.modules if m.split('.')[0] == 'engine'])")
        assert done.returncode == 0, done.stderr
        loaded = set(done.stdout.split())
        assert loaded <= {"engine", "engine.errors", "engine.util", "engine.util.host",
                          "engine.util.factory",
                          f"engine.util.{module}"}, loaded


def test_row_4_nobody_takes_platform_constants_from_a_catch_all_module():
    """A platform name comes from `os`, `errno`, `mmap` or util.host, not through another module."""
    names = {"O_BINARY", "O_LARGEFILE", "MAP_ANONYMOUS", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED"}
    wrong = []
    for path in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and names & {a.name for a in node.names}:
                source = (node.module or "").split(".")[-1]
                if source not in ("os", "errno", "mmap", "host"):
                    wrong.append(f"{path}: {node.module}")
    assert not wrong


def test_row_11_page_size_is_an_int_and_the_systems():
    size = host.host_page_size()
    assert type(size) is int and size > 0 and size & (size - 1) == 0
    assert size == mmap.PAGESIZE
    if hasattr(os, "sysconf"):
        assert size == os.sysconf("SC_PAGESIZE")
    api = pytest.importorskip("engine._core.api.hostutil")
    assert api.host_page_size() == size and type(api.host_page_size()) is int
    assert api.host_page_align(1) == size and api.host_page_align(0) == 0
    assert api.host_page_align(size) == size
    assert api.host_page_align(1, guest_page=8 * size) == 8 * size


def test_row_39_the_platform_module_imports_only_the_allowed_set():
    assert imports_of(UTIL / "host.py") <= STDLIB
    for path in UTIL.glob("*.py"):
        inside = {name for name in imports_of(path) if name.startswith((".", "engine"))}
        assert inside <= {"..errors", ".", ".host"}, path
    assert not {n for n in imports_of(UTIL.parent / "errors.py") if n.startswith((".", "engine"))}


def test_row_40_constants_are_the_systems_where_it_has_them():
    assert getattr(mmap, "MAP_ANONYMOUS", 0) == host.MAP_ANONYMOUS
    assert getattr(errno, "ENOTSUP", 4096) == host.ENOTSUP
    assert getattr(errno, "ECANCELED", 4097) == host.ECANCELED
    assert getattr(errno, "EMEDIUMTYPE", 4098) == host.EMEDIUMTYPE
    assert getattr(errno, "ENOMEDIUM", errno.ENODEV) == host.ENOMEDIUM
    assert getattr(os, "O_BINARY", 0) == host.O_BINARY
    assert getattr(os, "O_LARGEFILE", 0) == host.O_LARGEFILE
    if sys.platform == "linux":
        assert (host.ENOMEDIUM, host.EMEDIUMTYPE, host.ECANCELED) == (123, 124, 125)
    assert host.TIME_MAX in ((1 << 31) - 1, (1 << 63) - 1)


def test_row_40_fallbacks_of_a_platform_that_lacks_them():
    bare = host.constants(SimpleNamespace(), SimpleNamespace(ENODEV=19, EINVAL=22),
                          SimpleNamespace(MAP_ANON=0x1000), long_bits=32)
    assert bare == {
        "O_LARGEFILE": 0, "O_BINARY": 0, "MAP_ANONYMOUS": 0x1000, "ENOMEDIUM": 19,
        "ENOTSUP": 4096, "ECANCELED": 4097, "EMEDIUMTYPE": 4098, "EPROTONOSUPPORT": 22,
        "TIME_MAX": (1 << 31) - 1}
    own = host.constants(SimpleNamespace(O_BINARY=5), SimpleNamespace(ENOMEDIUM=7, ENODEV=19),
                         SimpleNamespace(MAP_ANONYMOUS=3, MAP_ANON=4))
    assert (own["O_BINARY"], own["ENOMEDIUM"], own["MAP_ANONYMOUS"]) == (5, 7, 3)


def test_row_40_rounding():
    assert [host.round_up(n, 8) for n in (0, 1, 8, 9)] == [0, 8, 8, 16]
    assert [host.div_round_up(n, 3) for n in (0, 1, 3, 4)] == [0, 1, 1, 2]
    assert [host.min_non_zero(*pair) for pair in ((0, 0), (0, 5), (5, 0), (7, 3))] == [0, 5, 5, 3]
    assert host.array_size([1, 2, 3]) == 3


def test_row_41_truncation_beyond_32_bits():
    with tempfile.TemporaryFile() as file:
        size = (1 << 32) + 5
        result = host.truncate(file.fileno(), size)
        if result == -errno.EFBIG:
            pytest.skip("the file system has no files that large")
        assert result == 0
        assert os.fstat(file.fileno()).st_size == size
        assert host.truncate(file.fileno(), 3) == 0
        assert os.fstat(file.fileno()).st_size == 3
        assert host.truncate(file.fileno(), -1) == -errno.EINVAL
        assert host.truncate(file.fileno(), 1 << 70) == -errno.EFBIG


def test_row_41_protocol_error_falls_back():
    assert getattr(errno, "EPROTONOSUPPORT", errno.EINVAL) == host.EPROTONOSUPPORT
