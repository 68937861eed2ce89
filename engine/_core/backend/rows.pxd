# Search tables: which guest instruction a host code address belongs to (spec row 24).
# Lives here: the LEB128 form, its writer and its lookup, shared by all back ends. Called by: back
# ends (write), exec/unwind (lookup).
#
# A row is the IR row's words (IR_ROW_WORDS: pc, up to two guest words, instructions left in its
# basic block) and the code offset where the instruction's code ends; stored as signed LEB128 deltas
# to the row before, the first one to (tb.pc, 0, 0, 0, code start).
from engine._core.base.types cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from engine._core.cpu.tb cimport TB
from engine._core.backend.backend cimport CodeBuffer

cdef uint8_t *sleb128_write(uint8_t *p, int64_t value) noexcept nogil      # answers the end
cdef const uint8_t *sleb128_read(const uint8_t *p, int64_t *value) noexcept nogil

# Write the table at buf.ptr: rows as in IR.rows, ends[i] the code offset where row i ends. Sets
# tb.rows and tb.n_rows and moves buf.ptr (16-aligned). False: past the high-water mark (row 21).
cdef bint rows_write(TB *tb, CodeBuffer *buf, const uint64_t *rows, const uint32_t *ends,
                     uint32_t n_rows) noexcept nogil
# Row of the instruction whose code holds address `host`: answers its index and fills
# words[IR_ROW_WORDS]; -1 when host is not in the block's code.
cdef int rows_lookup(const TB *tb, uintptr_t host, uint64_t *words) noexcept nogil

# Where the lookup before ended. Events of a run come in the order of the code, so the next lookup
# goes on from there. Forget it (tb = NULL) when blocks may have been freed.
ctypedef struct RowCursor:
    const TB *tb                    # NULL: nothing known
    const uint8_t *next             # the row behind
    int row                         # -1: before the first
    uint64_t begin                  # code offsets of the row
    uint64_t end
    uint64_t words[4]               # IR_ROW_WORDS

cdef int rows_lookup_next(const TB *tb, uintptr_t host, uint64_t *words,
                          RowCursor *c) noexcept nogil
