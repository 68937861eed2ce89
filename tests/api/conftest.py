"""What the tests of the native API share: an emulator with code and data mapped."""

import pytest
from api.rv import CODE, DATA, code

pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")


@pytest.fixture
def emu():
    from engine import Emulator
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000, "rx", name="code")
        emu.memory.map(DATA, 0x1000, "rw", name="data")
        yield emu


@pytest.fixture
def run(emu):
    """run(words...): put them at CODE and run them to their end."""
    def run(*words, **options):
        data = code(*words)
        emu.memory.write(CODE, data)
        return emu.run(CODE, CODE + len(data), **options)
    return run
