# Verifier of the intermediate representation. Called by: tests, debug builds of exec.
from engine._core.base.types cimport uint32_t
from engine._core.ir.ir cimport IR

# NULL when the block is well formed, else a message, written to buf.
cdef const char *ir_verify(IR *s, char *buf, uint32_t size) noexcept nogil
