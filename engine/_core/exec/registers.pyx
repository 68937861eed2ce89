# Registers of the guest by description: see registers.pxd.
from libc.errno cimport EINVAL
from libc.string cimport memcpy
from engine._core.base.types cimport ST_PC_CHANGED, uint8_t, uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.isa.guest cimport REG_PC, REG_PLAIN, RegDesc
from engine._core.exec.engine cimport Engine
from engine._core.exec.unwind cimport cpu_sync_state


cdef inline uint64_t low_bits(uint64_t value, uint32_t bits) noexcept nogil:
    return value & ((1ULL << bits) - 1) if bits < 64 else value


cdef int register_read(Engine *e, uint32_t reg, uint64_t *value) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef const RegDesc *d
    if reg >= e.guest.n_regs:
        return -EINVAL
    d = &e.guest.regs[reg]
    if cpu.unwind_ra:
        cpu_sync_state(e)
    if d.kind == REG_PLAIN:
        value[0] = low_bits((<uint64_t *>(<uint8_t *>cpu + d.offset))[0], d.bits)
        if d.bits > 64:
            memcpy(value, <uint8_t *>cpu + d.offset, (d.bits + 7) // 8)
        return 0
    if d.kind == REG_PC:
        value[0] = cpu.pc
        return 0
    return e.guest.reg_get(cpu, d.number, value)


cdef int register_write(Engine *e, uint32_t reg, const uint64_t *value) noexcept nogil:
    cdef CPUHead *cpu = e.cpu
    cdef const RegDesc *d
    cdef uint32_t flags = cpu.tb_flags
    cdef uint64_t cs_base = cpu.cs_base
    cdef int result = 0
    if reg >= e.guest.n_regs:
        return -EINVAL
    d = &e.guest.regs[reg]
    if cpu.unwind_ra:
        cpu_sync_state(e)
    e.regs_written = True
    if d.kind == REG_PLAIN:
        if d.bits > 64:
            memcpy(<uint8_t *>cpu + d.offset, value, (d.bits + 7) // 8)
        else:
            (<uint64_t *>(<uint8_t *>cpu + d.offset))[0] = low_bits(value[0], d.bits)
        return 0
    if d.kind == REG_PC:
        e.guest.set_pc(cpu, value[0])
        if e.running:
            e.pc_written = True
    else:
        result = e.guest.reg_set(cpu, d.number, value)
        if result == ST_PC_CHANGED:     # it is a part of the pc
            result = 0
            e.pc_written = e.pc_written or e.running
    # Blocks are specialised on these: the running one may not go on.
    if e.running and (cpu.tb_flags != flags or cpu.cs_base != cs_base):
        e.state_changed = True
    return result
