"""A few hundred random x86 programs a run: the back ends agree."""

import pytest

import engine
from fuzz import x86_programs


@pytest.mark.skipif(len(engine.backends()) < 2, reason="one back end only")
@pytest.mark.parametrize("arch", list(x86_programs.BITS))
def test_back_ends_agree(arch, monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "3")      # blocks get hot at once
    done = []
    for n in range(150):
        assert x86_programs.difference(arch, f"suite {n}", done) is None
    assert sum(done) > 20_000
