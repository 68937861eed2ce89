"""A Cython module outside of the package uses emulators through the C interface."""

import shutil
from pathlib import Path

import pytest
from api.rv import CODE, loop_code
from cimport.test_cimport import compile_module

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    pytest.importorskip("engine._core.api.emulator")
    folder = tmp_path_factory.mktemp("user")
    shutil.copy(HERE / "api_user.pyx", folder)
    return compile_module("api_user", folder)


def test_hook_without_python(user):
    from engine import ClosedError, Emulator
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, loop_code(100))
        assert user.count_instructions(emu, CODE, CODE + 12) == (201, 201)
        assert emu.run(CODE, CODE + 12).count == 201
    with pytest.raises(ClosedError):
        user.count_instructions(emu, CODE, CODE + 12)
    with pytest.raises(TypeError):
        user.count_instructions("emu", CODE, CODE + 12)


def test_registers_without_python(user):
    from engine import Emulator
    with Emulator("riscv64") as emu:
        emu.regs.write_many({"x1": 1, "x2": 20, "x3": 300})
        assert user.sum_of_registers(emu, 0, 32) == 321


def test_memory_system_from_c(user):
    """The same facts as engine.memory shows."""
    from engine import Emulator
    from engine.memory import DirtyClient, DirtyMemory, MemoryRegion, system_memory
    with Emulator("riscv64") as emu:
        ram = MemoryRegion.ram(emu, "ram", 0x4000)
        system_memory(emu).add_subregion(0x10000, ram)
        emu.memory.write(0x11234, b"\x2a")
        at = ram.ram_address + 0x1234
        assert user.memory_system(emu, 0x11234) == (0, 0x2a, at, True, False)
        assert not DirtyMemory(emu).get_dirty(at, 1, DirtyClient.MIGRATION)
        assert user.memory_system(emu, 0x90000)[0] == 2         # a decode error
