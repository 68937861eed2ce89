"""Users may cimport the engine: consumers compiled against the package under test."""

import importlib.machinery
import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SETUP = """
from setuptools import Extension, setup
setup(name="consumer", ext_modules=[Extension("{name}", ["{name}.c"])])
"""


def package_root() -> Path:
    return Path(importlib.util.find_spec("engine").origin).resolve().parent.parent


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def translate(name: str, folder: Path) -> None:
    pytest.importorskip("Cython")
    run("-m", "cython", "-3", "-I", str(package_root()), f"{name}.pyx", cwd=folder)


def compile_module(name: str, folder: Path):
    translate(name, folder)
    (folder / "setup.py").write_text(SETUP.format(name=name))
    run("setup.py", "build_ext", "--inplace", cwd=folder)
    file = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    loader = importlib.machinery.ExtensionFileLoader(name, str(file))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def test_consumer_runs(tmp_path):
    shutil.copy(HERE / "consumer.pyx", tmp_path)
    consumer = compile_module("consumer", tmp_path)
    assert consumer.leading_zeros(1) == 63
    entry, head = consumer.sizes()
    assert entry == 32
    assert head > 8192


def test_every_header_can_be_cimported_with_default_directives(tmp_path):
    root = package_root()
    headers = sorted(".".join(path.relative_to(root).with_suffix("").parts)
                     for path in (root / "engine/_core").rglob("*.pxd")
                     if path.stem != "__init__")
    assert headers
    lines = [f"cimport {header} as header_{number}" for number, header in enumerate(headers)]
    (tmp_path / "everything.pyx").write_text("\n".join(lines) + "\n")
    translate("everything", tmp_path)
    assert (tmp_path / "everything.c").stat().st_size
