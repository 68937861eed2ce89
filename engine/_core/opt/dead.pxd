# Dead code, dead globals and dead flags. Called by: passes.pyx.
from engine._core.ir.ir cimport IR

cdef void pass_dead(IR *s) noexcept nogil
