"""Rows 38, 42, 57 from Python: engine._core.api.hostutil. Rows 43, 44: assertions at build time."""

import random
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from engine import errors

h = pytest.importorskip("engine._core.api.hostutil")
M64 = (1 << 64) - 1


@pytest.mark.parametrize("fn", [h.muldiv64, h.muldiv64_limbs])
def test_row_38_muldiv64(fn):
    assert fn(M64, (1 << 32) - 1, 1) == 0xffffffff00000001
    assert fn(M64, 3, 2) == 0x7ffffffffffffffe
    assert fn(7, 5, 3) == 11
    assert fn(1 << 63, 2, 1) == 0
    with pytest.raises(ZeroDivisionError):
        fn(1, 1, 0)
    with pytest.raises(errors.DivideByZeroError):
        fn(1, 1, 0)
    for bad in ((1 << 64, 1, 1), (-1, 1, 1), (1, 1 << 32, 1), (1, 1, 1 << 32)):
        with pytest.raises(errors.RangeError):
            fn(*bad)
    with pytest.raises(errors.ArgumentTypeError):
        fn(1.5, 1, 1)


def test_row_38_wide_products_and_quotients():
    rng = random.Random(38)
    for _ in range(300):
        a, b = rng.getrandbits(64), rng.getrandbits(rng.randint(1, 64))
        low, high = h.mulu64(a, b)
        assert high << 64 | low == a * b
        sa, sb = a - (1 << 63), b - (1 << 63)
        low, high = h.muls64(sa, sb)
        assert (high << 64) + low == sa * sb
        if b:
            n = a * b + rng.randrange(b)
            for limbs in (False, True):
                assert h.divu128(n & M64, n >> 64, b, limbs=limbs) == (False, n // b, n % b)
    for limbs in (False, True):
        assert h.divu128(5, 7, 7, limbs=limbs) == (True, 5, 7)      # high half == divisor
        assert h.divu128(5, 0, 0, limbs=limbs) == (True, 5, 0)
    assert h.divs128(M64 - 6, -1, 2) == (False, M64 - 2, -1)        # -7 / 2 = -3, rest -1
    assert h.divs128(1 << 63, 0, 1) == (True, 1 << 63, 0)
    assert h.divs128(1 << 63, -1, -1) == (True, 1 << 63, -1)


def test_row_38_counts_of_zero_are_the_width():
    assert (h.clz32(0), h.clz64(0), h.ctz32(0), h.ctz64(0)) == (32, 64, 32, 64)
    assert (h.clz32(1), h.clz64(1), h.ctz32(8), h.ctz64(1 << 63)) == (31, 63, 3, 63)
    assert h.ctpop64(M64) == 64
    with pytest.raises(errors.RangeError):
        h.clz32(1 << 32)


def test_row_38_fields_and_rotates():
    assert h.extract64(0x12345678, 8, 8) == 0x56
    assert h.sextract64(0xf0, 4, 4) == -1
    assert h.deposit64(0, 60, 4, 0x1f) == 0xf << 60
    assert h.extract64(M64, 0, 64) == M64
    for start, length in ((0, 0), (1, 64), (64, 1), (0, 65), (M64, 2)):
        with pytest.raises(errors.RangeError):
            h.extract64(0, start, length)
    assert h.rol32(0x80000001, 1) == 3 and h.ror32(3, 33) == 0x80000001
    assert h.rol64(1, 64) == 1 and h.ror64(1, 1) == 1 << 63


def bits_of(map):
    return int.from_bytes(map.tobytes(), "little")


@pytest.mark.parametrize("atomic", [False, True])
def test_row_70_bits_of_a_map(atomic):
    np = pytest.importorskip("numpy")
    for start in (0, 1, 63, 64, 65, 130):
        for nr in (0, 1, 60, 61, 62, 190 - start):
            map = np.zeros(3, np.uint64)
            h.set_bits(map, start, nr, atomic=atomic)
            want = ((1 << nr) - 1) << start
            assert bits_of(map) == want
            assert h.count_bits(map, 0, 192) == nr
            assert h.next_bit(map, 192, 0) == (start if nr else 192)
            assert h.next_bit(map, 192, start, zero=True) == start + nr
            assert h.test_and_clear_bits(map, start, nr) is (nr > 0)
            assert bits_of(map) == 0
            map[:] = M64
            h.clear_bits(map, start, nr)
            assert bits_of(map) == ((1 << 192) - 1) & ~want
    with pytest.raises(errors.RangeError):
        h.set_bits(map, 190, 3)


def test_row_57_find_nonzero():
    assert h.find_nonzero_variant() in ("sse2", "neon", "words")
    data = bytearray(5000)
    assert h.find_nonzero(data) == 5000 and h.buffer_is_zero(data) and h.buffer_is_zero(b"")
    for at in (0, 1, 15, 16, 127, 128, 4999):
        data[at] = 1
        assert h.find_nonzero(data) == h.find_nonzero(data, words=True) == at
        assert not h.buffer_is_zero(data)
        data[at] = 0


STATIC = """
from engine._core.base.compiler cimport build_assert
from engine._core.base.types cimport uint64_t
cdef extern from *:
    '''
    ENGINE_BUILD_ASSERT({file_scope});
    '''
def check():
    build_assert({statement})
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(("file_scope", "statement", "builds"), [
    ("sizeof(uint64_t) == 8", "sizeof(uint64_t) == 8", True),
    ("sizeof(uint64_t) == 4", "sizeof(uint64_t) == 8", False),
    ("sizeof(uint64_t) == 8", "sizeof(uint64_t) == 4", False)])
def test_row_43_false_assertion_fails_the_build(tmp_path, file_scope, statement, builds):
    pytest.importorskip("Cython")
    root = Path(errors.__file__).resolve().parent.parent
    source = tmp_path / "asserts.pyx"
    source.write_text(STATIC.format(file_scope=file_scope, statement=statement))
    subprocess.run([sys.executable, "-m", "cython", "-3", "-I", str(root), "-o",
                    str(tmp_path / "asserts.c"), str(source)], check=True, cwd=tmp_path)
    done = subprocess.run(["gcc", "-fsyntax-only", "-I", sysconfig.get_path("include"),
                           str(tmp_path / "asserts.c")], capture_output=True, text=True)
    assert (done.returncode == 0) is builds, done.stderr
    if not builds:
        assert "negative" in done.stderr


def test_row_44_compiler_matters_live_in_one_header():
    root = Path(errors.__file__).resolve().parent / "_core"
    home = (root / "base/compiler.pxd").read_text(encoding="utf-8")
    for name in ("__builtin_expect", "ENGINE_PASTE(", "ENGINE_STRINGIFY(", "container_of"):
        assert name in home
    others = [path for path in root.rglob("*") if path.suffix in (".pxd", ".pyx", ".pxi")
              and path.name != "compiler.pxd" and "_gen" not in path.stem
              and ("__builtin_expect" in (text := path.read_text(encoding="utf-8"))
                   or "define engine_likely" in text)]
    assert not others
    assert not [line for line in home.splitlines() if "cimport" in line.split("#")[0]]
