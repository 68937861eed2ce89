# Interrupt requests and the exit request of a CPU: may be raised from any thread.
# Lives here: setting and clearing the bits so that emitted code notices. Does not live here: which
# interrupt is due (GuestOps.pending_interrupt), the loop that asks (exec/loop).
# Called by: guests' set_irq, devices, exec.
from engine._core.base.types cimport uint32_t
from engine._core.base.atomics cimport atomic_cas32, atomic_store32
from engine._core.cpu.head cimport CPUHead

# The running block ends at its next block head.
cdef inline void cpu_exit(CPUHead *cpu) noexcept nogil:
    atomic_store32(&cpu.exit_request, 1)


cdef inline void cpu_interrupt(CPUHead *cpu, uint32_t mask) noexcept nogil:
    cdef uint32_t old = cpu.interrupt_request
    while not atomic_cas32(&cpu.interrupt_request, &old, old | mask):
        pass
    cpu_exit(cpu)


cdef inline void cpu_reset_interrupt(CPUHead *cpu, uint32_t mask) noexcept nogil:
    cdef uint32_t old = cpu.interrupt_request
    while not atomic_cas32(&cpu.interrupt_request, &old, old & ~mask):
        pass
