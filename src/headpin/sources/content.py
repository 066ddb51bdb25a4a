"""Content: which files of a source revision an agent's document names, and whether headpin takes them.

A source repository is other people's: what its trees hold is looked at within bounds, links and submodules are
never followed, and a name is taken only when it is plain. Executable files are stored as plain ones. Must never
read a file's bytes to list it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headpin.model import Content
from headpin.problems import printable
from headpin.tree import Entry, Kind, Tree, files_id
from headpin.tree.changes import MAX_DEPTH
from headpin.types import TreeId, path_fault

MAX_FILES = 2_000
MAX_BYTES = 16 * 1024 * 1024
MAX_LOOKED_AT = 200_000
"""Folders that name each other unfold to more paths than anybody can look at."""

_MAX_TOLD = 10


@dataclass(frozen=True, slots=True)
class ContentFault:
    """Why content cannot be had: the code of a problem, and what it says."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ContentFiles:
    """The files of a snapshot: path, relative to the source's path, to blob id; and the id of their tree."""

    id: TreeId
    files: Mapping[str, str]


class _Refused(Exception):
    """Looking further is useless."""

    def __init__(self, fault: ContentFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def list_content(tree: Tree, path: str, rule: Content) -> tuple[ContentFiles | None, tuple[ContentFault, ...]]:
    """What `rule` names below `path` of `tree`; None with the reasons when any of it cannot be had."""
    files: dict[str, str] = {}
    faults: list[ContentFault] = []
    size = 0
    try:
        for relative, entry in _named(tree, path, rule):
            fault = _fault(relative, entry)
            if fault is not None:
                faults.append(fault)
                continue
            if relative in files:
                faults.append(ContentFault("HP344", f"{relative} stands twice in one folder"))
            files[relative] = entry.id
            size += tree.size(f"{path}/{relative}" if path else relative)
            if len(files) > MAX_FILES:
                raise _Refused(ContentFault("HP342", f"more than {MAX_FILES:,} files are content"))
            if size > MAX_BYTES:
                raise _Refused(ContentFault("HP342", f"the files of content have more than {MAX_BYTES:,} bytes"))
    except _Refused as refused:
        return None, (refused.fault,)
    faults += _clashes(files)
    if not files and not faults:
        faults.append(ContentFault("HP343", f"no file in {path or 'the repository'} is named by content"))
    if faults:
        return None, tuple(faults[:_MAX_TOLD])
    return ContentFiles(files_id(files), files), ()


def _fault(relative: str, entry: Entry) -> ContentFault | None:
    if entry.kind in (Kind.LINK, Kind.SUBMODULE):
        return ContentFault("HP340", f"{printable(relative or '.')} is a {entry.kind.value}")
    fault = path_fault(relative)
    return ContentFault("HP341", f"{printable(relative)}: {fault}") if fault else None


def _named(tree: Tree, top: str, rule: Content) -> Iterator[tuple[str, Entry]]:
    """Every file that is content, and every link or submodule that stands in the way of one."""
    root = tree.entry(top) if top else None
    if root is not None and root.kind in (Kind.LINK, Kind.SUBMODULE):
        yield "", root
        return
    looked_at = 0
    folders = [("", 0)]
    while folders:
        folder, depth = folders.pop()
        place = "/".join(part for part in (top, folder) if part)
        for entry in tree.entries(place):
            looked_at += 1
            if looked_at > MAX_LOOKED_AT or depth > MAX_DEPTH:
                said = f"more than {MAX_LOOKED_AT:,} files, or {MAX_DEPTH} folders in one another, to look through"
                raise _Refused(ContentFault("HP342", said))
            relative = f"{folder}/{entry.name}" if folder else entry.name
            if entry.kind is Kind.FOLDER:
                if rule.leads_into(relative):
                    folders.append((relative, depth + 1))
            elif rule.names(relative) or (entry.kind in (Kind.LINK, Kind.SUBMODULE) and rule.needs(relative)):
                yield relative, entry


def _clashes(files: Mapping[str, str]) -> Iterator[ContentFault]:
    """Files that are one where capitals are not told apart, and files that are a folder there."""
    seen: dict[str, str] = {}
    for path in sorted(files):
        plain = path.lower()
        if plain in seen:
            yield ContentFault("HP344", f"{seen[plain]} and {path} are one file where capitals do not count")
        seen[plain] = path
    for path in sorted(files):
        parts = path.lower().split("/")
        for depth in range(1, len(parts)):
            above = seen.get("/".join(parts[:depth]))
            if above is not None:
                yield ContentFault("HP344", f"{above} stands where {path} needs a folder")
