"""Moving pins: promotions, rollbacks and adoptions are edits of pin files, one commit for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headpin.actions.change import Change
from headpin.actions.layers import LayerEdit, edit_layer
from headpin.errors import CannotEdit
from headpin.releases import Release, SourceVersion
from headpin.releases.codec import format_release
from headpin.tree import Tree
from headpin.types import AgentName
from headpin.workspace.layout import pin_path
from headpin.yaml import DELETE, Path, edit
from headpin.yaml import Change as Edited

_MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class PinMove:
    """One pin to be moved: `version` is the number that the release has, or gets, in the target.

    `layer` is what changes in the agent's own layer of the target, in the same commit.
    """

    agent: AgentName
    release: Release
    version: int
    source: SourceVersion | None = None
    layer: LayerEdit = field(default_factory=LayerEdit)

    @property
    def told(self) -> str:
        """``v3 (7f3c9a2)``."""
        return f"v{self.version} ({self.release})"


def promotion(tree: Tree, target: str, moves: Sequence[PinMove], note: str = "") -> Change:
    """The commit that promotes; many agents make one commit, a release train."""
    return _moved(tree, target, moves, note, ("Promote", "to"))


def rollback(tree: Tree, target: str, moves: Sequence[PinMove], note: str = "") -> Change:
    """The commit that rolls back: what `git revert` of the promotion would write."""
    return _moved(tree, target, moves, note, ("Roll back", "in"))


def pin_text(before: bytes | None, release: Release) -> bytes:
    """The pin file of `release`. What a person wrote into the file before, comments above all, stays."""
    if before is None:
        return format_release(release).encode()
    values: dict[Path, Edited] = {(key,): value for key, value in release.as_mapping().items()}
    if release.content is None:
        values[("content",)] = DELETE
    try:
        return edit(before, values)
    except CannotEdit:  # nobody can read it: a whole new one is what is meant
        return format_release(release).encode()


def _moved(tree: Tree, target: str, moves: Sequence[PinMove], note: str, words: tuple[str, str]) -> Change:
    files: dict[str, bytes | None] = {}
    for move in moves:
        path = pin_path(target, move.agent)
        files[path] = pin_text(tree.read(path) if tree.entry(path) else None, move.release)
        files |= edit_layer(tree, target, move.agent, move.layer)
    changed = _changed(tree, files)
    verb, place = words if any(path.startswith("pins/") for path in changed) else ("Configure", "in")
    what = str(moves[0].agent) if len(moves) == 1 else f"{len(moves)} agents"
    told = f": {moves[0].told}" if len(moves) == 1 else ""
    return Change(changed, f"{verb} {what} {place} {target}{told}", note, _trailers(target, moves))


def _trailers(target: str, moves: Sequence[PinMove]) -> tuple[str, ...]:
    """An index for tools; never facts: these are in the files and in headpin's own commits."""
    found = []
    for move in moves[:_MAX_LISTED]:
        source = f" from {move.source.environment}" if move.source else ""
        found.append(f"Headpin-Move: {move.agent} {target} v{move.version}{source}")
    return tuple(found)


def _changed(tree: Tree, files: Mapping[str, bytes | None]) -> Mapping[str, bytes | None]:
    """Without files that are as they were."""
    before = {path: tree.read(path) if tree.entry(path) else None for path in files}
    return {path: data for path, data in files.items() if data != before[path]}
