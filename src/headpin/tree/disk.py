"""The work tree on disk, with its uncommitted edits, for `headpin validate`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from headpin.tree.tree import Entry, Kind


class DiskTree:
    """The folder `top`. Object ids are not known without reading, so every entry's is "".

    `has_modes`: whether the file system's executable bits mean anything (git's ``core.fileMode``).
    """

    def __init__(self, top: Path, *, has_modes: bool = True) -> None:
        self._top = top
        self._has_modes = has_modes

    @property
    def id(self) -> str:
        """Not known."""
        return ""

    def _within(self, path: str) -> Path | None:
        """The file at `path`, unless a link leads there: what lies behind a link is not in the tree."""
        place = self._top
        *folders, name = path.split("/")
        for part in folders:
            place = place / part
            if place.is_symlink():
                return None
        return place / name

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        """As `Tree.entries`; git's own folder is not part of the tree."""
        folder = self._within(path) if path else self._top
        if folder is None or folder.is_symlink() or not folder.is_dir():
            return ()
        with os.scandir(folder) as found:
            named = sorted((item.name, item.stat(follow_symlinks=False).st_mode) for item in found)
        return tuple(
            Entry(name, kind, "") for name, mode in named if name != ".git" and (kind := self._kind(mode)) is not None
        )

    def entry(self, path: str) -> Entry | None:
        """As `Tree.entry`."""
        place = self._within(path)
        if place is None:
            return None
        try:
            kind = self._kind(place.lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if kind is None else Entry(place.name, kind, "")

    def size(self, path: str) -> int:
        """As `Tree.size`."""
        return self._file(path).lstat().st_size

    def read(self, path: str) -> bytes:
        """As `Tree.read`."""
        return self._file(path).read_bytes()

    def _file(self, path: str) -> Path:
        place = self._within(path)
        if place is None or place.is_symlink():
            raise FileNotFoundError(path)
        return place

    def _kind(self, mode: int) -> Kind | None:
        if stat.S_ISLNK(mode):
            return Kind.LINK
        if stat.S_ISDIR(mode):
            return Kind.FOLDER
        if not stat.S_ISREG(mode):
            return None
        return Kind.EXECUTABLE if self._has_modes and mode & stat.S_IXUSR else Kind.FILE
