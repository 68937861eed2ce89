# Portable 128-bit integer helpers on pairs of 64-bit words.
#
# What lives here: multiply-high, 128-bit add, subtract, shift (also with sticky bit), compare, count
# leading zeros and 128/64 division. Each has a two-word C form (u128_*_c, always compiled, so that
# tests reach it) and, where the compiler has __int128, a one-instruction form under the plain name.
# What does not: anything of floating point. Who calls it: fp/ and instructions with wide products.

from libc.stdint cimport int64_t, uint64_t


cdef extern from * nogil:
    """
    #ifndef ENGINE_INT128
    #define ENGINE_INT128
    #include <stdint.h>

    typedef struct { uint64_t hi, lo; } engine_u128;

    static inline int engine_clz64_c(uint64_t x) {
        int n = 0;
        if (x == 0) return 64;
        if (!(x >> 32)) { n += 32; x <<= 32; }
        if (!(x >> 48)) { n += 16; x <<= 16; }
        if (!(x >> 56)) { n += 8; x <<= 8; }
        if (!(x >> 60)) { n += 4; x <<= 4; }
        if (!(x >> 62)) { n += 2; x <<= 2; }
        return n + !(x >> 63);
    }

    static inline engine_u128 engine_mul64_c(uint64_t a, uint64_t b) {
        uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
        uint64_t ll = al * bl, lh = al * bh, hl = ah * bl;
        uint64_t mid = (ll >> 32) + (uint32_t)lh + (uint32_t)hl;
        engine_u128 r;
        r.hi = ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32);
        r.lo = (mid << 32) | (uint32_t)ll;
        return r;
    }

    /* (hi:lo) / d with hi < d: two steps of base 2^32, each estimate at most 2 too large
       (Knuth, The Art of Computer Programming vol. 2, 4.3.1, algorithm D). */
    static inline uint64_t engine_div128_c(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
        int s = engine_clz64_c(d), i;
        uint64_t dh, dl, q = 0;
        d <<= s;
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

    #if defined(__GNUC__) || defined(__clang__)
    static inline int engine_clz64(uint64_t x) { return x ? __builtin_clzll(x) : 64; }
    static inline int engine_ctz64(uint64_t x) { return x ? __builtin_ctzll(x) : 64; }
    #else
    static inline int engine_clz64(uint64_t x) { return engine_clz64_c(x); }
    static inline int engine_ctz64(uint64_t x) {
        return x ? 63 - engine_clz64_c(x & (0 - x)) : 64;
    }
    #endif

    #if defined(__SIZEOF_INT128__)
    static inline engine_u128 engine_mul64(uint64_t a, uint64_t b) {
        unsigned __int128 p = (unsigned __int128)a * b;
        engine_u128 r;
        r.hi = (uint64_t)(p >> 64);
        r.lo = (uint64_t)p;
        return r;
    }
    static inline uint64_t engine_div128(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
    #if defined(__x86_64__) && defined(__GNUC__)
        uint64_t q, r;      /* the compiler would call a function for the general case */
        __asm__ ("divq %4" : "=a"(q), "=d"(r) : "0"(lo), "1"(hi), "r"(d) : "cc");
        *rem = r;
        return q;
    #else
        unsigned __int128 n = ((unsigned __int128)hi << 64) | lo;
        *rem = (uint64_t)(n % d);
        return (uint64_t)(n / d);
    #endif
    }
    #else
    static inline engine_u128 engine_mul64(uint64_t a, uint64_t b) { return engine_mul64_c(a, b); }
    static inline uint64_t engine_div128(uint64_t hi, uint64_t lo, uint64_t d, uint64_t *rem) {
        return engine_div128_c(hi, lo, d, rem);
    }
    #endif
    #endif
    """
    ctypedef struct u128 "engine_u128":
        uint64_t hi
        uint64_t lo

    # Leading and trailing zeros; 64 for 0.
    int clz64 "engine_clz64"(uint64_t x) noexcept
    int ctz64 "engine_ctz64"(uint64_t x) noexcept
    # The whole product.
    u128 u128_mul64 "engine_mul64"(uint64_t a, uint64_t b) noexcept
    # hi:lo / d, remainder in *rem. Requires hi < d (else the quotient does not fit: a host trap).
    uint64_t u128_div64 "engine_div128"(uint64_t hi, uint64_t lo, uint64_t d,
                                        uint64_t *rem) noexcept
    # The two-word C forms of the above.
    int clz64_c "engine_clz64_c"(uint64_t x) noexcept
    u128 u128_mul64_c "engine_mul64_c"(uint64_t a, uint64_t b) noexcept
    uint64_t u128_div64_c "engine_div128_c"(uint64_t hi, uint64_t lo, uint64_t d,
                                            uint64_t *rem) noexcept


cdef inline u128 u128_make(uint64_t hi, uint64_t lo) noexcept nogil:
    cdef u128 r
    r.hi = hi
    r.lo = lo
    return r


# High halves of the unsigned, signed and signed * unsigned product.
cdef inline uint64_t umulh64(uint64_t a, uint64_t b) noexcept nogil:
    return u128_mul64(a, b).hi


cdef inline int64_t smulh64(int64_t a, int64_t b) noexcept nogil:
    cdef uint64_t h = u128_mul64(<uint64_t>a, <uint64_t>b).hi
    return <int64_t>(h - (<uint64_t>b if a < 0 else 0) - (<uint64_t>a if b < 0 else 0))


cdef inline int64_t sumulh64(int64_t a, uint64_t b) noexcept nogil:
    return <int64_t>(u128_mul64(<uint64_t>a, b).hi - (b if a < 0 else 0))


# The whole signed product as two's complement.
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


cdef inline int u128_clz(u128 a) noexcept nogil:
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
