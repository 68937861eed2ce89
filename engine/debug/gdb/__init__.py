"""A gdb stub: `GdbServer(emu, port).serve()`, `engine run --gdb PORT`.

Lives here: the public name `GdbServer`. Its parts: `packets`, `targets`, `control`, `history`,
`session`, `server`.
"""

from .control import Control, Ended, Stop
from .server import GdbServer

__all__ = ["Control", "Ended", "GdbServer", "Stop"]
