"""The state of a CPU as bytes: what `engine.machine.state` puts into its stream.

Lives here: copying the guest's registers out of and into the CPU struct, hidden ones included; the
crash flag. Does not live here: the stream (engine/machine/stream.py). Who calls it:
engine.machine.state.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset
from engine._core.base.types cimport int32_t, uint8_t, uint32_t, uint64_t
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport Engine
from engine._core.fp.status cimport FP_RTO, FPStatus
from engine._core.isa.guest cimport GuestOps
from engine._core.api.core cimport Core, type_name
from engine._core.api.emulator cimport Emulator

import hashlib

from engine.errors import ArgumentError, ArgumentTypeError, EngineBusyError

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


cdef Core idle_core(object emu):
    cdef Core core
    if not isinstance(emu, Emulator):
        raise ArgumentTypeError(f"expected an Emulator, not {type_name(emu)}")
    core = (<Emulator>emu).core
    core.check()
    if core.st.running:
        raise EngineBusyError("the state of a CPU is taken and given back between runs",
                              hint="in a hook: stop() the run first")
    return core


def layout(emu):
    """A text that is the same where `save` and `load` fit each other: architecture, and the names
    and sizes of its registers."""
    cdef Core core = idle_core(emu)
    cdef const GuestOps *guest = core.st.engine.guest
    cdef uint32_t i
    names = [f"{guest.state_size - sizeof(CPUHead)} {sizeof(Common)}"]
    for i in range(guest.n_regs):
        names.append(f"{<bytes>guest.regs[i].name} {guest.regs[i].offset - sizeof(CPUHead)}"
                     if guest.regs[i].kind == 0 else f"{<bytes>guest.regs[i].name}")
    return f"{core.arch} {hashlib.sha256(' '.join(names).encode()).hexdigest()[:16]}"


def save(emu):
    """The CPU's registers, visible and hidden, and what the head has of them."""
    cdef Core core = idle_core(emu)
    cdef Engine *e = core.st.engine
    cdef CPUHead *cpu = e.cpu
    cdef Common common
    cdef Py_ssize_t size = <Py_ssize_t>(e.guest.state_size - sizeof(CPUHead))
    cdef bytes data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>sizeof(Common) + size)
    cdef char *at = PyBytes_AS_STRING(data)
    memset(&common, 0, sizeof(common))
    common.pc = cpu.pc
    common.cs_base = cpu.cs_base
    common.icount = cpu.icount_total
    common.exception_pc = cpu.exception_pc
    common.exception_index = cpu.exception_index
    common.interrupt_request = cpu.interrupt_request
    common.halted = cpu.halted
    common.rounding = cpu.fpst.rounding
    common.fp_flags = cpu.fpst.flags
    common.default_nan = cpu.fpst.default_nan
    common.flush_to_zero = cpu.fpst.flush_to_zero
    common.flush_inputs = cpu.fpst.flush_inputs
    common.x87_precision = cpu.fpst.x87_precision
    memcpy(at, &common, sizeof(common))
    memcpy(at + sizeof(common), <char *>cpu + sizeof(CPUHead), size)
    return data


def load(emu, bytes data):
    """Give back what `save` took from a CPU of the same `layout`."""
    cdef Core core = idle_core(emu)
    cdef Engine *e = core.st.engine
    cdef CPUHead *cpu = e.cpu
    cdef Common common
    cdef FPStatus *fpst = &cpu.fpst
    cdef Py_ssize_t size = <Py_ssize_t>(e.guest.state_size - sizeof(CPUHead))
    cdef const char *at = PyBytes_AS_STRING(data)
    cdef bytes before
    if len(data) != <Py_ssize_t>sizeof(Common) + size:
        raise ArgumentError(f"the state of a CPU has {sizeof(Common) + size} bytes, not"
                            f" {len(data)}")
    memcpy(&common, at, sizeof(common))
    if common.rounding > FP_RTO or common.x87_precision not in (0, 32, 64, 80):
        raise ArgumentError("the state of the floating-point unit is none")
    before = PyBytes_FromStringAndSize(<char *>cpu, <Py_ssize_t>e.guest.state_size)
    memcpy(<char *>cpu + sizeof(CPUHead), at + sizeof(common), size)
    if e.guest.state_ok != NULL and not e.guest.state_ok(
            cpu, <const CPUHead *>PyBytes_AS_STRING(before)):
        memcpy(<char *>cpu + sizeof(CPUHead), PyBytes_AS_STRING(before) + sizeof(CPUHead), size)
        raise ArgumentError("no CPU of this architecture can be in that state")
    cpu.pc = common.pc
    cpu.cs_base = common.cs_base
    cpu.icount_total = common.icount
    cpu.exception_pc = common.exception_pc
    cpu.exception_index = common.exception_index
    cpu.interrupt_request = common.interrupt_request
    cpu.halted = common.halted
    fpst.rounding = common.rounding
    fpst.flags = common.fp_flags
    fpst.default_nan = common.default_nan
    fpst.flush_to_zero = common.flush_to_zero
    fpst.flush_inputs = common.flush_inputs
    fpst.x87_precision = common.x87_precision
    e.guest.update_tb_flags(cpu)
    cpu_tlb_flush(cpu)          # translations of another address space may be there
    return None


def crash_occurred(emu):
    """Whether the guest has reported a panic."""
    return bool(idle_core(emu).st.engine.cpu.crash_occurred)


def set_crash_occurred(emu, value):
    """The guest has reported a panic (or, False, is well)."""
    cdef Core core
    if not isinstance(emu, Emulator):
        raise ArgumentTypeError(f"expected an Emulator, not {type_name(emu)}")
    core = (<Emulator>emu).core
    core.check()                # a device function may call this
    core.st.engine.cpu.crash_occurred = bool(value)


def reset(emu):
    """The CPU as it was made: registers of the reset, no crash, no exception pending."""
    cdef Core core = idle_core(emu)
    cdef CPUHead *cpu = core.st.engine.cpu
    cpu.crash_occurred = False
    cpu.exception_index = -1
    cpu.interrupt_request = 0
    cpu.halted = False
    core.st.engine.guest.reset(cpu)
    core.st.engine.guest.update_tb_flags(cpu)
    cpu_tlb_flush(cpu)
