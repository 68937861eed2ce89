# Fixed-width types and the few constants every layer shares.
# Lives here: integer names, access kinds, protection bits, memop encoding, slow-path status codes.
# Does not live here: anything that knows a struct of another layer. Called by: everyone.
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                          uint64_t, uintptr_t, intptr_t)

ctypedef uint64_t vaddr_t       # guest virtual address
ctypedef uint64_t hwaddr        # guest physical address
ctypedef uint64_t ram_addr_t    # offset in the engine's global RAM space

# Access kinds (spec: data load 0, data store 1, instruction fetch 2).
cdef enum:
    ACCESS_READ = 0
    ACCESS_WRITE = 1
    ACCESS_FETCH = 2

# Page protection bits (spec, shared constants).
cdef enum:
    PROT_READ = 1
    PROT_WRITE = 2
    PROT_EXEC = 4
    PROT_ALL = 7

# MemOp: how a guest memory access is done. Packed with the MMU index as oi = (memop << 4) | idx.
cdef enum:
    MO_8 = 0
    MO_16 = 1
    MO_32 = 2
    MO_64 = 3
    MO_128 = 4
    MO_SIZE = 7             # mask: log2 of the size in bytes
    MO_SIGN = 8             # sign-extend a load to 64 bits (else zero-extend)
    MO_BE = 16              # big-endian
    MO_ALIGN_SHIFT = 5
    MO_UNALN = 0            # any alignment is fine
    MO_ALIGN = 7 << 5       # natural alignment required; 1..6 << 5: aligned to 2..64 bytes
    MO_AMASK = 7 << 5
    MO_ATOMIC = 256         # one half of an atomic read-modify-write: its faults are a store's

# What a slow path, a helper with status, or an emitted block answers. Non-zero: leave the block;
# the guest state is that before the current instruction (it is found again by unwinding), except
# where said otherwise.
cdef enum:
    ST_OK = 0
    ST_FAULT = 1            # a guest exception is pending in head.exception_index / head.fault
    ST_RETRY_ONE = 2        # code of the running block changes: redo this instruction alone
    ST_EXIT = 3             # stop was requested (hook, other thread): redo this instruction later
    ST_HOOK_ERROR = 4       # a hook raised; the API layer holds the exception
    ST_PC_CHANGED = 5       # a hook or helper wrote pc: go on at head.pc, do not unwind pc
    ST_NEXT = 6             # instruction finished early by the helper; head.pc holds where to go on
