# Python functions as hooks. Lives here: Hook (the handle users get), HookCell (what the engine's C
# hooks point to), the C callbacks that call Python. Caller: emulator.pyx.
from cpython.object cimport PyObject
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Hook as CHook
from engine._core.api.core cimport Core, CoreState

ctypedef struct HookData:       # opaque pointer of a C hook
    CoreState *st
    PyObject *fn                # borrowed from the cell
    PyObject *cell              # borrowed from Core.cells while armed

cdef class HookCell:
    cdef HookData data
    cdef object fn
    cdef str kind
    cdef list specs             # (C kind, number, access mask): one C hook each
    cdef uint64_t begin
    cdef uint64_t last
    cdef CHook **armed          # [n_armed]; NULL: not armed
    cdef uint32_t n_armed

    cdef int arm(self, Core core) except -1
    cdef void disarm(self, Core core) noexcept

cdef class Hook:
    cdef Core core
    cdef HookCell cell
    cdef bint removed

cdef Hook hook_new(Core core, object fn, str kind, list specs, object begin, object end)
