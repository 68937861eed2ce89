# Breakpoints of one CPU: see breakpoint.pxd.
from libc.errno cimport ENOENT, ENOMEM
from libc.stdlib cimport free, realloc
from libc.string cimport memmove
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport BP_GDB, Breakpoint, CPUHead


cdef int cpu_breakpoint_insert(CPUHead *cpu, uint64_t pc, uint32_t flags) noexcept nogil:
    cdef uint32_t cap, at
    cdef Breakpoint *grown
    if cpu.n_breakpoints == cpu.breakpoints_cap:
        cap = cpu.breakpoints_cap * 2 if cpu.breakpoints_cap else 8
        grown = <Breakpoint *>realloc(cpu.breakpoints, cap * sizeof(Breakpoint))
        if grown == NULL:
            return -ENOMEM
        cpu.breakpoints = grown
        cpu.breakpoints_cap = cap
    at = 0 if flags & BP_GDB else cpu.n_breakpoints
    memmove(&cpu.breakpoints[at + 1], &cpu.breakpoints[at],
            (cpu.n_breakpoints - at) * sizeof(Breakpoint))
    cpu.breakpoints[at].pc = pc
    cpu.breakpoints[at].flags = flags
    cpu.n_breakpoints += 1
    return 0


cdef int cpu_breakpoint_remove(CPUHead *cpu, uint64_t pc, uint32_t flags) noexcept nogil:
    cdef uint32_t i
    for i in range(cpu.n_breakpoints):
        if cpu.breakpoints[i].pc == pc and cpu.breakpoints[i].flags == flags:
            cpu.n_breakpoints -= 1
            memmove(&cpu.breakpoints[i], &cpu.breakpoints[i + 1],
                    (cpu.n_breakpoints - i) * sizeof(Breakpoint))
            return 0
    return -ENOENT


cdef void cpu_breakpoints_free(CPUHead *cpu) noexcept nogil:
    free(cpu.breakpoints)
    cpu.breakpoints = NULL
    cpu.n_breakpoints = 0
    cpu.breakpoints_cap = 0
