"""What happened to an agent, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, Branch, RecordReader, own_state, record_path
from headpin.git import CommitInfo, Repository
from headpin.releases import NEVER_RAN, Event, EventKind, Record
from headpin.releases.codec import event_mapping, parse_events
from headpin.releases.environment import EnvironmentState
from headpin.status.matrix import environment_names
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import AgentName, Revision


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """An event of one deployment."""

    agent: AgentName
    environment: str
    event: Event

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {"agent": str(self.agent), "environment": self.environment, **event_mapping(self.event)}


def read_history(
    controller: Controller, agent: AgentName, environment: str | None = None, limit: int | None = None
) -> tuple[HistoryItem, ...]:
    """Every event of the agent, in one environment or in all, newest first; at most `limit`."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    names = [name for name in environment_names(workspace, branches) if environment in (None, name)]
    found: list[HistoryItem] = []
    for name in reversed(names):
        events = _events(controller.repository, branches[name], agent)
        found += [HistoryItem(agent, name, event) for event in events]
    found.sort(key=lambda item: item.event.at, reverse=True)
    return tuple(found[:limit])


def events_of_commit(repository: Repository, commit: CommitInfo, records: RecordReader) -> tuple[HistoryItem, ...]:
    """What a commit on an environment's branch tells, by agent; nothing where headpin did not make it.

    It is compared with the last commit before it that headpin made: what others did in between is undone by it.
    """
    before, after = states_around(repository, commit)
    if after is None:
        return ()
    (tree, state), before_tree = after, before[0] if before else EMPTY
    changes = sorted(change.path for change in changed_paths(before_tree, tree, "deployments"))
    told = _record_events if state.tracks_head else _appended_events
    return tuple(
        HistoryItem(agent, state.environment, event)
        for agent in dict.fromkeys(_agent_of(path) for path in changes)
        for event in told(repository, commit, agent, before_tree, tree, records)
    )


def states_around(
    repository: Repository, commit: CommitInfo
) -> tuple[tuple[Tree, EnvironmentState] | None, tuple[Tree, EnvironmentState] | None]:
    """The last tree and state before `commit` that headpin made, and those of `commit` where headpin made it."""
    earlier = repository.first_parents(commit.parents[0]) if commit.parents else iter(())
    before = next((known for each in earlier if (known := own_state(repository, each)) is not None), None)
    return before, own_state(repository, commit)


def _agent_of(path: str) -> AgentName:
    _, project, file = path.split("/", 2)
    return AgentName(project, file.partition(".")[0])


def _record_events(
    repository: Repository, commit: CommitInfo, agent: AgentName, before: Tree, after: Tree, records: RecordReader
) -> Iterator[Event]:
    path = record_path(agent)
    return _between(repository, commit, records.read(before, path), records.read(after, path))


def _appended_events(
    repository: Repository, commit: CommitInfo, agent: AgentName, before: Tree, after: Tree, records: RecordReader
) -> Iterator[Event]:
    """The lines that the commit added, those included that it sealed at once."""
    del repository, commit, records
    path = f"deployments/{agent.project}/{agent.agent}.events"
    was = before.read(path) if before.entry(path) else b""
    segments = takewhile(lambda name: after.entry(name) is not None, (f"{path}.{n:04}" for n in count(1)))
    fresh = b"".join(after.read(name) for name in segments if before.entry(name) is None)
    now = fresh + (after.read(path) if after.entry(path) else b"")
    yield from parse_events(now.removeprefix(was) if now.startswith(was) else b"", path)


def _events(repository: Repository, branch: Branch, agent: AgentName) -> list[Event]:
    """Newest first. The head environment keeps no events: its branch is its history."""
    if branch.state is not None and branch.state.tracks_head:
        return list(_followed_events(repository, branch, agent))
    return list(reversed(branch.events(agent)))


def _followed_events(repository: Repository, branch: Branch, agent: AgentName) -> Iterator[Event]:
    path = record_path(agent)
    commits = repository.first_parents(branch.own.id) if branch.own else iter(())
    later: tuple[CommitInfo, str, Record] | None = None
    for commit in commits:
        found = own_state(repository, commit)
        if found is None:
            continue
        entry = found[0].entry(path)
        identity = entry.id if entry else ""
        if later is not None and later[1] != identity:
            record = branch.records.read(found[0], path)
            yield from _between(repository, later[0], record, later[2])
            later = (commit, identity, record)
        elif later is None:
            later = (commit, identity, branch.records.read(found[0], path))
        else:
            later = (commit, identity, later[2])
    if later is not None and later[1]:
        yield from _between(repository, later[0], NEVER_RAN, later[2])


def _between(repository: Repository, commit: CommitInfo, before: Record, after: Record) -> Iterator[Event]:
    """What a commit on the head environment's branch did to a deployment.

    Where main caused it and not a push to the source, main's commit says who and why.
    """
    kind = transition(before, after)
    if kind is None:
        return
    served, was = after.served or before.served, before.served
    config = repository.commit(Revision(commit.trailers[CONFIG_TRAILER]))
    by_main = was is not None and served is not None and was.release.revision == served.release.revision
    yield Event(
        kind,
        commit.committer.at,
        config.id,
        0,
        served.release if served else None,
        person=config.author.person if by_main else commit.author.person,
        moved=config.author.at if by_main else None,
        note=config.note if by_main else "",
        hold=after.hold.reason if kind is EventKind.HELD and after.hold else None,
        message=after.hold.message if kind is EventKind.HELD and after.hold else "",
    )


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
