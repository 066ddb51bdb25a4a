"""From documents, records and heads to the situation of one deployment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headpin.controller.branches import Branch
from headpin.controller.conditions import conditions_of, with_files
from headpin.controller.evidence import EvidenceReader
from headpin.controller.follow import desired_release, first_stage_of
from headpin.controller.heads import Heads
from headpin.controller.images import Images, resolved, resolved_before, told
from headpin.controller.pasts import claimed, is_another
from headpin.images import digest_of
from headpin.model import Stage
from headpin.problems import Problem, errors
from headpin.releases import (
    NO_EVIDENCE,
    Desired,
    Evidence,
    Imageless,
    Move,
    Nothing,
    Release,
    Situation,
    Unreadable,
    Upstream,
    Wanted,
    ran_as,
)
from headpin.sources import SourceRule
from headpin.types import AgentName
from headpin.workspace import Snapshot, Workspace
from headpin.workspace.layout import agent_path
from headpin.workspace.naming import namesakes, object_name
from headpin.workspace.rules import agent_problems, layer_problems, pin_problems, project_problems


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all situations of a pass have in common: documents, branches, heads of sources, evidence, the present."""

    workspace: Workspace
    branches: dict[str, Branch]
    heads: Heads
    head_move: Move
    evidence: EvidenceReader
    now: datetime
    images: Images


def situation_of(
    around: Surroundings,
    environment: str,
    agent: AgentName,
    moves: tuple[Move, ...],
    *,
    exists: bool = True,
    claimed_by: AgentName | None = None,
) -> Situation:
    """Everything that decides about `agent` in `environment`; `exists` is False for a deleted environment.

    `claimed_by` is another agent that says that it was this one, which is still there.
    """
    workspace, branch = around.workspace, around.branches[environment]
    tracks_head = environment == workspace.head_environment
    own = workspace.own_layers(environment, agent)
    project = errors(project_problems(workspace, agent.project))
    record = branch.record(agent)
    desired = _desired(around, environment, agent) if exists else _gone(environment)
    if claimed_by is not None and is_another(workspace, environment, agent, branch.tree):
        desired = Unreadable((claimed(agent, claimed_by),))
    objects = _objects(around, environment, agent)
    situation = Situation(
        environment,
        agent,
        tracks_head,
        record,
        branch.ran(agent),
        desired,
        around.head_move,
        moves,
        own=(errors(layer_problems(own)) if own else ()) + _taken(branch, agent, objects),
        project=project,
        conditions=conditions_of(workspace, environment, agent, own, project, around.now),
        objects=objects,
    )
    return _with_upstream(around, replace(situation, subject=_subject(around, situation)))


def _subject(around: Surroundings, situation: Situation) -> str:
    """The subject of the source commit that the head environment wants."""
    if not situation.tracks_head or not isinstance(situation.desired, Wanted):
        return ""
    document = around.workspace.agent(situation.agent)
    if document is None or document.model is None:
        return ""
    return around.heads.subject(SourceRule.of(document.model), situation.desired.release.revision)


def _objects(around: Surroundings, environment: str, agent: AgentName) -> AgentName | None:
    """Whose name the objects have, where it is not the agent's: a renamed agent's first, for as long as it runs.

    What is deployed here for the first time takes the name that it has in the stage before, so that a service is
    called the same everywhere.
    """
    record = around.branches[environment].record(agent)
    if record.ever_ran:
        return record.objects
    stages = around.workspace.stages(agent.project)
    for stage in reversed(stages[: _position(stages, environment) or 0]):
        before = around.branches[stage.environment].record(agent) if stage.environment in around.branches else None
        if before is not None and before.served is not None:
            return before.objects
    return None


def towards(around: Surroundings, situation: Situation, release: Release, move: Move | None = None) -> Situation:
    """The situation if `move` made main's head want `release` here: what is asked before a promotion is made."""
    record = replace(situation.record, wanted=None)
    moves = (move,) if move else ()
    return _with_upstream(around, replace(situation, desired=Wanted(release), moves=moves, record=record))


def _taken(branch: Branch, agent: AgentName, objects: AgentName | None) -> tuple[Problem, ...]:
    """Why a newcomer cannot go on: it is not clear whose past it has, or its objects' name is another agent's here."""
    if branch.record(agent).served is not None:
        return ()
    past, name = branch.past(agent), objects or agent
    doubt = (past.problem,) if past is not None and past.problem is not None else ()
    others = {name, *namesakes(name), *branch.renamed} - {agent, *(past.names if past else ())}
    return doubt + tuple(
        Problem.of("HP312", agent_path(agent), f"{other} is served in {branch.environment} with the same object names")
        for other in sorted(others)
        if (record := branch.record(other)).served is not None
        and object_name(record.objects or other) == object_name(name)
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
    return _with_image(around, environment, agent, snapshot)


def _with_image(around: Surroundings, environment: str, agent: AgentName, snapshot: Snapshot) -> Desired:
    """What the source wants, its image with a digest where the agent asks for one."""
    branch = around.branches[environment]
    desired = desired_release(around.heads, branch, agent, snapshot)
    tag = _unresolved(desired, snapshot)
    if tag is None or not isinstance(desired, Wanted):
        return desired
    image = resolved_before(tag, branch.ran(agent))
    if image is None:
        answer = around.images.of(tag)
        image = resolved(tag, answer)
        if image is None:
            return Imageless(told(tag, answer))
    return Wanted(replace(desired.release, image=image))


def look_up_images(around: Surroundings, environment: str, agents: Sequence[AgentName]) -> None:
    """Asks the registries for all images that the head environment wants and that never ran there, side by side."""
    branch = around.branches[environment]
    found = set()
    for agent in agents:
        snapshot = around.workspace.snapshot(agent)
        if snapshot is None or not snapshot.is_valid or snapshot.agent.model is None:
            continue
        if snapshot.agent.model.image.resolve != "digest":
            continue
        tag = _unresolved(desired_release(around.heads, branch, agent, snapshot), snapshot)
        if tag is not None and resolved_before(tag, branch.ran(agent)) is None:
            found.add(tag)
    around.images.look_up(found)


def _unresolved(desired: Desired, snapshot: Snapshot) -> str | None:
    """The image of what is wanted where a digest is still to be put behind it."""
    model = snapshot.agent.model
    if not isinstance(desired, Wanted) or model is None or model.image.resolve != "digest":
        return None
    image = desired.release.image
    return None if digest_of(image) else image


def _with_upstream(around: Surroundings, situation: Situation) -> Situation:
    """Reads the earlier stages, and what concerns the release, only where one is wanted that is no rollback."""
    desired, record = situation.desired, situation.record
    if situation.tracks_head or situation.project or not isinstance(desired, Wanted):
        return situation
    before = ran_as(situation.ran, desired.release)
    if before is not None and before.version <= record.last_version:
        return situation
    situation = replace(
        situation,
        conditions=with_files(
            situation.conditions,
            around.workspace,
            situation.environment,
            situation.agent,
            desired.release,
            record.consumed,
        ),
    )
    stages = around.workspace.stages(situation.agent.project)
    position = _position(stages, situation.environment)
    if position is None:
        return replace(situation, is_reached=False)
    if position == 0:
        return replace(situation, first_stage=first_stage_of(around.heads, around.images, around.workspace, situation))
    return replace(
        situation,
        upstream=upstream_of(around, situation, desired.release),
        any_earlier=stages[position].promotion.source == "earlier",
    )


def stages_before(around: Surroundings, agent: AgentName, environment: str) -> tuple[tuple[Upstream, ...], bool]:
    """The stages before `environment` as they stand, nearest first, and whether any of them may supply a release."""
    stages = around.workspace.stages(agent.project)
    position = _position(stages, environment)
    if position is None:
        return (), False
    before = tuple(_stage(around, agent, number) for number in range(position - 1, -1, -1))
    return before, stages[position].promotion.source == "earlier"


def upstream_of(around: Surroundings, situation: Situation, release: Release | None = None) -> tuple[Upstream, ...]:
    """The earlier stages, nearest first, with what is known there of `release`."""
    before, _ = stages_before(around, situation.agent, situation.environment)
    return tuple(
        replace(stage, evidence=_evidence(around, around.branches[stage.environment], situation, release))
        for stage in before
    )


def _position(stages: Sequence[Stage], environment: str) -> int | None:
    return next((number for number, stage in enumerate(stages) if stage.environment == environment), None)


def _stage(around: Surroundings, agent: AgentName, position: int) -> Upstream:
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


def _evidence(around: Surroundings, branch: Branch, situation: Situation, release: Release | None) -> Evidence:
    """What is known of the release in an earlier stage, where a gate asks for it and it ever ran there."""
    gates = situation.conditions.gates
    is_asked = gates.health or gates.soak or gates.checks
    if release is None or not is_asked or branch.trouble or ran_as(branch.ran(situation.agent), release) is None:
        return NO_EVIDENCE
    document = around.workspace.environments.get(branch.environment)
    reports = bool(document and document.model and document.model.health == "reports")
    return around.evidence.of(branch, situation.agent, release, reports=reports, now=around.now)
