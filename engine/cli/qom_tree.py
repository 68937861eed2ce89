"""`engine qom-tree`: the objects of an emulator, printed and edited."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import ArgumentError, Error, GuestException, GuestFault

if TYPE_CHECKING:
    from ..qom import Object

CANNOT_RUN = 126


@click.command("qom-tree", context_settings={"ignore_unknown_options": True,
                                             "allow_interspersed_args": False})
@click.option("--arch", default=None, metavar="NAME",
              help="Show a new emulator of this architecture instead of a program.")
@click.option("--count", type=int, default=0, metavar="N",
              help="Execute N instructions of the program first.")
@click.option("-p", "--properties", is_flag=True, help="Show properties and their values.")
@click.option("--path", default="/", metavar="PATH",
              help="Show only what is below this object; a partial path will do.")
@click.option("--set", "settings", multiple=True, metavar="PATH.PROPERTY=VALUE",
              help="Set a property before printing; may be repeated.")
@click.argument("program", type=click.Path(), required=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def qom_tree(arch: str | None, count: int, properties: bool, path: str,
             settings: tuple[str, ...], program: str | None, args: tuple[str, ...]) -> None:
    """Print the object tree of PROGRAM (a static Linux ELF file), or of an empty emulator."""
    if (program is None) == (arch is None):
        raise click.UsageError("give either a program or --arch")
    try:
        emu, keep = _emulator(arch, program, args, count)
        from ..qom.printer import tree_lines

        for setting in settings:
            _set(emu.qom, setting)
        for line in tree_lines(_object(emu.qom, path), properties):
            click.echo(line)
        del keep
    except Error as error:
        click.echo(f"engine: {error}", err=True)
        sys.exit(CANNOT_RUN)


def _emulator(arch: str | None, program: str | None, args: tuple[str, ...],
              count: int) -> tuple[Any, Any]:
    """The emulator and what must live as long as it."""
    if arch is not None:
        from .._core.api import Emulator

        return Emulator(arch), None
    from ..linux import Process

    assert program is not None
    process = Process(program, [program, *args])
    if count:
        try:
            process.emu.run(count=count)
        except (GuestFault, GuestException) as fault:
            click.echo(f"engine: stopped early: {fault.message}", err=True)
    return process.emu, process


def _object(root: Object, path: str) -> Object:
    from ..qom import object_resolve_path

    found, ambiguous = object_resolve_path(path, root)
    if ambiguous:
        raise ArgumentError(f"path {path!r} does not uniquely identify an object")
    if found is None:
        raise ArgumentError(f"there is no object {path!r}")
    return found


def _set(root: Object, setting: str) -> None:
    where, equals, value = setting.partition("=")
    path, dot, name = where.rpartition(".")
    if not equals or not dot or not path or not name:
        raise ArgumentError(f"{setting!r} is not PATH.PROPERTY=VALUE")
    _object(root, path).parse(name, value)
