# Values inside basic blocks: constants, copies, known bits. Called by: passes.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.ir.ir cimport IR

# Rewrites ops in place (none is removed: that is pass_dead's and pass_flow's work). mem_clobbers:
# memory accesses may write globals. True: a branch changed, pass_flow has work.
cdef bint pass_fold(IR *s, bint mem_clobbers) noexcept nogil
# Value of a pure op over constants (generated from ops.tab); False: the op is not pure.
cdef bint fold_op(uint32_t opc, const uint64_t *v, const uint32_t *k, uint64_t *out) noexcept nogil
