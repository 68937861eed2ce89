# 128-bit integers as pairs of 64-bit words.
#
# What lives here: the whole product of two words, 128-bit add, subtract, shift (also with sticky
# bit), compare, leading zeros, 128/64 division. Division has a two-word C form (always compiled, so
# that tests reach it) beside the one-instruction form. What does not: high halves of products and
# counts of one word (bits.pxd), anything of floating point.
# Who calls it: fp/, and instructions with wide products or dividends.

from libc.stdint cimport int64_t, uint64_t
from engine._core.base.bits cimport clz64, mulhu64


cdef extern from * nogil:
    """
    #ifndef ENGINE_INT128_SHIM
    #define ENGINE_INT128_SHIM
    #include <stdint.h>

    /* (hi:lo) / d with hi < d: two steps of base 2^32, each estimate at most 2 too large
       (Knuth, The Art of Computer Programming vol. 2, 4.3.1, algorithm D). */
    static inline uint64_t engine_div128_words(uint64_t hi, uint64_t lo, uint64_t d,
                                               uint64_t *rem) {
        int s = 0, i;
        uint64_t dh, dl, q = 0;
        while (!(d >> 63)) { d <<= 1; s++; }
        if (s) { hi = (hi << s) | (lo >> (64 - s)); lo <<= s; }
        dh = d >> 32; dl = (uint32_t)d;
        for (i = 0; i < 2; i++) {
            uint64_t next = i ? (uint32_t)lo : lo >> 32;
            uint64_t qd = hi / dh, r = hi % dh;
            while ((qd >> 32) || qd * dl > ((r << 32) | next)) {
                qd--;
                r += dh;
                if (r >> 32) break;
            }
            hi = ((hi << 32) | next) - qd * d;
            q = (q << 32) + qd;
        }
        *rem = hi >> s;
        return q;
    }

    #if defined(__x86_64__) && defined(__GNUC__)
    static inline uint64_t engine_div128(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
        uint64_t q, r;      /* the compiler would call a function for the general case */
        __asm__ ("divq %4" : "=a"(q), "=d"(r) : "0"(lo), "1"(hi), "r"(d) : "cc");
        *rem = r;
        return q;
    }
    #elif defined(__SIZEOF_INT128__)
    static inline uint64_t engine_div128(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
        unsigned __int128 n = ((unsigned __int128)hi << 64) | lo;
        *rem = (uint64_t)(n % d);
        return (uint64_t)(n / d);
    }
    #else
    #define engine_div128 engine_div128_words
    #endif
    #endif
    """
    # hi:lo / d, remainder in *rem. Requires hi < d: else the quotient does not fit (a host trap).
    uint64_t u128_div64 "engine_div128"(uint64_t hi, uint64_t lo, uint64_t d,
                                        uint64_t *rem) noexcept
    uint64_t engine_div128_words(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) noexcept


ctypedef struct u128:
    uint64_t hi
    uint64_t lo


cdef inline u128 u128_make(uint64_t hi, uint64_t lo) noexcept nogil:
    cdef u128 r
    r.hi = hi
    r.lo = lo
    return r


# The whole product, unsigned and signed (as two's complement).
cdef inline u128 u128_mul64(uint64_t a, uint64_t b) noexcept nogil:
    return u128_make(mulhu64(a, b), a * b)


cdef inline u128 s128_mul64(int64_t a, int64_t b) noexcept nogil:
    cdef u128 r = u128_mul64(<uint64_t>a, <uint64_t>b)
    r.hi -= (<uint64_t>b if a < 0 else 0) + (<uint64_t>a if b < 0 else 0)
    return r


# Modulo 2^128.
cdef inline u128 u128_add(u128 a, u128 b) noexcept nogil:
    cdef u128 r
    r.lo = a.lo + b.lo
    r.hi = a.hi + b.hi + (1 if r.lo < a.lo else 0)
    return r


cdef inline u128 u128_sub(u128 a, u128 b) noexcept nogil:
    cdef u128 r
    r.lo = a.lo - b.lo
    r.hi = a.hi - b.hi - (1 if a.lo < b.lo else 0)
    return r


cdef inline bint u128_lt(u128 a, u128 b) noexcept nogil:
    return a.hi < b.hi or (a.hi == b.hi and a.lo < b.lo)


cdef inline bint u128_eq(u128 a, u128 b) noexcept nogil:
    return a.hi == b.hi and a.lo == b.lo


cdef inline bint u128_is_zero(u128 a) noexcept nogil:
    return (a.hi | a.lo) == 0


cdef inline uint64_t u128_clz(u128 a) noexcept nogil:
    return clz64(a.hi) if a.hi else 64 + clz64(a.lo)


# Shifts by any count; 128 and more give zero.
cdef inline u128 u128_shl(u128 a, uint64_t n) noexcept nogil:
    if n == 0:
        return a
    if n < 64:
        return u128_make((a.hi << n) | (a.lo >> (64 - n)), a.lo << n)
    if n < 128:
        return u128_make(a.lo << (n - 64), 0)
    return u128_make(0, 0)


cdef inline u128 u128_shr(u128 a, uint64_t n) noexcept nogil:
    if n == 0:
        return a
    if n < 64:
        return u128_make(a.hi >> n, (a.lo >> n) | (a.hi << (64 - n)))
    if n < 128:
        return u128_make(0, a.hi >> (n - 64))
    return u128_make(0, 0)


# True if u128_shr(a, n) loses a bit that is set.
cdef inline bint u128_shr_lost(u128 a, uint64_t n) noexcept nogil:
    if n == 0:
        return False
    if n < 64:
        return (a.lo << (64 - n)) != 0
    if n == 64:
        return a.lo != 0
    if n < 128:
        return (a.lo | (a.hi << (128 - n))) != 0
    return (a.hi | a.lo) != 0


# Shift right, ORing the lost bits into the lowest one (the sticky bit of rounding).
cdef inline u128 u128_shr_jam(u128 a, uint64_t n) noexcept nogil:
    cdef u128 r = u128_shr(a, n)
    r.lo |= 1 if u128_shr_lost(a, n) else 0
    return r
