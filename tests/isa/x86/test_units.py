"""CR0.EM, MP and TS, CR4.OSFXSR, OSXSAVE and OSXMMEXCPT, XCR0: who may use x87, MMX, SSE and AVX.

SDM volume 3, tables 2-2 and 14-1; volume 2, 2.4 and each instruction. What the instructions do:
test_native_run.py, test_native_state.py.
"""

import pytest

import engine

CODE, DATA = 0x1000, 0x2000
EM, TS, MP = 4, 8, 2
OSFXSR, OSXMMEXCPT, OSXSAVE = 0x200, 0x400, 0x40000
UD, NM, XM = 6, 7, 19
FNOP, FWAIT, PADDB_MMX, EMMS, ADDPS, PADDB = "d9d0", "9b", "0ffcc1", "0f77", "0f58c1", "660ffcc1"
VADDPS, VZEROUPPER, LDMXCSR, STMXCSR = "c5f058c2", "c5f877", "0fae17", "0fae1f"
FXSAVE, XSAVE, XGETBV, CVTPI2PS, PAND_FS = "0fae07", "0fae27", "0f01d0", "0f2ac1", "660fdb07"
LFENCE, MOVNTI, POPCNT, ANDN = "0faee8", "0fc307", "f30fb8c1", "c4e270f2c1"


@pytest.fixture(params=["interpreter", "jit"])
def emu(request):
    if request.param not in engine.backends():
        pytest.skip(f"no {request.param} back end here")
    made = engine.Emulator("x86_64", backend=request.param)
    made.memory.map(CODE, 0x2000)
    made.memory.write(DATA + 24, (0x1F80).to_bytes(4, "little"))
    return made


def raised(emu, code):
    """The vector of the exception that an instruction makes, None: it ran."""
    code = bytes.fromhex(code)
    emu.memory.write(CODE, code)
    emu.regs.rdi = DATA
    try:
        emu.run(CODE, CODE + len(code), count=1)
    except engine.InstructionFault:
        return UD
    except engine.GuestException as error:
        return error.cause
    return None


@pytest.mark.parametrize("set0, clear4, xcr0, wanted", [
    (0, 0, 7, {}),
    (TS, 0, 7, {FNOP: NM, PADDB_MMX: NM, EMMS: NM, ADDPS: NM, PADDB: NM, VADDPS: NM,
                VZEROUPPER: NM, LDMXCSR: NM, STMXCSR: NM, FXSAVE: NM, XSAVE: NM, CVTPI2PS: NM,
                FWAIT: NM}),
    (EM, 0, 7, {FNOP: NM, PADDB_MMX: UD, EMMS: UD, ADDPS: UD, PADDB: UD, LDMXCSR: UD, STMXCSR: UD,
                FXSAVE: NM, CVTPI2PS: UD}),
    (0, OSFXSR, 7, {ADDPS: UD, PADDB: UD, LDMXCSR: UD, STMXCSR: UD, CVTPI2PS: UD}),
    (0, OSXSAVE, 7, {VADDPS: UD, VZEROUPPER: UD, XSAVE: UD, XGETBV: UD}),
    (0, 0, 3, {VADDPS: UD, VZEROUPPER: UD}),
])
def test_who_may(emu, set0, clear4, xcr0, wanted):
    emu.regs.cr0 |= set0
    emu.regs.cr4 &= ~clear4
    emu.regs.xcr0 = xcr0
    emu.regs.rcx = 0
    got = {}
    for code in (FNOP, FWAIT, PADDB_MMX, EMMS, ADDPS, PADDB, VADDPS, VZEROUPPER, LDMXCSR, STMXCSR,
                 FXSAVE, XSAVE, XGETBV, CVTPI2PS, LFENCE, MOVNTI, POPCNT, ANDN):
        emu.memory.write(DATA, (0x1F80).to_bytes(4, "little"))
        emu.regs.rcx = 0
        vector = raised(emu, code)
        if vector is not None:
            got[code] = vector
    assert got == wanted


def test_fwait_needs_both(emu):
    emu.regs.cr0 = emu.regs.cr0 & ~MP | TS
    assert raised(emu, FWAIT) is None
    assert raised(emu, FNOP) == NM


def test_unmasked_exception(emu):
    """#XM; #UD while the system does not know it. The flag says which."""
    emu.regs.xmm0, emu.regs.xmm1 = 0x3F800000, 0
    emu.regs.mxcsr = 0x1F80 & ~0x200
    assert raised(emu, "f30f5ec1") == XM        # divss xmm0, xmm1
    assert emu.regs.mxcsr & 0x3F == 4
    assert (emu.regs.xmm0, emu.regs.pc) == (0x3F800000, CODE)
    emu.regs.cr4 &= ~OSXMMEXCPT
    assert raised(emu, "f30f5ec1") == UD
    emu.regs.mxcsr = 0x1F80
    assert raised(emu, "f30f5ec1") is None
    assert emu.regs.xmm0 == 0x7F800000


def test_evex_is_undefined(emu):
    """No EVEX (AVX-512): #UD, and the fault tells the bytes."""
    emu.memory.write(CODE, bytes.fromhex("62f17c4858c1"))
    with pytest.raises(engine.InstructionFault) as caught:
        emu.run(CODE, count=1)
    assert emu.regs.pc == CODE
    assert "62 f1" in str(caught.value).lower() or "62f1" in str(caught.value).lower()
