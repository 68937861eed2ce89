# Control-flow cleanup. Called by: passes.pyx.
from engine._core.ir.ir cimport IR

# Unreachable ops, unused labels, branches to the next op, branches to branches. True: changed.
cdef bint pass_flow(IR *s) noexcept nogil
