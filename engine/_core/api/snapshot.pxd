# Snapshots of an emulator. Lives here: Snapshot, taking and restoring at the cost of what was
# dirtied. Does not live here: streams (engine/machine/snapshot.py), copying registers
# (cpustate.pxd). Callers: emulator.pyx, engine.machine.snapshot.
#
# A snapshot holds the pages that changed since its parent, the one before it. Core.base is the
# snapshot that the dirty bitmap (DIRTY_MEMORY_SNAPSHOT) counts from: after taking or restoring one,
# it is that one. Restoring writes the pages that are dirty, and those in which the two differ: what
# the snapshots on the way between them hold.
from engine._core.base.types cimport uint64_t
from engine._core.api.core cimport Core
from engine._core.api.memory cimport Memory

cdef class SavedBlock:          # a Block as it was
    cdef uint64_t number
    cdef int kind
    cdef object size            # int: a device may have 2^64 bytes
    cdef str name
    cdef object source          # BLOCK_BUFFER: the buffer, BLOCK_IO: (read, write); else None

cdef class Snapshot:
    cdef object owner           # Core.token of the emulator it can be restored to at once
    cdef Snapshot parent
    cdef uint64_t depth         # parents it has
    cdef bytes cpu
    cdef str layout             # cpu_layout
    cdef bint crashed
    cdef bint checked           # a CPU of this emulator was in that state
    cdef dict pages             # page key -> bytes: changed since the parent
    cdef dict merged            # all pages, or None: see find
    cdef list blocks            # SavedBlock by address of their first piece
    cdef tuple pieces           # (first, last, offset, prot, number) by address
    cdef object __weakref__

    cdef bytes find(self, object key)
    cdef dict all_pages(self)

cdef Snapshot snapshot_take(Core core, Memory memory)
cdef int snapshot_restore(Core core, Memory memory, Snapshot snap) except -1
