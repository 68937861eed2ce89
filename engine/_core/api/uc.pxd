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
    cdef uint64_t begin
    cdef uint64_t end
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
    cdef list devices                   # Device: they point here
    cdef list access_hooks              # MEM_READ, MEM_WRITE
    cdef list fault_hooks               # MEM_*_UNMAPPED, MEM_*_PROT
    cdef UcHook traps                   # the one C hook behind intr_hooks and invalid_hooks
    cdef UcHook faults                  # the one behind access_hooks and fault_hooks
    cdef uint64_t next_handle
    cdef uint32_t last_error
    cdef bint virtual_tlb
    cdef bint exits_on
    cdef bint timed_out
    cdef uint64_t timeout_ns
    cdef uint64_t n_runs
    cdef UcAway away
    # The access that failed last.
    cdef bint faulted
    cdef bint told                      # its MEM_READ and MEM_WRITE hooks have been called
    cdef uint64_t fault_count           # instructions before it
    cdef uint64_t fault_pc
    cdef uint64_t fault_addr
    cdef bint claimed                   # a hook said that it had mapped memory
    cdef bint claim_was_false
    cdef object __weakref__

    cdef int open(self) except -1
    cdef inline int ready(self) except -1:
        if self.core is None:
            self.open()
        return self.core.check()
    cdef object read_slot(self, RegSlot *slot, object aux)
    cdef int write_slot(self, RegSlot *slot, object value) except -1
    cdef int bind(self, UcHook cell, call_fn call, object begin, object end) except -1
    cdef int arm(self, UcHook cell, list specs) except -1
    cdef UcHook arm_shared(self, UcHook shared, bint wanted, call_fn call, uint32_t kind)
    cdef int arm_all_shared(self) except -1
    cdef int disarm(self, UcHook cell) except -1
    cdef int nest(self, uint64_t begin, RunArgs *args, RunOutcome *out) except -1
    cdef int ended(self, RunOutcome *out) except -1
