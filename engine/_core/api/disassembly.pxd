# Instructions and translated blocks as text and bytes (see disassembly.pyx). Caller: emulator.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.api.core cimport Core
from engine._core.api.memory cimport Memory

cdef class Instruction:
    cdef readonly uint64_t address
    cdef readonly bytes bytes
    cdef readonly str text

# One instruction at pc out of code; None when the bytes are none.
cdef Instruction decode_one(Core core, bytes code, uint64_t pc)
# Bytes that are none, as `.byte`.
cdef Instruction raw_bytes(bytes data, uint64_t pc)
# Emulator.disassemble: `code` is an address of the guest or bytes that are thought to stand at
# `address`.
cdef list instructions(Core core, Memory memory, object code, object count, object address)
# Names of the stages that `dump` knows by number, in order; DUMP_CODE is host code.
cdef tuple dump_stage_names()
cdef bytes dump(Core core, uint64_t pc, uint32_t stage, uint64_t *base)
