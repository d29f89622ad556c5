"""Lists as long as a folder, kept in a few bytes an item."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import SupportsIndex, TypeVar, overload

Item = TypeVar("Item")


class Packed(Sequence[Item]):
    """A list that makes each item when asked for it."""

    @abstractmethod
    def _made(self, index: int) -> Item:
        """Make an item, 0 <= index < n."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Item | list[Item]:
        at = range(len(self))[index]  # understands negative indexes, and refuses those outside
        return self._made(at) if isinstance(at, int) else [self._made(i) for i in at]
