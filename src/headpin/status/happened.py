"""What headpin's own commits did to deployments: the events that a commit added, and those of one deployment.

Pinned environments keep their events; the head environment keeps none, and what happened there is told by what
became of its records. Work is proportional to what changed. Must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headpin.controller.branches import CONFIG_TRAILER, Branch, RecordReader, own_state, record_path
from headpin.controller.past import Past, past_of
from headpin.git import CommitInfo, Repository, changes_to
from headpin.releases import NEVER_RAN, Event, EventKind, Record
from headpin.releases.codec import parse_events
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import AgentName, Revision


@dataclass(slots=True)
class Happened:
    """What happened in one environment, as the branch tells it."""

    repository: Repository
    branch: Branch
    past: Past | None = field(init=False)

    def __post_init__(self) -> None:
        self.past = past_of(self.repository, self.branch)

    @property
    def tracks_head(self) -> bool:
        """Whether this is the head environment, which keeps no events."""
        return bool(self.branch.state and self.branch.state.tracks_head)

    def by_commit(self, commit: CommitInfo, before: CommitInfo | None) -> list[tuple[AgentName, Event]]:
        """What an own commit did after the own commit before it, in the order of agents and then of time."""
        old: Tree = self.repository.tree_at(before.tree) if before else EMPTY
        new = self.repository.tree_at(commit.tree)
        ending = ".yaml" if self.tracks_head else ".events"
        changed = [change.path for change in changed_paths(old, new, "deployments")]
        agents = {_agent_at(path, ending) for path in changed}
        found: list[tuple[AgentName, Event]] = []
        for agent in sorted(name for name in agents if name is not None):
            if self.tracks_head:
                path = record_path(agent)
                event = self._followed(commit, self._record(old, path), self._record(new, path))
                found += [(agent, event)] if event else []
            else:
                found += [(agent, event) for event in _added(old, new, agent, changed)]
        return found

    def of_agent(self, agent: AgentName) -> Iterator[Event]:
        """What happened to a deployment, newest first, read as far as somebody asks.

        Raises HistoryMissing where a shallow clone does not have all that the head environment did.
        """
        if self.tracks_head:
            yield from self._followed_events(agent)
        else:
            yield from self.branch.events_back(agent)

    def since(self, agent: AgentName, record: Record) -> Event | None:
        """What began the present state of a deployment of the head environment. Raises HistoryMissing."""
        if self.past is None or record.served is None:
            return None
        path = record_path(agent)
        here = self.past.at_time(record.served.since)
        while here is not None:
            before = self.past.before(here)
            old, new = self._record_of(before, path), self._record_of(here, path)
            if old != new:
                return self._followed(here, old, new)
            if here.committer.at < record.served.since:
                return None
            here = before
        return None

    def _followed_events(self, agent: AgentName) -> Iterator[Event]:
        """The git program finds the commits that changed the record; only those are read here."""
        path = record_path(agent)
        for commit in self._touching(path):
            if self.past is None or own_state(self.repository, commit) is None:
                continue
            before = self.past.before(commit)
            event = self._followed(commit, self._record_of(before, path), self._record_of(commit, path))
            if event is not None:
                yield event

    def _touching(self, path: str) -> Iterator[CommitInfo]:
        start = self.branch.own
        if start is None:
            return
        for revision in changes_to(self.repository, start.id, path):
            self.repository.refuse_cut_off(revision)
            yield self.repository.commit(revision)
        refuse_shallow_end(self.repository, start.id)

    def _record_of(self, commit: CommitInfo | None, path: str) -> Record:
        return self._record(self.repository.tree_at(commit.tree), path) if commit else NEVER_RAN

    def _record(self, tree: Tree, path: str) -> Record:
        return self.branch.records.read(tree, path)

    def _followed(self, commit: CommitInfo, before: Record, after: Record) -> Event | None:
        """What a commit on the head environment's branch did to a deployment.

        Where main caused it and not a push to the source, main's commit says who and why.
        """
        kind = transition(before, after)
        if kind is None:
            return None
        served, was = after.served or before.served, before.served
        named = Revision(commit.trailers[CONFIG_TRAILER])
        by_main = was is not None and served is not None and was.release.revision == served.release.revision
        config = self.repository.commit(named) if by_main else None
        return Event(
            kind,
            commit.committer.at,
            named,
            0,
            served.release if served else None,
            person=config.author.person if config else commit.author.person,
            moved=config.author.at if config else None,
            note=config.note if config else "",
            hold=after.hold.reason if kind is EventKind.HELD and after.hold else None,
            message=after.hold.message if kind is EventKind.HELD and after.hold else "",
        )


def branch_at(branch: Branch, repository: Repository, commit: CommitInfo) -> Branch:
    """The branch as it stood at one of its own commits."""
    found = own_state(repository, commit)
    if found is None:
        raise ValueError(f"{commit.id} is not headpin's own")
    records: RecordReader = branch.records
    return Branch(branch.environment, records, tip=commit, own=commit, tree=found[0], state=found[1])


def refuse_shallow_end(repository: Repository, start: Revision) -> None:
    """Raises HistoryMissing where the first-parent chain ends only because the clone is shallow."""
    if not repository.is_shallow:
        return
    oldest = start
    for commit in repository.first_parents(start):
        oldest = commit.id
    repository.refuse_cut_off(oldest)


def _agent_at(path: str, ending: str) -> AgentName | None:
    _, project, name = path.split("/", 2)
    return AgentName.parse(f"{project}/{name.removesuffix(ending)}") if name.endswith(ending) else None


def _added(old: Tree, new: Tree, agent: AgentName, changed: Sequence[str]) -> list[Event]:
    """The events that a commit added: its lines after those of before, some of which may be sealed by now."""
    path = f"deployments/{agent.project}/{agent.agent}.events"
    sealed = sorted(found for found in changed if found.startswith(f"{path}."))
    lines = [line for found in (*sealed, path) for line in _lines(new, found)]
    return list(parse_events(b"".join(lines[len(_lines(old, path)) :]), path))


def _lines(tree: Tree, path: str) -> list[bytes]:
    return tree.read(path).splitlines(keepends=True) if tree.entry(path) else []


def transition(before: Record, after: Record) -> EventKind | None:
    """What became of a deployment of the head environment, whose records are told by no events; None for nothing."""
    if after.hold is not None and (before.hold is None or before.hold.reason is not after.hold.reason):
        return EventKind.HELD
    if after.served is None:
        return EventKind.REMOVED if before.served is not None else None
    if before.served is None or before.served.release != after.served.release:
        return EventKind.PROMOTED
    if before.served.digest != after.served.digest:
        return EventKind.RECONFIGURED
    if before.served.scale.stopped != after.served.scale.stopped:
        return EventKind.STOPPED if after.served.scale.stopped else EventKind.RESUMED
    return EventKind.SCALED if before.served.scale != after.served.scale else None
