# The address spaces of a CPU: which there are, and which one serves an access by its attributes.
# Lives here: the records of head.ases, a listener each that flushes the TLB when the topology
# changes. Does not live here: address spaces themselves (mem/topology). Called by: engine.pyx,
# hookpoints.pyx, debugmem.pyx, api. Spec rows 2, 3.
from engine._core.base.types cimport uint32_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine

# How many there will be. Forgets those of before: the CPU has none until
# cpu_address_space_init gives it one for every index. Not while it runs. False: out of memory.
cdef bint cpu_set_num_ases(Engine *e, uint32_t n) noexcept nogil
# space (AddressSpace*) becomes number asidx; number 0 also head.as0. -EINVAL: there is no such
# index.
cdef int cpu_address_space_init(Engine *e, void *space, uint32_t asidx) noexcept nogil
# Number of the space for these attributes: 1 for secure ones where there are two or more, else 0.
cdef uint32_t cpu_asidx_from_attrs(void *cpu, uint32_t attrs) noexcept nogil
cdef void *cpu_space_for(CPUHead *cpu, uint32_t attrs) noexcept nogil
