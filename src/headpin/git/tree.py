"""A tree of files straight from the object database, read as far as somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern

import pygit2
from pygit2.enums import FileMode

from headpin.errors import ObjectDamaged
from headpin.tree import Entry, Kind

_KINDS = {
    FileMode.BLOB: Kind.FILE,
    FileMode.BLOB_EXECUTABLE: Kind.EXECUTABLE,
    FileMode.TREE: Kind.FOLDER,
    FileMode.LINK: Kind.LINK,
    FileMode.COMMIT: Kind.SUBMODULE,
}


@dataclass(slots=True)
class Reads:
    """How often something was looked up: a commit, a tree, a blob, or a path in a tree."""

    count: int = 0


class GitTree:
    """A tree straight from the object database; see `headpin.tree.Tree`."""

    def __init__(self, repository: pygit2.Repository, tree: pygit2.Tree, reads: Reads) -> None:
        self._repository = repository
        self._tree = tree
        self._reads = reads

    @property
    def id(self) -> str:
        """Git's tree id."""
        return str(self._tree.id)

    def _at(self, path: str) -> pygit2.Object | None:
        self._reads.count += 1
        if not path:
            return self._tree
        try:
            return self._tree[intern(path)]  # pygit2 1.21 never lets go of the string that it is given
        except (KeyError, ValueError):
            return None
        except pygit2.GitError as error:
            raise _damaged(path, error) from error

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        """As `Tree.entries`."""
        found = self._at(path)
        if found is None or (path and found.filemode != FileMode.TREE):
            return ()
        try:
            folder = found if isinstance(found, pygit2.Tree) else self._repository[found.id]
            return tuple(_entry(item) for item in folder) if isinstance(folder, pygit2.Tree) else ()
        except (KeyError, pygit2.GitError) as error:
            raise _damaged(path, error) from error

    def entry(self, path: str) -> Entry | None:
        """As `Tree.entry`."""
        found = self._at(path)
        return None if found is None else _entry(found)

    def size(self, path: str) -> int:
        """As `Tree.size`; reads the object's header only."""
        found = self._at(path)
        if found is None:
            raise FileNotFoundError(path)
        try:
            return int(self._repository.odb.read_header(found.id)[1])
        except (KeyError, pygit2.GitError) as error:
            raise _damaged(path, error) from error

    def read(self, path: str) -> bytes:
        """As `Tree.read`."""
        found = self._at(path)
        if found is None or found.filemode not in (FileMode.BLOB, FileMode.BLOB_EXECUTABLE):
            raise FileNotFoundError(path)
        try:
            return bytes(self._repository[found.id].read_raw())
        except (KeyError, pygit2.GitError) as error:
            raise _damaged(path, error) from error


def _entry(found: pygit2.Object) -> Entry:
    name = (found.raw_name or b"").decode("utf-8", "surrogateescape")
    return Entry(name, _KINDS.get(found.filemode, Kind.SUBMODULE), str(found.id))


def _damaged(path: str, error: Exception) -> ObjectDamaged:
    return ObjectDamaged(f"{path or 'the tree'} cannot be read from the repository: {error}", remedy="run 'git fsck'")
