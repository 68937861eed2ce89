"""What the tests of engine.memory share: an emulator, its root region, its CPU's address space."""

import pytest

from engine import Emulator
from engine.memory import cpu_address_spaces, system_memory


@pytest.fixture
def emu():
    with Emulator("riscv64") as emu:
        yield emu


@pytest.fixture
def root(emu):
    return system_memory(emu)


@pytest.fixture
def space(emu):
    (space,) = cpu_address_spaces(emu)
    return space
