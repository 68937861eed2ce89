"""What README and docs/ show is true: their Python examples run and print what they say.

A comment after a print() in an example is what that print writes; or a block marked `text` right
behind the example is all that it writes.
"""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def examples() -> list[tuple[str, str, str | None]]:
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```)?", text,
                                 re.S | re.M):
            line = text.count("\n", 0, match.start()) + 2
            found.append((f"{path.relative_to(ROOT).as_posix()}:{line}", match[1], match[2]))
    return found


@pytest.mark.parametrize(("where", "code", "output"), examples(),
                         ids=[where for where, *_ in examples()])
def test_example(where, code, output, monkeypatch):
    monkeypatch.chdir(ROOT)  # examples name files of the checkout
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, where, "exec"), {"__name__": "__main__"})
    said = re.findall(r"^\s*print\(.*\)  # (.*)$", code, re.M) if output is None \
        else output.splitlines()
    assert printed.getvalue().splitlines() == said


def test_readme_has_an_example_and_its_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert any(where.startswith("README.md:") for where, *_ in examples())
    assert re.search(r"^<!-- ci: run -->\n```sh\n.+\n```$", readme, re.M)
    assert re.search(r"^<!-- ci: test -->\n```sh\n.+\n```$", readme, re.M)


def test_links_between_documents_lead_somewhere():
    broken = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            if not (path.parent / target).exists():
                broken.append(f"{path.name}: {target}")
    assert not broken
