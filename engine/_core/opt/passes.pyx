# The order of the passes. See passes.pxd.
from engine._core.base.types cimport uint32_t
from engine._core.ir.ir cimport IR, IR_OK
from engine._core.opt.dead cimport pass_dead
from engine._core.opt.flow cimport pass_flow
from engine._core.opt.fold cimport pass_fold


cdef const char *_names[5]
_names[0] = b"flow"
_names[1] = b"fold"
_names[2] = b"flow again"
_names[3] = b"dead"
_names[4] = NULL


cdef const char **opt_step_names() noexcept nogil:
    return _names


cdef void opt_run_steps(IR *s, uint32_t level, uint32_t steps) noexcept nogil:
    cdef bint changed = False
    if not (level & OPT_DEFAULT) or s.status != IR_OK:
        return
    if steps > 0:
        pass_flow(s)
    if steps > 1:
        changed = pass_fold(s, (level & OPT_MEM_CLOBBERS) != 0)
    if steps > 2 and changed:
        pass_flow(s)
    if steps > 3:
        pass_dead(s)


cdef void opt_run(IR *s, uint32_t level) noexcept nogil:
    opt_run_steps(s, level, OPT_STEPS)
