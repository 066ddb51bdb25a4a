"""New documents as headpin writes them, and which files a deletion takes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headpin.tree import Tree, walk
from headpin.yaml import Value, dump


def headed(kind: str, depth: int, text: str) -> str:
    """`text` below the line that tells editors which schema it has; it lies `depth` folders deep."""
    return f"# yaml-language-server: $schema={'../' * depth}.schemas/{kind}.json\n{text}"


def new_document(tree: Tree, path: str, kind: str, values: Mapping[str, Value | None]) -> bytes:
    """The document at `path` with those of `values` that are said; its schema is named where the workspace has it."""
    text = dump({key: value for key, value in values.items() if value not in (None, "", [], False)})
    is_there = tree.entry(f".schemas/{kind}.json") is not None
    return (headed(kind, path.count("/"), text) if is_there else text).encode()


def gone_below(tree: Tree, *folders: str) -> dict[str, bytes | None]:
    """Every file in `folders`, to be deleted: an empty folder is what git keeps none of."""
    return {path: None for folder in folders for path, _ in walk(tree, folder)}


def gone(tree: Tree, paths: Iterable[str]) -> dict[str, bytes | None]:
    """Those of `paths` that are there, to be deleted."""
    return {path: None for path in paths if tree.entry(path) is not None}
