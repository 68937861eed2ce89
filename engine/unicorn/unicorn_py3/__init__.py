"""The names of `unicorn.unicorn_py3`."""

from engine.unicorn.unicorn_py3.unicorn import (
    Uc,
    UcContext,
    UcError,
    debug,
    uc_arch_supported,
    uc_version,
    ucsubclass,
    version_bind,
)

__all__ = ["Uc", "UcContext", "UcError", "debug", "uc_arch_supported", "uc_version", "ucsubclass",
           "version_bind"]
