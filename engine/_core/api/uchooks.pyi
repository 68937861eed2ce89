# Types of the native API for type checkers: Hooks of engine.unicorn (uchooks.pyx).
from collections.abc import Callable
from typing import Any, SupportsIndex

from typing_extensions import disjoint_base

from engine._core.api.emulator import Emulator

class TlbEntry:
    paddr: int
    perms: int
    def __init__(self) -> None: ...

@disjoint_base
class UcHook:
    @property
    def callback(self) -> Callable[..., Any]: ...
    @property
    def user_data(self) -> Any: ...
    @property
    def htype(self) -> int: ...

@disjoint_base
class UcHooks:
    @property
    def emulator(self) -> Emulator | None: ...
    @property
    def _callbacks(self) -> dict[int, UcHook]: ...
    def hook_add(
        self,
        htype: SupportsIndex,
        callback: Callable[..., Any],
        user_data: Any = None,
        begin: SupportsIndex = 1,
        end: SupportsIndex = 0,
        aux1: int = 0,
        aux2: int = 0,
        *,
        arg1: int | None = None,
        arg2: int | None = None,
    ) -> int: ...
    def _port_in(self, port: int, size: int) -> int: ...
    def _port_out(self, port: int, size: int, value: int) -> None: ...
    def hook_del(self, h: int) -> None: ...
    def _open(self) -> Any: ...
    def _hook_pointer(self, handle: int, pointer: int, data: int) -> None: ...
    def _special_hook(
        self, htype: int, callback: Callable[..., Any], aux1: int, aux2: int
    ) -> tuple[Callable[..., Any], int, Any]: ...
    def _set_virtual_tlb(self, enabled: bool) -> None: ...
