"""The state of a CPU as bytes: what `engine.machine.state` puts into its stream.

Lives here: the checks, the crash flag, reset. Does not live here: copying registers (cpustate.pyx),
the stream (engine/machine/stream.py). Who calls it: engine.machine.state.
"""
from engine._core.cpu.flush cimport cpu_tlb_flush
from engine._core.cpu.head cimport CPUHead
from engine._core.api.core cimport Core, type_name
from engine._core.api.cpustate cimport cpu_layout, cpu_load, cpu_save
from engine._core.api.emulator cimport Emulator

from engine.errors import ArgumentTypeError, EngineBusyError

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
    return cpu_layout(idle_core(emu))


def save(emu):
    """The CPU's registers, visible and hidden, and what the head has of them."""
    return cpu_save(idle_core(emu))


def load(emu, bytes data):
    """Give back what `save` took from a CPU of the same `layout`."""
    cpu_load(idle_core(emu), data, False)


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
