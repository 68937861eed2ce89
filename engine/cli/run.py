"""`engine run`: a Linux program of another architecture on this machine."""

from __future__ import annotations

import logging
import sys
import time

import click

from ..errors import Error
from ..util import log

CANNOT_RUN = 126  # what a shell answers for a program that cannot be executed


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "--trace",
    type=click.Choice(["syscalls", "blocks", "insns"]),
    help="Print system calls, basic blocks or instructions to standard error.",
)
@click.option(
    "-d",
    "log_items",
    metavar="ITEM,...",
    help="Log categories, as in QEMU: in_asm, exec, cpu, int, mmu ...; help lists them.",
)
@click.option("-D", "log_file", metavar="FILE", help="Write the log to FILE, not standard error.")
@click.option("--stats", is_flag=True, help="Print counters to standard error at the end.")
@click.option(
    "--sysroot",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Look for absolute paths and the ELF interpreter there first.",
)
@click.option("-E", "--env", "env", multiple=True, metavar="NAME=VALUE", help="Set a variable.")
@click.option("--backend", default=None, metavar="NAME", help="Back end, e.g. interpreter.")
@click.option(
    "--gdb",
    "gdb_port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Wait for gdb on this port of the loopback and let it drive the program (0: a free one).",
)
@click.argument("program", type=click.Path())
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    trace: str | None,
    log_items: str | None,
    log_file: str | None,
    stats: bool,
    sysroot: str | None,
    env: tuple[str, ...],
    backend: str | None,
    gdb_port: int | None,
    program: str,
    args: tuple[str, ...],
) -> None:
    """Run PROGRAM (a static Linux ELF file for riscv64, x86-64 or i386) with ARGS.

    The exit status is the program's; 128 plus the number when a signal killed it, 126 when it
    cannot be run at all.
    """
    logging.basicConfig(level=logging.WARNING, format="engine: %(message)s")
    options = {} if backend is None else {"backend": backend}
    if log_items == "help":
        click.echo(log.describe())
        return
    try:
        if log_items is not None:
            _open_log(log_items, log_file)
        from ..debug.exec_log import ExecLog
        from ..linux import Process

        process = Process(
            program,
            [program, *args],
            env=_environment(env),
            sysroot=sysroot,
            trace=_note if trace == "syscalls" else None,
            **options,
        )
        if trace in ("blocks", "insns"):
            _trace_code(process.emu, trace)
        began = time.perf_counter()
        with ExecLog(process.emu):
            if log.level & log.Category.INT:
                # Behind the log's hooks: what the process answers (system calls) is logged, too.
                process.hook.enabled = False
                process.hook.enabled = True
            if gdb_port is None:
                end = process.run()
            else:
                from ..linux.debug import serve_gdb

                end = serve_gdb(process, gdb_port, listening=_note)
        seconds = time.perf_counter() - began
    except Error as error:
        click.echo(f"engine: {error}", err=True)
        sys.exit(CANNOT_RUN)
    except KeyboardInterrupt:
        sys.exit(130)
    if end.signal:
        click.echo(f"engine: killed by {end.signal}: {end.detail}", err=True)
    if stats:
        _print_stats(process.emu, seconds)
    sys.stdout.flush()
    sys.exit(end.shell_status)


def _open_log(items: str, file: str | None) -> None:
    log.set_level(log.mask_from_text(items))
    if file is None:
        log.set_stream(sys.stderr)
    else:
        log.set_file(file)


def _note(line: str) -> None:
    print(line, file=sys.stderr)


def _environment(settings: tuple[str, ...]) -> dict[str, str]:
    import os

    env = dict(os.environ)
    for setting in settings:
        name, sep, value = setting.partition("=")
        if not sep or not name:
            raise click.BadParameter(f"{setting!r} is not NAME=VALUE", param_hint="--env")
        env[name] = value
    return env


def _trace_code(emu, kind: str) -> None:  # type: ignore[no-untyped-def]
    def block(emu, address: int, size: int) -> None:  # type: ignore[no-untyped-def]
        _note(f"{address:#x} +{size}")

    def insn(emu, address: int, size: int) -> None:  # type: ignore[no-untyped-def]
        (line,) = emu.disassemble(address, 1)
        _note(str(line))

    if kind == "blocks":
        emu.hook_block(block)
    else:
        emu.hook_code(insn)


def _print_stats(emu, seconds: float) -> None:  # type: ignore[no-untyped-def]
    from rich.console import Console
    from rich.table import Table

    table = Table(title="engine run", show_header=False)
    table.add_column("counter")
    table.add_column("value", justify="right")
    counters = dict(emu.stats)
    for name, value in counters.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    count = counters.get("instructions", 0)
    table.add_row("seconds", f"{seconds:.3f}")
    if seconds > 0:
        table.add_row("million instructions per second", f"{count / seconds / 1e6:,.1f}")
    Console(stderr=True).print(table)
