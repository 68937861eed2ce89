# x86: what emitted code calls for integer instructions, and the flags at run time.
# Lives here: flags of any cc_op, rotates with carry, 128-bit division, BCD, PDEP and PEXT, CRC32.
# Does not live here: CPUID (cpuid.pyx), floating point and vectors. Called by: emitted code,
# x86.pyx (registers).
from engine._core.base.types cimport uint64_t
from engine._core.isa.x86.state_gen cimport CPUX86State

cdef uint64_t helper_flags(void *env, uint64_t op, uint64_t dst, uint64_t src,
                           uint64_t src2) noexcept nogil
cdef uint64_t helper_rotate(void *env, uint64_t a, uint64_t how, uint64_t flags,
                            uint64_t d) noexcept nogil
cdef uint64_t helper_rotate_flags(void *env, uint64_t a, uint64_t how, uint64_t flags,
                                  uint64_t d) noexcept nogil
cdef uint64_t helper_div64(void *env, uint64_t divisor, uint64_t is_signed, uint64_t pc,
                           uint64_t d) noexcept nogil
cdef uint64_t helper_bcd(void *env, uint64_t ax, uint64_t flags, uint64_t what,
                         uint64_t d) noexcept nogil
cdef uint64_t helper_pdep(void *env, uint64_t a, uint64_t mask, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_pext(void *env, uint64_t a, uint64_t mask, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_bextr(void *env, uint64_t a, uint64_t control, uint64_t c,
                           uint64_t d) noexcept nogil
cdef uint64_t helper_crc32(void *env, uint64_t crc, uint64_t data, uint64_t log2,
                           uint64_t d) noexcept nogil
# All of EFLAGS, outside emitted code.
cdef uint64_t x86_get_eflags(CPUX86State *s) noexcept nogil
cdef void x86_set_eflags(CPUX86State *s, uint64_t flags) noexcept nogil
