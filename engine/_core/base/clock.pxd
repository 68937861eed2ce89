# Monotonic host time.
# Lives here: the one clock that timeouts, slices and statistics use. Called by: exec, guests' timers.
from engine._core.base.types cimport uint64_t

cdef uint64_t clock_ns() noexcept nogil
