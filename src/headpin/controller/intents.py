"""What people want of deployments, as decisions to be made on whatever main is by then.

Each intent takes how things stand and gives the change of the config repository; or refuses, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from headpin.actions import (
    START,
    STOP,
    Change,
    LayerEdit,
    PinMove,
    adoption,
    approval,
    layer_change,
    promotion,
    rollback,
    scaling,
)
from headpin.controller.act import Intent
from headpin.controller.reconcile import Controller
from headpin.controller.selection import Selected, adopted_release, select_for_promotion, select_for_rollback
from headpin.controller.situations import Surroundings
from headpin.errors import NothingServed, Refused, UsageError
from headpin.model import FileContent, SecretKey
from headpin.releases import Release
from headpin.types import AgentName, Revision
from headpin.workspace import Effective, OwnLayers, Workspace, resolve
from headpin.yaml import Path, Value

ALL = "*"

EditOf = Callable[[OwnLayers | None], LayerEdit]
"""Gives the edit of an agent's own layer, for the own layers that are there."""


@dataclass(frozen=True, slots=True)
class AgentPattern:
    """An agent as a person names it: one, or with ``project/*`` all of a project."""

    project: str
    agent: str

    @property
    def is_many(self) -> bool:
        """Whether it stands for whatever agents there are."""
        return self.agent == ALL

    def matches(self, agent: AgentName) -> bool:
        """Whether it stands for `agent`."""
        return agent.project == self.project and self.agent in (ALL, agent.agent)


@dataclass(frozen=True, slots=True)
class PromotionWish:
    """How to promote. `source` and `release` narrow down where from and what; the rest edits the own layer.

    `variables` and `files` are what to set, by name and by path in the container.
    """

    target: str
    source: str | None = None
    release: str | None = None
    note: str = ""
    use_source_config: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    minimum: int | None = None
    maximum: int | None = None
    keep_stopped: bool = False


def to_promote(controller: Controller, patterns: Sequence[AgentPattern], wish: PromotionWish) -> Intent:
    """One commit that moves the pins of all agents. What a pattern stands for and nothing serves is left out."""

    def decide(around: Surroundings) -> Change:
        moves = []
        for agent, is_optional in _agents(around.workspace, patterns):
            try:
                selected = select_for_promotion(around, agent, wish.target, wish.source, wish.release)
            except NothingServed:
                if is_optional:
                    continue
                raise
            layer = _promoted_layer(controller, around, selected, wish)
            moves.append(PinMove(agent, selected.release, selected.version, selected.source, layer))
        if not moves:
            raise Refused(f"nothing can be promoted to {wish.target}", remedy="see 'headpin status'")
        moves = [move for move in moves if move.layer or _is_pinned_elsewhere(around, wish.target, move)] or moves[:1]
        return promotion(around.workspace.tree, wish.target, moves, wish.note)

    return decide


def to_roll_back(
    patterns: Sequence[AgentPattern], target: str, version: int | None, at: datetime | None, note: str
) -> Intent:
    """One commit that moves the pins back. A pattern leaves out what has nothing to go back to."""

    def decide(around: Surroundings) -> Change:
        if target == around.workspace.head_environment:
            raise UsageError(
                f"{target} follows branches and has no pins", remedy="revert the commit in the agent's source instead"
            )
        moves = []
        for agent, is_optional in _agents(around.workspace, patterns):
            try:
                pin = around.workspace.pin(target, agent)
                pinned = Release.of_pin(pin.model) if pin and pin.model else None
                selected = select_for_rollback(around.branches[target], agent, version, at, pinned)
            except NothingServed:
                if is_optional:
                    continue
                raise
            moves.append(PinMove(agent, selected.release, selected.version))
        if not moves:
            raise Refused(f"nothing in {target} can be rolled back", remedy="see 'headpin history'")
        return rollback(around.workspace.tree, target, moves, note)

    return decide


def to_adopt(agent: AgentName, target: str, revision: Revision, image: str | None, reason: str) -> Intent:
    """One commit that pins what runs already, with main's shared settings, and the file that lets it in."""

    def decide(around: Surroundings) -> Change:
        if target == around.workspace.head_environment:
            raise UsageError(f"{target} follows branches and has no pins", remedy="there is nothing to take over")
        branch = around.branches[target]
        if branch.ran(agent):
            raise Refused(
                f"{agent} has run in {target} as {branch.ran(agent)[-1].release} already",
                remedy="adopt is for the first release of a deployment; see 'headpin promote'",
            )
        return adoption(target, agent, adopted_release(around, agent, revision, image), reason)

    return decide


def to_approve(agent: AgentName, target: str, by: str, reason: str) -> Intent:
    """One commit of a file by which `by` approves of what is pinned and not served yet, or else would be promoted."""

    def decide(around: Surroundings) -> Change:
        pin = around.workspace.pin(target, agent) if target in around.branches else None
        served = around.branches[target].record(agent).served
        pinned = Release.of_pin(pin.model) if pin and pin.model else None
        if pinned is None or (served is not None and served.release == pinned):
            pinned = select_for_promotion(around, agent, target, None, None).release
        if served is not None and served.release == pinned:
            raise Refused(f"{target} serves {pinned} of {agent} already", remedy="there is nothing to approve of")
        change = approval(target, agent, pinned, by, reason)
        there = all(around.workspace.tree.entry(path) for path in change.files)
        return replace(change, files={}) if there else change

    return decide


def to_scale(patterns: Sequence[AgentPattern], target: str, minimum: int | None, maximum: int | None) -> Intent:
    """One commit that sets the number of pods."""
    bounds = " ".join(
        text for text in (f"min {minimum}" * (minimum is not None), f"max {maximum}" * (maximum is not None)) if text
    )
    return _layer_intent(patterns, target, lambda _: scaling(minimum, maximum), ("Scale", "in"), f": {bounds}")


def to_stop(patterns: Sequence[AgentPattern], target: str, reason: str = "") -> Intent:
    """One commit after which no pods run; record, pin and manifests remain."""
    return _layer_intent(patterns, target, lambda _: STOP, ("Stop", "in"), note=reason)


def to_start(patterns: Sequence[AgentPattern], target: str) -> Intent:
    """One commit after which what was stopped runs again."""
    return _layer_intent(patterns, target, start_edit, ("Start", "in"))


def start_edit(own: OwnLayers | None) -> LayerEdit:
    """What starts a deployment: the word that stops it goes, or is overruled where the project says it."""
    project = own.project.model if own and own.project else None
    return LayerEdit({("stopped",): False}) if project and project.stopped else START


def _layer_intent(
    patterns: Sequence[AgentPattern],
    target: str,
    edit: EditOf,
    words: tuple[str, str],
    more: str = "",
    note: str = "",
) -> Intent:
    def decide(around: Surroundings) -> Change:
        branch = around.branches[target]
        agents = []
        for agent, is_optional in _agents(around.workspace, patterns):
            if branch.record(agent).served is None and not around.workspace.has_pin(target, agent):
                if is_optional:
                    continue
                raise Refused(f"{target} serves nothing of {agent}", remedy="see 'headpin status'")
            agents.append(agent)
        if not agents:
            raise Refused(f"{target} serves none of these agents", remedy="see 'headpin status'")
        edits = {agent: edit(around.workspace.own_layers(target, agent)) for agent in agents}
        what = str(agents[0]) if len(agents) == 1 else f"{len(agents)} agents"
        verb, place = words
        return layer_change(around.workspace.tree, target, edits, f"{verb} {what} {place} {target}{more}", note)

    return decide


def _agents(workspace: Workspace, patterns: Sequence[AgentPattern]) -> Iterable[tuple[AgentName, bool]]:
    """Every agent that is meant, once, and whether only a pattern for many named it."""
    found: dict[AgentName, bool] = {}
    for pattern in patterns:
        named = workspace.agents(pattern.project) if pattern.is_many else (AgentName(pattern.project, pattern.agent),)
        for agent in named:
            found[agent] = found.get(agent, True) and pattern.is_many
    return sorted(found.items())


def _is_pinned_elsewhere(around: Surroundings, target: str, move: PinMove) -> bool:
    pin = around.workspace.pin(target, move.agent)
    return pin is None or pin.model is None or Release.of_pin(pin.model) != move.release


def _promoted_layer(controller: Controller, around: Surroundings, selected: Selected, wish: PromotionWish) -> LayerEdit:
    own = around.workspace.own_layers(wish.target, selected.agent)
    edit = LayerEdit()
    if wish.use_source_config and selected.source is not None:
        edit = edit.also(_source_config(controller, around, selected, wish.target))
    edit = edit.also(LayerEdit({("variables", name): value for name, value in wish.variables.items()}))
    edit = edit.also(LayerEdit({("files", path): {"text": text} for path, text in wish.files.items()}))
    edit = edit.also(scaling(wish.minimum, wish.maximum))
    layers = [layer.model for layer in (own.project, own.agent) if layer] if own else []
    if not wish.keep_stopped and any(layer and layer.stopped for layer in layers):
        edit = edit.also(start_edit(own))
    return edit


def _source_config(controller: Controller, around: Surroundings, selected: Selected, target: str) -> LayerEdit:
    """The source's effective variables and files, as far as the target would have others."""
    workspace, agent = around.workspace, selected.agent
    source = selected.source.environment if selected.source else target
    own, theirs = workspace.own_layers(target, agent), workspace.own_layers(source, agent)
    if own is None or theirs is None:
        raise Refused(f"the own layers of {agent} cannot be read", remedy="run 'headpin validate'")
    snapshot = controller.realiser(around).snapshot(agent, selected.release)
    return _difference(resolve(snapshot, theirs)[0], resolve(snapshot, own)[0], own)


def _difference(wanted: Effective, there: Effective, own: OwnLayers) -> LayerEdit:
    layer = own.agent.model if own.agent else None
    values: dict[Path, Value] = {}
    gone: list[Path] = []
    for name, value in wanted.variables.items():
        if there.variables.get(name) == value:
            continue
        is_secret = isinstance(value, SecretKey)
        values["secrets" if is_secret else "variables", name] = _secret(value) if is_secret else value  # type: ignore[arg-type,assignment]
        if layer and name in (layer.variables if is_secret else layer.secrets):
            gone.append(("variables" if is_secret else "secrets", name))
    for path, content in wanted.files.items():
        if there.files.get(path) != content:
            values["files", path] = _file(content)
    return LayerEdit(values, tuple(gone))


def _secret(key: SecretKey) -> Mapping[str, Value]:
    return {"name": key.name, "key": key.key, **({"optional": True} if key.optional else {})}


def _file(content: FileContent) -> Mapping[str, Value]:
    return {"secret": _secret(content.secret)} if content.secret else {"text": content.text or ""}
