# A module of somebody else that uses an emulator from C: counts instructions with a hook that is no
# Python function, and reads registers without Python objects. test_api_user.py compiles it.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from engine._core.api cimport Emulator, check_layout, emulator_engine
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport (Engine, Hook, HookEvent, HOOK_CODE, HOOK_CONTINUE,
                                       engine_hook_add, engine_hook_del, engine_reg_read)
from engine._core.mem.address_space cimport (MemSection, address_space_read,
                                             address_space_translate)
from engine._core.mem.attrs cimport MEMTXATTRS_UNSPECIFIED
from engine._core.mem.context cimport AddressSpace, DIRTY_MEMORY_MIGRATION, MemContext
from engine._core.mem.dirty cimport get_dirty, test_and_clear_dirty

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


def memory_system(Emulator emu, uint64_t address):
    """What engine.memory shows, from C: the byte at a physical address, where it lies in the RAM
    space, whether that page is dirty for a migration, before and after clearing it."""
    cdef Engine *engine = emulator_engine(emu)
    cdef MemContext *ctx = <MemContext *>engine.mem
    cdef AddressSpace *space = <AddressSpace *>engine.cpu.as0
    cdef MemSection section
    cdef uint8_t byte = 0
    cdef uint32_t result = address_space_read(space, address, MEMTXATTRS_UNSPECIFIED, &byte, 1)
    cdef uint64_t ram
    address_space_translate(space, address, 1, False, MEMTXATTRS_UNSPECIFIED, &section)
    ram = section.mr.ram_addr + section.xlat
    before = test_and_clear_dirty(ctx, ram, 1, DIRTY_MEMORY_MIGRATION)
    return result, byte, ram, bool(before), bool(get_dirty(ctx, ram, 1, DIRTY_MEMORY_MIGRATION))
