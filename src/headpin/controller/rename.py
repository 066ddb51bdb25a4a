"""The intent to rename an agent: what it may not do, and what people should know of it first."""

from __future__ import annotations

from collections.abc import Iterator

from headpin.actions import Change, renaming
from headpin.controller.act import Intent
from headpin.controller.situations import Surroundings
from headpin.errors import Refused, UsageError
from headpin.problems import errors
from headpin.releases import NEVER_RAN
from headpin.tree import OverlayTree
from headpin.types import AgentName
from headpin.workspace import Workspace, object_name
from headpin.workspace.rules import agent_problems, project_problems


def to_rename(old: AgentName, new: AgentName, note: str = "") -> Intent:
    """One commit that gives the agent `old` the name `new`; nothing that runs is touched by it."""

    def decide(around: Surroundings) -> Change:
        workspace = around.workspace
        if _is_done(workspace, old, new):
            return Change({}, f"Rename {old} to {new}", note)
        _refuse(around, old, new)
        used_up = {used for branch in around.branches.values() for used in branch.record(old).consumed}
        change = renaming(workspace, old, new, used_up, tuple(_warnings(around, old, new)), note)
        wrong = errors(agent_problems(workspace.at(OverlayTree(workspace.tree, change.files)), new))
        if wrong:
            raise Refused(str(wrong[0]), remedy="choose another name")
        return change

    return decide


def _is_done(workspace: Workspace, old: AgentName, new: AgentName) -> bool:
    document = workspace.agent(new)
    said = document.model.former_names if document and document.model else ()
    return old in said and workspace.is_gone(old)


def _refuse(around: Surroundings, old: AgentName, new: AgentName) -> None:
    workspace = around.workspace
    if old == new:
        raise UsageError(f"{old} has that name already")
    if not workspace.has_agent(old):
        raise UsageError(f"there is no agent {old}", remedy="see 'headpin status' for all agents")
    pinned = [name for name in workspace.environments if workspace.has_pin(name, new)]
    if not workspace.is_gone(new) or pinned:
        what = f"is pinned in {', '.join(pinned)}" if pinned else "is there already"
        raise Refused(f"{new} {what}", remedy="choose another name")
    if new.project not in workspace.projects:
        remedy = f"make it first: 'headpin project create {new.project} --pipeline NAME'"
        raise Refused(f"there is no project {new.project}", remedy=remedy)
    wrong = errors(agent_problems(workspace, old))
    for project in dict.fromkeys((old.project, new.project)):
        wrong += errors(project_problems(workspace, project))
    if wrong:
        raise Refused(str(wrong[0]), remedy="mend it first: 'headpin validate' tells everything that is wrong")
    for environment, branch in around.branches.items():
        if branch.trouble is None and branch.record(new).ever_ran:
            raise Refused(
                f"{new} ran in {environment} before, and two pasts are not one", remedy="choose a name that is new"
            )


def _warnings(around: Surroundings, old: AgentName, new: AgentName) -> Iterator[str]:
    workspace = around.workspace
    names = {
        object_name(branch.record(old).objects or old)
        for branch in around.branches.values()
        if branch.record(old).served is not None
    }
    if names:
        yield f"the Kubernetes objects keep their names: {', '.join(sorted(names))}"
    if old.project == new.project:
        return
    before, after = (
        [stage.environment for stage in workspace.stages(project)] for project in (old.project, new.project)
    )
    for environment in before:
        branch = around.branches.get(environment)
        has_any = branch is not None and branch.record(old) != NEVER_RAN
        if environment not in after and (has_any or workspace.has_pin(environment, old)):
            yield f"{environment} is not reached by {new.project}'s pipeline; it serves on until its pin goes"
    reached = [environment for environment in after if environment not in before]
    if reached:
        yield f"{new.project}'s pipeline reaches {', '.join(reached)} too"
    shared = [workspace.defaults(project) for project in (old.project, new.project)]
    if (shared[0].id if shared[0] else "") != (shared[1].id if shared[1] else ""):
        yield f"the shared settings of {new.project} apply from the next release on, those of {old.project} no longer"
