"""Writing trees: only what changed, and the trees on the way to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pygit2
from pygit2.enums import ObjectType

from headpin.errors import CannotWrite, ObjectDamaged, PermanentError
from headpin.types import BlobId, TreeId, path_fault

_FILE = b"100644"
FOLDER_MODE = b"40000"


@dataclass(frozen=True, slots=True)
class TreeRef:
    """A folder that is a tree in the repository already."""

    id: TreeId


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is replaced as a whole: path in it to bytes, to the id of a blob, or to a tree."""

    files: Mapping[str, bytes | str | TreeRef]


_Leaf = bytes | str | TreeRef | Folder | None
Changes = Mapping[str, bytes | TreeRef | Folder | None]
"""Path to new bytes, or to a folder, or to None for what is to go. Paths never lie inside one another."""


@dataclass(slots=True)
class _Node:
    """A folder on the way to a change."""

    below: dict[str, _Node] = field(default_factory=dict)
    leaves: dict[str, _Leaf] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Mapping[str, bytes] | Mapping[str, _Leaf]) -> _Node:
        """The top folder of `changes`, by their paths. Refuses what is no path."""
        top = cls()
        for path, change in changes.items():
            _refuse(path)
            node = top
            *folders, name = path.split("/")
            for part in folders:
                node = node.below.setdefault(part, _Node())
            node.leaves[name] = change
        return top


def parse_tree(data: bytes) -> dict[bytes, tuple[bytes, str]]:
    """The entries of a tree object: name to mode and id (gitformat, "tree object"). Raises ValueError."""
    entries = {}
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        end = data.index(b"\0", space)
        entries[data[space + 1 : end]] = (data[start:space], data[end + 1 : end + 21].hex())
        start = end + 21
    return entries


_FULL = ("no space left", "disk quota", "file too large", "read-only file system", "input/output error")
"""What strerror(3) says of a disk that takes nothing more; libgit2 passes on its words alone."""


def raise_if_full(error: Exception, what: str) -> None:
    """Raises CannotWrite where `error` is about a disk that takes nothing more."""
    if any(words in str(error).lower() for words in _FULL):
        raise CannotWrite(f"{what}: {error}", remedy="make room on the disk; headpin goes on by itself") from error


@contextmanager
def writing() -> Iterator[None]:
    """What goes wrong with writing an object, as an error of headpin's: CannotWrite."""
    try:
        yield
    except (OSError, pygit2.GitError) as error:
        raise_if_full(error, "the repository cannot be written")
        raise CannotWrite(f"the repository cannot be written: {error}", remedy="see its folder's rights") from error


class TreeWriter:
    """Writes objects into one repository; `written` counts those that were not there yet."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self.written = 0

    def use(self, repository: pygit2.Repository) -> None:
        """Goes on in the same repository, opened anew."""
        self._repository = repository

    def apply(self, base: TreeId | None, changes: Changes) -> TreeId:
        """The tree that `changes` make of `base`. Folders that become empty are gone."""
        return self._write(base, _Node.of(changes)) or self._tree({})

    def folder(self, files: Mapping[str, bytes | str | TreeRef]) -> TreeId:
        """The tree of a folder, as `Folder` has it."""
        return self._write(None, _Node.of(files)) or self._tree({})

    def blob(self, data: bytes) -> BlobId:
        """The blob of these bytes, written unless it is there."""
        identity = pygit2.hash(data)
        if identity not in self._repository:
            self.written += 1
            with writing():
                self._repository.create_blob(data)
        return BlobId(str(identity))

    def _write(self, base: str | None, node: _Node) -> TreeId | None:
        entries = self._entries(base) if base is not None else {}
        for name, below in node.below.items():
            mode, identity = entries.get(name.encode(), (b"", ""))
            written = self._write(identity if mode == FOLDER_MODE else None, below)
            _put(entries, name, FOLDER_MODE, written)
        for name, leaf in node.leaves.items():
            if isinstance(leaf, (bytes, str)):
                _put(entries, name, _FILE, self.blob(leaf) if isinstance(leaf, bytes) else leaf)
            elif leaf is None:
                _put(entries, name, FOLDER_MODE, None)
            else:
                _put(entries, name, FOLDER_MODE, leaf.id if isinstance(leaf, TreeRef) else self.folder(leaf.files))
        return self._tree(entries) if entries else None

    def _entries(self, tree: str) -> dict[bytes, tuple[bytes, str]]:
        """The entries of a tree object: name to mode and id."""
        try:
            data: bytes = self._repository[tree].read_raw()
        except (KeyError, pygit2.GitError) as error:
            raise ObjectDamaged(f"the tree {tree} cannot be read: {error}", remedy="run 'git fsck'") from error
        return parse_tree(data)

    def _tree(self, entries: Mapping[bytes, tuple[bytes, str]]) -> TreeId:
        """The tree object of `entries`, in git's order: folders as if their names ended in a slash."""
        ordered = sorted(entries.items(), key=lambda item: item[0] + (b"/" if item[1][0] == FOLDER_MODE else b""))
        data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(identity) for name, (mode, identity) in ordered)
        header = b"tree " + str(len(data)).encode() + b"\0"
        identity = hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
        if identity not in self._repository:
            self.written += 1
            with writing():
                self._repository.write(ObjectType.TREE, data)
        return TreeId(identity)


def _put(entries: dict[bytes, tuple[bytes, str]], name: str, mode: bytes, identity: str | None) -> None:
    if identity is None:
        entries.pop(name.encode(), None)
    else:
        entries[name.encode()] = (mode, identity)


def _refuse(path: str) -> None:
    fault = path_fault(path)
    if fault:
        raise PermanentError(f"headpin refuses to write {path!r}: {fault}")
