"""What ran at an instant, or when a revision had been applied: in one environment or in all.

An environment's answer is the last of headpin's own commits by then, and the records in its tree. It is found with
O(log n) reads. An agent has the name there that it had then. Must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, Branch
from headpin.errors import HistoryMissing, Refused, UsageError
from headpin.git import CommitInfo
from headpin.releases import Event, Record
from headpin.releases.codec import event_mapping, format_time
from headpin.status.happened import Happened, branch_at
from headpin.status.history import environments_ever
from headpin.status.matrix import DeploymentStatus, EnvironmentStatus, StatusReport
from headpin.status.names import lineage, name_in
from headpin.status.subjects import Subjects
from headpin.status.when import Find, by_revision, by_time
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace

_SERVING = frozenset({"adopted", "promoted", "rolled-back", "rolled-forward"})


@dataclass(frozen=True, slots=True)
class Ran:
    """A deployment as it was. `event`: what brought it. `subject`: of its source commit."""

    status: DeploymentStatus
    event: Event | None
    subject: str

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        told = self.status.as_json()
        del told["wanted"]
        return {
            **told,
            "subject": self.subject or None,
            "event": event_mapping(self.event) if self.event else None,
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """An environment as it was: the commit that says so; None where it did not exist yet."""

    environment: EnvironmentStatus
    commit: CommitInfo | None

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        commit = self.commit
        return {
            **self.environment.as_json(),
            "existed": commit is not None,
            "commit": commit.id if commit else None,
            "time": format_time(commit.committer.at) if commit else None,
            "config": commit.trailers[CONFIG_TRAILER] if commit else None,
        }


@dataclass(frozen=True, slots=True)
class AtReport:
    """The whole matrix as it was. `time` or `revision`: what was asked for. `missing`: what cannot be known."""

    time: datetime | None
    revision: Revision | None
    moments: tuple[Moment, ...]
    ran: tuple[Ran, ...]
    missing: HistoryMissing | None = None

    def as_status(self) -> StatusReport:
        """What is printed as `status` does it."""
        existed = [moment.environment for moment in self.moments if moment.commit is not None]
        return StatusReport(self.revision or "", tuple(existed), tuple(item.status for item in self.ran))

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "time": format_time(self.time) if self.time else None,
            "revision": self.revision,
            "environments": [moment.as_json() for moment in self.moments],
            "deployments": [item.as_json() for item in self.ran],
            "incomplete": str(self.missing) if self.missing else None,
        }


def read_at_time(
    controller: Controller, at: datetime, environment: str | None = None, agent: AgentName | None = None
) -> AtReport:
    """What ran at an instant. Raises UsageError for one in the future, Refused for one before everything."""
    repository = controller.repository
    now = controller.clock()
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    latest = [branch.own.committer.at for branch in branches.values() if branch.own]
    if at > max([now, *latest]):
        raise UsageError(f"{format_time(at)} is in the future", remedy="'headpin status' tells what runs now")

    moments = _moments(workspace, branches, environment, by_time(repository, at))
    _refuse_nothing(moments, environment, f"at {format_time(at)}")
    return _report(controller, branches, moments, agent, time=at)


def read_at_revision(
    controller: Controller, revision: Revision, environment: str | None = None, agent: AgentName | None = None
) -> AtReport:
    """What ran when a revision of main had been applied and nothing later; or, of a commit of an environment's
    branch, what that one says.

    Raises UsageError for a commit of neither, Refused where nothing had been applied yet, HistoryMissing.
    """
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    holder, find = by_revision(controller, branches, revision, environment)
    moments = _moments(workspace, branches, holder or environment, find)
    _refuse_nothing(moments, environment, f"when {revision} was applied")
    return _report(controller, branches, moments, agent, revision=revision)


def _moments(workspace: Workspace, branches: dict[str, Branch], environment: str | None, find: Find) -> list[Moment]:
    found = []
    for name in environments_ever(workspace, branches):
        if environment not in (None, name):
            continue
        branch, document = branches[name], workspace.environments.get(name)
        model = document.model if document else None
        if branch.trouble is not None:
            raise branch.trouble
        commit = find(branch)
        found.append(
            Moment(
                EnvironmentStatus(
                    name,
                    name == workspace.head_environment,
                    bool(model and model.production),
                    model.display_name if model else None,
                    None,
                ),
                commit,
            )
        )
    return found


def _refuse_nothing(moments: Sequence[Moment], environment: str | None, when: str) -> None:
    if any(moment.commit is not None for moment in moments):
        return
    what = f"the environment {environment}" if environment else "no environment"
    said = f"{what} did not exist yet {when}" if environment else f"{what} existed yet {when}"
    raise Refused(said, remedy="'headpin log' tells when what came")


def _report(
    controller: Controller,
    branches: dict[str, Branch],
    moments: Sequence[Moment],
    agent: AgentName | None,
    *,
    time: datetime | None = None,
    revision: Revision | None = None,
) -> AtReport:
    repository = controller.repository
    subjects = Subjects(repository, branches)
    told: list[Moment] = []
    rows: list[tuple[AgentName, int, Ran]] = []
    missing: HistoryMissing | None = None
    for place, moment in enumerate(moments):
        if moment.commit is None:
            told.append(moment)
            continue
        branch = branch_at(branches[moment.environment.name], repository, moment.commit)
        told.append(_with_hold(moment, branch))
        happened = Happened(repository, branch)
        asked = name_in(branch.tree, lineage(branches[branch.environment], agent)) if agent else None
        for name, record in _records(branch, asked):
            try:
                event = _brought(happened, name, record)
            except HistoryMissing as error:
                event, missing = None, error
            served = record.served.release.revision if record.served else None
            subject = subjects.of(name, served, branch.environment)
            rows.append((name, place, Ran(_status(branch, name, record), event, subject)))
    rows.sort(key=lambda row: row[:2])
    return AtReport(time, revision, tuple(told), tuple(row[2] for row in rows), missing)


def _with_hold(moment: Moment, branch: Branch) -> Moment:
    environment, state = moment.environment, branch.state
    was = EnvironmentStatus(
        environment.name,
        bool(state and state.tracks_head),
        environment.production,
        environment.display_name,
        state.hold if state else None,
    )
    return Moment(was, moment.commit)


def _records(branch: Branch, agent: AgentName | None) -> Iterator[tuple[AgentName, Record]]:
    """What was served or held then."""
    for name in (agent,) if agent else branch.agents():
        record = branch.record(name)
        if record.served is not None or record.hold is not None:
            yield name, record


def _status(branch: Branch, agent: AgentName, record: Record) -> DeploymentStatus:
    served = record.served
    hold = (branch.state.hold if branch.state else None) or record.hold
    word = hold.reason.value if hold else served.status.value if served else ""
    since = hold.since if hold else served.since if served else None
    wanted = record.wanted.release if record.wanted else None
    message = hold.message if hold else ""
    return DeploymentStatus(agent, branch.environment, word, message, since, served, hold, wanted)


def _brought(happened: Happened, agent: AgentName, record: Record) -> Event | None:
    """The event that brought what was served."""
    served = record.served
    if served is None:
        return None
    if happened.tracks_head:
        return happened.since(agent, record)
    events = happened.branch.events_back(agent)
    return next((found for found in events if found.kind in _SERVING and found.release == served.release), None)
