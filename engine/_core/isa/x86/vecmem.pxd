# x86: instructions whose memory operands are more than a value: images of the x87, SSE and AVX
# state, masked and gathered lanes.
# Lives here: the formats of the images, which bytes are touched, in which order. Does not live
# here: the operands' addresses (trans_x87.pxi). Called by: emitted code; MXCSR also by x86.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef enum:                  # first argument, bits 0..7; what the others are
    VM_PROBE = 0            # addr, bytes: may they be written?
    VM_FXSAVE = 1           # addr; bit 8: 64-bit pointers
    VM_FXRSTOR = 2
    VM_XSAVE = 3            # addr; EDX:EAX which; bit 8 as above; bits 9: compacted, 10: optimised
    VM_XRSTOR = 4
    VM_STENV = 5            # addr; bit 9: 16-bit format, bit 10: real mode
    VM_LDENV = 6
    VM_SAVE = 7
    VM_RSTOR = 8
    VM_MASK_LOAD = 9        # addr; lanes
    VM_MASK_STORE = 10
    VM_GATHER = 11          # offset; lanes
    VM_LDMXCSR = 12         # the value
    VM_XGETBV = 13

# lanes, third argument: bits 0..7 register of the data, 8..15 of the mask, 16..17 log2 of a lane's
# bytes, 18..19 of an index's, 20..21 scale, 24..31 register of the indices, 32..37 bytes of the
# data (8: MMX), 40..42 segment, 43: 32-bit addresses.
cdef uint64_t helper_memory(void *env, uint64_t what, uint64_t addr, uint64_t lanes,
                            uint64_t pc) noexcept nogil
# STMXCSR.
cdef uint64_t helper_mxcsr(void *env, uint64_t a, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil
cdef uint32_t x86_mxcsr(CPUX86State *s) noexcept nogil
# Control bits of the host's unit and tb_flags follow. Reserved bits are the caller's affair.
cdef void x86_set_mxcsr(CPUX86State *s, uint32_t value) noexcept nogil
