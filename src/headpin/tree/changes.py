"""What differs between two trees, in time proportional to the difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headpin.errors import PermanentError
from headpin.tree.tree import Entry, Kind, Tree

MAX_DEPTH = 64
MAX_ENTRIES = 2_000_000
"""A handful of tree objects that name each other many times unfold to more paths than a machine has memory."""


@dataclass(frozen=True, slots=True)
class Change:
    """A path that is not the same on both sides: added (`old` is None), removed or changed."""

    path: str
    old: Entry | None
    new: Entry | None


def changed_paths(old: Tree, new: Tree, path: str = "") -> Iterator[Change]:
    """Every changed path below `path` that is not a folder, in the order of names.

    Folders with equal ids are skipped; a folder that became a file is told as removals and an addition.
    A folder `MAX_DEPTH` levels down is told as one change. Raises PermanentError after `MAX_ENTRIES`.
    """
    if path and _same(old.entry(path), new.entry(path)):
        return
    if not path and old.id and old.id == new.id:
        return
    yield from _Comparison(old, new).below(path, 0)


class _Comparison:
    """One comparison of two trees, and how much of it was looked at."""

    def __init__(self, old: Tree, new: Tree) -> None:
        self._old = old
        self._new = new
        self._seen = 0

    def below(self, path: str, depth: int) -> Iterator[Change]:
        olds = {entry.name: entry for entry in self._old.entries(path)}
        news = {entry.name: entry for entry in self._new.entries(path)}
        for name in sorted(olds.keys() | news.keys()):
            one, other = olds.get(name), news.get(name)
            if _same(one, other):
                continue
            self._count()
            full = f"{path}/{name}" if path else name
            if depth == MAX_DEPTH:
                yield Change(full, one, other)
                continue
            if _is_folder(one) or _is_folder(other):
                yield from self.below(full, depth + 1)
            gone, come = _not_folder(one), _not_folder(other)
            if gone is not None or come is not None:
                yield Change(full, gone, come)

    def _count(self) -> None:
        self._seen += 1
        if self._seen > MAX_ENTRIES:
            raise PermanentError(
                f"more than {MAX_ENTRIES:,} files and folders changed at once",
                remedy="take the change back, or bring it in several commits that are reconciled one by one",
            )


def _same(one: Entry | None, other: Entry | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.id != "" and one.id == other.id and one.kind is other.kind


def _is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind is Kind.FOLDER


def _not_folder(entry: Entry | None) -> Entry | None:
    return None if entry is None or entry.kind is Kind.FOLDER else entry
