"""A tree held in memory, from a mapping of path to text: for tests, and for what is not committed yet."""

from __future__ import annotations

from collections.abc import Mapping

from headpin.tree.hashing import blob_id
from headpin.tree.tree import Entry, Kind

_Folder = dict[str, "bytes | _Folder"]


class MemoryTree:
    """A tree of plain files. `MemoryTree({"a/b.yaml": "x: 1\\n"})`."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._top: _Folder = {}
        for path, content in files.items():
            folder = self._top
            *folders, name = path.split("/")
            for part in folders:
                below = folder.setdefault(part, {})
                if isinstance(below, bytes):
                    raise ValueError(f"{path}: {part} is a file")
                folder = below
            folder[name] = content.encode() if isinstance(content, str) else content

    @property
    def id(self) -> str:
        """Not known: nothing compares a tree in memory as a whole."""
        return ""

    def _find(self, path: str) -> bytes | _Folder | None:
        found: bytes | _Folder | None = self._top
        for part in path.split("/") if path else ():
            if not isinstance(found, dict):
                return None
            found = found.get(part)
        return found

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        """As `Tree.entries`."""
        folder = self._find(path)
        if not isinstance(folder, dict):
            return ()
        return tuple(_entry(name, folder[name]) for name in sorted(folder))

    def entry(self, path: str) -> Entry | None:
        """As `Tree.entry`."""
        found = self._find(path)
        return None if found is None else _entry(path.rpartition("/")[2], found)

    def size(self, path: str) -> int:
        """As `Tree.size`."""
        return len(self.read(path))

    def read(self, path: str) -> bytes:
        """As `Tree.read`."""
        found = self._find(path)
        if not isinstance(found, bytes):
            raise FileNotFoundError(path)
        return found


def _entry(name: str, content: bytes | _Folder) -> Entry:
    if isinstance(content, bytes):
        return Entry(name, Kind.FILE, blob_id(content))
    return Entry(name, Kind.FOLDER, "")
