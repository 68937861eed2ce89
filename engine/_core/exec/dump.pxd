# A block at each stage of its translation, for debugging.
# Lives here: translation without a trace in the cache. The text form: ir/text. Called by:
# engine.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.exec.engine cimport Engine

cdef enum:
    DUMP_CODE = 100             # the stage that answers host code instead of text

# Stage 0: text as the guest's translator made it; n: after the first n steps of the optimiser
# (opt/passes.pxd); DUMP_CODE: the host code that the back end makes of it, at the address `base`.
# Answers the length (written up to size), 0: nothing can be translated there.
cdef uint32_t dump_block(Engine *e, uint64_t pc, uint32_t stage, char *out, uint32_t size,
                         uint64_t *base) noexcept nogil
