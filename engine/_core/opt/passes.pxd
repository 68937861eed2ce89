# The optimiser. Called by: exec, between ir_count_blocks and the back end.
# Lives here: the entry point and its levels. One pass a file: flow.pyx, fold.pyx, dead.pyx.
from engine._core.base.types cimport uint32_t
from engine._core.ir.ir cimport IR

cdef enum:
    OPT_NONE = 0
    OPT_DEFAULT = 1
    # Memory accesses may write globals: set while memory hooks are armed, which may write
    # registers.
    OPT_MEM_CLOBBERS = 0x100

    OPT_STEPS = 4

# What the steps are called, in order; ends with NULL.
cdef const char **opt_step_names() noexcept nogil
# Rewrites the block in place; the result has the same effects. Needs a block that ir_verify
# accepts.
cdef void opt_run(IR *s, uint32_t level) noexcept nogil
# The first steps only, for debugging.
cdef void opt_run_steps(IR *s, uint32_t level, uint32_t steps) noexcept nogil
