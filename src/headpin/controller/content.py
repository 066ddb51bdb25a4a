"""Content from the object database: what a release's snapshot holds, read when something is really rendered.

Must never read a file's bytes where its size decides, or where a pod fetches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from headpin.git import Repository
from headpin.problems import Problem
from headpin.rendering import MountedContent, name_fault, size_fault
from headpin.tree import Kind, Tree, walk
from headpin.types import TreeId
from headpin.workspace import Snapshot

_FILES = frozenset({Kind.FILE, Kind.EXECUTABLE})


def content_sizes(repository: Repository, identity: TreeId) -> Mapping[str, int]:
    """The bytes of each file of a content snapshot, by its path. Raises HistoryMissing when it is not in this clone."""
    return _sizes(repository.tree_at(identity))


def read_content(repository: Repository, content: MountedContent, snapshot: Snapshot) -> MountedContent | Problem:
    """`content` with the sizes of its files and, for ConfigMaps, the files; a Problem where they cannot be mounted.

    Raises HistoryMissing when the snapshot is not in this clone.
    """
    tree = repository.tree_at(content.id)
    for path, entry in walk(tree):
        fault = None if entry.kind in _FILES else f"the content's {path} is a {entry.kind.value}"
        if content.mount == "configmap":
            fault = fault or name_fault(path)
        if fault:
            return snapshot.agent.problem("HP348", ("content",), fault)
    sizes = _sizes(tree)
    if content.mount == "init":
        return replace(content, sizes=sizes)
    fault = size_fault(sizes)
    if fault:
        return snapshot.agent.problem("HP346", ("content",), fault)
    return replace(content, sizes=sizes, files={path: tree.read(path) for path in sizes})


def _sizes(tree: Tree) -> dict[str, int]:
    return {path: tree.size(path) for path, entry in walk(tree) if entry.kind in _FILES}
