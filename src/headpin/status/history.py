"""What happened: to one agent, or in the whole workspace, newest first.

Work is proportional to the answer: branches are merged commit by commit and read as far as somebody asks. Where a
shallow clone ends, what is told up to there is right, and `Told.missing` says what cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.controller.past import number_of
from headpin.errors import HistoryMissing
from headpin.releases import Event, EventKind, Release
from headpin.releases.codec import event_mapping
from headpin.status.happened import Happened
from headpin.status.pin_commits import PinCommit, PinCommits
from headpin.status.subjects import Subjects
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace

MOVES = frozenset(
    {
        EventKind.ADOPTED,
        EventKind.PROMOTED,
        EventKind.ROLLED_BACK,
        EventKind.ROLLED_FORWARD,
        EventKind.SUPERSEDED,
        EventKind.REMOVED,
        EventKind.FAILED,
    }
)
"""Events in which a release comes, goes, or does not come."""


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """An event of one deployment, or a commit on main that changed its pin file and that no event tells of.

    `subject`: of the release's source commit. `pin_commit`: the commit of main, where it changed the pin file.
    """

    agent: AgentName
    environment: str
    kind: str
    at: datetime
    event: Event | None = None
    touch: PinCommit | None = None
    release: Release | None = None
    subject: str = ""
    pin_commit: Revision | None = None

    @property
    def person(self) -> str:
        """Who did it, as ``Name <address>``."""
        return (self.touch.person if self.touch else self.event.person if self.event else "") or ""

    @property
    def config(self) -> Revision | None:
        """The commit of main."""
        return self.touch.revision if self.touch else self.event.config if self.event else None

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        told = event_mapping(self.event) if self.event else self.touch.as_json() if self.touch else {}
        return {
            "agent": str(self.agent),
            "environment": self.environment,
            **told,
            "subject": self.subject or None,
            "pinCommit": self.pin_commit,
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What happened, newest first; `more`: the limit cut it off; `missing`: why what came before is not known."""

    items: tuple[HistoryItem, ...]
    more: bool = False
    missing: HistoryMissing | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are asked for; what is None or empty does not matter. `person` is a part of a name or address."""

    agent: AgentName | None = None
    project: str | None = None
    environment: str | None = None
    person: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: frozenset[EventKind] | None = None

    def takes(self, agent: AgentName, event: Event) -> bool:
        """Whether an event is asked for; the environment is chosen by its branch."""
        return (
            (self.agent is None or agent == self.agent)
            and (self.project is None or agent.project == self.project)
            and (self.kinds is None or event.kind in self.kinds)
            and (self.person is None or self.person.casefold() in (event.person or "").casefold())
            and (self.until is None or event.at <= self.until)
            and (self.since is None or event.at >= self.since)
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """An event in its place: later ones first, and at the same time later stages first.

    Or the place from which on a shallow clone does not know what happened in an environment.
    """

    at: datetime
    stage: int
    environment: str
    happened: tuple[AgentName, Event] | HistoryMissing

    @property
    def order(self) -> tuple[float, int]:
        """What sorts it."""
        return -self.at.timestamp(), -self.stage


def environments_ever(workspace: Workspace, branches: dict[str, Branch]) -> list[str]:
    """Environments in pipeline order, then every other that has a branch."""
    order = workspace.environment_order
    return [*order, *(name for name in branches if name not in order)]


def read_log(controller: Controller, wanted: Wanted, limit: int | None = None) -> Told:
    """Every event that is `wanted` of the whole workspace; at most `limit`."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    return _told(controller, branches, _events(controller, workspace, branches, wanted), limit)


def read_history(
    controller: Controller, agent: AgentName, environment: str | None = None, limit: int | None = None
) -> Told:
    """Every event of the agent, in one environment or in all, and every commit that changed its pins and that no
    event tells of; at most `limit`."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    wanted = Wanted(agent=agent, environment=environment)
    told = _told(controller, branches, _events(controller, workspace, branches, wanted), limit)
    names = [name for name in environments_ever(workspace, branches) if environment in (None, name)]
    pins = PinCommits(controller, agent, [branches[name] for name in names])
    return _with_pins(told, pins, Subjects(controller.repository, branches), limit)


def _told(controller: Controller, branches: dict[str, Branch], found: Iterable[_Found], limit: int | None) -> Told:
    subjects = Subjects(controller.repository, branches)
    items: list[HistoryItem] = []
    for one in found:
        if len(items) == limit:
            return Told(tuple(items), more=True)
        if isinstance(one.happened, HistoryMissing):
            return Told(tuple(items), missing=one.happened)
        agent, event = one.happened
        release = event.release
        subject = subjects.of(agent, release.revision if release else None, one.environment)
        items.append(HistoryItem(agent, one.environment, event.kind.value, event.at, event, None, release, subject))
    return Told(tuple(items))


def _events(
    controller: Controller, workspace: Workspace, branches: dict[str, Branch], wanted: Wanted
) -> Iterator[_Found]:
    names = environments_ever(workspace, branches)
    streams = []
    for stage, name in enumerate(names):
        if wanted.environment not in (None, name):
            continue
        if branches[name].trouble is not None and (wanted.environment or name in workspace.environments):
            raise branches[name].trouble or AssertionError
        happened = Happened(controller.repository, branches[name])
        streams.append(_of_agent(happened, stage, wanted) if wanted.agent else _of_branch(happened, stage, wanted))
    return merge(*streams, key=lambda one: one.order)


def _of_agent(happened: Happened, stage: int, wanted: Wanted) -> Iterator[_Found]:
    """One deployment's events: its own files have them, and no other commit is read."""
    agent, name, own = wanted.agent, happened.branch.environment, happened.branch.own
    if agent is None or own is None:
        return
    last = own.committer.at
    try:
        for event in happened.of_agent(agent):
            if wanted.since is not None and event.at < wanted.since:
                return
            last = min(last, event.at)
            if wanted.takes(agent, event):
                yield _Found(last, stage, name, (agent, event))
    except HistoryMissing as error:
        yield _Found(last, stage, name, error)


def _of_branch(happened: Happened, stage: int, wanted: Wanted) -> Iterator[_Found]:
    """Every deployment's events, commit by commit from the last one wanted."""
    past, name = happened.past, happened.branch.environment
    if past is None:
        return
    last = wanted.until or past.newest.committer.at
    try:
        here = past.at_time(last) if wanted.until else past.newest
        while here is not None:
            if wanted.since is not None and here.committer.at < wanted.since and number_of(here):
                return
            last = min(last, here.committer.at)
            before = past.before(here)
            for agent, event in reversed(happened.by_commit(here, before)):
                if wanted.takes(agent, event):
                    yield _Found(last, stage, name, (agent, event))
            here = before
    except HistoryMissing as error:
        yield _Found(last, stage, name, error)


def _with_pins(told: Told, pins: PinCommits, subjects: Subjects, limit: int | None) -> Told:
    """The history with the commits on main that changed the pin files, each named once."""
    events = [(item.environment, item.event) for item in told.items if item.event is not None]
    touched = pins.read(events, limit)
    items = [
        replace(item, pin_commit=item.config) if item.config and touched.names(item.environment, item.config) else item
        for item in told.items
    ]
    for environment, order in touched.order.items():
        shown = {item.pin_commit for item in items if item.environment == environment}
        for number, revision in enumerate(order):
            touch = touched.untold.get((environment, revision))
            if touch is None:
                if told.more and revision not in shown:
                    break  # its event was cut off, and so is all that comes before it
                continue
            release = touch.release.revision if touch.release else None
            subject = subjects.of(pins.agent, release, environment)
            item = HistoryItem(
                pins.agent, environment, touch.kind, touch.at, None, touch, touch.release, subject, revision
            )
            _insert(items, item, order, number)
    more = told.more or (limit is not None and len(items) > limit)
    return Told(tuple(items[:limit]), more, told.missing or touched.missing)


def _insert(items: list[HistoryItem], item: HistoryItem, order: Sequence[Revision], number: int) -> None:
    """Puts a commit that no event tells of below what tells of later commits, and above what tells of earlier ones.

    Between those by its time, which nobody has to trust.
    """
    newer, older = set(order[:number]), set(order[number + 1 :])
    mine = [place for place, found in enumerate(items) if found.environment == item.environment]
    first = max((place + 1 for place in mine if items[place].pin_commit in newer), default=0)
    last = min((place for place in mine if items[place].pin_commit in older and place >= first), default=len(items))
    place = first
    while place < last and items[place].at > item.at:
        place += 1
    items.insert(place, item)


def moves_or_all(kind: str | None) -> frozenset[EventKind] | None:
    """The kinds that ``--event`` names: moves without one, None for ``all``. Raises ValueError."""
    if kind is None:
        return MOVES
    return None if kind == "all" else frozenset({EventKind(kind)})


def kinds() -> Sequence[str]:
    """Every word that ``--event`` takes."""
    return ["all", *(kind.value for kind in EventKind)]
