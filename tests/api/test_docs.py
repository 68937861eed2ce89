"""The examples of docs/api.md do what it says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs/api.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number):
    source, expected = EXAMPLES[number]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, "docs/api.md", "exec"), {})
    assert out.getvalue() == expected


def test_every_public_method_is_mentioned():
    from engine import Emulator, Memory, Registers
    for kind in (Emulator, Memory, Registers):
        for name in vars(kind):
            if not name.startswith("_"):
                stem = re.sub(r"u(16|32)$", "u8", name)
                assert re.search(rf"\b{stem}\b", TEXT), f"{kind.__name__}.{name}"
