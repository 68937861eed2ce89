# Registers by name. Lives here: Registers (emu.regs), the name table of a guest.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.api.core cimport Core
from engine._core.isa.guest cimport GuestOps, CPUConfig

cdef class Reg:
    cdef readonly str name
    cdef readonly str group
    cdef readonly uint32_t bits
    cdef readonly bint alias
    cdef uint32_t index         # in GuestOps.regs
    cdef uint32_t offset        # in the CPU struct, of a plain one of at most 64 bits; else 0
    cdef uint64_t mask          # of its bits

cdef class RegTable:
    cdef dict by_name           # str -> Reg
    cdef tuple names            # without aliases, in the guest's order
    cdef dict groups            # str -> tuple of names

cdef class Registers:
    cdef Core core
    cdef dict by_name
    cdef RegTable table

cdef RegTable reg_table(const GuestOps *guest)
cdef Registers registers_new(Core core)
cdef object reg_get(Core core, Reg reg)
cdef int reg_set(Core core, Reg reg, object value) except -1
cdef Reg reg_find(Core core, object name)
