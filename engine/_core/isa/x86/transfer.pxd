# x86: far transfers: JMP, CALL, RET, IRET to other segments, SYSCALL and SYSENTER and back.
# Lives here: their checks, the stack as helpers use it, task state segments as far as stacks come
# from them. Does not live here: segment loads (segment.pyx), delivery of exceptions
# (interrupt.pyx). Called by: emitted code, interrupt.pyx. SDM 3A, chapter 5; SDM 2.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.isa.x86.segment cimport Descriptor
from engine._core.isa.x86.state_gen cimport CPUX86State

ctypedef struct Stack:              # nothing of the CPU changes until it is all right
    CPUX86State *s
    uint64_t sp
    uint64_t mask                   # of the stack pointer
    uint64_t base
    uint64_t lo                     # limits of SS; hi all ones: none
    uint64_t hi
    uint64_t selector               # of #SS
    uint32_t idx

ctypedef struct InnerStack:
    uint64_t ss
    uint64_t sp
    Descriptor d                    # of ss; long mode has none

cdef void stack_open(Stack *k, CPUX86State *s) noexcept nogil
# Of a segment that is not loaded yet.
cdef void stack_open_new(Stack *k, CPUX86State *s, uint64_t sel, const Descriptor *d,
                         uint64_t sp) noexcept nogil
cdef int stack_push(Stack *k, uint64_t value, uint32_t size) noexcept nogil
cdef int stack_pop(Stack *k, uint64_t *value, uint32_t size) noexcept nogil
cdef void stack_commit(Stack *k) noexcept nogil
# The stack of an inner level, from the task state segment; ist: of that number in long mode, 0 none.
cdef int stack_open_inner(Stack *k, CPUX86State *s, uint64_t level, uint64_t ist, uint64_t ext,
                          InnerStack *inner) noexcept nogil
# SS becomes it.
cdef void stack_enter_inner(CPUX86State *s, uint64_t level, const InnerStack *inner) noexcept nogil
# Long mode: all of RSP, no segment.
cdef void stack_widen(Stack *k, uint64_t sp, uint64_t level) noexcept nogil
# Execution goes on there, at the instruction pointer (in its width).
cdef void x86_enter_code(CPUX86State *s, uint64_t sel, const Descriptor *d, uint64_t cpl,
                         uint64_t ip) noexcept nogil
cdef int x86_code_target(CPUX86State *s, const Descriptor *d, uint64_t ip) noexcept nogil

cdef uint64_t helper_far(void *env, uint64_t sel, uint64_t ip, uint64_t how,
                         uint64_t next_ip) noexcept nogil
cdef uint64_t helper_retf(void *env, uint64_t size, uint64_t drop, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_iret(void *env, uint64_t size, uint64_t next_ip, uint64_t c,
                          uint64_t d) noexcept nogil
cdef uint64_t helper_syscall(void *env, uint64_t next_pc, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil
cdef uint64_t helper_sysret(void *env, uint64_t wide, uint64_t b, uint64_t c,
                            uint64_t d) noexcept nogil
cdef uint64_t helper_sysenter(void *env, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d) noexcept nogil
cdef uint64_t helper_sysexit(void *env, uint64_t wide, uint64_t b, uint64_t c,
                             uint64_t d) noexcept nogil
