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
from engine.unicorn.install import install
from engine.unicorn.unicorn import (
    Uc,
    UcError,
    __version__,
    debug,
    uc_arch_supported,
    uc_version,
    ucsubclass,
    version_bind,
)
from engine.unicorn.unicorn_const import *  # noqa: F403
