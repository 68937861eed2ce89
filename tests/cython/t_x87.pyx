# Runs the x87 unit over records of tests/isa/x86/native, for its tests.
#
# What lives here: the x87 part of a record to and from struct X87. What does not: expected values
# (the processor gives them). Who calls it: tests/isa/x86/test_native_x87.py.
"""Compiled half of tests/isa/x86/test_native_x87.py."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from engine._core.isa.x86.x87 cimport *

cdef enum:
    GPR = 832
    RFLAGS = 960
    MEM = 984
    SIGNAL = 1112
    RIP = 1128


cdef void load(X87 *f, const uint8_t *record) noexcept nogil:
    cdef uint32_t i, p
    x87_init(f)
    memset(f.r, 0, sizeof(f.r))
    memcpy(&f.cw, record, 2)
    memcpy(&f.sw, record + 2, 2)
    f.valid = record[4]
    for i in range(8):
        p = ((f.sw >> 11) + i) & 7
        memcpy(&f.r[p].sig, record + 32 + 16 * i, 8)
        memcpy(&f.r[p].exp, record + 40 + 16 * i, 2)


cdef void store(const X87 *f, uint8_t *record) noexcept nogil:
    cdef uint32_t i, p
    memcpy(record, &f.cw, 2)
    memcpy(record + 2, &f.sw, 2)
    record[4] = f.valid
    for i in range(8):
        p = ((f.sw >> 11) + i) & 7
        memcpy(record + 32 + 16 * i, &f.r[p].sig, 8)
        memcpy(record + 40 + 16 * i, &f.r[p].exp, 2)


def operand_size(uint32_t op):
    """x87_operand."""
    return x87_operand(op)


def run(uint8_t[:, ::1] records, uint32_t op, uint32_t rip):
    """One instruction; its memory operand is at the start of the record's window."""
    cdef X87 f
    cdef uint8_t[16] mem
    cdef Py_ssize_t i
    cdef uint64_t end, flags
    cdef uint32_t result, number, eflags
    cdef int size = x87_operand(op)
    with nogil:
        for i in range(records.shape[0]):
            load(&f, &records[i, 0])
            memcpy(mem, &records[i, MEM], 16)
            memcpy(&flags, &records[i, RFLAGS], 8)
            eflags = <uint32_t>flags
            if op == 0x7e0:
                memcpy(mem, &records[i, GPR], 2)
            result = x87_execute(&f, op, mem, &eflags)
            end = rip
            number = 0
            if result == X87_FAULT:
                end = 0
                number = 8
            elif result == X87_INVALID:
                end = 0
                number = 4
            elif result == X87_DONE and size < 0:
                memcpy(&records[i, MEM], mem, -size)
            elif result == X87_DONE and op == 0x7e0:
                memcpy(&records[i, GPR], mem, 2)
            store(&f, &records[i, 0])
            flags = (flags & ~0xffffffffULL) | eflags
            memcpy(&records[i, RFLAGS], &flags, 8)
            memcpy(&records[i, SIGNAL], &number, 4)
            memcpy(&records[i, RIP], &end, 8)


def tag_words(uint8_t[:, ::1] records):
    """x87_tag_word of each record, and whether x87_set_tag_word finds the same registers."""
    cdef X87 f
    cdef uint16_t tags
    cdef uint8_t valid
    out = []
    for i in range(records.shape[0]):
        load(&f, &records[i, 0])
        tags = x87_tag_word(&f)
        valid = f.valid
        x87_set_tag_word(&f, tags)
        out.append((tags, valid == f.valid))
    return out


def test_an_initialised_unit_keeps_a_record_as_it_was():
    cdef X87 f
    cdef uint8_t[1200] record
    cdef uint8_t[1200] back
    memset(record, 0, sizeof(record))
    memset(back, 0, sizeof(back))
    x87_init(&f)
    store(&f, record)
    load(&f, record)
    store(&f, back)
    assert (<char *>record)[:160] == (<char *>back)[:160]
    assert int.from_bytes((<char *>record)[:2], "little") == 0x37f      # FNINIT's control word
