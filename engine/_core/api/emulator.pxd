# The Emulator class. Lives here: life cycle, run, hooks' front, disassembly. Memory: memory.pxd,
# registers: registers.pxd. C users: emulator_engine gives the Engine of exec/engine.pxd.
from cpython.object cimport PyObject
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Engine
from engine._core.api.core cimport Core
from engine._core.api.memory cimport Memory
from engine._core.api.registers cimport Registers

cdef class Emulator:
    cdef Core core
    cdef readonly Memory memory
    cdef readonly Registers regs
    cdef object tree            # root of the object tree, or None until it is asked for
    cdef object __weakref__

# The engine under an emulator, or an exception when it is closed or run by another thread. It is
# the emulator's: valid while that is alive and open.
cdef Engine *emulator_engine(Emulator emu) except NULL
