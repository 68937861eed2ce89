"""Blocks that are translated again because they are hot, where x86's lazy flags need care."""

import pytest

import engine

CODE = 0x1000


@pytest.mark.parametrize("backend", engine.backends())
def test_flags_where_a_followed_line_meets_itself(backend, monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "2")
    code = bytes.fromhex(
        "48ffca"    # dec rdx
        "e202"      # loop 7
        "eb03"      # jmp 10
        "83c301"    # 7: add ebx, 1
        "90"        # 10: nop
        "9f")       # lahf
    with engine.Emulator("x86_64", backend=backend) as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, code)
        for _ in range(8):
            emu.regs.write_many({"rax": 0, "rbx": 0xFFFFFFFF, "rcx": 5, "rdx": 0})
            emu.run(CODE, CODE + len(code))
            assert emu.regs.ah == 0x57      # ZF AF PF CF of the addition


@pytest.mark.parametrize("backend", engine.backends())
def test_a_jump_behind_a_shadow_is_followed(backend, monkeypatch):
    monkeypatch.setenv("ENGINE_HEAT", "2")
    with engine.Emulator("x86_64", backend=backend) as emu:
        emu.memory.map(CODE, 0x1000)
        emu.memory.write(CODE, b"\x8E\xD0\xEB\x04\xB3\x01\x90\x90\xB1\x02\x90")
        for _ in range(6):                      # mov ss, eax; jmp; mov bl, 1 .. mov cl, 2
            emu.regs.write_many({"rbx": 0, "rcx": 0})
            assert emu.run(CODE, CODE + 10).count == 3
            assert (emu.regs.rbx, emu.regs.rcx) == (0, 2)
