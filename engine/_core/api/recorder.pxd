# Recorders of runs. Lives here: what emulator.pyx makes them with. The classes: recorder.pyx.
from engine._core.api.core cimport Core

# Each is armed. full_rule: "drop", "ring" or "stop".
cdef object recorder_new(Core core, object kind, object capacity, object begin, object end,
                         object full_rule, object buffer, bint reads, bint writes)
cdef object edges_new(Core core, object buffer, object begin, object end)
cdef object coverage_new(Core core, object begin, object end)
