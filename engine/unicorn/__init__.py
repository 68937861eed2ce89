"""A drop-in for unicorn 2.1.4's Python package.

What lives here: the names of `unicorn`, and `install`. What does not: the classes
(unicorn_py3/unicorn.py), the constants (tables.py), the engine (_core). Who calls it: users;
`python -m engine.unicorn script.py` runs a script whose `import unicorn` gets this.
"""

from engine.unicorn import (  # noqa: F401
    arm64_const,
    arm_const,
    m68k_const,
    mips_const,
    riscv_const,
    s390x_const,
    sparc_const,
    tricore_const,
    x86_const,
)
from engine.unicorn.loader import install as install
from engine.unicorn.unicorn import Uc as Uc
from engine.unicorn.unicorn import UcError as UcError
from engine.unicorn.unicorn import __version__ as __version__
from engine.unicorn.unicorn import debug as debug
from engine.unicorn.unicorn import uc_arch_supported as uc_arch_supported
from engine.unicorn.unicorn import uc_version as uc_version
from engine.unicorn.unicorn import ucsubclass as ucsubclass
from engine.unicorn.unicorn import version_bind as version_bind
from engine.unicorn.unicorn_const import *  # noqa: F403
