"""The command `engine`: one file a subcommand. Nobody imports this package."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the console script and of `python -m engine`."""
    try:
        import click  # noqa: F401
    except ImportError:
        sys.exit("engine: the command line needs click: pip install 'emulation-engine[linux]'")
    from .commands import cli

    cli(prog_name="engine")
