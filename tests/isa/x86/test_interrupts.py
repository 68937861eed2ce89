"""x86 exceptions and interrupts delivered to the guest: real mode, IDT, inner stacks, double
faults, external interrupts, NMI, single step, debug registers.

Lives here: expectations from the manual (SDM 3A, chapters 6 and 17; 20.1.4). Does not live here:
which exception an instruction raises (test_system, test_segments, test_paging).
"""

import struct
import sys
from pathlib import Path

import pytest

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from systems import (  # noqa: E402
    BACKENDS,
    CODE,
    DATA,
    FLAT,
    HANDLERS,
    LONG,
    STACK,
    TSS,
    descriptor,
    load_gdt,
    machine,
    raised,
    set_gates,
)

pytestmark = pytest.mark.parametrize("backend", BACKENDS)
LONG_TSS = [*LONG, descriptor(TSS, 0x67, 0x8B, 0), bytes(8)]


def protected(backend, code, gates, user=False):
    """32-bit code that handles vectors at HANDLERS + 16 * vector, by HLT."""
    emu = machine("i386", code, backend, exceptions="guest", user_mode=user)
    load_gdt(emu, [*FLAT, descriptor(TSS, 0x67, 0x8B, 0)])
    emu.regs["cs"] = 0x1B if user else 8
    for seg in ("ss", "ds", "es"):
        emu.regs[seg] = 0x23 if user else 0x10
    emu.regs.write_many({"tr": 0x28, "tr_base": TSS, "tr_limit": 0x67, "esp": STACK})
    emu.memory.write(TSS + 4, struct.pack("<II", STACK + 0x1000, 0x10))
    emu.memory.write(HANDLERS, b"\xF4" * 0x1000)
    set_gates(emu, {vector: (8, HANDLERS + 16 * vector, access)
                    for vector, access in gates.items()})
    return emu


def long_mode(backend, code, gates, user=False):
    emu = machine("x86_64", code, backend, exceptions="guest", user_mode=user)
    load_gdt(emu, LONG_TSS)
    emu.regs["cs"] = 0x2B if user else 8
    emu.regs["ss"] = 0x23 if user else 0x10
    emu.regs.write_many({"tr": 0x30, "tr_base": TSS, "tr_limit": 0x67})
    emu.memory.write(TSS + 4, struct.pack("<Q", STACK + 0x1000))
    emu.memory.write(TSS + 0x24, struct.pack("<Q", STACK + 0x2008))
    emu.memory.write(HANDLERS, b"\xF4" * 0x1000)
    set_gates(emu, {vector: (8, HANDLERS + 16 * vector, *rest) for vector, rest in gates.items()},
              long=True)
    return emu


def frame(emu, n, size=4):
    sp = emu.regs["esp" if size == 4 else "rsp"]
    data = emu.memory.read(sp, n * size)
    return list(struct.unpack(f"<{n}{'I' if size == 4 else 'Q'}", data))


def handled(emu, vector):
    """Run until a handler halts: it is the one of the vector."""
    result = emu.run(count=100)
    assert result.reason == engine.StopReason.HALT
    assert emu.pc == HANDLERS + 16 * vector + 1


@pytest.mark.parametrize(("code", "vector", "pc", "error"), [
    ("0f0b", 6, 0, None), ("cc", 3, 1, None), ("cd21", 0x21, 2, None), ("f7f1", 0, 0, None),
    ("f1", 1, 1, None), ("8e06", 13, 0, 0x40), ("0f3266b8", 13, 0, 0)])
def test_protected(backend, code, vector, pc, error):
    emu = protected(backend, bytes.fromhex(code), {vector: 0x8E})
    emu.memory.write(DATA, b"\x40\0")
    emu.regs.write_many({"ecx": 0 if vector == 0 else 0x55555, "esi": DATA, "eflags": 0x246})
    handled(emu, vector)
    want = [CODE + pc, 8, 0x10246 if vector in (0, 6, 13) else 0x246]
    got = frame(emu, 4 if error is not None else 3)
    if error is not None:
        assert got.pop(0) == error
    assert got[:2] == want[:2]
    assert got[2] & 0xFFFF == 0x246
    assert emu.regs["eflags"] & 0x200 == 0              # an interrupt gate


def test_trap_gate_and_return(backend):
    emu = protected(backend, b"\xCD\x21\x40", {0x21: 0x8F})
    emu.memory.write(HANDLERS + 16 * 0x21, b"\x43\xCF")     # inc ebx; iret
    emu.regs["eflags"] = 0x202
    emu.run(count=1)
    emu.run(count=1)
    assert emu.regs["eflags"] & 0x200
    emu.run(until=CODE + 3)
    assert (emu.regs["eax"], emu.regs["ebx"], emu.regs["esp"]) == (1, 1, STACK)


def test_gate_privilege(backend):
    """INT n from CPL 3 through a gate of DPL 0 is #GP(vector * 8 + 2)."""
    emu = protected(backend, b"\xCD\x21", {0x21: 0x8E, 13: 0x8E}, user=True)
    handled(emu, 13)
    assert frame(emu, 2) == [0x21 * 8 + 2, CODE]


def test_missing_gate(backend):
    emu = protected(backend, b"\xCD\x21", {0x21: 0x0E, 11: 0x8E})
    handled(emu, 11)
    assert frame(emu, 1) == [0x21 * 8 + 2]


@pytest.mark.parametrize("soft", [False, True])
def test_inner_level(backend, soft):
    """From CPL 3: SS:ESP of the task state segment, the old ones on it; IRET goes back."""
    code = b"\xCD\x21" if soft else b"\x0F\x0B"
    vector = 0x21 if soft else 6
    emu = protected(backend, code, {vector: 0xEE}, user=True)
    handled(emu, vector)
    assert emu.regs["esp"] == STACK + 0x1000 - 20
    got = frame(emu, 5)
    assert got[0] == CODE + 2 * soft
    assert (got[1], got[3], got[4]) == (0x1B, STACK, 0x23)
    assert (emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (8, 0x10, 0)
    emu.memory.write(emu.pc, b"\xCF")
    emu.run(count=1)
    assert (emu.pc, emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (got[0], 0x1B, 0x23, 3)
    assert emu.regs["esp"] == STACK


def test_page_fault(backend):
    emu = protected(backend, b"\x8B\x07", {14: 0x8E})
    emu.regs["edi"] = 0x200000
    emu.memory.unmap(0xF0000, 0x10000)
    handled(emu, 14)
    assert frame(emu, 2) == [0, CODE]
    assert emu.regs["cr2"] == 0x200000


def test_double_fault_and_shutdown(backend):
    """#GP without a gate for it: #DF, error code 0; without that too: shutdown."""
    emu = protected(backend, b"\x0F\x32", {8: 0x8E})
    emu.regs["ecx"] = 0x55555
    handled(emu, 8)
    assert frame(emu, 2) == [0, CODE]
    emu = protected(backend, b"\x0F\x32", {})
    emu.regs["ecx"] = 0x55555
    result = emu.run(count=100)
    assert result.reason == engine.StopReason.HALT
    emu.raise_irq(0x20)
    emu.regs["eflags"] |= 0x200
    assert emu.run(count=100).reason == engine.StopReason.HALT


def test_long_mode(backend):
    emu = long_mode(backend, b"\x0F\x0B", {6: (0x8E, 0)})
    emu.regs["rsp"] = STACK + 8
    handled(emu, 6)
    assert emu.regs["rsp"] == STACK - 40                # aligned first
    got = frame(emu, 5, 8)
    assert (got[0], got[1], got[3], got[4]) == (CODE, 8, STACK + 8, 0x10)
    emu.memory.write(emu.pc, b"\x48\xCF")
    emu.run(count=1)
    assert (emu.pc, emu.regs["rsp"]) == (CODE, STACK + 8)


@pytest.mark.parametrize("ist", [0, 1])
def test_long_mode_from_user(backend, ist):
    emu = long_mode(backend, b"\xCD\x80", {0x80: (0xEE, ist)}, user=True)
    handled(emu, 0x80)
    assert emu.regs["rsp"] == (STACK + 0x2000 if ist else STACK + 0x1000) - 40
    got = frame(emu, 5, 8)
    assert (got[0], got[1], got[3], got[4]) == (CODE + 2, 0x2B, STACK, 0x23)
    assert (emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (8, 0, 0)


def test_vm86_to_protected(backend):
    emu = protected(backend, b"\xCF", {13: 0x8E})
    emu.memory.write(STACK, struct.pack("<9I", 0x10, 0x2000, 0x20202, 0x800, 0x3000, 1, 2, 3, 4))
    emu.memory.write(0x20010, b"\xFA")                  # cli with IOPL 0
    handled(emu, 13)
    flags = frame(emu, 4)[3]
    assert frame(emu, 10) == [0, 0x10, 0x2000, flags, 0x800, 0x3000, 1, 2, 3, 4]
    assert flags & 0x20202 == 0x20202
    assert [emu.regs[n] for n in ("cs", "ss", "ds", "es", "fs", "gs")] == [8, 0x10, 0, 0, 0, 0]
    emu.regs["esp"] += 4
    emu.memory.write(emu.pc, b"\xCF")
    emu.run(count=1)
    assert (emu.pc, emu.regs["gs"], emu.regs["sp"]) == (0x20010, 4, 0x800)


# ---------------------------------------------------------------- interrupts

def test_external(backend):
    emu = protected(backend, b"\x40" * 8 + b"\xEB\xFE", {0x30: 0x8E, 0x31: 0x8E})
    emu.memory.write(HANDLERS + 0x300, b"\x43\xCF")
    emu.memory.write(HANDLERS + 0x310, b"\x41\xCF")
    emu.raise_irq(0x30)
    emu.run(count=4)
    assert emu.regs["eax"] == 4                         # IF is 0
    emu.raise_irq(0x31)
    emu.regs["eflags"] |= 0x200
    emu.run(count=2)
    assert (emu.regs["ecx"], emu.regs["ebx"]) == (1, 0)     # the higher vector first
    emu.run(count=6)
    assert (emu.regs["eax"], emu.regs["ebx"], emu.regs["ecx"]) == (8, 1, 1)
    emu.raise_irq(0x30)
    emu.raise_irq(0x30, False)                          # withdrawn
    emu.run(count=4)
    assert emu.regs["ebx"] == 1


def test_halt_is_woken(backend):
    emu = protected(backend, b"\xFB\xF4\x40\xF4", {0x30: 0x8E})
    emu.memory.write(HANDLERS + 0x300, b"\x43\xCF")
    emu.hook_code(lambda emu, address, size: emu.raise_irq(0x30), CODE + 1, CODE + 2)
    result = emu.run(count=20)
    assert (emu.regs["eax"], emu.regs["ebx"]) == (1, 1)
    assert (result.reason, emu.pc) == (engine.StopReason.HALT, CODE + 4)


def test_shadow(backend):
    """No interrupt between STI, or MOV SS, and the instruction behind it."""
    # sti; inc eax; inc eax / mov ss, dx; inc eax
    for code, want in ((b"\xFB\x40\x40", 1), (b"\x8E\xD2\x40\x40", 1)):
        emu = protected(backend, code, {0x30: 0x8E})
        emu.regs["edx"] = 0x10
        if code[0] != 0xFB:
            emu.hook_code(lambda emu, address, size: emu.raise_irq(0x30), CODE, CODE + 1)
            emu.regs["eflags"] |= 0x200
        else:
            emu.raise_irq(0x30)
        handled(emu, 0x30)
        assert emu.regs["eax"] == want, code


def test_nmi(backend):
    emu = protected(backend, b"\x40" * 10, {2: 0x8E})
    emu.memory.write(HANDLERS + 0x20, b"\x43\x43\xCF")
    emu.raise_irq(256)
    emu.run(count=1)
    assert emu.regs["ebx"] == 1                         # IF does not matter
    emu.raise_irq(256)
    emu.run(count=1)
    assert emu.regs["ebx"] == 2                         # masked until IRET
    emu.run(count=2)
    assert emu.regs["ebx"] == 3


def test_popf_lets_interrupts_in(backend):
    emu = protected(backend, b"\x9D\x40\x40", {0x30: 0x8E})
    emu.memory.write(STACK, struct.pack("<I", 0x202))
    emu.raise_irq(0x30)
    handled(emu, 0x30)
    assert emu.regs["eax"] == 0


# ---------------------------------------------------------------- debugging by the guest

def test_single_step(backend):
    emu = protected(backend, b"\x9D\x40\x40\xEB\x00\x40", {1: 0x8E})
    emu.memory.write(HANDLERS + 0x10, b"\x43\xCF")
    emu.memory.write(STACK, struct.pack("<I", 0x102))
    emu.run(until=CODE + 6)
    assert (emu.regs["eax"], emu.regs["ebx"]) == (3, 3)    # inc, inc, jmp; the last is not done yet
    assert emu.regs["dr6"] & 0x4000
    got = emu.memory.read_u32(STACK - 8)
    assert got == CODE + 5                                 # trapped behind the jump


def test_step_of_repeated_strings(backend):
    emu = protected(backend, b"\x9D\xF3\xAA\x90", {1: 0x8E})
    emu.memory.write(HANDLERS + 0x10, b"\x43\xCF")
    emu.memory.write(STACK, struct.pack("<I", 0x102))
    emu.regs.write_many({"ecx": 3, "edi": DATA})
    emu.run(until=CODE + 4)
    assert emu.regs["ebx"] == 3                            # each iteration
    assert emu.regs["ecx"] == 0


def test_step_to_the_host(backend):
    emu = machine("i386", b"\x9D\x40", backend)
    emu.memory.write(STACK, struct.pack("<I", 0x102))
    emu.run(count=2)
    assert raised(emu) == (1, 0)
    assert emu.pc == CODE + 2
    assert emu.regs["eax"] == 1


def test_execution_breakpoint(backend):
    emu = protected(backend, b"\x40\x40\x40\x40", {1: 0x8E})
    emu.regs.write_many({"dr0": CODE + 2, "dr7": 0x402})
    handled(emu, 1)
    assert emu.regs["eax"] == 2
    assert frame(emu, 1) == [CODE + 2]
    assert emu.regs["dr6"] & 0xF == 1
    # RF in the saved flags goes on
    emu.memory.write(emu.regs["esp"] + 8, struct.pack("<I", 0x10002))
    emu.memory.write(emu.pc, b"\xCF")
    emu.run(until=CODE + 4)
    assert emu.regs["eax"] == 4


@pytest.mark.parametrize(("code", "kind", "hit"), [
    ("8907", 1, True), ("8b07", 1, False), ("8b07", 3, True), ("8807", 1, True), ("ff07", 1, True),
    ("894704", 1, False), ("50", 1, False), ("f3ab", 1, True), ("f00107", 3, True)])
def test_data_breakpoint(backend, code, kind, hit):
    """Four bytes at DATA; the trap comes behind the instruction."""
    emu = protected(backend, bytes.fromhex(code) + b"\x90\x90", {1: 0x8E})
    emu.regs.write_many({"dr1": DATA, "dr7": 0x408 | (0xC | kind) << 20, "edi": DATA, "ecx": 1})
    if hit:
        handled(emu, 1)
        assert frame(emu, 1) == [CODE + len(bytes.fromhex(code))] or code == "f3ab"
        assert emu.regs["dr6"] & 0xF == 2
    else:
        emu.run(until=CODE + len(bytes.fromhex(code)) + 2, count=20)
        assert emu.regs["dr6"] & 0xF == 0


@pytest.mark.parametrize(("code", "de", "port", "hit"), [
    ("e461", 8, 0x61, True), ("e661", 8, 0x61, True), ("e560", 8, 0x60, True),
    ("6c", 8, 0x61, True), ("e461", 0, 0x61, False), ("e465", 8, 0x61, False),
    ("8b07", 8, DATA, False)])
def test_port_breakpoint(backend, code, de, port, hit):
    """R/W 10b with CR4.DE (SDM 3B, 18.2.4): two ports at 60h; the trap comes behind."""
    emu = protected(backend, bytes.fromhex(code) + b"\x90\x90", {1: 0x8E})
    emu.regs.write_many({"cr4": de, "dr1": 0x60 if port < 0x10000 else port,
                         "dr7": 0x408 | 6 << 20, "edi": DATA, "edx": port})
    if hit:
        handled(emu, 1)
        assert frame(emu, 1) == [CODE + len(bytes.fromhex(code))]
        assert emu.regs["dr6"] & 0xF == 2
    else:
        emu.run(until=CODE + len(bytes.fromhex(code)) + 2, count=20)
        assert emu.regs["dr6"] & 0xF == 0


def test_x87_exception_without_ne(backend):
    """FERR# instead of #MF: the processor waits for an interrupt (SDM 1, 8.7.2)."""
    emu = protected(backend, bytes.fromhex("9b90f4"), {16: 0x8E, 0x75: 0x8E})
    emu.memory.write(HANDLERS + 16 * 0x75, bytes.fromhex("dbe2cf"))        # fnclex; iretd
    emu.regs.write_many({"cr0": emu.regs["cr0"] & ~0x20, "fcw": 0x37E, "fsw": 0x8081,
                         "eflags": 0x202})
    result = emu.run(count=20)
    assert (result.reason, emu.pc) == (engine.StopReason.HALT, CODE)
    emu.raise_irq(0x75)                     # as a board does with FERR#
    result = emu.run(count=20)
    assert (result.reason, emu.pc) == (engine.StopReason.HALT, CODE + 3)
    emu.pc = CODE
    emu.regs.write_many({"cr0": emu.regs["cr0"] | 0x20, "fsw": 0x8081})
    handled(emu, 16)


def test_general_detect(backend):
    emu = protected(backend, b"\x0F\x21\xC0", {1: 0x8E})
    emu.regs["dr7"] = 0x2400
    handled(emu, 1)
    assert frame(emu, 1) == [CODE]
    assert emu.regs["dr6"] & 0x2000
    assert emu.regs["dr7"] == 0x400


def test_real_mode_interrupt(backend):
    emu = machine("x86_16", b"", backend, exceptions="guest")
    emu.memory.write(0x7C00, b"\xFB\x40\x40\x40\xF4")
    emu.memory.write(4 * 0x20, struct.pack("<HH", 0x0010, 0x1234))
    emu.memory.write(0x12350, b"\x43\xCF")
    emu.regs["sp"] = 0x1000
    emu.raise_irq(0x20)
    emu.run(0x7C00)
    assert (emu.regs["ax"], emu.regs["bx"], emu.regs["sp"]) == (3, 1, 0x1000)
    assert emu.pc == 0x7C05


def test_hook_fails_in_a_delivery(backend):
    """What a hook of a delivery's access raises comes out; then it is delivered again."""
    emu = protected(backend, b"\xCD\x21\x40", {0x21: 0x8E})
    armed = [True]

    def on_write(emu, access, address, size, value):
        if armed[0]:
            raise KeyError("mine")

    hook = emu.hook_memory(on_write, begin=STACK - 16, end=STACK)
    with pytest.raises(KeyError):
        emu.run(count=5)
    assert (emu.pc, emu.regs["esp"]) == (CODE, STACK)
    armed[0] = False
    handled(emu, 0x21)
    hook.remove()
