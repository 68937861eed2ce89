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
    # filters, looked at before Python is
    bint filtered
    uint32_t value_op           # VALUE_*
    uint64_t value
    uint64_t every              # of the events that pass the others, each n-th is reported
    uint64_t waited             # events since the last that was
    uint64_t *addresses         # [n_addresses] sorted; NULL: all
    Py_ssize_t n_addresses

cdef class HookCell:
    cdef HookData data
    cdef object fn
    cdef str kind
    cdef list specs             # (C kind, number, access mask): one C hook each
    cdef uint64_t begin
    cdef uint64_t last
    cdef CHook **armed          # [n_armed]; NULL: not armed
    cdef uint32_t n_armed

    cdef int filter(self, object every, object addresses, object value) except -1
    cdef int arm(self, Core core) except -1
    cdef void disarm(self, Core core) noexcept

cdef class Hook:
    cdef Core core
    cdef HookCell cell
    cdef bint removed

# filters: (every, addresses, value) as Emulator.hook_memory has them, or None.
cdef Hook hook_new(Core core, object fn, str kind, list specs, object begin, object end,
                   tuple filters)
