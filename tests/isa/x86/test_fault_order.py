"""Which of several faults an instruction gives, and what it has done by then: as processors do.

Lives here: what the comparison with a processor (native_run.py) found, one test each, for hosts
without one. Does not live here: how an exception is delivered (test_interrupts.py).
"""

import sys
from pathlib import Path

import pytest

import engine

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "native")]

import native  # noqa: E402

END = native.MEM_WINDOW + native.MEM_SIZE       # nothing is mapped from here
FAR = 1 << 63 | END                             # not canonical


def turn_on_paging(emu):
    """Each page where it is: addresses that are not canonical are the processor's business."""
    root, first, second, tables = 0x1000, 0x2000, 0x3000, 0x4000
    emu.memory.map(root, 0x5000)
    for at, entry in ((root, first), (first, second)):
        emu.memory.write(at, (entry | 7).to_bytes(8, "little"))
    for k, page in enumerate((native.CODE, native.MEM_WINDOW)):
        table = tables + 0x1000 * k
        emu.memory.write(second + (page >> 21 & 511) * 8, (table | 7).to_bytes(8, "little"))
        emu.memory.write(table + (page >> 12 & 511) * 8,
                         (page & ~0xFFF | 7).to_bytes(8, "little"))
    emu.regs["cr3"] = root
    emu.regs["cr0"] |= 1 << 31


@pytest.fixture(params=["interpreter", "jit"])
def emu(request):
    """64-bit code at CPL 3 with paging, a page of code and one of data."""
    if request.param not in engine.backends():
        pytest.skip(f"no {request.param} back end here")
    made = engine.Emulator("x86_64", backend=request.param, user_mode=True)
    made.memory.map(native.CODE & ~0xFFF, 0x1000)
    made.memory.map(END - 0x1000, 0x1000)
    turn_on_paging(made)
    made.regs["rsp"] = END - 64
    return made


def run(emu, code, **regs):
    """(exception or None, the error) of one instruction."""
    emu.regs.write_many(regs)
    code = bytes.fromhex(code)
    emu.memory.write(native.CODE, code)
    try:
        emu.run(native.CODE, native.CODE + len(code), count=1)
    except engine.MemoryFault as error:
        assert emu.regs.pc == native.CODE
        return 14, error
    except engine.GuestException as error:
        assert emu.regs.pc == native.CODE
        return error.cause, error
    return None, None


@pytest.mark.parametrize("code", ["0f7e07", "480f7e07", "0f7f07", "0fe707"])
def test_mmx_store_that_faults_leaves_the_x87_unit(emu, code):
    """MOVD, MOVQ, MOVNTQ: no TOP 0, no tags."""
    emu.regs.write_many({"fsw": 3 << 11, "ftw": 0xFFFF})
    before = emu.regs.read_many(["fsw", "ftw", "fpr0"])
    assert run(emu, code, rdi=END - 2)[0] == 14
    assert emu.regs.read_many(["fsw", "ftw", "fpr0"]) == before
    assert run(emu, code, rdi=END - 8) == (None, None)
    assert emu.regs.read_many(["fsw", "ftw"]) == (0, 0x5555)    # all valid, and zero


@pytest.mark.parametrize("code", ["d907", "dd07", "db2f", "df27", "d807", "da07", "d92f"])
def test_pending_x87_exception_comes_before_memory(emu, code):
    """FLD, FBLD, FADD, FIADD, FLDCW (SDM 1, 8.6)."""
    emu.regs.write_many({"fcw": 0x37E, "fsw": 0x8081})
    assert run(emu, code, rdi=FAR)[0] == 16
    emu.regs.write_many({"fcw": 0x37F, "fsw": 0})
    assert run(emu, code, rdi=FAR)[0] == 13
    assert run(emu, code, rdi=END - 1)[0] == 14


def test_clflush_faults_as_a_load(emu):
    fault, error = run(emu, "0fae3f", rdi=END + 5)
    assert (fault, error.access, error.address) == (14, "read", END + 5)
    assert run(emu, "0fae3f", rdi=END - 1) == (None, None)


@pytest.mark.parametrize("code", ["0f6007", "0f6107", "0f6207"])
def test_mmx_unpack_low_reads_four_bytes(emu, code):
    assert run(emu, code, rdi=END - 4) == (None, None)
    assert run(emu, code, rdi=END - 3)[0] == 14


def test_half_precision_store_faults_before_its_numbers(emu):
    """VCVTPS2PH of a signalling NaN, invalid unmasked: MXCSR is as it was."""
    regs = {"ymm0": 0x7F800001, "mxcsr": 0x1F00}
    assert run(emu, "c4e3791d0700", rdi=END - 4, **regs)[0] == 14
    assert emu.regs.mxcsr == 0x1F00
    assert run(emu, "c4e3791d0700", rdi=END - 8, **regs)[0] == 19
    assert emu.regs.mxcsr == 0x1F01


@pytest.mark.parametrize("code", ["ffe0", "ffd0", "c3", "c20800", "ff27", "ff17"])
def test_branch_to_an_address_that_is_not_canonical(emu, code):
    """JMP, CALL, RET: #GP of the branch, and nothing is done (SDM 2)."""
    emu.memory.write(END - 64, FAR.to_bytes(8, "little"))
    emu.memory.write(END - 72, bytes(8))
    fault, error = run(emu, code, rax=FAR, rdi=END - 64, rsp=END - 64)
    assert fault == 13 and "branch is not canonical" in str(error)
    assert emu.regs.rsp == END - 64
    assert emu.memory.read(END - 72, 8) == bytes(8)


@pytest.mark.parametrize("code, fault", [
    ("8b4500", 12), ("8b0424", 12), ("8b00", 13), ("3e8b4500", 12), ("658b4500", 13), ("50", 12),
    ("58", 12), ("c3", 12), ("c9", 12), ("0f584500", 12), ("d94500", 12), ("a4", 13),
])
def test_stack_segment(emu, code, fault):
    """An address of SS that is not canonical is #SS (SDM 3, 6.15); overrides of DS count for
    nothing in 64-bit code."""
    assert run(emu, code, rax=FAR, rbp=FAR & ~15, rsp=FAR & ~15, rsi=FAR)[0] == fault


@pytest.mark.parametrize("code", ["6e", "f36e", "6c", "f36c", "666f", "f36d"])
def test_ports_are_forbidden_before_anything_else(emu, code):
    """INS, OUTS: also of no iteration, also of memory that is not there."""
    assert run(emu, code, rcx=0, rsi=END, rdi=END)[0] == 13


def test_compare_reads_its_source_first(emu):
    assert run(emu, "a6", rsi=END + 1, rdi=END + 2)[1].address == END + 1


@pytest.mark.parametrize("value", [1, 2, 0])
def test_bit_scan_of_its_destination(emu, value):
    """ZF is of the source, not of the result."""
    assert run(emu, "4d0fbcd2", r10=value, rflags=0x202) == (None, None)
    assert emu.regs.read_many(["r10"]) == ((0, 1, 0)[value - 1],)
    assert bool(emu.regs.rflags & 0x40) == (value == 0)
