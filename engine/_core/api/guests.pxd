# Architectures and back ends by name. Lives here: the only list of them. Caller: emulator.pyx.
from engine._core.base.types cimport uint32_t, uint64_t
from engine._core.isa.guest cimport GuestOps, CPUConfig
from engine._core.backend.backend cimport BackendOps

# Fills config.xlen too.
cdef const GuestOps *guest_by_name(object arch, CPUConfig *config) except NULL
cdef const BackendOps *backend_by_name(object name) except NULL
# CPUConfig.model: NULL is the default.
cdef const char *model_by_name(const GuestOps *guest, object model) except? NULL
# None or names -> CPUConfig.features.
cdef uint64_t feature_bits(const GuestOps *guest, object features) except? 0xfffffffffffffffeULL
