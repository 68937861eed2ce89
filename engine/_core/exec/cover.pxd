# Coverage: which basic blocks were executed, without a call.
# Lives here: the slots that translated blocks mark, and where these stand. Does not live here: the
# store in the block (isa/translator), numpy arrays (api/recorder). Called by: lookup, api, engine.
#
# A block marks its byte with a store at a constant offset from the CPU struct: the bytes lie behind
# it, in pages that cost nothing until somebody records.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.cpu.head cimport CPUHead
from engine._core.exec.engine cimport COVER_SLOTS, Engine
from engine._core.isa.guest cimport GuestOps

cdef inline uint64_t cover_offset(const GuestOps *guest) noexcept nogil:
    return (guest.state_size + 63) & ~63ULL


# Bytes to reserve for a CPU struct.
cdef inline uint64_t cpu_size(const GuestOps *guest) noexcept nogil:
    return cover_offset(guest) + COVER_SLOTS


# Record blocks that begin in [first, last] from now on; False: out of memory.
cdef bint cover_start(Engine *e, uint64_t first, uint64_t last) noexcept nogil
# No block marks any more; what was recorded stays until cover_free.
cdef void cover_stop(Engine *e) noexcept nogil
# Forget what was executed, not which blocks there are.
cdef void cover_clear(Engine *e) noexcept nogil
cdef void cover_free(Engine *e) noexcept nogil
# TranslateArgs.cover
cdef uint32_t cover_slot(CPUHead *cpu, uint64_t pc, uint64_t size) noexcept nogil
