"""What a pass did, or would do: values for the command line and for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from headpin.errors import HeadpinError
from headpin.git import CommitInfo
from headpin.problems import Problem
from headpin.releases import Decision, Event, Hold, Record, Situation
from headpin.rendering import RenderInput
from headpin.types import AgentName, Revision


@dataclass(frozen=True, slots=True)
class DeploymentReport:
    """One deployment that the pass looked at. `changes` tells whether its record or files change, `was`
    the name that it had before this pass.
    """

    agent: AgentName
    situation: Situation
    decision: Decision
    record: Record
    events: tuple[Event, ...]
    changes: bool
    was: AgentName | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentReport:
    """One environment. `commit` is what the pass committed, `error` why it could not, `failure` the exception."""

    environment: str
    deployments: tuple[DeploymentReport, ...] = ()
    hold: Hold | None = None
    commit: Revision | None = None
    error: str = ""
    remedy: str = ""
    failure: HeadpinError | None = None

    def then(self, later: EnvironmentReport) -> EnvironmentReport:
        """Both as one; of a deployment that both looked at, the later, unless only the earlier changed it."""
        after = {report.agent: report for report in later.deployments}
        kept = {
            report.agent: report
            for report in self.changed
            if report.agent not in after or not after[report.agent].changes
        }
        deployments = sorted({**after, **kept}.values(), key=lambda report: report.agent)
        return replace(later, deployments=tuple(deployments), commit=later.commit or self.commit)

    @property
    def changed(self) -> tuple[DeploymentReport, ...]:
        """The deployments whose record or files change."""
        return tuple(deployment for deployment in self.deployments if deployment.changes)


@dataclass(frozen=True, slots=True)
class Work:
    """What a pass cost: the measure of being proportional to the change."""

    parsed: int
    rendered: int
    written: int

    def then(self, later: Work) -> Work:
        """Both together."""
        return Work(self.parsed + later.parsed, self.rendered + later.rendered, self.written + later.written)


_NOTHING = EnvironmentReport("")


@dataclass(frozen=True, slots=True)
class PassReport:
    """One pass. `sources` tells, by agent, why the head environment does not know a branch's head.

    `promotions` are the commits on main that headpin made by itself, `trouble` says why it could not make one.
    `waits_until`: when the first gate of a promotion that headpin may make itself opens.
    """

    config: Revision
    environments: tuple[EnvironmentReport, ...]
    sources: dict[AgentName, str]
    problems: tuple[Problem, ...]
    work: Work
    promotions: tuple[CommitInfo, ...] = ()
    trouble: str = ""
    waits_until: datetime | None = None

    def then(self, later: PassReport, promotions: tuple[CommitInfo, ...]) -> PassReport:
        """Both as one: what this pass did, and `later` after `promotions`."""
        before = {report.environment: report for report in self.environments}
        after = tuple(before.pop(report.environment, _NOTHING).then(report) for report in later.environments)
        return replace(
            later,
            environments=(*before.values(), *after),
            work=self.work.then(later.work),
            promotions=(*self.promotions, *promotions, *later.promotions),
        )

    @property
    def commits(self) -> tuple[Revision, ...]:
        """Every commit that the pass made."""
        return tuple(report.commit for report in self.environments if report.commit is not None)

    @property
    def holds(self) -> bool:
        """Whether anything is held."""
        return any(
            report.hold is not None or any(item.record.hold is not None for item in report.deployments)
            for report in self.environments
        )

    @property
    def opens_at(self) -> datetime | None:
        """The first instant at which something that is held goes on by itself: when to look again at the latest."""
        instants = [item.decision.opens_at for report in self.environments for item in report.deployments]
        instants.append(self.waits_until)
        return min((instant for instant in instants if instant is not None), default=None)

    @property
    def failed(self) -> bool:
        """Whether an environment could not be committed."""
        return any(report.error for report in self.environments)


@dataclass(frozen=True, slots=True)
class RenderedDeployment:
    """The files of one deployment, by name, for `headpin render`."""

    agent: AgentName
    render: RenderInput
    files: dict[str, str]
