"""Were all modules of the core compiled with the same structs?

What lives here: the comparison of the `__layout__` stamps that setup.py gives every module. A
module compiled against another layout would corrupt memory without a word. Who calls it:
`_core.api`, when it has loaded the emulator.
"""

import sys
from types import ModuleType

__all__ = ["check", "compare"]


def compare(modules: dict[str, ModuleType]) -> str | None:
    """What is wrong, in words, or None."""
    pairs: set[str] = set()
    stamps = {}
    for name, module in modules.items():
        stamp = getattr(module, "__layout__", None)
        if stamp is not None:
            stamps[name] = stamp
            pairs.update(stamp.split())
    if len({pair.partition(":")[0] for pair in pairs}) == len(pairs):
        return None
    first: dict[str, tuple[str, str]] = {}
    for name, stamp in stamps.items():
        for pair in stamp.split():
            struct, _, fields = pair.partition(":")
            known, module_name = first.setdefault(struct, (fields, name))
            if known != fields:
                return (f"{name} and {module_name} were compiled with different layouts of"
                        f" {struct}: rebuild or reinstall the engine")
    return None


def check() -> None:
    """ImportError when modules of the core that are loaded do not fit each other."""
    wrong = compare({name: module for name, module in sys.modules.items()
                     if name.startswith("engine._core.")})
    if wrong:
        raise ImportError(wrong)
