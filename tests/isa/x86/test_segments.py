"""x86 segments: descriptor loads with types, limits, privileges; far transfers, virtual-8086 mode.

Lives here: expectations from the manual (SDM 3A, chapters 3, 5; 21) with exact error codes. Does
not live here: real mode (test_silicon_80286), delivery (test_interrupts).
"""

import struct
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from systems import (  # noqa: E402
    BACKENDS,
    CODE,
    DATA,
    FLAT,
    GDT,
    LONG,
    STACK,
    TSS,
    descriptor,
    load_gdt,
    machine,
    raised,
)

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


UD, NP, SS, GP = 6, 11, 12, 13


def load(backend, seg, entry, selector, cpl=0):
    """mov seg, ax with the descriptor `entry` at 0x28."""
    number = ("es", "cs", "ss", "ds", "fs", "gs").index(seg)
    emu = machine("i386", bytes([0x8E, 0xC0 | number << 3]), backend, user_mode=cpl == 3)
    load_gdt(emu, [*FLAT, entry])
    emu.regs["eax"] = selector
    return emu


@pytest.mark.parametrize(("seg", "access", "selector", "cpl", "want"), [
    ("ds", 0x93, 0x28, 0, None), ("ds", 0x91, 0x28, 0, None), ("ds", 0x9B, 0x28, 0, None),
    ("ds", 0x99, 0x28, 0, (GP, 0x28)),          # execute-only code
    ("ds", 0x89, 0x28, 0, (GP, 0x28)),          # a system segment
    ("ds", 0x13, 0x28, 0, (NP, 0x28)), ("ds", 0x93, 0x2B, 0, (GP, 0x28)),   # RPL 3 > DPL 0
    ("ds", 0xF3, 0x2B, 3, None), ("ds", 0x93, 0x28, 3, (GP, 0x28)),
    ("ds", 0x9F, 0x2B, 3, None),                # conforming code
    ("ds", 0x93, 0, 0, None), ("ds", 0x93, 3, 0, None),
    ("ds", 0x93, 0x30, 0, (GP, 0x30)), ("ds", 0x93, 0x2C, 0, (GP, 0x2C)),   # beyond; no LDT
    ("ss", 0x93, 0x28, 0, None), ("ss", 0x91, 0x28, 0, (GP, 0x28)),
    ("ss", 0x9B, 0x28, 0, (GP, 0x28)), ("ss", 0x13, 0x28, 0, (SS, 0x28)),
    ("ss", 0x93, 0x2B, 0, (GP, 0x28)), ("ss", 0xF3, 0x28, 0, (GP, 0x28)),
    ("ss", 0x93, 0, 0, (GP, 0)), ("ss", 0xF3, 0x2B, 3, None), ("gs", 0x93, 0x28, 0, None)])
def test_loads(backend, seg, access, selector, cpl, want):
    emu = load(backend, seg, descriptor(0x1000, 0xFF, access & ~1 if access & 0x10 else access, 4),
               selector, cpl)
    assert raised(emu) == want
    if want is None and selector > 3:
        assert emu.regs[seg] == selector
        assert emu.regs[f"{seg}_base"] == 0x1000
        assert emu.regs[f"{seg}_limit"] == 0xFF
        assert emu.memory.read(GDT + 0x2D, 1)[0] & 1        # accessed
    elif want:
        assert emu.pc == CODE


def test_null_segment(backend):
    # mov ds, eax; mov eax, [edi]
    emu = machine("i386", b"\x8E\xD8\x8B\x07", backend)
    load_gdt(emu, FLAT)
    emu.regs.write_many({"eax": 0, "edi": DATA})
    emu.run(count=1)
    assert raised(emu) == (GP, 0)


@pytest.mark.parametrize(("code", "offset", "want"), [
    ("8b07", 0xFC, None), ("8b07", 0xFD, (GP, 0)), ("8a07", 0xFF, None), ("8a07", 0x100, (GP, 0)),
    ("8907", 0xFC, None), ("368b07", 0xFFFFFFFD, (SS, 0)), ("8b07", 0xFFFFFFFF, (GP, 0))])
def test_limits(backend, code, offset, want):
    emu = machine("i386", b"\x8E\xD8" + bytes.fromhex(code), backend)
    load_gdt(emu, [*FLAT, descriptor(DATA, 0xFF, 0x93, 4)])
    emu.regs.write_many({"eax": 0x28, "edi": offset})
    emu.memory.write(DATA + 0xFC, b"\1\2\3\4")
    emu.run(count=1)
    assert raised(emu) == want


def test_expand_down(backend):
    emu = machine("i386", b"\x8E\xD8" + b"\x8B\x07" * 2, backend)
    load_gdt(emu, [*FLAT, descriptor(0, 0x1FFFF, 0x97, 4)])
    emu.regs.write_many({"eax": 0x28, "edi": DATA})
    emu.run(count=1)
    assert raised(emu) is None
    emu.regs["edi"] = DATA - 1
    assert raised(emu) == (GP, 0)


@pytest.mark.parametrize("code", ["8b07", "8907", "50", "ff37", "a1f0ffffff", "c8000000"])
@pytest.mark.parametrize("entry", [descriptor(DATA, 0xF, 0x91, 4),
                                   descriptor(DATA, 0xFFFFF, 0x97, 15)])
def test_without_limits(backend, code, entry):
    """segment_limits=False: bases count, limits, types and directions do not."""
    emu = machine("i386", b"\x8E\xD8\x8E\xD0" + bytes.fromhex(code), backend, segment_limits=False)
    load_gdt(emu, [*FLAT, entry])
    for name in ("ds", "ss"):
        emu.regs[name] = 0x28
    emu.regs.write_many({"eax": 0x28, "edi": 0x100, "esp": 0x200})
    emu.memory.write(DATA - 0x10, b"abcdefgh" * 0x100)
    emu.pc += 4
    emu.run(count=1)
    want = {"8b07": b"abcd", "a1f0ffffff": b"abcd"}.get(code, (0x28).to_bytes(4, "little"))
    assert emu.regs["eax"].to_bytes(4, "little") == want
    if code == "8907":
        assert emu.memory.read(DATA + 0x100, 4) == want
    elif emu.regs["esp"] != 0x200:
        assert emu.regs["esp"] == 0x1FC
        pushed = {"ff37": b"abcd", "c8000000": bytes(4)}.get(code, want)
        assert emu.memory.read(DATA + 0x1FC, 4) == pushed


def test_privilege_is_that_of_the_stack(backend):
    """From outside: SS says the CPL (SDM 3C, 25.4.1)."""
    emu = machine("i386", b"\xFA", backend)
    load_gdt(emu, FLAT)
    emu.regs["cs"] = 0x1B
    assert emu.regs["cpl"] == 0
    emu.regs["ss"] = 0x23
    assert emu.regs["cpl"] == 3 and raised(emu) == (GP, 0)
    emu.regs["ss"] = 0x10
    assert emu.regs["cpl"] == 0 and raised(emu) is None


def test_read_only(backend):
    emu = machine("i386", b"\x8E\xD8\x8B\x07\x89\x07\x01\x07", backend)
    load_gdt(emu, [*FLAT, descriptor(0, 0xFFFFF, 0x91, 0xC)])
    emu.regs.write_many({"eax": 0x28, "edi": DATA})
    emu.run(count=1)
    assert raised(emu) is None
    assert raised(emu) == (GP, 0)
    emu.pc += 2
    assert raised(emu) == (GP, 0)


def test_base(backend):
    emu = machine("i386", b"\x8E\xD8\x8B\x07\x64\x8B\x1F", backend)
    load_gdt(emu, [*FLAT, descriptor(0x1000, 0xFFFFF, 0x93, 0xC)])
    emu.regs.write_many({"eax": 0x28, "edi": DATA - 0x1000})
    emu.memory.write(DATA, b"\7\0\0\0")
    emu.run(count=2)
    assert emu.regs["eax"] == 7


def far(selector, offset=DATA):
    return b"\xEA" + struct.pack("<IH", offset, selector)


@pytest.mark.parametrize(("access", "selector", "want"), [
    (0x9B, 0x28, None), (0x93, 0x28, (GP, 0x28)), (0xFB, 0x28, (GP, 0x28)),
    (0xFF, 0x28, (GP, 0x28)),
    (0x9F, 0x2B, None), (0x9B, 0x2B, (GP, 0x28)), (0x1B, 0x28, (NP, 0x28)), (0x9B, 0, (GP, 0)),
    (0x9B, 0x38, (GP, 0x38)), (0x82, 0x28, (GP, 0x28))])
def test_far_jump(backend, access, selector, want):
    emu = machine("i386", far(selector), backend)
    load_gdt(emu, [*FLAT, descriptor(0, 0xFFFFF, access, 0xC)])
    assert raised(emu) == want
    if want is None:
        assert (emu.pc, emu.regs["cs"]) == (DATA, 0x28)


def test_far_jump_limit(backend):
    emu = machine("i386", far(0x28, 0x100), backend)
    load_gdt(emu, [*FLAT, descriptor(DATA, 0xFF, 0x9B, 4)])
    assert raised(emu) == (GP, 0)
    emu.memory.write(CODE, far(0x28, 0xFE))
    emu.memory.write(DATA + 0xFE, b"\x90\x90")
    assert raised(emu) is None
    assert (emu.pc, emu.regs["eip"]) == (DATA + 0xFE, 0xFE)
    assert raised(emu, 2) is None
    assert raised(emu) == (GP, 0)                # the next byte is beyond the limit


def test_far_call_and_return(backend):
    emu = machine("i386", b"\x9A" + struct.pack("<IH", 0x10, 0x28), backend)
    load_gdt(emu, [*FLAT, descriptor(DATA, 0xFFF, 0x9B, 4)])
    emu.regs["cs"] = 8
    emu.memory.write(DATA + 0x10, b"\xCA\x04\x00")      # retf 4
    emu.run(count=1)
    assert (emu.pc, emu.regs["esp"]) == (DATA + 0x10, STACK - 8)
    assert emu.memory.read(STACK - 8, 8) == struct.pack("<II", CODE + 7, 8)
    emu.run(count=1)
    assert (emu.pc, emu.regs["esp"], emu.regs["cs"]) == (CODE + 7, STACK + 4, 8)


def test_sixteen_bit_code(backend):
    """A 16-bit segment: operand and address sizes, IP and SP wrap in it."""
    emu = machine("i386", far(0x28, 0x10), backend)
    load_gdt(emu, [*FLAT, descriptor(DATA, 0xFFFF, 0x9B, 0)])
    emu.memory.write(DATA + 0x10, bytes.fromhex("b83412 66b878563412 c5f877 "))
    emu.run(count=1)
    emu.run(count=1)
    assert emu.regs["eax"] & 0xFFFF == 0x1234
    emu.run(count=1)
    assert emu.regs["eax"] == 0x12345678


def test_return_to_user_and_call_gate_back(backend):
    """RETF to CPL 3, then a call gate with two parameters to CPL 0 and back."""
    emu = machine("i386", b"\xCB", backend)
    gate = struct.pack("<HHBBH", DATA & 0xFFFF, 8, 2, 0xEC, DATA >> 16)
    load_gdt(emu, [*FLAT, gate, descriptor(TSS, 0x67, 0x89, 0)])
    emu.regs["cs"] = 8
    emu.memory.write(STACK, struct.pack("<IIII", CODE + 0x100, 0x1B, STACK + 0x800, 0x23))
    emu.memory.write(TSS + 4, struct.pack("<II", STACK - 0x100, 0x10))
    emu.memory.write(CODE + 0x100, b"\x6A\x55\x6A\x66\x9A\0\0\0\0\x28\0")
    emu.memory.write(DATA, b"\xCA\x08\x00")
    emu.run(count=1)
    assert emu.pc == CODE + 0x100
    assert (emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (0x1B, 0x23, 3)
    assert emu.regs["esp"] == STACK + 0x800
    assert emu.regs["ds"] == 0                  # a kernel segment, taken away
    emu.regs.write_many({"tr_base": TSS, "tr_limit": 0x67, "tr": 0x30})
    emu.run(count=3)
    assert (emu.pc, emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (DATA, 8, 0x10, 0)
    assert emu.memory.read(emu.regs["esp"], 24) == struct.pack(
        "<IIIIII", CODE + 0x10B, 0x1B, 0x66, 0x55, STACK + 0x7F8, 0x23)
    emu.run(count=1)
    assert (emu.pc, emu.regs["cs"], emu.regs["cpl"]) == (CODE + 0x10B, 0x1B, 3)
    assert emu.regs["esp"] == STACK + 0x800


def test_long_mode(backend):
    """Compatibility mode and 64-bit mode by far jumps, IRETQ to CPL 3."""
    emu = machine("x86_64", b"\xFF\x2F", backend)       # jmp far [rdi]
    load_gdt(emu, [*LONG, descriptor(0, 0xFFFFF, 0x9B, 0xE)])
    emu.regs["rdi"] = STACK
    emu.memory.write(STACK, struct.pack("<IH", DATA, 0x30))
    assert raised(emu) == (GP, 0x30)                     # L and D
    load_gdt(emu, [*LONG, descriptor(0, 0xFFFFF, 0x9B, 0xC)])
    emu.memory.write(DATA, b"\x40\xEA" + struct.pack("<IH", CODE + 0x40, 8))   # inc eax; jmp 8:
    emu.memory.write(CODE + 0x40, b"\x48\xFF\xC0\x48\xCF")      # inc rax; iretq
    emu.regs["rax"] = 0xFFFFFFFF
    emu.run(count=2)
    assert emu.regs["rax"] == 0
    emu.run(count=2)
    assert (emu.regs["rax"], emu.regs["cs"]) == (1, 8)
    emu.regs["rsp"] = STACK
    emu.memory.write(STACK, struct.pack("<QQQQQ", CODE + 0x80, 0x2B, 0x202, STACK + 0x100, 0x23))
    emu.run(count=1)
    assert (emu.pc, emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (CODE + 0x80, 0x2B, 0x23, 3)
    assert (emu.regs["rsp"], emu.regs["rflags"]) == (STACK + 0x100, 0x202)


def test_inspection(backend):
    # lar ecx, ax; lsl edx, ax; verr ax; setz bl; verw ax; setz bh
    emu = machine("i386", bytes.fromhex("0f02c8 0f03d0 0f00e0 0f94c3 0f00e8 0f94c7"), backend)
    load_gdt(emu, [*FLAT, descriptor(0, 0x12, 0x91, 0xC)])
    emu.regs["eax"] = 0x28
    emu.run(count=6)
    assert emu.regs["ecx"] == 0x00C09100
    assert emu.regs["edx"] == 0x12FFF
    assert emu.regs["ebx"] & 0xFFFF == 1
    for bad in (0, 0x30, 0x2C):
        emu.regs.write_many({"eax": bad, "ecx": 7, "edx": 8})
        emu.pc = CODE
        emu.run(count=6)
        assert (emu.regs["ecx"], emu.regs["edx"], emu.regs["ebx"] & 0xFFFF) == (7, 8, 0)


def test_arpl(backend):
    emu = machine("i386", b"\x63\xC8\x63\xC8", backend)
    emu.regs.write_many({"eax": 0x11110008, "ecx": 3})
    emu.run(count=1)
    assert (emu.regs["eax"], emu.regs["eflags"] & 0x40) == (0x1111000B, 0x40)
    emu.run(count=1)
    assert (emu.regs["eax"], emu.regs["eflags"] & 0x40) == (0x1111000B, 0)


def test_task_register_and_ldt(backend):
    # ltr ax; str ecx; lldt dx; sldt ebx; mov es, [esi]
    emu = machine("i386", bytes.fromhex("0f00d8 0f00c9 0f00d2 0f00c3 8e06"), backend)
    load_gdt(emu, [*FLAT, descriptor(TSS, 0x67, 0x89, 0), descriptor(DATA, 0xF, 0x82, 0)])
    emu.memory.write(DATA + 8, descriptor(0x5000, 0xFF, 0x92, 4))
    emu.memory.write(STACK, b"\x0C\0")
    emu.regs.write_many({"eax": 0x28, "edx": 0x30, "esi": STACK})
    emu.run(count=5)
    assert (emu.regs["ecx"], emu.regs["ebx"]) == (0x28, 0x30)
    assert (emu.regs["tr_base"], emu.regs["ldt_base"]) == (TSS, DATA)
    assert emu.memory.read(GDT + 0x2D, 1)[0] == 0x8B    # busy
    assert (emu.regs["es"], emu.regs["es_base"]) == (0x0C, 0x5000)
    emu.pc = CODE
    assert raised(emu) == (GP, 0x28)                     # it is busy


def test_virtual_8086(backend):
    """IRETD into it; segments are paragraphs there; IOPL rules CLI, PUSHF, INT; 64 KiB limits."""
    emu = machine("i386", b"\xCF", backend)
    load_gdt(emu, FLAT)
    emu.regs["cs"] = 8
    emu.memory.write(STACK, struct.pack("<9I", 0x10, 0x2000, 0x20002, 0x800, 0x3000, 0x1111, 0x2222,
                                        0x3333, 0x4444))
    # mov ax, 0x2345; mov ds, ax; mov bx, [0x10]; pushf
    emu.memory.write(0x20010, bytes.fromhex("b84523 8ed8 8b1e1000 9c"))
    emu.memory.write(0x23460, b"\xCD\xAB")
    emu.run(count=1)
    assert (emu.pc, emu.regs["cs"], emu.regs["cpl"]) == (0x20010, 0x2000, 3)
    assert [emu.regs[n] for n in ("ss", "es", "ds", "fs", "gs")] == [0x3000, 0x1111, 0x2222, 0x3333,
                                                                    0x4444]
    emu.run(count=3)
    assert emu.regs["ebx"] & 0xFFFF == 0xABCD
    assert raised(emu) == (GP, 0)                        # IOPL is 0
    emu.regs["eflags"] |= 0x3000
    assert raised(emu) is None
    emu.memory.write(emu.pc, b"\x0F\x00\xC0")           # sldt: not in this mode
    assert raised(emu)[0] == UD


def test_real_to_protected_and_back(backend):
    """LGDT, LMSW, a far jump to 32-bit code; CR0.PE off again: "unreal" limits stay."""
    emu = machine("x86_16", b"", backend)
    emu.memory.write(0x7C00, bytes.fromhex(
        "0f01160005"        # lgdt [0x500]
        "0f20c0 0c01 0f22c0"            # mov eax, cr0; or al, 1; mov cr0, eax
        "b81000 8ed8"       # mov ax, 0x10; mov ds, ax
        "0f20c0 24fe 0f22c0"
        "66bb00000200 678b03 f4"))      # mov ebx, 0x20000; mov ax, [ebx]; hlt
    emu.memory.write(0x500, struct.pack("<HI", 5 * 8 - 1, GDT))
    load_gdt(emu, FLAT)
    emu.regs.write_many({"gdt_base": 0, "gdt_limit": 0})
    emu.memory.write(DATA, b"\x34\x12")
    emu.run(0x7C00)
    assert emu.regs["ax"] == 0x1234
    assert emu.regs["ds_limit"] == 0xFFFFFFFF


def test_flat_start_without_tables(backend):
    """A program started flat may load any selector: nothing is there to check it."""
    emu = machine("i386", b"\x8E\xE8\x65\x8B\x07", backend, user_mode=True)
    emu.regs.write_many({"eax": 0x63, "edi": 0, "gs_base": DATA})
    emu.memory.write(DATA, b"\7\0\0\0")
    emu.run(count=2)
    assert (emu.regs["eax"], emu.regs["gs"]) == (7, 0x63)
