"""`unicorn` answered by this engine, for scripts that say `import unicorn`.

What lives here: `install`, which fills sys.modules. Who calls it: users, `__main__.py`.
"""

import importlib
import pkgutil
import sys

from engine.errors import UnsupportedError

__all__ = ["install"]


def install() -> None:
    """Let `import unicorn` and its submodules get engine.unicorn in this process.

    Call it before anything imports unicorn. UnsupportedError: the other one is loaded already.
    """
    package = importlib.import_module("engine.unicorn")
    loaded = sys.modules.get("unicorn")
    if loaded is not None and loaded is not package:
        raise UnsupportedError("another unicorn has been imported already",
                               hint="call engine.unicorn.install() before the first import of it")
    own = {"loader", "tables", "arch", "hooks", "clib", "__main__"}
    sys.modules["unicorn"] = package
    for found in pkgutil.walk_packages(package.__path__, "engine.unicorn."):
        name = found.name.removeprefix("engine.unicorn.")
        if name not in own:
            sys.modules["unicorn." + name] = importlib.import_module(found.name)
