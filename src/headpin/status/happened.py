"""What headpin's own commits did to deployments: the events that a commit added, and those of one deployment.

Pinned environments keep their events; the head environment keeps none, and what happened there is told by what
became of its records. A record that a rename moved is renamed, and nothing else happened to it. Work is proportional
to what changed. Must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, takewhile

from headpin.controller.branches import CONFIG_TRAILER, Branch, RecordReader, names_of, own_state, record_path
from headpin.controller.past import Past, past_of
from headpin.git import CommitInfo, Repository
from headpin.releases import Event, EventKind, Record
from headpin.releases.codec import parse_events
from headpin.status.names import lineage, moved_from, name_in, record_commits
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
        changes = list(changed_paths(old, new, "deployments"))
        changed = [change.path for change in changes]
        agents = sorted({name for path in changed if (name := _agent_at(path, ending)) is not None})
        is_any_gone = any(change.new is None and change.path.endswith(".yaml") for change in changes)
        moved = {name: moved_from(self.branch.records, old, new, name) for name in (agents if is_any_gone else ())}
        found: list[tuple[AgentName, Event]] = []
        for agent in agents:
            was = moved.get(agent)
            if agent in moved.values():
                continue  # what it was goes on under another name
            if self.tracks_head:
                records = self._record(old, was or agent), self._record(new, agent)
                events = self._followed(commit, *records, agent, was)
            else:
                events = _added(old, new, agent, was, changed)
            found += [(agent, event) for event in events]
        return found

    def of_agent(self, agent: AgentName) -> Iterator[Event]:
        """What happened to a deployment, newest first, read as far as somebody asks.

        Raises HistoryMissing where a shallow clone does not have all that the head environment did.
        """
        name = name_in(self.branch.tree, lineage(self.branch, agent))
        if self.tracks_head:
            yield from self._followed_events(name)
        else:
            yield from self.branch.events_back(name)

    def since(self, agent: AgentName, record: Record) -> Event | None:
        """What began the present state of a deployment of the head environment. Raises HistoryMissing."""
        if self.past is None or record.served is None:
            return None
        names = names_of(self.branch, agent)
        here = self.past.at_time(record.served.since)
        while here is not None:
            before = self.past.before(here)
            old, new = self._tree_of(before), self._tree_of(here)
            name = name_in(new, names)
            was = moved_from(self.branch.records, old, new, name)
            records = self._record(old, was or name), self._record(new, name)
            if records[0] != records[1]:
                return next(reversed(self._followed(here, *records, name, was)), None)
            if here.committer.at < record.served.since:
                return None
            here = before
        return None

    def _followed_events(self, agent: AgentName) -> Iterator[Event]:
        """Only commits that changed the record are read."""
        if self.past is None:
            return
        for stood in record_commits(self.repository, self.branch, agent):
            self.repository.refuse_cut_off(stood.commit.id)
            old = self._tree_of(self.past.before(stood.commit))
            was = moved_from(self.branch.records, old, stood.tree, stood.agent)
            before = self._record(old, was or stood.agent)
            yield from reversed(self._followed(stood.commit, before, stood.record, stood.agent, was))
        refuse_shallow_end(self.repository, self.past.newest.id)

    def _tree_of(self, commit: CommitInfo | None) -> Tree:
        return self.repository.tree_at(commit.tree) if commit else EMPTY

    def _record(self, tree: Tree, agent: AgentName) -> Record:
        return self.branch.records.read(tree, record_path(agent))

    def _followed(
        self, commit: CommitInfo, before: Record, after: Record, agent: AgentName, was: AgentName | None
    ) -> list[Event]:
        """What a commit on the head environment's branch did to a deployment, which had the name `was` before."""
        told = f"{was} is {agent} now"
        return [
            self._followed_event(commit, kind, before, after, told if kind is EventKind.RENAMED else "")
            for kind in transitions_of(before, after, is_renamed=was is not None)
        ]

    def _followed_event(
        self, commit: CommitInfo, kind: EventKind, before: Record, after: Record, message: str
    ) -> Event:
        """Where main caused it and not a push to the source, main's commit says who and why."""
        served, was = after.served or before.served, before.served
        named = Revision(commit.trailers[CONFIG_TRAILER])
        by_main = was is not None and served is not None and was.release.revision == served.release.revision
        config = self.repository.commit(named) if by_main or kind is EventKind.RENAMED else None
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
            message=after.hold.message if kind is EventKind.HELD and after.hold else message,
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


def _added(old: Tree, new: Tree, agent: AgentName, was: AgentName | None, changed: Sequence[str]) -> list[Event]:
    """The events that a commit added: its lines after those of before, some of which may be sealed by now.

    Where it moved the record from the name `was`, those of before are all that both names had.
    """
    path = _events_path(agent)
    if was is not None:
        known = len(_all_lines(old, was)) + len(_all_lines(old, agent))
        return list(parse_events(b"".join(_all_lines(new, agent)[known:]), path))
    sealed = sorted(found for found in changed if found.startswith(f"{path}."))
    lines = [line for found in (*sealed, path) for line in _lines(new, found)]
    return list(parse_events(b"".join(lines[len(_lines(old, path)) :]), path))


def _events_path(agent: AgentName) -> str:
    return f"deployments/{agent.project}/{agent.agent}.events"


def _all_lines(tree: Tree, agent: AgentName) -> list[bytes]:
    """Every line of a deployment's events, those in sealed segments first."""
    path = _events_path(agent)
    sealed = takewhile(lambda found: tree.entry(found) is not None, (f"{path}.{number:04}" for number in count(1)))
    return [line for found in (*sealed, path) for line in _lines(tree, found)]


def _lines(tree: Tree, path: str) -> list[bytes]:
    return tree.read(path).splitlines(keepends=True) if tree.entry(path) else []


def transitions_of(before: Record, after: Record, *, is_renamed: bool) -> tuple[EventKind, ...]:
    """What became of a deployment of the head environment, whose records are told by no events, in that order.

    A rename brings shared settings that say another name. While nothing that runs is another, that is no deployment.
    """
    kind = _transition(before, after)
    was, now = before.served, after.served
    if is_renamed and kind is EventKind.PROMOTED and was is not None and now is not None:
        is_the_same = replace(was.release, settings=now.release.settings) == now.release and was.digest == now.digest
        kind = None if is_the_same else kind
    return (*((EventKind.RENAMED,) if is_renamed else ()), *((kind,) if kind else ()))


def _transition(before: Record, after: Record) -> EventKind | None:
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
