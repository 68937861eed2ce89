# x86: delivery of exceptions and interrupts: see interrupt.pxd.
from engine._core.base.types cimport ST_FAULT, ST_OK, uint32_t, uint64_t
from engine._core.cpu.head cimport CPU_INTERRUPT_HARD, CPUHead
from engine._core.cpu.interrupt cimport cpu_exit, cpu_interrupt, cpu_reset_interrupt
from engine._core.isa.x86.defs cimport *
from engine._core.isa.x86.inthelp cimport x86_get_eflags
from engine._core.isa.x86.segment cimport *
from engine._core.isa.x86.state_gen cimport CPUX86State
from engine._core.isa.x86.transfer cimport *

ctypedef struct Event:              # what is delivered
    uint32_t vector
    bint soft                       # INT n, INT3, INTO: gate privilege is checked
    bint external                   # error codes of its delivery say EXT
    bint has_error
    uint64_t resume                 # F_RF for faults that are no breakpoints (17.3.1.1)
    uint64_t error
    uint64_t ip                     # where it returns to


# ---------------------------------------------------------------- requests

cdef bint any_irq(CPUX86State *s) noexcept nogil:
    return s.irq[0] | s.irq[1] | s.irq[2] | s.irq[3] != 0


cdef void update_request(CPUX86State *s) noexcept nogil:
    if any_irq(s) or s.irq[4]:
        cpu_interrupt(&s.head, CPU_INTERRUPT_HARD)
    else:
        cpu_reset_interrupt(&s.head, CPU_INTERRUPT_HARD)


cdef void x86_set_irq(CPUHead *head, uint32_t line, bint level) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint64_t bit = 1ULL << (line & 63)
    if line > IRQ_NMI:
        return
    if level:
        s.irq[line >> 6] |= bit
    else:
        s.irq[line >> 6] &= ~bit
    update_request(s)


cdef bint x86_has_work(CPUHead *head) noexcept nogil:
    """What ends HLT: an interrupt that will be taken."""
    cdef CPUX86State *s = <CPUX86State *>head
    if s.shutdown:
        return False
    return s.eflags & F_IF and any_irq(s) or s.irq[4] and not s.nmi_masked


cdef bint x86_pending_interrupt(CPUHead *head) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef uint32_t n
    cdef int word
    if s.shutdown or s.inhibit or s.trap_due:
        return False
    if s.irq[4] and not s.nmi_masked:
        s.irq[4] = 0
        s.nmi_masked = 1
        head.exception_index = X86_EXCP_NMI
    elif s.eflags & F_IF and any_irq(s):
        word = 3
        while not s.irq[word]:
            word -= 1
        n = 63
        while not s.irq[word] >> n & 1:
            n -= 1
        s.irq[word] &= ~(1ULL << n)
        head.exception_index = <int>(X86_EXCP_IRQ + 64 * <uint32_t>word + n)
    else:
        return False
    head.fault.reason = 0
    head.fault.hint = 0
    head.fault.size = 0
    head.halted = 0
    update_request(s)
    return True


# ---------------------------------------------------------------- delivery

cdef int deliver_real(CPUX86State *s, const Event *e) noexcept nogil:
    """SDM 3A, 20.1.4: vectors of four bytes at the IDT's base; no error codes."""
    cdef Stack k
    cdef uint64_t entry = 0
    cdef int status
    if 4 * e.vector + 3 > s.idt_limit:
        return x86_raise(s, X86_EXCP_GP, 0, HINT_LIMIT)
    status = x86_read(s, s.idt_base + 4 * e.vector, 4, IDX_KERNEL, &entry)
    stack_open(&k, s)
    if status == ST_OK:
        status = stack_push(&k, x86_get_eflags(s), 2)
    if status == ST_OK:
        status = stack_push(&k, s.seg_sel[SEG_CS], 2)
    if status == ST_OK:
        status = stack_push(&k, e.ip, 2)
    if status != ST_OK:
        return status
    stack_commit(&k)
    s.eflags &= ~<uint64_t>(F_IF | F_TF | F_RF | F_AC)
    x86_set_real_segment(s, SEG_CS, entry >> 16 & 0xffff)
    x86_update_tb_flags(&s.head)
    s.head.pc = s.head.cs_base + (entry & 0xffff)
    return ST_OK


cdef int read_gate(CPUX86State *s, const Event *e, uint64_t ext, Descriptor *gate) noexcept nogil:
    cdef uint32_t size = 16 if x86_long(s) else 8
    cdef uint64_t error = e.vector * 8 + 2, raw = 0
    cdef int status
    cdef uint64_t kind
    if size * e.vector + size - 1 > s.idt_limit:
        return x86_raise(s, X86_EXCP_GP, error | ext, HINT_GATE)
    status = x86_read(s, s.idt_base + size * e.vector, 8, x86_system_idx(s), &raw)
    gate.raw_hi = 0
    if status == ST_OK and size == 16:
        status = x86_read(s, s.idt_base + size * e.vector + 8, 8, x86_system_idx(s), &gate.raw_hi)
    if status != ST_OK:
        return status
    gate.raw = raw
    gate.attr = raw >> 40 & 0xff
    kind = gate.attr & (ATTR_S | ATTR_TYPE)
    if kind != 14 and kind != 15 and (size == 16 or kind != 6 and kind != 7):
        return x86_raise(s, X86_EXCP_GP, error | ext, HINT_TASK if kind == 5 and size == 8
                         else HINT_GATE)
    if e.soft and (gate.attr >> ATTR_DPL_SHIFT & 3) < s.cpl:
        return x86_raise(s, X86_EXCP_GP, error, HINT_GATE)
    if not gate.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, error | ext, HINT_GATE)
    return ST_OK


cdef int push_frame(Stack *k, CPUX86State *s, const Event *e, uint32_t size) noexcept nogil:
    cdef int status = stack_push(k, x86_get_eflags(s) | e.resume, size)
    if status == ST_OK:
        status = stack_push(k, s.seg_sel[SEG_CS], size)
    if status == ST_OK:
        status = stack_push(k, e.ip, size)
    if status == ST_OK and e.has_error:
        status = stack_push(k, e.error, size)
    return status


cdef int deliver_idt(CPUX86State *s, const Event *e) noexcept nogil:
    """SDM 3A, 6.12, 6.14; 2A, INT n: "PROTECTED-MODE"."""
    cdef Descriptor gate, d
    cdef InnerStack stack
    cdef Stack k, old
    cdef uint64_t ext = 0 if e.soft or not e.external else 1, sel, ip, dpl, cpl = s.cpl
    cdef bint wide = x86_long(s), vm86 = s.eflags & F_VM != 0, inner
    cdef uint32_t size, n
    cdef int status = read_gate(s, e, ext, &gate)
    if status != ST_OK:
        return status
    size = 8 if wide else 4 if gate.attr & 8 else 2
    sel = gate.raw >> 16 & 0xffff
    ip = gate.raw & 0xffff
    if size > 2:
        ip |= gate.raw >> 32 & 0xffff0000ULL
    ip |= gate.raw_hi << 32
    if sel & 0xfffc == 0:
        return x86_raise(s, X86_EXCP_GP, ext, HINT_SELECTOR)
    status = x86_descriptor(s, sel, X86_EXCP_GP, ext, &d)
    if status != ST_OK:
        return status
    dpl = d.attr >> ATTR_DPL_SHIFT & 3
    inner = not d.attr & ATTR_CONFORMING and dpl < s.cpl
    if (not d.attr & ATTR_S or not d.attr & ATTR_CODE or dpl > s.cpl
            or wide and d.attr & (ATTR_L | ATTR_D) != ATTR_L or vm86 and (not inner or dpl)):
        return x86_raise(s, X86_EXCP_GP, (sel & 0xfffc) | ext, HINT_SELECTOR)
    if not d.attr & ATTR_P:
        return x86_raise(s, X86_EXCP_NP, (sel & 0xfffc) | ext, HINT_NOT_PRESENT)
    stack_open(&k, s)
    old = k
    if inner:
        cpl = dpl
    if inner or wide and gate.raw >> 32 & 7:
        status = stack_open_inner(&k, s, dpl, gate.raw >> 32 & 7 if wide else 0, ext, &stack)
    elif wide:
        stack_widen(&k, s.gpr[R_SP], cpl)
    if wide:
        k.sp &= ~15ULL              # aligned (6.14.2)
    if vm86:
        for n in range(4):          # GS FS DS ES
            if status == ST_OK:
                status = stack_push(&k, s.seg_sel[SEG_GS if n == 0 else SEG_FS if n == 1 else
                                                  SEG_DS if n == 2 else SEG_ES], size)
    if status == ST_OK and (inner or wide):
        status = stack_push(&k, s.seg_sel[SEG_SS], size)
        if status == ST_OK:
            status = stack_push(&k, old.sp & old.mask, size)
    if status == ST_OK:
        status = push_frame(&k, s, e, size)
    if status == ST_OK:
        status = x86_code_target(s, &d, ip)
    if status == ST_OK:
        status = x86_mark_accessed(s, &d)
    if status != ST_OK:
        return status
    s.eflags &= ~<uint64_t>(F_TF | F_VM | F_RF | F_NT)
    if not gate.attr & 1:           # an interrupt gate
        s.eflags &= ~<uint64_t>F_IF
    if vm86:
        for n in range(6):
            if n != SEG_CS and n != SEG_SS:
                x86_set_segment(s, n, 0, 0, 0, ATTR_UNUSABLE)
    if inner:
        stack_enter_inner(s, cpl, &stack)
    stack_commit(&k)
    x86_enter_code(s, sel, &d, cpl, ip)
    return ST_OK


cdef bint with_error(uint32_t vector) noexcept nogil:
    return vector == X86_EXCP_DF or X86_EXCP_TS <= vector <= X86_EXCP_PF or vector == X86_EXCP_AC


cdef bint contributory(uint32_t vector) noexcept nogil:
    return vector == X86_EXCP_DE or X86_EXCP_TS <= vector <= X86_EXCP_GP


cdef void shut_down(CPUX86State *s) noexcept nogil:
    """A triple fault: nothing but a reset brings the CPU back."""
    s.shutdown = 1
    s.head.halted = 1


cdef void describe(CPUX86State *s, Event *e) noexcept nogil:
    """The event of head.exception_index and head.fault."""
    cdef CPUHead *head = &s.head
    cdef uint32_t number = <uint32_t>head.exception_index
    e.vector = number & 0xff
    e.soft = X86_EXCP_INT <= number < X86_EXCP_IRQ or number == X86_EXCP_BP or number == X86_EXCP_OF
    e.external = not e.soft
    e.has_error = number < 32 and with_error(e.vector)
    e.resume = 0
    if number < 32 and not e.soft and number != X86_EXCP_DB and number != X86_EXCP_NMI:
        e.resume = F_RF
    e.error = x86_error_code(s)
    e.ip = head.pc - head.cs_base
    if e.soft or number == X86_EXCP_DB:
        e.ip += head.fault.size


cdef void x86_do_interrupt(CPUHead *head) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>head
    cdef Event e
    cdef uint32_t first, second, number = <uint32_t>head.exception_index
    cdef int status, _
    if number == X86_EXCP_MF and not s.cr0 & CR0_NE:
        # FERR#, and the processor waits there for an interrupt (SDM 1, 8.7.2): what board wires it
        # to which is not known here.
        head.exception_index = -1
        head.halted = 1
        return
    describe(s, &e)
    head.halted = 0
    s.trap_due = 0
    s.inhibit = 0
    for _ in range(4):
        first = e.vector
        head.exception_index = -1
        if x86_long(s) or s.cr0 & CR0_PE:
            status = deliver_idt(s, &e)
        else:
            status = deliver_real(s, &e)
        if status == ST_OK:
            return
        if status != ST_FAULT:      # a hook stopped or failed: nothing is delivered
            head.exit_status = status
            if number >= X86_EXCP_IRQ:
                x86_set_irq(head, number & 255, True)
            return
        # One exception while another is delivered (6.15, table 6-5).
        if first == X86_EXCP_DF:
            break
        second = <uint32_t>head.exception_index & 0xff
        if (contributory(first) or first == X86_EXCP_PF) and (
                contributory(second) or second == X86_EXCP_PF and first == X86_EXCP_PF):
            e.vector = X86_EXCP_DF
            e.error = 0
            e.has_error = True
        else:
            e.vector = second
            e.has_error = with_error(second)
            e.error = x86_error_code(s)
        e.soft = False
        e.external = True
        e.resume = F_RF
        e.ip = head.pc - head.cs_base
    shut_down(s)


# ---------------------------------------------------------------- around instructions

cdef uint64_t debug_exception(CPUX86State *s, uint64_t dr6, uint32_t hint) noexcept nogil:
    s.dr[6] |= dr6
    s.dr[7] &= ~<uint64_t>DR7_GD
    return x86_raise(s, X86_EXCP_DB, 0, hint)


cdef uint64_t helper_debug(void *env, uint64_t pc, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil:
    """Traps of the instruction before, then breakpoints on this one, then: it will be stepped."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t due = s.trap_due, hits = 0
    cdef uint32_t n
    if due:
        s.trap_due = 0
        x86_update_tb_flags(&s.head)
        return debug_exception(s, due, HINT_STEP if due & DR6_BS else HINT_DEBUG_REGISTER)
    if s.dr[7] & 0xff and not s.eflags & F_RF:
        for n in range(4):
            if s.dr[7] >> (2 * n) & 3 and s.dr[7] >> (16 + 4 * n) & 15 == 0 and s.dr[n] == pc:
                hits |= 1 << n
        if hits:
            return debug_exception(s, hits, HINT_DEBUG_REGISTER)
    s.eflags &= ~<uint64_t>F_RF
    if s.eflags & F_TF:
        s.trap_due = DR6_BS
    return ST_OK


cdef uint64_t helper_watch(void *env, uint64_t addr, uint64_t what, uint64_t c,
                           uint64_t d) noexcept nogil:
    """what: bytes, 256 for a write, 512 for a port (SDM 3B, 18.2.4: only with CR4.DE)."""
    cdef CPUX86State *s = <CPUX86State *>env
    cdef uint64_t size = what & 255, length, kind, first
    cdef uint32_t n
    for n in range(4):
        if not s.dr[7] >> (2 * n) & 3:
            continue
        kind = s.dr[7] >> (16 + 4 * n) & 3
        if what & 512:
            if kind != 2 or not s.cr4 & CR4_DE:
                continue
        elif kind != 3 and (kind != 1 or not what & 256):
            continue
        length = s.dr[7] >> (18 + 4 * n) & 3
        length = 8 if length == 2 else length + 1
        first = s.dr[n] & ~(length - 1)
        if addr < first + length and first < addr + size:
            s.trap_due |= 1 << n
    return ST_OK


cdef uint64_t helper_unshadow(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil:
    cdef CPUX86State *s = <CPUX86State *>env
    s.inhibit = 0
    x86_update_tb_flags(&s.head)
    if s.head.interrupt_request:
        cpu_exit(&s.head)
    return ST_OK
