"""Architectures and back ends by name (see guests.pxd)."""
from engine._core.api.core cimport u64_arg, type_name

from engine.errors import ArgumentTypeError, UnsupportedError


def guest_names():
    """Names that Emulator() takes as arch."""
    return ("riscv64", "riscv32")


def backend_names():
    """Names that Emulator() takes as backend."""
    return ("interpreter",)


cdef const GuestOps *guest_by_name(object arch, CPUConfig *config) except NULL:
    if not isinstance(arch, str):
        raise ArgumentTypeError(f"arch must be a str, not {type_name(arch)}")
    raise UnsupportedError(f"there is no architecture {arch!r}",
                           hint=f"there are {', '.join(guest_names())}")


cdef const BackendOps *backend_by_name(object name) except NULL:
    if not isinstance(name, str):
        raise ArgumentTypeError(f"backend must be a str, not {type_name(name)}")
    raise UnsupportedError(f"there is no back end {name!r}",
                           hint=f"there are {', '.join(backend_names())}")


cdef uint64_t feature_bits(const GuestOps *guest, object features) except? 0xfffffffffffffffeULL:
    if features is None:
        return 0
    return u64_arg(features, "features")
