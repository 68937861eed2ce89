"""The names of `unicorn.unicorn`."""

from engine.unicorn.unicorn_py3 import (
    Uc,
    UcContext,
    UcError,
    debug,
    uc_arch_supported,
    uc_version,
    ucsubclass,
    version_bind,
)
from engine.unicorn.unicorn_py3.unicorn import __version__

__all__ = ["Uc", "UcContext", "UcError", "__version__", "debug", "uc_arch_supported", "uc_version",
           "ucsubclass", "version_bind"]
