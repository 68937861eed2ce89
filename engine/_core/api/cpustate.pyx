"""The registers of a CPU as bytes (see cpustate.pxd)."""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcmp, memcpy, memset
from engine._core.base.types cimport int32_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine, engine_sync
from engine._core.fp.status cimport FP_RTO, FPStatus
from engine._core.isa.guest cimport GuestOps, REG_PLAIN

import hashlib

from engine.errors import ArgumentError

ctypedef struct Common:         # of the head: what belongs to the guest
    uint64_t pc
    uint64_t cs_base
    uint64_t icount
    uint64_t exception_pc
    int32_t exception_index
    uint32_t interrupt_request
    uint8_t halted
    uint8_t rounding            # of FPStatus
    uint8_t fp_flags
    uint8_t default_nan
    uint8_t flush_to_zero
    uint8_t flush_inputs
    uint8_t x87_precision
    uint8_t reserved[9]         # to the end of the struct: every byte of the stream is given


# Groups of registers that no address translation depends on.
cdef tuple _data_groups = ("general", "float", "vector")


# A byte for each of the guest's part of the state: all ones where a change may matter to the TLB.
# Made once an engine.
cdef bytes key_mask(Core core):
    cdef const GuestOps *guest = core.st.engine.guest
    cdef Py_ssize_t size = <Py_ssize_t>(guest.state_size - sizeof(CPUHead))
    cdef uint32_t i, offset
    if core.key_mask is None:
        mask = bytearray(b"\xff") * size
        for i in range(guest.n_regs):
            if guest.regs[i].kind == REG_PLAIN and guest.regs[i].offset >= sizeof(CPUHead) \
                    and (<bytes>guest.regs[i].group).decode() in _data_groups:
                offset = guest.regs[i].offset - <uint32_t>sizeof(CPUHead)
                mask[offset:offset + (guest.regs[i].bits + 7) // 8] = \
                    bytes((guest.regs[i].bits + 7) // 8)
        core.key_mask = bytes(mask[:size])
    return core.key_mask


cdef bint key_changes(Core core, const Common *common, const uint8_t *state) except -1:
    cdef CPUHead *cpu = core.st.engine.cpu
    cdef const uint8_t *now = <const uint8_t *>cpu + sizeof(CPUHead)
    cdef bytes mask = key_mask(core)
    cdef const uint8_t *matters = <const uint8_t *>PyBytes_AS_STRING(mask)
    cdef Py_ssize_t i, size = len(mask)
    cdef uint64_t different = common.cs_base ^ cpu.cs_base
    for i in range(size // 8):
        different |= (<const uint64_t *>matters)[i] \
            & ((<const uint64_t *>now)[i] ^ (<const uint64_t *>state)[i])
    for i in range(size & -8, size):
        different |= matters[i] & (now[i] ^ state[i])
    return different != 0


cdef str cpu_layout(Core core):
    cdef const GuestOps *guest = core.st.engine.guest
    cdef uint32_t i
    names = [f"{guest.state_size - sizeof(CPUHead)} {sizeof(Common)}"]
    for i in range(guest.n_regs):
        names.append(f"{<bytes>guest.regs[i].name} {guest.regs[i].offset - sizeof(CPUHead)}"
                     if guest.regs[i].kind == 0 else f"{<bytes>guest.regs[i].name}")
    return f"{core.arch} {hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}"


cdef void registers_of(CPUHead *cpu, Common *common) noexcept:
    memset(common, 0, sizeof(Common))
    common.pc = cpu.pc
    common.cs_base = cpu.cs_base
    common.rounding = cpu.fpst.rounding
    common.fp_flags = cpu.fpst.flags
    common.default_nan = cpu.fpst.default_nan
    common.flush_to_zero = cpu.fpst.flush_to_zero
    common.flush_inputs = cpu.fpst.flush_inputs
    common.x87_precision = cpu.fpst.x87_precision


cdef void set_registers(CPUHead *cpu, const Common *common) noexcept:
    cdef FPStatus *fpst = &cpu.fpst
    cpu.pc = common.pc
    cpu.cs_base = common.cs_base
    fpst.rounding = common.rounding
    fpst.flags = common.fp_flags
    fpst.default_nan = common.default_nan
    fpst.flush_to_zero = common.flush_to_zero
    fpst.flush_inputs = common.flush_inputs
    fpst.x87_precision = common.x87_precision


cdef bytes cpu_save(Core core):
    cdef Engine *e = core.st.engine
    cdef CPUHead *cpu = e.cpu
    cdef Common common
    cdef Py_ssize_t size = <Py_ssize_t>(e.guest.state_size - sizeof(CPUHead))
    cdef bytes data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>sizeof(Common) + size)
    cdef char *at = PyBytes_AS_STRING(data)
    registers_of(cpu, &common)
    common.icount = cpu.icount_total
    common.exception_pc = cpu.exception_pc
    common.exception_index = cpu.exception_index
    common.interrupt_request = cpu.interrupt_request
    common.halted = cpu.halted
    memcpy(at, &common, sizeof(common))
    memcpy(at + sizeof(common), <char *>cpu + sizeof(CPUHead), size)
    return data


cdef Py_ssize_t cpu_registers_size(Core core) noexcept:
    return <Py_ssize_t>(sizeof(Common) + core.st.engine.guest.state_size - sizeof(CPUHead))


cdef void cpu_registers_save(Core core, uint8_t *to) noexcept:
    cdef Engine *e = core.st.engine
    engine_sync(e)
    registers_of(e.cpu, <Common *>to)
    memcpy(to + sizeof(Common), <char *>e.cpu + sizeof(CPUHead),
           e.guest.state_size - sizeof(CPUHead))


cdef int cpu_registers_load(Core core, const uint8_t *state) except -1:
    cdef Engine *e = core.st.engine
    cdef CPUHead *cpu = e.cpu
    cdef const Common *common = <const Common *>state
    cdef const uint8_t *rest = state + sizeof(Common)
    cdef size_t size = e.guest.state_size - sizeof(CPUHead)
    cdef Common now
    cdef uint32_t flags = cpu.tb_flags
    cdef uint64_t cs_base = cpu.cs_base
    cdef bint flush, goes_on
    engine_sync(e)
    registers_of(cpu, &now)
    goes_on = now.pc == common.pc
    if memcmp(&now, common, sizeof(Common)) == 0 \
            and memcmp(<uint8_t *>cpu + sizeof(CPUHead), rest, size) == 0:
        return 0
    flush = key_changes(core, common, rest)
    memcpy(<uint8_t *>cpu + sizeof(CPUHead), rest, size)
    set_registers(cpu, common)
    e.guest.update_tb_flags(cpu)
    e.regs_written = True
    if e.running:
        if not goes_on:
            e.pc_written = True
        if cpu.tb_flags != flags or cpu.cs_base != cs_base:
            e.state_changed = True      # blocks are specialised on these
    if flush or cpu.tb_flags != flags:
        cpu_tlb_flush(cpu)
    return 0


cdef int cpu_load(Core core, bytes data, bint trusted) except -1:
    cdef Engine *e = core.st.engine
    cdef CPUHead *cpu = e.cpu
    cdef Common common
    cdef Py_ssize_t size = <Py_ssize_t>(e.guest.state_size - sizeof(CPUHead))
    cdef const char *at = PyBytes_AS_STRING(data)
    cdef bytes before = None
    cdef uint32_t flags = cpu.tb_flags
    cdef bint flush
    if len(data) != <Py_ssize_t>sizeof(Common) + size:
        raise ArgumentError(f"the state of a CPU has {sizeof(Common) + size} bytes, not"
                            f" {len(data)}")
    memcpy(&common, at, sizeof(common))
    if common.rounding > FP_RTO or common.x87_precision not in (0, 32, 64, 80):
        raise ArgumentError("the state of the floating-point unit is none")
    flush = key_changes(core, &common, <const uint8_t *>at + sizeof(common))
    if not trusted:
        before = PyBytes_FromStringAndSize(<char *>cpu, <Py_ssize_t>e.guest.state_size)
    memcpy(<char *>cpu + sizeof(CPUHead), at + sizeof(common), size)
    if not trusted and e.guest.state_ok != NULL and not e.guest.state_ok(
            cpu, <const CPUHead *>PyBytes_AS_STRING(before)):
        memcpy(<char *>cpu + sizeof(CPUHead), PyBytes_AS_STRING(before) + sizeof(CPUHead), size)
        raise ArgumentError("no CPU of this architecture can be in that state")
    set_registers(cpu, &common)
    cpu.icount_total = common.icount
    cpu.exception_pc = common.exception_pc
    cpu.exception_index = common.exception_index
    cpu.interrupt_request = common.interrupt_request
    cpu.halted = common.halted
    e.guest.update_tb_flags(cpu)
    if flush or cpu.tb_flags != flags:
        cpu_tlb_flush(cpu)      # translations of another address space may be there
    return 0
