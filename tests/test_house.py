"""House rules that a machine can check: headers, sizes, leftovers, Cython manners, lint, the map.

What lives here: rules about all files. What does not: who may import whom (test_layers.py), types
(.ci/types).
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (".py", ".pyx", ".pxd", ".pxi", ".pyi", ".isa", ".tab", ".h", ".c", ".S")
CYTHON = (".pyx", ".pxd", ".pxi")
SKIP = {"build", "dist", ".git", ".cache", "__pycache__", ".hypothesis"}

spec = importlib.util.spec_from_file_location("make_map", ROOT / ".ci/make_map.py")
make_map = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_map)


def files(*suffixes: str, under: str = ".") -> list[Path]:
    """Hand-written files of the checkout."""
    return [path for path in sorted((ROOT / under).rglob("*"))
            if path.suffix in suffixes and path.is_file() and not path.stem.endswith("_gen")
            and not any(part in SKIP or part.startswith(".venv") or part.endswith(".egg-info")
                        for part in path.relative_to(ROOT).parts)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_that(pattern: str, paths: list[Path]) -> list[str]:
    found = re.compile(pattern)
    return [f"{name(path)}:{number}: {line.strip()}" for path in paths
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if found.search(line)]


def core(*suffixes: str, but: tuple[str, ...] = ()) -> list[Path]:
    return [path for path in files(*suffixes, under="engine/_core")
            if path.relative_to(ROOT / "engine/_core").parts[0] not in but]


def test_there_is_something_to_check():
    assert len(files(*TEXT)) > 20


def test_every_file_opens_with_a_header():
    bare = [name(path) for path in files(*TEXT) if path.stat().st_size and path.suffix != ".S"
            and len(make_map.header(path)) < 20]
    assert not bare


def test_file_sizes():
    big = {name(path): count for path in files(*TEXT)
           if (count := len(path.read_text(encoding="utf-8").splitlines())) > 1500}
    assert not big


def test_no_leftovers():
    # The words are written apart so that this file passes its own test.
    words = "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"])
    assert not lines_that(rf"\b({words})\b", files(*TEXT, ".md", ".toml", ".yml"))


def test_directives_live_in_setup_py():
    assert not lines_that(r"^#\s*(cython|distutils)\s*:", files(*CYTHON))


def test_no_nogil_function_without_exception_clause():
    # The clause stands between the closing parenthesis and nogil.
    pattern = re.compile(r"^.*\)\s*nogil\b", re.M)
    wrong = [f"{name(path)}: {' '.join(match[0].split())}" for path in core(*CYTHON)
             for match in pattern.finditer(path.read_text(encoding="utf-8"))]
    assert not wrong


def test_core_below_api_has_no_classes_and_no_cpdef():
    assert not lines_that(r"^\s*(cdef\s+class|cpdef)\b", core(*CYTHON, but=("api",)))


def test_holders_of_buffers_are_not_cleared():
    """The garbage collector would take the owner out of a Py_buffer that is still held."""
    texts = [path.read_text(encoding="utf-8") for path in core(".pyx", ".pxd")]
    holders = {match[1] for text in texts for match in re.finditer(
        r"^cdef class (\w+)[^\n]*:\n(?:(?:    [^\n]*)?\n)*?    cdef Py_buffer ", text, re.M)}
    assert {"Block", "RecorderCell"} <= holders
    kept = {found for text in texts for found in re.findall(
        r"^@cython\.no_gc_clear\ncdef class (\w+)", text, re.M)}
    assert not holders - kept


def test_posix_calls_only_in_files_of_one_os():
    pattern = r"^\s*(from|cimport)\s+(libc\.signal|posix)\b"
    assert not lines_that(pattern, [path for path in core(*CYTHON)
                                    if not re.search(r"_(linux|darwin|posix)$", path.stem)])


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_generated_files_are_not_committed():
    listed = subprocess.run(["git", "ls-files", "*_gen.*", "*.so", "*.pyd", "engine/**/*.c"],
                            cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout == ""


def test_map_is_up_to_date():
    kept = (ROOT / "engine/_core/MAP.md").read_text(encoding="utf-8")
    assert kept == make_map.render(), "run: python .ci/make_map.py"


def test_changelog_names_the_version():
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_workflow_is_a_link_to_wheels_yml():
    link = ROOT / ".github/workflows/wheels.yml"
    if not link.exists():
        pytest.skip("not part of the sdist")
    assert link.read_text() == (ROOT / "wheels.yml").read_text()


def run_linter(*command: str) -> None:
    # Beside this interpreter first; cython-lint in turn looks for pycodestyle on PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(command[0], path=path)
    if not found:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([found, *command[1:]], cwd=ROOT, env={**os.environ, "PATH": path},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff():
    run_linter("ruff", "check", ".")


def test_cython_lint():
    run_linter("cython-lint", *map(name, files(*CYTHON)))
