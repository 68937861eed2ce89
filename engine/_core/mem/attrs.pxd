# Memory transaction attributes and results (spec, shared constants).
# Lives here: the bits. Called by: everyone that touches guest physical memory.
from engine._core.base.types cimport uint32_t

cdef enum:                      # MemTxAttrs: a uint32 of these; bits 16..31: requester id
    MEMTXATTRS_UNSPECIFIED = 1
    MEMTXATTRS_SECURE = 2
    MEMTXATTRS_USER = 4

cdef enum:                      # MemTxResult: OR-ed over the parts of a split access
    MEMTX_OK = 0
    MEMTX_ERROR = 1             # the device says no
    MEMTX_DECODE_ERROR = 2      # nobody answers at this address
    # a callback of the embedding program failed; its owner has the error
    MEMTX_HOOK_ERROR = 4
