"""Breakpoints and watchpoints of an emulator (see points.pxd)."""
from libc.string cimport memset
from engine._core.base.types cimport ACCESS_WRITE
from engine._core.cpu.head cimport BP_GDB
from engine._core.exec.engine cimport (
    HOOK_CONTINUE, HOOK_MEM_READ, HOOK_MEM_WRITE, HOOK_STOP, STOP_COUNT, STOP_REQUEST, STOP_UNTIL,
    Engine, engine_breakpoint_insert, engine_breakpoint_remove, engine_hook_add, engine_hook_del,
    engine_run)
from engine._core.api.core cimport closed_core, u64_arg

from collections import namedtuple

from engine.errors import ArgumentError, DuplicateError, HostMemoryError, NameNotFoundError
from engine._core.api.kinds import Access

WatchHit = namedtuple("WatchHit", ("watchpoint", "access", "address", "size", "value", "pc"))
WatchHit.__doc__ = """What a watchpoint saw: access (`Access`), address and size of it, what a store
stores (None for a load), and the pc of the instruction."""

cdef dict _flags = {"read": BP_MEM_READ, "write": BP_MEM_WRITE,
                    "access": BP_MEM_READ | BP_MEM_WRITE}


# ---------------------------------------------------------------- breakpoints

cdef class Breakpoint:
    """A run stops before the instruction at `address` (`StopReason.BREAKPOINT`). A run that begins
    there goes on from it."""

    def __cinit__(self):
        self.core = closed_core()

    def remove(self):
        """Take it away. Twice does nothing."""
        if self.core.st.engine is NULL:
            return
        self.core.check()
        if self.core.points.get(self.address) is self:
            del self.core.points[self.address]
            engine_breakpoint_remove(self.core.st.engine, self.address, BP_GDB)

    def __repr__(self):
        return f"<breakpoint {self.address:#x}>"


cdef Breakpoints breakpoints_new(Core core):
    cdef Breakpoints made = Breakpoints.__new__(Breakpoints)
    made.core = core
    return made


cdef class Breakpoints:
    """The breakpoints of an emulator: `add`, `remove`, `in`, iteration, `len`."""

    def __cinit__(self):
        self.core = closed_core()

    def add(self, address):
        """A new `Breakpoint`. Raises `DuplicateError` when there is one at the address."""
        cdef uint64_t at = u64_arg(address, "address")
        cdef Breakpoint point
        self.core.check()
        if at in self.core.points:
            raise DuplicateError(f"there is a breakpoint at {at:#x} already")
        if engine_breakpoint_insert(self.core.st.engine, at, BP_GDB) != 0:
            raise HostMemoryError("the host has no memory left")
        point = Breakpoint.__new__(Breakpoint)
        point.core = self.core
        point.address = at
        self.core.points[at] = point
        return point

    def remove(self, address):
        """Take away the one at an address. Raises `NameNotFoundError` when there is none."""
        cdef uint64_t at = u64_arg(address, "address")
        self.core.check()
        if at not in self.core.points:
            raise NameNotFoundError(f"there is no breakpoint at {at:#x}")
        self.core.points[at].remove()

    def clear(self):
        """Take all away."""
        for point in list(self.core.points.values()):
            point.remove()

    def __contains__(self, address):
        return address in self.core.points

    def __iter__(self):
        return iter(list(self.core.points.values()))

    def __len__(self):
        return len(self.core.points)


# ---------------------------------------------------------------- watchpoints

# Instructions done before the one whose access is reported: its block has taken all of its own
# beforehand, and the state was brought up to date for this event.
cdef inline uint64_t retired(CPUHead *cpu) noexcept nogil:
    return (cpu.icount_total + <uint64_t>(cpu.icount_slice - cpu.icount_left)
            - (<Engine *>cpu.engine).synced_todo)


cdef int on_access(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    cdef WatchData *d = <WatchData *>h.opaque
    cdef CoreState *st = d.st
    if st.watch_off or retired(cpu) == st.watch_skip or st.watch_hit != NULL:
        return HOOK_CONTINUE
    st.watch_hit = d
    st.watch_access = ev.access
    st.watch_address = ev.addr
    st.watch_size = ev.size
    st.watch_value[0] = ev.value
    st.watch_value[1] = ev.value_hi
    st.watch_pc = ev.pc
    return HOOK_STOP


cdef class Watchpoint:
    """A run stops when the guest reads or writes one of `size` bytes at `address`
    (`StopReason.WATCHPOINT`, `RunResult.watchpoint`): after the instruction, or, when made with
    before=True, before it. `kind` is read, write or access."""

    def __cinit__(self):
        self.core = closed_core()

    @property
    def kind(self):
        return {flags: kind for kind, flags in _flags.items()}[self.flags & 3]

    @property
    def before(self):
        """Whether it stops before the access."""
        return bool(self.flags & BP_STOP_BEFORE_ACCESS)

    @property
    def hit(self):
        """Which accesses have hit it since it was made: "", "read", "write" or "access"."""
        return ("", "read", "write", "access")[self.flags >> 6 & 3]

    def remove(self):
        """Take it away. Twice does nothing."""
        cdef Engine *e = self.core.st.engine
        if e is NULL:
            return
        self.core.check()
        if self.read_hook is not NULL:
            engine_hook_del(e, self.read_hook)
        if self.write_hook is not NULL:
            engine_hook_del(e, self.write_hook)
        self.read_hook = NULL
        self.write_hook = NULL
        if self in self.core.watches:
            self.core.watches.remove(self)
            if self.core.st.running:
                self.core.keep.append(self)     # the run may be looking at it

    def __repr__(self):
        return f"<watchpoint {self.kind} {self.address:#x}+{self.size:#x}>"


cdef Watchpoints watchpoints_new(Core core):
    cdef Watchpoints made = Watchpoints.__new__(Watchpoints)
    made.core = core
    return made


cdef class Watchpoints:
    """The watchpoints of an emulator: `add`, iteration, `len`. While there is one, memory accesses
    of the pages it touches take the slow path; others cost what they did."""

    def __cinit__(self):
        self.core = closed_core()

    def add(self, address, size=1, kind="write", *, before=False):
        """A new `Watchpoint` on accesses that touch [address, address + size)."""
        cdef uint64_t at = u64_arg(address, "address"), length = u64_arg(size, "size")
        cdef Watchpoint point
        cdef Engine *e
        self.core.check()
        if kind not in _flags:
            raise ArgumentError(f"kind must be read, write or access, not {kind!r}")
        if length == 0 or at + (length - 1) < at:
            raise ArgumentError(f"no {length:#x} bytes at {at:#x} to watch")
        e = self.core.st.engine
        point = Watchpoint.__new__(Watchpoint)
        point.core = self.core
        point.address = at
        point.size = length
        point.flags = _flags[kind] | (BP_STOP_BEFORE_ACCESS if before else 0)
        point.data.st = &self.core.st
        point.data.point = <void *>point
        if point.flags & BP_MEM_READ:
            point.read_hook = engine_hook_add(e, HOOK_MEM_READ, at, at + (length - 1), on_access,
                                              &point.data, False, 0, 0)
            if point.read_hook is NULL:
                raise HostMemoryError("the host has no memory left")
        if point.flags & BP_MEM_WRITE:
            point.write_hook = engine_hook_add(e, HOOK_MEM_WRITE, at, at + (length - 1), on_access,
                                               &point.data, False, 0, 0)
            if point.write_hook is NULL:
                point.remove()
                raise HostMemoryError("the host has no memory left")
        self.core.watches.append(point)
        return point

    def clear(self):
        """Take all away."""
        for point in list(self.core.watches):
            point.remove()

    def __iter__(self):
        return iter(list(self.core.watches))

    def __len__(self):
        return len(self.core.watches)


# ---------------------------------------------------------------- runs

cdef void watch_begin(Core core) noexcept:
    cdef CPUHead *cpu = core.st.engine.cpu
    core.st.watch_hit = NULL
    core.st.watch_off = False
    # Stopped before an access: its instruction goes on without being reported again.
    # A snapshot restored meanwhile is at another count, or there the access has been seen as well.
    if not core.st.watch_before or cpu.pc != core.st.watch_pc \
            or cpu.icount_total != core.st.watch_skip:
        core.st.watch_skip = <uint64_t>-1
    core.st.watch_before = False


cdef object watch_end(Core core, RunArgs *args, RunOutcome *out):
    cdef CoreState *st = &core.st
    cdef Watchpoint point
    cdef RunArgs one
    cdef RunOutcome rest
    if st.watch_hit is NULL or out.reason != STOP_REQUEST or st.stop_asked:
        return None
    point = <Watchpoint>(<WatchData *>st.watch_hit).point
    point.flags |= BP_WATCHPOINT_HIT_WRITE if st.watch_access == ACCESS_WRITE \
        else BP_WATCHPOINT_HIT_READ
    hit = WatchHit(point, Access(st.watch_access), st.watch_address, st.watch_size,
                   None if st.watch_access != ACCESS_WRITE else
                   <object>st.watch_value[0] | <object>st.watch_value[1] << 64, st.watch_pc)
    if point.flags & BP_STOP_BEFORE_ACCESS:
        st.watch_before = True
        st.watch_skip = st.engine.cpu.icount_total
        return hit
    # The instruction is done first.
    one = args[0]
    one.has_count = True
    one.count = 1
    one.has_until = False
    memset(&rest, 0, sizeof(rest))
    st.watch_off = True
    if st.gil_held:
        engine_run(st.engine, &one, &rest)
    else:
        with nogil:
            engine_run(st.engine, &one, &rest)
    st.watch_off = False
    rest.icount += out.icount
    out[0] = rest
    return hit if rest.reason == STOP_COUNT or rest.reason == STOP_UNTIL else None
