# The block for the CPU's state, found or translated: see lookup.pxd.
from libc.stdio cimport snprintf
from libc.string cimport memset
from engine._core.base.types cimport (uint8_t, uint32_t, uint64_t, ram_addr_t, vaddr_t,
                                      ACCESS_FETCH, ST_OK, ST_RETRY_ONE)
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.tb cimport CF_COUNT_MASK, CF_HOT, CF_NOCACHE, TB, TB_MAX_INSNS, TBExit
from engine._core.cpu.tb_hash cimport tb_jmp_cache_probe
from engine._core.mem.access cimport get_page_addr_code
from engine._core.mem.tlb cimport tlb_entry
from engine._core.ir.ir cimport HelperInfo, IR_OK, ir_new, ir_reset
from engine._core.opt.passes cimport OPT_DEFAULT, OPT_MEM_CLOBBERS, opt_run
from engine._core.isa.translator cimport (STRAIGHT_REPEATS, TranslateArgs, Translator,
                                          translate_block, translator_new)
from engine._core.backend.backend cimport BE_NO_ROOM, BE_OK
from engine._core.exec.cache cimport (
    TBCache, cache_alloc_tb, cache_drop_tb, cache_enter_jmp, cache_enter_tb, cache_flush,
    cache_invalidate_tb, cache_link, cache_lookup, no_page)
from engine._core.exec.engine cimport (HOOK_BLOCK, HOOK_CODE, HOOK_INSN, HOOK_MEM_FETCH, Engine,
                                       HookEvent)
from engine._core.exec.cover cimport cover_slot
from engine._core.exec.hookpoints cimport (helper_block, helper_code, helper_insn, hooks_armed,
                                           hooks_dispatch, hooks_insn_armed, hooks_status)
from engine._core.exec.mmaplock cimport mmap_lock, mmap_unlock
from engine._core.exec.stops cimport is_stop


cdef enum:
    NO_HEAT = 0x7fffffff


# ---------------------------------------------------------------- what the translator asks
cdef bint ask_stop(CPUHead *cpu, uint64_t pc) noexcept nogil:
    return is_stop(<Engine *>cpu.engine, pc)


cdef inline bint skipped(Engine *e, CPUHead *cpu, uint32_t kind, uint64_t pc) noexcept nogil:
    return (e.skip_hooks >> kind) & 1 and pc == cpu.pc


cdef const HelperInfo *ask_block(CPUHead *cpu, uint64_t pc) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    if skipped(e, cpu, HOOK_BLOCK, pc) or not hooks_armed(e, HOOK_BLOCK, pc, pc):
        return NULL
    return helper_block()


cdef const HelperInfo *ask_code(CPUHead *cpu, uint64_t pc) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    if skipped(e, cpu, HOOK_CODE, pc) or not hooks_armed(e, HOOK_CODE, pc, pc):
        return NULL
    return helper_code()


cdef const HelperInfo *ask_insn(CPUHead *cpu, uint64_t pc, uint32_t number) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    if skipped(e, cpu, HOOK_INSN, pc) or not hooks_insn_armed(e, number):
        return NULL
    return helper_insn()


# ---------------------------------------------------------------- translation
cdef void flush_blocks(Engine *e) noexcept nogil:
    e.flush_pending = False
    e.synced_tb = NULL
    e.row_cursor.tb = NULL
    e.cpu.last_exit = NULL
    cache_flush(<TBCache *>e.cache)
    e.stats.tb_flushes += 1


cdef TB *refuse(Engine *e, const char *what) noexcept nogil:
    snprintf(e.message, sizeof(e.message), "cannot translate the instruction at 0x%llx: %s",
             <unsigned long long>e.cpu.pc, what)
    return NULL


# Working memory that only an engine that runs needs.
cdef bint prepare_translation(Engine *e) noexcept nogil:
    if e.ir == NULL:
        e.ir = ir_new()
        if e.ir == NULL:
            return False
        e.guest.declare_globals(e.ir, e.cpu)
    if e.translator == NULL:
        e.translator = translator_new(e.guest)
    return e.translator != NULL


cdef TB *translate(Engine *e, uint32_t cflags, int *status) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef TBCache *c = <TBCache *>e.cache
    cdef TranslateArgs args
    cdef TB *tb
    cdef int result
    cdef uint32_t level
    cdef bint flushed = False
    status[0] = ST_OK
    if not prepare_translation(e):
        return refuse(e, "out of memory")
    memset(&args, 0, sizeof(args))
    args.cpu = cpu
    args.tr = <Translator *>e.translator
    if e.has_last_until or e.n_stops:
        args.stop_at = ask_stop
    if e.hooks[HOOK_BLOCK] != NULL:
        args.hook_block = ask_block
        args.straight = e.straight
    else:
        args.straight = e.straight & STRAIGHT_REPEATS
    if e.hooks[HOOK_CODE] != NULL:
        args.hook_insn = ask_code
    if e.hooks[HOOK_INSN] != NULL:
        args.hook_number = ask_insn
    if e.cover != NULL:
        args.cover = cover_slot
    while True:
        tb = cache_alloc_tb(c)
        if tb == NULL:                  # row 21: the array is full
            flush_blocks(e)
            flushed = True
            continue
        tb.pc = cpu.pc
        tb.cs_base = cpu.cs_base
        tb.flags = cpu.tb_flags
        tb.cflags = cflags
        tb.heat = e.heat if cflags == 0 else 0
        ir_reset(e.ir)
        result = translate_block(&args, tb, e.ir)
        if result != ST_OK:
            cache_drop_tb(c, tb)
            status[0] = result
            return NULL
        if e.ir.status == IR_OK:
            if e.optimise:
                level = OPT_DEFAULT
                if e.memory_hooks or e.devices:
                    level |= OPT_MEM_CLOBBERS
                opt_run(e.ir, level)
            result = e.backend.compile(e.ir, tb, &e.code, cpu)
            if result == BE_OK:
                e.stats.tb_translated += 1
                return tb
        else:
            result = BE_OK
        cache_drop_tb(c, tb)
        if result == BE_NO_ROOM and not flushed:
            flush_blocks(e)
            flushed = True
            continue
        # Too much for the IR, the back end or an empty buffer: fewer instructions.
        level = tb.icount if tb.icount else TB_MAX_INSNS
        if level <= 1:
            return refuse(e, "its translation does not fit in the code buffer"
                          if result == BE_NO_ROOM else "its translation is too large")
        args.max_insns = level // 2


# Enter a new block where lookups find it.
cdef void enter(Engine *e, TB *tb) noexcept nogil:
    cdef TBCache *c = <TBCache *>e.cache
    if tb.page_addr[0] == no_page():
        tb.cflags |= CF_NOCACHE
    if not tb.cflags & CF_NOCACHE:
        cache_enter_tb(c, tb, True)
    else:
        e.stats.one_shots += 1
        # While it runs, a store into it must be noticed; one instruction alone cannot go stale.
        if (tb.cflags & CF_COUNT_MASK) != 1 and tb.icount > 1:
            cache_enter_tb(c, tb, False)


cdef int fetch_event(Engine *e, TB *tb) noexcept nogil:
    cdef HookEvent ev
    cdef int status
    memset(&ev, 0, sizeof(ev))
    ev.pc = tb.pc
    ev.addr = tb.lo
    ev.size = tb.size
    ev.access = ACCESS_FETCH
    status = hooks_status(e, HOOK_MEM_FETCH, hooks_dispatch(e, HOOK_MEM_FETCH, &ev))
    if status == ST_RETRY_ONE:          # nothing ran yet: there is no instruction to do again
        e.skip_hooks = 0
        e.skip_events = 0
        return ST_OK
    return status


cdef ram_addr_t ram_page(void *opaque, vaddr_t addr) noexcept nogil:
    cdef Engine *e = <Engine *>opaque
    cdef uint8_t *host
    cdef ram_addr_t ram
    cdef uint64_t avail
    cdef CPUHead *cpu = e.cpu
    cdef uint32_t idx = e.guest.mmu_index(cpu, True)
    # Only what is in the TLB: a block whose second page cannot be told so is translated again.
    if tlb_entry(&cpu.tlb, idx, addr).f.addr_code != (addr & cpu.tlb.page_mask):
        return no_page()
    if get_page_addr_code(&cpu.tlb, addr, idx, &host, &ram, &avail) != ST_OK or host == NULL:
        return no_page()
    return ram & cpu.tlb.page_mask


cdef TB *lookup_block(Engine *e, uint32_t cflags, int *status) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef TBCache *c = <TBCache *>e.cache
    cdef TB *tb
    cdef uint8_t *host = NULL
    cdef ram_addr_t ram = 0
    cdef uint64_t avail = 0
    cdef bint told = False
    status[0] = ST_OK
    if cflags == 0:
        tb = tb_jmp_cache_probe(cpu, cpu.pc)
        if tb != NULL:
            return tb
        e.stats.tb_lookups += 1
    while True:
        tb = NULL
        if not cflags & CF_NOCACHE:
            status[0] = get_page_addr_code(&cpu.tlb, cpu.pc, e.guest.mmu_index(cpu, True), &host,
                                           &ram, &avail)
            if status[0] != ST_OK:
                return NULL
            if host != NULL:
                tb = cache_lookup(c, cpu.pc, ram, cpu.cs_base, cpu.tb_flags, cflags, ram_page, e)
        if tb != NULL:
            break
        tb = translate(e, cflags, status)
        if tb == NULL:
            return NULL
        enter(e, tb)
        if (not told and e.hooks[HOOK_MEM_FETCH] != NULL
                and hooks_armed(e, HOOK_MEM_FETCH, tb.lo, tb.lo + tb.size - 1)):
            told = True
            status[0] = fetch_event(e, tb)
            if status[0] != ST_OK:
                drop_one_shot(e, tb)
                return NULL
            if tb.invalid:              # the hook wrote other code
                continue
        break
    if tb.cflags == 0 and not is_stop(e, tb.pc):
        cache_enter_jmp(c, tb)
    return tb


# The new block takes over by being what lookups find; whatever jumped to the old one looks it up.
cdef void heat_block(Engine *e, TB *tb) noexcept nogil:
    cdef uint64_t flushes = e.stats.tb_flushes
    cdef int status
    cdef TB *larger
    e.cpu.pc = tb.pc
    tb.heat = NO_HEAT
    # Hooks have been told of the block that there is; where they are armed, they take the time.
    if (e.python_hooks or e.hooks[HOOK_MEM_FETCH] != NULL or e.flush_pending or tb.invalid
            or tb.cflags != 0):
        return
    larger = translate(e, CF_HOT, &status)
    if larger == NULL:
        return
    if larger.traffic > tb.traffic and flushes == e.stats.tb_flushes:
        # More code fights for the host's registers than is won by staying in one block.
        cache_drop_tb(<TBCache *>e.cache, larger)
        return
    larger.cflags &= ~<uint32_t>CF_HOT
    if flushes == e.stats.tb_flushes:
        cache_invalidate_tb(<TBCache *>e.cache, tb)
    enter(e, larger)
    e.stats.hot_blocks += 1


cdef TB *lookup_running(CPUHead *cpu) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef TBCache *c = <TBCache *>e.cache
    cdef uint32_t idx = e.guest.mmu_index(cpu, True)
    cdef uint8_t *host
    cdef ram_addr_t ram
    cdef uint64_t avail
    cdef TB *tb
    if cpu.exit_request or e.flush_pending or is_stop(e, cpu.pc):
        return NULL
    if tlb_entry(&cpu.tlb, idx, cpu.pc).f.addr_code != (cpu.pc & cpu.tlb.page_mask):
        return NULL
    if get_page_addr_code(&cpu.tlb, cpu.pc, idx, &host, &ram, &avail) != ST_OK or host == NULL:
        return NULL
    tb = cache_lookup(c, cpu.pc, ram, cpu.cs_base, cpu.tb_flags, 0, ram_page, e)
    if tb != NULL:
        cache_enter_jmp(c, tb)
    return tb


# ---------------------------------------------------------------- links, one-shot blocks
cdef void link_exit(Engine *e, TBExit *x, TB *tb) noexcept nogil:
    cdef TB *owner = x.owner
    cdef uint64_t mask = e.cpu.tlb.page_mask
    # A link survives TLB flushes, so both ends must be on one page: who may run the one may run the
    # other. Blocks for one run, of a certain length, or across pages stay out; a return may have
    # come back in another state.
    if (owner.invalid or tb.invalid or owner.cflags != 0 or tb.cflags != 0 or x.pc != tb.pc
            or owner.flags != tb.flags or owner.cs_base != tb.cs_base
            or (owner.pc ^ tb.pc) & mask or owner.page_addr[1] != no_page()
            or tb.page_addr[1] != no_page() or owner.page_addr[0] != tb.page_addr[0]
            or is_stop(e, tb.pc)):
        return
    mmap_lock(e)
    cache_link(<TBCache *>e.cache, x, tb)
    mmap_unlock(e)


cdef void drop_one_shot(Engine *e, TB *tb) noexcept nogil:
    cdef TBCache *c = <TBCache *>e.cache
    if not tb.cflags & CF_NOCACHE:
        return
    cache_invalidate_tb(c, tb)
    cache_drop_tb(c, tb)
