# The order of the passes. See passes.pxd.
from engine._core.base.types cimport uint32_t
from engine._core.ir.ir cimport IR, IR_OK
from engine._core.opt.dead cimport pass_dead
from engine._core.opt.flow cimport pass_flow
from engine._core.opt.fold cimport pass_fold


cdef void opt_run(IR *s, uint32_t level) noexcept nogil:
    if not (level & OPT_DEFAULT) or s.status != IR_OK:
        return
    pass_flow(s)
    if pass_fold(s, (level & OPT_MEM_CLOBBERS) != 0):
        pass_flow(s)
    pass_dead(s)
