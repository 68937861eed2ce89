# Physical accesses: translate an address, read, write, map for DMA.
# Lives here: the access path over an AddressSpace, device dispatch. Does not live here: guest
# virtual accesses (access), the TLB. Called by: access, page-table walkers, exec, api. Spec rows
# 5, 6, 53, 67.
from libc.string cimport memcpy
from engine._core.base.types cimport uint8_t, uint32_t, uint64_t, hwaddr
from engine._core.mem.context cimport (AddressSpace, FlatRange, MemContext, MemoryRegion,
                                       MemoryRegionSection)
from engine._core.mem.attrs cimport MEMTX_OK

# What a translation answers: good until the topology changes.
ctypedef struct MemSection:
    MemoryRegion *mr            # never NULL: MemContext.unassigned for a hole
    hwaddr xlat                 # offset in mr
    hwaddr len                  # bytes of what was asked that lie in this section (a hole: in it)
    uint8_t *host               # where the bytes are, if the access can be direct; else NULL
    uint8_t readonly
    uint8_t prot
    uint8_t dirty_log_mask

cdef void address_space_translate(AddressSpace *space, hwaddr addr, hwaddr len, bint is_write,
                                  uint32_t attrs, MemSection *out) noexcept nogil
# All answer MEMTX_* bits. A read of what is not there gives zeros.
cdef uint32_t address_space_read_full(AddressSpace *space, hwaddr addr, uint32_t attrs, void *buf,
                                      uint64_t len) noexcept nogil
cdef uint32_t address_space_write(AddressSpace *space, hwaddr addr, uint32_t attrs, const void *buf,
                                  uint64_t len) noexcept nogil
cdef uint32_t address_space_rw(AddressSpace *space, hwaddr addr, uint32_t attrs, void *buf,
                               uint64_t len, bint is_write) noexcept nogil
# As the loader of a ROM does: into RAM and ROM alike, devices are skipped.
cdef uint32_t address_space_write_rom(AddressSpace *space, hwaddr addr, uint32_t attrs,
                                      const void *buf, uint64_t len) noexcept nogil
# size 1, 2, 4, 8; be: byte order of the memory.
cdef uint64_t address_space_ld(AddressSpace *space, hwaddr addr, uint32_t size, bint be,
                               uint32_t attrs, uint32_t *result) noexcept nogil
cdef void address_space_st(AddressSpace *space, hwaddr addr, uint64_t value, uint32_t size, bint be,
                           uint32_t attrs, uint32_t *result) noexcept nogil
# Whether every byte has something behind it that takes the access.
cdef bint address_space_access_valid(AddressSpace *space, hwaddr addr, uint64_t len,
                                     bint is_write) noexcept nogil
# The region at addr, for at once; False: a hole.
cdef bint memory_region_find(AddressSpace *space, hwaddr addr,
                             MemoryRegionSection *out) noexcept nogil
# Host memory for a transfer: *len shrinks to what is contiguous; not direct: the bounce buffer, or
# NULL when that is taken. unmap says how much was accessed.
cdef void *address_space_map(AddressSpace *space, hwaddr addr, hwaddr *len,
                             bint is_write) noexcept nogil
cdef void address_space_unmap(AddressSpace *space, void *host, hwaddr len, bint is_write,
                              hwaddr access_len) noexcept nogil

# Bytes of the next access to a device at addr when len bytes are to be transferred (row 6).
cdef uint32_t memory_region_access_size(MemoryRegion *mr, hwaddr addr, uint64_t len) noexcept nogil
# Whether its data is big endian.
cdef bint memory_region_big(MemoryRegion *mr) noexcept nogil
cdef uint32_t memory_region_dispatch_read(MemoryRegion *mr, hwaddr addr, uint64_t *data,
                                          uint32_t size, uint32_t attrs) noexcept nogil
cdef uint32_t memory_region_dispatch_write(MemoryRegion *mr, hwaddr addr, uint64_t data,
                                           uint32_t size, uint32_t attrs) noexcept nogil

# Row 5: a short read of one directly readable section is one copy.
cdef inline uint32_t address_space_read(AddressSpace *space, hwaddr addr, uint32_t attrs, void *buf,
                                        uint64_t len) noexcept nogil:
    cdef MemSection s
    if len == 0:
        return MEMTX_OK
    if len <= 64:
        address_space_translate(space, addr, len, False, attrs, &s)
        if s.len == len and s.host != NULL:
            memcpy(buf, s.host, len)
            return MEMTX_OK
    return address_space_read_full(space, addr, attrs, buf, len)
