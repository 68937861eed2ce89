"""The same client code on unicorn and on engine.unicorn sees the same.

What lives here: the comparison of scenarios.py. What does not: what this engine does on purpose in
another way (test_own.py, docs/unicorn.md).
"""

import importlib

import pytest
from uc.scenarios import SCENARIOS

import engine.unicorn as ours
from engine.unicorn import riscv_const

theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda function: function.__name__)
def test_same_events(scenario):
    wanted = scenario(theirs, importlib.import_module("unicorn.riscv_const"))
    assert scenario(ours, riscv_const) == wanted
