# Bit and integer arithmetic with a result for every input.
# Lives here: counts, swaps, rotates, bit fields, high multiplies, divisions that never trap. The
# names and meanings are those that ir/ops.tab uses. Does not live here: 128-bit values
# (int128.pxd), atomics. Called by: everyone. Division follows RISC-V (Unprivileged ISA, "Division
# Operations"): by zero the quotient is all ones and the remainder the dividend; INT_MIN / -1 is
# INT_MIN, remainder 0.
from engine._core.base.types cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from * nogil:
    """
    #ifndef ENGINE_BITS_SHIM
    #define ENGINE_BITS_SHIM
    #include <stdint.h>
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    #include <stdlib.h>
    static __inline int engine_clz64(uint64_t v) {      /* v != 0 */
        unsigned long i;
    #if defined(_M_X64) || defined(_M_ARM64)
        _BitScanReverse64(&i, v);
        return 63 - (int)i;
    #else
        if (_BitScanReverse(&i, (uint32_t)(v >> 32))) return 31 - (int)i;
        _BitScanReverse(&i, (uint32_t)v);
        return 63 - (int)i;
    #endif
    }
    static __inline int engine_ctz64(uint64_t v) {      /* v != 0 */
        unsigned long i;
    #if defined(_M_X64) || defined(_M_ARM64)
        _BitScanForward64(&i, v);
        return (int)i;
    #else
        if (_BitScanForward(&i, (uint32_t)v)) return (int)i;
        _BitScanForward(&i, (uint32_t)(v >> 32));
        return (int)i + 32;
    #endif
    }
    static __inline int engine_popcnt64(uint64_t v) {
        v -= (v >> 1) & 0x5555555555555555ULL;
        v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
        v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
        return (int)((v * 0x0101010101010101ULL) >> 56);
    }
    #define engine_bswap64(v) _byteswap_uint64(v)
    #define engine_bswap32(v) _byteswap_ulong(v)
    #define engine_bswap16(v) _byteswap_ushort(v)
    #else
    #define engine_clz64(v) __builtin_clzll(v)
    #define engine_ctz64(v) __builtin_ctzll(v)
    #define engine_popcnt64(v) __builtin_popcountll(v)
    #define engine_bswap64(v) __builtin_bswap64(v)
    #define engine_bswap32(v) __builtin_bswap32(v)
    #define engine_bswap16(v) __builtin_bswap16(v)
    #endif
    static inline uint64_t engine_mulhu64_limbs(uint64_t a, uint64_t b) {
        uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
        uint64_t mid = ah * bl + ((al * bl) >> 32);
        uint64_t low = al * bh + (uint32_t)mid;
        return ah * bh + (mid >> 32) + (low >> 32);
    }
    #if defined(__SIZEOF_INT128__)
    #define engine_mulhu64(a, b) ((uint64_t)(((unsigned __int128)(a) * (b)) >> 64))
    #elif defined(_MSC_VER) && (defined(_M_X64) || defined(_M_ARM64))
    #define engine_mulhu64(a, b) __umulh(a, b)
    #else
    #define engine_mulhu64(a, b) engine_mulhu64_limbs(a, b)
    #endif
    #endif
    """
    int engine_clz64(uint64_t v)            # v must not be 0
    int engine_ctz64(uint64_t v)            # v must not be 0
    int engine_popcnt64(uint64_t v)
    uint64_t engine_bswap64(uint64_t v)
    uint32_t engine_bswap32(uint32_t v)
    uint16_t engine_bswap16(uint16_t v)
    uint64_t engine_mulhu64_limbs(uint64_t a, uint64_t b)   # the portable one, for tests
    uint64_t mulhu64 "engine_mulhu64"(uint64_t a, uint64_t b)


# -- counts: the width for 0
cdef inline uint64_t clz64(uint64_t a) noexcept nogil:
    return <uint64_t>engine_clz64(a) if a else 64

cdef inline uint64_t ctz64(uint64_t a) noexcept nogil:
    return <uint64_t>engine_ctz64(a) if a else 64

cdef inline uint64_t popcnt64(uint64_t a) noexcept nogil:
    return <uint64_t>engine_popcnt64(a)

cdef inline uint32_t clz32(uint32_t a) noexcept nogil:
    return <uint32_t>engine_clz64(a) - 32 if a else 32

cdef inline uint32_t ctz32(uint32_t a) noexcept nogil:
    return <uint32_t>engine_ctz64(a) if a else 32


# -- byte order
cdef inline uint64_t bswap64(uint64_t a) noexcept nogil:
    return engine_bswap64(a)

cdef inline uint32_t bswap32(uint32_t a) noexcept nogil:
    return engine_bswap32(a)

cdef inline uint16_t bswap16(uint16_t a) noexcept nogil:
    return engine_bswap16(a)


# -- rotates: the count modulo the width
cdef inline uint64_t rotl64(uint64_t a, uint64_t n) noexcept nogil:
    return (a << (n & 63)) | (a >> ((0 - n) & 63))

cdef inline uint64_t rotr64(uint64_t a, uint64_t n) noexcept nogil:
    return (a >> (n & 63)) | (a << ((0 - n) & 63))

cdef inline uint32_t rotl32(uint32_t a, uint64_t n) noexcept nogil:
    return <uint32_t>((a << (n & 31)) | (a >> ((0 - n) & 31)))

cdef inline uint32_t rotr32(uint32_t a, uint64_t n) noexcept nogil:
    return <uint32_t>((a >> (n & 31)) | (a << ((0 - n) & 31)))


# -- bit fields; n, pos + n at most 64, pos at most 63
cdef inline uint64_t mask64(uint64_t n) noexcept nogil:
    return (1ULL << n) - 1 if n < 64 else 0xffffffffffffffffULL

cdef inline uint64_t extract64(uint64_t a, uint64_t pos, uint64_t n) noexcept nogil:
    return (a >> pos) & mask64(n)

cdef inline uint64_t sextract64(uint64_t a, uint64_t pos, uint64_t n) noexcept nogil:
    if n == 0:
        return 0
    return <uint64_t>(<int64_t>(a << (64 - n - pos)) >> (64 - n))

cdef inline uint64_t deposit64(uint64_t a, uint64_t b, uint64_t pos, uint64_t n) noexcept nogil:
    return (a & ~(mask64(n) << pos)) | ((b & mask64(n)) << pos)


# -- high halves of products
cdef inline uint64_t mulhs64(uint64_t a, uint64_t b) noexcept nogil:
    return (mulhu64(a, b) - (b if <int64_t>a < 0 else 0) - (a if <int64_t>b < 0 else 0))

cdef inline uint64_t mulhsu64(uint64_t a, uint64_t b) noexcept nogil:
    return mulhu64(a, b) - (b if <int64_t>a < 0 else 0)


# -- division
cdef inline uint64_t divu64(uint64_t a, uint64_t b) noexcept nogil:
    return a // b if b else 0xffffffffffffffffULL

cdef inline uint64_t remu64(uint64_t a, uint64_t b) noexcept nogil:
    return a % b if b else a

cdef inline uint64_t divs64(uint64_t a, uint64_t b) noexcept nogil:
    if b + 1 <= 1:                          # 0 or -1
        return 0 - a if b else 0xffffffffffffffffULL
    return <uint64_t>(<int64_t>a // <int64_t>b)

cdef inline uint64_t rems64(uint64_t a, uint64_t b) noexcept nogil:
    if b + 1 <= 1:
        return 0 if b else a
    return <uint64_t>(<int64_t>a % <int64_t>b)

cdef inline uint32_t divu32(uint32_t a, uint32_t b) noexcept nogil:
    return a // b if b else <uint32_t>0xffffffffULL

cdef inline uint32_t remu32(uint32_t a, uint32_t b) noexcept nogil:
    return a % b if b else a

cdef inline uint32_t divs32(uint32_t a, uint32_t b) noexcept nogil:
    if b == 0:
        return <uint32_t>0xffffffffULL
    if b == <uint32_t>0xffffffffULL:
        return 0 - a
    return <uint32_t>(<int32_t>a // <int32_t>b)

cdef inline uint32_t rems32(uint32_t a, uint32_t b) noexcept nogil:
    if b == 0:
        return a
    if b == <uint32_t>0xffffffffULL:
        return 0
    return <uint32_t>(<int32_t>a % <int32_t>b)


# -- sizes
cdef inline uint64_t round_up(uint64_t n, uint64_t power) noexcept nogil:
    return (n + power - 1) & ~(power - 1)

cdef inline uint64_t pow2floor(uint64_t n) noexcept nogil:
    return 1ULL << (63 - engine_clz64(n)) if n else 0

cdef inline uint64_t min64(uint64_t a, uint64_t b) noexcept nogil:
    return a if a < b else b

cdef inline uint64_t max64(uint64_t a, uint64_t b) noexcept nogil:
    return a if a > b else b
