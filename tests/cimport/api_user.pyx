# A module of somebody else that uses an emulator from C: counts instructions with a hook that is no
# Python function, and reads registers without Python objects. test_api_user.py compiles it.
from libc.stdint cimport uint32_t, uint64_t
from engine._core.api cimport Emulator, check_layout, emulator_engine
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport (Engine, Hook, HookEvent, HOOK_CODE, HOOK_CONTINUE,
                                       engine_hook_add, engine_hook_del, engine_reg_read)

check_layout()


cdef int count_one(CPUHead *cpu, Hook *hook, HookEvent *event) noexcept nogil:
    (<uint64_t *>hook.opaque)[0] += 1
    return HOOK_CONTINUE


def count_instructions(Emulator emu, begin, until):
    """How often the hook was called during emu.run(begin, until), and the run's own count."""
    cdef uint64_t seen = 0
    cdef Engine *e = emulator_engine(emu)
    cdef Hook *hook = engine_hook_add(e, HOOK_CODE, 1, 0, count_one, &seen, False, 0, 0)
    if hook is NULL:
        raise MemoryError
    try:
        result = emu.run(begin, until)
    finally:
        engine_hook_del(e, hook)
    return seen, result.count


def sum_of_registers(Emulator emu, uint32_t first, uint32_t n):
    """The sum of n registers by number."""
    cdef Engine *e = emulator_engine(emu)
    cdef uint64_t total = 0
    cdef uint64_t value = 0
    cdef uint32_t i
    for i in range(n):
        if engine_reg_read(e, first + i, &value) == 0:
            total += value
    return total
