"""The matrix of agents and environments: what is served, and what is not as it should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.controller.heads import Heads, sources_of
from headpin.errors import ObjectDamaged
from headpin.problems import errors
from headpin.releases import Hold, HoldReason, Release, Served
from headpin.releases.codec import format_time, hold_mapping
from headpin.sources import SourceRule
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.rules import environment_problems, workspace_problems

NO_PIN = "NoPin"
NOT_DEPLOYED = "NotDeployed"
IN_PROGRESS = "InProgress"
UNREACHABLE = "Unreachable"
SOURCE_UNREACHABLE = "SourceUnreachable"
DAMAGED = "Damaged"


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """An environment: `hold` concerns everything in it, `trouble` says why its branch cannot be read."""

    name: str
    tracks_head: bool
    production: bool
    display_name: str | None
    hold: Hold | None
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "name": self.name,
            "displayName": self.display_name,
            "tracksHead": self.tracks_head,
            "production": self.production,
            "hold": hold_mapping(self.hold) if self.hold else None,
            "trouble": self.trouble or None,
        }


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """One deployment. `word` is the one word for its state, `message` says why where that is not obvious.

    `wanted` is the release that main's head wants and that is not served yet.
    """

    agent: AgentName
    environment: str
    word: str
    message: str
    since: datetime | None
    served: Served | None
    hold: Hold | None
    wanted: Release | None

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        served = self.served
        return {
            "agent": str(self.agent),
            "environment": self.environment,
            "status": self.word,
            "message": self.message or None,
            "since": format_time(self.since) if self.since else None,
            "version": served.version if served else None,
            "release": served.release.as_mapping() if served else None,
            "replicas": {"min": served.scale.min_replicas, "max": served.scale.max_replicas} if served else None,
            "hold": hold_mapping(self.hold) if self.hold else None,
            "wanted": self.wanted.as_mapping() if self.wanted else None,
        }


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The whole matrix, environments in pipeline order and deployments by agent."""

    config: str
    environments: tuple[EnvironmentStatus, ...]
    deployments: tuple[DeploymentStatus, ...]

    @property
    def has_holds(self) -> bool:
        """Whether anything is held, or cannot be read."""
        return any(item.hold is not None or item.word == DAMAGED for item in self.deployments) or any(
            environment.hold is not None or environment.trouble for environment in self.environments
        )

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "config": self.config,
            "environments": [environment.as_json() for environment in self.environments],
            "deployments": [deployment.as_json() for deployment in self.deployments],
        }


def read_status(
    controller: Controller,
    *,
    agents: Sequence[AgentName] = (),
    environment: str | None = None,
    ask_sources: bool = True,
) -> StatusReport:
    """The matrix; of `agents` and of one `environment` where they are given.

    `ask_sources` looks where the branches are that the head environment follows; without it, what the
    records say is all that is told.
    """
    head = controller.main_head()
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    order = [name for name in environment_names(workspace, branches) if environment in (None, name)]
    rows = tuple(sorted(agents)) or _all_rows(workspace, branches)
    followed = rows if ask_sources and workspace.head_environment in order else ()
    branch = branches.get(workspace.head_environment or "")
    sources = sources_of(workspace, followed)
    heads = Heads(controller.repository, workspace, head.id, sources, branch, controller.memory)
    environments = tuple(_environment(workspace, branches[name]) for name in order)
    held = {status.name: status.hold for status in environments}
    found = (
        _told(workspace, branches[name], agent, held[name], heads if ask_sources else None)
        for agent in rows
        for name in order
    )
    return StatusReport(head.id, environments, tuple(status for status in found if status is not None))


def environment_names(workspace: Workspace, branches: dict[str, Branch]) -> list[str]:
    """Environments in pipeline order, then those that lost their document but still serve something."""
    gone = [name for name, branch in branches.items() if name not in workspace.environments]
    return [
        *workspace.environment_order,
        *(name for name in gone if any(serves(branches[name], agent) for agent in branches[name].agents())),
    ]


def serves(branch: Branch, agent: AgentName) -> bool:
    """Whether anything of the agent is served there; a record that is damaged has to be told of."""
    try:
        return branch.record(agent).served is not None
    except ObjectDamaged:
        return True


def _all_rows(workspace: Workspace, branches: dict[str, Branch]) -> tuple[AgentName, ...]:
    agents = workspace.all_agents()
    served = {agent for branch in branches.values() for agent in branch.agents() if serves(branch, agent)}
    return tuple(sorted({*agents, *(served - renamed_among(branches, agents))}))


def renamed_among(branches: Mapping[str, Branch], agents: Collection[AgentName]) -> set[AgentName]:
    """The names under which records of `agents` are still committed; they are nobody's by now, and no rows."""
    return {home for branch in branches.values() for agent in agents if (home := _home(branch, agent)) != agent}


def _home(branch: Branch, agent: AgentName) -> AgentName:
    """The name that the agent has on the branch; its own where the records there do not tell."""
    try:
        return branch.home(agent)
    except ObjectDamaged:
        return agent


def _environment(workspace: Workspace, branch: Branch) -> EnvironmentStatus:
    document = workspace.environments.get(branch.environment)
    model = document.model if document else None
    return EnvironmentStatus(
        branch.environment,
        branch.environment == workspace.head_environment,
        bool(model and model.production),
        model.display_name if model else None,
        branch.state.hold if branch.state else None,
        str(branch.trouble or ""),
    )


def _told(
    workspace: Workspace, branch: Branch, agent: AgentName, held: Hold | None, heads: Heads | None
) -> DeploymentStatus | None:
    """The deployment; one whose record is damaged is told as that, and the others as they are."""
    try:
        return _deployment(workspace, branch, agent, held, heads)
    except ObjectDamaged as error:
        said = f"{error}; {error.remedy}" if error.remedy else str(error)
        return DeploymentStatus(agent, branch.environment, DAMAGED, said, None, None, held, None)


def _deployment(
    workspace: Workspace, branch: Branch, agent: AgentName, held: Hold | None, heads: Heads | None
) -> DeploymentStatus | None:
    environment = branch.environment
    record = branch.record(agent)
    is_head = environment == workspace.head_environment
    reached = any(stage.environment == environment for stage in workspace.stages(agent.project))
    hold = held or record.hold
    wanted = _wanted(workspace, branch, agent)
    word, message = _word(workspace, branch, agent, hold, wanted)
    if word in (NO_PIN, NOT_DEPLOYED) and not reached:
        return None
    if is_head and heads is not None and hold is None:
        word, message = _followed(workspace, agent, record.served, heads, word, message)
    since = hold.since if hold else record.served.since if record.served else None
    return DeploymentStatus(agent, environment, word, message, since, record.served, hold, wanted)


def _wanted(workspace: Workspace, branch: Branch, agent: AgentName) -> Release | None:
    """The release that the pin at main's head names, where another or none is served."""
    pin = workspace.pin(branch.environment, agent)
    release = Release.of_pin(pin.model) if pin and pin.model else None
    served = branch.record(agent).served
    return None if served and served.release == release else release


def _word(
    workspace: Workspace,
    branch: Branch,
    agent: AgentName,
    hold: Hold | None,
    wanted: Release | None,
) -> tuple[str, str]:
    record, environment = branch.record(agent), branch.environment
    if hold is not None:
        waits = "; edits of its own settings wait, all but the number of pods" if record.served else ""
        return hold.reason.value, hold.message + (waits if hold.reason is HoldReason.BLOCKED else "")
    is_head = environment == workspace.head_environment
    broken = _broken(workspace, environment)
    if broken:
        return IN_PROGRESS, f"the next pass will hold it: {broken}"
    if wanted is not None:
        return IN_PROGRESS, f"{wanted} is pinned and not served yet"
    if record.served is None:
        return (NOT_DEPLOYED, "") if is_head else (NO_PIN, "")
    stages = workspace.stages(agent.project)
    if stages and environment not in {stage.environment for stage in stages} and not is_head:
        return UNREACHABLE, f"the pipeline of {agent.project} does not reach {environment}; it stays until its pin goes"
    if not is_head and not workspace.has_pin(environment, agent):
        return IN_PROGRESS, "the pin is gone; the next pass removes it"
    return record.served.status.value, ""


def _broken(workspace: Workspace, environment: str) -> str:
    wrong = errors(workspace_problems(workspace)) or errors(environment_problems(workspace, environment))
    return str(wrong[0]) if wrong else ""


def _followed(
    workspace: Workspace, agent: AgentName, served: Served | None, heads: Heads, word: str, message: str
) -> tuple[str, str]:
    """What the source says: that it is silent, or that its branch is further along."""
    document = workspace.agent(agent)
    if document is None or document.model is None:
        return word, message
    observed = heads.of(SourceRule.of(document.model))
    if observed.problem:
        kept = f"; {served.release} stays" if served else ""
        return SOURCE_UNREACHABLE, f"{observed.problem}{kept}"
    if observed.revision and (served is None or served.release.revision != observed.revision):
        return IN_PROGRESS, f"the branch is at {observed.revision[:7]}, and the next pass deploys it"
    return word, message
