"""From documents, records and heads to the situation of one deployment."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headpin.controller.branches import Branch
from headpin.controller.follow import desired_release, first_stage_of
from headpin.controller.heads import Heads
from headpin.problems import Problem, errors
from headpin.releases import (
    Desired,
    Move,
    Nothing,
    Release,
    Situation,
    Unreadable,
    Upstream,
    Wanted,
    ran_as,
)
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_path
from headpin.workspace.naming import namesakes
from headpin.workspace.rules import agent_problems, layer_problems, pin_problems, project_problems


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all situations of a pass have in common: the workspace, every branch, the heads of sources."""

    workspace: Workspace
    branches: dict[str, Branch]
    heads: Heads
    head_move: Move


def situation_of(
    around: Surroundings, environment: str, agent: AgentName, moves: tuple[Move, ...], *, exists: bool = True
) -> Situation:
    """Everything that decides about `agent` in `environment`; `exists` is False for a deleted environment."""
    workspace, branch = around.workspace, around.branches[environment]
    tracks_head = environment == workspace.head_environment
    own = workspace.own_layers(environment, agent)
    project = errors(project_problems(workspace, agent.project))
    record = branch.record(agent)
    desired = _desired(around, environment, agent) if exists else _gone(environment)
    situation = Situation(
        environment,
        agent,
        tracks_head,
        record,
        branch.ran(agent),
        desired,
        around.head_move,
        moves,
        own=(errors(layer_problems(own)) if own else ()) + _taken(branch, agent),
        project=project,
    )
    return _with_upstream(around, situation)


def _taken(branch: Branch, agent: AgentName) -> tuple[Problem, ...]:
    """Why a newcomer cannot have its objects' name: another agent's objects of that name are served here."""
    if branch.record(agent).served is not None:
        return ()
    return tuple(
        Problem.of("HP312", agent_path(agent), f"{other} is served in {branch.environment} with the same object names")
        for other in namesakes(agent)
        if branch.record(other).served is not None
    )


def _gone(environment: str) -> Desired:
    return Nothing(f"the environment {environment} is deleted")


def _desired(around: Surroundings, environment: str, agent: AgentName) -> Desired:
    if environment == around.workspace.head_environment:
        return _desired_of_head(around, environment, agent)
    return _desired_of_pin(around.workspace, environment, agent)


def _desired_of_pin(workspace: Workspace, environment: str, agent: AgentName) -> Desired:
    pin = workspace.pin(environment, agent)
    if pin is None:
        # A pin that goes while the project cannot be read may be part of the same mistake.
        document = workspace.project(agent.project)
        problems = errors(document.problems) if document else ()
        return Nothing("the pin is gone", problems)
    wrong = errors(pin_problems(workspace, environment, agent))
    if pin.model is None:
        return Unreadable(wrong)
    release = Release.of_pin(pin.model)
    return Unreadable(wrong, release) if wrong else Wanted(release)


def _desired_of_head(around: Surroundings, environment: str, agent: AgentName) -> Desired:
    workspace = around.workspace
    if workspace.is_gone(agent):
        document = workspace.project(agent.project)
        return Nothing(f"the agent {agent} is deleted", errors(document.problems) if document else ())
    snapshot = workspace.snapshot(agent)
    wrong = errors(project_problems(workspace, agent.project)) + errors(agent_problems(workspace, agent))
    if snapshot is None:
        return Nothing(f"the agent {agent} has no agent.yaml", wrong)
    if wrong or snapshot.agent.model is None:
        return Unreadable(wrong)
    if not any(stage.environment == environment for stage in workspace.stages(agent.project)):
        return Nothing(f"the pipeline of {agent.project} does not reach {environment}")
    return desired_release(around.heads, around.branches[environment], agent, snapshot)


def _with_upstream(around: Surroundings, situation: Situation) -> Situation:
    """Reads the earlier stages only where a release is wanted that never ran here."""
    desired, served = situation.desired, situation.record.served
    if situation.tracks_head or situation.project or not isinstance(desired, Wanted):
        return situation
    if (served and served.release == desired.release) or ran_as(situation.ran, desired.release):
        return situation
    workspace = around.workspace
    stages = workspace.stages(situation.agent.project)
    position = next((n for n, stage in enumerate(stages) if stage.environment == situation.environment), None)
    if position is None:
        return replace(situation, is_reached=False)
    if position == 0:
        return replace(situation, first_stage=first_stage_of(around.heads, workspace, situation))
    return replace(
        situation,
        upstream=tuple(_upstream(around, situation.agent, number) for number in range(position - 1, -1, -1)),
        any_earlier=stages[position].promotion.source == "earlier",
    )


def _upstream(around: Surroundings, agent: AgentName, position: int) -> Upstream:
    workspace = around.workspace
    stages = workspace.stages(agent.project)
    environment = stages[position].environment
    branch = around.branches[environment]
    pin = workspace.pin(environment, agent)
    return Upstream(
        environment,
        workspace.is_required(stages, position),
        branch.state.tracks_head if branch.state else environment == workspace.head_environment,
        Release.of_pin(pin.model) if pin and pin.model else None,
        pin is not None,
        branch.record(agent),
        branch.ran(agent),
        trouble=str(branch.trouble or ""),
        is_held=bool(branch.state and branch.state.hold),
    )
