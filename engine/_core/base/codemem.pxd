# Executable memory that is never writable and executable through one mapping.
# Lives here: two views of the same pages, one to write, one to run. The OS is in codemem_posix.pxi
# and codemem_windows.pxi. Does not live here: what is written (backend/). Called by:
# backend/codebuf. Spec row 48.
from engine._core.base.types cimport int64_t, uint8_t, uint64_t

# size bytes, rounded up to pages, that cost nothing until touched: answers the writable view;
# executable address = writable address + *rx_delta. NULL: refused by the system. *top is the
# caller's pointer to the first unused byte, at an address that stays: a forked child gets a copy of
# what is below.
cdef uint8_t *codemem_map(uint64_t size, uint8_t **top, int64_t *rx_delta) noexcept nogil
cdef void codemem_unmap(uint8_t *rw, uint64_t size, int64_t rx_delta) noexcept nogil
