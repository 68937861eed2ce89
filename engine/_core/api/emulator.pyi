# Types of the native API for type checkers: the Emulator class (emulator.pyx).
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal, SupportsFloat, SupportsIndex, overload

from typing_extensions import Buffer, Self, disjoint_base

from engine._core.api.calls import Abi
from engine._core.api.disassembly import Instruction
from engine._core.api.hooks import Fault, Hook
from engine._core.api.kinds import Access, Prot, StopReason
from engine._core.api.memory import Memory
from engine._core.api.points import Breakpoints, WatchHit, Watchpoints
from engine._core.api.ports import Ports
from engine._core.api.recorder import Coverage, EdgeRecorder, Recorder
from engine._core.api.registers import Registers
from engine._core.api.snapshot import Snapshot

_ValueOp = Literal["==", "!=", "<", "<=", ">", ">=", "&"]
_CodeHook = Callable[[Emulator, int, int], object]
_MemoryHook = Callable[[Emulator, Access, int, int, int | None], object]
_FaultHook = Callable[[Emulator, Fault], bool | None]
_TranslationHook = Callable[[Emulator, Access, int, int, int, Prot], object]
_ExceptionHook = Callable[[Emulator, int], bool | None]

@disjoint_base
class RunResult:
    @property
    def reason(self) -> StopReason: ...
    @property
    def pc(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def watchpoint(self) -> WatchHit | None: ...

@disjoint_base
class Emulator:
    def __init__(
        self,
        arch: str,
        *,
        backend: str | None = None,
        features: Iterable[str] | None = None,
        model: str | None = None,
        big_endian: bool = False,
        fp: bool = True,
        user_mode: bool = False,
        exceptions: Literal["host", "guest"] = "host",
        segment_limits: bool = True,
        code_buffer: SupportsIndex | None = None,
    ) -> None: ...
    @property
    def memory(self) -> Memory: ...
    @property
    def regs(self) -> Registers: ...
    @property
    def ports(self) -> Ports: ...
    @property
    def arch(self) -> str: ...
    @property
    def breakpoints(self) -> Breakpoints: ...
    @property
    def watchpoints(self) -> Watchpoints: ...
    @property
    def qom(self) -> Any: ...
    def gdb(self, port: int, *, host: str = "127.0.0.1", reverse: bool = True) -> bool: ...
    @property
    def running(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def stats(self) -> dict[str, int]: ...
    pc: int
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        *exc: type[BaseException] | BaseException | TracebackType | None,
    ) -> None: ...
    def run(
        self,
        begin: SupportsIndex | None = None,
        until: SupportsIndex | None = None,
        *,
        count: SupportsIndex | None = None,
        timeout: SupportsFloat | None = None,
    ) -> RunResult: ...
    def step(self, n: SupportsIndex = 1) -> RunResult: ...
    def stop(self) -> None: ...
    def reg_read(self, name: str, /) -> int: ...
    def reg_write(self, name: str, value: SupportsIndex, /) -> None: ...
    @overload
    def hook_code(
        self,
        fn: _CodeHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Hook: ...
    @overload
    def hook_code(
        self,
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Callable[[_CodeHook], Hook]: ...
    @overload
    def hook_block(
        self,
        fn: _CodeHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Hook: ...
    @overload
    def hook_block(
        self,
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Callable[[_CodeHook], Hook]: ...
    @overload
    def hook_memory(
        self,
        fn: _MemoryHook,
        read: bool = True,
        write: bool = True,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        after: bool = False,
        fetch: bool = False,
        addresses: Iterable[SupportsIndex] | None = None,
        value: SupportsIndex | tuple[_ValueOp, SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Hook: ...
    @overload
    def hook_memory(
        self,
        fn: None = None,
        read: bool = True,
        write: bool = True,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        after: bool = False,
        fetch: bool = False,
        addresses: Iterable[SupportsIndex] | None = None,
        value: SupportsIndex | tuple[_ValueOp, SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Callable[[_MemoryHook], Hook]: ...
    @overload
    def hook_fault(
        self,
        fn: _FaultHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        read: bool = True,
        write: bool = True,
        fetch: bool = True,
    ) -> Hook: ...
    @overload
    def hook_fault(
        self,
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        read: bool = True,
        write: bool = True,
        fetch: bool = True,
    ) -> Callable[[_FaultHook], Hook]: ...
    @overload
    def hook_exception(self, fn: _ExceptionHook) -> Hook: ...
    @overload
    def hook_exception(self, fn: None = None) -> Callable[[_ExceptionHook], Hook]: ...
    @overload
    def hook_insn(
        self,
        mnemonics: str | Iterable[str],
        fn: _CodeHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Hook: ...
    @overload
    def hook_insn(
        self,
        mnemonics: str | Iterable[str],
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        addresses: Iterable[SupportsIndex] | None = None,
        every: SupportsIndex = 1,
    ) -> Callable[[_CodeHook], Hook]: ...
    @overload
    def hook_invalid(
        self,
        fn: _ExceptionHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> Hook: ...
    @overload
    def hook_invalid(
        self,
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> Callable[[_ExceptionHook], Hook]: ...
    @overload
    def hook_translation(
        self,
        fn: _TranslationHook,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> Hook: ...
    @overload
    def hook_translation(
        self,
        fn: None = None,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> Callable[[_TranslationHook], Hook]: ...
    @property
    def symbols(self) -> dict[str, int]: ...
    def call(
        self,
        target: int | str,
        *args: int,
        abi: Abi | None = None,
        count: SupportsIndex | None = None,
        timeout: SupportsFloat | None = None,
    ) -> int: ...
    def record(
        self,
        kind: Literal["blocks", "instructions", "memory"],
        capacity: SupportsIndex = ...,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
        *,
        full: Literal["drop", "ring", "stop"] = "drop",
        buffer: Buffer | None = None,
        read: bool = True,
        write: bool = True,
    ) -> Recorder: ...
    def record_edges(
        self,
        map: Buffer,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> EdgeRecorder: ...
    def record_coverage(
        self,
        begin: SupportsIndex | None = None,
        end: SupportsIndex | None = None,
    ) -> Coverage: ...
    def snapshot(self) -> Snapshot: ...
    def restore(self, snapshot: Snapshot) -> None: ...
    def fork(self) -> Emulator: ...
    def disassemble(
        self,
        code: SupportsIndex | Buffer,
        count: SupportsIndex | None = None,
        *,
        address: SupportsIndex = 0,
    ) -> list[Instruction]: ...
    def load(
        self,
        data: Buffer,
        address: SupportsIndex,
        perms: str | Prot | int = "rwx",
        *,
        name: str | None = None,
    ) -> int: ...
    @property
    def dump_stages(self) -> tuple[str, ...]: ...
    def dump_block(self, address: SupportsIndex, stage: str | None = None) -> str: ...
    def dump_code(self, address: SupportsIndex) -> tuple[int, bytes]: ...
    def flush_code(self) -> None: ...
    def raise_irq(self, line: SupportsIndex, level: bool = True) -> None: ...
