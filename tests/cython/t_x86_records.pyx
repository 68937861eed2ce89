# Runs records of tests/isa/x86/native through a whole engine, for its tests.
#
# What lives here: a record's state to and from the CPU's, one instruction each. What does not:
# the records and the comparison (tests/isa/x86/native_run.py).
"""Compiled half of tests/isa/x86/native_run.py."""

import random

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from engine._core.api.emulator cimport Emulator, check_layout, emulator_engine, emulator_run
from engine._core.cpu.head cimport FAULT_ILLEGAL
from engine._core.exec.engine cimport STOP_COUNT, STOP_FAULT, STOP_UNTIL, RunArgs, RunOutcome
from engine._core.isa.x86.inthelp cimport x86_get_eflags, x86_set_eflags
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.isa.x86.vecmem cimport x86_mxcsr, x86_set_mxcsr
from engine._core.mem.address_space cimport address_space_read, address_space_write
from engine._core.mem.attrs cimport MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace

check_layout()

cdef enum:              # offsets in a record: native.py
    FCW = 0
    MXCSR = 24
    ST = 32
    XMM = 160
    YMMH = 576
    GPR = 832
    RFLAGS = 960
    MEM = 984
    SIGNAL = 1112
    SIZE = 1116
    RIP = 1128


cdef void load(CPUX86State *s, const uint8_t *r) noexcept nogil:
    cdef uint32_t k, mxcsr = 0
    cdef uint64_t flags = 0, top
    cdef uint16_t words[3]
    memcpy(words, r + FCW, 6)
    s.fcw = words[0]
    s.fsw = words[1]
    s.ftw = 0
    s.fop = s.fip = s.fdp = 0
    top = s.fsw >> 11
    for k in range(8):
        memcpy(&s.x87[2 * ((top + k) & 7)], r + ST + 16 * k, 10)
        if not words[2] >> k & 1:
            s.ftw |= <uint64_t>3 << (2 * k)
    for k in range(16):
        memcpy(&s.vec[4 * k], r + XMM + 16 * k, 16)
        memcpy(&s.vec[4 * k + 2], r + YMMH + 16 * k, 16)
    memcpy(s.gpr, r + GPR, 128)
    memcpy(&flags, r + RFLAGS, 8)
    x86_set_eflags(s, flags)
    memcpy(&mxcsr, r + MXCSR, 4)
    x86_set_mxcsr(s, mxcsr)


cdef void store(CPUX86State *s, uint8_t *r) noexcept nogil:
    cdef uint32_t k, mxcsr = x86_mxcsr(s)
    cdef uint64_t flags = x86_get_eflags(s), top = s.fsw >> 11
    cdef uint16_t words[3]
    words[0] = <uint16_t>s.fcw
    words[1] = <uint16_t>s.fsw
    words[2] = 0
    for k in range(8):
        memcpy(r + ST + 16 * k, &s.x87[2 * ((top + k) & 7)], 10)
        if s.ftw >> (2 * k) & 3 != 3:
            words[2] |= <uint16_t>(1 << k)
    memcpy(r + FCW, words, 5)
    for k in range(16):
        memcpy(r + XMM + 16 * k, &s.vec[4 * k], 16)
        memcpy(r + YMMH + 16 * k, &s.vec[4 * k + 2], 16)
    memcpy(r + GPR, s.gpr, 128)
    memcpy(r + RFLAGS, &flags, 8)
    memcpy(r + MXCSR, &mxcsr, 4)


cdef uint32_t signal_of(const RunOutcome *out):
    """What Linux makes of it."""
    if out.reason == STOP_COUNT or out.reason == STOP_UNTIL:
        return 0
    if out.reason == STOP_FAULT:
        return 4 if out.fault.reason == FAULT_ILLEGAL else 11
    if out.exception == 0 or out.exception == 16 or out.exception == 19:
        return 8
    if out.exception == 6:
        return 4
    return 5 if out.exception == 3 or out.exception == 1 else 11


def run(Emulator emu, uint8_t[:, ::1] records, uint64_t code, uint64_t window):
    """One instruction at `code` for each record, in place."""
    cdef CPUX86State *s = <CPUX86State *>emulator_engine(emu).cpu
    cdef AddressSpace *space = <AddressSpace *>s.head.as0
    cdef RunArgs args
    cdef RunOutcome out
    cdef Py_ssize_t n
    cdef uint8_t *r
    cdef uint32_t signal
    cdef uint64_t rip
    for n in range(records.shape[0]):
        r = &records[n, 0]
        load(s, r)
        address_space_write(space, window, MEMTXATTRS_UNSPECIFIED, r + MEM, 128)
        emu.regs.pc = code
        memset(&args, 0, sizeof(args))
        args.count = 1
        args.has_count = True
        emulator_run(emu, &args, &out)
        store(s, r)
        address_space_read(space, window, MEMTXATTRS_UNSPECIFIED, r + MEM, 128)
        signal = signal_of(&out)
        rip = s.head.pc - code
        memcpy(r + SIGNAL, &signal, 4)
        memcpy(r + RIP, &rip, 8)


cdef after(bytes code, uint8_t[:, ::1] records):
    with Emulator("x86_64", user_mode=True) as emu:
        emu.memory.map(0x1000, 0x1000)
        emu.memory.map(0x3000, 0x1000)
        emu.memory.write(0x1000, code)
        run(emu, records, 0x1000, 0x3000)


def test_a_record_comes_back_as_it_was():
    records = bytearray(random.Random(1).randbytes(SIZE + 32))
    records[FCW:FCW + 6] = bytes([0x7f, 3, 0, 8, 0xaa, 0])      # control, status (top 1), tags
    records[MXCSR:MXCSR + 4] = bytes([0x80, 0x1f, 0, 0])
    records[RFLAGS:RFLAGS + 8] = bytes([0x46, 2, 0, 0, 0, 0, 0, 0])
    records[SIGNAL:SIGNAL + 4] = bytes(4)
    records[RIP:RIP + 8] = bytes([1, 0, 0, 0, 0, 0, 0, 0])
    before = bytes(records)
    after(b"\x90", memoryview(records).cast("B", (1, len(records))))
    assert bytes(records) == before


def test_what_an_instruction_does_is_in_the_record():
    records = bytearray(2 * (SIZE + 32))
    after(b"\x48\xff\xc0", memoryview(records).cast("B", (2, SIZE + 32)))      # inc rax
    for at in (0, SIZE + 32):
        assert records[at + GPR] == 1 and records[at + RIP] == 3
    for code, signal in ((b"\x0f\x0b", 4), (b"\x8a\x00", 11), (b"\xf7\xf0", 8), (b"\xcc", 5)):
        records = bytearray(SIZE + 32)
        after(code, memoryview(records).cast("B", (1, len(records))))
        assert records[SIGNAL] == signal
