# Breakpoints and watchpoints of an emulator. Lives here: the lists (emu.breakpoints,
# emu.watchpoints), their entries, what a hit does to a run. Does not live here: stop addresses
# (exec/stops), memory hooks (exec/hookpoints). Callers: emulator.pyx, users.
from engine._core.base.types cimport uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Hook as CHook, HookEvent, RunArgs, RunOutcome
from engine._core.api.core cimport Core, CoreState

cdef enum:                      # Watchpoint.flags (spec, shared constants)
    BP_MEM_READ = 1
    BP_MEM_WRITE = 2
    BP_STOP_BEFORE_ACCESS = 4
    BP_WATCHPOINT_HIT_READ = 0x40
    BP_WATCHPOINT_HIT_WRITE = 0x80

ctypedef struct WatchData:      # opaque pointer of its C hooks
    CoreState *st
    void *point                 # Watchpoint, borrowed from the list

cdef class Breakpoint:
    cdef Core core
    cdef readonly uint64_t address

cdef class Watchpoint:
    cdef Core core
    cdef readonly uint64_t address
    cdef readonly uint64_t size
    cdef readonly int flags
    cdef WatchData data
    cdef CHook *read_hook
    cdef CHook *write_hook

cdef class Breakpoints:
    cdef Core core

cdef class Watchpoints:
    cdef Core core

# Before a run: the access that the run begins at was reported already.
cdef void watch_begin(Core core) noexcept
# A run came back. True: because of a watchpoint; the instruction is finished where it has to be,
# out says where the run is now, and hit is the WatchHit.
cdef object watch_end(Core core, RunArgs *args, RunOutcome *out)
cdef Breakpoints breakpoints_new(Core core)
cdef Watchpoints watchpoints_new(Core core)
