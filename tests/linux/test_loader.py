"""Broken and hostile ELF files: a `LoaderError` each, never a crash."""

from __future__ import annotations

import contextlib
import random
import struct
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="needs pyelftools (extra: linux)")

from engine.errors import Error, LoaderError
from engine.linux import Process
from engine.linux.elf import parse_program, read_program

EXAMPLE = Path(__file__).parents[2] / "examples" / "riscv64" / "sha256sum"
GOOD = EXAMPLE.read_bytes()


def patched(offset: int, data: bytes) -> bytes:
    return GOOD[:offset] + data + GOOD[offset + len(data) :]


PHOFF = struct.unpack_from("<Q", GOOD, 32)[0]
PHNUM = struct.unpack_from("<H", GOOD, 56)[0]
LOAD = next(
    PHOFF + 56 * i for i in range(PHNUM) if struct.unpack_from("<I", GOOD, PHOFF + 56 * i)[0] == 1
)


def load(data: bytes, tmp_path: Path) -> Process:
    path = tmp_path / "program"
    path.write_bytes(data)
    return Process(path, ["program"])


def test_a_good_file_says_what_it_is():
    program = read_program(EXAMPLE)
    assert (program.machine, program.elf_class, program.big_endian) == (243, 64, False)
    assert program.low < program.entry < program.high
    assert "x" in "".join(s.perms for s in program.segments)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"#!/bin/sh\necho\n", "not an ELF"),
        (b"MZ" + bytes(100), "not an ELF"),
        (GOOD[:20], "broken"),
        (GOOD[:64], "broken"),
        (GOOD[: len(GOOD) // 2], "truncated"),
        (patched(4, b"\x07"), "broken"),
        (patched(16, b"\x01\0"), "ET_REL"),
        (patched(18, b"\xf7\0"), "which user mode does not run"),
        (patched(56, b"\0\0"), "program headers"),
        (patched(56, b"\xff\xff"), "program headers"),
        (patched(LOAD + 32, struct.pack("<Q", 1 << 62)), "truncated"),
        (patched(LOAD + 40, struct.pack("<Q", 1)), "more bytes in the file"),
        (patched(LOAD + 40, struct.pack("<Q", 1 << 60)), "does not fit"),
        (patched(LOAD + 16, struct.pack("<Q", 0)), "address 0"),
        (patched(LOAD + 16, struct.pack("<Q", (1 << 64) - 4096)), "does not fit"),
        (patched(LOAD + 16, struct.pack("<Q", (1 << 64) - 16)), "past the address space"),
    ],
)
def test_bad_file(data, words, tmp_path):
    with pytest.raises(LoaderError, match=words):
        load(data, tmp_path)


def test_missing_file_and_directory(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(LoaderError, match="cannot be read"):
            read_program(path)


def test_mutated_files_never_crash(tmp_path):
    """Random damage in the headers: loads or says why not; what loads is run for a while."""
    rng = random.Random(2026)
    outcomes = {"refused": 0, "ran": 0}
    for _ in range(300):
        data = bytearray(GOOD)
        for _ in range(rng.choice((1, 1, 2, 8))):
            area = rng.choice((64, PHOFF + 56 * PHNUM, len(data)))
            data[rng.randrange(area)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        try:
            process = load(bytes(data), tmp_path)
        except LoaderError:
            outcomes["refused"] += 1
            continue
        outcomes["ran"] += 1
        process.hook.remove()  # no system calls: damaged code does not get at the host
        with contextlib.suppress(Error):
            process.emu.run(count=2000)
    assert outcomes["refused"] > 20
    assert outcomes["ran"] > 20


def test_parse_of_random_bytes():
    rng = random.Random(7)
    for _ in range(300):
        with pytest.raises(LoaderError):
            parse_program(b"\x7fELF" + rng.randbytes(rng.randrange(400)))
