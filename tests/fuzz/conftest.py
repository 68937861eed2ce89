"""Blocks get hot at once in these tests: what the engine does after many rounds happens in few."""

import pytest


@pytest.fixture(autouse=True)
def _heat(monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "3")
