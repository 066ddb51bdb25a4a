"""What has to have come of all changes: the model lives through the passes that the log tells of, and is compared.

Taken from headpin are only its observations: which revision of main each pass saw, and where a source was found (by
what the head environment served afterwards, which has to follow the pushes in their order). What was decided on them,
every version, every hold and every event, the model works out alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headpin.controller.branches import RecordReader, own_state, read_branch, record_path
from headpin.git import CommitInfo, Repository
from headpin.releases import NEVER_RAN, Record
from headpin.releases.codec import parse_record
from headpin.tree import Tree
from headpin.types import AgentName, Revision
from tests.campaigns.soak.people import AGENTS, People, replaced
from tests.campaigns.soak.process import Pass
from tests.model.mainline import ENVIRONMENTS, HEAD, Agent, Commit, Release
from tests.model.reference import Deployment, Environment, Event, Model


class _Quick(Deployment):
    """A deployment that is copied in no time, however long its past is: what is in its lists never changes."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Quick:
        other = copy(self)
        other.ran, other.events, other.line = [*self.ran], [*self.events], [*self.line]
        other.started = set(self.started)
        return other


@dataclass
class Replay:
    """The model, and what headpin made, side by side."""

    people: People
    found: list[str] = field(default_factory=list)
    _commits: list[Commit] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _records: dict[str, Record] = field(default_factory=dict)
    _now: datetime = datetime(2026, 1, 5, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.repository = Repository.open(self.people.config.place)
        self._main = self._mainline()
        self.model = Model(AGENTS)
        self.model.environments = {name: Environment({agent: _Quick() for agent in AGENTS}) for name in ENVIRONMENTS}
        self.model.start(self.people.steps[0].revision)

    def run(self, passes: Sequence[Pass]) -> list[str]:
        """Everything that came out differently, the first pass with a difference ending it."""
        heads: dict[Agent, str | None] = dict.fromkeys(AGENTS)
        last: object = None
        for number, one in enumerate(passes):
            if HEAD in one.commits:
                heads = self._heads(one.commits[HEAD])
            if (one.config, heads) != last:
                self._pass(one.config, heads)
            last = one.config, heads
            for environment, commit in one.commits.items():
                self._compare(environment, Revision(commit), f"pass {number} ({one.config[:7]})")
            if self.found:
                return self.found
        self._compare_events()
        self._compare_sources()
        return self.found

    # ── what the model is told ───────────────────────────────────────────────────────────────────

    def _mainline(self) -> Iterator[Commit]:
        files: dict[str, str] = {}
        for step in self.people.steps:
            files = replaced(step, files)
            yield Commit(step.revision, files, frozenset(), f"{step.subject}\n", "Test Person")

    def _pass(self, config: str, heads: Mapping[Agent, str | None]) -> None:
        while config not in self._places:
            commit = next(self._main)
            self._places[commit.revision] = len(self._places)
            self._commits.append(commit)
        folded = {one.folded: self._places[one.folded] for one in self.model.environments.values()}
        first, end = min(folded.values()), self._places[config]
        start = len(self._places) - len(self._commits)
        del self._commits[: max(0, min(first, end) - start)]
        start = len(self._places) - len(self._commits)
        history = [
            replace(commit, ancestors=frozenset(name for name, place in folded.items() if place < number))
            for number, commit in enumerate(self._commits, start)
            if number <= end
        ]
        self._now += timedelta(seconds=1)
        self.model.reconcile(history, heads, self._now)

    def _heads(self, commit: str) -> dict[Agent, str | None]:
        tree = self.repository.tree(Revision(commit))
        records = {agent: self._record(tree, agent) for agent in AGENTS}
        return {a: record.served.release.revision if record.served else None for a, record in records.items()}

    def _record(self, tree: Tree, agent: Agent) -> Record:
        path = record_path(AgentName(*agent))
        entry = tree.entry(path)
        if entry is None:
            return NEVER_RAN
        if entry.id not in self._records:
            self._records[entry.id] = parse_record(tree.read(path), path)
        return self._records[entry.id]

    # ── comparing ────────────────────────────────────────────────────────────────────────────────

    def _same(self, where: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.found.append(f"{where}\n    headpin: {found}\n    model:   {wanted}")

    def _compare(self, environment: str, commit: Revision, where: str) -> None:
        """Every record of an environment at one commit."""
        info = self.repository.commit(commit)
        state = own_state(self.repository, info)
        assert state is not None, f"{commit} is not headpin's"
        tree, said = state
        wanted = self.model.environments[environment]
        self._same(f"{where}: hold of {environment}", said.hold.reason.value if said.hold else None, wanted.hold)
        for agent in AGENTS:
            record, one = self._record(tree, agent), wanted.deployments[agent]
            place = f"{where}: {environment} {'/'.join(agent)}"
            self._same(f"{place}: served", _served(record), one.served)
            self._same(f"{place}: hold", record.hold.reason.value if record.hold else None, one.hold)
            if record.served is not None:
                self._same(f"{place}: stopped", record.served.status.value == "Stopped", one.is_stopped)
            if record.served is not None and environment != HEAD:
                self._same(f"{place}: version", record.served.version, one.last)
            if environment != HEAD:
                self._same(f"{place}: highest", record.highest, len(one.ran))

    def _compare_events(self) -> None:
        """Every event and every release that ran, of all time; and what is served at the end in what is rendered."""
        for environment in ENVIRONMENTS:
            branch = read_branch(self.repository, environment, RecordReader())
            for agent in AGENTS:
                name, place = AgentName(*agent), f"at the end: {environment} {'/'.join(agent)}"
                wanted = self.model.deployment(environment, agent)
                ran = list(dict.fromkeys(one.release for one in branch.ran(name)))
                self._same(f"{place}: ran", [Release(one.revision, one.image, one.settings) for one in ran], wanted.ran)
                found = [Event(one.kind.value, one.version, one.config) for one in branch.events(name)]
                self._same(f"{place}: events", *_first_difference(found, [] if environment == HEAD else wanted.events))
                self._same(f"{place}: image", _image(branch.tree, agent), wanted.served.image if wanted.served else "")

    def _compare_sources(self) -> None:
        """The head environment followed each source in the order of the pushes, up to the last."""
        there = {
            agent: {revision: number for number, revision in enumerate(line)}
            for agent, line in self.people.pushed.items()
        }
        last = dict.fromkeys(there, -1)
        for tree in self._trees(HEAD):
            for agent, line in there.items():
                served = self._record(tree, agent).served
                place = line.get(served.release.revision, -1) if served else last[agent]
                if place < last[agent]:
                    self.found.append(f"{agent} went back to push {place} from {last[agent]}")
                last[agent] = place
        for agent, line in there.items():
            self._same(f"the last push to {'/'.join(agent)}", last[agent], len(line) - 1)

    def _trees(self, environment: str) -> Iterator[Tree]:
        tip = self.repository.ref(f"refs/heads/env/{environment}")
        commits: list[CommitInfo] = list(self.repository.first_parents(tip)) if tip else []
        yield from (self.repository.tree_at(commit.tree) for commit in reversed(commits))


def events_told(model: Model) -> dict[tuple[str, str, str], int]:
    """How many events of each kind the model has of each pinned deployment."""
    told: dict[tuple[str, str, str], int] = {}
    for name in ENVIRONMENTS[1:]:
        for agent, one in model.environments[name].deployments.items():
            for event in one.events:
                key = (name, "/".join(agent), event.kind)
                told[key] = told.get(key, 0) + 1
    return told


def _first_difference(found: list[Event], wanted: list[Event]) -> tuple[object, object]:
    """Both whole where they are equal, else a little of either from where they part."""
    if found == wanted:
        return found, wanted
    place = next((n for n, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), -1)
    place = min(len(found), len(wanted)) if place < 0 else place
    part: Callable[[list[Event]], object] = lambda events: (place, len(events), events[place : place + 3])  # noqa: E731
    return part(found), part(wanted)


def _served(record: Record) -> Release | None:
    if record.served is None:
        return None
    release = record.served.release
    return Release(release.revision, release.image, release.settings)


def _image(tree: Tree, agent: Agent) -> str:
    """The image in what the cluster gets."""
    path = f"manifests/{agent[0]}/{agent[1]}/deployment.yaml"
    if tree.entry(path) is None:
        return ""
    lines = [line.strip() for line in tree.read(path).decode().splitlines()]
    return next(line.split(": ", 1)[1].strip('"') for line in lines if line.lstrip("- ").startswith("image: "))
