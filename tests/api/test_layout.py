"""Stamps of struct layouts: every module has one, they agree, and a stale one is refused."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import engine
from engine._core.api import layout

assert engine.Emulator


def loaded():
    return {name: module for name, module in sys.modules.items()
            if name.startswith("engine._core.") and hasattr(module, "__pyx_capi__")}


def test_every_compiled_module_is_stamped():
    modules = loaded()
    assert len(modules) > 20
    for name, module in modules.items():
        if not name.endswith("_cyutility"):
            assert isinstance(module.__layout__, str), name
            assert Path(module.__file__).exists()
    assert "3cpu_4head_CPUHead:" in modules["engine._core.exec.engine"].__layout__
    layout.check()


def test_a_stale_module_is_refused(monkeypatch):
    modules = loaded()
    stale = ModuleType("engine._core.stale")
    good = modules["engine._core.exec.engine"].__layout__.split()
    stale.__layout__ = " ".join(pair[:-1] + ("0" if pair[-1] != "0" else "1") for pair in good[:1])
    wrong = layout.compare({**modules, stale.__name__: stale})
    assert "engine._core.stale" in wrong
    assert "rebuild" in wrong
    monkeypatch.setitem(sys.modules, stale.__name__, stale)
    with pytest.raises(ImportError, match="different layouts"):
        layout.check()
