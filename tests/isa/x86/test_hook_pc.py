"""The pc under its x86 names, written by hooks.

Lives here: rip, eip, ip in each kind of code, what the other hooks of the same instruction see.
Does not live here: the pc as such (tests/api/test_hooks.py).
"""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from systems import BACKENDS, CODE, machine  # noqa: E402

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


@pytest.mark.parametrize("writes", [(), ("di",), ("di", "bx")])
@pytest.mark.parametrize(("arch", "name"), [
    ("x86_64", "rip"), ("x86_64", "pc"), ("i386", "eip"), ("i386", "pc"), ("x86_16", "ip"),
    ("x86_16", "eip")])
def test_every_name_moves_the_run(backend, arch, name, writes):
    """90 40 41 42: the hook in front of the second instruction goes to the last."""
    emu = machine(arch, bytes.fromhex("90ffc0ffc1ffc2"), backend)
    seen = []

    def move(*event):
        for register in writes[:1]:
            emu.regs[register] = 5
        emu.regs[name] = CODE + 5 & (0xFFFF if arch == "x86_16" else 0xFFFFFFFF)
        for register in writes[1:]:
            emu.regs[register] = 6

    emu.hook_code(move, CODE + 1, CODE + 2)
    emu.hook_code(lambda emu, address, size: seen.append(address), CODE + 1, CODE + 2)
    emu.run(until=CODE + 7)
    assert [emu.regs[r] for r in ("ax", "cx", "dx")] == [0, 0, 1]
    assert seen == [CODE + 1]
    assert [emu.regs[r] for r in writes] == [5, 6][:len(writes)]


def test_the_same_pc_does_it_again(backend):
    emu = machine("i386", bytes.fromhex("40 41"), backend)
    calls = []

    def again(emu, address, size):
        calls.append(address)
        if len(calls) < 4:
            emu.regs["eip"] = CODE

    emu.hook_code(again, CODE, CODE + 1)
    emu.run(until=CODE + 2)
    assert calls == [CODE] * 4 and emu.regs["eax"] == emu.regs["ecx"] == 1


def test_memory_hook_moves(backend):
    emu = machine("i386", bytes.fromhex("8b07 40 41"), backend)
    emu.regs["edi"] = 0x8000
    told = []

    def move(*event):
        emu.regs["eip"] = CODE + 3

    emu.hook_memory(move)
    emu.hook_memory(lambda *event: told.append(event))
    emu.run(until=CODE + 4)
    assert emu.regs["ecx"] == 1 and emu.regs["eax"] == 0 and len(told) == 1
