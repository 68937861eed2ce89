# x86: many iterations of a repeated string instruction at once.
# Lives here: what MOVS, STOS, LODS, CMPS and SCAS under REP do to plain RAM in one step, as long as
# nobody could see the difference. Does not live here: one iteration, faults, flags (trans_ctl.pxi:
# emitted code does at least one after each call). Called by: emitted code.
from engine._core.base.types cimport uint64_t

cdef enum:                          # the argument `how`
    REP_WHAT = 7                    # STRING_* of defs.pxd
    REP_LOG2_SHIFT = 3              # element size, 2 bits
    REP_ADSIZE_SHIFT = 5            # address size, log2, 2 bits
    REP_LONG = 1 << 7               # linear addresses have 64 bits, not 32
    REP_WHILE_NE = 1 << 8           # REPNE
    REP_WRITABLE = 1 << 9           # ES must be writable
    REP_SI_SHIFT = 10               # DS or what overrides it: SEG_*, 3 bits; then REP_SEG_*
    REP_DI_SHIFT = 16               # ES, the same
    REP_SEG_BASE = 8                # the segment's base counts
    REP_SEG_LIMITS = 16             # so do its limits
    REP_SEG_64K = 32                # its limit is 64 KiB: real mode
    REP_OI_SHIFT = 32

# Iterations in front of the next one that are plain RAM and do not end the instruction: done,
# counted, the index registers and CX moved on.
cdef uint64_t helper_strings(void *env, uint64_t how, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil
