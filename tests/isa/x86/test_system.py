"""x86 system instructions: registers and their reserved bits, privilege, ports, entry of kernels.

Lives here: one instruction or a few, with results from the manual. Does not live here: page tables
(test_paging), segments (test_segments), delivery (test_interrupts).
"""

import struct
import sys
from pathlib import Path

import pytest

import engine

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from systems import BACKENDS, CODE, DATA, STACK, machine, raised  # noqa: E402

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def run(emu, count):
    return emu.run(count=count)


def test_msr(backend):
    emu = machine("x86_64", b"\x0F\x30\x0F\x32" * 40, backend)
    for number, value in ((0xC0000100, 0x7FFF12345678), (0xC0000101, 0xFFFF800000001000),
                          (0xC0000102, 0x1000), (0xC0000081, 0x0023001000000000),
                          (0xC0000082, 0xFFFFFFFF81000000), (0xC0000084, 0x47700), (0x174, 0x10),
                          (0x175, 0x8000), (0x176, 0x9000), (0x277, 0x0007040600070406),
                          (0xC0000103, 7), (0x2FF, 0xC06)):
        emu.regs.write_many({"rcx": number | 0xABC << 32, "rax": value & 0xFFFFFFFF | 5 << 32,
                             "rdx": value >> 32})
        run(emu, 1)
        emu.regs.write_many({"rax": -1 & (1 << 64) - 1, "rdx": 0})
        run(emu, 1)
        assert emu.regs["rax"] | emu.regs["rdx"] << 32 == value, hex(number)
    assert emu.regs["fs_base"] == 0x7FFF12345678
    assert emu.regs["kernel_gs_base"] == 0x1000


@pytest.mark.parametrize(("number", "value"), [
    (0xC0000100, 1 << 47), (0xC0000080, 1 << 1), (0x277, 2), (0xC0000103, 1 << 32), (0xFE, 0),
    (0x12345, 0)])
def test_msr_refused(backend, number, value):
    emu = machine("x86_64", b"\x0F\x30", backend)
    emu.regs.write_many({"rcx": number, "rax": value & 0xFFFFFFFF, "rdx": value >> 32})
    assert raised(emu) == (13, 0)
    assert emu.pc == CODE


def test_swapgs(backend):
    emu = machine("x86_64", b"\x0F\x01\xF8" * 2, backend)
    emu.regs["gs_base"], emu.regs["kernel_gs_base"] = 0x1000, 0x2000
    run(emu, 1)
    assert (emu.regs["gs_base"], emu.regs["kernel_gs_base"]) == (0x2000, 0x1000)
    run(emu, 1)
    assert emu.regs["gs_base"] == 0x1000


PRIVILEGED = {"rdmsr": b"\x0F\x32", "wrmsr": b"\x0F\x30", "hlt": b"\xF4", "lgdt": b"\x0F\x01\x17",
              "lidt": b"\x0F\x01\x1F", "lmsw": b"\x0F\x01\xF0", "clts": b"\x0F\x06",
              "mov cr": b"\x0F\x20\xC0", "to cr": b"\x0F\x22\xD8", "mov dr": b"\x0F\x21\xF8",
              "invlpg": b"\x0F\x01\x3F", "wbinvd": b"\x0F\x09", "cli": b"\xFA", "sti": b"\xFB",
              "in": b"\xE4\x10", "out": b"\xEE", "lldt": b"\x0F\x00\xD0", "ltr": b"\x0F\x00\xD8"}


@pytest.mark.parametrize("arch", ["x86_64", "i386"])
def test_user_mode(backend, arch):
    for name, code in PRIVILEGED.items():
        emu = machine(arch, code, backend, user_mode=True)
        assert emu.regs["cpl"] == 3
        assert raised(emu) == (13, 0)
        assert emu.pc == CODE, name
    emu = machine("x86_64", b"\x0F\x01\xF8", backend, user_mode=True)
    assert raised(emu) == (13, 0)


def test_control_registers(backend):
    # mov cr3, rax; mov rbx, cr3; mov rcx, cr0; mov cr8, rdx; mov rsi, cr8
    code = bytes.fromhex("0f22d8 0f20db 0f20c1 440f22c2 440f20c6")
    emu = machine("x86_64", code, backend)
    emu.regs.write_many({"rax": 0x123456789000, "rdx": 5})
    run(emu, 5)
    assert emu.regs["rbx"] == 0x123456789000 == emu.regs["cr3"]
    assert emu.regs["rcx"] & 0x11 == 0x11
    assert emu.regs["rsi"] == 5 == emu.regs["cr8"]


@pytest.mark.parametrize(("code", "value"), [
    ("0f22c0", 1 << 32), ("0f22c0", 1 << 29), ("0f22c0", 1 << 31), ("0f22e0", 1 << 30),
    ("0f22e0", 0), ("0f22d8", 1 << 55), ("440f22c0", 16)])
def test_reserved_bits(backend, code, value):
    """CR0: high half, NW without CD, PG without PE; CR4: PAE off in long mode; CR3, CR8."""
    emu = machine("x86_64", bytes.fromhex(code), backend)
    emu.regs["rax"] = value
    assert raised(emu) == (13, 0)


def test_no_such_register(backend):
    for code in ("0f20c8", "0f20e8", "0f22f8"):
        emu = machine("x86_64", bytes.fromhex(code), backend)
        assert raised(emu)[0] == 6


def test_debug_registers(backend):
    # mov dr0, rax; mov rbx, dr0; mov dr7, rcx; mov rdx, dr7; mov rsi, dr6
    emu = machine("x86_64", bytes.fromhex("0f23c0 0f21c3 0f23f9 0f21fa 0f21f6"), backend)
    emu.regs.write_many({"rax": 0x123456789ABC, "rcx": 0})
    run(emu, 5)
    assert emu.regs["rbx"] == 0x123456789ABC
    assert emu.regs["rdx"] == 0x400
    assert emu.regs["rsi"] == 0xFFFF0FF0
    emu = machine("x86_64", bytes.fromhex("0f23f8"), backend)
    emu.regs["rax"] = 1 << 32
    assert raised(emu) == (13, 0)


def test_tables(backend):
    # lgdt [rdi]; sgdt [rsi]; lidt [rdi]; sidt [rsi+16]
    emu = machine("x86_64", bytes.fromhex("0f0117 0f0106 0f011f 0f014e10"), backend)
    emu.memory.write(DATA, struct.pack("<HQ", 0x7F, 0xFFFF800012345678))
    emu.regs.write_many({"rdi": DATA, "rsi": DATA + 0x100})
    run(emu, 4)
    assert emu.memory.read(DATA + 0x100, 10) == struct.pack("<HQ", 0x7F, 0xFFFF800012345678)
    assert emu.memory.read(DATA + 0x110, 10) == struct.pack("<HQ", 0x7F, 0xFFFF800012345678)
    # 16-bit operand size: 24 bits of the base
    emu = machine("i386", bytes.fromhex("660f0117"), backend)
    emu.memory.write(DATA, struct.pack("<HI", 0x7F, 0x12345678))
    emu.regs["edi"] = DATA
    run(emu, 1)
    assert emu.regs["gdt_base"] == 0x345678


def test_machine_status_word(backend):
    # smsw eax; mov ecx, 8; lmsw cx; smsw edx; clts; smsw ebx
    emu = machine("i386", bytes.fromhex("0f01e0 b908000000 0f01f1 0f01e2 0f06 0f01e3"), backend)
    run(emu, 6)
    assert emu.regs["eax"] & 1
    assert emu.regs["edx"] & 0xF == 9           # PE stays
    assert emu.regs["ebx"] & 0xF == 1


def test_syscall_delivered(backend):
    emu = machine("x86_64", b"\x0F\x05", backend, exceptions="guest")
    emu.memory.write(DATA, b"\x48\x0F\x07")     # sysretq
    emu.regs.write_many({"star": 0x0023001000000000, "lstar": DATA, "fmask": 0x200,
                         "rflags": 0x246})
    run(emu, 1)
    assert emu.pc == DATA
    assert (emu.regs["rcx"], emu.regs["r11"]) == (CODE + 2, 0x246)
    assert emu.regs["rflags"] == 0x46
    assert (emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (0x10, 0x18, 0)
    run(emu, 1)
    assert emu.pc == CODE + 2
    assert (emu.regs["cs"], emu.regs["ss"], emu.regs["cpl"]) == (0x33, 0x2B, 3)
    assert emu.regs["rflags"] == 0x246


def test_sysenter_delivered(backend):
    emu = machine("i386", b"\x0F\x34", backend, exceptions="guest")
    emu.memory.write(DATA, b"\x0F\x35")
    emu.regs.write_many({"sysenter_cs": 0x10, "sysenter_eip": DATA, "sysenter_esp": STACK - 64})
    run(emu, 1)
    assert (emu.pc, emu.regs["esp"]) == (DATA, STACK - 64)
    assert (emu.regs["cs"], emu.regs["ss"]) == (0x10, 0x18)
    emu.regs.write_many({"ecx": STACK, "edx": CODE})
    run(emu, 1)
    assert (emu.pc, emu.regs["esp"], emu.regs["cs"], emu.regs["ss"]) == (CODE, STACK, 0x23, 0x2B)
    assert emu.regs["cpl"] == 3


def test_syscall_to_the_host(backend):
    emu = machine("x86_64", b"\x0F\x05", backend)
    with pytest.raises(engine.GuestException, match="SYSCALL"):
        emu.run(count=1)
    assert emu.pc == CODE


def test_extended_control_register(backend):
    # xsetbv; xgetbv
    emu = machine("x86_64", bytes.fromhex("0f01d1 0f01d0"), backend)
    emu.regs.write_many({"rax": 3, "rcx": 0, "rdx": 0})
    run(emu, 2)
    assert (emu.regs["rax"], emu.regs["rdx"], emu.regs["xcr0"]) == (3, 0, 3)
    for value in (0, 5, 0xFF):
        emu.pc = CODE
        emu.regs["rax"] = value
        assert raised(emu) == (13, 0)
    emu.regs["cr4"] &= ~(1 << 18)
    assert raised(emu)[0] == 6


def test_ports(backend):
    # in al, 0x10; in ax, dx; in eax, dx; out 0x20, al; out dx, eax; in al, 0x99
    emu = machine("i386", bytes.fromhex("e410 66ed ed e620 ef e499"), backend)
    seen = []

    def read(offset, size):
        seen.append((offset, size))
        return 0x11223344 & (1 << 8 * size) - 1

    emu.ports.map_io(0x10, 4, read)
    emu.ports.map_io(0x3F8, 8, read, lambda *write: seen.append(write), name="uart")
    emu.ports.map_io(0x20, 1, None, lambda *write: seen.append(write))
    assert list(emu.ports) == [(0x10, 4), (0x20, 1), (0x3F8, 8)]
    emu.regs["edx"] = 0x3F8
    emu.regs["eax"] = 0xAAAAAAAA
    run(emu, 1)
    assert emu.regs["eax"] == 0xAAAAAA44
    run(emu, 1)
    assert emu.regs["eax"] == 0xAAAA3344
    run(emu, 3)
    assert emu.regs["eax"] == 0x11223344
    assert seen == [(0, 1), (0, 2), (0, 4), (0, 1, 0x44), (0, 4, 0x11223344)]
    run(emu, 1)
    assert emu.regs["eax"] == 0x112233FF        # nobody's
    with pytest.raises(engine.MapError, match="claimed"):
        emu.ports.map_io(0x3FF, 1)
    emu.ports.unmap(0x3F8, 8)
    emu.ports.map_io(0x3FF, 1)
    with pytest.raises(engine.MapError):
        emu.ports.unmap(0x3F8, 8)
    for bad in ((0x10000, 1), (0xFFFF, 2), (0, 0)):
        with pytest.raises(engine.ArgumentError):
            emu.ports.map_io(*bad)
    with pytest.raises(engine.UnsupportedError):
        engine.Emulator("riscv64").ports.map_io(0, 1)


def test_port_errors_come_out(backend):
    emu = machine("i386", bytes.fromhex("e410"), backend)

    def read(offset, size):
        raise KeyError("mine")

    emu.ports.map_io(0x10, 1, read)
    with pytest.raises(KeyError):
        emu.run(count=1)
    assert emu.pc == CODE


def test_string_ports(backend):
    # rep insb; std; rep outsd
    emu = machine("i386", bytes.fromhex("f36c fd f36f"), backend)
    values, out = iter(b"hello, port"), []
    emu.ports.map_io(0x1F0, 4, lambda offset, size: next(values), lambda *w: out.append(w))
    emu.regs.write_many({"edi": DATA, "ecx": 11, "edx": 0x1F0})
    emu.run(until=CODE + 3)
    assert emu.memory.read(DATA, 11) == b"hello, port"
    assert (emu.regs["ecx"], emu.regs["edi"]) == (0, DATA + 11)
    emu.regs.write_many({"esi": DATA + 4, "ecx": 2})
    emu.run(until=CODE + 5)
    assert out == [(0, 4, int.from_bytes(b"o, p", "little")),
                   (0, 4, int.from_bytes(b"hell", "little"))]
    assert emu.regs["esi"] == DATA - 4


def test_ins_checks_memory_first(backend):
    emu = machine("i386", b"\x6C", backend)
    asked = []
    emu.ports.map_io(0x10, 1, lambda offset, size: asked.append(1) or 1)
    emu.regs.write_many({"edi": 0x200000, "edx": 0x10})
    with pytest.raises(engine.MemoryFault):
        emu.run(count=1)
    assert not asked


@pytest.mark.parametrize("code", ["6c", "6d", "6e", "6f", "f36c"])
def test_string_ports_ask_for_permission_first(backend, code):
    emu = machine("i386", bytes.fromhex(code), backend, user_mode=True)
    emu.regs.write_many({"edi": 0x200000, "esi": 0x200000, "edx": 0x10, "ecx": 2})
    assert raised(emu) == (13, 0)


@pytest.mark.parametrize("code", ["2e8907", "2e0107", "2ef00107", "2e8707", "2e0fb10f", "2e0f1107",
                                  "2e0fc70f", "2ed91f", "2e0f7f07", "2ed127", "2e0fa40701"])
def test_code_is_not_written(backend, code):
    """A store through CS: #GP, however flat it is."""
    emu = machine("i386", bytes.fromhex(code), backend, user_mode=True)
    emu.regs.write_many({"edi": DATA, "eax": 5})
    assert raised(emu) == (13, 0)
    assert emu.memory.read(DATA, 16) == bytes(16)


@pytest.mark.parametrize(("code", "registers"), [
    ("c8040000", {"rsp": 0xA0008}), ("0fae3f", {}), ("0f7f07", {}), ("0f7e07", {}), ("0fe707", {})])
def test_a_fault_changes_nothing(backend, code, registers):
    """ENTER tries its new top, CLFLUSH its byte; MMX stores leave the x87 unit until the end."""
    emu = machine("x86_64", bytes.fromhex(code), backend)
    emu.memory.unmap(0x90000, 0x10000)
    emu.regs.write_many({"rdi": 0x90000, "fsw": 0x3000, "ftw": 0xFFFF})
    emu.regs.write_many(registers)
    before = emu.regs.read_many(["rsp", "rbp", "fsw", "ftw"])
    with pytest.raises(engine.MemoryFault):
        emu.run(count=1)
    assert emu.regs.read_many(["rsp", "rbp", "fsw", "ftw"]) == before


@pytest.mark.parametrize("code", ["0f6007", "0f6107", "0f6207"])
def test_unpack_of_four_bytes(backend, code):
    """PUNPCKLBW and its kin of MMX registers read mm/m32."""
    emu = machine("x86_64", bytes.fromhex(code), backend)
    emu.memory.write(0xFFFFC, b"\x11\x22\x33\x44")
    emu.regs.write_many({"rdi": 0xFFFFC})
    assert raised(emu) is None
    assert emu.regs["fpr0"] >> 56 & 0xFF == 0x44


@pytest.mark.parametrize("code", ["d807", "da07", "df2f", "d92f", "db2f", "d91f", "d927"])
def test_pending_x87_exception_comes_first(backend, code):
    """Before a fault of the memory operand."""
    emu = machine("x86_64", bytes.fromhex(code), backend)
    emu.regs.write_many({"rdi": 0x200000, "fcw": 0x37E, "fsw": 0x8081})
    assert raised(emu)[0] == 16


def test_hlt(backend):
    emu = machine("x86_64", b"\xF4\x90", backend)
    assert emu.run().reason == engine.StopReason.HALT
    assert emu.pc == CODE + 1


def test_random(backend):
    # rdrand rax; rdseed ecx; rdrand dx
    emu = machine("x86_64", bytes.fromhex("480fc7f0 0fc7f9 660fc7f2"), backend)
    emu.regs.write_many({"rcx": -1 & (1 << 64) - 1, "rflags": 0x8D6})
    run(emu, 3)
    assert emu.regs["rflags"] & 0x8D5 == 1
    assert emu.regs["rcx"] >> 32 == 0
    first = emu.regs["rax"]
    again = machine("x86_64", bytes.fromhex("480fc7f0"), backend)
    run(again, 1)
    assert again.regs["rax"] == first           # repeats ...
    seeded = machine("x86_64", bytes.fromhex("480fc7f0"), backend)
    seeded.regs["random_seed"] = 42
    run(seeded, 1)
    assert seeded.regs["rax"] != first          # ... unless seeded


def test_time_stamps(backend):
    # rdtsc; mov ebx, eax; nop; rdtscp
    emu = machine("x86_64", bytes.fromhex("0f31 89c3 90 0f01f9"), backend)
    emu.regs["tsc_aux"] = 3
    run(emu, 4)
    assert emu.regs["rax"] - emu.regs["rbx"] == 3
    assert emu.regs["rcx"] == 3
    emu.pc = CODE
    emu.regs["tsc"] = 1000
    run(emu, 1)
    assert 1000 <= emu.regs["rax"] <= 1001


def test_alignment_check(backend):
    emu = machine("x86_64", b"\x8B\x07\x8B\x07", backend, user_mode=True)
    emu.regs.write_many({"rdi": DATA + 1, "rflags": 0x40202})
    run(emu, 1)
    emu.regs["cr0"] |= 1 << 18
    assert raised(emu) == (17, 0)


def test_umip(backend):
    for code in ("0f0006", "0f0008", "0f0107", "0f010f", "0f01e0"):
        emu = machine("x86_64", bytes.fromhex(code), backend, user_mode=True)
        emu.regs.write_many({"rdi": DATA, "rsi": DATA, "rax": DATA})
        run(emu, 1)
        emu.pc = CODE
        emu.regs["cr4"] |= 1 << 11
        assert raised(emu) == (13, 0)


def test_models(backend):
    """What each model adds decodes from it on, and CPUID says so."""
    order = ["8086", "80186", "80286", "80386", "486", "pentium", "pentiumpro", "pentium2",
             "pentium3", "core2", "nehalem", "haswell", "max"]
    first = {"60": "80186", "0f01e0": "80286", "0fa2": "486", "0f31": "pentium",
             "0f44c0": "pentiumpro", "f30fb8c0": "nehalem", "0f38f000": "haswell",
             "0fc7f0": "haswell", "0fc7f8": "max"}
    for model in order:
        emu = machine("x86_16", b"", backend, model=model)
        emu.regs["sp"] = 0x1000
        for code, since in first.items():
            emu.memory.write(CODE, bytes.fromhex(code))
            emu.pc = CODE
            found = raised(emu)
            assert (found is None) == (order.index(model) >= order.index(since)), (model, code)
            assert found is None or found[0] == 6
    for model, signature in (("486", 0x480), ("core2", 0x6FB), ("haswell", 0x306C3)):
        emu = machine("i386", b"\x0F\xA2", backend, model=model)
        emu.regs["eax"] = 1
        run(emu, 1)
        assert emu.regs["eax"] == signature
        assert emu.regs["edx"] & 1
    with pytest.raises(engine.UnsupportedError):
        engine.Emulator("x86_64", model="pentium")
