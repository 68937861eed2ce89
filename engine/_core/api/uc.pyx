"""The fast half of engine.unicorn (see uc.pxd).

Shapes of calls, numbers, texts and behaviour are those of unicorn 2.1.4's Python package; where
they differ, docs/unicorn.md says how and why.
"""
cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_FromUnsignedLongLong
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from engine._core.base.types cimport (ACCESS_FETCH, ACCESS_READ, ACCESS_WRITE, ST_FAULT, ST_OK,
                                      uintptr_t, vaddr_t)
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport (FAULT_ILLEGAL, FAULT_MISALIGNED, FAULT_NONE, FAULT_PAGE,
                                    FAULT_PROT, FAULT_TRAP, FAULT_UNMAPPED)
from engine._core.exec.engine cimport (
    Engine, HOOK_BLOCK, HOOK_CODE, HOOK_CONTINUE, HOOK_ERROR, HOOK_EXCEPTION, HOOK_HANDLED,
    HOOK_INSN, HOOK_MEM_FETCH, HOOK_MEM_INVALID, HOOK_MEM_READ, HOOK_MEM_READ_AFTER, HOOK_MEM_WRITE,
    HOOK_STOP, RunArgs, STOP_EXCEPTION, STOP_FAULT, STOP_INTERNAL, STOP_TIMEOUT, engine_exits_set,
    engine_hook_add, engine_hook_del, engine_reg_read, engine_reg_write, engine_sync, hook_fn)
from engine._core.exec.hookpoints cimport enter_fp, leave_fp
from engine._core.isa.guest cimport GuestOps
from engine._core.mem.attrs cimport MEMTXATTRS_UNSPECIFIED
from engine._core.mem.tlb cimport (ACCESS_FAULT_PROT, ACCESS_FAULT_UNMAPPED, MEMORY_FAULT_FINAL,
                                   tlb_set_page)
from engine._core.api.blocks cimport memory_sync
from engine._core.api.core cimport core_of, engine_fast_u64
from engine._core.api.emulator cimport emulator_error, emulator_run, emulator_run_nested
from engine._core.api.ucregs cimport (
    ERR_ARG, ERR_EXCEPTION, ERR_FETCH_PROT, ERR_HANDLE, ERR_INSN_INVALID, ERR_MAP, ERR_NOMEM,
    ERR_OK, ERR_READ_PROT, ERR_READ_UNALIGNED, ERR_READ_UNMAPPED, ERR_RESOURCE, ERR_WRITE_PROT,
    LENGTH_RISCV, SLOT_ABSENT, SLOT_FLOAT, SLOT_NONE, SLOT_NUMBERED, SLOT_PART, SLOT_TABLE,
    SLOT_WIDE, SLOT_WORD, TRAP_AFTER, TRAP_INVALID, RegMap, RegSlot, UcContextBase, int_of,
    low_mask, reg_map, words_of, wrap64)

from operator import index as as_index

from engine._core.api.ucregs import UcError
from engine.errors import ArgumentTypeError, EngineBusyError, MemoryFault

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

cdef enum:
    CHECKED_AT_ONCE = 1 << 16   # bytes read without looking first whether all of them are mapped

# ---------------------------------------------------------------- hooks: after the call

cdef int failed(UcHookData *d) noexcept:
    core_of(d.st).take_error()
    return HOOK_ERROR


cdef inline int notified(UcHookData *d, PyObject *result) noexcept:
    if result is NULL:
        return failed(d)
    uc_decref(result)
    if d.st.has_exports:
        memory_sync(core_of(d.st))
    return HOOK_STOP if d.st.stop_asked else HOOK_CONTINUE


# The truth of what the function answered; HOOK_ERROR and HOOK_STOP besides.
cdef int decided(UcHookData *d, PyObject *result) noexcept:
    cdef int truth
    if result is NULL:
        return failed(d)
    truth = PyObject_IsTrue(result)
    uc_decref(result)
    if truth < 0:
        return failed(d)
    if d.st.has_exports:
        memory_sync(core_of(d.st))
    if d.st.stop_asked:
        return HOOK_STOP
    return HOOK_HANDLED if truth else HOOK_CONTINUE


# ---------------------------------------------------------------- hooks: the calls, GIL held

cdef int call_code(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef PyObject *args[5]
    cdef PyObject *cell = d.cell
    cdef int answer
    args[1] = d.uc
    args[2] = raw_u64(ev.addr)
    args[3] = raw_long(<long>ev.size)
    args[4] = d.user_data
    if args[2] is NULL or args[3] is NULL:
        Py_XDECREF(args[2])
        Py_XDECREF(args[3])
        return failed(d)
    uc_incref(cell)             # the function may remove its own hook
    answer = notified(d, PyObject_Vectorcall(
        d.fn, &args[1], 4 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL))
    uc_decref(args[2])
    uc_decref(args[3])
    uc_decref(cell)
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


cdef int call_memory(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef PyObject *cell = d.cell
    cdef UcBase uc = <UcBase>d.uc
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
    uc_incref(cell)
    if size <= 8:
        answer = notified(d, call_access(d, access, ev.addr, size, value))
    else:                       # 16 bytes are two calls
        answer = notified(d, call_access(d, access, ev.addr, 8, value))
        if answer == HOOK_CONTINUE:
            answer = notified(d, call_access(d, access, ev.addr + 8, size - 8,
                                             ev.value_hi if access != 16 else 0))
    uc_decref(cell)
    return answer


# Instructions retired before the one at hand; state is exact.
cdef inline uint64_t retired(CPUHead *cpu) noexcept nogil:
    return cpu.icount_total + <uint64_t>(cpu.icount_slice - cpu.icount_left) \
        - (<Engine *>cpu.engine).synced_todo


cdef inline bint is_last_fault(UcBase uc, CPUHead *cpu, HookEvent *ev) noexcept:
    return (uc.fault_pc == ev.pc and uc.fault_addr == ev.addr
            and uc.fault_count == retired(cpu))


cdef inline bint in_range(UcHook hook, HookEvent *ev) noexcept:
    return hook.begin > hook.end or (ev.addr <= hook.end and (
        ev.addr >= hook.begin or hook.begin - ev.addr < ev.size))


# One C hook serves all hooks that an access which fails calls: MEM_READ and MEM_WRITE first, then
# those for the fault until one says that it has mapped something.
cdef int call_fault(CPUHead *cpu, CHook *h, HookEvent *ev) noexcept:
    cdef UcHookData *d = <UcHookData *>h.opaque
    cdef UcBase uc = <UcBase>d.uc
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
                    answer = notified(&hook.data, call_access(
                        &hook.data, 16 + ev.access, ev.addr, ev.size, ev.value))
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
    cdef UcBase uc = <UcBase>d.uc
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


cdef int trap(UcBase uc, CPUHead *cpu, HookEvent *ev) except -1:
    cdef uint32_t number = ev.exception & 0xff
    cdef uint32_t action = uc.regs.trap_action[number]
    cdef UcHook hook
    if action == TRAP_INVALID:
        for item in tuple(uc.invalid_hooks):
            hook = item
            if hook.callback(uc, hook.user_data):
                return HOOK_HANDLED
        return HOOK_CONTINUE
    if not uc.intr_hooks:
        return HOOK_CONTINUE
    if action == TRAP_AFTER:
        skip_instruction(uc, cpu)
        cpu.icount_left -= 1        # done, as unicorn's `count` sees it
    number = uc.regs.trap_number[number]
    for item in tuple(uc.intr_hooks):
        hook = item
        hook.callback(uc, <long>number, hook.user_data)
    return HOOK_HANDLED


# pc goes behind the instruction it is at.
cdef int skip_instruction(UcBase uc, CPUHead *cpu) except -1:
    cdef const GuestOps *guest = uc.core.st.engine.guest
    cdef char text[256]
    cdef bytes code = uc.memory.peek_virtual(cpu.pc, guest.max_insn)
    cdef uint32_t length = 0
    if code:
        length = guest.disassemble(<const unsigned char *>code, len(code), cpu.pc,
                                   &uc.core.st.engine.config, text, sizeof(text))
    if length == 0:
        length = guest.min_insn
        if code and uc.regs.length_rule == LENGTH_RISCV:
            length = 4 if code[0] & 3 == 3 else 2
    guest.set_pc(cpu, cpu.pc + length)
    return 0


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

cdef dict _virtual = {}         # address of an engine -> address of its UcBase


class TlbEntry:
    """What a TLB_FILL hook fills in: `paddr` and `perms` (UC_PROT_*)."""
    __slots__ = ("paddr", "perms")

    def __init__(self):
        self.paddr = 0
        self.perms = 0


cdef int ask_fill(Engine *e, vaddr_t page, int access, uint64_t *paddr, int *perms) except -1:
    cdef UcBase uc = <UcBase><PyObject *><size_t>_virtual[<size_t>e]
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


# ---------------------------------------------------------------- devices

cdef class Device:
    """A function of a device as the engine calls it: cb(uc, offset, size[, value], user_data)."""
    cdef PyObject *uc           # borrowed; NULL when that is gone
    cdef object fn
    cdef object user_data
    cdef bint is_write

    def __call__(self, uint64_t offset, uint32_t size, uint64_t value=0):
        cdef uint64_t answer
        if self.uc is NULL or self.fn is None:
            return 0
        if size <= 4:
            return self.one(offset, size, value)
        answer = self.one(offset, 4, value & 0xffffffff)
        return answer | self.one(offset + 4, size - 4, value >> 32) << 32

    cdef uint64_t one(self, uint64_t offset, uint32_t size,
                      uint64_t value) except? 0xfffffffffffffffeULL:
        if self.is_write:
            self.fn(<object>self.uc, offset, size, value, self.user_data)
            return 0
        return wrap64(self.fn(<object>self.uc, offset, size, self.user_data)) & low_mask(8 * size)


cdef Device device_new(UcBase uc, object fn, object user_data, bint is_write):
    cdef Device device = Device.__new__(Device)
    device.uc = <PyObject *>uc
    device.fn = fn
    device.user_data = user_data
    device.is_write = is_write
    uc.devices.append(device)
    return device


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
cdef class UcBase:
    """What of `Uc` is called often. engine.unicorn.Uc is the class to use.

    A subclass defines `_open() -> (Emulator, engine.unicorn.arch.Arch)`, called when the engine is
    first needed.
    """

    def __cinit__(self, *args, **kwargs):
        self._callbacks = {}
        self.intr_hooks = []
        self.invalid_hooks = []
        self.tlb_hooks = []
        self.devices = []
        self.access_hooks = []
        self.fault_hooks = []
        self.next_handle = 0x10000

    def __dealloc__(self):
        cdef UcHook hook
        if self.core is None:
            return
        if self.virtual_tlb:
            _virtual.pop(<size_t>self.core.st.engine, None)
        for item in self.devices:
            (<Device>item).uc = NULL
        if self.core.st.engine is not NULL:
            for item in self._callbacks.values():
                hook = item
                drop_hooks(self.core, hook)
            for item in (self.traps, self.faults):
                if item is not None:
                    drop_hooks(self.core, item)

    def _open(self):
        raise UcError(ERR_HANDLE)

    cdef int open(self) except -1:
        emulator, table = self._open()
        self.emulator = emulator
        self.memory = self.emulator.memory
        self.regs = reg_map(self.emulator.core.arch, table)
        self.core = self.emulator.core
        self.core.st.engine.straight = True     # what unicorn calls a block
        return 0

    @property
    def runs(self):
        """How many runs were started."""
        return self.n_runs

    @property
    def errno(self):
        """Number of the last error of a run (UC_ERR_*)."""
        return self.last_error

    # -- registers

    cdef object read_slot(self, RegSlot *slot, object aux):
        cdef uint64_t words[32]
        cdef Engine *e = self.core.st.engine
        cdef uint32_t i
        if slot.kind == SLOT_NONE or slot.kind == SLOT_ABSENT:
            return 0
        if slot.kind == SLOT_NUMBERED:
            return self._numbered(aux, None)
        if slot.kind == SLOT_TABLE:
            values = []
            for i in range(4):
                words[0] = 0
                if slot.reg[i] >= 0:
                    engine_reg_read(e, slot.reg[i], words)
                values.append(words[0])
            return tuple(values)
        words[0] = 0
        if engine_reg_read(e, slot.reg[0], words) != 0:
            return 0
        if slot.kind == SLOT_WIDE:
            return int_of(words, slot.bits)
        if slot.kind == SLOT_FLOAT:
            return words[0], words[1] & 0xffff
        return words[0] >> slot.shift & low_mask(slot.bits)

    cdef int write_slot(self, RegSlot *slot, object value) except -1:
        cdef uint64_t words[32]
        cdef Engine *e = self.core.st.engine
        cdef uint64_t mask, number
        cdef uint32_t i
        if slot.kind == SLOT_WORD or slot.kind == SLOT_PART:
            number = wrap64(value) & low_mask(slot.bits)
            words[0] = number
            if slot.kind == SLOT_PART:
                engine_reg_read(e, slot.reg[0], words)
                mask = low_mask(slot.bits) << slot.shift
                words[0] = words[0] & ~mask | number << slot.shift
            engine_reg_write(e, slot.reg[0], words)
        elif slot.kind == SLOT_WIDE:
            words_of(value, slot.bits, words)
            engine_reg_write(e, slot.reg[0], words)
        elif slot.kind == SLOT_FLOAT:
            if not isinstance(value, tuple) or len(value) != 2:
                raise ArgumentTypeError("value of a floating-point register must be (mantissa,"
                                        " exponent)")
            words[0] = wrap64(value[0])
            words[1] = wrap64(value[1]) & 0xffff
            engine_reg_write(e, slot.reg[0], words)
        elif slot.kind == SLOT_TABLE:
            if not isinstance(value, tuple) or len(value) != 4:
                raise ArgumentTypeError("value of this register must be (selector, base, limit,"
                                        " flags)")
            for i in range(4):
                words[0] = wrap64(value[i])
                if slot.reg[i] >= 0:
                    engine_reg_write(e, slot.reg[i], words)
        elif slot.kind == SLOT_NUMBERED:
            number = len(value) - 1
            self._numbered(value[:number], value[number])
        return 0

    def _numbered(self, aux, value):
        """Read (value None) or write the register that a tuple of numbers names."""
        raise UcError(ERR_ARG)

    def reg_read(self, reg_id, aux=None):
        """Value of a register: an int, or what its class of registers has (docs/unicorn.md)."""
        cdef uint64_t words[32]
        cdef unsigned long long number = 0
        cdef RegSlot *slot
        self.ready()
        if engine_fast_u64(reg_id, &number) and number < self.regs.n_slots:
            slot = &self.regs.slots[number]
            if slot.kind == SLOT_WORD:
                words[0] = 0
                engine_reg_read(self.core.st.engine, slot.reg[0], words)
                return PyLong_FromUnsignedLongLong(words[0])
        else:
            PyErr_Clear()
        return self.read_slot(self.regs.slot(reg_id), aux)

    def reg_write(self, reg_id, value):
        """Set a register. Ints that are too large or negative wrap. Writing the pc in a hook makes
        the run go on there."""
        self.ready()
        self.write_slot(self.regs.slot(reg_id), value)

    def reg_read_batch(self, reg_data):
        """Values of many registers: of ids, or (id, aux) pairs."""
        cdef Py_ssize_t i
        cdef uint64_t words[32]
        cdef unsigned long long number = 0
        cdef tuple values
        cdef Engine *e
        self.ready()
        e = self.core.st.engine
        if type(reg_data) is not tuple and type(reg_data) is not list:
            reg_data = tuple(reg_data)
        values = PyTuple_New(len(reg_data))
        for i in range(len(values)):
            item = reg_data[i]
            if engine_fast_u64(item, &number) and number < self.regs.n_slots \
                    and self.regs.slots[number].kind == SLOT_WORD:
                words[0] = 0
                engine_reg_read(e, self.regs.slots[number].reg[0], words)
                value = PyLong_FromUnsignedLongLong(words[0])
            else:
                PyErr_Clear()
                aux = None
                if isinstance(item, tuple):
                    item, aux = item
                value = self.read_slot(self.regs.slot(item), aux)
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, i, value)
        return values

    def reg_write_batch(self, reg_data):
        """Set many registers: (id, value) pairs."""
        self.ready()
        for reg_id, value in reg_data:
            self.write_slot(self.regs.slot(reg_id), value)

    # -- memory

    def mem_read(self, address, size):
        """The bytes at a physical address, whatever their permissions, as a bytearray.

        UcError(UC_ERR_READ_UNMAPPED, address, size): some of them are not mapped.
        """
        cdef uint64_t first = wrap64(address), length = wrap64(size)
        cdef object data
        self.ready()
        if length == 0:
            return bytearray()
        try:
            if first + (length - 1) < first:
                raise MemoryFault("unmapped", address=first, access="read", size=length)
            if length > CHECKED_AT_ONCE:
                self.memory.need(first, first + (length - 1), "read")
            data = PyByteArray_FromStringAndSize(NULL, <Py_ssize_t>length)
            self.memory.copy_out(first, <uint8_t *>PyByteArray_AS_STRING(data), length)
        except MemoryFault as fault:
            raise UcError(ERR_READ_UNMAPPED, address, size) from fault
        return data

    def mem_write(self, address, data):
        """Write bytes at a physical address, whatever its permissions.

        UcError(UC_ERR_WRITE_UNMAPPED, address, size): some of it is not mapped.
        """
        cdef uint64_t first = wrap64(address), length
        self.ready()
        try:
            if type(data) is bytes:
                length = <uint64_t>len(<bytes>data)
                if length == 0:
                    return
                if first + (length - 1) < first:
                    raise MemoryFault("unmapped", address=first, access="write", size=length)
                self.memory.copy_in(first, <const uint8_t *>PyBytes_AS_STRING(data), length)
                return
            if len(data):
                self.memory.write(first, data)
        except MemoryFault as fault:
            raise UcError(ERR_READ_UNMAPPED + ACCESS_WRITE, address, len(data)) from fault

    def _mmio_map(self, first, size, read_cb, read_ud, write_cb, write_ud):
        """Map a device whose arguments have been checked."""
        self.ready()
        perms = (1 if read_cb is not None else 0) | (2 if write_cb is not None else 0)
        self.memory.map_io(first, size, device_new(self, read_cb, read_ud, False),
                           device_new(self, write_cb, write_ud, True), perms=perms)

    # -- hooks

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
        self.traps = self.arm_shared(self.traps, self.intr_hooks or self.invalid_hooks, call_trap,
                                     HOOK_EXCEPTION)
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
            cell.callback, insns = self._special_hook(kind, callback, aux1, aux2)
            if insns is None:
                specs.append((HOOK_BLOCK, 0))
            else:
                specs = insn_specs(self.core, insns)
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

    def _special_hook(self, htype, callback, aux1, aux2):
        """(function of a CODE hook, mnemonics) that does what a rarer hook does; None: of a BLOCK
        hook."""
        raise UcError(ERR_ARG)

    def hook_del(self, h):
        """Remove a hook. KeyError: there is no such handle."""
        self.ready()
        self.disarm(self._callbacks.pop(h))

    cdef int disarm(self, UcHook cell) except -1:
        drop_hooks(self.core, cell)
        for hooks in (self.intr_hooks, self.invalid_hooks, self.tlb_hooks, self.access_hooks,
                      self.fault_hooks):
            if cell in hooks:
                hooks.remove(cell)
        return self.arm_all_shared()

    # -- runs

    def emu_start(self, begin, until, timeout=0, count=0):
        """Run from `begin` until the pc is `until`.

        timeout: microseconds, 0: none. count: instructions, 0: no limit.
        Raises UcError for what the guest cannot go on from, and whatever a hook raised.
        """
        cdef RunArgs args
        cdef RunOutcome out
        cdef uint64_t first = wrap64(begin)
        cdef bint nested
        self.ready()
        nested = self.core.st.running
        memset(&args, 0, sizeof(args))
        args.until = wrap64(until)
        args.has_until = not self.exits_on
        args.timeout_ns = wrap64(timeout) * 1000
        args.count = wrap64(count)
        args.has_count = args.count != 0
        self._hook_exception = None
        self.faulted = False
        self.told = False
        self.claimed = False
        self.claim_was_false = False
        self.timed_out = False
        self.timeout_ns = args.timeout_ns
        self.last_error = ERR_OK
        self.n_runs += 1
        if not nested:
            self.core.st.engine.guest.set_pc(self.core.st.engine.cpu, first)
        if first & (self.core.st.engine.guest.min_insn - 1):
            self.last_error = ERR_EXCEPTION
            raise UcError(ERR_EXCEPTION) from MemoryFault(
                "misaligned", address=first, access="fetch", pc=first,
                size=self.core.st.engine.guest.min_insn)
        try:
            if nested:
                self.nest(first, &args, &out)
            else:
                emulator_run(self.emulator, &args, &out)
        except EngineBusyError as error:
            raise UcError(ERR_ARG) from error
        except BaseException as error:
            self._hook_exception = error
            raise
        self.ended(&out)

    # A run inside of a hook.
    cdef int nest(self, uint64_t begin, RunArgs *args, RunOutcome *out) except -1:
        cdef CPUHead *cpu = self.core.st.engine.cpu
        cdef UcAway away = self.away
        if away.depth == 0:
            raise EngineBusyError("emu_start was called by what is no hook of this Uc")
        engine_sync(self.core.st.engine)
        if not away.is_away:
            away.is_away = True
            away.pc = cpu.pc
        self.away.is_away = False
        try:
            emulator_run_nested(self.emulator, begin, args, out)
        finally:
            self.away = away
        self.core.st.engine.guest.set_pc(cpu, out.pc)
        return 0

    cdef int ended(self, RunOutcome *out) except -1:
        cdef uint32_t action
        cdef CPUHead *cpu = self.core.st.engine.cpu
        if out.reason == STOP_TIMEOUT:
            self.timed_out = True
        if out.reason != STOP_FAULT and out.reason != STOP_EXCEPTION \
                and out.reason != STOP_INTERNAL:
            return 0
        cause = emulator_error(self.emulator, out)
        self.last_error = ERR_RESOURCE
        if out.reason != STOP_INTERNAL:
            action = self.regs.trap_action[out.exception & 0xff]
            if out.fault.reason == FAULT_PROT:
                self.last_error = (ERR_WRITE_PROT if out.fault.access == ACCESS_WRITE else
                                   ERR_FETCH_PROT if out.fault.access == ACCESS_FETCH else
                                   ERR_READ_PROT)
            elif out.fault.reason == FAULT_MISALIGNED:
                self.last_error = ERR_READ_UNALIGNED + min(out.fault.access, 2)
            elif out.reason == STOP_EXCEPTION or out.fault.reason == FAULT_ILLEGAL:
                self.last_error = ERR_INSN_INVALID if action == TRAP_INVALID else ERR_EXCEPTION
                if action == TRAP_AFTER:
                    skip_instruction(self, cpu)
            elif out.fault.reason == FAULT_PAGE:
                self.last_error = ERR_EXCEPTION
            else:
                self.last_error = ERR_READ_UNMAPPED + min(out.fault.access, 2)
            if self.claim_was_false:
                self.last_error = ERR_MAP
        raise UcError(self.last_error) from cause

    def emu_stop(self):
        """End the run in progress before its next instruction. Any thread may call it."""
        if self.emulator is not None:
            self.emulator.stop()

    # -- what the rare methods need of the engine

    def _ready(self):
        """The emulator, made if there is none yet."""
        self.ready()
        return self.emulator

    def _set_exits(self, addresses, enabled):
        """End runs at these addresses instead of `until`."""
        cdef uint64_t *pcs
        cdef uint32_t i, n = <uint32_t>len(addresses)
        cdef int result
        self.ready()
        pcs = <uint64_t *>malloc((n + 1) * sizeof(uint64_t))
        if pcs is NULL:
            raise UcError(ERR_NOMEM)
        try:
            for i in range(n):
                pcs[i] = addresses[i]
            result = engine_exits_set(self.core.st.engine, pcs, n if enabled else 0)
        finally:
            free(pcs)
        if result != 0:
            raise UcError(ERR_NOMEM)
        self.exits_on = enabled

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

    def _flush_tlb(self):
        """Forget all translations of addresses."""
        self.ready()
        cpu_tlb_flush(self.core.st.engine.cpu)

    def _code_buffer_size(self):
        """Bytes of address space for translated code."""
        self.ready()
        return self.core.st.engine.code.size

    def _timeout(self):
        """(whether the last run timed out, its limit in nanoseconds)"""
        return bool(self.timed_out), self.timeout_ns

    def _save(self, UcContextBase context):
        """All registers into a context."""
        cdef RegMap map
        cdef uint32_t i
        cdef Engine *e
        self.ready()
        map = self.regs
        if context.map is not map:
            raise UcError(ERR_ARG)
        e = self.core.st.engine
        for i in range(map.n_saved):
            engine_reg_read(e, map.saved[i], &context.words[map.saved_at[i]])

    def _restore(self, UcContextBase context):
        """All registers out of a context; those that are equal already are not touched."""
        cdef RegMap map
        cdef uint64_t now[32]
        cdef uint32_t i, k
        cdef uint64_t *words
        cdef Engine *e
        self.ready()
        map = self.regs
        if context.map is not map:
            raise UcError(ERR_ARG)
        e = self.core.st.engine
        for i in range(map.n_saved):
            words = &context.words[map.saved_at[i]]
            memset(now, 0, sizeof(now))
            if engine_reg_read(e, map.saved[i], now) != 0:
                continue
            for k in range((e.guest.regs[map.saved[i]].bits + 63) // 64):
                if now[k] != words[k]:
                    engine_reg_write(e, map.saved[i], words)
                    break


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
            if guest.insn_names[i] is not NULL and <bytes>guest.insn_names[i] in wanted]
