# Calls of Python functions from C callbacks: vectorcall with references counted by hand.
# Lives here: declarations alone. Does not live here: what is called when (uchooks.pyx, uc.pyx).
# Callers: those.
from cpython.object cimport PyObject

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
    #define uc_decref(o) Py_DECREF((PyObject *)(o))
    #define uc_incref(o) Py_INCREF((PyObject *)(o))
    """
    void uc_decref(PyObject *o)
    void uc_incref(PyObject *o)
