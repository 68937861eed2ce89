# Guest virtual memory for debuggers: no permissions, no faults, no TLB fills, no hooks.
# Lives here: reads and writes page by page through the guest's debug translation (spec row 1).
# Called by: api, gdb stub, stack and string helpers.
from engine._core.base.types cimport hwaddr, uint32_t, uint64_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine

# Physical page of a virtual address, or all ones. attrs may be NULL.
cdef hwaddr cpu_get_phys_page_attrs_debug(CPUHead *cpu, vaddr_t addr,
                                          uint32_t *attrs) noexcept nogil
# Both answer how many bytes were done: less than size where something is not mapped.
cdef uint64_t engine_vm_read(Engine *e, vaddr_t addr, void *out, uint64_t size) noexcept nogil
# Writes also into ROM, as a debugger's breakpoints do.
cdef uint64_t engine_vm_write(Engine *e, vaddr_t addr, const void *data,
                              uint64_t size) noexcept nogil
