"""The same client code on unicorn and on engine.unicorn sees the same.

What lives here: the comparison of scenarios.py and x86_scenarios.py. What does not: what this
engine does on purpose in another way (test_own.py, test_own_x86.py, docs/unicorn.md).
"""

import importlib

import pytest
from uc import scenarios, x86_scenarios

import engine.unicorn as ours
from engine.unicorn import riscv_const, x86_const

theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")


@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda function: function.__name__)
def test_same_events(scenario):
    wanted = scenario(theirs, importlib.import_module("unicorn.riscv_const"))
    assert scenario(ours, riscv_const) == wanted


@pytest.mark.parametrize("scenario", x86_scenarios.SCENARIOS,
                         ids=lambda function: function.__name__)
def test_same_events_on_x86(scenario):
    wanted = scenario(theirs, importlib.import_module("unicorn.x86_const"))
    assert scenario(ours, x86_const) == wanted
