# run(): see loop.pxd.
# One turn of the loop: what others asked for, exceptions, interrupts, stop addresses, limits; then
# find a block, link the exit that led here to it, run until something leaves, unwind.
#
# Counting: head.icount_left is the budget of a slice. Blocks take theirs before they run and
# unwinding gives back what was not done, so icount_total + (icount_slice - icount_left) is exact
# between blocks.
from libc.stdio cimport snprintf
from engine._core.base.atomics cimport atomic_store32
from engine._core.base.bits cimport min64
from engine._core.base.clock cimport clock_ns
from engine._core.base.types cimport (
    int32_t, int64_t, uint32_t, uint64_t, uintptr_t, vaddr_t, ST_EXIT, ST_FAULT, ST_HOOK_ERROR,
    ST_NEXT, ST_OK, ST_PC_CHANGED, ST_RETRY_ONE)
from engine._core.cpu.breakpoint cimport cpu_breakpoint_test
from engine._core.cpu.head cimport (
    BP_ANY, CPUHead, EXCP_DEBUG, EXCP_HALTED, EXCP_HLT, EXCP_INTERRUPT, EXCP_NONE, EXCP_YIELD,
    FAULT_ILLEGAL, FAULT_NONE, FAULT_TRAP)
from engine._core.cpu.interrupt cimport cpu_exit
from engine._core.cpu.tb cimport (CF_NOCACHE, CF_SMC, EXIT_GOTO, EXIT_HOT, EXIT_ICOUNT,
                                  EXIT_LOOKUP, EXIT_STATUS, TB, TB_MAX_INSNS, TBExit)
from engine._core.ir.ops_gen cimport OP_gcas
from engine._core.mem.access cimport access_load, access_rmw, access_store, access_store128
from engine._core.exec.engine cimport (HOOK_CONTINUE, HOOK_ERROR, HOOK_EXCEPTION, HOOK_INSN_INVALID,
                                       HOOK_STOP, STOP_BREAKPOINT, STOP_COUNT, STOP_ERROR,
                                       STOP_EXCEPTION, STOP_FAULT, STOP_HALT, STOP_INTERNAL,
                                       STOP_REQUEST, STOP_SIGNAL, STOP_TIMEOUT, STOP_UNTIL, Engine,
                                       HookEvent, RunArgs, RunOutcome)
from engine._core.exec.hookpoints cimport enter_fp, hooks_dispatch, hooks_reap, leave_fp
from engine._core.exec.lookup cimport (drop_one_shot, flush_blocks, heat_block, link_exit,
                                       lookup_block, lookup_running)
from engine._core.exec.stops cimport is_stop, stops_is_exit, stops_set_until
from engine._core.exec.unwind cimport cpu_restore_state

cdef enum:
    GO_ON = -1                  # not a STOP_*
    SLICE_MIN = 4096
    SLICE_MAX = 1 << 30
    SLICE_PYTHON = 16384        # first slice while Python hooks make instructions slow
    KEEP = 64                   # a block cut to a count up to this is kept: such runs come again
    CHURN = 256                 # turns without progress of the count between looks at the clock

ctypedef struct Run:
    const RunArgs *args
    RunOutcome *out
    uint64_t start              # icount_total when the run began
    uint64_t start_pc
    uint64_t deadline           # ns, 0: none
    uint32_t cflags             # of the next block: not 0 once an instruction must be done alone
    uint32_t churn
    bint full_slice             # the budget is a whole slice


# ---------------------------------------------------------------- slow paths
# What emitted code calls goes through here so that the guest's FP mode is off while devices run.
cdef int after_access(Engine *e, int status) noexcept nogil:
    if status != ST_OK:
        return status
    if e.failed:
        return ST_HOOK_ERROR
    if e.pc_written:
        e.pc_written = False
        return ST_PC_CHANGED
    if (e.flush_pending or e.state_changed
            or (e.cpu.current_tb != NULL and e.cpu.current_tb.invalid)):
        e.state_changed = False
        cpu_exit(e.cpu)         # an I/O function: the access is done and must not be done again
    return ST_OK


cdef int rt_load(CPUHead *cpu, vaddr_t addr, uint32_t oi, uintptr_t ra,
                 uint64_t *out) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef bint fp = leave_fp(e)
    cdef int status = after_access(e, access_load(&cpu.tlb, addr, oi, ra, out))
    enter_fp(e, fp)
    return status


cdef int rt_store128(CPUHead *cpu, vaddr_t addr, const uint64_t *value, uint32_t oi,
                     uintptr_t ra) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef bint fp = leave_fp(e)
    cdef int status = after_access(e, access_store128(&cpu.tlb, addr, value, oi, ra))
    enter_fp(e, fp)
    return status


cdef int rt_store(CPUHead *cpu, vaddr_t addr, uint64_t value, uint32_t oi,
                  uintptr_t ra) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef bint fp = leave_fp(e)
    cdef int status = after_access(e, access_store(&cpu.tlb, addr, value, oi, ra))
    enter_fp(e, fp)
    return status


cdef int rt_rmw(CPUHead *cpu, uint32_t opc, vaddr_t addr, uint64_t a, uint64_t b, uint32_t oi,
                uintptr_t ra, uint64_t *old) noexcept nogil:
    cdef Engine *e = <Engine *>cpu.engine
    cdef bint fp = leave_fp(e)
    cdef int status = after_access(
        e, access_rmw(&cpu.tlb, opc - OP_gcas, addr, a, b, oi, ra, old))
    enter_fp(e, fp)
    return status


cdef void loop_runtime(Engine *e) noexcept nogil:
    e.rt.load = rt_load
    e.rt.store = rt_store
    e.rt.store128 = rt_store128
    e.rt.rmw = rt_rmw
    e.rt.lookup = lookup_running


# ---------------------------------------------------------------- the count
cdef inline uint64_t retired(const CPUHead *cpu, const Run *r) noexcept nogil:
    return cpu.icount_total + <uint64_t>(cpu.icount_slice - cpu.icount_left) - r.start


# Instructions that may still run: all ones without a limit.
cdef inline uint64_t remaining(const CPUHead *cpu, const Run *r) noexcept nogil:
    return r.args.count - retired(cpu, r) if r.args.has_count else 0xffffffffffffffffULL


cdef void begin_slice(Engine *e, Run *r) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef uint64_t left
    cpu.icount_total += <uint64_t>(cpu.icount_slice - cpu.icount_left)
    cpu.icount_slice = 0
    cpu.icount_left = 0
    left = remaining(cpu, r)
    r.full_slice = left >= e.slice_size
    cpu.icount_after = 0
    if r.full_slice:
        cpu.icount_after = <int64_t>min64(left - e.slice_size, 1ULL << 62)
        left = e.slice_size
    cpu.icount_slice = <int64_t>left
    cpu.icount_left = <int64_t>left
    e.slice_over = False
    e.event_count = 0
    e.event_left = -1
    e.synced_tb = NULL


# A slice is over (or much happened without progress): adapt, look at the clock, call back.
cdef int end_slice(Engine *e, Run *r) noexcept nogil:
    cdef uint64_t now = clock_ns()
    cdef uint64_t took = now - e.slice_begin
    cdef bint fp
    cdef int asked
    if r.full_slice and e.cpu.icount_left < TB_MAX_INSNS:
        if took < 2000000 and e.slice_size < SLICE_MAX:
            e.slice_size *= 2
        elif took > 4000000:
            e.slice_size = e.slice_size * 3000000 // took
            if e.slice_size < SLICE_MIN:
                e.slice_size = SLICE_MIN
    e.slice_begin = now
    begin_slice(e, r)
    if r.deadline and now >= r.deadline:
        return STOP_TIMEOUT
    if r.args.slice != NULL:
        fp = leave_fp(e)
        asked = r.args.slice(e, r.args.slice_opaque)
        enter_fp(e, fp)
        if asked:
            return STOP_SIGNAL
    return GO_ON


# ---------------------------------------------------------------- exceptions
cdef int internal(Engine *e, const char *what) noexcept nogil:
    snprintf(e.message, sizeof(e.message), "%s (pc 0x%llx)", what,
             <unsigned long long>e.cpu.pc)
    return STOP_INTERNAL


cdef int ask_hooks(Engine *e, uint32_t kind) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef HookEvent ev
    ev.pc = cpu.pc
    ev.addr = cpu.pc
    ev.value = cpu.fault.addr
    ev.value_hi = 0
    ev.size = cpu.fault.size
    ev.access = cpu.fault.access
    ev.exception = cpu.exception_index
    ev.reason = cpu.fault.reason
    return hooks_dispatch(e, kind, &ev)


# cpu.exception_index is pending.
cdef int handle_exception(Engine *e, Run *r) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef int32_t index = cpu.exception_index
    cdef int answer = HOOK_CONTINUE
    r.churn += 1
    if index >= EXCP_INTERRUPT:         # not the guest's: row 56
        cpu.exception_index = EXCP_NONE
        if index == EXCP_HLT or index == EXCP_HALTED:
            cpu.halted = True
            return GO_ON
        if index == EXCP_DEBUG:
            return STOP_BREAKPOINT
        if index == EXCP_INTERRUPT:
            return STOP_REQUEST
        if index == EXCP_YIELD:
            return GO_ON
        r.out.exception = index
        return STOP_EXCEPTION
    if cpu.fault.reason == FAULT_ILLEGAL and e.hooks[HOOK_INSN_INVALID] != NULL:
        answer = ask_hooks(e, HOOK_INSN_INVALID)
    if (answer == HOOK_CONTINUE and not e.pc_written and e.hooks[HOOK_EXCEPTION] != NULL):
        answer = ask_hooks(e, HOOK_EXCEPTION)
    if answer != HOOK_CONTINUE or e.pc_written or e.stop_requested:
        e.pc_written = False
        cpu.exception_index = EXCP_NONE
        cpu.fault.reason = FAULT_NONE
        if answer == HOOK_ERROR:
            e.failed = True
            return STOP_ERROR
        return STOP_REQUEST if answer == HOOK_STOP or e.stop_requested else GO_ON
    e.exceptions += 1
    if e.deliver:
        # A guest that only traps retires nothing: the count bounds its traps, too.
        if r.args.has_count and e.exceptions > r.args.count:
            return STOP_COUNT
        cpu.exit_status = ST_OK
        e.guest.do_interrupt(cpu)
        cpu.exception_index = EXCP_NONE
        cpu.fault.reason = FAULT_NONE
        if cpu.exit_status == ST_HOOK_ERROR:
            e.failed = True
            return STOP_ERROR
        return STOP_REQUEST if cpu.exit_status == ST_EXIT else GO_ON
    r.out.exception = index
    r.out.fault = cpu.fault
    cpu.exception_index = EXCP_NONE
    cpu.fault.reason = FAULT_NONE
    if r.out.fault.reason == FAULT_NONE or r.out.fault.reason == FAULT_TRAP:
        return STOP_EXCEPTION
    return STOP_FAULT


# ---------------------------------------------------------------- one turn, before the block
cdef int asked_for(Engine *e, Run *r) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    atomic_store32(&cpu.exit_request, 0)        # before the reasons are read: none is lost
    if e.failed:
        return STOP_ERROR
    if e.stop_requested:
        return STOP_REQUEST
    if e.slice_over:
        r.churn = CHURN
    return GO_ON


# What stands in the way of running a block at pc: GO_ON, or why the run ends.
cdef int before_block(Engine *e, Run *r) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef int reason
    while True:
        if cpu.exit_request or e.failed or e.stop_requested:
            reason = asked_for(e, r)
            if reason != GO_ON:
                return reason
        if e.flush_pending:
            flush_blocks(e)
        if e.hooks_changed:
            hooks_reap(e)
        if cpu.exception_index != EXCP_NONE:
            reason = handle_exception(e, r)
            if reason != GO_ON:
                return reason
            r.cflags = 0
            e.skip_hooks = 0
            e.skip_events = 0
        elif (cpu.interrupt_request and e.deliver and r.cflags == 0
                and e.guest.pending_interrupt(cpu)):
            continue
        elif cpu.halted:
            if not e.guest.has_work(cpu):
                return STOP_HALT
            cpu.halted = False
        else:
            break
        if r.churn >= CHURN:
            r.churn = 0
            reason = end_slice(e, r)
            if reason != GO_ON:
                return reason
    if is_stop(e, cpu.pc):
        if e.until_active and cpu.pc == e.last_until:
            return STOP_UNTIL
        if e.n_exits and stops_is_exit(e, cpu.pc):
            return STOP_UNTIL
        # Going on from a breakpoint: its instruction runs.
        if cpu_breakpoint_test(cpu, cpu.pc, BP_ANY) and (cpu.pc != r.start_pc
                                                         or retired(cpu, r) != 0):
            return STOP_BREAKPOINT
    if r.churn >= CHURN or cpu.icount_left <= 0:
        r.churn = 0
        if remaining(cpu, r) == 0:
            return STOP_COUNT
        return end_slice(e, r)
    return GO_ON


# ---------------------------------------------------------------- one turn, the block and after
# Answers GO_ON or why the run ends; *from is the exit that led out, to be linked.
cdef int after_block(Engine *e, Run *r, uint32_t left_by, TBExit **came) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef int status
    if left_by == EXIT_GOTO:
        came[0] = cpu.last_exit
        cpu.pc = cpu.last_exit.pc
        return GO_ON
    if left_by == EXIT_ICOUNT:
        if not cpu_restore_state(e, False, False):
            return internal(e, b"a block left at an address that is in no block")
        if not cpu.exit_request:
            # The budget is too small for the next block. A slice's: a new one. The count's: the
            # next turn makes a block that fits, or before_block says that it is used up.
            if r.full_slice:
                r.churn = CHURN
        return GO_ON
    status = cpu.exit_status
    if left_by == EXIT_STATUS:
        r.churn += 1
        if status == ST_OK or not cpu_restore_state(
                e, status == ST_PC_CHANGED or status == ST_NEXT, status == ST_NEXT):
            return internal(e, b"a block left at an address that is in no block")
    elif left_by != EXIT_LOOKUP:
        return internal(e, b"the back end left a block in an unknown way")
    if status == ST_RETRY_ONE:
        r.cflags = 1 | CF_NOCACHE | CF_SMC
    elif status == ST_HOOK_ERROR:
        e.failed = True
        return STOP_ERROR
    elif status == ST_EXIT:
        return STOP_REQUEST
    elif status == ST_FAULT and cpu.exception_index == EXCP_NONE:
        return internal(e, b"an instruction failed without an exception")
    return GO_ON


cdef int run_turns(Engine *e, Run *r) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef TBExit *came = NULL
    cdef TB *tb
    cdef uint64_t left, flushes
    cdef uint32_t left_by, cflags
    cdef int reason, status
    while True:
        if (cpu.exit_request or e.flush_pending or e.hooks_changed or e.failed
                or cpu.exception_index != EXCP_NONE or cpu.interrupt_request or cpu.halted
                or cpu.icount_left <= 0 or r.churn >= CHURN or is_stop(e, cpu.pc)):
            flushes = e.stats.tb_flushes
            reason = before_block(e, r)
            if reason != GO_ON:
                return reason
            if came != NULL and (flushes != e.stats.tb_flushes or cpu.pc != came.pc):
                came = NULL
        cpu.last_exit = came            # a flush inside the lookup forgets it
        cflags = r.cflags
        left = remaining(cpu, r)
        if cflags == 0 and left == 1:
            cflags = 1
        tb = lookup_block(e, cflags, &status)
        if tb != NULL and cflags == 0 and left < tb.icount:     # row 23: exactly so many
            cflags = <uint32_t>left if left <= KEEP else <uint32_t>left | CF_NOCACHE
            tb = lookup_block(e, cflags, &status)
        came = cpu.last_exit
        if tb == NULL:
            came = NULL
            if status == ST_OK:
                return STOP_INTERNAL
            if status == ST_HOOK_ERROR:
                e.failed = True
                return STOP_ERROR
            if status == ST_EXIT:
                return STOP_REQUEST
            r.churn += 1
            e.skip_hooks = 0
            e.skip_events = 0
            if status == ST_FAULT and cpu.exception_index == EXCP_NONE:
                return internal(e, b"code could not be read, without an exception")
            continue
        if came != NULL:
            link_exit(e, came, tb)
            came = NULL
        cpu.exit_status = ST_OK
        cpu.unwind_ra = 0
        e.synced_tb = NULL
        e.row_cursor.tb = NULL  # blocks are freed between runs of them only
        e.pc_written = False
        e.state_changed = False
        left_by = e.backend.run(cpu, tb, &e.rt)
        if cflags & CF_SMC:             # the instruction is done, or something new has come up
            r.cflags = 0
            if left_by != EXIT_STATUS or cpu.exit_status != ST_RETRY_ONE:
                e.skip_hooks = 0
                e.skip_events = 0
        if left_by == EXIT_HOT:
            heat_block(e, cpu.current_tb)
            left_by = EXIT_LOOKUP
        if left_by == EXIT_GOTO or left_by == EXIT_LOOKUP:
            cpu.current_tb = NULL
            cpu.unwind_ra = 0
        reason = after_block(e, r, left_by, &came)
        if tb.cflags & CF_NOCACHE:
            if came != NULL and came.owner == tb:
                came = NULL
            drop_one_shot(e, tb)
        if reason != GO_ON:
            return reason


cdef void run_loop(Engine *e, const RunArgs *args, RunOutcome *out) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef Run r
    out.exception = EXCP_NONE
    out.icount = 0
    out.fault.addr = 0
    out.fault.paddr = 0
    out.fault.size = 0
    out.fault.access = 0
    out.fault.reason = FAULT_NONE
    out.fault.hint = 0
    if e.running:
        out.reason = internal(e, b"the engine runs already")
        out.pc = cpu.pc
        return
    e.running = True
    cpu.in_run = True
    e.failed = False
    e.pc_written = False
    e.exceptions = 0
    e.skip_hooks = 0
    e.skip_events = 0
    e.message[0] = 0
    cpu.unwind_ra = 0
    cpu.current_tb = NULL
    cpu.exception_index = EXCP_NONE
    cpu.fault.reason = FAULT_NONE
    cpu.halted = False          # whoever runs it again wants it to go on
    atomic_store32(&cpu.exit_request, 1)    # look once whether a stop came before
    e.guest.update_tb_flags(cpu)
    if args.has_until:
        stops_set_until(e, args.until)
    e.until_active = args.has_until
    if e.python_hooks and e.slice_size > SLICE_PYTHON:
        e.slice_size = SLICE_PYTHON
    cpu.icount_slice = 0
    cpu.icount_left = 0
    r.args = args
    r.out = out
    r.start = cpu.icount_total
    r.start_pc = cpu.pc
    r.cflags = 0
    r.churn = 0
    e.slice_begin = clock_ns()
    r.deadline = e.slice_begin + args.timeout_ns if args.timeout_ns else 0
    e.calls_gap = e.calls_left = 1
    e.calls_since = e.slice_begin
    begin_slice(e, &r)
    enter_fp(e, True)
    out.reason = <uint32_t>run_turns(e, &r)
    leave_fp(e)
    cpu.icount_total += <uint64_t>(cpu.icount_slice - cpu.icount_left)
    cpu.icount_slice = 0
    cpu.icount_left = 0
    out.icount = cpu.icount_total - r.start
    out.pc = cpu.pc
    cpu.current_tb = NULL
    cpu.in_run = False
    e.stop_requested = 0
    e.running = False
    hooks_reap(e)
