"""Random sequences of calls on unicorn and engine.unicorn, compared step by step.

What lives here: the comparison. `ENGINE_FUZZ_UC=n` makes n sequences instead of a few. What does
not: the sequences (sessions.py), random programs (tests/fuzz).
"""

import os
import random

import pytest
from uc.rv import CODE, DATA
from uc.sessions import STACK, X86, RiscV, Session, step

import engine.unicorn as ours

theirs = pytest.importorskip("unicorn", reason="the package unicorn is not installed")


@pytest.mark.parametrize("seed", range(int(os.environ.get("ENGINE_FUZZ_UC", "25"))))
@pytest.mark.parametrize("guest", [RiscV, X86])
def test_random_calls(guest, seed):
    rng = random.Random(seed)
    pair = Session(ours, guest), Session(theirs, guest)
    log = []
    for call in [("map", CODE, 0x1000, 7), ("map", DATA, 0x1000, 7),
                 ("map", STACK - 0x1000, 0x1000, 7), ("write", CODE, guest.program(rng)),
                 ("reg", 5, DATA), ("reg", 9, STACK - 0x100),
                 *(step(rng, guest) for _ in range(60))]:
        log.append(call)
        here, there = (session.call(*call) for session in pair)
        assert here == there, log
