"""Recorders: what a run did, written into buffers without Python.

Lives here: Recorder (blocks, instructions, memory accesses in order), EdgeRecorder (AFL's map),
Coverage (which basic blocks were executed). Does not live here: the marks in translated blocks
(exec/cover.pxd), export and reports (engine/debug/coverage.py). Caller: emulator.pyx.

Like hooks, what the engine's C hooks point to is kept by the Core and refers to neither Core nor
Emulator.
"""
cimport cython
from cpython.buffer cimport PyObject_GetBuffer, PyBuffer_Release, PyBUF_SIMPLE, PyBUF_WRITABLE
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memset
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.cover cimport cover_clear, cover_start, cover_stop
from engine._core.exec.engine cimport (
    HOOK_BLOCK, HOOK_CODE, HOOK_CONTINUE, HOOK_MEM_READ_AFTER, HOOK_MEM_WRITE, HOOK_STOP, Hook,
    HookEvent, engine_hook_add, engine_hook_del, hook_fn)
from engine._core.api.core cimport Core, closed_core, type_name, u64_arg

from engine.errors import (ArgumentError, ArgumentTypeError, ClosedError, EngineBusyError,
                           HostMemoryError, UnsupportedError)

cdef enum:
    FULL_DROP = 0
    FULL_RING = 1
    FULL_STOP = 2
    EDGES_MIN = 256
    CAPACITY_MAX = 1 << 30

ctypedef struct BlockRecord:
    uint64_t pc
    uint64_t size

ctypedef struct MemoryRecord:
    uint64_t pc
    uint64_t address
    uint64_t value              # low 64 bits
    uint32_t size
    uint32_t access             # Access

ctypedef struct RecorderData:   # opaque pointer of the C hooks
    uint8_t *at
    uint64_t capacity           # records; a power of two for edges
    uint64_t n                  # that there were
    uint64_t lost
    uint64_t previous           # edges: half of the block before
    uint32_t full               # FULL_*

# The columns of a record, as numpy names them.
DTYPES = {
    "blocks": [("pc", "<u8"), ("size", "<u8")],
    "instructions": [("pc", "<u8")],
    "memory": [("pc", "<u8"), ("address", "<u8"), ("value", "<u8"), ("size", "<u4"),
               ("access", "<u4")],
}

cdef dict _sizes = {"blocks": sizeof(BlockRecord), "instructions": sizeof(uint64_t),
                    "memory": sizeof(MemoryRecord)}
cdef dict _full = {"drop": FULL_DROP, "ring": FULL_RING, "stop": FULL_STOP}


# ---------------------------------------------------------------- events

# The place of the next record; False: there is no room.
cdef inline bint room(RecorderData *d, uint64_t *index) noexcept nogil:
    if d.n >= d.capacity:
        if d.full != FULL_RING:
            d.lost += 1
            return False
        index[0] = d.n % d.capacity
    else:
        index[0] = d.n
    d.n += 1
    return True


cdef inline int full(RecorderData *d) noexcept nogil:
    return HOOK_STOP if d.full == FULL_STOP else HOOK_CONTINUE


cdef int on_block(CPUHead *cpu, Hook *h, HookEvent *ev) noexcept nogil:
    cdef RecorderData *d = <RecorderData *>h.opaque
    cdef uint64_t i = 0
    if not room(d, &i):
        return full(d)
    (<BlockRecord *>d.at)[i].pc = ev.pc
    (<BlockRecord *>d.at)[i].size = ev.size
    return HOOK_CONTINUE


cdef int on_insn(CPUHead *cpu, Hook *h, HookEvent *ev) noexcept nogil:
    cdef RecorderData *d = <RecorderData *>h.opaque
    cdef uint64_t i = 0
    if not room(d, &i):
        return full(d)
    (<uint64_t *>d.at)[i] = ev.pc
    return HOOK_CONTINUE


cdef int on_access(CPUHead *cpu, Hook *h, HookEvent *ev) noexcept nogil:
    cdef RecorderData *d = <RecorderData *>h.opaque
    cdef MemoryRecord *r
    cdef uint64_t i = 0
    if not room(d, &i):
        return full(d)
    r = &(<MemoryRecord *>d.at)[i]
    r.pc = ev.pc
    r.address = ev.addr
    r.value = ev.value
    r.size = ev.size
    r.access = ev.access
    return HOOK_CONTINUE


# AFL's map: a block's place is a hash of its address; an edge is counted at place ^ half of the
# place of the block before, so that A -> B and B -> A differ.
cdef int on_edge(CPUHead *cpu, Hook *h, HookEvent *ev) noexcept nogil:
    cdef RecorderData *d = <RecorderData *>h.opaque
    cdef uint64_t place = (ev.pc * 0x9e3779b97f4a7c15ULL >> 32) & (d.capacity - 1)
    d.at[place ^ d.previous] += 1
    d.previous = place >> 1
    return HOOK_CONTINUE


# ---------------------------------------------------------------- what the core keeps

# Not cleared by the garbage collector: that takes the owner out of `buffer` without releasing it.
@cython.no_gc_clear
cdef class RecorderCell:
    cdef RecorderData data
    cdef Py_buffer buffer
    cdef Hook *armed[2]

    def __dealloc__(self):
        if <void *>self.buffer.obj is not NULL:
            PyBuffer_Release(&self.buffer)

    cdef int hold(self, object buffer) except -1:
        try:
            PyObject_GetBuffer(buffer, &self.buffer, PyBUF_SIMPLE | PyBUF_WRITABLE)
        except TypeError:
            raise ArgumentTypeError(f"buffer must be a writable bytes-like object, not"
                                    f" {type_name(buffer)}") from None
        except (BufferError, ValueError) as error:
            raise ArgumentError(f"buffer must be writable and contiguous: {error}") from None
        self.data.at = <uint8_t *>self.buffer.buf
        return 0

    cdef int arm(self, Core core, int index, uint32_t kind, uint64_t first, uint64_t last,
                 hook_fn fn) except -1:
        self.armed[index] = engine_hook_add(core.st.engine, kind, first, last, fn, &self.data,
                                            False, 0, 0)
        if self.armed[index] is NULL:
            self.disarm(core)
            raise HostMemoryError("the host has no memory left")
        core.cells.add(self)
        return 0

    cdef void disarm(self, Core core) noexcept:
        cdef int i
        for i in range(2):
            if self.armed[i] is not NULL and core.st.engine is not NULL:
                engine_hook_del(core.st.engine, self.armed[i])
            self.armed[i] = NULL
        core.cells.discard(self)
        if core.st.running:
            core.dead.append(self)      # the buffer, until no block writes to it


# begin and end of a filter as inclusive addresses
cdef int span(object begin, object end, uint64_t *first, uint64_t *last) except -1:
    first[0] = 0 if begin is None else u64_arg(begin, "begin")
    last[0] = <uint64_t>-1
    if end is not None and not (isinstance(end, int) and end == 1 << 64):
        last[0] = u64_arg(end, "end")
        if last[0] <= first[0]:
            raise ArgumentError("the range of a recorder is empty",
                                hint="end is the first address after it")
        last[0] -= 1
    return 0


cdef int numpy_wanted() except -1:
    try:
        import numpy  # noqa: F401
    except ImportError:
        raise UnsupportedError("numpy is not installed",
                               hint="records() and tolist() do without it") from None
    return 0


@cython.no_gc_clear
cdef class Recording:
    """What recorders made of hooks share: they record until `stop()`, also when the handle is
    dropped, and are context managers that stop at the end."""
    cdef Core core
    cdef RecorderCell cell
    cdef uint64_t first, last
    cdef readonly bint active

    def __cinit__(self):
        self.core = closed_core()
        self.cell = RecorderCell.__new__(RecorderCell)

    def __init__(self):
        raise ArgumentTypeError("recorders are made by Emulator.record and Emulator.record_edges")

    # Install the hooks of the kind. This class alone is of none.
    cdef int arm(self) except -1:
        raise ClosedError("this recorder belongs to no emulator")

    def start(self):
        """Go on recording after `stop()`, behind what there is."""
        if self.cell.data.at is NULL:
            raise ClosedError("this recorder belongs to no emulator")
        self.core.check()
        if not self.active:
            self.arm()
            self.active = True

    def stop(self):
        """Record no more. What was recorded stays. Twice does nothing."""
        if not self.active:
            return
        if self.core.st.engine is not NULL:
            self.core.check()
        self.cell.disarm(self.core)
        self.active = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()


@cython.no_gc_clear
cdef class Recorder(Recording):
    """Records of a kind, in order: "blocks", "instructions" or "memory".

    Made by `Emulator.record`. It records until `stop()`, also when the handle is dropped; a
    context manager that stops at the end.
    """
    cdef readonly str kind
    cdef readonly object buffer
    cdef bint reads, writes

    def __len__(self):
        """Records in the buffer."""
        return min(self.cell.data.n, self.cell.data.capacity)

    @property
    def total(self):
        """Records made so far, those that a ring has overwritten included."""
        return self.cell.data.n

    @property
    def lost(self):
        """Records for which there was no room."""
        return self.cell.data.lost

    @property
    def capacity(self):
        """Records that the buffer holds."""
        return self.cell.data.capacity

    cdef int arm(self) except -1:
        if self.kind == "blocks":
            self.cell.arm(self.core, 0, HOOK_BLOCK, self.first, self.last, on_block)
        elif self.kind == "instructions":
            self.cell.arm(self.core, 0, HOOK_CODE, self.first, self.last, on_insn)
        else:
            if self.reads:
                self.cell.arm(self.core, 0, HOOK_MEM_READ_AFTER, self.first, self.last, on_access)
            if self.writes:
                self.cell.arm(self.core, 1, HOOK_MEM_WRITE, self.first, self.last, on_access)
        return 0

    def clear(self):
        """Forget what was recorded."""
        self.core.check()
        self.cell.data.n = 0
        self.cell.data.lost = 0

    # The records as bytes, oldest first.
    cdef bytes raw(self):
        cdef RecorderData *d = &self.cell.data
        cdef uint64_t size = _sizes[self.kind]
        cdef uint64_t split = d.n % d.capacity if d.n > d.capacity else 0
        cdef bytes data = PyBytes_FromStringAndSize(<char *>d.at, <Py_ssize_t>(len(self) * size))
        if split:
            return data[split * size:] + data[:split * size]
        return data

    def tolist(self):
        """The records, oldest first: (pc, size), pc, or (pc, address, value, size, access)."""
        cdef bytes data = self.raw()
        import struct
        if self.kind == "instructions":
            return list(struct.unpack(f"<{len(data) // 8}Q", data))
        return list(struct.iter_unpack("<QQ" if self.kind == "blocks" else "<QQQII", data))

    def to_numpy(self):
        """The records, oldest first, as a structured numpy array (a copy). The columns are those
        of `engine._core.api.recorder.DTYPES`. `UnsupportedError` without numpy."""
        numpy_wanted()
        import numpy
        return numpy.frombuffer(self.raw(), dtype=DTYPES[self.kind])

    def __repr__(self):
        return f"<Recorder of {self.kind}: {len(self)} of {self.capacity}>"


@cython.no_gc_clear
cdef class EdgeRecorder(Recording):
    """Counts of edges between basic blocks in a map of bytes, as AFL's instrumentation writes it.

    Made by `Emulator.record_edges`.
    """
    cdef readonly object map

    cdef int arm(self) except -1:
        return self.cell.arm(self.core, 0, HOOK_BLOCK, self.first, self.last, on_edge)

    def clear(self):
        """Zero the map and begin at no block: for the next run of a fuzzer."""
        self.core.check()
        memset(self.cell.data.at, 0, self.cell.data.capacity)
        self.cell.data.previous = 0


@cython.no_gc_clear
cdef class Coverage:
    """Which basic blocks were executed. Made by `Emulator.record_coverage`; costs a store a block.

    An emulator has one at a time: a new one takes the place of the one before, which is empty then.
    """
    cdef Core core
    cdef object token
    cdef uint64_t first, last
    cdef bint active

    def __cinit__(self):
        self.core = closed_core()

    def __init__(self):
        raise ArgumentTypeError("coverage is made by Emulator.record_coverage")

    cdef bint mine(self) except -1:
        self.core.check()
        return self.core.coverage is self.token and self.core.st.engine.cover is not NULL

    @property
    def lost(self):
        """Translations of blocks that found no room: 65,536 different ones are kept."""
        return self.core.st.engine.cover.lost if self.mine() else 0

    def blocks(self):
        """(address, size in bytes) of the basic blocks that were executed, by address. A block
        that was entered in its middle, too, is there twice."""
        cdef uint32_t i
        if not self.mine():
            return []
        found = []
        for i in range(self.core.st.engine.cover.n):
            if self.core.st.engine.cover.hit[i]:
                found.append((self.core.st.engine.cover.slots[i].pc,
                              self.core.st.engine.cover.slots[i].size))
        found.sort()
        return found

    def __len__(self):
        return len(self.blocks())

    def __contains__(self, address):
        return any(pc <= address < pc + size for pc, size in self.blocks())

    def stop(self):
        """Record no more. What was recorded stays. Twice does nothing."""
        if self.core.st.engine is not NULL and self.active and self.mine():
            cover_stop(self.core.st.engine)
        self.active = False

    def clear(self):
        """Forget which blocks were executed."""
        if self.mine():
            cover_clear(self.core.st.engine)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


# ---------------------------------------------------------------- makers, for emulator.pyx

cdef object recorder_new(Core core, object kind, object capacity, object begin, object end,
                         object full_rule, object buffer, bint reads, bint writes):
    cdef Recorder recorder
    cdef uint64_t room_for, size
    core.check()
    if kind not in _sizes:
        raise ArgumentError(f"no recorder of {kind!r}", hint=f"kinds: {', '.join(_sizes)}")
    if full_rule not in _full:
        raise ArgumentError(f"full must be one of {', '.join(_full)}, not {full_rule!r}")
    if kind == "memory" and not (reads or writes):
        raise ArgumentError("a recorder of neither reads nor writes records nothing")
    size = _sizes[kind]
    recorder = Recorder.__new__(Recorder)
    span(begin, end, &recorder.first, &recorder.last)
    if buffer is None:
        room_for = u64_arg(capacity, "capacity")
        if not 0 < room_for <= CAPACITY_MAX:
            raise ArgumentError(f"capacity must be from 1 to {CAPACITY_MAX}, not {room_for}")
        buffer = bytearray(room_for * size)
    recorder.core = core
    recorder.kind = kind
    recorder.buffer = buffer
    recorder.reads = reads
    recorder.writes = writes
    recorder.cell.hold(buffer)
    recorder.cell.data.capacity = <uint64_t>recorder.cell.buffer.len // size
    if recorder.cell.data.capacity == 0:
        raise ArgumentError(f"the buffer is shorter than a record of {size} bytes")
    if <size_t>recorder.cell.data.at % 8:
        raise ArgumentError("the buffer must be aligned to 8 bytes")
    recorder.cell.data.full = _full[full_rule]
    recorder.start()
    return recorder


cdef object edges_new(Core core, object buffer, object begin, object end):
    cdef EdgeRecorder recorder
    cdef uint64_t size
    core.check()
    recorder = EdgeRecorder.__new__(EdgeRecorder)
    span(begin, end, &recorder.first, &recorder.last)
    recorder.core = core
    recorder.map = buffer
    recorder.cell.hold(buffer)
    size = <uint64_t>recorder.cell.buffer.len
    if size < EDGES_MIN or size & (size - 1):
        raise ArgumentError(f"the length of an edge map must be a power of two from {EDGES_MIN} on,"
                            f" not {size}")
    recorder.cell.data.capacity = size
    recorder.start()
    return recorder


cdef object coverage_new(Core core, object begin, object end):
    cdef Coverage coverage
    core.check()
    coverage = Coverage.__new__(Coverage)
    coverage.core = core
    coverage.token = object()
    span(begin, end, &coverage.first, &coverage.last)
    if core.st.running:
        raise EngineBusyError("coverage begins between runs")
    if not cover_start(core.st.engine, coverage.first, coverage.last):
        raise HostMemoryError("the host has no memory left")
    core.coverage = coverage.token
    coverage.active = True
    return coverage
