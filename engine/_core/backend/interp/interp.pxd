# The interpreter back end: IR becomes 16-byte instructions that one C switch runs.
# Lives here: the table of functions. Called by: exec/.
from engine._core.backend.backend cimport BackendOps

cdef BackendOps interp_ops
