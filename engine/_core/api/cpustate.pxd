# The registers of a CPU as bytes. Lives here: copying them out of and into the CPU struct, hidden
# ones included. Does not live here: streams (engine/machine). Callers: state.pyx, snapshot.pyx.
from engine._core.base.types cimport uint8_t
from engine._core.api.core cimport Core

# All of it; the length depends on the guest only.
cdef bytes cpu_save(Core core)
# Give back what cpu_save took from this or another CPU of the same kind; ArgumentError, and nothing
# is changed, when no such CPU can be in that state. trusted: this engine took it.
cdef int cpu_load(Core core, bytes data, bint trusted) except -1
# All of it but counts, exceptions and interrupts, which is what registers are; for the same engine,
# at any time, in hooks too. `to` has cpu_registers_size(core) bytes.
cdef Py_ssize_t cpu_registers_size(Core core) noexcept
cdef void cpu_registers_save(Core core, uint8_t *to) noexcept
cdef int cpu_registers_load(Core core, const uint8_t *state) except -1
# The same for CPUs whose states fit each other: architecture, names and places of the registers.
cdef str cpu_layout(Core core)
