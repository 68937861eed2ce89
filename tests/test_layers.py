"""Who may import whom: every import, cimport and include of engine/ against the table below.

What lives here: the table of layers, the reader of import lines, the check of both. What does not:
other house rules (test_house.py).
"""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "engine"
CORE = "engine._core."

# Layer -> the layers (or single modules) it may take from, besides itself. A folder inside isa/ or
# backend/ is a layer of its own kind: it sees its parent's modules and never a sibling folder.
CORE_TABLE = {
    "base": set(),
    "crypto": {"base"},
    "fp": {"base"},
    "mem": {"base"},
    "ir": {"base"},
    "cpu": {"base", "fp", "mem.tlb"},
    "opt": {"base", "ir"},
    "isa": {"base", "crypto", "fp", "mem", "ir", "cpu"},
    "backend": {"base", "crypto", "fp", "ir", "mem", "cpu"},
    "exec": {"base", "crypto", "fp", "mem", "ir", "cpu", "opt", "isa", "backend"},
    "api": {"base", "crypto", "fp", "mem", "ir", "cpu", "opt", "isa", "backend", "exec"},
    "gen": set(),
}
FAMILIES = ("isa", "backend")  # folders of guests, folders of hosts
# Python layers that import nothing of the package but errors, which imports nothing at all.
LEAVES = ("errors", "qobject", "util")
CORE_MAY_SEE = {"api": LEAVES}  # the GIL-aware layer raises the package's exceptions


class Use(NamedTuple):
    file: str    # path relative to the root
    line: int
    source: str  # module that imports
    target: str  # module or name imported


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(name: str, path: Path) -> str:
    """Turn the name of a relative import into an absolute one."""
    if not name.startswith("."):
        return name
    dots = len(name) - len(name.lstrip("."))
    package = path.relative_to(ROOT).parent.parts
    return ".".join([*package[:len(package) - dots + 1], *filter(None, [name.lstrip(".")])])


def names_in(text: str) -> list[str]:
    """`a, b as c` -> a, b"""
    text = text.split("#")[0].replace("(", " ").replace(")", " ").replace("\\", " ")
    return [part.split()[0] for part in text.split(",") if part.split()]


def python_lines(text: str) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found += [(node.lineno, base + ("" if base.endswith(".") else ".") + alias.name)
                      for alias in node.names]
    return found


FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+c?import[ \t]*"
                  r"(\([^)]*\)|(?:[^\n\\]|\\\n)*)", re.M)
PLAIN = re.compile(r"^[ \t]*c?import[ \t]+([\w., \t]+)", re.M)
INCLUDE = re.compile(r"^[ \t]*include[ \t]+[\"']([^\"']+)[\"']", re.M)


def cython_lines(text: str, path: Path) -> list[tuple[int, str]]:
    found = []

    def line(match):
        return text.count("\n", 0, match.start()) + 1

    for match in FROM.finditer(text):
        base = match[1]
        names = re.sub(r"#[^\n]*", "", match[2])
        found += [(line(match), base + ("" if base.endswith(".") else ".") + name)
                  for name in names_in(names.replace("\n", " "))]
    for match in PLAIN.finditer(text):
        found += [(line(match), name) for name in names_in(match[1])]
    for match in INCLUDE.finditer(text):
        file = (path.parent / match[1]).resolve()
        found.append((line(match), module_of(file)))
    return found


def uses_of(path: Path, text: str) -> list[Use]:
    """Everything of the package that a file takes in."""
    found = python_lines(text) if path.suffix in (".py", ".pyi") else cython_lines(text, path)
    file, source = path.relative_to(ROOT).as_posix(), module_of(path)
    uses = [Use(file, line, source, absolute(name, path)) for line, name in found]
    return [use for use in uses if use.target.split(".")[0] == "engine"]


def all_uses() -> list[Use]:
    return [use for path in sorted(ENGINE.rglob("*"))
            if path.suffix in (".py", ".pyi", ".pyx", ".pxd", ".pxi")
            for use in uses_of(path, path.read_text(encoding="utf-8"))]


def core_verdict(source: str, target: str) -> bool:
    """Both are names below engine._core."""
    src, dst = source.split("."), target.split(".")
    if src[0] not in CORE_TABLE or dst[0] not in CORE_TABLE:
        return False
    if src[0] == dst[0]:
        if src[0] not in FAMILIES:
            return True
        # isa/ itself knows no guest; a guest knows itself and isa/.
        home = ENGINE / "_core" / src[0]
        src_folder = src[1] if len(src) > 1 and (home / src[1]).is_dir() else None
        dst_folder = dst[1] if len(dst) > 1 and (home / dst[1]).is_dir() else None
        return dst_folder is None or dst_folder == src_folder
    allowed = CORE_TABLE[src[0]]
    return dst[0] in allowed or ".".join(dst[:2]) in allowed


def verdict(use: Use) -> bool:
    source, target = use.source + ".", use.target + "."
    if source.startswith(CORE):
        layer = source.removeprefix(CORE).split(".")[0]
        if target.startswith(CORE):
            return core_verdict(use.source.removeprefix(CORE), use.target.removeprefix(CORE))
        return target.split(".")[1] in CORE_MAY_SEE.get(layer, ())
    src, dst = source.split(".")[1], target.split(".")[1]
    if dst == "_core":
        return src not in LEAVES and target.startswith(CORE + "api.")
    if dst == "cli":
        return src in ("cli", "__main__")
    return src not in LEAVES or src == dst or dst == "errors"


def test_every_import_is_in_the_table():
    uses = all_uses()
    assert len(uses) > 10, "the reader finds no imports"
    wrong = [f"{use.file}:{use.line}: {use.source} must not import {use.target}"
             for use in uses if not verdict(use)]
    assert not wrong, "\n".join(wrong)


def test_every_core_folder_is_a_layer():
    folders = {path.name for path in (ENGINE / "_core").iterdir()
               if path.is_dir() and any(path.glob("*.p*"))}
    assert folders <= set(CORE_TABLE), folders - set(CORE_TABLE)


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """One cycle of a directed graph, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node):], node]
        if node in done:
            return []
        for after in sorted(graph.get(node, ())):
            if found := visit(after, [*path, node]):
                return found
        done.add(node)
        return []

    for start in sorted(graph):
        if found := visit(start, []):
            return found
    return []


def test_layers_form_no_cycle():
    graph = {layer: {name.split(".")[0] for name in below} for layer, below in CORE_TABLE.items()}
    assert not cycle_in(graph)
    real: dict[str, set[str]] = {}
    for use in all_uses():
        if use.source.startswith(CORE) and use.target.startswith(CORE):
            src, dst = (name.removeprefix(CORE).split(".")[0] for name in (use.source, use.target))
            if src != dst:
                real.setdefault(src, set()).add(dst)
    assert not cycle_in(real)


def test_headers_form_no_cycle():
    headers = {module_of(path) for path in ENGINE.rglob("*.pxd")}
    graph: dict[str, set[str]] = {}
    for use in all_uses():
        if use.file.endswith(".pxd"):
            target = use.target if use.target in headers else use.target.rpartition(".")[0]
            if target != use.source:
                graph.setdefault(use.source, set()).add(target)
    assert graph
    assert not cycle_in(graph)


# ------------------------------------------------------------ the reader and the table themselves

CYTHON = '''
from engine._core.base.types cimport (uint8_t,  # a comment, with a comma
                                      vaddr_t)
cimport engine._core.mem.tlb as tlb, libc.math
from .head cimport CPUHead
from ..mem cimport ram
    from engine.errors import Error
include "trans_gen.pxi"
'''


def test_reader_of_cython():
    uses = uses_of(ENGINE / "_core/cpu/x.pyx", CYTHON)
    assert {(use.line, use.target) for use in uses} == {
        (2, "engine._core.base.types.uint8_t"), (2, "engine._core.base.types.vaddr_t"),
        (4, "engine._core.mem.tlb"), (5, "engine._core.cpu.head.CPUHead"),
        (6, "engine._core.mem.ram"), (7, "engine.errors.Error"),
        (8, "engine._core.cpu.trans_gen")}


def test_reader_of_python():
    text = "import os, engine.cli\nfrom . import errors\nfrom .linux.elf import load\n"
    uses = uses_of(ENGINE / "x.py", text)
    assert [use.target for use in uses] == ["engine.cli", "engine.errors", "engine.linux.elf.load"]


@pytest.mark.parametrize(("source", "target", "good"), [
    ("engine._core.mem.tlb", "engine._core.base.types", True),
    ("engine._core.base.types", "engine._core.mem.tlb", False),
    ("engine._core.cpu.head", "engine._core.mem.tlb.CPUTLB", True),
    ("engine._core.cpu.head", "engine._core.mem.ram", False),
    ("engine._core.isa.riscv.decode", "engine._core.isa.guest", True),
    ("engine._core.isa.guest", "engine._core.isa.riscv.decode", False),
    ("engine._core.isa.riscv.decode", "engine._core.exec.engine", False),
    ("engine._core.backend.interp.run", "engine._core.isa.guest", False),
    ("engine._core.exec.loop", "engine._core.backend.backend", True),
    ("engine._core.exec.loop", "engine._core.api.emulator", False),
    ("engine._core.exec.loop", "engine.errors", False),
    ("engine._core.api.emulator", "engine.errors.Error", True),
    ("engine._core.api.emulator", "engine._core.gen", False),
    ("engine.linux.elf", "engine._core.api.emulator", True),
    ("engine.linux.elf", "engine._core.exec.engine", False),
    ("engine.linux.elf", "engine.errors", True),
    ("engine.errors", "engine.util", False),
    ("engine.util.cutils", "engine.util.size", True),
    ("engine.util.size", "engine.errors.RangeError", True),
    ("engine.qobject", "engine.util", False),
    ("engine.errors", "engine.qobject", False),
    ("engine.linux.elf", "engine.cli", False),
    ("engine.__main__", "engine.cli", True),
    ("engine.cli.run", "engine.cli.main", True),
])
def test_table(source, target, good):
    assert verdict(Use("x", 1, source, target)) is good


def test_cycles_are_found():
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}}) == []
