"""Edits of an agent's own layer in one environment: scale, stop, start, and what a promotion sets along the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from headpin.actions.change import Change
from headpin.tree import Tree
from headpin.types import AgentName
from headpin.workspace.layout import agent_layer_path
from headpin.yaml import DELETE, Path, Value, edit
from headpin.yaml import Change as Edited

_MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class LayerEdit:
    """Values to set in an own layer, by their path in the document, and paths to take away."""

    values: Mapping[Path, Value] = field(default_factory=dict)
    gone: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values or self.gone)

    def also(self, other: LayerEdit) -> LayerEdit:
        """Both; where they contradict each other, `other` wins."""
        return LayerEdit({**self.values, **other.values}, (*self.gone, *other.gone))


def scaling(minimum: int | None, maximum: int | None) -> LayerEdit:
    """How many pods."""
    bounds = {("scaling", "minReplicas"): minimum, ("scaling", "maxReplicas"): maximum}
    return LayerEdit({path: value for path, value in bounds.items() if value is not None})


STOP = LayerEdit({("stopped",): True})
START = LayerEdit(gone=(("stopped",),))


def edit_layer(tree: Tree, environment: str, agent: AgentName, change: LayerEdit) -> Mapping[str, bytes | None]:
    """The agent's own layer after `change`; a document that says nothing any more goes."""
    path = agent_layer_path(agent, environment)
    before = tree.read(path) if tree.entry(path) else b""
    values: dict[Path, Edited] = {**dict.fromkeys(change.gone, DELETE), **change.values}
    if not values:
        return {}
    after = edit(before, values)
    return {path: None if after.strip() in (b"", b"{}") else after}


def layer_change(
    tree: Tree, environment: str, edits: Mapping[AgentName, LayerEdit], subject: str, note: str = ""
) -> Change:
    """One commit that changes the pods of several agents, in their own layers."""
    files: dict[str, bytes | None] = {}
    for agent, edit_of_agent in edits.items():
        files |= edit_layer(tree, environment, agent, edit_of_agent)
    kept = {path: data for path, data in files.items() if data != (tree.read(path) if tree.entry(path) else None)}
    trailers = tuple(f"Headpin-Layer: {agent} {environment}" for agent in list(edits)[:_MAX_LISTED])
    return Change(kept, subject, note, trailers, is_of_pods=True)
