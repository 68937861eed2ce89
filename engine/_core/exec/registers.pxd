# Registers of the guest by description, from outside and from hooks.
# Lives here: reads and writes with the state brought up to date first. Does not live here: names
# and Python values (api/registers), what special registers do (GuestOps). Called by: engine.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Engine

cdef int register_read(Engine *e, uint32_t reg, uint64_t *value) noexcept nogil
cdef int register_write(Engine *e, uint32_t reg, const uint64_t *value) noexcept nogil
