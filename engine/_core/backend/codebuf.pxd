# The code buffer of one engine: getting and freeing it.
# Lives here: memory of the kind a back end needs. Does not live here: its use (backend.pxd). Called
# by: exec (engine life cycle), tests.
from engine._core.base.types cimport uint64_t
from engine._core.backend.backend cimport BackendOps, CodeBuffer

# Reserve `size` bytes for code of `backend`. False: out of memory, or executable memory is refused.
cdef bint code_buffer_init(CodeBuffer *buf, const BackendOps *backend, uint64_t size) noexcept nogil
cdef void code_buffer_free(CodeBuffer *buf) noexcept nogil
