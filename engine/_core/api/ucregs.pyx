"""Registers by unicorn's ids, and contexts (see ucregs.pxd)."""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.long cimport PyLong_FromUnsignedLongLong
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from engine._core.exec.engine cimport engine_reg_read
from engine._core.isa.guest cimport CPUConfig, GuestOps
from engine._core.api.cpustate cimport (cpu_registers_load, cpu_registers_save,
                                        cpu_registers_size)
from engine._core.api.guests cimport guest_by_name
from engine._core.api.registers cimport Reg, RegTable, reg_table

import os
import sys
from operator import index as as_index

from engine.errors import HostMemoryError

# By UC_ERR_*: text and name. The name of 19 is not shown.
ERRORS = (
    ("OK", "OK"),
    ("No memory available or memory not present", "NOMEM"),
    ("Invalid/unsupported architecture", "ARCH"),
    ("Invalid handle", "HANDLE"),
    ("Invalid mode", "MODE"),
    ("Different API version between core & binding", "VERSION"),
    ("Invalid memory read", "READ_UNMAPPED"),
    ("Invalid memory write", "WRITE_UNMAPPED"),
    ("Invalid memory fetch", "FETCH_UNMAPPED"),
    ("Invalid hook type", "HOOK"),
    ("Invalid instruction", "INSN_INVALID"),
    ("Invalid memory mapping", "MAP"),
    ("Write to write-protected memory", "WRITE_PROT"),
    ("Read from non-readable memory", "READ_PROT"),
    ("Fetch from non-executable memory", "FETCH_PROT"),
    ("Invalid argument", "ARG"),
    ("Read from unaligned memory", "READ_UNALIGNED"),
    ("Write to unaligned memory", "WRITE_UNALIGNED"),
    ("Fetch from unaligned memory", "FETCH_UNALIGNED"),
    ("Unknown error code", ""),
    ("Insufficient resource", "RESOURCE"),
    ("Unhandled CPU exception", "EXCEPTION"),
    ("Provided buffer is too small", "OVERFLOW"),
)


def error_text(errno):
    """The text of an error number, with its name in brackets."""
    if not (isinstance(errno, int) and 0 <= errno < len(ERRORS)):
        errno = 19
    text, name = ERRORS[errno]
    return f"{text} (UC_ERR_{name})" if name else text


class UcError(Exception):
    """An error of the engine.

    errno: UC_ERR_*. args: (address, size) of memory that cannot be read or written by the host,
    (property,) of a query, else empty. An error of emulated code has the engine's own error, with
    address, access, pc and reason, as `__cause__`.
    """

    def __init__(self, errno, *args):
        super().__init__(*args)
        self.errno = errno

    def __reduce__(self):
        return type(self), (self.errno, *self.args)

    def __str__(self):
        return error_text(self.errno)


cdef uint64_t wrap_any(object value) except? 0xfffffffffffffffeULL:
    return as_index(value) & 0xffffffffffffffff


# ---------------------------------------------------------------- registers by id

cdef dict _maps = {}            # native architecture -> RegMap


cdef RegMap reg_map(object arch, object table):
    """The map of a native architecture; table: an engine.unicorn.arch.Arch."""
    cdef CPUConfig config
    cdef const GuestOps *guest
    found = _maps.get(arch)
    if found is None:
        memset(&config, 0, sizeof(config))
        guest = guest_by_name(arch, &config)
        registers = reg_table(guest)
        found = reg_map_new(guest, registers, table.rows(arch),
                            table.saved or (<RegTable>registers).names)
        for i in range(N_TRAPS):
            action, number = table.traps.get(i, (TRAP_FAULT, i))
            (<RegMap>found).trap_action[i] = action
            (<RegMap>found).trap_number[i] = number
            (<RegMap>found).has_calls |= action == TRAP_CALL
        _maps[arch] = found
    return found


cdef RegMap reg_map_new(const GuestOps *guest, RegTable table, dict rows, tuple saved):
    cdef RegMap map = RegMap.__new__(RegMap)
    cdef RegSlot *slot
    cdef Reg reg
    cdef uint32_t i
    cdef uint32_t n = max(rows) + 1
    map.slots = <RegSlot *>calloc(n, sizeof(RegSlot))
    map.saved = <uint32_t *>calloc(guest.n_regs, sizeof(uint32_t))
    map.saved_at = <uint32_t *>calloc(guest.n_regs + 1, sizeof(uint32_t))
    map.place = <int32_t *>malloc(guest.n_regs * sizeof(int32_t))
    if map.slots is NULL or map.saved is NULL or map.saved_at is NULL or map.place is NULL:
        raise HostMemoryError("the host has no memory left")
    map.n_slots = n
    map.n_regs = guest.n_regs
    for i in range(guest.n_regs):
        map.place[i] = -1
    for reg_id, (kind, names, shift, bits) in rows.items():
        slot = &map.slots[reg_id]
        slot.kind = kind
        slot.shift = shift
        slot.bits = bits
        for i in range(4):
            slot.reg[i] = -1
        for i, name in enumerate(names):
            reg = table.by_name.get(name)
            if reg is None:
                continue
            slot.reg[i if kind == SLOT_TABLE or kind == SLOT_STACK else 0] = reg.index
            if not slot.bits:
                slot.bits = reg.bits
            if kind != SLOT_TABLE and kind != SLOT_STACK:
                break
        if kind != SLOT_NUMBERED and slot.reg[0] < 0 and slot.reg[1] < 0:
            slot.kind = SLOT_ABSENT
    for name in saved:
        reg = table.by_name.get(name)
        if reg is None:
            continue
        map.saved[map.n_saved] = reg.index
        map.saved_at[map.n_saved] = map.n_words
        map.place[reg.index] = map.n_words
        map.n_saved += 1
        map.n_words += (reg.bits + 63) // 64
        map.saved_at[map.n_saved] = map.n_words
    for item in table.by_name.values():     # other names of saved registers
        reg = item
        if map.place[reg.index] < 0:
            for i in range(map.n_saved):
                if same_place(guest, reg.index, map.saved[i]):
                    map.place[reg.index] = map.saved_at[i]
    return map


cdef bint same_place(const GuestOps *guest, uint32_t a, uint32_t b) noexcept:
    return (guest.regs[a].kind == guest.regs[b].kind and guest.regs[a].bits == guest.regs[b].bits
            and guest.regs[a].offset == guest.regs[b].offset
            and guest.regs[a].number == guest.regs[b].number)


cdef object deprecated(object reg_id):
    if "UC_IGNORE_REG_BREAK" in os.environ:
        raise UcError(ERR_ARG, reg_id)
    sys.stderr.write(f"WARNING: register id {reg_id} names no register of this guest: it reads as"
                     " 0, writes do nothing. UC_IGNORE_REG_BREAK=1 makes that an error.\n")


cdef RegSlot _no_slot
memset(&_no_slot, 0, sizeof(_no_slot))


cdef class RegMap:
    def __dealloc__(self):
        free(self.slots)
        free(self.saved)
        free(self.saved_at)
        free(self.place)

    cdef RegSlot *slot(self, object reg_id) except? NULL:
        cdef uint64_t number = wrap64(reg_id)
        if number >= self.n_slots or self.slots[number].kind == SLOT_NONE:
            deprecated(reg_id)
            return &_no_slot
        return &self.slots[number]


cdef object int_of(const uint64_t *words, uint32_t bits):
    cdef uint32_t i
    value = PyLong_FromUnsignedLongLong(words[0])
    for i in range(1, (bits + 63) // 64):
        value |= PyLong_FromUnsignedLongLong(words[i]) << (64 * i)
    return value


cdef int words_of(object value, uint32_t bits, uint64_t *words) except -1:
    cdef uint32_t i, n = (bits + 63) // 64
    number = as_index(value) & ((<object>1 << <object>bits) - 1)
    for i in range(n):
        words[i] = (number >> (64 * i)) & 0xffffffffffffffff
    return 0


# ---------------------------------------------------------------- contexts

@cython.no_gc_clear
cdef class UcContextBase:
    """Saved registers of one architecture. engine.unicorn.UcContext is the class to use."""

    def __dealloc__(self):
        free(self.words)
        free(self.state)

    def _set_up(self, arch, table):
        """Make room for the registers of a native architecture."""
        if self.words is not NULL:
            raise UcError(ERR_ARG)
        self.map = reg_map(arch, table)
        self.words = <uint64_t *>calloc(self.map.n_words + 1, sizeof(uint64_t))
        if self.words is NULL:
            raise UcError(ERR_NOMEM)

    cdef int ready(self) except -1:
        if self.words is NULL:
            raise UcError(ERR_HANDLE)
        if self.stale:
            self.make_words()
        return 0

    # The state of an emulator's CPU.
    cdef int take(self, Emulator emulator) except -1:
        cdef Core core = emulator.core
        cdef Py_ssize_t size = cpu_registers_size(core)
        if self.state_size != size:
            free(self.state)
            self.state_size = 0
            self.state = <uint8_t *>malloc(size)
            if self.state is NULL:
                self.source = None
                raise UcError(ERR_NOMEM)
            self.state_size = size
        cpu_registers_save(core, self.state)
        if core.token is None:
            core.token = object()
        self.source = core.token
        self.options = emulator.options
        self.stale = True
        return 0

    cdef int make_words(self) except -1:
        cdef Emulator reader = self.map.reader
        cdef uint32_t i
        if reader is None or reader.options != self.options:
            reader = Emulator(self.options[0], **self.options[1])
            self.map.reader = reader
        cpu_registers_load(reader.core, self.state)
        for i in range(self.map.n_saved):
            engine_reg_read(reader.core.st.engine, self.map.saved[i],
                            &self.words[self.map.saved_at[i]])
        self.stale = False
        return 0

    @property
    def size(self):
        """Bytes of `bytes(context)`."""
        self.ready()
        return self.map.n_words * 8

    def __bytes__(self):
        self.ready()
        return PyBytes_FromStringAndSize(<char *>self.words, self.map.n_words * 8)

    def _load(self, bytes data):
        """What `bytes()` gave."""
        self.ready()
        if len(data) != self.map.n_words * 8:
            raise UcError(ERR_ARG)
        memcpy(self.words, PyBytes_AS_STRING(data), self.map.n_words * 8)
        self.source = None

    def reg_read(self, reg_id, aux=None):
        """Value of a saved register, as `Uc.reg_read` gives it."""
        cdef RegSlot *slot
        cdef uint64_t *words
        cdef uint32_t i
        self.ready()
        slot = self.map.slot(reg_id)
        if slot.kind == SLOT_TABLE:
            return tuple([self.map_word(slot.reg[i]) for i in range(4)])
        words = self.saved(slot)
        if words is NULL:
            return 0
        if slot.kind == SLOT_STACK:
            return words[0]
        if slot.kind == SLOT_WIDE:
            return int_of(words, slot.bits)
        if slot.kind == SLOT_FLOAT:
            return words[0], words[1] & 0xffff
        return words[0] >> slot.shift & low_mask(slot.bits)

    def reg_write(self, reg_id, value):
        """Set a saved register."""
        cdef RegSlot *slot
        cdef uint64_t *words
        cdef uint64_t number
        cdef uint32_t i
        self.ready()
        slot = self.map.slot(reg_id)
        words = self.saved(slot)
        if words is NULL:
            return
        self.source = None
        if slot.kind == SLOT_WIDE:
            words_of(value, slot.bits, words)
        elif slot.kind == SLOT_WORD or slot.kind == SLOT_PART:
            number = wrap64(value) & low_mask(slot.bits)
            words[0] = words[0] & ~(low_mask(slot.bits) << slot.shift) | number << slot.shift
        elif slot.kind == SLOT_FLOAT:
            words[0] = wrap64(value[0])
            words[1] = wrap64(value[1]) & 0xffff
        elif slot.kind == SLOT_STACK:
            words[0] = wrap64(value)
            words[1] = 0
        elif slot.kind == SLOT_TABLE:
            for i in range(4):
                if slot.reg[i] >= 0 and self.map.place[slot.reg[i]] >= 0:
                    self.words[self.map.place[slot.reg[i]]] = wrap64(value[i])
        else:
            raise UcError(ERR_ARG)

    def reg_read_batch(self, reg_data):
        """Values of many saved registers."""
        return tuple([self.reg_read(*item) if isinstance(item, tuple) else self.reg_read(item)
                      for item in reg_data])

    def reg_write_batch(self, reg_data):
        """Set many saved registers: (id, value) pairs."""
        for reg_id, value in reg_data:
            self.reg_write(reg_id, value)

    # First word of a slot's register; NULL: none is saved.
    cdef uint64_t *saved(self, RegSlot *slot) noexcept:
        cdef int32_t reg = slot.reg[0]
        if slot.kind == SLOT_NONE or slot.kind == SLOT_ABSENT or slot.kind == SLOT_NUMBERED:
            return NULL
        if slot.kind == SLOT_STACK:
            reg = stack_reg(slot, self.map_word(slot.reg[1]))
        return &self.words[self.map.place[reg]] if self.map.place[reg] >= 0 else NULL

    cdef uint64_t map_word(self, int32_t reg) noexcept:
        if reg < 0 or self.map.place[reg] < 0:
            return 0
        return self.words[self.map.place[reg]]
