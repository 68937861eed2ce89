# Guest virtual memory for debuggers: see debugmem.pxd.
from engine._core.base.types cimport hwaddr, uint8_t, uint32_t, uint64_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.guest cimport GuestOps
from engine._core.mem.address_space cimport (address_space_access_valid, address_space_read,
                                             address_space_write_rom)
from engine._core.mem.attrs cimport MEMTX_OK, MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace
from engine._core.exec.engine cimport Engine
from engine._core.exec.spaces cimport cpu_space_for
from engine._core.exec.unwind cimport cpu_sync_state


cdef hwaddr cpu_get_phys_page_attrs_debug(CPUHead *cpu, vaddr_t addr,
                                          uint32_t *attrs) noexcept nogil:
    cdef const GuestOps *guest = <const GuestOps *>cpu.guest
    cdef uint32_t scratch = MEMTXATTRS_UNSPECIFIED
    return guest.phys_page_attrs_debug(cpu, addr & cpu.tlb.page_mask,
                                       &scratch if attrs == NULL else attrs)


cdef uint64_t walk(Engine *e, vaddr_t addr, uint8_t *data, uint64_t size,
                   bint write) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef AddressSpace *space
    cdef uint64_t done = 0, chunk, page_size = ~cpu.tlb.page_mask + 1
    cdef uint32_t attrs, result
    cdef hwaddr page
    if cpu.unwind_ra:
        cpu_sync_state(e)       # translation depends on state that may be stale in a hook
    while done < size:
        chunk = page_size - (addr & ~cpu.tlb.page_mask)
        if chunk > size - done:
            chunk = size - done
        attrs = MEMTXATTRS_UNSPECIFIED
        page = cpu_get_phys_page_attrs_debug(cpu, addr, &attrs)
        if page == 0xffffffffffffffffULL:
            break
        page |= addr & ~cpu.tlb.page_mask
        space = <AddressSpace *>cpu_space_for(cpu, attrs)
        if not address_space_access_valid(space, page, chunk, False):
            break
        if write:
            result = address_space_write_rom(space, page, attrs, data + done, chunk)
        else:
            result = address_space_read(space, page, attrs, data + done, chunk)
        if result != MEMTX_OK:
            break
        done += chunk
        addr += chunk
    return done


cdef uint64_t engine_vm_read(Engine *e, vaddr_t addr, void *out, uint64_t size) noexcept nogil:
    return walk(e, addr, <uint8_t *>out, size, False)


cdef uint64_t engine_vm_write(Engine *e, vaddr_t addr, const void *data,
                              uint64_t size) noexcept nogil:
    return walk(e, addr, <uint8_t *>data, size, True)
