# Breakpoints of one CPU: the list in the head.
# Lives here: insert, remove, test. Does not live here: dropping the blocks that contain one
# (exec/stops). Called by: exec, translators. Spec row 17.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead

# 0 or -ENOMEM. BP_GDB ones stand before BP_CPU ones.
cdef int cpu_breakpoint_insert(CPUHead *cpu, uint64_t pc, uint32_t flags) noexcept nogil
# 0, or -ENOENT: none with exactly this pc and these flags.
cdef int cpu_breakpoint_remove(CPUHead *cpu, uint64_t pc, uint32_t flags) noexcept nogil
cdef void cpu_breakpoints_free(CPUHead *cpu) noexcept nogil

cdef inline bint cpu_breakpoint_test(const CPUHead *cpu, uint64_t pc, uint32_t mask) noexcept nogil:
    cdef uint32_t i
    for i in range(cpu.n_breakpoints):
        if cpu.breakpoints[i].pc == pc and cpu.breakpoints[i].flags & mask:
            return True
    return False
