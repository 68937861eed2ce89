"""Real glibc programs, built by Debian's compilers, against the host's run of the same C."""

from __future__ import annotations

import hashlib
import os
import platform
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
ENGINE = [sys.executable, "-m", "engine", "run"]
HOST = shutil.which("gcc")
ON_X86 = platform.machine() == "x86_64" and sys.platform.startswith("linux")
COMPILERS = {
    "riscv64": ("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
    "x86_64": ("x86_64-linux-gnu-gcc", "gcc on amd64"),
    "i386": ("i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
}
GUESTS = list(COMPILERS)


def compiler(guest: str) -> str:
    command, package = COMPILERS[guest]
    found = shutil.which(command)
    if not found or not HOST:
        pytest.skip(f"needs Debian's gcc and {package}")
    if guest != "riscv64" and not ON_X86:
        pytest.skip("runs the same program on the host: needs Linux on x86-64")
    return found


def build(command: str, name: str, where: Path) -> Path:
    out = where / f"{name}.{Path(command).name}"
    source = HERE / "programs" / f"{name}.c"
    static = ["-static"] if command != HOST else []
    # -ffp-contract=off: the host has no fused multiply-add by default, the guest has
    flags = ["-O2", "-w", "-ffp-contract=off", *static]
    subprocess.run([command, *flags, "-o", out, source, "-lm"], check=True, timeout=120)
    return out


def build_pair(guest: str, name: str, where: Path) -> tuple[Path, Path]:
    """The guest's program, and what the host runs for comparison: itself where it can."""
    program = build(compiler(guest), name, where)
    return program, program if guest != "riscv64" else build(HOST, name, where)


def run(command: list[str | Path], data: bytes = b"", **options: object):
    env = os.environ | {"ENGINE_TEST": "value of a variable", "LC_ALL": "C"}
    words = [str(c) for c in command]
    done = subprocess.run(
        words, input=data, capture_output=True, timeout=120, env=env, check=False, **options
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("guest", GUESTS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("doubles", []),
        ("algorithms", []),
        ("copyhash", ["{dir}"]),
        ("environment", ["{dir}", "two words", "ü"]),
        ("signals", []),
        ("children", ["{dir}/script"]),
    ],
)
def test_program_prints_what_the_host_prints(guest, name, arguments, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "b").write_text("b")
    program, native = build_pair(guest, name, tmp_path)
    script = work / "script"
    script.touch(0o755)
    args = [a.format(dir=work) for a in arguments]
    data = b"first\nsecond\n"
    script.write_text(f"#!{program} echo\n")
    got = run([*ENGINE, program, *args], data)
    script.write_text(f"#!{native} echo\n")
    expected = run([native, *args], data)
    assert got[1] == expected[1]
    assert got[0] == expected[0]
    if name == "environment":  # its unknown call is reported once, and nothing else
        assert got[2].count(b"unknown system call 1023") == 1
    else:
        assert got[2] == expected[2]


def test_dynamic_program_with_sysroot(tmp_path):
    cross = compiler("riscv64")
    sysroot = Path("/usr/riscv64-linux-gnu")
    if not (sysroot / "lib/ld-linux-riscv64-lp64d.so.1").exists():
        pytest.skip("needs Debian's libc6-riscv64-cross")
    out = tmp_path / "dynamic"
    source = HERE / "programs" / "algorithms.c"
    subprocess.run([cross, "-O2", "-w", "-o", out, source, "-lm"], check=True, timeout=120)
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
