# The block for the CPU's state: found, or translated.
# Lives here: the three-step lookup (jump cache, physical hash, translation), one-shot blocks, what
# is done when the code buffer is full. Does not live here: the tables (cache), the decision to run
# (loop). Called by: loop, back ends through RuntimeOps.lookup. Spec rows 20, 21, 23, 55.
from engine._core.base.types cimport uint32_t
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.exec.engine cimport Engine

# The block for head.pc, cs_base, tb_flags. cflags 0: one to keep. With a count: of so many
# instructions at most. NULL: *status says why (ST_FAULT: a guest exception is pending); ST_OK: the
# engine cannot, Engine.message says why. May flush the cache: no block runs, no exit is remembered
# across this call unless cache.flushes is the same.
cdef TB *lookup_block(Engine *e, uint32_t cflags, int *status) noexcept nogil
# RuntimeOps.lookup: finds only what needs neither translation nor a TLB fill.
cdef TB *lookup_running(CPUHead *cpu) noexcept nogil
# Drop every block now.
cdef void flush_blocks(Engine *e) noexcept nogil
# After x went to tb: patch it if the pages allow.
cdef void link_exit(Engine *e, TBExit *x, TB *tb) noexcept nogil
# tb was entered often and did not run this time: put a larger block in its place. Sets head.pc.
cdef void heat_block(Engine *e, TB *tb) noexcept nogil
# A one-shot block has run.
cdef void drop_one_shot(Engine *e, TB *tb) noexcept nogil
# Working memory that only an engine that translates needs. False: out of memory.
cdef bint prepare_translation(Engine *e) noexcept nogil
