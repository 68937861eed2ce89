"""base/hostmem, clock and arena: laziness, growth, guard page (spec rows 11, 19, 51)."""
import errno
import mmap
import os
import subprocess
import sys
import tempfile

import pytest

from engine._core.base.arena cimport Arena, arena_alloc, arena_free, arena_init, arena_reset
from engine._core.base.clock cimport clock_ns
from engine._core.base.hostmem cimport (host_close, host_page_size, hostmem_discard, hostmem_grow,
                                        hostmem_map, hostmem_unmap, ram_align, ram_mmap, ram_munmap)
from engine._core.base.types cimport uint8_t, uint64_t, uintptr_t


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * mmap.PAGESIZE


def maps_around(address):
    """Protection of the mapping that covers an address, '' if none."""
    with open("/proc/self/maps") as f:
        for line in f:
            low, high = (int(x, 16) for x in line.split()[0].split("-"))
            if low <= address < high:
                return line.split()[1]
    return ""


def inaccessible():
    """(start, end) of each mapping without any permission."""
    with open("/proc/self/maps") as f:
        spans = [line.split()[0].split("-") for line in f if " ---p " in line]
    return [(int(low, 16), int(high, 16)) for low, high in spans]


def bytes_within(spans, low, high):
    """How much of the spans lies there: elsewhere others (a sanitizer's heap) map and unmap."""
    return sum(max(0, min(end, high) - max(start, low)) for start, end in spans)


def test_page_size():
    n = host_page_size()
    assert n == mmap.PAGESIZE and n & (n - 1) == 0


def test_map_grow_discard():
    cdef uint64_t size = 1 << 20
    cdef uint8_t *p = <uint8_t *>hostmem_map(size)
    cdef uint8_t *q
    assert p != NULL
    p[0], p[size - 1] = 7, 9
    q = <uint8_t *>hostmem_grow(p, size, 64 * size)
    assert q != NULL
    assert (q[0], q[1], q[size - 1], q[size], q[64 * size - 1]) == (7, 0, 9, 0, 0)
    q[64 * size - 1] = 1
    hostmem_discard(q, 64 * size)
    assert (q[0], q[size - 1], q[64 * size - 1]) == (0, 0, 0)
    hostmem_unmap(q, 64 * size)
    assert hostmem_map(0) == NULL
    assert hostmem_map(0xffffffffffffffffULL) == NULL


def test_a_terabyte_costs_nothing():
    cdef uint64_t size = 1ULL << 40
    cdef int err = 0
    if sys.platform == "win32":
        pytest.skip("committed memory counts there")
    before = resident() if sys.platform.startswith("linux") else 0
    cdef uint8_t *p = <uint8_t *>ram_mmap(-1, size, ram_align(size), False, &err)
    assert p != NULL, err
    p[size - 1] = 3
    p[size >> 1] = 4
    assert p[0] == 0 and p[size - 1] == 3
    if before:
        assert resident() - before < 16 << 20
    ram_munmap(p, size)


def test_row_19_ram_alignment_and_guard():
    cdef int err = 0
    cdef uint64_t size
    cdef uint8_t *p
    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    for n in (1, 4096, 65536, 1 << 20, 2 << 20, 5 << 20):
        size = n
        for align in (ram_align(size), 1 << 22):
            before = inaccessible()
            p = <uint8_t *>ram_mmap(-1, size, align, False, &err)
            assert p != NULL and <uintptr_t>p % align == 0
            top = <uintptr_t>p + -(-n // mmap.PAGESIZE) * mmap.PAGESIZE
            near = (<uintptr_t>p - 2 * align, top + 2 * align)
            assert (bytes_within(inaccessible(), *near) - bytes_within(before, *near)
                    == mmap.PAGESIZE)
            p[0] = p[size - 1] = 1
            assert maps_around(top - 1) == "rw-p"
            assert maps_around(top) == "---p"
            ram_munmap(p, size)
            assert bytes_within(inaccessible(), *near) == bytes_within(before, *near)
    assert ram_mmap(-1, 4096, 1, False, &err) == NULL and err == errno.EINVAL
    assert ram_mmap(-1, 1ULL << 63, 4096, False, &err) == NULL and err == errno.ENOMEM


def test_row_19_ram_from_file():
    cdef int err = 0, fd
    cdef uint8_t *p
    with tempfile.TemporaryDirectory() as home:
        path = os.path.join(home, "ram")
        with open(path, "wb") as f:
            f.write(b"abc" + bytes(8189))
        fd = os.open(path, os.O_RDWR)
        assert ram_mmap(fd, 3 * 8192, 4096, True, &err) == NULL and err == errno.EINVAL
        p = <uint8_t *>ram_mmap(fd, 8192, 4096, True, &err)
        assert p != NULL and p[:3] == b"abc"
        p[1] = 66
        ram_munmap(p, 8192)
        p = <uint8_t *>ram_mmap(fd, 8192, 4096, False, &err)
        p[0] = 65
        ram_munmap(p, 8192)
        host_close(fd)
        with open(path, "rb") as f:
            assert f.read(3) == b"aBc"


def touch_guard():
    """Run in a child: writes the byte after a block."""
    cdef int err = 0
    cdef uint8_t *p = <uint8_t *>ram_mmap(-1, 8192, host_page_size(), False, &err)
    p[8191] = 1
    print("inside", flush=True)
    p[8192] = 1


def test_row_19_guard_page_faults():
    if sys.platform == "win32":
        pytest.skip("POSIX signals")
    code = ("import importlib.util as u, importlib.machinery as m; "
            f"l = m.ExtensionFileLoader({__name__!r}, {__file__!r}); "
            f"s = u.spec_from_file_location({__name__!r}, {__file__!r}, loader=l); "
            "x = u.module_from_spec(s); l.exec_module(x); x.touch_guard()")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout.strip() == "inside", done.stderr
    assert done.returncode < 0


def test_clock():
    a = clock_ns()
    for _ in range(1000):
        b = clock_ns()
        assert b >= a
        a = b
    assert a > 0


def test_arena():
    cdef Arena a
    cdef uint8_t *p
    cdef int i
    arena_init(&a, 1000)
    for _ in range(3):
        seen = set()
        for i in range(200):
            n = (i * 37) % 1500
            p = <uint8_t *>arena_alloc(&a, n)
            assert p != NULL and <uintptr_t>p % 16 == 0
            for k in range(n):
                p[k] = i & 255
            span = (<uintptr_t>p, <uintptr_t>p + n)
            assert all(span[1] <= s[0] or span[0] >= s[1] for s in seen)
            seen.add(span)
        arena_reset(&a)
        assert a.chunks != NULL and a.chunks.next == NULL
    assert arena_alloc(&a, 1ULL << 63) == NULL
    arena_free(&a)
    arena_free(&a)
