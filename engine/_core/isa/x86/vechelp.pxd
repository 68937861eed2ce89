# x86: what emitted code calls for vector and x87 instructions.
# Lives here: from the CPU's state to the operations of simd*.pxd and x87.pxd, and their exceptions.
# Does not live here: the operations. Called by: emitted code and the interpreter (trans_sse.pxi).
from engine._core.base.types cimport uint64_t
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef enum:                  # first argument, bits 16..: family; bits 0..15: its operation
    VH_INT = 0
    VH_F32 = 1
    VH_F64 = 2
    VH_MISC = 3
    VH_BLEND = 4            # operation: lane size
    VH_MASK = 5             # result: a number in the low word of vector 16, as those below
    VH_TEST = 6             # flags
    VH_COMI = 7             # flags; operation: format | 8 if signalling
    VH_STRING = 8           # flags, index in word 1; operation: 1 explicit, 2 mask, 4 64-bit
    VH_ENTER = 9            # MMX: TOP, tags, the exponent of register d

cdef enum:
    ZERO_HIGH = 64
    X87_WAIT = 0x1000       # helper_x87's op of FWAIT
    TBF_XM = 0x200000       # head.tb_flags: an exception is unmasked in MXCSR
    HINT_ALIGNED = 6

# Makes the exception pending at head.exception_pc and answers ST_FAULT.
cdef uint64_t x86_fault(CPUX86State *s, int number) noexcept nogil

# b: numbers of d, a, b, c, a byte each: 0..15 vectors, 16 the memory operand, 32..39 MMX.
# c: immediate, then bytes or lanes, then bytes of a that go to d first, then where zeros begin
# (32: nowhere, ZERO_HIGH: bytes 8 to 15 only), a byte each. d: pc.
cdef uint64_t helper_vector(void *env, uint64_t what, uint64_t slots, uint64_t how,
                            uint64_t pc) noexcept nogil
# op as x87_execute takes it; memory in vector 16; flags in its word 2. c: address of the operand.
cdef uint64_t helper_x87(void *env, uint64_t op, uint64_t pc, uint64_t c, uint64_t d) noexcept nogil
