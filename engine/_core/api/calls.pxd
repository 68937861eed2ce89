# Calls of Python functions from C callbacks: vectorcall with references counted by hand.
# Lives here: declarations, and what every hook does after a call. Does not live here: what is
# called when (hooks.pyx, uchooks.pyx, uc.pyx). Callers: those.
from cpython.object cimport PyObject
from engine._core.exec.engine cimport HOOK_CONTINUE, HOOK_ERROR, HOOK_STOP
from engine._core.api.blocks cimport memory_sync
from engine._core.api.core cimport CoreState, core_of

cdef extern from "Python.h":
    PyObject *PyObject_Vectorcall(PyObject *fn, PyObject *const *args, size_t nargs,
                                  PyObject *names)
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    int PyObject_IsTrue(PyObject *value)
    PyObject *raw_u64 "PyLong_FromUnsignedLongLong" (unsigned long long value)
    PyObject *raw_s64 "PyLong_FromLongLong" (long long value)
    PyObject *raw_long "PyLong_FromLong" (long value)

cdef extern from *:
    """
    #define engine_decref(o) Py_DECREF((PyObject *)(o))
    #define engine_incref(o) Py_INCREF((PyObject *)(o))
    """
    void engine_decref(PyObject *o)
    void engine_incref(PyObject *o)

# The call left an exception: it goes to the Core, from where run() raises it.
cdef inline int call_failed(CoreState *st) noexcept:
    core_of(st).take_error()
    return HOOK_ERROR


# After a call of a C function.
cdef inline int call_returned(CoreState *st) noexcept:
    if st.has_exports:
        memory_sync(core_of(st))
    return HOOK_STOP if st.stop_asked else HOOK_CONTINUE


# After a call that only notifies: its result does not count.
cdef inline int call_notified(CoreState *st, PyObject *result) noexcept:
    if result is NULL:
        return call_failed(st)
    engine_decref(result)
    return call_returned(st)
