"""Scripts in the style of clients that know only unicorn, on unicorn and on engine.unicorn.

What lives here: running the scripts of the folder clients, by `python -m engine.unicorn` and by
`install()`. What does not: real clients (test_clients.py), single calls (test_compare.py).
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

CLIENTS = sorted(Path(__file__).with_name("clients").glob("*.py"))
INSTALL = "import runpy, sys, engine.unicorn as u; u.install(); runpy.run_path(sys.argv.pop(1))"


def printed(*command):
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", CLIENTS, ids=[path.stem for path in CLIENTS])
def test_clients(script):
    here = printed("-m", "engine.unicorn", script, "an", "argument")
    assert here.strip()
    assert printed("-c", INSTALL, script, "an", "argument") == here
    if importlib.util.find_spec("unicorn") is None:
        pytest.skip("the package unicorn is not installed")
    assert printed(script, "an", "argument") == here
