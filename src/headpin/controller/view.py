"""Which deployments of an environment a pass looks at, and the pin moves that they are told by."""

from __future__ import annotations

from dataclasses import dataclass

from headpin.controller.branches import Branch
from headpin.controller.context import PassContext
from headpin.controller.fold import Moves, fold_pins
from headpin.controller.heads import Follows
from headpin.controller.holds import lost_revision
from headpin.errors import PermanentError
from headpin.git import CommitInfo, Relation
from headpin.types import AgentName, Revision
from headpin.workspace import Scope, changed_documents, scope_of


@dataclass(frozen=True, slots=True)
class View:
    """What to look at: pin moves since the revision folded last, and the scope of the documents' changes.

    `commits` are those of main since `base`, oldest first. `accepted`: main's history was rewritten and an override
    accepts it, which is to be written down.
    """

    moves: Moves
    scope: Scope
    full: bool
    accepted: bool = False
    base: Revision | None = None
    commits: tuple[CommitInfo, ...] = ()


def look(context: PassContext, branch: Branch) -> View | str:
    """What to look at; or why main's history cannot be followed."""
    base = branch.base
    if not base:
        return View({}, Scope(), True)
    found = context.repository.relate(base, context.head.id)
    if found.relation is Relation.BEHIND:
        raise PermanentError(
            f"main is at {context.head.id} here, and env/{branch.environment} was made from a later one, {base}",
            remedy="bring main up to date with 'git pull'; one that was reset on purpose needs a new commit on top",
        )
    lost = lost_revision(context)
    if lost is not None:
        return (
            f"main's history was rewritten: {lost} is not in it any more; bring it back, or accept the new "
            f'history with a reviewed file overrides/<name>.yaml: allow: history, lost: "{lost}", reason: …'
        )
    if found.relation is Relation.REWRITTEN:
        return View({}, Scope(), True, accepted=True)
    moves = fold_pins(context.repository, context.reader, base, found.commits)
    before = context.repository.tree(base)
    paths = changed_documents(before, context.workspace.tree)
    scope = scope_of(paths, context.workspace.head_environment)
    return View(moves, scope, context.full, base=base, commits=found.commits)


def candidates(context: PassContext, branch: Branch, view: View) -> list[AgentName]:
    """The deployments to look at, in the order of their names."""
    workspace, environment = context.workspace, branch.environment
    is_head = environment == workspace.head_environment
    unsettled = branch.state.unsettled if branch.state else ()
    if environment not in workspace.environments:
        return sorted(branch.agents())
    # A pin that moved and came back, or came and went, is in no difference of trees, but it is in history.
    moved = set(view.moves.get(environment, ()))
    if view.full or view.scope.covers_all(environment, is_head):
        named = workspace.all_agents() if is_head else workspace.pins(environment)
        return sorted({*named, *branch.agents(), *moved})
    found = set(view.scope.agents_in(environment)) | set(unsettled) | moved
    for project in view.scope.projects_in(environment):
        named = workspace.agents(project) if is_head else ()
        found |= {*named, *branch.agents(project), *(a for a in workspace.pins(environment) if a.project == project)}
    if is_head:
        found |= {item.agent for item in context.followed if item.agent not in found and _moved(context, branch, item)}
    return sorted(found)


def _moved(context: PassContext, branch: Branch, item: Follows) -> bool:
    """Whether the source of an agent whose documents did not change is elsewhere by now."""
    observed = context.around.heads.of(item.rule)
    if branch.heads is not None and item.rule in branch.heads:
        return observed != branch.heads[item.rule]
    served = branch.record(item.agent).served
    if served is None or observed.revision is None:
        return served is None
    return (observed.revision, observed.content) != (served.release.revision, served.release.content)
