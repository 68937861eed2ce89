# From a host code address to exact guest state.
# Lives here: finding the row of an address, restoring pc and the guest's lazy state, giving back
# the instructions that were counted but not done. Does not live here: the row format
# (backend/rows). Called by: loop (after a block left by status), hookpoints and registers (in a
# hook). Spec rows 22, 24, 31. There is no longjmp: what leaves a block answers a status, and the
# loop unwinds.
from engine._core.base.types cimport uint32_t, uintptr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine

# Bring pc and lazy state up to date for code that runs inside a block (a hook, an I/O function).
# The block may go on afterwards. False: unwind_ra is in no block (nothing changed).
cdef bint cpu_sync_state(Engine *e) noexcept nogil
# The block has ended at unwind_ra: exact state, and icount_left gets back what was not done.
# keep_pc: head.pc was written on purpose; done: the instruction at unwind_ra counts as done.
# current_tb is NULL afterwards. False: unwind_ra is in no block.
cdef bint cpu_restore_state(Engine *e, bint keep_pc, bint done) noexcept nogil
