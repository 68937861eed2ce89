"""A Linux process: one program on one emulator, its system calls answered here.

Lives here: `Process`, the life of a program from load to exit status. Does not live here: any
single system call (`calls_*.py`), command-line handling (`engine.cli`).
"""

from __future__ import annotations

import logging
import os
import signal as host_signals
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.api import Emulator
from ..errors import (
    GuestException,
    GuestFault,
    InstructionFault,
    LoaderError,
    MemoryFault,
)
from . import calls_memory, calls_names, calls_poll, calls_process  # noqa: F401  (the call table)
from .abi import SIGNAL_NAMES, SIGNALS, Abi
from .abi_i386 import I386
from .abi_riscv64 import RISCV64
from .abi_x86_64 import X86_64
from .calls import dispatch
from .calls_children import Exec
from .elf import Program, read_program
from .files import FileTable
from .image import load_image
from .memory import GuestMemory
from .signals import Killed, Signals

log = logging.getLogger("engine.linux")

ABIS: tuple[Abi, ...] = (RISCV64, X86_64, I386)


def abi_of(program: Program) -> Abi:
    """The ABI that runs a program; `LoaderError` when there is none."""
    for abi in ABIS:
        if (abi.machine, abi.elf_class, abi.big_endian) == (
            program.machine,
            program.elf_class,
            program.big_endian,
        ):
            return abi
    known = ", ".join(abi.arch for abi in ABIS)
    order = "big" if program.big_endian else "little"
    raise LoaderError(
        f"{program.path}: a {program.elf_class}-bit {order}-endian program for ELF machine "
        f"{program.machine}, which user mode does not run",
        hint=f"user mode runs programs for: {known}",
    )


@dataclass(frozen=True)
class ExitStatus:
    """How a program ended: its status, or the signal that killed it and why."""

    status: int
    signal: str | None = None
    detail: str = ""

    @property
    def shell_status(self) -> int:
        """What a shell shows in `$?`."""
        return 128 + SIGNALS[self.signal] if self.signal in SIGNALS else self.status


class Process:
    """A program loaded into a new emulator, ready to `run()`.

    `argv` includes the program's name; `env` defaults to the host's environment. Raises
    `LoaderError` when the file cannot be run.
    """

    def __init__(
        self,
        path: str | Path,
        argv: Sequence[str | bytes] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        sysroot: str | None = None,
        trace: Callable[[str], None] | None = None,
        **emulator_options: Any,
    ) -> None:
        self.options = emulator_options
        self.files = FileTable(sysroot)
        self.signals = Signals()
        self.trace = trace
        self.unknown_calls: set[int] = set()
        self.pid = os.getpid()
        self.uid = getattr(os, "getuid", lambda: 0)()
        self.gid = getattr(os, "getgid", lambda: 0)()
        self.alone = False  # a debugger follows: no other processes, no other program
        self.is_child = False  # made by the guest's fork: ends with the guest
        self.children: set[int] = set()
        texts = [os.fsencode(a) for a in (argv or [str(path)])]
        pairs = os.environ if env is None else env
        environment = {os.fsencode(k): os.fsencode(v) for k, v in pairs.items()}
        self._load(read_program(path), texts, environment)

    def _load(self, program: Program, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> None:
        self.abi = abi_of(program)
        self.program_path = program.path
        self.emu = Emulator(self.abi.arch, user_mode=True, **self.options)
        self.memory = GuestMemory(self.emu, self.abi)
        self.tls_segments: dict[int, tuple[int, int, int]] = {}  # i386: by entry of the GDT
        sysroot = self.files.sysroot
        self.image = load_image(
            program, self.memory, argv, env, os.fsdecode(sysroot) if sysroot else None
        )
        page = self.abi.page_size
        self.sigreturn_address = self.memory.find_free(page)
        self.memory.add(self.sigreturn_address, page, "rx")
        self.emu.memory.write(self.sigreturn_address, self.abi.sigreturn_code)
        self.emu.regs[self.abi.stack_pointer] = self.image.stack_pointer
        self.emu.regs["pc"] = self.image.entry
        self.hook = self.emu.hook_exception(self._on_exception)

    def run(self) -> ExitStatus:
        """Runs the program to its end. A child that the guest made does not come back."""
        try:
            end = self._run()
        except BaseException:
            if not self.is_child:
                raise
            log.exception("the child process %d ends", self.pid)
            os._exit(70)  # EX_SOFTWARE: what is above in the stack belongs to the parent
        if self.is_child:
            self._end_child(end)
        return end

    def _run(self) -> ExitStatus:
        try:
            while True:
                try:
                    if self._run_until_fault():
                        break
                except Exec as other:
                    self._exec(other)
            log.warning("the run was stopped at pc %#x", self.emu.regs["pc"])
            return ExitStatus(0, None, "stopped")
        except calls_process.Exit as end:
            return ExitStatus(end.status)
        except Killed as end:
            return self.killed(end.signo, end.detail)
        finally:
            self.files.close_all()

    def _exec(self, other: Exec) -> None:
        """The point of no return is behind: what fails now kills the process, as in the kernel."""
        self.hook.remove()
        for number in list(self.files.close_on_exec):
            self.files.close(number)
        self.signals.exec()
        try:
            self._load(other.program, other.argv, dict(other.env))
        except LoaderError as error:
            raise Killed(SIGNALS["SIGSEGV"], str(error)) from error

    def _end_child(self, end: ExitStatus) -> None:
        """As the guest ended: the parent's wait sees the signal."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        if end.signal in SIGNALS:
            host_signals.signal(SIGNALS[end.signal], host_signals.SIG_DFL)
            os.kill(self.pid, SIGNALS[end.signal])
        os._exit(end.status)

    def _run_until_fault(self) -> bool:
        """True when the run was stopped, False after a fault that the guest handles."""
        try:
            self.emu.run()
        except (GuestFault, GuestException) as fault:
            self.deliver_fault(fault)
            return False
        return True

    @staticmethod
    def killed(signo: int, detail: str) -> ExitStatus:
        """The end of a process that a signal killed."""
        name = SIGNAL_NAMES.get(signo, f"signal {signo}")
        return ExitStatus(128 + signo, name, detail)

    def _on_exception(self, emu: Any, number: int) -> bool:
        abi = self.abi
        if number != abi.syscall_exception:
            return False
        regs = emu.regs
        call, *args = regs.read_many((abi.number_register, *abi.argument_registers))
        regs["pc"] = regs["pc"] + abi.syscall_size
        result = dispatch(self, call, tuple(args))
        if result is not None:
            regs[abi.result_register] = result & ((1 << abi.elf_class) - 1)
        if self.signals.pending:
            self.signals.deliver(self)
        return True

    def deliver_fault(self, fault: GuestFault | GuestException) -> None:
        """Turns a fault into the signal that Linux sends. Raises `Killed` when it is deadly."""
        address = fault.pc
        if isinstance(fault, MemoryFault):
            address = fault.address
            if fault.kind == "misaligned":
                name, code = "SIGBUS", 1  # BUS_ADRALN
            else:
                name, code = "SIGSEGV", 2 if fault.kind == "protected" else 1
        elif isinstance(fault, InstructionFault):
            name, code = "SIGILL", 1
        elif isinstance(fault, GuestException):
            name, code = self.abi.fault_signals.get(fault.cause, ("SIGILL", 1))
        else:
            name, code = "SIGSEGV", 1
        self.signals.raise_fault(self, name, code, address, str(fault))

    def flush_host_output(self, host: int) -> None:
        """Python's own buffered output goes out before the guest's."""
        stream = sys.stdout if host == 1 else sys.stderr
        if stream is not None and not stream.closed:
            stream.flush()
