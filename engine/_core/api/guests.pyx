"""Architectures and back ends by name (see guests.pxd)."""
import os

from engine._core.backend.interp.interp cimport interp_ops
from engine._core.backend.x86_64.x86_64 cimport x86_64_ops
from engine._core.isa.riscv.riscv cimport riscv32_ops, riscv_ops
from engine._core.isa.x86.x86 cimport i386_guest, x86_16_guest, x86_64_guest, x86_model_names
from engine._core.api.core cimport type_name

from engine.errors import ArgumentError, ArgumentTypeError, UnsupportedError


def guest_names():
    """Names that Emulator() takes as arch."""
    return ("riscv64", "riscv32", "x86_64", "i386", "x86_16")


def backend_names():
    """Names that Emulator() takes as backend, the default first."""
    return ("jit", "interpreter") if x86_64_ops.available() else ("interpreter",)


cdef const GuestOps *guest_by_name(object arch, CPUConfig *config) except NULL:
    if not isinstance(arch, str):
        raise ArgumentTypeError(f"arch must be a str, not {type_name(arch)}")
    if arch == "riscv64":
        config.xlen = 64
        return &riscv_ops
    if arch == "riscv32":
        config.xlen = 32
        return &riscv32_ops
    if arch == "x86_64":
        config.xlen = 64
        return &x86_64_guest
    if arch == "i386":
        config.xlen = 32
        return &i386_guest
    if arch == "x86_16":
        config.xlen = 16
        return &x86_16_guest
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


cdef const char *model_by_name(object arch, object model) except? NULL:
    cdef uint32_t i = 0
    if model is None:
        return NULL
    if not isinstance(model, str):
        raise ArgumentTypeError(f"model must be a str, not {type_name(model)}")
    names = ["max"]
    if arch in ("x86_64", "i386", "x86_16"):
        names = []
        while x86_model_names[i] is not NULL:
            name = (<bytes>x86_model_names[i]).decode("ascii")
            if name == <str>model:
                return x86_model_names[i]
            names.append(name)
            i += 1
    elif <str>model == "max":
        return NULL
    raise UnsupportedError(f"{arch} has no CPU model {model!r}",
                           hint=f"there is {', '.join(names)}")


cdef uint64_t feature_bits(const GuestOps *guest, object features) except? 0xfffffffffffffffeULL:
    cdef uint64_t bits = 0
    cdef uint32_t i
    if features is None:
        return 0
    if isinstance(features, (str, bytes)):
        raise ArgumentTypeError("features must be a list of names, not one string")
    try:
        names = list(features)
    except TypeError:
        raise ArgumentTypeError(
            f"features must be a list of names, not {type_name(features)}") from None
    for name in names:
        if not isinstance(name, str):
            raise ArgumentTypeError(f"feature must be a str, not {type_name(name)}")
        wanted = name.lower().encode("utf-8")
        i = 0
        while guest.feature_names is not NULL and guest.feature_names[i] is not NULL:
            if <bytes>guest.feature_names[i] == wanted:
                bits |= 1ULL << i
                break
            i += 1
        else:
            raise ArgumentError(f"no CPU feature {name!r}; there are {', '.join(known(guest))}")
    if not bits:
        raise ArgumentError("features must name at least one")
    return bits


cdef list known(const GuestOps *guest):
    cdef uint32_t i = 0
    names = []
    while guest.feature_names is not NULL and guest.feature_names[i] is not NULL:
        names.append((<bytes>guest.feature_names[i]).decode("ascii"))
        i += 1
    return names
