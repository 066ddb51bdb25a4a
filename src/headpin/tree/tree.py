"""What a tree is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """What stands under a name in a folder. Only `FILE` is ever read as a document."""

    FILE = "file"
    EXECUTABLE = "executable file"
    FOLDER = "folder"
    LINK = "symbolic link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. `id` is git's object id, or "" where it is not known without reading."""

    name: str
    kind: Kind
    id: str


class Tree(Protocol):
    """A tree of paths. Paths are relative, with ``/`` between the parts; "" is the top folder."""

    @property
    def id(self) -> str:
        """Git's id of the top folder, or "" where it is not known without reading everything."""

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        """What is in the folder `path`, by name; nothing when there is no such folder."""

    def entry(self, path: str) -> Entry | None:
        """What stands at `path`; None when nothing does."""

    def size(self, path: str) -> int:
        """Bytes of the file at `path`, without reading it."""

    def read(self, path: str) -> bytes:
        """The bytes of the file at `path`. Raises FileNotFoundError when there is none."""


class _Empty:
    """A tree without anything in it."""

    id = ""

    def entries(self, path: str = "") -> tuple[Entry, ...]:
        del path
        return ()

    def entry(self, path: str) -> Entry | None:
        del path
        return None

    def size(self, path: str) -> int:
        raise FileNotFoundError(path)

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)


EMPTY: Tree = _Empty()


def in_the_way(tree: Tree, path: str) -> tuple[str, Entry] | None:
    """What stands where `path` needs a folder (a link, a file, a submodule), with its own path; None when nothing does.

    Tells a path that leads nowhere, because somebody put a link in the place of a folder, from one that is not there.
    """
    parent = path.rpartition("/")[0]
    while parent:
        found = tree.entry(parent)
        if found is not None:
            return None if found.kind is Kind.FOLDER else (parent, found)
        parent = parent.rpartition("/")[0]
    return None


def walk(tree: Tree, path: str = "") -> Iterator[tuple[str, Entry]]:
    """Every path below `path` that is not a folder, in the order of names."""
    for entry in tree.entries(path):
        full = f"{path}/{entry.name}" if path else entry.name
        if entry.kind is Kind.FOLDER:
            yield from walk(tree, full)
        else:
            yield full, entry
