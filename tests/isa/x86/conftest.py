"""The compiled runners of the x86 guest's helpers as fixtures."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

CYTHON = Path(__file__).resolve().parents[2] / "cython"


def runner(pytestconfig, stem):
    builder = next(plugin.cython_tests for plugin in pytestconfig.pluginmanager.get_plugins()
                   if hasattr(plugin, "cython_tests"))
    file = str(builder.module_file(CYTHON / f"{stem}.pyx"))
    name = f"x86_runner.{stem}"
    if name not in sys.modules:
        loader = importlib.machinery.ExtensionFileLoader(name, file)
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def simd(pytestconfig):
    return runner(pytestconfig, "t_x86_simd")


@pytest.fixture(scope="session")
def x87(pytestconfig):
    return runner(pytestconfig, "t_x87")
