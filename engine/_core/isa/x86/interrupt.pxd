# x86: delivery of exceptions and interrupts, interrupt requests, single step, debug registers.
# Lives here: the vector table of real mode, the IDT of protected and long mode with stacks of inner
# levels, double faults and shutdown, what comes before and behind an instruction (#DB, interrupt
# shadow). Does not live here: returns (transfer.pyx), task switches (none). Called by: GuestOps,
# emitted code. SDM 3A, chapters 6, 10.8 and 17, 21.2.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead

cdef bint x86_has_work(CPUHead *head) noexcept nogil
cdef bint x86_pending_interrupt(CPUHead *head) noexcept nogil
# line: the vector, that the interrupt controller would give; IRQ_NMI. A request waits until it is
# taken, or the line is lowered.
cdef void x86_set_irq(CPUHead *head, uint32_t line, bint level) noexcept nogil
# head.exit_status: ST_EXIT or ST_HOOK_ERROR when a hook ended an access; nothing is delivered then.
cdef void x86_do_interrupt(CPUHead *head) noexcept nogil

# -- called by emitted code
# Before an instruction while TBF_DEBUG is set.
cdef uint64_t helper_debug(void *env, uint64_t pc, uint64_t b, uint64_t c,
                           uint64_t d) noexcept nogil
# Before an access of an instruction, then: breakpoints on data and ports.
cdef uint64_t helper_watch(void *env, uint64_t addr, uint64_t what, uint64_t c,
                           uint64_t d) noexcept nogil
# Before the instruction behind STI or MOV SS.
cdef uint64_t helper_unshadow(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil
