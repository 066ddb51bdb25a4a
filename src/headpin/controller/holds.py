"""Why a whole environment is left as it is: its documents, its name, its removals, or main's history."""

from __future__ import annotations

from collections.abc import Sequence

from headpin.controller.branches import Branch
from headpin.controller.context import PassContext, now_on
from headpin.errors import HistoryMissing
from headpin.git import Relation, Repository
from headpin.model import Override
from headpin.problems import errors
from headpin.releases import Hold, HoldReason
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace
from headpin.workspace.rules import change_problems, environment_problems, plan_problems, workspace_problems


def environment_hold(context: PassContext, branch: Branch) -> Hold | None:
    message = held_by_documents(context.workspace, branch)
    return hold_of(context, branch, message) if message else None


def held_by_documents(workspace: Workspace, branch: Branch) -> str:
    """What in the documents holds the whole environment; "" where nothing does."""
    message, state, environment = documents_hold(workspace, branch), branch.state, branch.environment
    if not message and state is not None:
        changed = change_problems(workspace, environment, state.tracks_head)
        message = str(changed[0]) if changed else ""
    if not message and state is not None and environment not in workspace.environments:
        message = _still_named(workspace, environment)
    return message


def documents_hold(workspace: Workspace, branch: Branch) -> str:
    """What is wrong with the documents that all deployments of the environment need."""
    wrong = errors(workspace_problems(workspace)) or errors(environment_problems(workspace, branch.environment))
    if not wrong and not branch.exists:
        wrong = errors(plan_problems(workspace))
    return str(wrong[0]) if wrong else ""


def _still_named(workspace: Workspace, environment: str) -> str:
    """Why a deleted environment cannot be pruned yet."""
    for name, pipeline in workspace.pipelines.items():
        stages = pipeline.model.stages if pipeline.model else ()
        if pipeline.model is None or any(stage.environment == environment for stage in stages):
            return f"environments/{environment}.yaml is gone, but the pipeline {name} still names it; bring it back"
    if workspace.tree.entry(f"pins/{environment}") is not None:
        return f"environments/{environment}.yaml is gone, but pins/{environment}/ is not; delete the pins too"
    return ""


def hold_of(context: PassContext, branch: Branch, message: str) -> Hold:
    before = branch.state.hold if branch.state else None
    if before is not None and before.message == message:
        return before
    return Hold(HoldReason.INVALID, message, before.since if before else now_on(context, branch), context.head.id)


def lost_revision(context: PassContext) -> Revision | None:
    """The newest revision that some environment was made from and that main has lost, unless an override accepts that.

    It holds every environment: what main says now may be as wrong as what it forgot. Accepting the newest accepts
    what came before it, which other environments were made from.
    """
    repository, newest = context.repository, None
    for base in {context.around.branches[name].base for name in context.workspace.environments}:
        if not base or _accepts_history(context, base):
            continue
        try:
            is_lost = repository.relate(base, context.head.id).relation is Relation.REWRITTEN
        except HistoryMissing:
            continue  # that environment's own trouble
        if is_lost and (newest is None or is_part_of(repository, newest, base)):
            newest = base
    return newest


def is_part_of(repository: Repository, base: Revision, lost: str) -> bool:
    """Whether `base` is in the history of `lost`, as far as that is here."""
    if base == lost or not repository.has(lost):
        return base == lost
    try:
        return repository.is_ancestor(base, Revision(lost))
    except HistoryMissing:
        return False


def _accepts_history(context: PassContext, base: Revision) -> bool:
    lost = (override.lost for override in _overrides(context.workspace) if override.allow == "history")
    return any(is_part_of(context.repository, base, revision) for revision in lost if revision)


def _overrides(workspace: Workspace) -> list[Override]:
    return [document.model for document in workspace.overrides.values() if document.model is not None]


def allowed_removals(workspace: Workspace, environment: str) -> frozenset[AgentName]:
    names = (
        AgentName.parse(agent)
        for override in _overrides(workspace)
        if override.allow == "prune" and override.environment == environment
        for agent in override.agents
    )
    return frozenset(name for name in names if name is not None)


def prune_message(environment: str, excess: Sequence[AgentName], context: PassContext) -> str:
    shown = ", ".join(str(agent) for agent in excess[:5]) + (", …" if len(excess) > 5 else "")  # noqa: PLR2004
    return (
        f"more than limits.prune ({context.workspace.limits.prune}) deployments would be removed from {environment}: "
        f"{shown}; allow them with a reviewed file overrides/<name>.yaml: allow: prune, environment: {environment}, "
        "agents: […], reason: …"
    )
