"""The command group and what all subcommands share. Called by: `engine.cli.main`."""

from __future__ import annotations

import click

from .. import __version__
from .qom_tree import qom_tree
from .run import run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="engine %(version)s")
def cli() -> None:
    """CPU emulation engine."""


cli.add_command(run)
cli.add_command(qom_tree)
