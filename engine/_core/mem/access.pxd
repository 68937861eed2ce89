# The slow path of guest virtual accesses: whatever the inline TLB hit cannot do.
# Lives here: loads, stores and read-modify-writes on a miss, a fault, I/O, a watched, clean,
# unaligned or crossed page; code page look-up. Does not live here: the hit path (tlb.pxd),
# exceptions (exec gives functions, AccessHooks in tlb.pxd). Called by: back ends through
# RuntimeOps, helpers of guests, exec. Spec rows 33, 34, 67.
from engine._core.base.types cimport (uint8_t, uint32_t, uint64_t, uintptr_t, vaddr_t, ram_addr_t)
from engine._core.mem.tlb cimport CPUTLB, AccessHooks, tlb_hit_read, tlb_hit_write

cdef enum:                      # access_rmw: the order of OP_gcas .. OP_gumax
    RMW_CAS = 0                 # a: expected, b: new
    RMW_XCHG = 1
    RMW_ADD = 2
    RMW_AND = 3
    RMW_OR = 4
    RMW_XOR = 5
    RMW_SMIN = 6
    RMW_SMAX = 7
    RMW_UMIN = 8
    RMW_UMAX = 9

# All answer ST_*; oi = (memop << 4) | mmu index; ra: host return address for unwinding, 0: none.
# Results are extended to 64 bits as oi says. MO_128: two words, low half first.
cdef int access_load(CPUTLB *t, vaddr_t addr, uint32_t oi, uintptr_t ra,
                     uint64_t *out) noexcept nogil
cdef int access_store(CPUTLB *t, vaddr_t addr, uint64_t value, uint32_t oi,
                      uintptr_t ra) noexcept nogil
cdef int access_store128(CPUTLB *t, vaddr_t addr, const uint64_t *value, uint32_t oi,
                         uintptr_t ra) noexcept nogil
cdef int access_rmw(CPUTLB *t, uint32_t op, vaddr_t addr, uint64_t a, uint64_t b, uint32_t oi,
                    uintptr_t ra, uint64_t *old) noexcept nogil
# Both where the TLB has a device and nothing more; -1: it is not one access to one device.
cdef int access_device_load(CPUTLB *t, vaddr_t addr, uint32_t oi, uintptr_t ra,
                            uint64_t *out) noexcept nogil
cdef int access_device_store(CPUTLB *t, vaddr_t addr, uint64_t value, uint32_t oi,
                             uintptr_t ra) noexcept nogil
# A load as instruction fetch, by the slow way (code that is not in plain RAM); size 1, 2, 4 or 8.
cdef int access_fetch(CPUTLB *t, vaddr_t addr, uint32_t size, int mmu_idx, uintptr_t ra,
                      uint64_t *out) noexcept nogil
# May bytes [addr, addr + size) be accessed? Fills, raises as the access would; touches nothing
# else.
cdef int access_probe(CPUTLB *t, vaddr_t addr, uint32_t size, int access, int mmu_idx,
                      uintptr_t ra) noexcept nogil

# The code at addr: ST_OK with *host and *ram_addr of the byte at addr and *avail, how many bytes
# from there lie in the same page and mapping. *host NULL, *ram_addr all ones: not plain memory,
# use access_fetch. Else ST_FAULT ... as raised.
cdef int get_page_addr_code(CPUTLB *t, vaddr_t addr, int mmu_idx, uint8_t **host,
                            ram_addr_t *ram_addr, uint64_t *avail) noexcept nogil
