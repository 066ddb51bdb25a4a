"""From a commit on an environment's branch to what it changed, as a `BranchStep`. Reads only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headpin.audit.documents import Documents, StandingOf, formerly, named, rules_of
from headpin.audit.facts import NOTHING, Asked, BranchStep, Deployment, Standing, Step
from headpin.audit.standing import Standings, added_events, former_names, keeps_what_ran
from headpin.errors import HistoryMissing, ObjectDamaged
from headpin.git import CommitInfo, Repository
from headpin.releases.environment import FILE, EnvironmentState
from headpin.releases.record import Event
from headpin.rendering import KUSTOMIZATION, is_kustomized, kustomization
from headpin.tree import Kind, Tree, changed_paths
from headpin.types import AgentName, Revision, is_revision
from headpin.workspace import Workspace

_FOLDERS = ("manifests", "settings", "content")
_DEPTH = 3
"""``<folder>/<project>/<agent>/…``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a branch's commit stands: its files, its state, and what the replay knows of it and of the one before."""

    environment: str
    commit: CommitInfo
    tree: Tree
    state: EnvironmentState
    before_tree: Tree
    before: EnvironmentState | None
    position: int
    positions: tuple[int | None, int | None]
    folded: tuple[int | None, int | None]
    moves: Mapping[AgentName, tuple[Step, ...]] | None
    was_rewritten: bool
    numbering: str = ""


@dataclass(slots=True)
class _Touched:
    """What a commit changed, by deployment and by project."""

    agents: set[AgentName] = field(default_factory=set)
    shown: set[AgentName] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    strays: list[str] = field(default_factory=list)


class BranchReader:
    """Reads steps of environment branches. `positions` are main's commits that are known by their place."""

    def __init__(
        self,
        repository: Repository,
        documents: Documents,
        standings: Standings,
        standing_of: StandingOf,
        positions: Mapping[Revision, int],
    ) -> None:
        self._repository = repository
        self._documents = documents
        self._standings = standings
        self._standing_of = standing_of
        self._positions = positions

    def step(self, place: Place, latest: datetime | None) -> BranchStep:
        """What the commit changed since the own commit before it."""
        config = Revision(place.state.config or "")
        workspace = self._workspace(config)
        touched = _touched(place.before_tree, place.tree)
        renamed = self._renamed(place, touched)
        deployments = tuple(
            self._deployment(place, workspace, config, agent, touched, renamed) for agent in sorted(touched.agents)
        )
        others = [agent for agent in place.moves or () if agent not in touched.agents]
        exists = place.environment in workspace.environments
        allowed = (
            document.model.agents
            for document in workspace.overrides.values()
            if document.model and (document.model.allow, document.model.environment) == ("prune", place.environment)
        )
        return BranchStep(
            place.environment,
            place.commit,
            place.position,
            config,
            place.state,
            place.before,
            place.positions,
            place.folded,
            latest,
            deployments,
            place.moves if exists else None,
            {agent: self._standings.of(place.tree, agent) for agent in others},
            tuple(touched.strays),
            tuple(project for project in sorted(touched.lists) if not _lists_agents(place.tree, project)),
            workspace.limits.prune,
            frozenset(name for names in allowed for text in names if (name := AgentName.parse(text))),
            exists,
            place.was_rewritten,
            place.numbering,
        )

    def _workspace(self, config: Revision) -> Workspace:
        try:
            return self._documents.at(config)
        except (HistoryMissing, ObjectDamaged):
            return self._documents.at(None)

    def _renamed(self, place: Place, touched: _Touched) -> dict[AgentName, AgentName]:
        """Which deployments have another name now: the record left one place, and its list of what ran begins here."""
        left = [name for name in touched.agents if _is_gone(place, name)]
        found: dict[AgentName, AgentName] = {}
        for agent in sorted(touched.agents.difference(left)) if left else ():
            before = self._standings.of(place.before_tree, agent)
            after = self._standings.of(place.tree, agent)
            if before is None or before.ran or after is None or not after.ran:
                continue
            for was in left:
                ran = (self._standings.of(place.before_tree, was) or NOTHING).ran
                if ran and after.ran[: len(ran)] == ran and was not in found.values():
                    found[agent] = was
                    break
        return found

    def _deployment(
        self,
        place: Place,
        workspace: Workspace,
        config: Revision,
        agent: AgentName,
        touched: _Touched,
        renamed: Mapping[AgentName, AgentName],
    ) -> Deployment:
        was = renamed.get(agent)
        before = self._standings.of(place.before_tree, was or agent)
        after = self._standings.of(place.tree, agent)
        damage, is_kept, is_left = "", True, agent in renamed.values()
        events: tuple[Event, ...] = ()
        try:
            events, is_kept = added_events(place.before_tree, place.tree, agent, was)
        except ObjectDamaged as error:
            damage = str(error)
        if after is None and before is not None:
            damage = damage or f"the record of {agent} or its list of what ran is not as headpin writes it"
        release = after.record.served.release if after and after.record.served else None
        consumed = before.record.consumed if before else ()
        names = tuple(dict.fromkeys((agent, *((was,) if was else ()), *formerly(workspace, agent))))
        is_shown_anew = agent in touched.shown
        if was is not None:
            is_shown_anew = _id(place.before_tree, "manifests", was) != _id(place.tree, "manifests", agent)
        return Deployment(
            agent,
            before,
            after,
            rules_of(workspace, place.environment, agent, release, self._standing_of, consumed),
            named(workspace, place.environment, agent),
            events,
            {event.config: self._asked(place, config, names, event) for event in events},
            is_kept or is_left,
            is_left or keeps_what_ran(place.before_tree, place.tree, agent, was),
            names,
            was,
            is_left,
            was is None or _says_renamed(workspace, agent, was, before),
            shown=_id(place.tree, "manifests", agent),
            settings=_id(place.tree, "settings", agent),
            content=_id(place.tree, "content", agent),
            is_shown_anew=is_shown_anew,
            spent=tuple(_spent(workspace, before, after)),
            damage=damage,
        )

    def _asked(self, place: Place, config: Revision, names: Sequence[AgentName], event: Event) -> Asked:
        """The commit of main that an event names, and what it pinned under any of the agent's names."""
        cause = event.config
        if not is_revision(cause) or not self._repository.has(cause) or self._repository.object_type(cause) != "commit":
            return Asked(False)
        workspace = self._documents.at(cause)
        commit = self._repository.commit(cause)
        known = self._positions.get(cause)
        is_earlier = (known is not None and known <= place.position) or self._is_ancestor(cause, config)
        pins = (named(workspace, place.environment, name) for name in names)
        pin = next((found for found in pins if found is not None), None)
        return Asked(True, pin, commit.author.person, commit.has_note, is_earlier)

    def _is_ancestor(self, one: Revision, other: Revision) -> bool:
        try:
            return self._repository.is_ancestor(one, other)
        except HistoryMissing:
            return False


def _is_gone(place: Place, agent: AgentName) -> bool:
    path = f"deployments/{agent.project}/{agent.agent}.yaml"
    return place.before_tree.entry(path) is not None and place.tree.entry(path) is None


def _says_renamed(workspace: Workspace, agent: AgentName, was: AgentName, before: Standing | None) -> bool:
    """Whether the agent's document names the old name, or the record the new one, where a rename is taken back.

    Or both have had the same name: a rename was taken back, and another made, since the last pass.
    """
    said, had = formerly(workspace, agent), former_names(before.record) if before is not None else ()
    return was in said or agent in had or any(name in said for name in had)


def _touched(old: Tree, new: Tree) -> _Touched:
    found = _Touched()
    for change in changed_paths(old, new):
        parts = change.path.split("/")
        if change.path == FILE:
            continue
        agent = _agent_of(parts)
        if agent is not None:
            found.agents.add(agent)
            if parts[0] == "manifests":
                found.shown.add(agent)
                if (old.entry("/".join(parts[:_DEPTH])) is None) != (new.entry("/".join(parts[:_DEPTH])) is None):
                    found.lists.add(agent.project)
        elif parts[0] == "manifests" and len(parts) == _DEPTH and parts[2] == KUSTOMIZATION:
            found.lists.add(parts[1])
        else:
            found.strays.append(change.path)
    return found


def _agent_of(parts: list[str]) -> AgentName | None:
    """The deployment that a path belongs to; None where it belongs to none."""
    if parts[0] in _FOLDERS and len(parts) > _DEPTH:
        return AgentName.parse(f"{parts[1]}/{parts[2]}")
    if parts[0] == "deployments" and len(parts) == _DEPTH:
        name, _, kind = parts[2].partition(".")
        base, _, number = kind.partition(".")
        is_known = kind == "yaml" or (base in ("ran", "events") and (not number or number.isdecimal()))
        return AgentName.parse(f"{parts[1]}/{name}") if is_known else None
    return None


def _lists_agents(tree: Tree, project: str) -> bool:
    """Whether the project's list has the agents whose folders kustomize reads, and nothing else."""
    folder = f"manifests/{project}"
    names = [
        entry.name
        for entry in tree.entries(folder)
        if entry.kind is Kind.FOLDER
        and is_kustomized({item.name: item for item in tree.entries(f"{folder}/{entry.name}")})
    ]
    path = f"{folder}/{KUSTOMIZATION}"
    entry = tree.entry(path)
    if entry is not None and entry.kind is not Kind.FILE:
        return False
    there = tree.read(path) if entry else None
    return there == (kustomization(tuple(names)).encode() if names else None)


def _id(tree: Tree, folder: str, agent: AgentName) -> str:
    entry = tree.entry(f"{folder}/{agent.project}/{agent.agent}")
    return entry.id if entry else ""


def _spent(workspace: Workspace, before: Standing | None, after: Standing | None) -> Iterator[tuple[str, str, str]]:
    if before is None or after is None:
        return
    files = {document.id: document for document in workspace.overrides.values()}
    for identity in after.record.consumed:
        found = files.get(identity)
        model = found.model if found else None
        if identity not in before.record.consumed and not (model and model.allow == "adopt"):
            yield identity, found.path if found else "", model.reason if model else ""
