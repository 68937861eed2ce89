# The engine: life cycle and the functions of engine.pxd.
# Lives here: what an Engine is made of and how that is taken apart. Each topic's work is done in
# its own module: loop, cache, lookup, hookpoints, registers, stops, unwind.
from libc.errno cimport ENOMEM
from libc.stdlib cimport atoi, calloc, free, getenv, malloc
from libc.string cimport memcpy
from engine._core.backend.codebuf cimport code_buffer_init
from engine._core.base.atomics cimport atomic_store32
from engine._core.base.bits cimport max64
from engine._core.base.hostmem cimport hostmem_map
from engine._core.base.types cimport uint32_t, uint64_t, ram_addr_t
from engine._core.cpu.breakpoint cimport (cpu_breakpoint_insert, cpu_breakpoint_remove,
                                          cpu_breakpoints_free)
from engine._core.cpu.head cimport CPUHead, EXCP_NONE
from engine._core.cpu.interrupt cimport cpu_exit
from engine._core.isa.guest cimport CPUConfig, GuestOps
from engine._core.mem.context cimport (AddressSpace, MEM_SIZE_MAX, MemContext, MemoryRegion,
                                       mem_context_free, mem_context_new)
from engine._core.mem.dirty cimport tlb_protect_code, tlb_unprotect_code
from engine._core.mem.region cimport (memory_region_del_subregion, memory_region_free,
                                      memory_region_new)
from engine._core.mem.tlb cimport tlb_free, tlb_init
from engine._core.mem.topology cimport address_space_free, address_space_new
from engine._core.backend.backend cimport BackendOps
from engine._core.exec.cache cimport (TBCache, cache_again, cache_flush, cache_invalidate_range,
                                      cache_new)
from engine._core.exec.cover cimport cover_free, cpu_size
from engine._core.exec.dump cimport dump_block
from engine._core.exec.hookpoints cimport access_hooks, hooks_add, hooks_del, hooks_free_all
from engine._core.exec.loop cimport loop_runtime, run_loop
from engine._core.exec.registers cimport register_read, register_write
from engine._core.exec.spaces cimport cpu_address_space_init, cpu_set_num_ases
from engine._core.exec.spare cimport spare_give, spare_take
from engine._core.exec.stops cimport stops_added, stops_free, stops_rebuild
from engine._core.exec.unwind cimport cpu_sync_state

cdef enum:
    CODE_SIZE_DEFAULT = 12 << 20
    CODE_SIZE_MIN = 1 << 14
    CODE_ALIGN = 16
    SLICE_FIRST = 262144            # instructions
    HEAT = 1000
    N_PORTS = 1 << 16


# ---------------------------------------------------------------- back edges from mem
cdef void on_protect(void *opaque, ram_addr_t page) noexcept nogil:
    tlb_protect_code(<MemContext *>(<Engine *>opaque).mem, page)


cdef void on_unprotect(void *opaque, ram_addr_t page) noexcept nogil:
    tlb_unprotect_code(<MemContext *>(<Engine *>opaque).mem, page)


# Somebody but the guest (host API, DMA, ROM loading) wrote RAM that may hold code. The running
# block finds out by its `invalid` when the hook or I/O function that wrote returns.
cdef void on_foreign_write(void *opaque, ram_addr_t addr, uint64_t length) noexcept nogil:
    cdef Engine *e = <Engine *>opaque
    cache_invalidate_range(<TBCache *>e.cache, addr, addr + length, NULL)


# Row 2: the CPU's view of its address space changed.
# ---------------------------------------------------------------- life
cdef bint open_memory(Engine *e) noexcept nogil:
    cdef const GuestOps *guest = e.guest
    cdef CPUHead *cpu = e.cpu
    e.mem = mem_context_new(guest.page_bits, e.config.big_endian)
    if e.mem == NULL:
        return False
    (<MemContext *>e.mem).code_logging = True
    (<MemContext *>e.mem).tb_invalidate_range = on_foreign_write
    (<MemContext *>e.mem).tb_opaque = e
    e.system_memory = memory_region_new(<MemContext *>e.mem, b"system", MEM_SIZE_MAX)
    if e.system_memory == NULL:
        return False
    e.system_as = address_space_new(<MemContext *>e.mem, <MemoryRegion *>e.system_memory,
                                    b"memory")
    if e.system_as == NULL:
        return False
    if not tlb_init(&cpu.tlb, cpu, e.mem, guest.n_mmu_modes, guest.page_bits, guest.tlb_fill):
        return False
    cpu.tlb.hooks = access_hooks()
    # Row 3: the CPU is born without an address space, and gets the machine's.
    return cpu_set_num_ases(e, 1) and cpu_address_space_init(e, e.system_as, 0) == 0


cdef bint engine_ports_open(Engine *e) noexcept nogil:
    cdef MemContext *ctx = <MemContext *>e.mem
    if e.cpu.io != NULL:
        return True
    if e.io_memory == NULL:
        e.io_memory = memory_region_new(ctx, b"io", N_PORTS)
    if e.io_memory != NULL:
        e.cpu.io = address_space_new(ctx, <MemoryRegion *>e.io_memory, b"io")
    return e.cpu.io != NULL


cdef inline uint64_t code_bytes(uint64_t code_size) noexcept nogil:
    if code_size == 0:
        return CODE_SIZE_DEFAULT
    return max64(code_size, CODE_SIZE_MIN) & ~<uint64_t>(CODE_ALIGN - 1)


cdef bint engine_code_open(Engine *e, uint64_t code_size) noexcept nogil:
    cdef TBCache *c = <TBCache *>e.cache
    if c != NULL:
        cache_again(c)          # of an engine before
    else:
        if not code_buffer_init(&e.code, e.backend, code_bytes(code_size)):
            return False
        c = cache_new(&e.code, e.backend, e.guest.page_bits, on_protect, on_unprotect, e)
        e.cache = c
        if c == NULL:
            return False
    e.cpu.jmp_cache = c.jmp_cache
    c.returns = e.cpu.returns
    return True


cdef Engine *fresh(const GuestOps *guest, const BackendOps *backend) noexcept nogil:
    cdef Engine *e = <Engine *>calloc(1, sizeof(Engine))
    if e == NULL:
        return NULL
    e.guest = guest
    e.backend = backend
    e.cpu = <CPUHead *>hostmem_map(cpu_size(guest))
    if e.cpu == NULL:
        free(e)
        return NULL
    return e


cdef Engine *engine_new(const GuestOps *guest, const CPUConfig *cfg, const BackendOps *backend,
                        uint64_t code_size) noexcept nogil:
    cdef Engine *e = spare_take(guest, backend, code_bytes(code_size))
    cdef CPUHead *cpu
    if e == NULL:
        e = fresh(guest, backend)
        if e == NULL:
            return NULL
    e.config = cfg[0]
    e.optimise = True
    e.heat = HEAT
    if getenv("ENGINE_HEAT") != NULL:
        e.heat = atoi(getenv("ENGINE_HEAT"))
    e.deliver = cfg.deliver
    e.next_hook_id = 1
    e.slice_size = SLICE_FIRST
    loop_runtime(e)
    cpu = e.cpu
    cpu.guest = guest               # row 47: both ways, index, no address space yet
    cpu.engine = e
    cpu.exception_index = EXCP_NONE
    if (not engine_code_open(e, code_size) or not open_memory(e)
            or guest.init(cpu, &e.config) != 0):
        engine_free(e)
        return NULL
    guest.reset(cpu)
    guest.update_tb_flags(cpu)
    return e


cdef void free_tree(MemoryRegion *root) noexcept nogil:
    if root == NULL:
        return
    while root.first_child != NULL:
        memory_region_del_subregion(root, root.first_child)
    memory_region_free(root)


cdef void engine_free(Engine *e) noexcept nogil:
    if e == NULL:
        return
    hooks_free_all(e)
    stops_free(e)
    cpu_breakpoints_free(e.cpu)
    cover_free(e)
    if e.mem != NULL:
        (<MemContext *>e.mem).tb_invalidate_range = NULL
        if e.cache != NULL:
            cache_flush(<TBCache *>e.cache)
        cpu_set_num_ases(e, 0)
        tlb_free(&e.cpu.tlb)
        if e.system_as != NULL:
            address_space_free(<AddressSpace *>e.system_as)
        if e.cpu.io != NULL:
            address_space_free(<AddressSpace *>e.cpu.io)
        free_tree(<MemoryRegion *>e.system_memory)
        free_tree(<MemoryRegion *>e.io_memory)
        mem_context_free(<MemContext *>e.mem)
    spare_give(e)


# ---------------------------------------------------------------- run
cdef void engine_run(Engine *e, const RunArgs *args, RunOutcome *out) noexcept nogil:
    cdef RunArgs one
    if not e.cpu.singlestep:
        run_loop(e, args, out)
        return
    one = args[0]
    if not one.has_count or one.count > 1:
        one.has_count = True
        one.count = 1
    run_loop(e, &one, out)
    if out.reason == STOP_COUNT and out.icount:
        out.reason = STOP_BREAKPOINT        # row 56: single-step is a debug stop


cdef void engine_single_step(Engine *e, bint on) noexcept nogil:
    if e.cpu.singlestep != on:
        e.cpu.singlestep = on
        engine_tb_flush(e)


cdef void engine_stop(Engine *e) noexcept nogil:
    atomic_store32(&e.stop_requested, 1)
    cpu_exit(e.cpu)


cdef void engine_fail(Engine *e) noexcept nogil:
    e.failed = True
    cpu_exit(e.cpu)


cdef void engine_tb_flush(Engine *e) noexcept nogil:
    e.flush_pending = True
    if e.running:
        cpu_exit(e.cpu)


cdef void engine_sync(Engine *e) noexcept nogil:
    if e.cpu.unwind_ra:
        cpu_sync_state(e)


cdef int engine_reg_read(Engine *e, uint32_t reg, uint64_t *value) noexcept nogil:
    return register_read(e, reg, value)


cdef int engine_reg_write(Engine *e, uint32_t reg, const uint64_t *value) noexcept nogil:
    return register_write(e, reg, value)


# ---------------------------------------------------------------- hooks, stop addresses
cdef Hook *engine_hook_add(Engine *e, uint32_t kind, uint64_t begin, uint64_t end, hook_fn fn,
                           void *opaque, bint needs_gil, uint32_t number,
                           uint32_t access_mask) noexcept nogil:
    return hooks_add(e, kind, begin, end, fn, opaque, needs_gil, number, access_mask)


cdef void engine_hook_del(Engine *e, Hook *h) noexcept nogil:
    hooks_del(e, h)


cdef int engine_breakpoint_insert(Engine *e, uint64_t pc, uint32_t flags) noexcept nogil:
    cdef int result = cpu_breakpoint_insert(e.cpu, pc, flags)
    if result == 0:
        result = stops_rebuild(e)
        if result != 0:
            cpu_breakpoint_remove(e.cpu, pc, flags)
    if result == 0:
        stops_added(e, pc)
    return result


cdef int engine_breakpoint_remove(Engine *e, uint64_t pc, uint32_t flags) noexcept nogil:
    cdef int result = cpu_breakpoint_remove(e.cpu, pc, flags)
    if result == 0:
        stops_rebuild(e)            # fewer than before: there is room
    return result


cdef int engine_exits_set(Engine *e, const uint64_t *pcs, uint32_t n) noexcept nogil:
    cdef uint64_t *fresh = NULL
    cdef uint64_t *old = e.exits
    cdef uint32_t n_old = e.n_exits, i
    if n:
        fresh = <uint64_t *>malloc(n * sizeof(uint64_t))
        if fresh == NULL:
            return -ENOMEM
        memcpy(fresh, pcs, n * sizeof(uint64_t))
    e.exits = fresh
    e.n_exits = n
    if stops_rebuild(e) != 0:
        e.exits = old
        e.n_exits = n_old
        free(fresh)
        return -ENOMEM
    free(old)
    for i in range(n):
        stops_added(e, fresh[i])
    return 0


cdef uint32_t engine_dump_tb(Engine *e, uint64_t pc, uint32_t stage, char *out, uint32_t size,
                             uint64_t *base) noexcept nogil:
    return dump_block(e, pc, stage, out, size, base)
