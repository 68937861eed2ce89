# The x86-64 host back end: IR becomes machine code.
# Lives here: the table of functions. Called by: exec/.
from engine._core.backend.backend cimport BackendOps

cdef BackendOps x86_64_ops
