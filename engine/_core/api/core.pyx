"""What all objects of one emulator share (see core.pxd)."""
cimport cython
from cpython.exc cimport PyErr_Clear
from cpython.pystate cimport PyGILState_STATE
from cpython.pythread cimport PyThread_get_thread_ident
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport free, realloc
from engine._core.base.clock cimport clock_ns
from engine._core.exec.engine cimport engine_free
from engine._core.mem.context cimport MemContext, MemoryListener
from engine._core.mem.topology cimport memory_listener_unregister

from operator import index as as_index
from sys import getswitchinterval

from engine.errors import (ArgumentError, ArgumentTypeError, ClosedError, EngineBusyError,
                           HostMemoryError)


# Not cleared by the garbage collector: until the engine is freed it points to what hangs here.
@cython.no_gc_clear
cdef class Core:
    def __cinit__(self):
        self.st.core = <PyObject *>self
        self.error = None
        self.cells = set()
        self.blocks = set()
        self.dead = []
        self.exports = []
        self.shadow = {}
        self.keep = []
        self.points = {}
        self.watches = []
        self.st.watch_skip = <uint64_t>-1
        self.forget_memory()

    def __dealloc__(self):
        if self.st.engine is not NULL:
            self.silence()
            engine_free(self.st.engine)
            self.st.engine = NULL
        while self.n_pins:
            self.n_pins -= 1
            Py_DECREF(<object>self.pins[self.n_pins])
        free(self.pins)
        self.pins = NULL

    cdef int pin(self, object value) except -1:
        cdef PyObject **grown = <PyObject **>realloc(
            self.pins, <size_t>(self.n_pins + 1) * sizeof(PyObject *))
        if grown is NULL:
            raise HostMemoryError("the host has no memory left")
        self.pins = grown
        Py_INCREF(value)
        grown[self.n_pins] = <PyObject *>value
        self.n_pins += 1
        return 0

    cdef void unpin(self, object value) noexcept:
        cdef Py_ssize_t i
        for i in range(self.n_pins):
            if self.pins[i] == <PyObject *>value:
                self.n_pins -= 1
                self.pins[i] = self.pins[self.n_pins]
                Py_DECREF(value)
                return

    cdef object enter_access(self):
        before = self.error
        self.error = None
        # The functions of devices let other threads run. With a big lock (engine.memory), that
        # keeps order.
        if not self.entered and not self.st.running and self.big_lock is None:
            self.held = True
            self.run_thread = PyThread_get_thread_ident()
        self.entered += 1
        return before

    cdef object leave_access(self, object before):
        error = self.error
        self.error = before
        self.entered -= 1
        if not self.entered:
            self.held = False
        self.bury()
        return error

    cdef void bury(self) noexcept:
        if self.dead and not self.st.running and not self.entered \
                and not (<MemContext *>self.st.engine.mem).transactions:
            self.dead = []

    cdef void silence(self) noexcept:
        cdef Engine *e = self.st.engine
        cdef MemContext *ctx = <MemContext *>e.mem
        cdef MemoryListener *who = ctx.listeners
        cdef MemoryListener *next
        cdef MemoryListener *cpu = <MemoryListener *>e.as_listeners
        while who is not NULL:
            next = who.next
            if who < cpu or who >= cpu + e.cpu.num_ases:    # the CPU's own go with the engine
                memory_listener_unregister(ctx, who)
            who = next

    cdef void forget_memory(self) noexcept:
        self.regions = {}
        self.spaces = {}
        self.listeners = {}

    cdef int refuse_closed(self) except -1:
        raise ClosedError("the emulator is closed")

    cdef int refuse_busy(self) except -1:
        raise EngineBusyError(
            "another thread is running this emulator",
            hint="only stop() may be called meanwhile; wait until its run() or access has come"
                 " back")

    cdef void take_error(self) noexcept:
        """Move the exception being raised here; a second one is dropped: the first wins."""
        try:
            self.leave_error()
        except BaseException as error:
            if self.error is None:
                self.error = error

    cdef int leave_error(self) except -1:
        return -1       # with the exception that a C call has already set


cdef Core _closed = Core.__new__(Core)


cdef Core closed_core():
    return _closed


cdef Core core_of(CoreState *st):
    return <Core>st.core


# ---------------------------------------------------------------- the GIL

cdef extern from "Python.h":
    PyGILState_STATE PyGILState_UNLOCKED        # what Ensure answers when it had to take it
    PyGILState_STATE PyGILState_Ensure() noexcept nogil
    void PyGILState_Release(PyGILState_STATE state) noexcept nogil

cdef enum:
    LOOK = 32                   # calls of devices between two looks at the clock
    DENSE_NS = LOOK * 4000      # so many calls in less time: the GIL is worth keeping
    FEW = 64                    # calls in a slice: it is not


# A thread that waits for the GIL asks for it only when it has seen nobody let go of it for a whole
# switch interval (CPython, Python/ceval_gil.c: take_gil); until then the one that lets go may take
# it again before the waiter has woken up. So a turn lasts longer than that interval: whoever waits
# has asked by the end of the next one, and CPython then makes the switch certain.
cdef int gil_begin_turn(CoreState *st) except -1:
    st.gil_period = <uint64_t>(getswitchinterval() * 1.25e9)
    st.gil_taken = clock_ns()
    return 0


cdef int keep(CoreState *st) noexcept:
    try:
        gil_begin_turn(st)
    except BaseException:
        return 0
    st.gil_kept = True
    st.gil_held = True
    return 1


cdef PyGILState_STATE gil_enter(CoreState *st) noexcept nogil:
    return PyGILState_Ensure()


cdef void gil_leave(CoreState *st, PyGILState_STATE state) noexcept nogil:
    cdef uint64_t now, since
    st.calls += 1
    # Only from within a run that has let go of it: not when Python code reads a device.
    if st.calls % LOOK == 0 and state == PyGILState_UNLOCKED and st.running \
            and st.engine.running:
        now = clock_ns()
        since = st.calls_since
        st.calls_since = now
        st.calls_then = st.calls
        if now - since < DENSE_NS and (<int (*)(CoreState *) noexcept nogil><void *>keep)(st):
            return
    PyGILState_Release(state)


cdef void gil_drop(CoreState *st) noexcept nogil:
    if st.gil_kept:
        st.gil_kept = False
        st.gil_held = False
        PyGILState_Release(PyGILState_UNLOCKED)


cdef bint gil_unused(CoreState *st) noexcept nogil:
    cdef bint unused = st.calls - st.calls_then < FEW
    st.calls_then = st.calls
    return unused


cdef str type_name(object value):
    return type(value).__name__


cdef uint64_t u64_arg(object value, str what) except? 0xfffffffffffffffeULL:
    cdef unsigned long long number = 0
    if engine_fast_u64(value, &number):
        return number
    PyErr_Clear()
    try:
        value = as_index(value)
    except TypeError:
        raise ArgumentTypeError(f"{what} must be an int, not {type_name(value)}") from None
    if not 0 <= value < 1 << 64:
        bad_int(value, what)
    return value


cdef int bad_int(object value, str what) except -1:
    if value < 0:
        raise ArgumentError(f"{what} must not be negative: {value}")
    raise ArgumentError(f"{what} does not fit in 64 bits: {value:#x}")


cdef uint64_t seconds_arg(object value, str what) except? 0xfffffffffffffffeULL:
    if value is None:
        return 0
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            f"{what} must be a number of seconds, not {type_name(value)}") from None
    except OverflowError:
        seconds = float("inf")
    if not seconds >= 0:
        raise ArgumentError(f"{what} must not be negative: {value}")
    if seconds > 1e9:       # thirty years are for ever
        return 0
    return max(1, int(seconds * 1e9))


cdef int prot_arg(object value) except -1:
    cdef int prot = 0
    if isinstance(value, str):
        for letter in <str>value:
            if letter == "r":
                prot |= 1
            elif letter == "w":
                prot |= 2
            elif letter == "x":
                prot |= 4
            elif letter != "-":
                raise ArgumentError(f"permissions {value!r}: {letter!r} is none of 'r', 'w', 'x'")
        return prot
    try:
        number = as_index(value)
    except TypeError:
        raise ArgumentTypeError(
            f"permissions must be a string such as 'rwx' or Prot, not {type_name(value)}") from None
    if not 0 <= number <= 7:
        raise ArgumentError(f"permissions must be between 0 and 7 (Prot), not {number}")
    return number
