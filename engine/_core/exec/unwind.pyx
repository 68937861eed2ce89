# From a host code address to exact guest state: see unwind.pxd.
from engine._core.base.types cimport int64_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB
from engine._core.ir.ir cimport IR_ROW_WORDS
from engine._core.backend.rows cimport rows_lookup_next
from engine._core.exec.cache cimport TBCache, cache_find_code
from engine._core.exec.engine cimport Engine


# The row of unwind_ra: its index with words filled, or -1.
cdef int find_row(Engine *e, uint64_t *words, TB **found) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef TB *tb = cpu.current_tb
    cdef int row = -1
    if tb != NULL:
        row = rows_lookup_next(tb, cpu.unwind_ra, words, &e.row_cursor)
    if row < 0:                 # a back end that chains blocks without a note of it
        tb = cache_find_code(<TBCache *>e.cache, cpu.unwind_ra)
        if tb == NULL:
            return -1
        row = rows_lookup_next(tb, cpu.unwind_ra, words, &e.row_cursor)
    found[0] = tb
    return row


cdef bint cpu_sync_state(Engine *e) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef uint64_t words[IR_ROW_WORDS]
    cdef TB *tb = NULL
    cdef int row
    if cpu.unwind_ra == 0:
        return True
    row = find_row(e, words, &tb)
    if row < 0:
        return False
    # Once for each visit of the instruction: a hook may have changed what would be restored.
    if (e.synced_tb != tb or e.synced_row != <uint32_t>row or e.synced_left != cpu.icount_left):
        e.guest.restore_state(cpu, words)
        e.synced_tb = tb
        e.synced_row = <uint32_t>row
        e.synced_left = cpu.icount_left
        e.synced_todo = <uint32_t>words[IR_ROW_WORDS - 1]
    cpu.unwind_ra = 0
    return True


cdef bint cpu_restore_state(Engine *e, bint keep_pc, bint done) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef uint64_t pc = cpu.pc
    cdef bint known = True
    if cpu.unwind_ra != 0:
        known = cpu_sync_state(e)
    elif e.synced_tb == NULL or e.synced_left != cpu.icount_left:
        known = False
    if known:
        cpu.icount_left += <int64_t>e.synced_todo - (1 if done else 0)
        if keep_pc:
            cpu.pc = pc
    e.synced_tb = NULL
    e.row_cursor.tb = NULL
    cpu.unwind_ra = 0
    cpu.current_tb = NULL
    return known
