# The fast half of engine.unicorn. Lives here: UcBase (registers, memory, devices, runs). Does not
# live here: hooks (uchooks.pxd), ids and contexts (ucregs.pxd), what is called rarely, what an
# architecture is (engine/unicorn). Caller: engine.unicorn.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport RunArgs, RunOutcome
from engine._core.api.uchooks cimport UcHooks
from engine._core.api.ucregs cimport RegSlot

cdef class UcBase(UcHooks):
    cdef public object _hook_exception  # what a hook of the last run raised
    cdef list devices                   # Device: they point here
    cdef uint32_t last_error
    cdef public uint32_t _context_mode  # UC_CTL_CONTEXT_*
    cdef bint exits_on
    cdef bint timed_out
    cdef uint64_t timeout_ns
    cdef uint64_t n_runs

    cdef object read_slot(self, RegSlot *slot, object aux)
    cdef int write_slot(self, RegSlot *slot, object value) except -1
    cdef int nest(self, uint64_t begin, RunArgs *args, RunOutcome *out) except -1
    cdef int ended(self, RunOutcome *out) except -1
