"""Linux user mode: runs static (and with a sysroot dynamic) ELF programs of the guest.

`Process(path, argv).run()` is all most callers need. Needs the extra `linux` (pyelftools).
"""

from .process import ABIS, ExitStatus, Process

__all__ = ["ABIS", "ExitStatus", "Process"]
