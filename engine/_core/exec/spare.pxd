# Engines between two lives: their code buffer, block tables, CPU struct and translator stay mapped
# for the next engine of the same guest and back end, which then costs few system calls.
# Lives here: the few that are kept, and when one is worth keeping. Does not live here: how an
# engine is made and taken apart (engine.pyx). Called by: engine.
from engine._core.base.types cimport uint64_t
from engine._core.backend.backend cimport BackendOps
from engine._core.exec.engine cimport Engine
from engine._core.isa.guest cimport GuestOps

# A kept engine, or NULL. Only code (empty), cache (empty), cpu (zero), ir and translator are set,
# besides guest and backend.
cdef Engine *spare_take(const GuestOps *guest, const BackendOps *backend,
                        uint64_t code_size) noexcept nogil
# Keep an engine whose other parts have been freed and whose blocks are flushed, or free it.
cdef void spare_give(Engine *e) noexcept nogil
