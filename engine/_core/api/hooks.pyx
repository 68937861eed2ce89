"""Python functions as hooks (see hooks.pxd).

A callback is entered with the GIL held when the run keeps it (Core.st.gil_held), else takes it. It
calls the function by vectorcall with arguments boxed on the C stack, and leaves an exception in the
Core, from where run() raises it.
"""
cimport cython
from cpython.exc cimport PyErr_SetObject
from cpython.ref cimport Py_XDECREF
from libc.stdlib cimport calloc, free
from engine._core.cpu.head cimport CPUHead, FAULT_IO
from engine._core.exec.engine cimport (
    HookEvent, hook_fn, engine_hook_add, engine_hook_del, HOOK_CODE, HOOK_BLOCK, HOOK_MEM_READ,
    HOOK_MEM_FETCH, HOOK_MEM_INVALID, HOOK_EXCEPTION, HOOK_INSN,
    HOOK_INSN_INVALID, HOOK_TLB_FILL, HOOK_CONTINUE, HOOK_HANDLED, HOOK_STOP, HOOK_ERROR)
from engine._core.api.calls cimport (
    PY_VECTORCALL_ARGUMENTS_OFFSET, PyObject_Vectorcall, call_failed, call_notified, engine_decref,
    engine_incref, raw_long, raw_u64)
from engine._core.api.core cimport closed_core, core_of, type_name, u64_arg
from engine._core.api.blocks cimport memory_sync

from engine.errors import ArgumentError, ArgumentTypeError, HostMemoryError
from engine._core.api.kinds import Access, Prot

cdef extern from "Python.h":
    PyObject *Py_True
    PyObject *Py_False
    PyObject *Py_None

# By number: Access members, kinds of faults in errors.MemoryFault's words.
cdef tuple _accesses = (Access.READ, Access.WRITE, Access.FETCH)
cdef PyObject *_access_refs[3]
_access_refs[0] = <PyObject *>_accesses[0]
_access_refs[1] = <PyObject *>_accesses[1]
_access_refs[2] = <PyObject *>_accesses[2]
cdef tuple _fault_kinds = ("", "unmapped", "protected", "misaligned", "page", "io")


cdef class Fault:
    """A memory access that is about to fail, as fault hooks get it.

    `kind` is unmapped, protected, misaligned, page or io.
    """
    cdef readonly str kind
    cdef readonly object access
    cdef readonly uint64_t address
    cdef readonly uint32_t size
    cdef readonly uint64_t pc

    def __repr__(self):
        return (f"<fault: {self.access.name.lower()} of {self.size} at {self.address:#x},"
                f" {self.kind}, pc {self.pc:#x}>")


# ---------------------------------------------------------------- calls, GIL held

# After a call that decides: True, or False/None.
cdef int decided(HookData *d, PyObject *result) noexcept:
    cdef int answer
    if result is Py_True:
        answer = HOOK_HANDLED
    elif result is Py_False or result is Py_None:
        answer = HOOK_CONTINUE
    elif result is NULL:
        return call_failed(d.st)
    else:
        reject_answer(d, result)
        engine_decref(result)
        return HOOK_ERROR
    engine_decref(result)
    if d.st.has_exports:
        memory_sync(core_of(d.st))
    return HOOK_STOP if d.st.stop_asked else answer


cdef void reject_answer(HookData *d, PyObject *result) noexcept:
    cdef Core core = core_of(d.st)
    try:
        raise ArgumentTypeError(
            f"hook for {(<HookCell>d.cell).kind} must return True (handled) or False or None,"
            f" not {type_name(<object>result)}")
    except BaseException as error:
        if core.error is None:
            core.error = error


cdef int call_code(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef HookData *d = <HookData *>h.opaque
    cdef PyObject *args[4]
    cdef PyObject *cell = d.cell
    cdef PyObject *result
    cdef int answer
    args[1] = d.st.emulator
    args[2] = raw_u64(ev.addr)
    args[3] = raw_long(<long>ev.size)
    if args[2] is NULL or args[3] is NULL:
        Py_XDECREF(args[2])
        Py_XDECREF(args[3])
        return call_failed(d.st)
    engine_incref(cell)         # the function may remove its own hook
    result = PyObject_Vectorcall(d.fn, &args[1], 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    engine_decref(args[2])
    engine_decref(args[3])
    answer = call_notified(d.st, result)
    engine_decref(cell)
    return answer


cdef object wide_value(HookEvent *ev):
    return <object>ev.value | <object>ev.value_hi << 64


# The value of an event as a new reference; NULL: with an exception.
cdef PyObject *value_of(HookEvent *ev) noexcept:
    cdef object value
    try:
        value = wide_value(ev)
    except BaseException as error:
        PyErr_SetObject(type(error), error)
        return NULL
    engine_incref(<PyObject *>value)
    return <PyObject *>value


cdef int call_memory(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef HookData *d = <HookData *>h.opaque
    cdef PyObject *args[6]
    cdef PyObject *cell = d.cell
    cdef PyObject *result = NULL
    cdef int answer
    args[1] = d.st.emulator
    args[2] = _access_refs[ev.access if ev.access <= 2 else 0]
    args[3] = raw_u64(ev.addr)
    args[4] = raw_long(<long>ev.size)
    if h.kind == HOOK_MEM_READ or h.kind == HOOK_MEM_FETCH:
        args[5] = Py_None
        engine_incref(Py_None)
    else:
        args[5] = raw_u64(ev.value) if ev.size <= 8 else value_of(ev)
    if args[3] is NULL or args[4] is NULL or args[5] is NULL:
        Py_XDECREF(args[3])
        Py_XDECREF(args[4])
        Py_XDECREF(args[5])
        return call_failed(d.st)
    engine_incref(cell)
    result = PyObject_Vectorcall(d.fn, &args[1], 5 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    engine_decref(args[3])
    engine_decref(args[4])
    engine_decref(args[5])
    answer = call_notified(d.st, result)
    engine_decref(cell)
    return answer


cdef int call_fill(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef HookData *d = <HookData *>h.opaque
    cdef PyObject *args[7]
    cdef PyObject *cell = d.cell
    cdef object address, physical, size, prot
    cdef int answer
    try:
        address = ev.addr
        physical = ev.value
        size = ev.size
        prot = Prot(ev.value_hi & 7)
    except BaseException:
        return call_failed(d.st)
    args[1] = d.st.emulator
    args[2] = <PyObject *>_accesses[ev.access if ev.access <= 2 else 0]
    args[3] = <PyObject *>address
    args[4] = <PyObject *>size
    args[5] = <PyObject *>physical
    args[6] = <PyObject *>prot
    engine_incref(cell)
    answer = call_notified(d.st, PyObject_Vectorcall(
        d.fn, &args[1], 6 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL))
    engine_decref(cell)
    return answer


cdef Fault fault_of(HookEvent *ev):
    cdef Fault fault = Fault.__new__(Fault)
    fault.kind = _fault_kinds[ev.reason] if ev.reason <= FAULT_IO else ""
    fault.access = _accesses[ev.access if ev.access <= 2 else 0]
    fault.address = ev.addr
    fault.size = ev.size
    fault.pc = ev.pc
    return fault


cdef int call_fault(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef HookData *d = <HookData *>h.opaque
    cdef PyObject *args[3]
    cdef PyObject *cell = d.cell
    cdef Fault fault
    cdef int answer
    try:
        fault = fault_of(ev)
    except BaseException:
        return call_failed(d.st)
    args[1] = d.st.emulator
    args[2] = <PyObject *>fault
    engine_incref(cell)
    answer = decided(d, PyObject_Vectorcall(d.fn, &args[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                            NULL))
    engine_decref(cell)
    return answer


# fn(emu, number) for exceptions, fn(emu, address) for undefined instructions
cdef int call_number(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef HookData *d = <HookData *>h.opaque
    cdef PyObject *args[3]
    cdef PyObject *cell = d.cell
    cdef int answer
    args[1] = d.st.emulator
    args[2] = raw_long(ev.exception) if h.kind == HOOK_EXCEPTION else raw_u64(ev.pc)
    if args[2] is NULL:
        return call_failed(d.st)
    engine_incref(cell)
    answer = decided(d, PyObject_Vectorcall(d.fn, &args[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                            NULL))
    engine_decref(args[2])
    engine_decref(cell)
    return answer


# ---------------------------------------------------------------- filters
cdef enum:
    VALUE_ANY = 0
    VALUE_EQ = 1
    VALUE_NE = 2
    VALUE_LT = 3
    VALUE_LE = 4
    VALUE_GT = 5
    VALUE_GE = 6
    VALUE_BITS = 7

cdef dict _value_ops = {"==": VALUE_EQ, "!=": VALUE_NE, "<": VALUE_LT, "<=": VALUE_LE,
                        ">": VALUE_GT, ">=": VALUE_GE, "&": VALUE_BITS}


cdef bint has_address(HookData *d, uint64_t address) noexcept nogil:
    cdef Py_ssize_t low = 0, high = d.n_addresses, middle
    while low < high:
        middle = (low + high) >> 1
        if d.addresses[middle] < address:
            low = middle + 1
        else:
            high = middle
    return low < d.n_addresses and d.addresses[low] == address


cdef bint has_value(HookData *d, uint64_t value) noexcept nogil:
    if d.value_op == VALUE_EQ:
        return value == d.value
    if d.value_op == VALUE_NE:
        return value != d.value
    if d.value_op == VALUE_LT:
        return value < d.value
    if d.value_op == VALUE_LE:
        return value <= d.value
    if d.value_op == VALUE_GT:
        return value > d.value
    if d.value_op == VALUE_GE:
        return value >= d.value
    return value & d.value != 0


cdef bint passes(HookData *d, HookEvent *ev) noexcept nogil:
    if d.addresses is not NULL and not has_address(d, ev.addr):
        return False
    if d.value_op != VALUE_ANY and not has_value(d, ev.value):
        return False
    if d.every > 1:
        d.waited += 1
        if d.waited < d.every:
            return False
        d.waited = 0
    return True


# ---------------------------------------------------------------- entries, with or without the GIL
# The cast drops "needs the GIL" from the type of a call_ function: here it is held.

cdef int enter_code(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    if (<HookData *>h.opaque).filtered and not passes(<HookData *>h.opaque, ev):
        return HOOK_CONTINUE
    if (<HookData *>h.opaque).st.gil_held:
        return (<hook_fn><void *>call_code)(cpu, h, ev)
    with gil:
        return call_code(cpu, h, ev)


cdef int enter_memory(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    if (<HookData *>h.opaque).filtered and not passes(<HookData *>h.opaque, ev):
        return HOOK_CONTINUE
    if (<HookData *>h.opaque).st.gil_held:
        return (<hook_fn><void *>call_memory)(cpu, h, ev)
    with gil:
        return call_memory(cpu, h, ev)


cdef int enter_fault(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    if (<HookData *>h.opaque).st.gil_held:
        return (<hook_fn><void *>call_fault)(cpu, h, ev)
    with gil:
        return call_fault(cpu, h, ev)


cdef int enter_fill(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    if (<HookData *>h.opaque).st.gil_held:
        return (<hook_fn><void *>call_fill)(cpu, h, ev)
    with gil:
        return call_fill(cpu, h, ev)


cdef int enter_number(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    if (<HookData *>h.opaque).st.gil_held:
        return (<hook_fn><void *>call_number)(cpu, h, ev)
    with gil:
        return call_number(cpu, h, ev)


cdef hook_fn entry_of(uint32_t kind) noexcept:
    if kind == HOOK_CODE or kind == HOOK_BLOCK or kind == HOOK_INSN:
        return enter_code
    if kind == HOOK_MEM_INVALID:
        return enter_fault
    if kind == HOOK_TLB_FILL:
        return enter_fill
    if kind == HOOK_EXCEPTION or kind == HOOK_INSN_INVALID:
        return enter_number
    return enter_memory


# ---------------------------------------------------------------- cells and handles

cdef class HookCell:
    def __dealloc__(self):
        free(self.armed)        # the C hooks went with their engine, or in disarm
        free(self.data.addresses)

    cdef int filter(self, object every, object addresses, object value) except -1:
        cdef HookData *d = &self.data
        cdef Py_ssize_t i
        d.every = u64_arg(every, "every")
        if d.every == 0:
            raise ArgumentError("every must be at least 1")
        if addresses is not None:
            wanted = sorted({u64_arg(address, "address") for address in addresses})
            if not wanted:
                raise ArgumentError("a hook on an empty set of addresses never fires")
            d.addresses = <uint64_t *>calloc(len(wanted), sizeof(uint64_t))
            if d.addresses is NULL:
                raise HostMemoryError("the host has no memory left")
            d.n_addresses = len(wanted)
            for i in range(d.n_addresses):
                d.addresses[i] = wanted[i]
            # Blocks and pages outside of these are not touched at all.
            self.begin = max(self.begin, d.addresses[0])
            self.last = min(self.last, d.addresses[d.n_addresses - 1])
            if self.begin > self.last:
                raise ArgumentError("none of the addresses of the hook is in its range")
        if value is not None:
            op, number = value if isinstance(value, tuple) and len(value) == 2 else ("==", value)
            if op not in _value_ops:
                raise ArgumentError(f"value must be an int or (op, int), op one of"
                                    f" {' '.join(_value_ops)}, not {op!r}")
            d.value_op = _value_ops[op]
            d.value = u64_arg(number, "value")
        d.filtered = d.every > 1 or d.addresses is not NULL or d.value_op != VALUE_ANY
        return 0

    cdef int arm(self, Core core) except -1:
        cdef uint32_t kind, number, mask
        cdef CHook *made
        if self.armed is not NULL:
            return 0
        self.armed = <CHook **>calloc(len(self.specs), sizeof(CHook *))
        if self.armed is NULL:
            raise HostMemoryError("the host has no memory left")
        self.n_armed = 0
        self.data.st = &core.st
        self.data.fn = <PyObject *>self.fn
        self.data.cell = <PyObject *>self
        core.cells.add(self)
        for kind, number, mask in self.specs:
            made = engine_hook_add(core.st.engine, kind, self.begin, self.last, entry_of(kind),
                                   &self.data, True, number, mask)
            if made is NULL:
                self.disarm(core)
                raise HostMemoryError("the host has no memory left")
            self.armed[self.n_armed] = made
            self.n_armed += 1
        return 0

    cdef void disarm(self, Core core) noexcept:
        cdef uint32_t i
        if self.armed is NULL:
            return
        if core.st.engine is not NULL:
            for i in range(self.n_armed):
                engine_hook_del(core.st.engine, self.armed[i])
        free(self.armed)
        self.armed = NULL
        self.n_armed = 0
        core.cells.discard(self)


cdef Hook hook_new(Core core, object fn, str kind, list specs, object begin, object end,
                   tuple filters):
    """Arm a hook over [begin, end); None: from the first, to the last address."""
    cdef Hook hook
    cdef HookCell cell
    core.check()
    if not callable(fn):
        raise ArgumentTypeError(f"a hook must be callable, not {type_name(fn)}")
    cell = HookCell.__new__(HookCell)
    cell.fn = fn
    cell.kind = kind
    cell.specs = specs
    cell.begin = 0 if begin is None else u64_arg(begin, "begin")
    if end is None or (isinstance(end, int) and end == 1 << 64):
        cell.last = <uint64_t>-1
    else:
        cell.last = u64_arg(end, "end")
        if cell.last <= cell.begin:
            raise ArgumentError(f"the range of a hook is empty: begin {cell.begin:#x}, end"
                                f" {cell.last:#x}", hint="end is the first address after it")
        cell.last -= 1
    if filters is not None:
        cell.filter(filters[0], filters[1], filters[2])
    cell.arm(core)
    hook = Hook.__new__(Hook)
    hook.core = core
    hook.cell = cell
    hook.removed = False
    return hook


@cython.no_gc_clear
cdef class Hook:
    """Handle of a hook.

    Calling it calls the hooked function, so that a function under a `@emu.hook_...` decorator
    stays callable. The hook stays armed until `remove()`, also when the handle is dropped.
    """

    def __cinit__(self):
        self.core = closed_core()
        self.cell = HookCell.__new__(HookCell)
        self.removed = True

    def remove(self):
        """Take the hook away for good. Removing it twice does nothing."""
        if self.removed:
            return
        if self.core.st.engine is not NULL:
            self.core.check()
        self.cell.disarm(self.core)
        self.removed = True

    @property
    def enabled(self):
        """Whether the function is called. Setting it pauses and resumes the hook; a resumed hook
        goes behind the others of its kind."""
        return self.cell.armed is not NULL and self.core.st.engine is not NULL

    @enabled.setter
    def enabled(self, value):
        if self.removed:
            raise ArgumentError("the hook has been removed")
        self.core.check()
        if value:
            self.cell.arm(self.core)
        else:
            self.cell.disarm(self.core)

    @property
    def kind(self):
        """What it hooks: code, block, memory, fault, exception, instruction, invalid or
        translation."""
        return self.cell.kind

    @property
    def function(self):
        """The hooked function."""
        return self.cell.fn

    def __call__(self, *args, **kwargs):
        return self.cell.fn(*args, **kwargs)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()

    def __repr__(self):
        state = "removed" if self.removed else "armed" if self.enabled else "off"
        return f"<{self.cell.kind} hook {self.cell.fn!r}, {state}>"
