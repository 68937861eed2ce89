# A run inside of a hook of a run. Lives here: what the outer run must find again. Does not live
# here: runs (loop). Caller: api/emulator.pyx.
from engine._core.base.types cimport uint64_t
from engine._core.exec.engine cimport Engine, RunArgs, RunOutcome

# As engine_run, from `begin` on, called while a hook runs; registers and memory are left as the
# inner run leaves them, the pc is that of the outer run. False: not in a hook, too deep, or no
# memory for it.
cdef bint engine_run_nested(Engine *e, uint64_t begin, const RunArgs *args,
                            RunOutcome *out) noexcept nogil
