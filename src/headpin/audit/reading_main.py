"""From a commit of main to what it changed, as a `MainStep`. Reads only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headpin.audit.documents import Documents, StandingOf, formerly, named, rules_of, standing_of_any
from headpin.audit.facts import MainStep, OverrideChange, PinChange, Standing
from headpin.git import CommitInfo, Repository
from headpin.model import Override
from headpin.releases.release import Release
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace, changed_documents
from headpin.workspace.documents import Document
from headpin.workspace.layout import Place, classify

_PLACED = ("pin", "own-layer", "override", "environment", "pipeline")


class MainReader:
    """Reads steps of main. `standing_of` tells how deployments stand at that moment of the replay."""

    def __init__(self, repository: Repository, documents: Documents, standing_of: StandingOf) -> None:
        self._repository = repository
        self._documents = documents
        self._standing_of = standing_of

    def step(
        self,
        commit: CommitInfo,
        before: Revision | None,
        position: int,
        head: str,
        environments: Sequence[str],
    ) -> MainStep:
        """What `commit` changed since `before`. `head` was the head environment."""
        old, new = self._documents.at(before), self._documents.at(commit.id)
        places: dict[str, list[Place]] = {kind: [] for kind in _PLACED}
        for path in changed_documents(old.tree, new.tree):
            place = classify(path)
            if isinstance(place, Place) and place.kind in places:
                places[place.kind].append(place)
        pins = (self._pin(commit, old, new, place, environments, places["pin"]) for place in places["pin"])
        layers = {(str(place.agent_name), place.environment) for place in places["own-layer"] if place.agent}
        overrides = (self._override(old, new, place) for place in places["override"])
        return MainStep(
            commit,
            position,
            tuple(pin for pin in pins if pin.before != pin.after),
            tuple(change for change in overrides if change is not None),
            tuple(_orphans(new, places)),
            _head_change(new, head) if places["environment"] else None,
            frozenset(layers),
        )

    def _pin(
        self,
        commit: CommitInfo,
        old: Workspace,
        new: Workspace,
        place: Place,
        environments: Sequence[str],
        others: Sequence[Place],
    ) -> PinChange:
        environment, agent = place.environment, place.agent_name
        after = named(new, environment, agent)
        sides = tuple(named(self._documents.at(parent), environment, agent) for parent in commit.parents)
        release = after if isinstance(after, Release) else None
        standing = self._standing(new, environment, agent)
        standings = {name: self._standing(new, name, agent) for name in environments}
        ran = {name: [entry.release for entry in found.ran] for name, found in standings.items() if found}
        known = dict.fromkeys(release for releases in ran.values() for release in releases)
        return PinChange(
            environment,
            agent,
            named(old, environment, agent),
            after,
            sides if len(commit.parents) > 1 else (),
            rules_of(new, environment, agent, release, self._standing_of),
            standing,
            tuple(sorted(name for name, releases in ran.items() if release in releases)),
            tuple(known),
            named(old, environment, agent) is None and any(_is_renamed(old, new, place, other) for other in others),
        )

    def _standing(self, workspace: Workspace, environment: str, agent: AgentName) -> Standing | None:
        return standing_of_any(self._standing_of, workspace, environment, agent)

    def _override(self, old: Workspace, new: Workspace, place: Place) -> OverrideChange | None:
        was, now = old.overrides.get(place.name), new.overrides.get(place.name)
        model = (now.model if now else None) or (was.model if was else None)
        if model is None or (was and now and was.id == now.id):
            return None
        return OverrideChange(
            f"overrides/{place.name}.yaml",
            was.id if was else "",
            now.id if now else "",
            model.environment or "",
            model.agents,
            model.allow,
            model.reason,
            tuple(self._users(was)) if was else (),
        )

    def _users(self, override: Document[Override]) -> Iterator[str]:
        """The deployments whose records call the file used up."""
        model = override.model
        for text in model.agents if model and model.environment else ():
            agent = AgentName.parse(text)
            standing = self._standing_of(model.environment or "", agent) if model and agent else None
            if standing is not None and override.id in standing.record.consumed:
                yield f"{text} in {model.environment if model else ''}"


def _is_renamed(old: Workspace, new: Workspace, place: Place, other: Place) -> bool:
    """Whether the pin at `place` is the one that went from `other`, and documents say that these are one agent."""
    agent, was, environment = place.agent_name, other.agent_name, place.environment
    is_one = was in formerly(new, agent) or agent in formerly(old, was)
    pins = named(old, other.environment, was), named(new, environment, agent)
    return is_one and other.environment == environment and pins[0] == pins[1] and not new.has_pin(environment, was)


def head_of(workspace: Workspace) -> str:
    """The head environment; "" where that cannot be told."""
    return workspace.head_environment or ""


def _head_change(new: Workspace, head: str) -> tuple[str, str] | None:
    """The head environment before and after; None where a document merely cannot be read."""
    document = new.environments.get(head)
    if not head or (document is not None and (document.model is None or document.model.tracks)):
        return None
    return head, head_of(new)


def _orphans(new: Workspace, places: Mapping[str, Sequence[Place]]) -> Iterator[tuple[str, str]]:
    """Environments and pipelines that are gone while others name them."""
    for place in places["environment"]:
        if place.environment in new.environments:
            continue
        for name, document in new.pipelines.items():
            if document.model and any(stage.environment == place.environment for stage in document.model.stages):
                yield f"environments/{place.environment}.yaml", f"pipelines/{name}.yaml"
                break
    for place in places["pipeline"]:
        if place.name in new.pipelines:
            continue
        project = next((name for name in new.projects if new.pipeline_of(name) == place.name), None)
        if project is not None:
            yield f"pipelines/{place.name}.yaml", f"projects/{project}/project.yaml"
