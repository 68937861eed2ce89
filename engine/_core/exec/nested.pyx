# A run inside of a hook of a run: see nested.pxd.
# The outer run's block is on the host's stack: its code must stay, and so must what its
# instruction has computed so far (frame slots, the IR if it is being translated). So the inner run
# gets a code buffer, a cache and working memory of its own, and afterwards the outer block is left:
# its instruction is done again alone, without the hooks that it had.
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from engine._core.backend.backend cimport CodeBuffer
from engine._core.backend.codebuf cimport code_buffer_free
from engine._core.base.atomics cimport atomic_store32
from engine._core.base.types cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead, FaultInfo
from engine._core.cpu.tb cimport TB, TBExit
from engine._core.ir.ir cimport IR, ir_free
from engine._core.isa.translator cimport Translator, translator_free
from engine._core.exec.cache cimport TBCache, cache_clear_jmp, cache_free
from engine._core.exec.engine cimport (Engine, RunArgs, RunOutcome, engine_code_open,
                                       engine_run)
from engine._core.exec.unwind cimport cpu_sync_state

cdef enum:
    CODE_SIZE = 2 << 20
    DEPTH_MAX = 32              # of hooks in runs in hooks: each takes host stack

ctypedef struct Outer:
    # of the engine
    CodeBuffer code
    IR *ir
    void *translator
    void *cache
    uint64_t last_until
    bint has_last_until
    bint until_active
    uint8_t failed
    uint8_t pc_written
    uint8_t regs_written
    TB *synced_tb
    uint32_t synced_row
    uint32_t synced_todo
    int64_t synced_left
    uint64_t event_pc
    int64_t event_left
    uint32_t event_count
    uint32_t skip_events
    uint32_t skip_hooks
    uint64_t exceptions
    uint64_t slice_begin
    # of the CPU
    uint64_t pc
    int64_t icount_left
    int64_t icount_slice
    int64_t icount_after
    uint64_t icount_total
    int32_t exit_status
    int32_t exception_index
    uint64_t exception_pc
    FaultInfo fault
    uint8_t halted
    TB **jmp_cache
    TBExit *last_exit
    uint64_t helper_ret
    TB *current_tb
    uint64_t *frame             # a copy


cdef bint enter(Engine *e, Outer *o) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    o.code = e.code
    o.ir = e.ir
    o.translator = e.translator
    o.cache = e.cache
    o.last_until = e.last_until
    o.has_last_until = e.has_last_until
    o.until_active = e.until_active
    o.failed = e.failed
    o.pc_written = e.pc_written
    o.regs_written = e.regs_written
    o.synced_tb = e.synced_tb
    o.synced_row = e.synced_row
    o.synced_todo = e.synced_todo
    o.synced_left = e.synced_left
    o.event_pc = e.event_pc
    o.event_left = e.event_left
    o.event_count = e.event_count
    o.skip_events = e.skip_events
    o.skip_hooks = e.skip_hooks
    o.exceptions = e.exceptions
    o.slice_begin = e.slice_begin
    o.pc = cpu.pc
    o.icount_left = cpu.icount_left
    o.icount_slice = cpu.icount_slice
    o.icount_after = cpu.icount_after
    o.icount_total = cpu.icount_total
    o.exit_status = cpu.exit_status
    o.exception_index = cpu.exception_index
    o.exception_pc = cpu.exception_pc
    o.fault = cpu.fault
    o.halted = cpu.halted
    o.jmp_cache = cpu.jmp_cache
    o.last_exit = cpu.last_exit
    o.helper_ret = cpu.helper_ret
    o.current_tb = cpu.current_tb
    o.frame = <uint64_t *>malloc(sizeof(cpu.frame))
    if o.frame == NULL:
        return False
    memcpy(o.frame, cpu.frame, sizeof(cpu.frame))
    memset(&e.code, 0, sizeof(CodeBuffer))
    e.cache = NULL
    if not engine_code_open(e, CODE_SIZE):
        code_buffer_free(&e.code)
        leave(e, o)
        return False
    cache_clear_jmp(<TBCache *>e.cache)
    e.ir = NULL
    e.translator = NULL
    return True


cdef void leave(Engine *e, Outer *o) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    memcpy(cpu.frame, o.frame, sizeof(cpu.frame))
    free(o.frame)
    cpu.pc = o.pc
    cpu.icount_left = o.icount_left
    cpu.icount_slice = o.icount_slice
    cpu.icount_after = o.icount_after
    cpu.icount_total = o.icount_total
    cpu.exit_status = o.exit_status
    cpu.exception_index = o.exception_index
    cpu.exception_pc = o.exception_pc
    cpu.fault = o.fault
    cpu.halted = o.halted
    cpu.jmp_cache = o.jmp_cache
    cpu.last_exit = o.last_exit
    cpu.helper_ret = o.helper_ret
    cpu.current_tb = o.current_tb
    cpu.unwind_ra = 0
    cpu.in_run = True
    e.code = o.code
    e.ir = o.ir
    e.translator = o.translator
    e.cache = o.cache
    e.last_until = o.last_until
    e.has_last_until = o.has_last_until
    e.until_active = o.until_active
    e.failed = o.failed
    e.pc_written = o.pc_written
    e.regs_written = o.regs_written
    e.synced_tb = o.synced_tb
    e.row_cursor.tb = NULL
    e.synced_row = o.synced_row
    e.synced_todo = o.synced_todo
    e.synced_left = o.synced_left
    e.event_pc = o.event_pc
    e.event_left = o.event_left
    e.event_count = o.event_count
    e.skip_events = o.skip_events
    e.skip_hooks = o.skip_hooks
    e.exceptions = o.exceptions
    e.slice_begin = o.slice_begin
    e.running = True


cdef bint engine_run_nested(Engine *e, uint64_t begin, const RunArgs *args,
                            RunOutcome *out) noexcept nogil:
    cdef Outer o
    if not e.running or e.hook_depth == 0 or e.hook_depth > DEPTH_MAX:
        return False
    cpu_sync_state(e)
    if not enter(e, &o):
        return False
    e.guest.set_pc(e.cpu, begin)
    e.running = False
    engine_run(e, args, out)
    if e.ir != NULL:
        ir_free(e.ir)
    if e.translator != NULL:
        translator_free(<Translator *>e.translator)
    cache_free(<TBCache *>e.cache)
    code_buffer_free(&e.code)
    leave(e, &o)
    cache_clear_jmp(<TBCache *>e.cache)
    e.flush_pending = True      # the inner run may have written code and watched other pages
    e.regs_written = True
    e.state_changed = True
    atomic_store32(&e.cpu.exit_request, 1)
    return True
