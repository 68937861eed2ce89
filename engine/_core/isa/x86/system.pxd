# x86: system registers and instructions: control, debug and model-specific registers, descriptor
# table registers, flags, HLT, I/O ports, time stamps and random numbers.
# Lives here: what they check and change. Does not live here: segments (segment.pyx), page tables
# (paging.pyx), XSAVE. Called by: emitted code, x86.pyx (registers from outside).
# SDM 2; 3A, chapters 2, 17, 19 (volume 1); 4 (MSRs).
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef enum:                          # helper_flags_write: `how`
    FLAGS_SIZE = 15                 # bytes of POPF's operand
    FLAGS_CLI = 16
    FLAGS_STI = 32

# Registers of the reset; the rest of CPUX86State is x86.pyx's.
cdef void x86_reset_system(CPUX86State *s) noexcept nogil
# False: the value is not allowed. Both flush what hangs on it.
cdef bint x86_write_cr(CPUX86State *s, uint32_t n, uint64_t value) noexcept nogil
cdef bint x86_read_msr(CPUX86State *s, uint32_t n, uint64_t *value) noexcept nogil
cdef bint x86_write_msr(CPUX86State *s, uint32_t n, uint64_t value) noexcept nogil
cdef uint64_t x86_tsc(CPUX86State *s) noexcept nogil

cdef bint x86_xcr0_ok(uint64_t value) noexcept nogil

# -- called by emitted code
cdef uint64_t helper_read_cr(void *env, uint64_t n, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil
cdef uint64_t helper_write_cr(void *env, uint64_t n, uint64_t value, uint64_t c,
                              uint64_t d) noexcept nogil
cdef uint64_t helper_lmsw(void *env, uint64_t value, uint64_t b, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_dr(void *env, uint64_t n, uint64_t value, uint64_t write,
                        uint64_t d) noexcept nogil
cdef uint64_t helper_msr(void *env, uint64_t write, uint64_t b, uint64_t c,
                         uint64_t d) noexcept nogil
cdef uint64_t helper_xsetbv(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil
cdef uint64_t helper_swapgs(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil
cdef uint64_t helper_table(void *env, uint64_t which, uint64_t base, uint64_t limit,
                           uint64_t d) noexcept nogil
cdef uint64_t helper_invlpg(void *env, uint64_t addr, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil
cdef uint64_t helper_flags_write(void *env, uint64_t value, uint64_t how, uint64_t c,
                                 uint64_t d) noexcept nogil
cdef uint64_t helper_smap(void *env, uint64_t on, uint64_t b, uint64_t c, uint64_t d) noexcept nogil
cdef uint64_t helper_hlt(void *env, uint64_t next_pc, uint64_t b, uint64_t c,
                         uint64_t d) noexcept nogil
cdef uint64_t helper_in(void *env, uint64_t port, uint64_t size, uint64_t pc,
                        uint64_t d) noexcept nogil
cdef uint64_t helper_out(void *env, uint64_t port, uint64_t size, uint64_t pc,
                         uint64_t value) noexcept nogil
# Before INS and OUTS: the permission; INS: its memory may be written.
cdef uint64_t helper_ports(void *env, uint64_t addr, uint64_t size, uint64_t port,
                           uint64_t out) noexcept nogil
cdef uint64_t helper_rdtsc(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d) noexcept nogil
cdef uint64_t helper_random(void *env, uint64_t a, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil
