# Runs records of tests/isa/x86/native through a whole engine, for its tests.
#
# What lives here: a record's state to and from the CPU's, one instruction each. What does not:
# the records and the comparison (tests/isa/x86/native_run.py).
"""Compiled half of tests/isa/x86/native_run.py."""

import random

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from engine._core.api.emulator cimport Emulator, check_layout, emulator_engine, emulator_run
from engine._core.cpu.head cimport FAULT_ILLEGAL
from engine._core.exec.engine cimport (
    STOP_COUNT, STOP_FAULT, STOP_UNTIL, Engine, RunArgs, RunOutcome)
from engine._core.isa.x86.defs cimport SEG_FS, SEG_GS
from engine._core.isa.x86.inthelp cimport x86_get_eflags, x86_set_eflags
from engine._core.isa.x86.segment cimport x86_error_code
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
    FSBASE = 464
    GSBASE = 472
    YMMH = 576
    GPR = 832
    RFLAGS = 960
    MEM = 984
    SIGNAL = 1112
    SIZE = 1116
    FAULT_ADDR = 1120
    RIP = 1128
    TRAP = 1136
    ERROR = 1140
    IMAGE = 1152


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
    memcpy(&s.seg_base[SEG_FS], r + FSBASE, 8)
    memcpy(&s.seg_base[SEG_GS], r + GSBASE, 8)
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
    memcpy(r + FSBASE, &s.seg_base[SEG_FS], 8)
    memcpy(r + GSBASE, &s.seg_base[SEG_GS], 8)
    memcpy(r + RFLAGS, &flags, 8)
    memcpy(r + MXCSR, &mxcsr, 4)


cdef int32_t vector_of(const RunOutcome *out) noexcept nogil:
    """The exception that ended the run, -1: none."""
    if out.reason == STOP_COUNT or out.reason == STOP_UNTIL:
        return -1
    if out.reason != STOP_FAULT:
        return out.exception
    if out.fault.reason == FAULT_ILLEGAL:
        return 13 if out.exception == 13 else 6
    return 14


cdef uint32_t signal_of(int32_t vector) noexcept nogil:
    """What Linux makes of it."""
    if vector < 0:
        return 0
    if vector == 0 or vector == 16 or vector == 19:
        return 8
    if vector == 12 or vector == 17:
        return 7
    if vector == 6:
        return 4
    return 5 if vector == 3 or vector == 1 else 11


def run(Emulator emu, uint8_t[:, ::1] records, uint64_t code, uint64_t window, uint64_t until=0,
        uint64_t count=1, uint64_t image=0):
    """One instruction at `code` for each record, in place; `count` and `until` as of a run, which
    never goes on beyond `until` (0: no such address); `image`: where the image's memory is."""
    cdef Engine *e = emulator_engine(emu)
    cdef CPUX86State *s = <CPUX86State *>e.cpu
    cdef AddressSpace *space = <AddressSpace *>s.head.as0
    cdef RunArgs args
    cdef RunOutcome out
    cdef Py_ssize_t n, extra = records.shape[1] - IMAGE if image else 0
    cdef uint8_t *r
    cdef uint32_t words[2]
    cdef int32_t vector
    cdef uint64_t address
    for n in range(records.shape[0]):
        r = &records[n, 0]
        load(s, r)
        address_space_write(space, window, MEMTXATTRS_UNSPECIFIED, r + MEM, 128)
        if extra > 0:
            address_space_write(space, image, MEMTXATTRS_UNSPECIFIED, r + IMAGE, extra)
        e.guest.set_pc(e.cpu, code)
        memset(&args, 0, sizeof(args))
        args.count = count
        args.has_count = count != 0
        args.until = until
        args.has_until = until != 0
        emulator_run(emu, &args, &out)
        store(s, r)
        address_space_read(space, window, MEMTXATTRS_UNSPECIFIED, r + MEM, 128)
        if extra > 0:
            address_space_read(space, image, MEMTXATTRS_UNSPECIFIED, r + IMAGE, extra)
        vector = vector_of(&out)
        words[0] = signal_of(vector)
        memcpy(r + SIGNAL, words, 4)
        address = out.fault.addr if vector == 14 else 0
        memcpy(r + FAULT_ADDR, &address, 8)
        address = s.head.pc - code
        memcpy(r + RIP, &address, 8)
        words[0] = <uint32_t>vector if vector >= 0 else 0
        words[1] = <uint32_t>x86_error_code(s) if vector >= 0 else 0
        memcpy(r + TRAP, words, 8)


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
    records[FAULT_ADDR:ERROR + 4] = bytes(ERROR + 4 - FAULT_ADDR)
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
