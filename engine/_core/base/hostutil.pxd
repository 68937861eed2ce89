# Wide products and quotients for timers and instructions: muldiv64, 128/64 divisions that say when
# the quotient does not fit.
# Lives here: muldiv64 and the divisions, each in a native form and one of 32-bit limbs that are
# always both compiled, so that tests compare them. Does not live here: 128-bit values (int128.pxd),
# counts, bit fields, rotates, high products (bits.pxd). Called by: clock.pxd, instructions,
# api/hostutil.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from engine._core.base.int128 cimport engine_div128_words, u128, u128_div64, u128_make, u128_sub

cdef extern from * nogil:
    """
    #ifndef ENGINE_MULDIV_SHIM
    #define ENGINE_MULDIV_SHIM
    #include <stdint.h>
    /* A 96-bit product of limbs, divided by schoolbook; the low 64 bits of the quotient count. */
    static inline uint64_t engine_muldiv64_limbs(uint64_t a, uint32_t b, uint32_t c) {
        uint64_t low = (uint64_t)(uint32_t)a * b;
        uint64_t high = (a >> 32) * b + (low >> 32);
        return ((high / c) << 32) + (uint32_t)((((high % c) << 32) | (uint32_t)low) / c);
    }
    #if defined(__SIZEOF_INT128__)
    static inline uint64_t engine_muldiv64(uint64_t a, uint32_t b, uint32_t c) {
        return (uint64_t)((unsigned __int128)a * b / c);
    }
    #else
    #define engine_muldiv64 engine_muldiv64_limbs
    #endif
    #endif
    """
    # Low 64 bits of a * b / c, rounded down, with the whole product. c must not be 0: a host trap.
    uint64_t muldiv64 "engine_muldiv64"(uint64_t a, uint32_t b, uint32_t c) noexcept
    uint64_t muldiv64_limbs "engine_muldiv64_limbs"(uint64_t a, uint32_t b, uint32_t c) noexcept


# (*high:*low) / divisor: quotient to *low, remainder to *high. True: the divisor is 0 or the
# quotient does not fit, nothing is written.
cdef inline bint divu128(uint64_t *low, uint64_t *high, uint64_t divisor) noexcept nogil:
    cdef uint64_t rem = 0
    if high[0] >= divisor:
        return True
    low[0] = u128_div64(high[0], low[0], divisor, &rem)
    high[0] = rem
    return False


cdef inline bint divu128_limbs(uint64_t *low, uint64_t *high, uint64_t divisor) noexcept nogil:
    cdef uint64_t rem = 0
    if high[0] >= divisor:
        return True
    low[0] = engine_div128_words(high[0], low[0], divisor, &rem)
    high[0] = rem
    return False


cdef inline uint64_t _magnitude(int64_t v) noexcept nogil:
    return 0 - <uint64_t>v if v < 0 else <uint64_t>v


# The same, signed: truncates towards zero, the remainder has the dividend's sign.
cdef inline bint divs128(uint64_t *low, int64_t *high, int64_t divisor) noexcept nogil:
    cdef bint negative = high[0] < 0
    cdef bint differ = negative != (divisor < 0)
    cdef u128 n = u128_make(<uint64_t>high[0], low[0])
    cdef uint64_t q, r
    if negative:
        n = u128_sub(u128_make(0, 0), n)
    q = n.lo
    r = n.hi
    if divu128(&q, &r, _magnitude(divisor)) or q > (1ULL << 63) - (0 if differ else 1):
        return True
    low[0] = 0 - q if differ else q
    high[0] = <int64_t>(0 - r if negative else r)
    return False
