# run(): the execution loop.
# Lives here: the loop, limits, exceptions and interrupts, what is done with each way out of a
# block. Does not live here: finding blocks (lookup), unwinding (unwind), hook dispatch
# (hookpoints). Called by: engine.pyx; back ends through RuntimeOps (slow paths). Spec rows 23, 31,
# 56, 73.
from engine._core.exec.engine cimport Engine, RunArgs, RunOutcome

cdef void run_loop(Engine *e, const RunArgs *args, RunOutcome *out) noexcept nogil
# Functions of RuntimeOps.
cdef void loop_runtime(Engine *e) noexcept nogil
