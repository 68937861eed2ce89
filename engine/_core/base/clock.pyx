# Monotonic host time, see clock.pxd.
from engine._core.base.types cimport uint64_t

cdef extern from * nogil:
    """
    #include <stdint.h>
    #ifdef _WIN32
    #ifndef WIN32_LEAN_AND_MEAN
    #define WIN32_LEAN_AND_MEAN
    #endif
    #include <windows.h>
    static uint64_t engine_clock_ns(void) {
        LARGE_INTEGER f, c;
        QueryPerformanceFrequency(&f);
        QueryPerformanceCounter(&c);
        return (uint64_t)(c.QuadPart / f.QuadPart) * 1000000000ULL +
               (uint64_t)(c.QuadPart % f.QuadPart) * 1000000000ULL / (uint64_t)f.QuadPart;
    }
    #else
    #include <time.h>
    static uint64_t engine_clock_ns(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
    }
    #endif
    """
    uint64_t engine_clock_ns()


cdef uint64_t clock_ns() noexcept nogil:
    return engine_clock_ns()
