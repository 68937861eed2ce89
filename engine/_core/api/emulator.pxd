# The Emulator class. Lives here: life cycle, run, hooks' front. Memory: memory.pxd, registers:
# registers.pxd, disassembly and dumps: disassembly.pxd. C users: emulator_engine gives the Engine
# of exec/engine.pxd.
from cpython.object cimport PyObject
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine, Hook, HookEvent, RunArgs, RunOutcome
from engine._core.isa.guest cimport GuestOps
from engine._core.api.core cimport Core
from engine._core.api.memory cimport Memory
from engine._core.api.points cimport Breakpoints, Watchpoints
from engine._core.api.ports cimport Ports
from engine._core.api.registers cimport Registers

cdef class Emulator:
    cdef Core core
    cdef readonly Memory memory
    cdef readonly Registers regs
    cdef readonly Ports ports
    cdef Breakpoints points
    cdef Watchpoints watches
    cdef readonly dict symbols  # name -> address, for call
    cdef tuple options          # (arch, keyword arguments), for fork
    cdef object tree            # root of the object tree, or None until it is asked for
    cdef object __weakref__

# The engine under an emulator, or an exception when it is closed or run by another thread. It is
# the emulator's: valid while that is alive and open.
cdef Engine *emulator_engine(Emulator emu) except NULL

# A run as `args` says, from the pc on: the reason and where it ended come in `out`. What hooks and
# signal handlers raise is raised; faults are not.
cdef int emulator_run(Emulator self, RunArgs *args, RunOutcome *out) except -1
# The same from `begin` on, called by a hook of a run in progress: the pc of that run is kept.
cdef int emulator_run_nested(Emulator self, uint64_t begin, RunArgs *args,
                             RunOutcome *out) except -1
# The exception object for a run that ended with a fault, an exception or an inner error.
cdef object emulator_error(Emulator self, RunOutcome *out)

# For modules outside of the package that use what emulator_engine answers: call it once, at import.
# ImportError: they were compiled against the headers of another version.
cdef inline int check_layout() except -1:
    if structs_size() != engine_structs_size():
        raise ImportError("compiled against other headers of the engine: build it again")
    return 0

cdef inline uint64_t structs_size() noexcept nogil:
    return (sizeof(Engine) + 31 * sizeof(CPUHead) + 37 * sizeof(Hook) + 41 * sizeof(HookEvent)
            + 43 * sizeof(RunArgs) + 47 * sizeof(RunOutcome) + 53 * sizeof(GuestOps))

cdef uint64_t engine_structs_size() noexcept nogil
