"""One environment in a pass: which deployments to look at, what to do with each, and the commit.

Everything is decided and rendered before anything is written; one commit, moved by one compare-and-swap,
publishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headpin.controller.branches import Branch
from headpin.controller.fold import Moves, fold_pins, move_by
from headpin.controller.messages import author_of, commit_message, plain_message
from headpin.controller.realise import Realised, Realiser
from headpin.controller.report import DeploymentReport, EnvironmentReport
from headpin.controller.situations import Surroundings, situation_of
from headpin.git import Changes, CommitInfo, Folder, Relation, Repository, Signature, TreeRef
from headpin.model import Override
from headpin.problems import Problem, errors
from headpin.releases import (
    Action,
    EnvironmentHold,
    HoldReason,
    Move,
    Planned,
    decide,
    prune_excess,
    settle,
)
from headpin.releases.environment import FILE, EnvironmentState, format_environment
from headpin.rendering import KUSTOMIZATION, kustomization
from headpin.tree import Kind, changed_paths
from headpin.types import AgentName, Revision
from headpin.workspace import DocumentReader, Scope, Workspace, scope_of
from headpin.workspace.rules import environment_problems, plan_problems, workspace_problems
from headpin.workspace.snapshot import API_FILE, API_TEXT


Progress = Callable[[str, int, int], None]
"""Takes what is done now, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class PassContext:
    """What every environment of a pass has in common. `head` is main's head; `full` looks at everything.

    `quiet` remembers, by environment, up to which revision of main its branch's tip needs nothing: main
    may go on for years without concerning an environment. Without it the same is found again.
    """

    repository: Repository
    reader: DocumentReader
    workspace: Workspace
    head: CommitInfo
    around: Surroundings
    realiser: Realiser
    now: datetime
    committer: tuple[str, str]
    full: bool
    dry_run: bool
    quiet: dict[str, tuple[Revision, Revision]]
    progress: Progress


@dataclass(frozen=True, slots=True)
class _View:
    """What to look at: pin moves since the revision folded last, and the scope of the documents' changes."""

    moves: Moves
    scope: Scope
    full: bool


def reconcile_environment(context: PassContext, environment: str) -> EnvironmentReport:
    """Brings one environment's branch to what main's head wants.

    Raises what `headpin.errors` says: Conflict when the branch moved meanwhile.
    """
    branch = context.around.branches[environment]
    if branch.trouble is not None:
        raise branch.trouble
    exists = environment in context.workspace.environments
    hold = _environment_hold(context, environment, branch)
    view = _view(context, branch) if hold is None else None
    if isinstance(view, str):
        hold = _hold(context, branch, view)
    if hold is not None or view is None or isinstance(view, str):
        return _keep_all(context, branch, hold)
    moves = view.moves.get(environment, {})
    situations = (
        situation_of(context.around, environment, agent, tuple(moves.get(agent, ())), exists=exists)
        for agent in _candidates(context, branch, view)
    )
    planned = tuple(Planned(situation, decide(situation)) for situation in situations)
    excess = prune_excess(planned, context.workspace.limits.prune, _allowed_removals(context.workspace, environment))
    if excess:
        return _keep_all(context, branch, _hold(context, branch, _prune_message(environment, excess, context)))
    return _carry_out(context, branch, planned)


def start_branches(context: PassContext, environments: Iterable[str], head_state: EnvironmentState | None) -> None:
    """Gives every new environment its branch, before the head environment lists it.

    In this order a crash leaves a branch that nothing lists yet, never a listed one that is missing.
    """
    for environment in environments:
        branch = context.around.branches[environment]
        tracks_head = environment == context.workspace.head_environment
        if branch.exists or branch.trouble or tracks_head or _documents_hold(context, environment):
            continue
        # In the first pass of all, nothing was observed before: the pins that are there wait for their decision.
        folded = head_state.folded if head_state and head_state.folded else context.head.id
        waiting = context.workspace.pins(environment) if folded == context.head.id else ()
        branch.state = EnvironmentState(environment, tracks_head, context.head.id, folded, unsettled=waiting)
        if not context.dry_run:
            _commit(
                context,
                branch,
                {},
                branch.state,
                plain_message(f"Start the environment {environment}", context.head.id),
                (),
            )


def _environment_hold(context: PassContext, environment: str, branch: Branch) -> EnvironmentHold | None:
    message = _documents_hold(context, environment)
    workspace = context.workspace
    document = workspace.environments.get(environment)
    if not message and document is None and branch.state is not None:
        message = _still_named(workspace, environment, branch.state.tracks_head)
    if not message and branch.state is not None and document is not None:
        tracks = environment == workspace.head_environment
        if branch.state.tracks_head != tracks:
            message = str(
                Problem.of(
                    "HP314",
                    document.path,
                    f"{environment} was {'the head environment' if not tracks else 'pinned'} so far",
                )
            )
    return _hold(context, branch, message) if message else None


def _documents_hold(context: PassContext, environment: str) -> str:
    """What is wrong with the documents that all deployments of the environment need."""
    workspace = context.workspace
    wrong = errors(workspace_problems(workspace)) or errors(environment_problems(workspace, environment))
    if not wrong and not context.around.branches[environment].exists:
        wrong = errors(plan_problems(workspace))
    return str(wrong[0]) if wrong else ""


def _still_named(workspace: Workspace, environment: str, tracks_head: bool) -> str:
    """Why a deleted environment cannot be pruned, or not yet."""
    if tracks_head:
        return f"environments/{environment}.yaml is gone, and the head environment cannot be deleted; bring it back"
    for name, pipeline in workspace.pipelines.items():
        stages = pipeline.model.stages if pipeline.model else ()
        if pipeline.model is None or any(stage.environment == environment for stage in stages):
            return f"environments/{environment}.yaml is gone, but the pipeline {name} still names it; bring it back"
    if workspace.tree.entry(f"pins/{environment}") is not None:
        return f"environments/{environment}.yaml is gone, but pins/{environment}/ is not; delete the pins too"
    return ""


def _hold(context: PassContext, branch: Branch, message: str) -> EnvironmentHold:
    before = branch.state.hold if branch.state else None
    if before is not None and before.message == message:
        return before
    return EnvironmentHold(
        HoldReason.INVALID, message, before.since if before else _now(context, branch), context.head.id
    )


def _view(context: PassContext, branch: Branch) -> _View | str:
    """What to look at; or why main's history cannot be followed."""
    base = branch.base
    if not base:
        return _View({}, Scope(), True)
    found = context.repository.relate(base, context.head.id)
    commits = found.commits
    if found.relation is Relation.REWRITTEN:
        if not _accepts_history(context.workspace, base):
            return (
                f"main's history was rewritten: {base} is not in it any more; bring it back, or accept the new "
                f'history with a reviewed file overrides/<name>.yaml: allow: history, lost: "{base}", reason: …'
            )
        return _View({}, Scope(), True)
    if found.relation is Relation.MERGED_BACKWARDS:
        commits = (context.head,)
    moves = fold_pins(context.repository, context.reader, base, commits)
    before = context.repository.tree(base)
    paths = [change.path for change in changed_paths(before, context.workspace.tree)]
    return _View(moves, scope_of(paths, context.workspace.head_environment), context.full)


def _accepts_history(workspace: Workspace, lost: Revision) -> bool:
    return any(override.allow == "history" and override.lost == lost for override in _overrides(workspace))


def _overrides(workspace: Workspace) -> list[Override]:
    return [document.model for document in workspace.overrides.values() if document.model is not None]


def _allowed_removals(workspace: Workspace, environment: str) -> frozenset[AgentName]:
    names = (
        AgentName.parse(agent)
        for override in _overrides(workspace)
        if override.allow == "prune" and override.environment == environment
        for agent in override.agents
    )
    return frozenset(name for name in names if name is not None)


def _prune_message(environment: str, excess: Sequence[AgentName], context: PassContext) -> str:
    shown = ", ".join(str(agent) for agent in excess[:5]) + (", …" if len(excess) > 5 else "")  # noqa: PLR2004
    return (
        f"more than limits.prune ({context.workspace.limits.prune}) deployments would be removed from {environment}: "
        f"{shown}; allow them with a reviewed file overrides/<name>.yaml: allow: prune, environment: {environment}, "
        "agents: […], reason: …"
    )


def _candidates(context: PassContext, branch: Branch, view: _View) -> list[AgentName]:
    """The deployments to look at, in the order of their names."""
    workspace, environment = context.workspace, branch.environment
    is_head = environment == workspace.head_environment
    unsettled = branch.state.unsettled if branch.state else ()
    if environment not in workspace.environments:
        return sorted(branch.agents())
    if view.full or view.scope.covers_all(environment, is_head):
        named = workspace.all_agents() if is_head else workspace.pins(environment)
        return sorted({*named, *branch.agents()})
    # A pin that moved and came back is in no difference of trees, but it is in history.
    found = set(view.scope.agents_in(environment)) | set(unsettled) | set(view.moves.get(environment, ()))
    for project in view.scope.projects_in(environment):
        named = workspace.agents(project) if is_head else ()
        found |= {*named, *branch.agents(project), *(a for a in workspace.pins(environment) if a.project == project)}
    if is_head:
        found |= {agent for agent in workspace.all_agents() if agent not in found and _moved(context, branch, agent)}
    return sorted(found)


def _moved(context: PassContext, branch: Branch, agent: AgentName) -> bool:
    """Whether the source of an agent whose documents did not change is elsewhere by now."""
    document = context.workspace.agent(agent)
    served = branch.record(agent).served
    if document is None or document.model is None or served is None:
        return True
    observed = context.around.heads.of(document.model).revision
    return observed is not None and observed != served.release.revision


def _keep_all(context: PassContext, branch: Branch, hold: EnvironmentHold | None) -> EnvironmentReport:
    """Leaves every deployment of the environment as it is, and says why once."""
    state = branch.state
    if state is None or state.hold == hold:
        return EnvironmentReport(branch.environment, hold=hold)
    after = replace(state, config=context.head.id, hold=hold)
    subject = f"Hold the environment {branch.environment}" if hold else f"Release the environment {branch.environment}"
    commit = None
    if not context.dry_run:
        commit = _commit(context, branch, {}, after, plain_message(subject, context.head.id), ())
    return EnvironmentReport(branch.environment, hold=hold, commit=commit)


def _carry_out(context: PassContext, branch: Branch, planned: Sequence[Planned]) -> EnvironmentReport:
    now = _now(context, branch)
    changes: dict[str, bytes | TreeRef | Folder | None] = {}
    reports: list[DeploymentReport] = []
    for number, item in enumerate(planned):
        context.progress(f"rendering {branch.environment}", number, len(planned))
        realised = context.realiser.realise(item.situation, item.decision)
        settled = settle(item.situation, realised.decision, realised.rendered, now, context.head.id)
        is_changed = settled.record != item.situation.record or bool(settled.events) or realised.files is not None
        if is_changed:
            changes |= branch.changes(item.situation.agent, settled)
            changes |= _file_changes(context, item.situation.agent, realised)
            branch.settle(item.situation.agent, settled)
        reports.append(
            DeploymentReport(
                item.situation.agent, item.situation, realised.decision, settled.record, settled.events, is_changed
            )
        )
    changes |= _kustomizations(branch, changes)
    return _publish(context, branch, changes, reports)


def _file_changes(context: PassContext, agent: AgentName, realised: Realised) -> Mapping[str, TreeRef | Folder | None]:
    place = f"{agent.project}/{agent.agent}"
    if realised.decision.action is Action.REMOVE:
        return {f"manifests/{place}": None, f"settings/{place}": None}
    if realised.files is None or realised.snapshot is None:
        return {}
    files = {name: text.encode() for name, text in realised.files.items()}
    settings: TreeRef | Folder = TreeRef(realised.snapshot.id)
    if not context.repository.has(realised.snapshot.id):
        settings = Folder({**realised.snapshot.files, API_FILE: API_TEXT})
    return {f"manifests/{place}": Folder(files), f"settings/{place}": settings}


def _kustomizations(branch: Branch, changes: Changes) -> Mapping[str, bytes | None]:
    """The list of agents in each project that got one or lost one."""
    touched: dict[str, dict[str, bool]] = {}
    for path, change in changes.items():
        top, _, place = path.partition("/")
        project, _, agent = place.partition("/")
        if top == "manifests":
            touched.setdefault(project, {})[agent] = change is not None
    files: dict[str, bytes | None] = {}
    for project, agents in touched.items():
        there = {entry.name for entry in branch.tree.entries(f"manifests/{project}") if entry.kind is Kind.FOLDER}
        there = (there | {name for name, stays in agents.items() if stays}) - {
            name for name, stays in agents.items() if not stays
        }
        path = f"manifests/{project}/{KUSTOMIZATION}"
        files[path] = kustomization(tuple(there)).encode() if there else None
    return files


def _publish(
    context: PassContext, branch: Branch, changes: Changes, reports: Sequence[DeploymentReport]
) -> EnvironmentReport:
    before = branch.state
    after = _state_after(context, branch, reports)
    is_own_tip = branch.tip is None or branch.own is None or branch.tip.id == branch.own.id
    unchanged = before is not None and replace(after, config=before.config, folded=before.folded) == before
    commit = None
    changed = tuple(report for report in reports if report.changes)
    if (changes or not unchanged or not is_own_tip) and not context.dry_run:
        message = commit_message(branch.environment, context.head.id, changed)
        commit = _commit(context, branch, changes, after, message, changed)
    elif branch.own is not None and not context.dry_run:
        context.quiet[branch.environment] = (branch.own.id, context.head.id)
    return EnvironmentReport(branch.environment, tuple(reports), commit=commit)


def _state_after(context: PassContext, branch: Branch, reports: Sequence[DeploymentReport]) -> EnvironmentState:
    looked_at = {report.agent for report in reports}
    before = branch.state.unsettled if branch.state else ()
    unsettled = {agent for agent in before if agent not in looked_at}
    unsettled |= {report.agent for report in reports if report.record.is_unsettled}
    is_head = branch.environment == context.workspace.head_environment
    tracks = (
        is_head
        if branch.environment in context.workspace.environments
        else bool(branch.state and branch.state.tracks_head)
    )
    branches = {
        name for name, other in context.around.branches.items() if other.state is not None or name == branch.environment
    }
    return EnvironmentState(
        branch.environment,
        tracks,
        context.head.id,
        context.head.id,
        None,
        tuple(sorted(unsettled)),
        tuple(sorted(branches)) if tracks else (),
    )


def _commit(
    context: PassContext,
    branch: Branch,
    changes: Changes,
    state: EnvironmentState,
    message: str,
    reports: Sequence[DeploymentReport],
) -> Revision:
    repository = context.repository
    base = branch.own.tree if branch.own else None
    tree = repository.writer.apply(base, {**changes, FILE: format_environment(state).encode()})
    now = _now(context, branch)
    headpin = Signature(*context.committer, now)
    author = author_of(reports, context.head, headpin)
    parents = [branch.tip.id] if branch.tip else []
    revision = repository.commit_tree(tree, parents, message, author, headpin)
    repository.move_ref(branch.ref, branch.expected, revision, f"headpin: {message.splitlines()[0]}")
    branch.own = branch.tip = repository.commit(revision)
    branch.expected = revision
    branch.tree = repository.tree(revision)
    branch.state = state
    branch.settled.clear()
    return revision


def _now(context: PassContext, branch: Branch) -> datetime:
    """The present, but never before the branch's last commit: a clock that jumps back does not reorder history."""
    return max(context.now, branch.tip.committer.at) if branch.tip else context.now


def head_move(head: CommitInfo) -> Move:
    """The move that main's head makes where no single commit explains a change."""
    return move_by(head, None)
