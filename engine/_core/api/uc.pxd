# The fast half of engine.unicorn. Lives here: UcBase (registers, memory, runs, hooks). Does not
# live here: ids and contexts (ucregs.pxd), what is called rarely, what an architecture is
# (engine/unicorn). Caller: engine.unicorn.
from cpython.object cimport PyObject
from engine._core.base.types cimport int32_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Hook as CHook, HookEvent, RunArgs, RunOutcome
from engine._core.api.core cimport Core, CoreState
from engine._core.api.emulator cimport Emulator
from engine._core.api.memory cimport Memory
from engine._core.api.ucregs cimport RegMap, RegSlot

# Callback of a hook, called with the GIL.
ctypedef int (*call_fn)(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept

# After emu_start in a hook the pc reads as where that run ended, until the hook is over.
ctypedef struct UcAway:
    uint32_t depth              # hooks that are running
    bint is_away
    uint64_t pc                 # of the hook's run

ctypedef struct UcHookData:     # opaque pointer of a C hook
    CoreState *st
    UcAway *away
    call_fn call
    PyObject *uc                # borrowed: UcBase removes its hooks when it goes
    PyObject *fn                # these three borrowed from the cell
    PyObject *user_data
    PyObject *cell

cdef class UcHook:
    cdef UcHookData data
    cdef readonly object callback
    cdef readonly object user_data
    cdef readonly uint32_t htype
    cdef list armed             # addresses of CHook

cdef class UcBase:
    cdef readonly Emulator emulator     # None: not made yet
    cdef Core core
    cdef Memory memory
    cdef RegMap regs
    cdef readonly dict _callbacks       # handle -> UcHook
    cdef public object _hook_exception  # what a hook of the last run raised
    cdef list intr_hooks
    cdef list invalid_hooks
    cdef list tlb_hooks
    cdef UcHook traps                   # the one C hook behind intr_hooks and invalid_hooks
    cdef uint64_t next_handle
    cdef uint32_t last_error
    cdef bint virtual_tlb
    cdef bint exits_on
    cdef bint timed_out
    cdef uint64_t timeout_ns
    cdef uint64_t n_runs
    cdef UcAway away
    # A fault hook said that it had mapped memory, for the access of then.
    cdef bint claimed
    cdef bint claim_was_false
    cdef uint64_t claimed_pc
    cdef uint64_t claimed_addr
    cdef object __weakref__

    cdef int open(self) except -1
    cdef inline int ready(self) except -1:
        if self.core is None:
            self.open()
        return self.core.check()
    cdef object read_slot(self, RegSlot *slot, object aux)
    cdef int write_slot(self, RegSlot *slot, object value) except -1
    cdef object arm(self, UcHook cell, call_fn call, list specs, object begin, object end)
    cdef int arm_traps(self) except -1
    cdef int disarm(self, UcHook cell) except -1
    cdef int nest(self, uint64_t begin, RunArgs *args, RunOutcome *out) except -1
    cdef int ended(self, RunOutcome *out) except -1
