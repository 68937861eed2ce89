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
