"""Real glibc programs, built by Debian's cross compiler, against the host's build of the same C."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("elftools", reason="needs pyelftools (extra: linux)")
pytest.importorskip("click", reason="needs click (extra: linux)")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples" / "riscv64"
CROSS = shutil.which("riscv64-linux-gnu-gcc")
HOST = shutil.which("gcc")
ENGINE = [sys.executable, "-m", "engine", "run"]

needs_compilers = pytest.mark.skipif(
    not CROSS or not HOST, reason="needs Debian's gcc and gcc-riscv64-linux-gnu"
)


def build(compiler: str, name: str, where: Path) -> Path:
    out = where / f"{name}.{Path(compiler).name}"
    source = HERE / "programs" / f"{name}.c"
    static = ["-static"] if compiler == CROSS else []
    # -ffp-contract=off: the host has no fused multiply-add by default, the guest has
    flags = ["-O2", "-w", "-ffp-contract=off", *static]
    subprocess.run([compiler, *flags, "-o", out, source, "-lm"], check=True, timeout=120)
    return out


def run(command: list[str | Path], data: bytes = b"", **options: object):
    env = os.environ | {"ENGINE_TEST": "value of a variable", "LC_ALL": "C"}
    words = [str(c) for c in command]
    done = subprocess.run(
        words, input=data, capture_output=True, timeout=120, env=env, check=False, **options
    )
    return done.returncode, done.stdout, done.stderr


@needs_compilers
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("doubles", []),
        ("algorithms", []),
        ("copyhash", ["{dir}"]),
        ("environment", ["{dir}", "two words", "ü"]),
        ("signals", []),
    ],
)
def test_program_prints_what_the_host_prints(name, arguments, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "b").write_text("b")
    (work / "a").write_text("a")
    args = [a.format(dir=work) for a in arguments]
    data = b"first\nsecond\n"
    expected = run([build(HOST, name, tmp_path), *args], data)
    got = run([*ENGINE, build(CROSS, name, tmp_path), *args], data)
    assert got[1] == expected[1]
    assert got[0] == expected[0]
    if name == "environment":  # its unknown call is reported once, and nothing else
        assert got[2].count(b"unknown system call 1023") == 1
    else:
        assert got[2] == expected[2]


@needs_compilers
@pytest.mark.parametrize(("argument", "signo"), [("abort", 6), ("segv", 11)])
def test_death_by_signal(argument, signo, tmp_path):
    status, out, err = run([*ENGINE, build(CROSS, "signals", tmp_path), argument])
    assert status == 128 + signo
    assert b"delivered 1" in out
    assert {6: b"SIGABRT", 11: b"SIGSEGV"}[signo] in err
    if signo == 11:
        assert b"0x10" in err  # the address


@needs_compilers
def test_dynamic_program_with_sysroot(tmp_path):
    sysroot = Path("/usr/riscv64-linux-gnu")
    if not (sysroot / "lib/ld-linux-riscv64-lp64d.so.1").exists():
        pytest.skip("needs Debian's libc6-riscv64-cross")
    out = tmp_path / "dynamic"
    source = HERE / "programs" / "algorithms.c"
    subprocess.run([CROSS, "-O2", "-w", "-o", out, source, "-lm"], check=True, timeout=120)
    expected = run([build(HOST, "algorithms", tmp_path)])
    got = run([*ENGINE, "--sysroot", sysroot, out])
    assert got == expected
    status, _, err = run([*ENGINE, out])
    assert status == 126
    assert b"dynamically linked" in err


def test_sha256sum_example():
    files = [str(ROOT / "README.md"), str(EXAMPLES / "sha256sum")]
    status, out, err = run([*ENGINE, EXAMPLES / "sha256sum", *files])
    lines = [f"{hashlib.sha256(Path(f).read_bytes()).hexdigest()}  {f}\n" for f in files]
    assert (status, out.decode(), err) == (0, "".join(lines), b"")


def test_sha256sum_of_standard_input():
    data = os.urandom(200_000)
    status, out, _ = run([*ENGINE, EXAMPLES / "sha256sum"], data)
    assert (status, out) == (0, hashlib.sha256(data).hexdigest().encode() + b"  -\n")


def test_sha256sum_of_a_missing_file():
    status, out, err = run([*ENGINE, EXAMPLES / "sha256sum", "/no/such/file"])
    assert (status, out) == (1, b"")
    assert err == b"sha256sum: /no/such/file: cannot be read\n"


def test_wordcount_example():
    text = b"The cat and the dog.\nA dog, a CAT, the end\n"
    status, out, _ = run([*ENGINE, EXAMPLES / "wordcount"], text)
    words = len(text.split())
    top = [(3, "the"), (2, "a"), (2, "cat"), (2, "dog"), (1, "and"), (1, "end")]
    expected = f"{2:7}{words:8}{len(text):9} -\n" + "".join(f"{n:7} {w}\n" for n, w in top)
    assert (status, out.decode()) == (0, expected)


def test_stats_and_trace(tmp_path):
    status, _, err = run([*ENGINE, "--stats", "--trace", "syscalls", EXAMPLES / "wordcount"], b"a")
    assert status == 0
    assert b"write(0x1" in err
    assert b"exit_group(0x0" in err
    assert b"instructions" in err


def test_trace_of_instructions():
    status, _, err = run([*ENGINE, "--trace", "insns", EXAMPLES / "wordcount"], b"a b")
    assert status == 0
    assert b"ecall" in err
    assert len(err.splitlines()) > 100


def test_output_to_a_closed_pipe():
    code = f"{sys.executable} -m engine run {EXAMPLES / 'sha256sum'} {ROOT}/*.md | true"
    done = subprocess.run(["sh", "-c", code], capture_output=True, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
