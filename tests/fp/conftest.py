"""The compiled batch runner (tests/cython/t_fp_runner.pyx) as a fixture."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "cython" / "t_fp_runner.pyx"


@pytest.fixture(scope="session")
def runner(pytestconfig):
    builder = next(plugin.cython_tests for plugin in pytestconfig.pluginmanager.get_plugins()
                   if hasattr(plugin, "cython_tests"))
    file = str(builder.module_file(SOURCE))
    name = "fp_runner.t_fp_runner"
    if name not in sys.modules:
        loader = importlib.machinery.ExtensionFileLoader(name, file)
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(sys.modules[name])
    return sys.modules[name]
