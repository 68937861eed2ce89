# I/O ports as Python sees them. Lives here: the Ports class, which Emulator.ports answers. Does not
# live here: what IN and OUT do (isa/x86/system), devices (devices.pyx). Callers: emulator.pyx.
from engine._core.api.core cimport Core

cdef class Ports:
    cdef Core core
    cdef list mapped            # (first, count, Block), by first

cdef Ports ports_new(Core core)
