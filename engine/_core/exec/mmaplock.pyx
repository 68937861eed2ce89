# The lock of a user-mode process's memory map: see mmaplock.pxd.
from engine._core.base.atomics cimport atomic_cas64, atomic_load64, atomic_xchg64
from engine._core.base.thread cimport thread_id, thread_yield
from engine._core.base.types cimport uint64_t


cdef bint have_mmap_lock(const Engine *e) noexcept nogil:
    return atomic_load64(&e.mmap_owner) == thread_id()


cdef void mmap_lock(Engine *e) noexcept nogil:
    cdef uint64_t me = thread_id(), nobody = 0
    if not e.config.user_mode:
        return
    if atomic_load64(&e.mmap_owner) != me:
        while not atomic_cas64(&e.mmap_owner, &nobody, me):
            nobody = 0
            thread_yield()
    e.mmap_depth += 1


cdef void mmap_unlock(Engine *e) noexcept nogil:
    if not e.config.user_mode or not have_mmap_lock(e):
        return
    e.mmap_depth -= 1
    if e.mmap_depth == 0:
        atomic_xchg64(&e.mmap_owner, 0)
