# Search tables: see rows.pxd.
from engine._core.base.types cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.cpu.tb cimport TB
from engine._core.ir.ir cimport IR_ROW_WORDS
from engine._core.backend.backend cimport CodeBuffer


cdef uint8_t *sleb128_write(uint8_t *p, int64_t value) noexcept nogil:
    cdef uint8_t byte
    while True:
        byte = <uint8_t>(value & 0x7f)
        value >>= 7
        if (value == 0 and not (byte & 0x40)) or (value == -1 and (byte & 0x40)):
            p[0] = byte
            return p + 1
        p[0] = byte | 0x80
        p += 1


cdef const uint8_t *sleb128_read(const uint8_t *p, int64_t *value) noexcept nogil:
    cdef uint64_t v = 0
    cdef uint32_t shift = 0
    while True:
        if shift < 64:
            v |= <uint64_t>(p[0] & 0x7f) << shift
        shift += 7
        if not (p[0] & 0x80):
            break
        p += 1
    if shift < 64 and p[0] & 0x40:
        v |= ~0ULL << shift
    value[0] = <int64_t>v
    return p + 1


cdef bint rows_write(TB *tb, CodeBuffer *buf, const uint64_t *rows, const uint32_t *ends,
                     uint32_t n_rows) noexcept nogil:
    cdef uint64_t[4] before
    cdef uint32_t end = 0, i, w
    cdef uint8_t *p = buf.ptr
    cdef const uint64_t *row = rows
    before[0] = tb.pc
    for w in range(1, <uint32_t>IR_ROW_WORDS):
        before[w] = 0
    tb.rows = p
    tb.n_rows = n_rows
    for i in range(n_rows):
        for w in range(<uint32_t>IR_ROW_WORDS):
            p = sleb128_write(p, <int64_t>(row[w] - before[w]))
            before[w] = row[w]
        p = sleb128_write(p, <int64_t>ends[i] - <int64_t>end)
        end = ends[i]
        row += IR_ROW_WORDS
        if p > buf.high_water:
            return False
    buf.ptr = buf.base + ((<uint64_t>(p - buf.base) + 15) & ~15ULL)
    return True


cdef int rows_lookup(const TB *tb, uintptr_t host, uint64_t *words) noexcept nogil:
    cdef RowCursor c
    c.tb = NULL
    return rows_lookup_next(tb, host, words, &c)


cdef int rows_lookup_next(const TB *tb, uintptr_t host, uint64_t *words,
                          RowCursor *c) noexcept nogil:
    cdef uint64_t offset = host - <uintptr_t>tb.code
    cdef int64_t delta = 0
    cdef uint32_t w
    if host < <uintptr_t>tb.code or offset >= tb.code_size:
        return -1
    if c.tb != tb or offset < c.begin:
        c.tb = tb
        c.next = tb.rows
        c.row = -1
        c.begin = 0
        c.end = 0
        c.words[0] = tb.pc
        for w in range(1, <uint32_t>IR_ROW_WORDS):
            c.words[w] = 0
    while offset >= c.end:
        if c.row + 1 >= <int>tb.n_rows:
            c.tb = NULL
            return -1
        c.row += 1
        c.begin = c.end
        for w in range(<uint32_t>IR_ROW_WORDS):
            c.next = sleb128_read(c.next, &delta)
            c.words[w] += <uint64_t>delta
        c.next = sleb128_read(c.next, &delta)
        c.end += <uint64_t>delta
    for w in range(<uint32_t>IR_ROW_WORDS):
        words[w] = c.words[w]
    return c.row
