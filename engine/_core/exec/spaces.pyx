# The address spaces of a CPU: see spaces.pxd.
from libc.errno cimport EINVAL
from libc.stdlib cimport calloc, free
from engine._core.cpu.interrupt cimport cpu_exit
from engine._core.mem.attrs cimport MEMTXATTRS_SECURE
from engine._core.mem.context cimport AddressSpace, MemContext, MemoryListener
from engine._core.mem.tlb cimport tlb_flush_all
from engine._core.mem.topology cimport memory_listener_register, memory_listener_unregister
from engine._core.exec.cache cimport TBCache, cache_clear_jmp


cdef void forget_translations(Engine *e) noexcept nogil:
    tlb_flush_all(&e.cpu.tlb)
    if e.cache != NULL:
        cache_clear_jmp(<TBCache *>e.cache)
    if e.running:
        cpu_exit(e.cpu)             # chained blocks of the page may not be there any more


cdef void on_commit(MemoryListener *listener) noexcept nogil:
    forget_translations(<Engine *>listener.opaque)


cdef bint cpu_set_num_ases(Engine *e, uint32_t n) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef uint32_t i
    cdef MemoryListener *listeners = <MemoryListener *>e.as_listeners
    for i in range(cpu.num_ases):
        if cpu.ases[i] != NULL:
            memory_listener_unregister(<MemContext *>e.mem, &listeners[i])
    free(cpu.ases)
    free(listeners)
    e.as_listeners = NULL
    cpu.ases = NULL
    cpu.as0 = NULL
    cpu.num_ases = 0
    cpu.tlb.ases = NULL
    cpu.tlb.n_ases = 0
    if n == 0:
        return True
    cpu.ases = <void **>calloc(n, sizeof(void *))
    e.as_listeners = calloc(n, sizeof(MemoryListener))
    if cpu.ases == NULL or e.as_listeners == NULL:
        return False
    cpu.num_ases = n
    cpu.tlb.ases = cpu.ases
    cpu.tlb.n_ases = n
    return True


cdef int cpu_address_space_init(Engine *e, void *space, uint32_t asidx) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef MemoryListener *listener
    if asidx >= cpu.num_ases or space == NULL:
        return -EINVAL
    listener = &(<MemoryListener *>e.as_listeners)[asidx]
    if cpu.ases[asidx] != NULL:
        memory_listener_unregister(<MemContext *>e.mem, listener)
    cpu.ases[asidx] = space
    if asidx == 0:
        cpu.as0 = space
    listener.commit = on_commit
    listener.opaque = e
    memory_listener_register(<MemContext *>e.mem, listener, <AddressSpace *>space)
    forget_translations(e)
    return 0


cdef uint32_t cpu_asidx_from_attrs(void *cpu, uint32_t attrs) noexcept nogil:
    return attrs & MEMTXATTRS_SECURE and (<CPUHead *>cpu).num_ases > 1


cdef void *cpu_space_for(CPUHead *cpu, uint32_t attrs) noexcept nogil:
    return cpu.ases[cpu_asidx_from_attrs(cpu, attrs)]
