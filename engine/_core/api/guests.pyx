"""Architectures and back ends by name (see guests.pxd)."""
import os

from engine._core.backend.interp.interp cimport interp_ops
from engine._core.backend.x86_64.x86_64 cimport x86_64_ops
from engine._core.isa.riscv.riscv cimport riscv32_ops, riscv_ops
from engine._core.isa.x86.x86 cimport i386_guest, x86_16_guest, x86_64_guest
from engine._core.api.core cimport type_name

from engine.errors import ArgumentError, ArgumentTypeError, UnsupportedError


cdef struct Guest:
    const GuestOps *ops
    uint32_t xlen               # CPUConfig.xlen

cdef Guest[5] _guests
_guests[0] = Guest(&riscv_ops, 64)
_guests[1] = Guest(&riscv32_ops, 32)
_guests[2] = Guest(&x86_64_guest, 64)
_guests[3] = Guest(&i386_guest, 32)
_guests[4] = Guest(&x86_16_guest, 16)


def guest_names():
    """Names that Emulator() takes as arch."""
    return tuple([(<bytes>row.ops.name).decode("ascii") for row in _guests])


def backend_names():
    """Names that Emulator() takes as backend, the default first."""
    return ("jit", "interpreter") if x86_64_ops.available() else ("interpreter",)


cdef const GuestOps *guest_by_name(object arch, CPUConfig *config) except NULL:
    if not isinstance(arch, str):
        raise ArgumentTypeError(f"arch must be a str, not {type_name(arch)}")
    for row in _guests:
        if (<bytes>row.ops.name).decode("ascii") == <str>arch:
            config.xlen = row.xlen
            return row.ops
    raise UnsupportedError(f"there is no arch {arch!r}",
                           hint=f"there are {', '.join(guest_names())}")


cdef const BackendOps *backend_by_name(object name) except NULL:
    """None: what the environment variable ENGINE_BACKEND names, else the best there is."""
    if name is None:
        name = os.environ.get("ENGINE_BACKEND") or backend_names()[0]
    if not isinstance(name, str):
        raise ArgumentTypeError(f"backend must be a str, not {type_name(name)}")
    if name == "interpreter":
        return &interp_ops
    if name == "jit":
        if x86_64_ops.available():
            return &x86_64_ops
        raise UnsupportedError("there is no back end 'jit' here",
                               hint="the host is not x86-64, or refuses executable memory")
    raise UnsupportedError(f"there is no back end {name!r}",
                           hint=f"there are {', '.join(backend_names())}")


cdef const char *model_by_name(const GuestOps *guest, object model) except? NULL:
    cdef uint32_t i
    if model is None:
        return NULL
    if not isinstance(model, str):
        raise ArgumentTypeError(f"model must be a str, not {type_name(model)}")
    names = texts(guest.model_names)
    for i in range(<uint32_t>len(names)):
        if names[i] == <str>model:
            return guest.model_names[i]
    raise UnsupportedError(f"{(<bytes>guest.name).decode('ascii')} has no CPU model {model!r}",
                           hint=f"there is {', '.join(names)}")


cdef uint64_t feature_bits(const GuestOps *guest, object features) except? 0xfffffffffffffffeULL:
    cdef uint64_t bits = 0
    if features is None:
        return 0
    if isinstance(features, (str, bytes)):
        raise ArgumentTypeError("features must be a list of names, not one string")
    try:
        names = list(features)
    except TypeError:
        raise ArgumentTypeError(
            f"features must be a list of names, not {type_name(features)}") from None
    known = texts(guest.feature_names)
    for name in names:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"feature must be a str, not {type_name(name)}")
        if name.lower() not in known:
            raise ArgumentError(f"no CPU feature {name!r}; there are {', '.join(known)}")
        bits |= 1ULL << <uint32_t>known.index(name.lower())
    if not bits:
        raise ArgumentError("features must name at least one")
    return bits


# The strings of an array that ends with NULL; NULL has none.
cdef list texts(const char **names):
    cdef uint32_t i = 0
    found = []
    while names is not NULL and names[i] is not NULL:
        found.append((<bytes>names[i]).decode("ascii"))
        i += 1
    return found
