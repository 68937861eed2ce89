"""Registers by name: attributes, items, many at once (see registers.pxd)."""
cimport cython
from cpython.dict cimport PyDict_GetItem, PyDict_GetItemWithError
from cpython.object cimport PyObject, PyObject_GenericGetAttr
from cpython.exc cimport PyErr_Clear
from cpython.long cimport PyLong_FromUnsignedLongLong
from cpython.ref cimport Py_INCREF
from cpython.sequence cimport PySequence_Fast_GET_SIZE, PySequence_Fast_ITEMS
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from engine._core.exec.engine cimport engine_reg_read, engine_reg_write, engine_sync
from engine._core.isa.guest cimport RegDesc, REG_PLAIN, REG_SPECIAL
from engine._core.api.core cimport closed_core, engine_fast_u64, type_name

import sys
from operator import index as as_index

from engine.errors import (ArgumentError, ArgumentTypeError, NameNotFoundError, NoAttributeError,
                           UnsupportedError)

cdef enum:
    REG_ALIAS = 1               # RegDesc.flags
    MAX_WORDS = 32              # widest register: 2048 bits


cdef class Reg:
    """A register: `name`, `group`, `bits`, and whether the name is an `alias` of another."""

    def __repr__(self):
        return f"<register {self.name}: {self.bits} bits, {self.group}>"


cdef class RegTable:
    pass


# One table a guest and process; filled under the GIL, entries never change.
cdef dict _tables = {}


cdef RegTable reg_table(const GuestOps *guest):
    cdef const RegDesc *desc
    cdef Reg reg
    cdef RegTable table
    cdef uint32_t i
    key = <size_t>guest
    found = _tables.get(key)
    if found is not None:
        return found
    table = RegTable.__new__(RegTable)
    table.by_name = {}
    shown = {}      # place of a register -> the Reg whose name is shown: the first alias, if any
    for i in range(guest.n_regs):
        desc = &guest.regs[i]
        reg = Reg.__new__(Reg)
        reg.name = sys.intern((<bytes>desc.name).decode("ascii"))
        reg.group = sys.intern((<bytes>desc.group).decode("ascii"))
        reg.bits = desc.bits
        reg.index = i
        if desc.kind == REG_PLAIN and desc.bits <= 64:
            reg.offset = desc.offset
            reg.mask = ~<uint64_t>0 >> (64 - desc.bits)
        if reg.name in table.by_name:
            continue
        table.by_name[reg.name] = reg
        place = (desc.kind, desc.number if desc.kind == REG_SPECIAL else desc.offset, desc.bits)
        before = shown.get(place)
        if before is None:
            shown[place] = reg
        elif desc.flags & REG_ALIAS and guest.regs[(<Reg>before).index].flags & REG_ALIAS == 0:
            (<Reg>before).alias = True
            shown[place] = reg
        else:
            reg.alias = True
    groups = {}
    for item in shown.values():
        groups.setdefault((<Reg>item).group, []).append((<Reg>item).name)
    table.names = tuple([(<Reg>item).name for item in shown.values()])
    table.groups = {group: tuple(members) for group, members in groups.items()}
    _tables[key] = table
    return table


cdef Registers registers_new(Core core):
    cdef Registers regs = Registers.__new__(Registers)
    regs.core = core
    if core.reg_table is not None:
        regs.table = core.reg_table
        regs.by_name = regs.table.by_name
    return regs


# An int in the CPU struct; the engine is open, and what it has in host registers was stored.
cdef inline object plain_value(Core core, Reg reg):
    return PyLong_FromUnsignedLongLong(
        (<const uint64_t *>(<const char *>core.st.engine.cpu + reg.offset))[0] & reg.mask)


cdef object reg_get(Core core, Reg reg):
    core.check()
    engine_sync(core.st.engine)
    return plain_value(core, reg) if reg.offset else special_value(core, reg)


cdef object special_value(Core core, Reg reg):
    cdef uint64_t words[MAX_WORDS]
    cdef uint32_t i
    if engine_reg_read(core.st.engine, reg.index, words) != 0:
        raise UnsupportedError(f"register {reg.name} cannot be read in this configuration")
    if reg.bits <= 64:
        return PyLong_FromUnsignedLongLong(words[0])
    value = 0
    for i in range((reg.bits + 63) // 64):
        value |= PyLong_FromUnsignedLongLong(words[i]) << (64 * i)
    return value


cdef int reg_set(Core core, Reg reg, object value) except -1:
    cdef uint64_t words[MAX_WORDS]
    cdef unsigned long long number = 0
    cdef uint32_t i
    core.check()
    if reg.bits <= 64:
        if engine_fast_u64(value, &number):
            if reg.bits == 64 or number >> reg.bits == 0:
                words[0] = number
                if engine_reg_write(core.st.engine, reg.index, words) != 0:
                    raise ArgumentError(f"register {reg.name} cannot be written in this"
                                        " configuration")
                return 0
        else:
            PyErr_Clear()
    if not isinstance(value, int):
        try:
            value = as_index(value)
        except TypeError:
            raise ArgumentTypeError(
                f"value of register {reg.name} must be an int, not {type_name(value)}") from None
    limit = <object>1 << <object>reg.bits       # Python ints: C's would wrap
    if not -(limit >> 1) <= value < limit:
        raise ArgumentError(f"value {value:#x} does not fit in register {reg.name}"
                            f" of {reg.bits} bits")
    if reg.bits < 64 or value < 0:
        value &= limit - 1
    if reg.bits <= 64:
        words[0] = value
    else:
        for i in range((reg.bits + 63) // 64):
            words[i] = (value >> (64 * i)) & 0xffffffffffffffff
    if engine_reg_write(core.st.engine, reg.index, words) != 0:
        raise ArgumentError(f"register {reg.name} cannot be written in this configuration")
    return 0


cdef Reg reg_find(Core core, object name):
    """The register of that name; KeyError says which names come near."""
    cdef PyObject *found
    if core.reg_table is None:
        core.refuse_closed()
    if type(name) is not str:
        raise ArgumentTypeError(f"name of a register must be a str, not {type_name(name)}")
    found = PyDict_GetItemWithError((<RegTable>core.reg_table).by_name, name)
    if found is NULL:
        raise NameNotFoundError(unknown(core.reg_table, name))
    return <Reg>found


cdef str unknown(RegTable table, object name):
    if table is None:
        return f"no register {name!r}"
    import difflib
    near = difflib.get_close_matches(name, table.by_name, 3)
    return f"no register {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")


cdef RegTable _none = RegTable.__new__(RegTable)
_none.by_name = {}
_none.names = ()
_none.groups = {}


@cython.no_gc_clear
cdef class Registers:
    """The registers of an emulator.

    `regs.a0` and `regs["a0"]` read and write one; values are ints. Negative values are stored as
    two's complement. A write to the pc from a hook makes the run go on there.
    """

    def __cinit__(self):
        # Replaced by registers_new: an object made by hand is that of a closed emulator.
        self.core = closed_core()
        self.table = _none
        self.by_name = _none.by_name

    def __getattribute__(self, name):
        cdef PyObject *found = PyDict_GetItem(self.by_name, name)
        if found is not NULL:
            return reg_get(self.core, <Reg>found)
        try:
            return PyObject_GenericGetAttr(self, name)
        except AttributeError:
            if name.startswith("__"):
                raise
            raise NoAttributeError(unknown(self.table, name), name=name, obj=self) from None

    def __setattr__(self, name, value):
        cdef PyObject *found = PyDict_GetItem(self.by_name, name)
        if found is NULL:
            raise NoAttributeError(unknown(self.table, name), name=name, obj=self)
        reg_set(self.core, <Reg>found, value)

    def __getitem__(self, name):
        return reg_get(self.core, reg_find(self.core, name))

    def __setitem__(self, name, value):
        reg_set(self.core, reg_find(self.core, name), value)

    def __contains__(self, name):
        return name in self.by_name

    def __iter__(self):
        return iter(self.table.names)

    def __len__(self):
        return len(self.table.names)

    def __dir__(self):
        return [*object.__dir__(self), *self.by_name]

    def __repr__(self):
        if self.core.st.engine is NULL:
            return "<registers of a closed emulator>"
        names = self.table.groups.get("general", ())
        shown = [f"{name}={self[name]:#x}" for name in names]
        return f"<registers {' '.join(shown)}>"

    @property
    def names(self):
        """Names of all registers, without aliases."""
        return self.table.names

    @property
    def groups(self):
        """Group name -> names of its registers."""
        return dict(self.table.groups)

    def info(self, name):
        """What is known of a register: an object with `name`, `group`, `bits` and `alias`."""
        return reg_find(self.core, name)

    def read_many(self, names):
        """The values of several registers as a tuple, in the order of the names."""
        cdef Core core = self.core
        cdef Py_ssize_t i, n
        cdef Reg reg
        cdef object value
        cdef tuple values
        cdef PyObject **items
        if isinstance(names, str):
            raise ArgumentTypeError("names must be a sequence of names, not one str")
        if type(names) is not tuple and type(names) is not list:
            names = tuple(names)
        core.check()
        engine_sync(core.st.engine)
        # No Python code runs in the loop, so the list stays what it is.
        items = PySequence_Fast_ITEMS(names)
        n = PySequence_Fast_GET_SIZE(names)
        values = PyTuple_New(n)
        for i in range(n):
            reg = reg_find(core, <object>items[i])
            value = plain_value(core, reg) if reg.offset else special_value(core, reg)
            Py_INCREF(value)
            PyTuple_SET_ITEM(values, i, value)
        return values

    def write_many(self, values):
        """Write several registers from a dict (name -> value) or pairs, in order.

        Names are checked before anything is written.
        """
        cdef Core core = self.core
        pairs = values.items() if isinstance(values, dict) else values
        found = [(reg_find(core, name), value) for name, value in pairs]
        for reg, value in found:
            reg_set(core, <Reg>reg, value)

    def as_dict(self, group=None):
        """All registers that this configuration has, or those of one group, as a dict."""
        if group is None:
            names = self.table.names
        elif group in self.table.groups:
            names = self.table.groups[group]
        else:
            raise NameNotFoundError(f"no register group {group!r}; there are "
                           f"{', '.join(self.table.groups)}")
        values = {}
        for name in names:
            try:
                values[name] = reg_get(self.core, reg_find(self.core, name))
            except UnsupportedError:
                pass
        return values
