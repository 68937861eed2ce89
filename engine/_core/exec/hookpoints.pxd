# Hook points: where translated code and the access path turn to hooks.
# Lives here: the hook lists, dispatch, the helpers that translated code calls, AccessHooks for mem.
# Does not live here: Python (api/hooks), where calls to the helpers are put (isa/translator).
# Called by: translate (what is armed), loop (exceptions), mem/access through access_hooks().
from engine._core.base.types cimport uint32_t, uint64_t, uintptr_t, vaddr_t
from engine._core.cpu.head cimport CPUHead
from engine._core.fp.host cimport fp_host_enter, fp_host_leave
from engine._core.ir.ir cimport HelperInfo
from engine._core.mem.tlb cimport AccessHooks
from engine._core.exec.engine cimport Engine, Hook, HookEvent, hook_fn

cdef Hook *hooks_add(Engine *e, uint32_t kind, uint64_t begin, uint64_t end, hook_fn fn,
                     void *opaque, bint needs_gil, uint32_t number,
                     uint32_t access_mask) noexcept nogil
cdef void hooks_del(Engine *e, Hook *h) noexcept nogil
# Free deleted hooks; nothing of them runs now.
cdef void hooks_reap(Engine *e) noexcept nogil
cdef void hooks_free_all(Engine *e) noexcept nogil

# Device functions from above api/ may be called from now on: blocks must expect a memory access to
# write registers.
cdef void hooks_expect_devices(Engine *e) noexcept nogil
# Call the hooks of a kind for an event, in the order added. Answers HOOK_*.
cdef int hooks_dispatch(Engine *e, uint32_t kind, HookEvent *ev) noexcept nogil
# Another call of a hook or device is done. These may take any time: every few of them the clock
# is looked at, and a slice that takes too long ends at the next block head.
cdef void hooks_look_at_clock(Engine *e) noexcept nogil

cdef inline void hooks_called(Engine *e) noexcept nogil:
    e.calls_left -= 1
    if e.calls_left <= 0:
        hooks_look_at_clock(e)

# What emitted code has to do after hooks of a kind answered `answer`: ST_*.
cdef int hooks_status(Engine *e, uint32_t kind, int answer) noexcept nogil

# Guest FP mode off before foreign code runs (True: it was on), and on again.
cdef inline bint leave_fp(Engine *e) noexcept nogil:
    if not e.fp_entered:
        return False
    e.fp_entered = False
    fp_host_leave(&e.cpu.fpst)
    return True


cdef inline void enter_fp(Engine *e, bint was_on) noexcept nogil:
    if was_on:
        fp_host_enter(&e.cpu.fpst)
        e.fp_entered = True


# Is a hook of the kind armed for any address in [first, last]?
cdef bint hooks_armed(const Engine *e, uint32_t kind, uint64_t first, uint64_t last) noexcept nogil
cdef bint hooks_insn_armed(const Engine *e, uint32_t number) noexcept nogil

# Helpers with status for translated code: (pc, size, number of the instruction's pattern).
cdef const HelperInfo *helper_code() noexcept nogil
cdef const HelperInfo *helper_block() noexcept nogil
cdef const HelperInfo *helper_insn() noexcept nogil

cdef const AccessHooks *access_hooks() noexcept nogil
