# Search for the first byte that is not zero, see buffer.pxd.
# One loop, written once over a small set of vector operations (load, or, is it all zero), compiled
# for each set. Eight vectors are or-ed before they are tested; bytes before the first aligned
# address and after the last whole group are looked at one by one.
from engine._core.base.types cimport uint64_t

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>

    #define ENGINE_FIND_NONZERO(NAME, VEC, LOAD, OR, IS_ZERO)                                    \\
    static size_t NAME(const uint8_t *p, size_t n) {                                             \\
        size_t i = 0, head = (size_t)(-(uintptr_t)p) & (sizeof(VEC) - 1);                        \\
        for (; i < n && i < head; i++) if (p[i]) return i;                                       \\
        for (; i + 8 * sizeof(VEC) <= n; i += 8 * sizeof(VEC)) {                                 \\
            const VEC *v = (const VEC *)(const void *)(p + i);                                   \\
            VEC a = OR(LOAD(v), LOAD(v + 1)), b = OR(LOAD(v + 2), LOAD(v + 3));                  \\
            VEC c = OR(LOAD(v + 4), LOAD(v + 5)), d = OR(LOAD(v + 6), LOAD(v + 7));              \\
            if (!IS_ZERO(OR(OR(a, b), OR(c, d)))) break;                                         \\
        }                                                                                        \\
        for (; i < n; i++) if (p[i]) return i;                                                   \\
        return n;                                                                                \\
    }

    #define ENGINE_W_LOAD(v) (*(v))
    #define ENGINE_W_OR(a, b) ((a) | (b))
    #define ENGINE_W_IS_ZERO(a) ((a) == 0)
    ENGINE_FIND_NONZERO(engine_find_nonzero_words, size_t, ENGINE_W_LOAD, ENGINE_W_OR,
                        ENGINE_W_IS_ZERO)

    #if defined(__SSE2__) || (defined(_MSC_VER) && defined(_M_X64))
    #include <emmintrin.h>
    #define ENGINE_V_NAME "sse2"
    #define ENGINE_V_OR(a, b) _mm_or_si128(a, b)    /* not every compiler has | for the type */
    #define ENGINE_V_IS_ZERO(a) \\
        (_mm_movemask_epi8(_mm_cmpeq_epi8(a, _mm_setzero_si128())) == 0xffff)
    ENGINE_FIND_NONZERO(engine_find_nonzero, __m128i, _mm_load_si128, ENGINE_V_OR, ENGINE_V_IS_ZERO)
    #elif defined(__aarch64__) && defined(__ARM_NEON)
    #include <arm_neon.h>
    #define ENGINE_V_NAME "neon"
    #define ENGINE_V_LOAD(v) vld1q_u8((const uint8_t *)(v))
    #define ENGINE_V_IS_ZERO(a) (vmaxvq_u8(a) == 0)
    ENGINE_FIND_NONZERO(engine_find_nonzero, uint8x16_t, ENGINE_V_LOAD, vorrq_u8, ENGINE_V_IS_ZERO)
    #else
    #define ENGINE_V_NAME "words"
    #define engine_find_nonzero engine_find_nonzero_words
    #endif
    """
    size_t engine_find_nonzero(const unsigned char *p, size_t n)
    size_t engine_find_nonzero_words(const unsigned char *p, size_t n)
    const char *ENGINE_V_NAME


cdef uint64_t find_nonzero(const void *p, uint64_t size) noexcept nogil:
    return engine_find_nonzero(<const unsigned char *>p, <size_t>size)


cdef uint64_t find_nonzero_words(const void *p, uint64_t size) noexcept nogil:
    return engine_find_nonzero_words(<const unsigned char *>p, <size_t>size)


cdef const char *find_nonzero_variant() noexcept nogil:
    return ENGINE_V_NAME
