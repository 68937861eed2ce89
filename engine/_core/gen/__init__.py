"""Build-time generators: .isa files and ops.tab to *_gen.* files beside their users.

Lives here: the list of generator modules and the writing of their outputs. Does not live here: any
format (isa.py, ops.py). Called by setup.py, `python -m engine._core.gen` and tests; never shipped.

A generator module has `outputs(root) -> dict[Path, str]`: each file it makes and its text.
"""

import importlib
import importlib.util
from pathlib import Path

MODULES = ("ops", "isa_out", "x86")


class GenError(Exception):
    """A mistake in an input file; the text starts with `file:line:`."""


def generate(root: Path) -> list[Path]:
    """Run every generator that is present; answers the files whose text changed."""
    changed = []
    for name in MODULES:
        if importlib.util.find_spec(f"{__name__}.{name}") is None:
            continue
        module = importlib.import_module(f"{__name__}.{name}")
        for path, text in module.outputs(Path(root)).items():
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            path.write_text(text, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed
