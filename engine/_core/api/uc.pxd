# The fast half of engine.unicorn. Lives here: UcBase (registers, memory, runs, hooks), UcContextBase
# (saved registers), RegMap (unicorn's register ids as registers of a guest), UcError. Does not live
# here: what is called rarely and what an architecture is (engine/unicorn). Caller: engine.unicorn.
from cpython.object cimport PyObject
from engine._core.base.types cimport int32_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Hook as CHook, HookEvent, RunOutcome
from engine._core.api.core cimport Core, CoreState
from engine._core.api.emulator cimport Emulator
from engine._core.api.memory cimport Memory

cdef enum:                      # RegSlot.kind
    SLOT_NONE = 0               # no such register: reads as 0, writes are ignored, a warning
    SLOT_WORD = 1               # up to 64 bits
    SLOT_PART = 2               # bits [shift, shift + bits) of a register; a write keeps the others
    SLOT_WIDE = 3               # an int of more than 64 bits
    SLOT_FLOAT = 4              # 80 bits as (mantissa, exponent)
    SLOT_TABLE = 5              # (selector, base, limit, flags) out of four registers
    SLOT_NUMBERED = 6           # the register that `aux` names: UcBase._numbered
    SLOT_ABSENT = 7             # an id the guest has no register for: reads as 0, no warning

ctypedef struct RegSlot:
    uint8_t kind
    uint8_t shift
    uint32_t bits
    int32_t reg[4]              # in GuestOps.regs; -1: none

cdef class RegMap:
    cdef RegSlot *slots         # [n_slots] by id
    cdef uint32_t n_slots
    cdef uint32_t *saved        # [n_saved]: registers that a context holds
    cdef uint32_t *saved_at     # [n_saved]: their first words
    cdef uint32_t n_saved
    cdef uint32_t n_words
    cdef int32_t *place         # by register: first word in a context, or -1
    cdef uint32_t n_regs

    cdef RegSlot *slot(self, object reg_id) except? NULL

# Callback of a hook, called with the GIL.
ctypedef int (*call_fn)(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept

ctypedef struct UcHookData:     # opaque pointer of a C hook
    CoreState *st
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
    cdef uint8_t trap_action[256]       # TRAP_* by exception number
    cdef uint8_t trap_number[256]       # what INTR hooks get
    cdef uint32_t length_rule           # LENGTH_*
    cdef bint virtual_tlb
    cdef bint exits_on
    cdef bint timed_out
    cdef uint64_t timeout_ns
    cdef uint64_t n_runs
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
    cdef int ended(self, RunOutcome *out) except -1

cdef class UcContextBase:
    cdef RegMap map
    cdef uint64_t *words
    cdef public object memory           # what the memory mode saved, or None

    cdef int ready(self) except -1
    cdef uint64_t *saved(self, RegSlot *slot) noexcept
    cdef uint64_t map_word(self, int32_t reg) noexcept
