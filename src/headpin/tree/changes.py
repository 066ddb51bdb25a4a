"""What differs between two trees, in time proportional to the difference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headpin.tree.tree import Entry, Kind, Tree


@dataclass(frozen=True, slots=True)
class Change:
    """A path that is not the same on both sides: added (`old` is None), removed or changed."""

    path: str
    old: Entry | None
    new: Entry | None


def changed_paths(old: Tree, new: Tree, path: str = "") -> Iterator[Change]:
    """Every changed path below `path` that is not a folder, in the order of names.

    Folders with equal ids are skipped; a folder that became a file is told as removals and an addition.
    """
    if path and _same(old.entry(path), new.entry(path)):
        return
    if not path and old.id and old.id == new.id:
        return
    yield from _changed_below(old, new, path)


def _changed_below(old: Tree, new: Tree, path: str) -> Iterator[Change]:
    olds = {entry.name: entry for entry in old.entries(path)}
    news = {entry.name: entry for entry in new.entries(path)}
    for name in sorted(olds.keys() | news.keys()):
        one, other = olds.get(name), news.get(name)
        if _same(one, other):
            continue
        full = f"{path}/{name}" if path else name
        if _is_folder(one) or _is_folder(other):
            yield from _changed_below(old, new, full)
        gone, come = _not_folder(one), _not_folder(other)
        if gone is not None or come is not None:
            yield Change(full, gone, come)


def _same(one: Entry | None, other: Entry | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.id != "" and one.id == other.id and one.kind is other.kind


def _is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind is Kind.FOLDER


def _not_folder(entry: Entry | None) -> Entry | None:
    return None if entry is None or entry.kind is Kind.FOLDER else entry
