"""What people want of environments, pipelines, projects and agents, as decisions on whatever main is by then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from headpin.actions import (
    Change,
    NewAgent,
    NewEnvironment,
    StagePlace,
    Told,
    agent_creation,
    agent_deletion,
    environment_creation,
    environment_deletion,
    pipeline_assignment,
    pipeline_creation,
    pipeline_deletion,
    project_creation,
    project_deletion,
    prune_overrides,
    stage_addition,
    stage_removal,
)
from headpin.controller.act import Intent
from headpin.controller.branches import lost_branches
from headpin.controller.effects import removals, removals_over
from headpin.controller.evidence import evidence_tree
from headpin.controller.outside import EVIDENCE
from headpin.controller.situations import Surroundings
from headpin.errors import Refused
from headpin.problems import errors
from headpin.tree import OverlayTree
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.rules import workspace_problems

_PULL = "somebody else took it away; see 'git log'"


@dataclass(frozen=True, slots=True)
class Ending:
    """How to delete: `note` says why, `allow_prune` writes the override that more removals than limits.prune need."""

    note: str = ""
    allow_prune: bool = False


def to_create_environment(wish: NewEnvironment, note: str) -> Intent:
    """One commit that adds an environment, as a stage of its pipelines."""

    def decide(around: Surroundings) -> Change:
        branch = around.branches.get(wish.name)
        if branch is not None and branch.trouble is not None:
            raise Refused(str(branch.trouble), remedy=branch.trouble.remedy)
        change = environment_creation(around.workspace, wish, note)
        warnings = []
        if branch is not None and branch.exists:
            warnings.append(f"env/{wish.name} is there from before: its records and the numbers in them go on")
        if wish.name in lost_branches(around.branches):
            warnings.append(f"env/{wish.name} was there before and is missing; see 'headpin environment init'")
        if not wish.pipelines:
            warnings.append(
                f"no pipeline names {wish.name} yet: 'headpin pipeline add-stage PIPELINE {wish.name}' lets agents in"
            )
        return replace(change, warnings=(*change.warnings, *warnings))

    return _readable(decide)


def to_delete_environment(name: str, ending: Ending) -> Intent:
    """One commit that deletes an environment with everything that names it. Refused while a pipeline does."""

    def decide(around: Surroundings) -> Change:
        workspace = around.workspace
        if name not in workspace.environments:
            raise Refused(f"there is no environment {name} any more", remedy=_PULL)
        if name == workspace.head_environment:
            raise Refused(
                f"{name} is the head environment, and cannot be deleted",
                remedy="a workspace has one for its lifetime; pinned environments can be deleted",
            )
        _refuse_named(workspace, name)
        change = environment_deletion(workspace, name, ending.note)
        warnings = [f"the branch env/{name} stays, with its history: adding {name} again continues its records"]
        if name in lost_branches(around.branches):
            warnings = [f"the branch env/{name} is missing: nothing says what was served, and nothing of it is removed"]
        warnings += _unread(around, (name,))
        if evidence_tree(around.evidence.repository, name, around.evidence.main).entries():
            warnings.append(f"the branch {EVIDENCE}/{name} stays, with what was reported there")
        return replace(change, warnings=(*warnings, *change.warnings))

    return _pruning(_readable(decide), ending)


def to_create_pipeline(name: str, stages: Sequence[str], told: Told, note: str) -> Intent:
    """One commit that adds a pipeline."""
    return _readable(lambda around: pipeline_creation(around.workspace, name, stages, told, note))


def to_add_stage(pipeline: str, environment: str, place: StagePlace, note: str) -> Intent:
    """One commit that makes an environment a stage of a pipeline."""
    return _readable(lambda around: stage_addition(around.workspace, pipeline, environment, place, note))


def to_remove_stage(pipeline: str, environment: str, ending: Ending) -> Intent:
    """One commit that takes an environment out of a pipeline."""
    decide = _readable(lambda around: stage_removal(around.workspace, pipeline, environment, ending.note))
    return _pruning(decide, ending)


def to_delete_pipeline(name: str, note: str) -> Intent:
    """One commit that deletes a pipeline. Refused while a project uses it."""

    def decide(around: Surroundings) -> Change:
        workspace = around.workspace
        if name not in workspace.pipelines:
            raise Refused(f"there is no pipeline {name} any more", remedy=_PULL)
        users = [project for project in workspace.projects if workspace.pipeline_of(project) == name]
        if users:
            raise Refused(
                f"the pipeline {name} is used by {_listed(users, 'project')}",
                remedy=f"assign another one first: 'headpin project set-pipeline {users[0]} PIPELINE'",
            )
        unknown = [project for project in workspace.projects if workspace.pipeline_of(project) is None]
        if unknown:
            raise Refused(
                f"{_listed(unknown, 'project')} cannot be read, and may use the pipeline {name}",
                remedy="run 'headpin validate'",
            )
        return pipeline_deletion(workspace, name, note)

    return _readable(decide)


def to_create_project(name: str, pipeline: str, owners: Sequence[str], told: Told, note: str) -> Intent:
    """One commit that adds a project."""
    return _readable(lambda around: project_creation(around.workspace, name, pipeline, owners, told, note))


def to_set_pipeline(project: str, pipeline: str, ending: Ending) -> Intent:
    """One commit that assigns a project another pipeline."""

    def decide(around: Surroundings) -> Change:
        if around.workspace.project(project) is None:
            raise Refused(f"there is no project {project} any more", remedy=_PULL)
        return pipeline_assignment(around.workspace, project, pipeline, ending.note)

    return _pruning(_readable(decide), ending)


def to_delete_project(name: str, ending: Ending) -> Intent:
    """One commit that deletes a project with all its agents."""

    def decide(around: Surroundings) -> Change:
        if name not in around.workspace.projects:
            raise Refused(f"there is no project {name} any more", remedy=_PULL)
        change = project_deletion(around.workspace, name, ending.note)
        return _with_kept(around, change, name)

    return _pruning(_readable(decide), ending)


def to_create_agent(wish: NewAgent, note: str) -> Intent:
    """One commit that adds an agent to a project."""

    def decide(around: Surroundings) -> Change:
        workspace, project = around.workspace, wish.name.project
        if workspace.project(project) is None:
            raise Refused(
                f"there is no project {project}",
                remedy=f"make it first: 'headpin project create {project} --pipeline PIPELINE'",
            )
        change = agent_creation(workspace, wish, note)
        known = [name for name, branch in around.branches.items() if branch.record(wish.name).highest]
        told = f"{wish.name} ran in {', '.join(known)} before: its numbers go on there"
        return replace(change, warnings=(*change.warnings, told)) if known else change

    return _readable(decide)


def to_delete_agent(agent: AgentName, ending: Ending) -> Intent:
    """One commit that deletes an agent with everything that names it."""

    def decide(around: Surroundings) -> Change:
        if around.workspace.is_gone(agent):
            raise Refused(f"there is no agent {agent} any more", remedy=_PULL)
        change = agent_deletion(around.workspace, agent, ending.note)
        return _with_kept(around, change, agent.project, agent.agent)

    return _pruning(_readable(decide), ending)


def _readable(decide: Intent) -> Intent:
    """The intent; refused where `headpin.yaml` cannot be read: its bounds and its plan are not known then."""

    def readable(around: Surroundings) -> Change:
        wrong = errors(workspace_problems(around.workspace))
        if wrong:
            raise Refused(str(wrong[0]), remedy="run 'headpin validate'")
        return decide(around)

    return readable


def _pruning(decide: Intent, ending: Ending) -> Intent:
    """The intent with the override files that its removals need, where the person allows that."""

    def pruning(around: Surroundings) -> Change:
        change = decide(around)
        before = around.workspace
        after = before.at(OverlayTree(before.tree, change.files))
        excess = removals_over(after, removals(before, after, around.branches, change))
        if not ending.allow_prune or not excess:
            return change
        files = dict(change.files)
        for environment, agents in excess.items():
            files |= prune_overrides(environment, agents, ending.note)
        return replace(change, files=files)

    return pruning


def _refuse_named(workspace: Workspace, environment: str) -> None:
    """Raises Refused while a pipeline names the environment, or may."""
    unread = [name for name, document in workspace.pipelines.items() if document.model is None]
    if unread:
        raise Refused(
            f"{_listed(unread, 'pipeline')} cannot be read, and may name {environment}", remedy="run 'headpin validate'"
        )
    naming = [
        name
        for name, document in workspace.pipelines.items()
        if document.model and any(stage.environment == environment for stage in document.model.stages)
    ]
    if naming:
        commands = "; ".join(f"'headpin pipeline remove-stage {name} {environment}'" for name in naming[:5])
        said = f"{environment} is a stage of {_listed(naming, 'pipeline')}"
        raise Refused(said, remedy=f"take it out first: {commands}")


def _listed(names: Sequence[str], what: str) -> str:
    """`the project a`, `the projects a, b and 3 more`."""
    shown = ", ".join(names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""  # noqa: PLR2004
    return f"the {what}{'s' * (len(names) > 1)} {shown}{more}"


def _unread(around: Surroundings, environments: Iterable[str]) -> list[str]:
    """A word on branches that cannot be read, so that nobody takes what is told for all that there is."""
    found = ((name, around.branches[name].trouble) for name in environments)
    return [f"what {name} serves is not known: {trouble}" for name, trouble in found if trouble is not None]


def _with_kept(around: Surroundings, change: Change, project: str, agent: str | None = None) -> Change:
    """The change, with a word on what stays on branches that no commit of main touches."""
    what = f"{project}/{agent or ''}".rstrip("/")
    records, reports = [], []
    for name, branch in around.branches.items():
        if any(agent in (None, found.agent) for found in branch.agents(project)):
            records.append(f"env/{name}")
        tree = evidence_tree(around.evidence.repository, name, around.evidence.main)
        if any(tree.entry(f"{kind}/{what}") is not None for kind in ("checks", "health")):
            reports.append(f"{EVIDENCE}/{name}")
    warnings = _unread(around, around.branches)
    if records:
        warnings.append(f"the records of {what} stay on {', '.join(records)}: adding it again continues its numbers")
    if reports:
        warnings.append(f"what was reported of {what} stays on {', '.join(reports)}")
    return replace(change, warnings=(*warnings, *change.warnings))
