# The IR of a block as text, for debugging.
# Lives here: translation without a trace in the cache. The text form: ir/text. Called by:
# engine.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Engine

cdef uint32_t dump_block(Engine *e, uint64_t pc, uint32_t stage, char *out,
                         uint32_t size) noexcept nogil
