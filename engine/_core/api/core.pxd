# What all objects of one emulator share: the engine, who runs it, the errors that hooks left.
# Lives here: Core, argument checks, the layout that C callbacks get as their opaque pointer. Does
# not live here: anything users see. Callers: the other modules of api/.
#
# Emulator, Memory, Registers and Hook objects refer to the Core and it refers to none of them, so
# an emulator goes with its last reference and not with the next garbage collection.
from cpython.object cimport PyObject
from cpython.pystate cimport PyGILState_STATE
from cpython.pythread cimport PyThread_get_thread_ident
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, int32_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine

ctypedef struct CoreState:      # what C callbacks may look at without the GIL
    Engine *engine              # NULL: not opened yet, or closed
    PyObject *core              # the Core itself, borrowed
    PyObject *emulator          # first argument of hooks; set while run() is active, borrowed
    bint running
    bint gil_held               # run() keeps the GIL: callbacks need not take it
    uint64_t gil_taken          # ns: since when; it is offered to others after gil_period
    uint64_t gil_period
    bint main_thread            # the running thread is the one that gets signals
    bint stop_asked             # stop() was called by the running thread, that is by a hook
    bint has_exports            # Core.exports is not empty
    # the newest hit of a watchpoint (points.pyx)
    void *watch_hit             # WatchData; NULL: none in this run
    bint watch_off              # accesses are not looked at
    bint watch_before           # the last run stopped before the access
    uint64_t watch_skip         # accesses of the instruction with this count are known already
    uint32_t watch_access
    uint32_t watch_size
    uint64_t watch_address
    uint64_t watch_pc
    uint64_t watch_value[2]
    bint gil_kept               # since a device was called again and again: gil_drop lets go of it
    uint64_t calls              # of devices
    uint64_t calls_then         # at the last look
    uint64_t calls_since        # ns, of the last look

cdef class Core:
    cdef CoreState st
    cdef unsigned long run_thread
    cdef object error           # first exception that a callback left, or None
    cdef set cells              # HookCell: keeps the Python functions of hooks alive
    cdef set blocks             # Block: mapped memory and devices
    cdef uint64_t next_block    # Block.number
    cdef uint64_t map_version   # +1 when a piece comes, goes or changes
    cdef object base            # SnapState that the dirty bitmap counts from, or None
    cdef uint64_t base_version  # map_version then
    cdef object coverage        # Coverage.token of the newest, or None
    cdef object token           # Snapshot.owner of those taken here, or None
    cdef bytes key_mask         # of cpustate.pyx, or None
    cdef object adopted         # states of other emulators -> their copy here, weak; or None
    cdef list dead              # Block: unmapped by a hook or in a transaction, freed at its end
    cdef list exports           # Export: memory that Python may write behind the engine's back
    cdef Py_ssize_t exports_limit   # length at which dead ones are looked for
    cdef dict shadow            # RAM page -> bytes: code in exported memory, as last seen
    # engine.memory (regions.pyx, spaces.pyx); keys are addresses of the C structs
    cdef dict regions           # RegionCell
    cdef uint64_t next_region   # RegionCell.number
    cdef dict spaces            # SpaceCell
    cdef dict listeners         # ListenerCell
    cdef object big_lock        # RLock of devices with global_locking; None: no region was made
    cdef int entered            # accesses of the host to a device that are under way right now
    cdef bint held              # by run_thread, whose access without a run it is
    cdef bint unsettled         # a region waits to be freed
    # Objects that C structs of the engine point to, with references that the garbage collector does
    # not see: it would clear the dictionaries above before the engine is freed.
    cdef PyObject **pins
    cdef Py_ssize_t n_pins
    cdef dict points            # Breakpoint by address
    cdef list watches           # Watchpoint
    cdef object hit             # WatchHit of the last run, or None
    cdef list keep              # whatever else C structures of the engine point to
    cdef object arch            # name
    cdef object reg_table       # RegTable of the guest

    # Opened, and not run by another thread.
    cdef inline int check(self) except -1:
        if self.st.engine is NULL:
            return self.refuse_closed()
        if (self.st.running or self.held) and self.run_thread != PyThread_get_thread_ident():
            return self.refuse_busy()
        return 0

    cdef int refuse_closed(self) except -1
    cdef int refuse_busy(self) except -1
    cdef int pin(self, object value) except -1
    cdef void unpin(self, object value) noexcept
    # Around an access of the host to what may be a device: exceptions of its functions come out of
    # the call, not out of the run that it may be in. leave_access answers the one that came.
    cdef object enter_access(self)
    cdef object leave_access(self, object before)
    # Free what was unmapped while somebody could be at it, once nobody can.
    cdef void bury(self) noexcept
    # Before the engine is freed: no listener is called any more.
    cdef void silence(self) noexcept
    # What engine.memory had goes with the engine.
    cdef void forget_memory(self) noexcept
    cdef void take_error(self) noexcept
    cdef int leave_error(self) except -1

cdef extern from *:
    """
    #ifndef ENGINE_FAST_U64
    #define ENGINE_FAST_U64
    /* True when value was an exact int that fits; on false an exception may be set. */
    static inline int engine_fast_u64(PyObject *value, unsigned long long *out) {
        if (!PyLong_CheckExact(value))
            return 0;
        *out = PyLong_AsUnsignedLongLong(value);
        return !(*out == (unsigned long long)-1 && PyErr_Occurred());
    }
    #endif
    """
    bint engine_fast_u64(object value, unsigned long long *out)

cdef Core core_of(CoreState *st)
# Around a call of a device's Python function when gil_held is false. A run that calls devices all
# the time keeps the GIL from then on: taking it costs as much as the call.
cdef PyGILState_STATE gil_enter(CoreState *st) noexcept nogil
cdef void gil_leave(CoreState *st, PyGILState_STATE state) noexcept nogil
# The GIL that was kept goes, as it does before the run comes back.
cdef void gil_drop(CoreState *st) noexcept nogil
# At the end of a slice: devices are hardly called any more.
cdef bint gil_unused(CoreState *st) noexcept nogil
cdef int gil_begin_turn(CoreState *st) except -1
# What objects that were made by hand belong to.
cdef Core closed_core()

# An int (or what answers __index__) that fits in 64 bits unsigned; anything else is an error that
# names the argument.
cdef uint64_t u64_arg(object value, str what) except? 0xfffffffffffffffeULL
cdef int bad_int(object value, str what) except -1
# Seconds as float -> nanoseconds; None -> 0.
cdef uint64_t seconds_arg(object value, str what) except? 0xfffffffffffffffeULL
# "rwx", Prot or int -> PROT_*
cdef int prot_arg(object value) except -1
cdef str type_name(object value)
