# Types of the native API for type checkers: Ports (ports.pyx).
from collections.abc import Callable, Iterator

from typing_extensions import disjoint_base

@disjoint_base
class Ports:
    def map_io(
        self,
        first: int,
        count: int,
        read: Callable[[int, int], int] | None = None,
        write: Callable[[int, int, int], object] | None = None,
        *,
        name: str | None = None,
    ) -> None: ...
    def unmap(self, first: int, count: int) -> None: ...
    def __iter__(self) -> Iterator[tuple[int, int]]: ...
    def __len__(self) -> int: ...
