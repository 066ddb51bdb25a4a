"""A tree with some files laid over it: what a change would make, before anything of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headpin.tree.memory import MemoryTree
from headpin.tree.tree import Entry, Kind, Tree


class OverlayTree:
    """`base` with `files` in place of its own; None takes a file away. Folders that become empty are gone."""

    def __init__(self, base: Tree, files: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._files = dict(files)
        self._over = MemoryTree({path: data for path, data in files.items() if data is not None})
        self._touched = {folder for path in files for folder in _folders(path)}

    @property
    def id(self) -> str:
        """Not known, unless nothing is laid over."""
        return "" if self._files else self._base.id

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        """As `Tree.entries`."""
        if path not in self._touched:
            return self._base.entries(path)
        return tuple(self._found(path))

    def entry(self, path: str) -> Entry | None:
        """As `Tree.entry`. The id of a folder with something laid over it is not known."""
        if path in self._files:
            return self._over.entry(path)
        if path not in self._touched:
            return self._base.entry(path)
        return Entry(path.rpartition("/")[2], Kind.FOLDER, "") if next(self._found(path), None) else None

    def size(self, path: str) -> int:
        """As `Tree.size`."""
        return self._of(path).size(path)

    def read(self, path: str) -> bytes:
        """As `Tree.read`."""
        return self._of(path).read(path)

    def _found(self, path: str) -> Iterator[Entry]:
        """What is in a folder that something is laid over, looked for one by one."""
        names = {entry.name for entry in (*self._base.entries(path), *self._over.entries(path))}
        found = (self.entry(f"{path}/{name}" if path else name) for name in sorted(names))
        return (entry for entry in found if entry is not None)

    def _of(self, path: str) -> Tree:
        return self._over if path in self._files else self._base


def _folders(path: str) -> Iterator[str]:
    yield ""
    parts = path.split("/")
    for count in range(1, len(parts)):
        yield "/".join(parts[:count])
