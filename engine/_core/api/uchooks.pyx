"""Hooks of engine.unicorn (see uchooks.pxd)."""
cimport cython
from cpython.ref cimport Py_XDECREF
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, ST_FAULT, ST_OK,
                                      int64_t, uintptr_t, vaddr_t)
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport (FAULT_ILLEGAL, FAULT_NONE, FAULT_PAGE, FAULT_PROT, FAULT_TRAP,
                                    FAULT_UNMAPPED)
from engine._core.exec.engine cimport (
    Engine, HOOK_BLOCK, HOOK_CODE, HOOK_CONTINUE, HOOK_ERROR, HOOK_EXCEPTION, HOOK_HANDLED,
    HOOK_INSN, HOOK_MEM_FETCH, HOOK_MEM_INVALID, HOOK_MEM_READ, HOOK_MEM_READ_AFTER, HOOK_MEM_WRITE,
    HOOK_STOP, engine_hook_add, engine_hook_del, hook_fn)
from engine._core.exec.hookpoints cimport enter_fp, leave_fp
from engine._core.isa.guest cimport GuestOps
from engine._core.mem.attrs cimport MEMTXATTRS_UNSPECIFIED
from engine._core.mem.tlb cimport (ACCESS_FAULT_PROT, ACCESS_FAULT_UNMAPPED, MEMORY_FAULT_FINAL,
                                   tlb_set_page)
from engine._core.api.blocks cimport memory_sync
from engine._core.api.calls cimport (
    PY_VECTORCALL_ARGUMENTS_OFFSET, PyObject_IsTrue, PyObject_Vectorcall, call_failed,
    call_notified, call_returned, engine_decref, engine_incref, raw_long, raw_s64, raw_u64)
from engine._core.api.core cimport core_of
from engine._core.api.ucregs cimport (
    ERR_ARG, ERR_HANDLE, ERR_NOMEM, N_TRAPS, TRAP_AFTER, TRAP_CALL, TRAP_INVALID, wrap64)

from operator import index as as_index

from engine._core.api.ucregs import UcError
from engine.errors import ArgumentTypeError

cdef enum:                      # UC_HOOK_*
    UC_INTR = 1
    UC_INSN = 2
    UC_CODE = 4
    UC_BLOCK = 8
    UC_MEM_INVALID = 1008       # read, write, fetch x unmapped, forbidden
    UC_MEM_READ = 1024
    UC_MEM_WRITE = 2048
    UC_MEM_FETCH = 4096
    UC_MEM_READ_AFTER = 8192
    UC_INSN_INVALID = 16384
    UC_EDGE = 32768
    UC_TCG_OPCODE = 65536
    UC_TLB_FILL = 131072
    UC_MEM_ACCESS = 15360

cdef enum:                      # what a rarer hook is made of (UcHooks._special_hook)
    SPECIAL_BLOCK = 0           # a BLOCK hook
    SPECIAL_BEFORE = 1          # a hook before instructions of these mnemonics, called as CODE is
    SPECIAL_INSTEAD = 2         # the same, called with user_data; true: the instruction is done
    SPECIAL_CALL = 3            # called by the trap of this UC_*_INS_*, or by the ports
    INS_IN = 218                # UC_X86_INS_*
    INS_OUT = 500


# ---------------------------------------------------------------- hooks: after the call

# The truth of what the function answered; HOOK_ERROR and HOOK_STOP besides.
cdef int decided(UcHookData *d, PyObject *result) noexcept:
    cdef int truth
    if result is NULL:
        return call_failed(d.st)
    truth = PyObject_IsTrue(result)
    engine_decref(result)
    if truth < 0:
        return call_failed(d.st)
    if d.st.has_exports:
        memory_sync(core_of(d.st))
    if d.st.stop_asked:
        return HOOK_STOP
    return HOOK_HANDLED if truth else HOOK_CONTINUE


# ---------------------------------------------------------------- hooks: the calls, GIL held

ctypedef void (*code_pointer)(void *uc, uint64_t address, size_t size, void *data) noexcept
ctypedef void (*memory_pointer)(void *uc, int access, uint64_t address, int size, int64_t value,
                                void *data) noexcept


cdef int call_code(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef PyObject *args[5]
    cdef PyObject *cell = d.cell
    cdef int answer
    if d.pointer is not NULL:
        engine_incref(cell)
        (<code_pointer>d.pointer)(d.uc, ev.addr, ev.size, d.pointer_data)
        answer = call_returned(d.st)
        engine_decref(cell)
        return answer
    args[1] = d.uc
    args[2] = raw_u64(ev.addr)
    args[3] = raw_long(<long>ev.size)
    args[4] = d.user_data
    if args[2] is NULL or args[3] is NULL:
        Py_XDECREF(args[2])
        Py_XDECREF(args[3])
        return call_failed(d.st)
    engine_incref(cell)             # the function may remove its own hook
    answer = call_notified(d.st, PyObject_Vectorcall(
        d.fn, &args[1], 4 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL))
    engine_decref(args[2])
    engine_decref(args[3])
    engine_decref(cell)
    return answer


# cb(uc, access, address, size, value, user_data); NULL with an exception set.
cdef inline PyObject *call_access(UcHookData *d, long access, uint64_t addr, uint32_t size,
                                  uint64_t value) noexcept:
    cdef PyObject *args[7]
    cdef PyObject *result = NULL
    args[1] = d.uc
    args[2] = raw_long(access)
    args[3] = raw_u64(addr)
    args[4] = raw_long(<long>size)
    args[5] = raw_s64(<long long>value)
    args[6] = d.user_data
    if args[2] and args[3] and args[4] and args[5]:
        result = PyObject_Vectorcall(d.fn, &args[1], 6 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    Py_XDECREF(args[2])
    Py_XDECREF(args[3])
    Py_XDECREF(args[4])
    Py_XDECREF(args[5])
    return result


# The same for a hook that may be a C function, whose answer does not count.
cdef int tell_access(UcHookData *d, long access, uint64_t addr, uint32_t size,
                     uint64_t value) noexcept:
    if d.pointer is NULL:
        return call_notified(d.st, call_access(d, access, addr, size, value))
    (<memory_pointer>d.pointer)(d.uc, <int>access, addr, <int>size, <int64_t>value, d.pointer_data)
    return call_returned(d.st)


cdef int call_memory(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef PyObject *cell = d.cell
    cdef UcHooks uc = <UcHooks>d.uc
    cdef uint64_t value = 0
    cdef long access
    cdef int answer
    cdef uint32_t size = ev.size
    if uc.told and h.kind != HOOK_MEM_READ_AFTER and is_last_fault(uc, cpu, ev):
        return HOOK_CONTINUE        # told before the fault that is mended now
    if h.kind == HOOK_MEM_READ:
        access = 16
    elif h.kind == HOOK_MEM_WRITE:
        access = 17
        value = ev.value
    elif h.kind == HOOK_MEM_FETCH:
        access = 18
    else:
        access = 25
        value = ev.value
    engine_incref(cell)
    if size <= 8:
        answer = tell_access(d, access, ev.addr, size, value)
    else:                       # 16 bytes are two calls
        answer = tell_access(d, access, ev.addr, 8, value)
        if answer == HOOK_CONTINUE:
            answer = tell_access(d, access, ev.addr + 8, size - 8,
                                 ev.value_hi if access != 16 else 0)
    engine_decref(cell)
    return answer


# Instructions retired before the one at hand; state is exact.
cdef inline uint64_t retired(CPUHead *cpu) noexcept nogil:
    return cpu.icount_total + <uint64_t>(cpu.icount_slice - cpu.icount_left) \
        - (<Engine *>cpu.engine).synced_todo


cdef inline bint is_last_fault(UcHooks uc, CPUHead *cpu, HookEvent *ev) noexcept:
    return (uc.fault_pc == ev.pc and uc.fault_addr == ev.addr
            and uc.fault_count == retired(cpu))


cdef inline bint in_range(UcHook hook, HookEvent *ev) noexcept:
    return hook.begin > hook.end or (ev.addr <= hook.end and (
        ev.addr >= hook.begin or hook.begin - ev.addr < ev.size))


# One C hook serves all hooks that an access which fails calls: MEM_READ and MEM_WRITE first, then
# those for the fault until one says that it has mapped something.
cdef int call_fault(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef UcHooks uc = <UcHooks>d.uc
    cdef UcHook hook
    cdef int answer
    cdef uint32_t bit = 4 + ev.access       # unmapped: read, write, fetch
    cdef long number = 19 + ev.access
    cdef uint32_t size = ev.size if ev.access != ACCESS_FETCH else d.st.engine.guest.min_insn
    if ev.reason == FAULT_PROT:             # bits in the same order, numbers not
        bit += 3
        number = 23 if ev.access == ACCESS_READ else 22 if ev.access == ACCESS_WRITE else 24
    elif ev.reason != FAULT_UNMAPPED:
        return HOOK_CONTINUE
    try:
        if uc.faulted and is_last_fault(uc, cpu, ev):
            uc.claim_was_false = uc.claimed
            return HOOK_CONTINUE
        uc.faulted = True
        uc.claimed = False
        uc.fault_pc = ev.pc
        uc.fault_addr = ev.addr
        uc.fault_count = retired(cpu)
        # As unicorn has it: loads of nothing are told when something is there.
        uc.told = ev.access == ACCESS_WRITE or (ev.access == ACCESS_READ
                                                and ev.reason == FAULT_PROT)
        if uc.told:
            for item in tuple(uc.access_hooks):
                hook = item
                if hook.htype >> (10 + ev.access) & 1 and in_range(hook, ev):
                    answer = tell_access(&hook.data, 16 + ev.access, ev.addr, ev.size, ev.value)
                    if answer != HOOK_CONTINUE:
                        return answer
        for item in tuple(uc.fault_hooks):
            hook = item
            if hook.htype >> bit & 1 and in_range(hook, ev):
                answer = decided(&hook.data, call_access(
                    &hook.data, number, ev.addr, size, ev.value))
                uc.claimed = answer == HOOK_HANDLED
                if answer != HOOK_CONTINUE:
                    return answer
    except BaseException as error:
        if uc.core.error is None:
            uc.core.error = error
        return HOOK_ERROR
    return HOOK_CONTINUE


# One C hook serves INTR and INSN_INVALID hooks: unlike the engine's, all INTR hooks are called.
cdef int call_trap(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef UcHooks uc = <UcHooks>d.uc
    cdef int answer
    if ev.reason != FAULT_NONE and ev.reason != FAULT_ILLEGAL and ev.reason != FAULT_TRAP \
            and ev.reason != FAULT_PAGE:
        return HOOK_CONTINUE        # a memory fault: those have hooks of their own
    try:
        answer = trap(uc, cpu, ev)
    except BaseException as error:
        if uc.core.error is None:
            uc.core.error = error
        return HOOK_ERROR
    if d.st.has_exports:
        memory_sync(uc.core)
    return HOOK_STOP if d.st.stop_asked else answer


cdef int trap(UcHooks uc, CPUHead *cpu, HookEvent *ev) except -1:
    cdef uint32_t number = <uint32_t>ev.exception
    cdef uint32_t action
    cdef UcHook hook
    if number >= N_TRAPS:
        return HOOK_CONTINUE
    action = uc.regs.trap_action[number]
    number = uc.regs.trap_number[number]
    if action == TRAP_CALL:
        for item in tuple(uc.call_hooks):
            hook = item
            if hook.insn == number and in_range(hook, ev):
                hook.callback(uc, hook.user_data)
        cpu.icount_left -= 1        # done, as unicorn's `count` sees it
        if uc.core.st.engine.pc_written:        # and the pc that a hook wrote counts from there
            uc.core.st.engine.guest.set_pc(cpu, cpu.pc + ev.size)
        return done(uc, cpu, ev)
    if action == TRAP_INVALID:
        for item in tuple(uc.invalid_hooks):
            hook = item
            if hook.callback(uc, hook.user_data):
                return HOOK_HANDLED
        return HOOK_CONTINUE
    if not uc.intr_hooks:
        return HOOK_CONTINUE
    if action == TRAP_AFTER:
        cpu.icount_left -= 1
        done(uc, cpu, ev)
    else:
        if uc.trap_times and uc.trap_pc == ev.pc and uc.trap_count == retired(cpu):
            if uc.trap_times == 2:
                uc.trap_times = 0
                return HOOK_STOP
        else:
            uc.trap_times = 0
        uc.trap_times += 1
        uc.trap_pc = ev.pc
        uc.trap_count = retired(cpu)
    for item in tuple(uc.intr_hooks):
        hook = item
        hook.callback(uc, <long>number, hook.user_data)
    return HOOK_HANDLED


# The instruction counts as done: the pc goes behind it, unless a hook has moved it.
cdef int done(UcHooks uc, CPUHead *cpu, HookEvent *ev) noexcept:
    cdef Engine *e = uc.core.st.engine
    if not e.pc_written:
        uc.away.is_away = False
        e.guest.set_pc(cpu, ev.pc + ev.size)
    return HOOK_HANDLED


# An instruction that its hook may do instead of the CPU.
cdef int call_insn(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef UcHooks uc = <UcHooks>d.uc
    cdef PyObject *args[3]
    cdef PyObject *cell = d.cell
    cdef int answer
    args[1] = d.uc
    args[2] = d.user_data
    engine_incref(cell)
    answer = decided(d, PyObject_Vectorcall(d.fn, &args[1], 2 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                            NULL))
    engine_decref(cell)
    if answer != HOOK_HANDLED:
        return answer
    done(uc, cpu, ev)
    d.st.engine.pc_written = True
    return HOOK_CONTINUE


cdef int enter(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept nogil:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef UcAway *away = d.away      # d may go with its hook
    cdef int answer
    away.depth += 1
    if d.st.gil_held:
        # The cast drops "needs the GIL" from the type: it is held.
        answer = (<hook_fn><void *>d.call)(cpu, h, ev)
    else:
        with gil:
            answer = d.call(cpu, h, ev)
    away.depth -= 1
    if away.is_away:
        away.is_away = False
        if not (<Engine *>cpu.engine).pc_written:
            cpu.pc = away.pc
    return answer


# ---------------------------------------------------------------- the TLB that hooks fill

cdef dict _virtual = {}         # address of an engine -> address of its UcHooks


class TlbEntry:
    """What a TLB_FILL hook fills in: `paddr` and `perms` (UC_PROT_*)."""
    __slots__ = ("paddr", "perms")

    def __init__(self):
        self.paddr = 0
        self.perms = 0


cdef int ask_fill(Engine *e, vaddr_t page, int access, uint64_t *paddr, int *perms) except -1:
    cdef UcHooks uc = <UcHooks><PyObject *><size_t>_virtual[<size_t>e]
    cdef UcHook hook
    paddr[0] = page
    perms[0] = 7
    if not uc.tlb_hooks:
        return 1
    for item in tuple(uc.tlb_hooks):
        hook = item
        entry = TlbEntry()
        if hook.callback(uc, <object>page, 16 + access, entry, hook.user_data):
            paddr[0] = wrap64(entry.paddr)
            perms[0] = as_index(entry.perms) & 7
            return 1
    return 0


cdef int ask_fill_held(Engine *e, vaddr_t page, int access, uint64_t *paddr, int *perms) noexcept:
    cdef Core core = <Core>e.owner
    try:
        return ask_fill(e, page, access, paddr, perms)
    except BaseException as error:
        if core.error is None:
            core.error = error
        e.failed = True
        return 0


cdef int virtual_fill(void *opaque, vaddr_t addr, uint32_t size, int access, int mmu_idx,
                      bint probe, uintptr_t ra) noexcept nogil:
    cdef CPUHead *cpu = <CPUHead *>opaque
    cdef Engine *e = <Engine *>cpu.engine
    cdef vaddr_t page = addr & cpu.tlb.page_mask
    cdef uint64_t paddr = 0
    cdef int perms = 0, known, status
    cdef int need = 1 if access == ACCESS_READ else 2 if access == ACCESS_WRITE else 4
    cdef bint fp = leave_fp(e)
    with gil:
        known = ask_fill_held(e, page, access, &paddr, &perms)
    enter_fp(e, fp)
    if known and perms & need:
        return tlb_set_page(&cpu.tlb, page, paddr & cpu.tlb.page_mask, MEMTXATTRS_UNSPECIFIED,
                            perms, mmu_idx, ~cpu.tlb.page_mask + 1)
    if not probe:
        status = cpu.tlb.hooks.memory_fault(
            cpu, addr, paddr, size, access, ACCESS_FAULT_PROT if known else ACCESS_FAULT_UNMAPPED,
            mmu_idx | MEMORY_FAULT_FINAL, ra)
        if status != ST_OK:
            return status
    return ST_FAULT


# ---------------------------------------------------------------- the class

@cython.no_gc_clear
cdef class UcHook:
    """A hook: `callback`, `user_data`, `htype`."""


cdef list memory_specs(uint32_t htype):
    specs = []
    if htype & UC_MEM_READ:
        specs.append((HOOK_MEM_READ, 0))
    if htype & UC_MEM_WRITE:
        specs.append((HOOK_MEM_WRITE, 0))
    if htype & UC_MEM_FETCH:
        specs.append((HOOK_MEM_FETCH, 0))
    if htype & UC_MEM_READ_AFTER:
        specs.append((HOOK_MEM_READ_AFTER, 0))
    return specs


@cython.no_gc_clear
cdef class UcHooks:
    """The part of `Uc` that has hooks. engine.unicorn.Uc is the class to use.

    A subclass defines `_open() -> (Emulator, engine.unicorn.arch.Arch)`, called when the engine is
    first needed.
    """

    def __cinit__(self, *args, **kwargs):
        self._callbacks = {}
        self.intr_hooks = []
        self.invalid_hooks = []
        self.call_hooks = []
        self.tlb_hooks = []
        self.access_hooks = []
        self.fault_hooks = []
        self.next_handle = 0x10000

    def __dealloc__(self):
        cdef UcHook hook
        if self.core is None or self.core.st.engine is NULL:
            return
        if self.virtual_tlb:
            _virtual.pop(<size_t>self.core.st.engine, None)
        for item in self._callbacks.values():
            hook = item
            drop_hooks(self.core, hook)
        for item in (self.traps, self.faults):
            if item is not None:
                drop_hooks(self.core, item)

    def _open(self):
        raise UcError(ERR_HANDLE)

    cdef int open(self) except -1:
        raise UcError(ERR_HANDLE)

    cdef int bind(self, UcHook cell, call_fn call, object begin, object end) except -1:
        cell.begin = wrap64(begin)
        cell.end = wrap64(end)
        cell.armed = []
        cell.data.st = &self.core.st
        cell.data.away = &self.away
        cell.data.call = call
        cell.data.uc = <PyObject *>self
        cell.data.fn = <PyObject *>cell.callback
        cell.data.user_data = <PyObject *>cell.user_data
        cell.data.cell = <PyObject *>cell
        return 0

    cdef int arm(self, UcHook cell, list specs) except -1:
        cdef uint32_t kind, number
        cdef CHook *made
        for kind, number in specs:
            made = engine_hook_add(self.core.st.engine, kind, cell.begin, cell.end, enter,
                                   &cell.data, True, number, 0)
            if made is NULL:
                drop_hooks(self.core, cell)
                raise UcError(ERR_NOMEM)
            cell.armed.append(<size_t>made)
        return 0

    # A C hook that serves many is there while one of them is.
    cdef UcHook arm_shared(self, UcHook shared, bint wanted, call_fn call, uint32_t kind):
        if wanted and shared is None:
            shared = hook_new(None, None, 0)
            self.bind(shared, call, 1, 0)
            self.arm(shared, [(kind, 0)])
        elif not wanted and shared is not None:
            drop_hooks(self.core, shared)
            self.core.keep.append(shared)       # it may be the one that is running
            shared = None
        return shared

    cdef int arm_all_shared(self) except -1:
        self.traps = self.arm_shared(self.traps, self.regs.has_calls or self.intr_hooks
                                     or self.invalid_hooks, call_trap, HOOK_EXCEPTION)
        self.faults = self.arm_shared(self.faults, self.access_hooks or self.fault_hooks,
                                      call_fault, HOOK_MEM_INVALID)
        return 0

    def hook_add(self, htype, callback, user_data=None, begin=1, end=0, aux1=0, aux2=0, *,
                 arg1=None, arg2=None):
        """Call a function at events (docs/unicorn.md has the shapes of calls); answers a handle.

        begin, end: inclusive range of addresses; begin > end: everywhere. aux1, aux2: instruction
        of UC_HOOK_INSN; opcode and flags of UC_HOOK_TCG_OPCODE.
        UcError(UC_ERR_ARG): htype mixes hooks that are called differently, or names none.
        """
        cdef uint64_t wide = wrap64(htype)
        cdef uint32_t kind = <uint32_t>wide
        cdef UcHook cell
        cdef call_fn call = call_code
        cdef list specs = []
        cdef list served = None
        self.ready()
        if not callable(callback):
            raise ArgumentTypeError(f"a hook must be callable, not {type(callback).__name__}")
        aux1 = aux1 if arg1 is None else arg1
        aux2 = aux2 if arg2 is None else arg2
        cell = hook_new(callback, user_data, kind)
        if wide == 0 or wide >> 18:
            raise UcError(ERR_ARG)
        if not kind & ~<uint32_t>(UC_CODE | UC_BLOCK):
            if kind & UC_CODE:
                specs.append((HOOK_CODE, 0))
            if kind & UC_BLOCK:
                specs.append((HOOK_BLOCK, 0))
        elif not kind & ~<uint32_t>UC_MEM_ACCESS:
            call = call_memory
            specs = memory_specs(kind)
            served = self.access_hooks
        elif not kind & ~<uint32_t>UC_MEM_INVALID:
            served = self.fault_hooks
        elif kind == UC_INTR:
            served = self.intr_hooks
        elif kind == UC_INSN_INVALID:
            served = self.invalid_hooks
        elif kind == UC_TLB_FILL:
            served = self.tlb_hooks
            cpu_tlb_flush(self.core.st.engine.cpu)
        elif kind == UC_EDGE or kind == UC_TCG_OPCODE or kind == UC_INSN:
            cell.callback, how, what = self._special_hook(kind, callback, aux1, aux2)
            if how == SPECIAL_CALL:
                cell.insn = what
                served = self.call_hooks
            elif how == SPECIAL_BLOCK:
                specs.append((HOOK_BLOCK, 0))
            else:
                specs = insn_specs(self.core, what)
                if how == SPECIAL_INSTEAD:
                    call = call_insn
        else:
            raise UcError(ERR_ARG)
        self.bind(cell, call, begin, end)
        self.arm(cell, specs)
        if served is not None:
            served.append(cell)
            self.arm_all_shared()
        self.next_handle += 16
        handle = self.next_handle
        self._callbacks[handle] = cell
        return handle

    def _hook_pointer(self, handle, pointer, data):
        """Call the C function at an address, of the shape that the hook has in C, with `data`,
        instead of the Python function that the hook was added with."""
        cdef UcHook cell = self._callbacks[handle]
        cell.data.pointer_data = <void *><size_t>data
        cell.data.pointer = <void *><size_t>pointer

    def _special_hook(self, htype, callback, aux1, aux2):
        """(function, SPECIAL_*, its argument) that does what a rarer hook does."""
        raise UcError(ERR_ARG)

    def _port_in(self, port, size):
        """What IN hooks answer for a port: the last one's value; 0 if there are none."""
        cdef UcHook hook
        value = 0
        for item in tuple(self.call_hooks):
            hook = item
            if hook.insn == INS_IN:
                value = hook.callback(self, port, size, hook.user_data)
        return as_index(value or 0) & ((1 << 8 * as_index(size)) - 1)

    def _port_out(self, port, size, value):
        """Call the OUT hooks."""
        cdef UcHook hook
        for item in tuple(self.call_hooks):
            hook = item
            if hook.insn == INS_OUT:
                hook.callback(self, port, size, value, hook.user_data)

    def hook_del(self, h):
        """Remove a hook. KeyError: there is no such handle."""
        self.ready()
        self.disarm(self._callbacks.pop(h))

    cdef int disarm(self, UcHook cell) except -1:
        drop_hooks(self.core, cell)
        for hooks in (self.intr_hooks, self.invalid_hooks, self.call_hooks, self.tlb_hooks,
                      self.access_hooks, self.fault_hooks):
            if cell in hooks:
                hooks.remove(cell)
        return self.arm_all_shared()

    def _set_virtual_tlb(self, enabled):
        """Translate addresses by TLB_FILL hooks instead of the guest's page tables."""
        cdef CPUHead *cpu
        self.ready()
        cpu = self.core.st.engine.cpu
        self.virtual_tlb = bool(enabled)
        if self.virtual_tlb:
            _virtual[<size_t>self.core.st.engine] = <size_t><PyObject *>self
            cpu.tlb.fill = virtual_fill
        else:
            _virtual.pop(<size_t>self.core.st.engine, None)
            cpu.tlb.fill = self.core.st.engine.guest.tlb_fill
        cpu_tlb_flush(cpu)


cdef UcHook hook_new(object callback, object user_data, uint32_t htype):
    cdef UcHook cell = UcHook.__new__(UcHook)
    cell.callback = callback
    cell.user_data = user_data
    cell.htype = htype
    return cell


cdef void drop_hooks(Core core, UcHook cell) noexcept:
    if cell.armed is None or core.st.engine is NULL:
        return
    for address in cell.armed:
        engine_hook_del(core.st.engine, <CHook *><size_t>address)
    cell.armed = []


# The C hooks for instructions of these mnemonics.
cdef list insn_specs(Core core, object mnemonics):
    cdef const GuestOps *guest = core.st.engine.guest
    cdef uint32_t i
    wanted = {name.encode() for name in mnemonics}
    return [(HOOK_INSN, i) for i in range(guest.n_insns)
            if guest.insn_names[i] is not NULL and (<bytes>guest.insn_names[i]).lower() in wanted]
