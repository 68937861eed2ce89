# Text form of the intermediate representation: printer and parser of .ir files.
# Called by: tests, `--trace`, debugging. The form is described in text.pyx.
from engine._core.base.types cimport uint32_t
from engine._core.ir.ir cimport IR

# Answers the length the text needs (without the terminator); writes at most size bytes, terminated.
cdef uint32_t ir_print(IR *s, char *buf, uint32_t size) noexcept nogil
# Adds the ops of the text to a fresh or reset IR. Globals are declared by `global` lines or known
# already; helpers must be known (ir_helper). 0, or the number of the bad line with a message in
# err.
cdef int ir_parse(IR *s, const char *text, char *err, uint32_t err_size) noexcept nogil
