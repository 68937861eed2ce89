# Atomic operations on plain integers, sequentially consistent unless the name says otherwise.
# Lives here: one C shim over the GCC/Clang __atomic builtins and the MSVC intrinsics.
# Called by: bitmaps, dirty tracking, guest atomics, exit requests.
from engine._core.base.types cimport uint8_t, uint16_t, uint32_t, uint64_t, int32_t

cdef extern from * nogil:
    """
    #ifndef ENGINE_ATOMICS_SHIM
    #define ENGINE_ATOMICS_SHIM
    #include <stdint.h>
    #if defined(_MSC_VER) && !defined(__clang__)
    #include <intrin.h>
    #define engine_barrier() MemoryBarrierShim()
    static __inline void MemoryBarrierShim(void) { long x = 0; _InterlockedOr(&x, 0); }
    static __inline uint64_t engine_load64(const void *p) { return *(const volatile uint64_t *)p; }
    static __inline uint32_t engine_load32(const void *p) { return *(const volatile uint32_t *)p; }
    #define engine_store32(p, v) ((void)_InterlockedExchange((volatile long *)(p), (long)(v)))
    #define engine_xchg64(p, v) \
        ((uint64_t)_InterlockedExchange64((volatile __int64 *)(p), (__int64)(v)))
    #define engine_or64(p, v) ((uint64_t)_InterlockedOr64((volatile __int64 *)(p), (__int64)(v)))
    #define engine_and64(p, v) ((uint64_t)_InterlockedAnd64((volatile __int64 *)(p), (__int64)(v)))
    static __inline int engine_cas8(void *p, uint8_t *e, uint8_t d) {
        uint8_t o = (uint8_t)_InterlockedCompareExchange8((volatile char *)p, (char)d, (char)*e);
        int ok = o == *e; *e = o; return ok; }
    static __inline int engine_cas16(void *p, uint16_t *e, uint16_t d) {
        uint16_t o = (uint16_t)_InterlockedCompareExchange16((volatile short *)p, (short)d,
                                                             (short)*e);
        int ok = o == *e; *e = o; return ok; }
    static __inline int engine_cas32(void *p, uint32_t *e, uint32_t d) {
        uint32_t o = (uint32_t)_InterlockedCompareExchange((volatile long *)p, (long)d, (long)*e);
        int ok = o == *e; *e = o; return ok; }
    static __inline int engine_cas64(void *p, uint64_t *e, uint64_t d) {
        uint64_t o = (uint64_t)_InterlockedCompareExchange64((volatile __int64 *)p, (__int64)d,
                                                             (__int64)*e);
        int ok = o == *e; *e = o; return ok; }
    #else
    #define ENGINE_SEQ __ATOMIC_SEQ_CST
    #define engine_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    #define engine_load64(p) __atomic_load_n((const uint64_t *)(p), __ATOMIC_SEQ_CST)
    #define engine_load32(p) __atomic_load_n((const uint32_t *)(p), __ATOMIC_SEQ_CST)
    #define engine_store32(p, v) __atomic_store_n((uint32_t *)(p), (uint32_t)(v), __ATOMIC_SEQ_CST)
    #define engine_xchg64(p, v) __atomic_exchange_n((uint64_t *)(p), (uint64_t)(v), ENGINE_SEQ)
    #define engine_or64(p, v) __atomic_fetch_or((uint64_t *)(p), (uint64_t)(v), __ATOMIC_SEQ_CST)
    #define engine_and64(p, v) __atomic_fetch_and((uint64_t *)(p), (uint64_t)(v), __ATOMIC_SEQ_CST)
    #define ENGINE_CAS(T, p, e, d) \
        __atomic_compare_exchange_n((T *)(p), e, d, 0, ENGINE_SEQ, ENGINE_SEQ)
    #define engine_cas8(p, e, d) ENGINE_CAS(uint8_t, p, e, d)
    #define engine_cas16(p, e, d) ENGINE_CAS(uint16_t, p, e, d)
    #define engine_cas32(p, e, d) ENGINE_CAS(uint32_t, p, e, d)
    #define engine_cas64(p, e, d) ENGINE_CAS(uint64_t, p, e, d)
    #endif
    #endif
    """
    void atomic_barrier "engine_barrier"()
    uint64_t atomic_load64 "engine_load64"(const void *p)
    uint32_t atomic_load32 "engine_load32"(const void *p)
    void atomic_store32 "engine_store32"(void *p, uint32_t v)
    # The old value is answered.
    uint64_t atomic_xchg64 "engine_xchg64"(void *p, uint64_t v)
    uint64_t atomic_or64 "engine_or64"(void *p, uint64_t v)
    uint64_t atomic_and64 "engine_and64"(void *p, uint64_t v)
    # Store d where *e is found; else *e gets what was found. p must be aligned.
    bint atomic_cas8 "engine_cas8"(void *p, uint8_t *e, uint8_t d)
    bint atomic_cas16 "engine_cas16"(void *p, uint16_t *e, uint16_t d)
    bint atomic_cas32 "engine_cas32"(void *p, uint32_t *e, uint32_t d)
    bint atomic_cas64 "engine_cas64"(void *p, uint64_t *e, uint64_t d)
