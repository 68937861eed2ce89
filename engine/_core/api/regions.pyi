# Types of engine.memory for type checkers: memory regions (regions.pyx).
from collections.abc import Callable
from types import TracebackType
from typing import Any

from typing_extensions import Buffer, Self, disjoint_base

from engine._core.api.emulator import Emulator
from engine._core.api.kinds import DirtyClient, Endian, MemTxAttrs, Prot
from engine._core.api.spaces import AddressSpace

_Read = Callable[[int, int, MemTxAttrs], int]
_Write = Callable[[int, int, int, MemTxAttrs], object]
_Accepts = Callable[[int, int, bool, MemTxAttrs], bool]
_Sizes = tuple[int, int, bool]
_Translate = Callable[[int, bool], tuple[AddressSpace, int, int, str | Prot | int] | None]

@disjoint_base
class RegionCell: ...

@disjoint_base
class MemoryRegion:
    @classmethod
    def container(
        cls, emu: Emulator, name: str | None, size: int, *, owner: Any = None
    ) -> Self: ...
    @classmethod
    def ram(
        cls,
        emu: Emulator,
        name: str | None,
        size: int,
        *,
        buffer: Buffer | None = None,
        owner: Any = None,
    ) -> Self: ...
    @classmethod
    def rom(cls, emu: Emulator, name: str | None, size: int, *, owner: Any = None) -> Self: ...
    @classmethod
    def rom_device(
        cls,
        emu: Emulator,
        name: str | None,
        size: int,
        read: _Read | None = None,
        write: _Write | None = None,
        *,
        valid: _Sizes = (1, 8, True),
        impl: _Sizes = (1, 8, True),
        endian: Endian | int = ...,
        owner: Any = None,
    ) -> Self: ...
    @classmethod
    def io(
        cls,
        emu: Emulator,
        name: str | None,
        size: int,
        read: _Read | None = None,
        write: _Write | None = None,
        *,
        accepts: _Accepts | None = None,
        valid: _Sizes = (1, 8, True),
        impl: _Sizes = (1, 8, True),
        endian: Endian | int = ...,
        owner: Any = None,
    ) -> Self: ...
    @classmethod
    def alias(
        cls,
        emu: Emulator,
        name: str | None,
        target: MemoryRegion,
        offset: int,
        size: int,
        *,
        owner: Any = None,
    ) -> Self: ...
    @classmethod
    def resizeable_ram(
        cls,
        emu: Emulator,
        name: str | None,
        size: int,
        max_size: int,
        resized: Callable[[str, int], object] | None = None,
        *,
        readonly: bool = False,
        owner: Any = None,
    ) -> Self: ...
    @classmethod
    def iommu(
        cls, emu: Emulator, name: str | None, size: int, translate: _Translate, *, owner: Any = None
    ) -> Self: ...
    @classmethod
    def reservation(
        cls, emu: Emulator, name: str | None, size: int, *, owner: Any = None
    ) -> Self: ...
    def add_subregion(
        self, offset: int, region: MemoryRegion, priority: int | None = None
    ) -> None: ...
    def del_subregion(self, region: MemoryRegion) -> None: ...
    @property
    def parent(self) -> MemoryRegion | None: ...
    @property
    def subregions(self) -> list[MemoryRegion]: ...
    @property
    def name(self) -> str | None: ...
    @property
    def number(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def owner(self) -> Any: ...
    size: int
    address: int
    @property
    def priority(self) -> int: ...
    @property
    def alias_target(self) -> tuple[MemoryRegion | None, int] | None: ...
    alias_offset: int
    enabled: bool
    readonly: bool
    perms: Prot
    romd_mode: bool
    global_locking: bool
    @property
    def is_ram(self) -> bool: ...
    @property
    def ram_address(self) -> int | None: ...
    def resize(self, size: int) -> None: ...
    def read(self, offset: int, size: int) -> bytes: ...
    @property
    def dirty_log_mask(self) -> int: ...
    def is_logging(self, client: DirtyClient | int) -> bool: ...
    def set_log(self, on: bool, client: DirtyClient | int = ...) -> None: ...
    def get_dirty(self, offset: int, size: int, client: DirtyClient | int) -> bool: ...
    def set_dirty(self, offset: int, size: int) -> None: ...
    def test_and_clear_dirty(self, offset: int, size: int, client: DirtyClient | int) -> bool: ...

@disjoint_base
class Transaction:
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        *exc: type[BaseException] | BaseException | TracebackType | None,
    ) -> None: ...

def transaction(emu: Emulator) -> Transaction: ...
def system_memory(emu: Emulator) -> MemoryRegion: ...
def all_regions(emu: Emulator) -> list[MemoryRegion]: ...
def connect_spaces(pointer: Callable[[Any], int], core: Callable[[Any], Any]) -> None: ...
