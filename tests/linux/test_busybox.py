"""Debian's busybox-static under `engine run` and on the host: the same output, errors, status."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="needs pyelftools (extra: linux)")
pytest.importorskip("click", reason="needs click (extra: linux)")

ROOT = Path(__file__).parents[2]
ON_X86 = platform.machine() == "x86_64" and sys.platform.startswith("linux")
NUMBERS = "".join(f"{n * 7919 % 1000} {n}\n" for n in range(1500)).encode()

COMMANDS = [
    ["sha256sum", "{root}/README.md", "{root}/LICENSE"],
    ["sort", "-n"],
    ["vi", "--help"],
    ["gzip", "-c"],
    ["sh", "-c", "{bb} sort -n | {bb} head -n 40 | {bb} sha256sum; {bb} false || echo no; exit 7"],
    ["sh", "-c", "{bb} gzip -c | {bb} gunzip -c | while read a b; do [ $b = 9 ] && echo $a; done"],
    ["sh", "-c", "cd {dir}; mkdir d; touch -d 2020-01-02 d/a; ln -s a d/b; mv d/a d/c;"
     "{bb} ls -l d/c; {bb} readlink d/b; rm d/c; rm d/none; {bb} find . ; "
     "trap 'echo got it' USR1; kill -USR1 $$; {bb} sh -c 'kill $$'; echo $?; "
     "echo $(echo nested) `{bb} uname -s`; sleep 0.01 & wait; "
     "{bb} rm -r d; {bb} ls /no/such"],
]  # fmt: skip
FLOATS = [
    ["awk", "{s += $1; q[$1 % 7]++} END {printf \"%d %.3f\\n\", s, s / NR; print q[3], sqrt(2)}"],
    ["sh", "-c", "{bb} seq 1 0.25 3 | {bb} tr '\\n' ' '; {bb} printf '%.3f %e\\n' 3.14159 1234.5"],
]  # fmt: skip


def guest_program(bits: int) -> str:
    """Path of the busybox for 64 or 32 bits."""
    if not ON_X86:
        pytest.skip("runs the same program on the host: needs Linux on x86-64")
    if bits == 64:
        found = shutil.which("busybox")
        what = "Debian's busybox-static"
    else:
        found = os.environ.get("ENGINE_BUSYBOX_I386") or shutil.which("busybox-i386")
        what = "busybox of Debian's busybox-static:i386 as busybox-i386 (or ENGINE_BUSYBOX_I386)"
    if not found:
        pytest.skip(f"needs {what}")
    data = Path(found).read_bytes()
    if data[:4] != b"\x7fELF" or data[4] != bits // 32 or b"/ld-linux" in data[:4096]:
        pytest.skip(f"needs {what}: {found} is another program")
    return found


def run(words: list[str], where: Path) -> tuple[int, bytes, bytes]:
    env = os.environ | {"LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(
        words, input=NUMBERS, capture_output=True, timeout=120, env=env, check=False, cwd=where
    )
    return done.returncode, done.stdout, done.stderr


def check(bits: int, command: list[str], where: Path) -> None:
    program = guest_program(bits)
    words = [program, *(word.replace("{bb}", program) for word in command)]
    words = [word.replace("{dir}", str(where)).replace("{root}", str(ROOT)) for word in words]
    assert run([sys.executable, "-m", "engine", "run", *words], where) == run(words, where)


@pytest.mark.parametrize("command", COMMANDS + FLOATS, ids=lambda c: f"{c[0]}{len(c[-1])}")
@pytest.mark.parametrize("bits", [64, 32])
def test_busybox_does_what_it_does_on_the_host(bits, command, tmp_path):
    check(bits, command, tmp_path)
