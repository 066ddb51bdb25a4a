"""What is read once, and only as far as somebody asks, by any number of readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from headpin.errors import HeadpinError

T = TypeVar("T")


class Remembered(Generic[T]):
    """The items of an iterator, for every reader from the start; and what ended it, for every reader too."""

    def __init__(self, items: Iterable[T]) -> None:
        self._more = iter(items)
        self._read: list[T] = []
        self._ended: HeadpinError | bool = False

    def __iter__(self) -> Iterator[T]:
        number = 0
        while number < len(self._read) or self._reads_on():
            yield self._read[number]
            number += 1

    def _reads_on(self) -> bool:
        if isinstance(self._ended, HeadpinError):
            raise self._ended
        if self._ended:
            return False
        try:
            self._read.append(next(self._more))
        except StopIteration:
            self._ended = True
        except HeadpinError as error:
            self._ended = error
            raise
        return not self._ended
