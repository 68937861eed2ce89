"""The fast half of engine.unicorn (see uc.pxd).

Shapes of calls, numbers, texts and behaviour are those of unicorn 2.1.4's Python package; where
they differ, docs/unicorn.md says how and why.
"""
cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_FromUnsignedLongLong
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset
from engine._core.base.types cimport ACCESS_FETCH, ACCESS_WRITE, hwaddr, uint8_t
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport (CPUHead, FAULT_ILLEGAL, FAULT_MISALIGNED, FAULT_PAGE,
                                    FAULT_PROT)
from engine._core.exec.engine cimport (
    Engine, STOP_EXCEPTION, STOP_FAULT, STOP_INTERNAL, STOP_TIMEOUT, engine_exits_set, engine_fail,
    engine_reg_read, engine_reg_write, engine_sync)
from engine._core.isa.translator cimport STRAIGHT_BLOCKS, STRAIGHT_REPEATS
from engine._core.mem.attrs cimport MEMTX_HOOK_ERROR, MEMTX_OK
from engine._core.api.blocks cimport memory_sync
from engine._core.api.cpustate cimport (cpu_registers_load, cpu_registers_save,
                                        cpu_registers_size)
from engine._core.api.calls cimport (PY_VECTORCALL_ARGUMENTS_OFFSET, PyObject_Vectorcall,
                                     engine_decref, raw_long, raw_u64)
from engine._core.api.core cimport CoreState, core_of, engine_fast_u64
from engine._core.api.devices cimport Device, callback_failed, device_calls, device_new
from engine._core.api.emulator cimport Emulator, emulator_error, emulator_run, emulator_run_nested
from engine._core.api.uchooks cimport UcAway
from engine._core.api.ucregs cimport (
    ERR_ARG, ERR_EXCEPTION, ERR_FETCH_PROT, ERR_INSN_INVALID, ERR_MAP, ERR_NOMEM, ERR_OK,
    ERR_READ_PROT, ERR_READ_UNALIGNED, ERR_READ_UNMAPPED, ERR_RESOURCE, ERR_WRITE_PROT, N_TRAPS,
    SLOT_ABSENT, SLOT_FLOAT, SLOT_NONE, SLOT_NUMBERED, SLOT_PART, SLOT_STACK, SLOT_TABLE, SLOT_WIDE,
    SLOT_WORD, TRAP_AFTER, TRAP_FAULT, TRAP_INVALID, RegMap, UcContextBase, int_of, low_mask,
    reg_map, stack_reg, words_of, wrap64)

from engine._core.api.ucregs import UcError
from engine.errors import ArgumentTypeError, EngineBusyError, MemoryFault

cdef enum:                      # UC_CTL_CONTEXT_*
    CONTEXT_CPU = 1
    CONTEXT_MEMORY = 2

cdef enum:
    CHECKED_AT_ONCE = 1 << 16   # bytes read without looking first whether all of them are mapped


# ---------------------------------------------------------------- devices

cdef class UcDevice:
    """The functions of a device: cb(uc, offset, size[, value], user_data), 1 to 4 bytes a call."""
    cdef PyObject *uc           # borrowed; NULL when that is gone
    cdef CoreState *st          # of the Core, which lives as long as its regions
    cdef object on_read
    cdef object read_data
    cdef object on_write
    cdef object write_data


cdef uint32_t device_answered(CoreState *st, PyObject *result) noexcept:
    if result is NULL:
        core_of(st).take_error()
        if st.running:
            engine_fail(st.engine)
        return MEMTX_HOOK_ERROR
    engine_decref(result)
    if st.has_exports:
        memory_sync(core_of(st))
    return MEMTX_OK


cdef uint32_t read_held(void *opaque, hwaddr offset, uint64_t *data, uint32_t size,
                        uint32_t attrs) noexcept:
    cdef UcDevice device = <UcDevice>opaque
    cdef CoreState *st = device.st
    cdef PyObject *args[5]
    cdef PyObject *result = NULL
    if device.uc is NULL or device.on_read is None:
        return MEMTX_OK
    args[1] = device.uc
    args[2] = raw_u64(offset)
    args[3] = raw_long(<long>size)
    args[4] = <PyObject *>device.read_data
    if args[2] and args[3]:
        result = PyObject_Vectorcall(<PyObject *>device.on_read, &args[1],
                                     4 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    Py_XDECREF(args[2])
    Py_XDECREF(args[3])
    if result is not NULL:
        try:
            data[0] = wrap64(<object>result) & low_mask(8 * size)
        except BaseException as error:
            engine_decref(result)
            return callback_failed(core_of(st), error)
    return device_answered(st, result)


cdef uint32_t write_held(void *opaque, hwaddr offset, uint64_t data, uint32_t size,
                         uint32_t attrs) noexcept:
    cdef UcDevice device = <UcDevice>opaque
    cdef PyObject *args[6]
    cdef PyObject *result = NULL
    if device.uc is NULL or device.on_write is None:
        return MEMTX_OK
    args[1] = device.uc
    args[2] = raw_u64(offset)
    args[3] = raw_long(<long>size)
    args[4] = raw_u64(data)
    args[5] = <PyObject *>device.write_data
    if args[2] and args[3] and args[4]:
        result = PyObject_Vectorcall(<PyObject *>device.on_write, &args[1],
                                     5 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL)
    Py_XDECREF(args[2])
    Py_XDECREF(args[3])
    Py_XDECREF(args[4])
    return device_answered(device.st, result)


cdef Device device_of(UcBase uc, object on_read, object read_data, object on_write,
                      object write_data):
    cdef UcDevice mine = UcDevice.__new__(UcDevice)
    cdef Device device = device_new(uc.core, None, None, False)
    mine.uc = <PyObject *>uc
    mine.st = &uc.core.st
    mine.on_read = on_read
    mine.read_data = read_data
    mine.on_write = on_write
    mine.write_data = write_data
    uc.devices.append(mine)
    device_calls(device, mine, read_held, write_held)
    device.ops.impl_max = 4     # 8 bytes are two calls, the low half first
    return device


# ---------------------------------------------------------------- the class

@cython.no_gc_clear
cdef class UcBase(UcHooks):
    """What of `Uc` is called often. engine.unicorn.Uc is the class to use."""

    def __cinit__(self, *args, **kwargs):
        self.devices = []
        self._context_mode = CONTEXT_CPU

    def __dealloc__(self):
        for item in self.devices:
            (<UcDevice>item).uc = NULL

    cdef int open(self) except -1:
        cdef RegMap regs
        emulator, table = self._open()
        regs = reg_map((<Emulator>emulator).core.arch, table)
        if self.core is not None:       # another thread was faster
            return 0
        self.emulator = emulator
        self.memory = self.emulator.memory
        self.regs = regs
        self.core = self.emulator.core
        # What unicorn calls a block; its last visit of an instruction that repeats.
        self.core.st.engine.straight = STRAIGHT_BLOCKS | STRAIGHT_REPEATS
        return self.arm_all_shared()

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
        if slot.kind == SLOT_STACK:
            engine_reg_read(e, slot.reg[1], words)
            engine_reg_read(e, stack_reg(slot, words[0]), words)
            return words[0]
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
        cdef uint32_t i, reg
        if slot.kind == SLOT_WORD or slot.kind == SLOT_PART:
            number = wrap64(value) & low_mask(slot.bits)
            words[0] = number
            if slot.kind == SLOT_PART:
                engine_reg_read(e, slot.reg[0], words)
                mask = low_mask(slot.bits) << slot.shift
                words[0] = words[0] & ~mask | number << slot.shift
            engine_reg_write(e, slot.reg[0], words)
        elif slot.kind == SLOT_WIDE:
            engine_reg_read(e, slot.reg[0], words)      # it may be wider
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
        elif slot.kind == SLOT_STACK:
            engine_reg_read(e, slot.reg[1], words)
            reg = stack_reg(slot, words[0])
            words[0] = wrap64(value)
            words[1] = 0
            engine_reg_write(e, reg, words)
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

    def _memory(self):
        """All memory, as a context of memory mode holds it."""
        raise UcError(ERR_ARG)

    def _restore_memory(self, saved):
        """Back to what `_memory` answered."""
        raise UcError(ERR_ARG)

    def _mmio_map(self, first, size, read_cb, read_ud, write_cb, write_ud):
        """Map a device whose arguments have been checked."""
        self.ready()
        perms = (1 if read_cb is not None else 0) | (2 if write_cb is not None else 0)
        self.memory.map_io(first, size, device_of(self, read_cb, read_ud, write_cb, write_ud),
                           perms=perms)

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
        self.trap_times = 0
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
            action = TRAP_FAULT
            if <uint32_t>out.exception < N_TRAPS:
                action = self.regs.trap_action[out.exception]
            if out.fault.reason == FAULT_PROT:
                self.last_error = (ERR_WRITE_PROT if out.fault.access == ACCESS_WRITE else
                                   ERR_FETCH_PROT if out.fault.access == ACCESS_FETCH else
                                   ERR_READ_PROT)
            elif out.fault.reason == FAULT_MISALIGNED:
                self.last_error = ERR_READ_UNALIGNED + min(out.fault.access, 2)
            elif out.reason == STOP_EXCEPTION or out.fault.reason == FAULT_ILLEGAL:
                self.last_error = ERR_INSN_INVALID if action == TRAP_INVALID else ERR_EXCEPTION
                if action == TRAP_AFTER:
                    self.core.st.engine.guest.set_pc(cpu, cpu.pc + out.fault.size)
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

    def context_update(self, UcContextBase context):
        """Save into a context that is there already: what ctl_context_mode says."""
        self.ready()
        if context.map is not self.regs:
            raise UcError(ERR_ARG)
        if self._context_mode & CONTEXT_CPU:
            context.take(self.emulator)
        context.memory = self._memory() if self._context_mode & CONTEXT_MEMORY else None

    def context_restore(self, UcContextBase context):
        """Go back to a context: registers that differ are written, memory that it holds is mapped
        and protected as it was."""
        cdef RegMap map
        cdef uint64_t now[32]
        cdef uint32_t i, n
        cdef uint64_t *words
        cdef Engine *e
        self.ready()
        map = self.regs
        if context.map is not map:
            raise UcError(ERR_ARG)
        e = self.core.st.engine
        if self._context_mode & CONTEXT_MEMORY and context.memory is not None:
            if self._context_mode & CONTEXT_CPU:
                self._restore_memory(context.memory)
            else:                       # a snapshot has registers, too
                kept = PyByteArray_FromStringAndSize(NULL, cpu_registers_size(self.core))
                cpu_registers_save(self.core, <uint8_t *>PyByteArray_AS_STRING(kept))
                self._restore_memory(context.memory)
                cpu_registers_load(self.core, <const uint8_t *>PyByteArray_AS_STRING(kept))
        if not self._context_mode & CONTEXT_CPU:
            return
        if context.source is not None and context.source is self.core.token:
            cpu_registers_load(self.core, context.state)
            return
        context.ready()
        for i in range(map.n_saved):
            words = &context.words[map.saved_at[i]]
            n = map.saved_at[i + 1] - map.saved_at[i]
            now[0] = now[n - 1] = 0
            if engine_reg_read(e, map.saved[i], now) == 0 and memcmp(now, words, 8 * n) != 0:
                engine_reg_write(e, map.saved[i], words)
