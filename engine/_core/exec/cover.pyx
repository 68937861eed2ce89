# Coverage, see cover.pxd.
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport (COVER_SLOTS, Cover, CoverSlot, Engine, engine_tb_flush)

cdef enum:
    TABLE = 2 * COVER_SLOTS     # never more than half full: a search ends soon


cdef bint cover_start(Engine *e, uint64_t first, uint64_t last) noexcept nogil:
    cdef Cover *c
    cover_free(e)
    c = <Cover *>calloc(1, sizeof(Cover))
    if c == NULL:
        return False
    c.slots = <CoverSlot *>calloc(COVER_SLOTS, sizeof(CoverSlot))
    c.table = <uint32_t *>calloc(TABLE, sizeof(uint32_t))
    if c.slots == NULL or c.table == NULL:
        free(c.slots)
        free(c.table)
        free(c)
        return False
    c.hit = <uint8_t *>e.cpu + cover_offset(e.guest)
    memset(c.hit, 0, COVER_SLOTS)
    c.first = first
    c.last = last
    e.cover = c
    engine_tb_flush(e)
    return True


cdef void cover_stop(Engine *e) noexcept nogil:
    if e.cover != NULL:
        e.cover.first = 1           # no address is in there
        e.cover.last = 0
        engine_tb_flush(e)


cdef void cover_clear(Engine *e) noexcept nogil:
    if e.cover != NULL:
        memset(e.cover.hit, 0, COVER_SLOTS)


cdef void cover_free(Engine *e) noexcept nogil:
    if e.cover != NULL:
        free(e.cover.slots)
        free(e.cover.table)
        free(e.cover)
        e.cover = NULL
        engine_tb_flush(e)


cdef uint32_t cover_slot(CPUHead *cpu, uint64_t pc, uint64_t size) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef Cover *c = e.cover
    cdef uint32_t at, slot
    if pc < c.first or pc > c.last:
        return 0
    at = <uint32_t>(((pc ^ size << 48) * 0x9e3779b97f4a7c15ULL) >> 32) % TABLE
    while c.table[at]:
        slot = c.table[at] - 1
        if c.slots[slot].pc == pc and c.slots[slot].size == size:
            return <uint32_t>cover_offset(e.guest) + slot
        at = (at + 1) % TABLE
    if c.n == COVER_SLOTS:
        c.lost += 1
        return 0
    slot = c.n
    c.n += 1
    c.slots[slot].pc = pc
    c.slots[slot].size = size
    c.table[at] = slot + 1
    return <uint32_t>cover_offset(e.guest) + slot
