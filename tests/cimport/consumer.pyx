# A module of somebody else: cimports the engine's headers with Cython's default directives.
# test_cimport.py compiles it far from the engine's sources, against the package under test only.
from engine._core.base.bits cimport clz64
from engine._core.base.types cimport uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.mem.tlb cimport CPUTLBEntry


def leading_zeros(uint64_t value):
    return clz64(value)


def sizes():
    return sizeof(CPUTLBEntry), sizeof(CPUHead)
