# Hooks of engine.unicorn. Lives here: UcHooks, the part of Uc that has hooks: adding and removing
# them, the C callbacks that call Python in unicorn's shapes and order, the TLB that hooks fill.
# Does not live here: hooks that are made of others (engine/unicorn/hooks.py), runs (uc.pxd).
# Callers: uc.pyx.
from cpython.object cimport PyObject
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Hook as CHook, HookEvent
from engine._core.api.core cimport Core, CoreState
from engine._core.api.emulator cimport Emulator
from engine._core.api.memory cimport Memory
from engine._core.api.ucregs cimport RegMap

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
    PyObject *uc                # borrowed: UcHooks removes its hooks when it goes
    PyObject *fn                # these three borrowed from the cell
    PyObject *user_data
    PyObject *cell
    void *pointer               # C callback that is called instead of fn, and its argument
    void *pointer_data

cdef class UcHook:
    cdef UcHookData data
    cdef readonly object callback
    cdef readonly object user_data
    cdef readonly uint32_t htype
    cdef uint32_t insn          # UC_HOOK_INSN of a system call: UC_*_INS_*
    cdef uint64_t begin
    cdef uint64_t end
    cdef list armed             # addresses of CHook

cdef class UcHooks:
    cdef readonly Emulator emulator     # None: not made yet
    cdef Core core
    cdef Memory memory
    cdef RegMap regs
    cdef readonly dict _callbacks       # handle -> UcHook
    cdef list intr_hooks
    cdef list invalid_hooks
    cdef list call_hooks                # UC_HOOK_INSN of system calls
    cdef list tlb_hooks
    cdef list access_hooks              # MEM_READ, MEM_WRITE
    cdef list fault_hooks               # MEM_*_UNMAPPED, MEM_*_PROT
    cdef UcHook traps                   # the one C hook behind intr_, invalid_ and call_hooks
    cdef UcHook faults                  # the one behind access_hooks and fault_hooks
    cdef uint64_t next_handle
    cdef bint virtual_tlb
    cdef UcAway away
    # The access that failed last.
    cdef bint faulted
    cdef bint told                      # its MEM_READ and MEM_WRITE hooks have been called
    cdef uint64_t fault_count           # instructions before it
    cdef uint64_t fault_pc
    cdef uint64_t fault_addr
    cdef bint claimed                   # a hook said that it had mapped memory
    cdef bint claim_was_false
    # The fault that INTR hooks were called for last: a third time in a row ends the run, as a
    # triple fault does.
    cdef uint64_t trap_pc
    cdef uint64_t trap_count
    cdef uint32_t trap_times
    cdef object __weakref__

    cdef int open(self) except -1
    cdef inline int ready(self) except -1:
        if self.core is None:
            self.open()
        return self.core.check()
    cdef int bind(self, UcHook cell, call_fn call, object begin, object end) except -1
    cdef int arm(self, UcHook cell, list specs) except -1
    cdef UcHook arm_shared(self, UcHook shared, bint wanted, call_fn call, uint32_t kind)
    cdef int arm_all_shared(self) except -1
    cdef int disarm(self, UcHook cell) except -1
