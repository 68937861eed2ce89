"""Row 18: what an emulator does, as log lines; only the chosen categories, nothing when off."""

import io
import time

import pytest

pytest.importorskip("engine._core.api.emulator", reason="the extension modules are not built")

from engine import Emulator, GuestException, InstructionFault, MemoryFault, backends
from engine.debug.exec_log import SILENT, ExecLog
from engine.util import log
from engine.util.log import Category

CODE = 0x1000
ADDI_A0 = bytes.fromhex("13051500")     # addi a0, a0, 1
LD_A1 = bytes.fromhex("83b50200")       # ld a1, 0(t0)
SD_A1 = bytes.fromhex("23b0b200")       # sd a1, 0(t0)
ECALL = bytes.fromhex("73000000")
NONE = b"\xff\xff\xff\xff"
LOOP = bytes.fromhex("1305f5ff" "e31e05fe")     # addi a0, a0, -1; bnez a0, -4


@pytest.fixture
def out():
    stream = io.StringIO()
    log.set_stream(stream)
    yield stream
    log.set_level(0)
    log.close_log()


@pytest.fixture
def emu():
    with Emulator("riscv64") as emu:
        emu.memory.map(CODE, 0x1000, "rx")
        emu.memory.map(0x8000, 0x1000, "r")
        yield emu


def logged(emu, out, names, code, error=None, **start):
    emu.memory.write(CODE, code)
    for name, value in start.items():
        emu.regs[name] = value
    log.set_level(log.mask_from_text(names))
    out.truncate(0)
    out.seek(0)
    with ExecLog(emu):
        if error is None:
            emu.run(CODE, CODE + len(code))
        else:
            with pytest.raises(error):
                emu.run(CODE, CODE + len(code))
    return out.getvalue()


def test_row_18_tlb_miss_is_silent_under_unimp_and_logged_under_mmu(emu, out):
    assert logged(emu, out, "unimp", LD_A1, MemoryFault, t0=0x40000) == ""
    text = logged(emu, out, "mmu", LD_A1, MemoryFault, t0=0x40000)
    (line,) = text.splitlines()
    for part in ("mmu: read of 8 at 0x40000", f"pc {CODE:#x}", "unmapped", "physical 0x40000",
                 "nothing mapped"):
        assert part in line
    (line,) = logged(emu, out, "mmu", SD_A1, MemoryFault, t0=0x8010).splitlines()
    for part in ("write of 8 at 0x8010", "protected", "physical 0x8010", "protection r--"):
        assert part in line


def test_row_18_int(emu, out):
    text = logged(emu, out, "int", ADDI_A0 + ECALL, GuestException)
    assert text.splitlines() == [f"int: exception 11 at pc {CODE + 4:#x}"]


def test_row_18_guest_errors(emu, out):
    text = logged(emu, out, "guest_errors", ADDI_A0 + NONE, InstructionFault)
    assert text == f"guest error: no instruction at {CODE + 4:#x}: ff ff ff ff\n"


def test_row_18_in_asm_once_and_exec_each_time(emu, out):
    text = logged(emu, out, "in_asm", LOOP, a0=3)
    # the block from CODE, then the one that the branch closes: each once
    assert text.count(f"{CODE:#018x}:") == 1
    assert "1305f5ff" in text and "addi a0, a0, -1" in text
    text = logged(emu, out, "exec", LOOP, a0=3)
    assert text.count(f"exec {CODE:#018x}") == 3


def test_row_18_in_asm_shows_changed_code_again(emu, out):
    emu.memory.write(CODE, ADDI_A0)
    log.set_level(Category.IN_ASM)
    with ExecLog(emu):
        emu.run(CODE, CODE + 4)
        emu.run(CODE, CODE + 4)
        emu.memory.write(CODE, LOOP[:4])
        emu.run(CODE, CODE + 4)
    assert out.getvalue().count("IN: ") == 2


def test_row_18_cpu_and_reset(emu, out):
    text = logged(emu, out, "cpu_reset,cpu", ADDI_A0, a0=0x1234)
    assert text.count("a0=0000000000001234") == 2 and "CPU reset (riscv64)" in text
    assert "CPU reset" not in logged(emu, out, "cpu_reset", ADDI_A0)     # it has run already


def test_row_18_intermediate_code_at_the_end(emu, out):
    text = logged(emu, out, "op", ADDI_A0)
    assert text.startswith(f"OP: {CODE:#x}\n") and len(text.splitlines()) > 2
    assert "OP after optimisation" in logged(emu, out, "op_opt", ADDI_A0)
    assert emu.dump_block(0x70000000) == ""


def test_row_18_host_code_at_the_end(out):
    with Emulator("riscv64", backend="interpreter") as emu:
        emu.memory.map(CODE, 0x1000)
        assert logged(emu, out, "out_asm", ADDI_A0) == ""       # it makes none
    if "jit" not in backends():
        pytest.skip("no JIT on this host")
    with Emulator("riscv64", backend="jit") as emu:
        emu.memory.map(CODE, 0x1000)
        text = logged(emu, out, "out_asm", ADDI_A0)
        assert text.startswith(f"OUT: {CODE:#x} [size=")
        assert len(text.splitlines()) > 2


def test_row_18_mmu_shows_pages_that_enter_the_tlb(emu, out):
    text = logged(emu, out, "mmu", LD_A1, t0=0x8010)
    fetch, read = text.splitlines()
    assert fetch == (f"mmu: fetch of 1 at {CODE:#x} pc {CODE:#x}: ok, physical {CODE:#x},"
                     " protection r-x")
    assert read == (f"mmu: read of 8 at 0x8010 pc {CODE:#x}: ok, physical 0x8010, protection r--")
    assert logged(emu, out, "mmu", LD_A1, t0=0x8018).count("read") == 0     # a hit


def test_row_18_nothing_is_armed_when_off(emu, out):
    log.set_level(0)
    trace = ExecLog(emu)
    assert trace.hooks == []
    trace.close()
    log.set_level(SILENT)
    assert ExecLog(emu).hooks == []
    for category in Category:
        trace = ExecLog(emu, category)
        armed = bool(trace.hooks) or category is Category.CPU_RESET
        assert armed is not bool(category & SILENT), category
        trace.close()


def test_row_18_off_is_not_measurable(emu, out):
    emu.memory.write(CODE, LOOP)

    def seconds(around):
        emu.regs.a0 = 200000
        began = time.perf_counter()
        if around:
            with ExecLog(emu, 0):
                emu.run(CODE, CODE + len(LOOP))
        else:
            emu.run(CODE, CODE + len(LOOP))
        return time.perf_counter() - began

    bare = min(seconds(False) for _ in range(7))
    off = min(seconds(True) for _ in range(7))
    assert off < bare * 1.5 + 1e-3


def test_row_18_unimp_of_user_mode(out):
    from types import SimpleNamespace

    from engine.linux.calls import dispatch
    process = SimpleNamespace(abi=SimpleNamespace(syscalls={}), unknown_calls=set(), trace=None)
    log.set_level(Category.MMU)
    assert dispatch(process, 9999, ()) == -38
    assert out.getvalue() == ""
    log.set_level(Category.UNIMP)
    dispatch(process, 9999, ())
    assert out.getvalue() == "unknown system call 9999 (no name): ENOSYS\n"
