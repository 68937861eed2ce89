# The x87 unit: its registers and what every D8..DF instruction does to them.
#
# What lives here: struct X87 and its entry points. What does not: fetching and storing of memory
# operands, #NM, EFLAGS and AX (trans_x87.pxi and its helpers); transcendental functions
# (x87_math). Who calls it: helpers of the x86 guest; tests/cython/t_x87.pyx.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from engine._core.fp.soft cimport Float80


# Bits of the status word (Intel SDM vol. 1, 8.1.3); exceptions are the same bits as MXCSR's.
cdef enum:
    X87_IE = 1
    X87_DE = 2
    X87_ZE = 4
    X87_OE = 8
    X87_UE = 16
    X87_PE = 32
    X87_SF = 0x40
    X87_ES = 0x80
    X87_C0 = 0x100
    X87_C1 = 0x200
    X87_C2 = 0x400
    X87_C3 = 0x4000
    X87_B = 0x8000
    X87_CC = 0x4700

# What x87_execute returns.
cdef enum:
    X87_DONE = 0
    X87_FAULT = 1       # #MF: an unmasked exception was pending; nothing was done
    X87_NO_STORE = 2    # an unmasked exception: the memory operand is not written
    X87_INVALID = 3     # no such instruction: #UD

ctypedef struct X87:
    Float80 r[8]        # physical registers R0..R7, 16 bytes each; MMX uses .sig
    uint16_t cw
    uint16_t sw         # with TOP in bits 13:11
    uint8_t valid       # a bit a physical register: not empty (FXSAVE's abridged tag word)
    uint8_t pad
    uint16_t fop
    uint64_t fip
    uint64_t fdp
    uint16_t fcs
    uint16_t fds

# FNINIT's state.
cdef void x87_init(X87 *f) noexcept nogil
# One instruction: op is (first byte & 7) << 8 | ModRM byte. Memory forms: mem has the operand's
# x87_operand bytes before or after. eflags: ZF, PF, CF are read by FCMOV and written by FCOMI
# (OF, SF, AF cleared). FNSTSW AX writes mem's two bytes.
cdef uint32_t x87_execute(X87 *f, uint32_t op, uint8_t *mem, uint32_t *eflags) noexcept nogil
# Size of the memory operand of a memory form; negative: it is written. 0: not handled by
# x87_execute (FLDENV, FNSTENV, FRSTOR, FNSAVE) or invalid.
cdef int x87_operand(uint32_t op) noexcept nogil
# Does it leave the instruction and data pointers alone (SDM 1, 8.1.8)?
cdef bint x87_control(uint32_t op) noexcept nogil
# The full tag word of FNSTENV and FNSAVE, two bits a register; and back.
cdef uint16_t x87_tag_word(const X87 *f) noexcept nogil
cdef void x87_set_tag_word(X87 *f, uint16_t tags) noexcept nogil
# A new control word or loaded environment may make a pending exception unmasked.
cdef void x87_update_summary(X87 *f) noexcept nogil
