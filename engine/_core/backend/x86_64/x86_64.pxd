# The x86-64 host back end: IR becomes machine code.
# Lives here: the table of functions, the choice of instructions. Called by: exec/, tests.
from engine._core.backend.backend cimport BackendOps

cdef BackendOps x86_64_ops
# For which processor blocks are compiled from now on: this one (as from the start), or the oldest
# that has 64 bits and nothing more than SSE2. A code buffer of another choice must not be used.
cdef void x86_64_host(bint oldest) noexcept nogil
