# Monotonic host time.
# Lives here: the one clock that timeouts, slices and statistics use, and the count of a timer that
# runs with it. Called by: exec, guests' timers.
from engine._core.base.hostutil cimport muldiv64
from engine._core.base.types cimport uint32_t, uint64_t

cdef uint64_t clock_ns() noexcept nogil


# What a counter of `hz` that started with the clock shows.
cdef inline uint64_t clock_ticks(uint32_t hz) noexcept nogil:
    return muldiv64(clock_ns(), hz, 1000000000)
