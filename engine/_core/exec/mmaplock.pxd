# The lock of a user-mode process's memory map (spec row 30). Lives here: a recursive lock per
# engine, taken before anything of translation. System mode has no such lock: both calls do
# nothing there. Called by: cache linking (lookup.pyx); user mode around changes of the map.
from engine._core.exec.engine cimport Engine

cdef bint have_mmap_lock(const Engine *e) noexcept nogil    # by the calling thread
cdef void mmap_lock(Engine *e) noexcept nogil
cdef void mmap_unlock(Engine *e) noexcept nogil
