"""Content from its tree: what a release's snapshot holds, read when something is really rendered.

Must never read a file's bytes where its size decides, or where a pod fetches it.
"""

from __future__ import annotations

from dataclasses import replace

from headpin.problems import Problem
from headpin.rendering import MountedContent, name_fault, size_fault
from headpin.tree import Kind, Tree, walk
from headpin.workspace import Snapshot

_FILES = frozenset({Kind.FILE, Kind.EXECUTABLE})


def content_sizes(tree: Tree) -> dict[str, int]:
    """The bytes of each file of a content snapshot, by its path."""
    return {path: tree.size(path) for path, entry in walk(tree) if entry.kind in _FILES}


def read_content(tree: Tree, content: MountedContent, snapshot: Snapshot) -> MountedContent | Problem:
    """`content` with the sizes of its files and, for ConfigMaps, the files; a Problem where they cannot be mounted.

    The problem is told of the `content` key of the release's agent.yaml.
    """
    for path, entry in walk(tree):
        fault = None if entry.kind in _FILES else f"the content's {path} is a {entry.kind.value}"
        if content.mount == "configmap":
            fault = fault or name_fault(path)
        if fault:
            return snapshot.agent.problem("HP348", ("content",), fault)
    sizes = content_sizes(tree)
    if content.mount == "init":
        return replace(content, sizes=sizes)
    fault = size_fault(sizes)
    if fault:
        return snapshot.agent.problem("HP346", ("content",), fault)
    return replace(content, sizes=sizes, files={path: tree.read(path) for path in sizes})
