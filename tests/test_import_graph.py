"""Rows 4, 10, 39, 44, 45, 52: what rows about headers and includes mean for modules here.

What lives here: questions to the real import graph, read from the sources and from fresh
interpreters. What does not: the table of layers (test_layers.py), the contents of the lowest
modules (util/test_host.py, util/test_hostutil.py).
"""

import ast
import os
import re
import subprocess
import sys

import pytest
import test_layers
from test_layers import CORE, ENGINE, ROOT, all_uses, cycle_in, module_of


def python_files():
    return [path for path in sorted(ENGINE.rglob("*.py")) if "gen" not in path.parts]


def test_row_4_what_the_lowest_core_headers_take_in():
    """base/types and base/compiler need nothing of the project; all of base needs only base."""
    uses = {}
    for use in all_uses():
        if use.source.startswith(CORE + "base."):
            uses.setdefault(use.source.removeprefix(CORE + "base."), set()).add(
                use.target.removeprefix(CORE).rpartition(".")[0])
    assert "types" not in uses and "compiler" not in uses
    assert uses, "the reader finds the others"
    assert all(target.startswith("base") for targets in uses.values() for target in targets)


def test_row_10_name_lists_are_sorted_and_have_no_repeats():
    """Lists of names (`__all__`) are in plain byte order: capitals before small letters."""
    wrong, seen = [], 0
    for path in python_files():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names = ast.literal_eval(node.value)
                seen += 1
                if names != sorted(set(names)):
                    wrong.append(str(path.relative_to(ROOT)))
    assert seen > 10
    assert not wrong


def test_row_10_every_listed_name_exists():
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    module = importlib.import_module(name)\n"
        "    for each in getattr(module, '__all__', ()):\n"
        "        getattr(module, each)\n")
    names = [module_of(path) for path in python_files()
             if "__all__" in path.read_text(encoding="utf-8")]
    if not list((ENGINE / "_core/api").glob("emulator.*.so")) and os.name != "nt":
        names = [name for name in names if name in (
            "engine.errors", "engine.qobject") or name.startswith("engine.util")]
    done = fresh(code, *names)
    assert done.returncode == 0, done.stderr


def fresh(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120)


def test_row_39_python_modules_form_no_cycle():
    """Module by module, not only layer by layer; imports inside functions are not import time."""
    graph = {}
    names = {module_of(path) for path in python_files()}
    for path in python_files():
        source = module_of(path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = test_layers.absolute("." * node.level + (node.module or ""), path)
                targets = [target for alias in node.names
                           for target in (f"{base}.{alias.name}", base) if target in names][:1]
                targets += [base]
            else:
                continue
            found = {target for target in targets if target in names and target != source
                     # a package's __init__ taking its own modules, and these naming the package
                     and not source.startswith(target + ".")}
            graph.setdefault(source, set()).update(found)
    assert len(graph) > 20
    assert not cycle_in(graph)


GONE = {"qemu_printf", "qbool_from_int", "qbool_get_int", "qerror_report", "ESR_ILLEGAL_ADDRESS",
        "qemu_ram_free_from_ptr", "get_clean"}


def test_row_45_removed_names_are_in_no_namespace():
    """Neither in the sources nor among the attributes of any module that can be imported."""
    pattern = re.compile(r"\b(" + "|".join(sorted(GONE)) + r")\b")
    sources = [path for path in ENGINE.rglob("*")
               if path.suffix in (".py", ".pyx", ".pxd", ".pxi", ".pyi")]
    assert len(sources) > 50
    assert not [path for path in sources if pattern.search(path.read_text(encoding="utf-8"))]
    names = [module_of(path) for path in python_files()
             if "cli" not in path.parts and path.name != "__main__.py"]
    code = ("import importlib, sys\n"
            "gone = set(sys.argv[1].split(','))\n"
            "for name in sys.argv[2:]:\n"
            "    try: importlib.import_module(name)\n"
            "    except ImportError: pass\n"
            "found = [(m, g) for m, v in list(sys.modules.items()) if m.startswith('engine')\n"
            "         for g in gone if hasattr(v, g)]\n"
            "assert not found, found\n")
    done = fresh(code, ",".join(GONE), *names)
    assert done.returncode == 0, done.stderr


def test_row_45_nobody_renames_print():
    wrong = [str(path) for path in python_files()
             if re.search(r"^\s*\w+\s*=\s*print\s*$", path.read_text(encoding="utf-8"), re.M)]
    assert not wrong


def test_row_52_memory_imports_without_the_cpu():
    modules = sorted(module_of(path) for path in (ENGINE / "_core/mem").glob("*.pyx"))
    assert modules
    if not any((ENGINE / "_core/mem").glob("*.so")) and not any(
            (ENGINE / "_core/mem").glob("*.pyd")):
        pytest.skip("the extension modules are not built")
    done = fresh("import importlib, sys\n"
                 "for name in sys.argv[1:]: importlib.import_module(name)\n"
                 "print(*[m for m in sys.modules if m.startswith('engine._core.')])", *modules)
    assert done.returncode == 0, done.stderr
    layers = {name.split(".")[2] for name in done.stdout.split()} - {"_cyutility"}
    assert "mem" in layers and layers <= {"base", "mem"}


def test_row_52_no_header_of_memory_names_the_cpu():
    assert not [use for use in all_uses() if use.source.startswith(CORE + "mem.")
                and use.target.startswith((CORE + "cpu.", CORE + "exec.", CORE + "isa."))]
