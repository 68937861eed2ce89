"""FXSAVE, XSAVE and their kin: the engine's images against the processor's.

Lives here: images of more than native_run.py's window. The processor's image of a state is the head
of a record itself: XSAVE's format, as XRSTOR takes and XSAVE leaves it (native/runner.c). Does not
live here: x87 environments (native_run.py).
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import engine

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "native")]

import native  # noqa: E402
import native_cases  # noqa: E402

AREA = 0x40000
IMAGE = 832
RDI_AREA = {"rdi": AREA, "rax": 0xFFFFFFFF, "rdx": 0xFFFFFFFF}
FORMS = {"fxsave": "0fae07", "fxsave64": "480fae07", "xsave": "0fae27", "xsave64": "480fae27",
         "xsaveopt": "0fae37", "xsavec": "0fc727"}
RESTORES = {"fxrstor": "0fae0f", "fxrstor64": "480fae0f", "xrstor": "0fae2f",
            "xrstor64": "480fae2f"}


@pytest.fixture(scope="module")
def states():
    """Records with random states, as the processor leaves them after a NOP."""
    if native.why_not():
        pytest.skip(native.why_not())
    state = np.random.default_rng(9)
    cases = native.cases(12)
    for field in ("xmm", "ymmh"):
        cases[field] = native.lanes(state, cases[field].shape, 64)
    native_cases.x87_state(state, cases)
    cases["mxcsr"] ^= state.integers(0, 1 << 16, 12).astype(np.uint32) & np.uint32(0xFFC0)
    cases["fsw"] &= ~np.uint16(0x80FF)      # no exception waits
    native.set_code(cases, b"\x90")
    with native.Processor() as cpu:
        return cpu.run(cases)


@pytest.fixture(params=["interpreter", "jit"])
def emu(request):
    if request.param not in engine.backends():
        pytest.skip(f"no {request.param} back end here")
    made = engine.Emulator("x86_64", backend=request.param)
    for page in (AREA, native.CODE & ~0xFFF, native.MEM_WINDOW & ~0xFFF):
        made.memory.map(page, 0x1000)
    return made


def load(emu, runner, record):
    """The state of a record: a NOP is run in it."""
    emu.memory.write(native.CODE, b"\x90")
    copy = np.array([record])
    runner.run(emu, copy.view(np.uint8).reshape(1, -1), native.CODE, native.MEM_WINDOW)


def run(emu, code, **registers):
    emu.regs.write_many(RDI_AREA | registers)
    code = bytes.fromhex(code)
    emu.memory.write(native.CODE, code)
    emu.run(native.CODE, native.CODE + len(code), count=1)


def without_extras(image):
    """Bytes that processors leave, or whose meaning is their own: MXCSR_MASK, FOP to FDP, 464.. """
    out = bytearray(image)
    for low, high in ((6, 24), (28, 32), (416, 512)):
        out[low:high] = bytes(high - low)
    return bytes(out)


@pytest.mark.parametrize("form", FORMS)
def test_save(emu, records, states, form):
    size = 512 if form[0] == "f" else IMAGE
    for record in states:
        load(emu, records, record)
        emu.memory.write(AREA, bytes(4096))
        run(emu, FORMS[form])
        image = emu.memory.read(AREA, size)
        want = bytearray(record.tobytes()[:size])
        if form == "xsavec":
            want[520:528] = (1 << 63 | 7).to_bytes(8, "little")
        for k in range(8):      # the processor writes zeros behind the ten bytes
            assert image[42 + 16 * k:48 + 16 * k] == bytes(6)
        assert without_extras(image) == without_extras(want)
        assert int.from_bytes(image[28:32], "little") == 0xFFFF
        assert emu.memory.read(AREA + size, 64) == bytes(64)


@pytest.mark.parametrize("form", RESTORES)
def test_restore(emu, records, states, form):
    for record, other in zip(states, states[1:], strict=False):
        load(emu, records, other)
        emu.memory.write(AREA, record.tobytes()[:IMAGE])
        run(emu, RESTORES[form])
        run(emu, "0fae27", rdi=AREA + 1024)
        image = emu.memory.read(AREA + 1024, IMAGE)
        want = bytearray(record.tobytes()[:IMAGE])
        if form[0] == "f":
            want[576:] = other.tobytes()[576:IMAGE]
        assert without_extras(image) == without_extras(want)


def test_parts(emu, records, states):
    """EDX:EAX chooses; what is not chosen stays; what the image says is initial becomes so."""
    load(emu, records, states[0])
    emu.memory.write(AREA, b"\xee" * 4096)
    emu.memory.write(AREA + 512, bytes(64))
    run(emu, "0fae27", rax=2)
    image = emu.memory.read(AREA, IMAGE)
    assert image[:24] == b"\xee" * 24 and image[32:160] == b"\xee" * 128
    assert image[160:416] == states[0].tobytes()[160:416]
    assert image[512:520] == b"\2" + bytes(7) and image[576:] == b"\xee" * 256
    run(emu, "0fae2f", rax=7)               # only SSE is in the image
    values = emu.regs.read_many(["fcw", "fsw", "ftw", "ymm3", "mxcsr"])
    xmm3 = states[0]["xmm"][3].tobytes()
    assert values == (0x37F, 0, 0xFFFF, int.from_bytes(xmm3, "little"), int(states[0]["mxcsr"]))


@pytest.mark.parametrize("code, rdi, image", [
    ("0fae07", AREA + 8, b""), ("0fae0f", AREA + 8, b""), ("0fae27", AREA + 16, b""),
    ("0fae2f", AREA + 16, b""),
    ("0fae0f", AREA, bytes(24) + b"\0\0\1\0"), ("0fae2f", AREA, bytes(24) + b"\0\0\1\0"),
    ("0fae2f", AREA, bytes(512) + b"\x08"), ("0fae2f", AREA, bytes(520) + b"\1"),
    ("0fae2f", AREA, bytes(527) + b"\x80" + b"\1"),
])
def test_general_protection(emu, code, rdi, image):
    """Alignment, reserved bits of MXCSR and of the header (SDM 1, 13.7 and 13.8)."""
    emu.memory.write(AREA, image)
    with pytest.raises(engine.GuestException) as caught:
        run(emu, code, rdi=rdi)
    assert caught.value.cause == 13
    assert emu.regs.pc == native.CODE


@pytest.mark.parametrize("code", [*FORMS.values(), "d937", "dd37"])
def test_faulting_save_writes_nothing(emu, code):
    """The image goes over the end of what is mapped."""
    emu.memory.write(AREA, bytes(4096))
    at = AREA + 0x1000 - (64 if code[:2] in ("0f", "48") else 4)
    with pytest.raises(engine.MemoryFault) as caught:
        run(emu, code, rdi=at)
    assert AREA + 0x1000 <= caught.value.address < AREA + 0x1000 + IMAGE
    assert emu.memory.read(AREA, 4096) == bytes(4096)
    assert emu.regs.pc == native.CODE


@pytest.mark.parametrize("code, size", [
    ("c5fc110f", 32), ("c5f8110f", 16), ("0f110f", 16), ("c5f8130f", 8), ("660f7e0f", 4),
])
def test_wide_stores_are_whole(emu, code, size):
    """A store over the end of what is mapped writes nothing (VMOVUPS, MOVUPS, VMOVLPS, MOVD)."""
    emu.memory.write(AREA, bytes(4096))
    for at in {size // 2, 1, size - 1}:
        emu.regs.ymm1 = (1 << 256) - 1
        with pytest.raises(engine.MemoryFault) as caught:
            run(emu, code, rdi=AREA + 0x1000 - at)
        assert caught.value.access == "write"
        assert emu.memory.read(AREA, 4096) == bytes(4096)
    run(emu, code, rdi=AREA + 0x1000 - size)
    assert emu.memory.read(AREA + 0x1000 - size, size) == b"\xff" * size


@pytest.mark.parametrize("code, size", [
    ("d91f", 4), ("dd1f", 8), ("db3f", 10), ("df37", 10), ("df3f", 8), ("db1f", 4), ("df1f", 2),
])
def test_faulting_x87_store_changes_nothing(emu, code, size):
    """FSTP, FBSTP, FISTP: neither memory nor the stack."""
    names = ["fcw", "fsw", "ftw", *(f"fpr{n}" for n in range(8))]
    emu.memory.write(AREA, bytes(4096))
    emu.regs.write_many({"fsw": 6 << 11, "fpr6": 0x3FFFC000000000000000, "ftw": 0xCFFF})
    before = emu.regs.read_many(names)
    for at in (1, size - 1):
        with pytest.raises(engine.MemoryFault) as caught:
            run(emu, code, rdi=AREA + 0x1000 - at)
        assert caught.value.access == "write"
        assert emu.regs.read_many(names) == before
        assert emu.memory.read(AREA, 4096) == bytes(4096)
    run(emu, code, rdi=AREA + 0x1000 - size)
    assert emu.regs.fsw >> 11 == 7
    assert emu.memory.read(AREA + 0x1000 - size, size) != bytes(size)


def test_xgetbv(emu):
    run(emu, "0f01d0", rcx=0)
    assert emu.regs.read_many(["rax", "rdx"]) == (7, 0)
    with pytest.raises(engine.GuestException) as caught:
        run(emu, "0f01d0", rcx=2)
    assert caught.value.cause == 13


def test_gather_faults_after_some_lanes(emu):
    """Lanes done keep their values and have their masks clear (SDM 2, VPGATHERDD)."""
    emu.memory.write(AREA + 0xFFC, bytes.fromhex("78563412"))
    lanes = [0xFFC, 0x1000, 0xFFC, 0]
    emu.regs.ymm0, emu.regs.ymm2 = 0, (1 << 128) - 1
    emu.regs.ymm1 = sum(n << 32 * k for k, n in enumerate(lanes))
    with pytest.raises(engine.MemoryFault) as caught:
        run(emu, "c4e26990040f", rdi=AREA)     # vpgatherdd xmm0, [rdi + xmm1], xmm2
    assert caught.value.address == AREA + 0x1000
    assert emu.regs.ymm0 == 0x12345678
    assert emu.regs.ymm2 == ((1 << 128) - 1) ^ 0xFFFFFFFF
