# Hook points: see hookpoints.pxd.
# A hook may do anything the API allows: registers, pc, memory, mappings, other hooks, stop. What
# that means for the block that is running comes back from hooks_status as a status:
#   pc was written             ST_PC_CHANGED   go on there
#   stop                       ST_EXIT         before the instruction
#   this block is out of date  ST_RETRY_ONE    redo the instruction alone, without the hooks it had,
#   (code, hooks, flush)                       then look the next block up
from libc.stdlib cimport calloc, free
from engine._core.base.types cimport (uint8_t, uint32_t, uint64_t, uintptr_t, hwaddr, ram_addr_t,
                                      vaddr_t, ACCESS_READ, ACCESS_WRITE, ST_EXIT, ST_HOOK_ERROR,
                                      ST_OK, ST_PC_CHANGED, ST_RETRY_ONE)
from engine._core.base.clock cimport clock_ns
from engine._core.cpu.head cimport CPUHead
from engine._core.cpu.interrupt cimport cpu_exit
from engine._core.cpu.tb cimport CF_COUNT_MASK, CF_SMC, TB
from engine._core.ir.ir cimport HF_STATUS, HelperInfo
from engine._core.mem.tlb cimport AccessHooks, MEMORY_FAULT_FINAL, tlb_flush_all
from engine._core.exec.cache cimport TBCache, cache_code_write, cache_find_page
from engine._core.exec.engine cimport (
    HOOK_BLOCK, HOOK_CODE, HOOK_CONTINUE, HOOK_ERROR, HOOK_EXCEPTION, HOOK_HANDLED, HOOK_INSN,
    HOOK_INSN_INVALID, HOOK_MEM_FETCH, HOOK_MEM_INVALID, HOOK_MEM_READ, HOOK_MEM_READ_AFTER,
    HOOK_MEM_WRITE, HOOK_STOP, HOOK_TLB_FILL, N_HOOK_KINDS, Engine, Hook, HookEvent, hook_fn)
from engine._core.exec.spaces cimport cpu_asidx_from_attrs
from engine._core.exec.unwind cimport cpu_sync_state


cdef enum:
    CALLS_MOST = 64             # calls between two looks at the clock,
    CALLS_NS = 500000           # unless they take longer than this together
    SLICE_NS = 4000000          # a slice that has calls does not take longer


# ---------------------------------------------------------------- lists
cdef inline bint is_memory_kind(uint32_t kind) noexcept nogil:
    return kind == HOOK_MEM_READ or kind == HOOK_MEM_WRITE or kind == HOOK_MEM_READ_AFTER


# Hooks that may take the place of what they are called for.
cdef inline bint decides(uint32_t kind) noexcept nogil:
    return (kind == HOOK_MEM_INVALID or kind == HOOK_EXCEPTION or kind == HOOK_INSN
            or kind == HOOK_INSN_INVALID)


# What translated blocks and TLB entries have built in changes with hooks of these kinds.
cdef void kind_changed(Engine *e, uint32_t kind, bint memory_hooks_appear_or_go) noexcept nogil:
    if (kind == HOOK_CODE or kind == HOOK_BLOCK or kind == HOOK_INSN or kind == HOOK_MEM_FETCH
            or memory_hooks_appear_or_go):
        e.flush_pending = True
    if is_memory_kind(kind):
        tlb_flush_all(&e.cpu.tlb)


cdef Hook *hooks_add(Engine *e, uint32_t kind, uint64_t begin, uint64_t end, hook_fn fn,
                     void *opaque, bint needs_gil, uint32_t number,
                     uint32_t access_mask) noexcept nogil:
    cdef Hook *h
    cdef Hook **at
    if kind >= N_HOOK_KINDS or fn == NULL:
        return NULL
    h = <Hook *>calloc(1, sizeof(Hook))
    if h == NULL:
        return NULL
    h.kind = kind
    h.number = number
    h.access_mask = access_mask
    h.needs_gil = needs_gil
    h.begin = begin
    h.end = end
    if begin > end:
        h.begin = 0
        h.end = 0xffffffffffffffffULL
    h.fn = fn
    h.opaque = opaque
    h.id = e.next_hook_id
    e.next_hook_id += 1
    at = &e.hooks[kind]
    while at[0] != NULL:
        at = &at[0].next
    at[0] = h
    if needs_gil:
        e.python_hooks += 1
    if is_memory_kind(kind):
        e.memory_hooks += 1
    kind_changed(e, kind, is_memory_kind(kind) and e.memory_hooks == 1)
    return h


cdef void hooks_del(Engine *e, Hook *h) noexcept nogil:
    if h == NULL or h.deleted:
        return
    h.deleted = True
    e.hooks_changed = True
    if h.needs_gil:
        e.python_hooks -= 1
    if is_memory_kind(h.kind):
        e.memory_hooks -= 1
    kind_changed(e, h.kind, is_memory_kind(h.kind) and e.memory_hooks == 0)
    if not e.running:
        hooks_reap(e)


cdef void hooks_expect_devices(Engine *e) noexcept nogil:
    if not e.devices:
        e.devices = True
        e.flush_pending = True


cdef void hooks_reap(Engine *e) noexcept nogil:
    cdef uint32_t kind
    cdef Hook **at
    cdef Hook *h
    if e.hook_depth or not e.hooks_changed:
        return
    e.hooks_changed = False
    for kind in range(<uint32_t>N_HOOK_KINDS):
        at = &e.hooks[kind]
        while at[0] != NULL:
            h = at[0]
            if h.deleted:
                at[0] = h.next
                free(h)
            else:
                at = &h.next


cdef void hooks_free_all(Engine *e) noexcept nogil:
    cdef uint32_t kind
    cdef Hook *h
    for kind in range(<uint32_t>N_HOOK_KINDS):
        while e.hooks[kind] != NULL:
            h = e.hooks[kind]
            e.hooks[kind] = h.next
            free(h)


cdef bint hooks_armed(const Engine *e, uint32_t kind, uint64_t first, uint64_t last) noexcept nogil:
    cdef const Hook *h = e.hooks[kind]
    while h != NULL:
        if not h.deleted and h.begin <= last and h.end >= first:
            return True
        h = h.next
    return False


cdef bint hooks_insn_armed(const Engine *e, uint32_t number) noexcept nogil:
    cdef const Hook *h = e.hooks[HOOK_INSN]
    while h != NULL:
        if not h.deleted and h.number == number:
            return True
        h = h.next
    return False


# ---------------------------------------------------------------- dispatch
cdef inline bint wanted(const Hook *h, const HookEvent *ev, uint32_t number) noexcept nogil:
    if h.deleted or ev.addr > h.end:
        return False
    if ev.addr < h.begin:
        if not is_memory_kind(h.kind) and h.kind != HOOK_MEM_INVALID and h.kind != HOOK_MEM_FETCH:
            return False
        # An access that begins before the range may reach into it.
        if ev.size == 0 or h.begin - ev.addr >= ev.size:
            return False
    if h.kind == HOOK_INSN:
        return h.number == number
    if h.kind == HOOK_MEM_INVALID:
        return h.access_mask == 0 or (h.access_mask >> ev.access) & 1
    return True


cdef int dispatch(Engine *e, uint32_t kind, HookEvent *ev, uint32_t number) noexcept nogil:
    cdef Hook *h = e.hooks[kind]
    cdef uint64_t limit = e.next_hook_id    # hooks added from now on wait for the next event
    cdef int answer = HOOK_CONTINUE
    cdef bint fp = leave_fp(e)
    e.hook_depth += 1
    while h != NULL:
        if h.id < limit and wanted(h, ev, number):
            answer = h.fn(e.cpu, h, ev)
            # A hook that moves the pc of an event that only tells hides it from none of the others.
            if answer != HOOK_CONTINUE or e.failed or e.pc_written and decides(kind):
                break
        h = h.next
    e.hook_depth -= 1
    enter_fp(e, fp)
    hooks_called(e)
    if e.failed:
        return HOOK_ERROR
    return answer


cdef void hooks_look_at_clock(Engine *e) noexcept nogil:
    cdef uint64_t now = clock_ns()
    if now - e.calls_since > CALLS_NS:
        e.calls_gap = 1
    elif e.calls_gap < CALLS_MOST:
        e.calls_gap *= 2
    e.calls_left = e.calls_gap
    e.calls_since = now
    if now - e.slice_begin > SLICE_NS and e.running:
        e.slice_over = True
        cpu_exit(e.cpu)


cdef int hooks_dispatch(Engine *e, uint32_t kind, HookEvent *ev) noexcept nogil:
    return dispatch(e, kind, ev, 0)


cdef int hooks_status(Engine *e, uint32_t kind, int answer) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    if answer == HOOK_ERROR:
        e.failed = True
        return ST_HOOK_ERROR
    if answer == HOOK_STOP or e.stop_requested:
        e.stop_requested = 1
        return ST_EXIT
    if e.pc_written:
        e.pc_written = False
        return ST_PC_CHANGED
    if (e.flush_pending or e.state_changed
            or (cpu.current_tb != NULL and cpu.current_tb.invalid)):
        e.state_changed = False
        return retry_one(e, kind)
    return ST_OK


# Redo the instruction alone: the hooks that it had until here are not called again.
cdef int retry_one(Engine *e, uint32_t kind) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    if kind == HOOK_BLOCK:
        e.skip_hooks = 1 << HOOK_BLOCK
    elif kind == HOOK_CODE:
        e.skip_hooks = 1 << HOOK_BLOCK | 1 << HOOK_CODE
    else:
        e.skip_hooks = 1 << HOOK_BLOCK | 1 << HOOK_CODE | 1 << HOOK_INSN
    cpu_sync_state(e)
    if e.event_pc == cpu.pc and e.event_left == cpu.icount_left:
        e.skip_events = e.event_count
    return ST_RETRY_ONE


# ---------------------------------------------------------------- helpers for translated code
cdef inline int code_event(CPUHead *cpu, uint32_t kind, uint64_t pc, uint64_t size,
                           uint64_t number) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef HookEvent ev
    ev.pc = pc
    ev.addr = pc
    ev.value = 0
    ev.value_hi = 0
    ev.size = <uint32_t>size
    ev.access = 0
    ev.exception = 0
    ev.reason = 0
    return hooks_status(e, kind, dispatch(e, kind, &ev, <uint32_t>number))


cdef uint64_t helper_hook_code(void *env, uint64_t pc, uint64_t size, uint64_t number,
                               uint64_t unused) noexcept nogil:
    return code_event(<CPUHead *>env, HOOK_CODE, pc, size, number)


cdef uint64_t helper_hook_block(void *env, uint64_t pc, uint64_t size, uint64_t number,
                                uint64_t unused) noexcept nogil:
    return code_event(<CPUHead *>env, HOOK_BLOCK, pc, size, number)


cdef uint64_t helper_hook_insn(void *env, uint64_t pc, uint64_t size, uint64_t number,
                               uint64_t unused) noexcept nogil:
    return code_event(<CPUHead *>env, HOOK_INSN, pc, size, number)


cdef HelperInfo _code, _block, _insn
_code.fn = helper_hook_code
_code.name = b"hook_code"
_code.flags = HF_STATUS
_code.n_args = 3
_block.fn = helper_hook_block
_block.name = b"hook_block"
_block.flags = HF_STATUS
_block.n_args = 3
_insn.fn = helper_hook_insn
_insn.name = b"hook_insn"
_insn.flags = HF_STATUS
_insn.n_args = 3


cdef const HelperInfo *helper_code() noexcept nogil:
    return &_code


cdef const HelperInfo *helper_block() noexcept nogil:
    return &_block


cdef const HelperInfo *helper_insn() noexcept nogil:
    return &_insn


# ---------------------------------------------------------------- memory
# State exact for an event at ra; False: this event was delivered already (see skip_events).
cdef bint begin_event(Engine *e, uintptr_t ra) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    if ra:
        cpu.unwind_ra = ra
    cpu_sync_state(e)
    if e.skip_events:
        e.skip_events -= 1
        return False
    if e.event_pc != cpu.pc or e.event_left != cpu.icount_left:
        e.event_pc = cpu.pc
        e.event_left = cpu.icount_left
        e.event_count = 0
    e.event_count += 1
    return True


cdef int memory_event(CPUHead *cpu, uint32_t kind, vaddr_t addr, uint32_t size, uint64_t value,
                      uint64_t value_hi, uintptr_t ra) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef HookEvent ev
    if e.hooks[kind] == NULL or not e.running or not begin_event(e, ra):
        return ST_OK
    ev.pc = cpu.pc
    ev.addr = addr
    ev.value = value
    ev.value_hi = value_hi
    ev.size = size
    ev.access = ACCESS_WRITE if kind == HOOK_MEM_WRITE else ACCESS_READ
    ev.exception = 0
    ev.reason = 0
    return hooks_status(e, kind, dispatch(e, kind, &ev, 0))


cdef int on_read(void *cpu, vaddr_t addr, uint32_t size, uintptr_t ra) noexcept nogil:
    return memory_event(<CPUHead *>cpu, HOOK_MEM_READ, addr, size, 0, 0, ra)


cdef int on_write(void *cpu, vaddr_t addr, uint32_t size, uint64_t value, uint64_t value_hi,
                  uintptr_t ra) noexcept nogil:
    return memory_event(<CPUHead *>cpu, HOOK_MEM_WRITE, addr, size, value, value_hi, ra)


cdef int on_read_after(void *cpu, vaddr_t addr, uint32_t size, uint64_t value, uint64_t value_hi,
                       uintptr_t ra) noexcept nogil:
    return memory_event(<CPUHead *>cpu, HOOK_MEM_READ_AFTER, addr, size, value, value_hi, ra)


cdef int on_filled(void *env, vaddr_t addr, uint32_t size, int access, hwaddr paddr, uint32_t prot,
                   uintptr_t ra) noexcept nogil:
    cdef CPUHead *cpu = <CPUHead *>env
    cdef Engine *e = <Engine *>cpu.engine
    cdef HookEvent ev
    if e.hooks[HOOK_TLB_FILL] == NULL or not e.running:
        return ST_OK
    if ra:
        cpu.unwind_ra = ra
    cpu_sync_state(e)
    ev.pc = cpu.pc
    ev.addr = addr
    ev.value = paddr
    ev.value_hi = prot
    ev.size = size
    ev.access = <uint32_t>access
    ev.exception = 0
    ev.reason = 0
    return hooks_status(e, HOOK_TLB_FILL, dispatch(e, HOOK_TLB_FILL, &ev, 0))


cdef uint32_t on_watch(void *cpu, vaddr_t page) noexcept nogil:
    cdef Engine *e = <Engine *>(<CPUHead *>cpu).engine
    cdef uint64_t last = page | ~(<CPUHead *>cpu).tlb.page_mask
    cdef uint32_t watched = 0
    if e.memory_hooks == 0:
        return 0
    if (hooks_armed(e, HOOK_MEM_READ, page, last)
            or hooks_armed(e, HOOK_MEM_READ_AFTER, page, last)):
        watched |= 1 << ACCESS_READ
    if hooks_armed(e, HOOK_MEM_WRITE, page, last):
        watched |= 1 << ACCESS_WRITE
    return watched


cdef int on_memory_fault(void *env, vaddr_t addr, hwaddr paddr, uint32_t size, int access,
                         int reason, int mmu_idx, uintptr_t ra) noexcept nogil:
    cdef CPUHead *cpu = <CPUHead *>env
    cdef Engine *e = <Engine *>cpu.engine
    cdef HookEvent ev
    cdef int answer, status
    if ra:
        cpu.unwind_ra = ra
    cpu_sync_state(e)
    if e.hooks[HOOK_MEM_INVALID] != NULL and e.running:
        ev.pc = cpu.pc
        ev.addr = addr
        ev.value = cpu.tlb.store_value if access == ACCESS_WRITE else 0
        ev.value_hi = 0
        ev.size = size
        ev.access = <uint32_t>access
        ev.exception = 0
        ev.reason = <uint32_t>reason
        e.regs_written = False
        answer = dispatch(e, HOOK_MEM_INVALID, &ev, 0)
        status = hooks_status(e, HOOK_MEM_INVALID, answer)
        if status != ST_OK:
            return status
        if answer == HOOK_HANDLED and not mmu_idx & MEMORY_FAULT_FINAL:
            # The block may hold registers across a plain access: one that was written takes
            # effect by doing the instruction again from memory (once: the hook may lie).
            if (e.regs_written and ra and cpu.current_tb != NULL
                    and not cpu.current_tb.cflags & CF_SMC):
                return retry_one(e, HOOK_MEM_INVALID)
            return ST_OK
    cpu.fault.addr = addr
    cpu.fault.paddr = paddr
    cpu.fault.size = size
    cpu.fault.access = <uint8_t>access
    cpu.fault.reason = <uint8_t>reason
    cpu.fault.hint = 0
    cpu.exception_pc = cpu.pc
    return e.guest.memory_fault(cpu, mmu_idx & ~<int>MEMORY_FAULT_FINAL)


cdef int on_tb_invalidate(void *env, ram_addr_t ram_addr, uint64_t length,
                          uintptr_t ra) noexcept nogil:
    cdef CPUHead *cpu = <CPUHead *>env
    cdef Engine *e = <Engine *>cpu.engine
    cdef TBCache *c = <TBCache *>e.cache
    cdef TB *running = cpu.current_tb
    if cache_find_page(c, ram_addr & c.page_mask) == NULL:
        # A page that is clean without blocks on it would trap on every store.
        c.unprotect(c.opaque, ram_addr & c.page_mask)
    if not cache_code_write(c, ram_addr, length, running):
        return ST_OK
    if (running.cflags & CF_COUNT_MASK) == 1:
        return ST_OK            # nothing follows in the block that could be out of date
    if ra:
        cpu.unwind_ra = ra
    e.stats.smc_retries += 1
    return retry_one(e, HOOK_MEM_WRITE)


cdef AccessHooks _access_hooks
_access_hooks.memory_fault = on_memory_fault
_access_hooks.hook_read = on_read
_access_hooks.hook_write = on_write
_access_hooks.hook_read_after = on_read_after
_access_hooks.watch = on_watch
_access_hooks.filled = on_filled
_access_hooks.tb_invalidate = on_tb_invalidate
_access_hooks.asidx = cpu_asidx_from_attrs


cdef const AccessHooks *access_hooks() noexcept nogil:
    return &_access_hooks
