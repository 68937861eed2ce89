# Threads of the host: who am I, let others run. Lives here: two calls that need no GIL. Does not
# live here: atomics (atomics.pxd). Called by: exec/mmaplock.
from engine._core.base.types cimport uint64_t

cdef extern from *:
    """
    #ifndef ENGINE_THREAD
    #define ENGINE_THREAD
    #ifdef _WIN32
    #include <windows.h>
    #define engine_thread_yield() SwitchToThread()
    #else
    #include <sched.h>
    #define engine_thread_yield() sched_yield()
    #endif
    #define engine_thread_id() ((unsigned long long)PyThread_get_thread_ident())
    #endif
    """
    void thread_yield "engine_thread_yield"() noexcept nogil
    uint64_t thread_id "engine_thread_id"() noexcept nogil       # never 0
