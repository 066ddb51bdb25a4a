"""From settled records and rendered files to one commit on an environment's branch, or to none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from headpin.controller.branches import TREE_TRAILER, Branch
from headpin.controller.context import PassContext, Quiet, now_on
from headpin.controller.messages import author_of, commit_message
from headpin.controller.past import links
from headpin.controller.realise import Realised
from headpin.controller.report import DeploymentReport, EnvironmentReport
from headpin.git import Changes, Folder, Signature, TreeRef
from headpin.releases import Action, Unobserved
from headpin.releases.environment import FILE, EnvironmentState, format_environment
from headpin.rendering import KUSTOMIZATION, is_kustomized, kustomization
from headpin.tree import Kind, walk
from headpin.types import AgentName, Revision
from headpin.workspace import Snapshot
from headpin.workspace.snapshot import API_FILE, API_TEXT, CHART_FOLDER


def file_changes(context: PassContext, agent: AgentName, realised: Realised) -> Mapping[str, TreeRef | Folder | None]:
    """Manifests and both snapshots of a deployment, where they change."""
    place = f"{agent.project}/{agent.agent}"
    if realised.decision.action is Action.REMOVE:
        return {f"{folder}/{place}": None for folder in ("manifests", "settings", "content")}
    if realised.files is None or realised.snapshot is None:
        return {}
    files = {path: text.encode() for path, text in realised.files.items()}
    return {
        f"manifests/{place}": Folder(files),
        f"settings/{place}": _settings(context, realised.snapshot),
        f"content/{place}": _content(context, realised),
    }


def _settings(context: PassContext, snapshot: Snapshot) -> TreeRef | Folder:
    if context.repository.has(snapshot.id):
        return TreeRef(snapshot.id)
    chart = {CHART_FOLDER: TreeRef(snapshot.chart.id)} if snapshot.chart else {}
    return Folder({**snapshot.files, API_FILE: API_TEXT, **chart})


def _content(context: PassContext, realised: Realised) -> TreeRef | Folder | None:
    release, tree = realised.decision.release, realised.content
    if release is None or release.content is None or tree is None:
        return None
    if context.repository.has(release.content):
        return TreeRef(release.content)
    return Folder({path: tree.read(path) for path, _ in walk(tree)})


def kustomizations(branch: Branch, changes: Changes) -> Mapping[str, bytes | None]:
    """The list of agents in each project that got one or lost one; without charts, which kustomize cannot read."""
    touched: dict[str, dict[str, bool]] = {}
    for path, change in changes.items():
        top, _, place = path.partition("/")
        project, _, agent = place.partition("/")
        if top == "manifests":
            listed = isinstance(change, Folder) and is_kustomized(change.files)
            touched.setdefault(project, {})[agent] = listed
    files: dict[str, bytes | None] = {}
    for project, agents in touched.items():
        there = {name for name in _kustomized(branch, project) if name not in agents}
        there |= {name for name, listed in agents.items() if listed}
        path = f"manifests/{project}/{KUSTOMIZATION}"
        files[path] = kustomization(tuple(there)).encode() if there else None
    return files


def _kustomized(branch: Branch, project: str) -> Iterator[str]:
    """The agents whose folders on the branch kustomize can read."""
    for entry in branch.tree.entries(f"manifests/{project}"):
        if entry.kind is Kind.FOLDER:
            folder = f"manifests/{project}/{entry.name}"
            if is_kustomized({found.name: found for found in branch.tree.entries(folder)}):
                yield entry.name


def publish(
    context: PassContext, branch: Branch, changes: Changes, reports: Sequence[DeploymentReport], accepted: bool
) -> EnvironmentReport:
    before = branch.state
    after = _state_after(context, branch, reports)
    is_own_tip = branch.tip is None or branch.own is None or branch.tip.id == branch.own.id
    unchanged = before is not None and replace(after, config=before.config, folded=before.folded) == before
    commit = None
    changed = tuple(report for report in reports if report.changes)
    if (changes or accepted or not unchanged or not is_own_tip) and not context.dry_run:
        message = commit_message(branch.environment, context.head.id, changed)
        commit = commit_branch(context, branch, changes, after, message, changed)
    elif branch.own is not None and not context.dry_run:
        is_head = branch.environment == context.workspace.head_environment
        heads = context.around.heads.observations(context.followed) if is_head else {}
        context.quiet[branch.environment] = Quiet(branch.own.id, context.head.id, heads)
    return EnvironmentReport(branch.environment, tuple(reports), commit=commit)


def _state_after(context: PassContext, branch: Branch, reports: Sequence[DeploymentReport]) -> EnvironmentState:
    looked_at = {report.agent for report in reports} | {report.was for report in reports if report.was}
    before = branch.state
    unsettled = {agent for agent in (before.unsettled if before else ()) if agent not in looked_at}
    renamed = {agent for agent in (before.renamed if before else ()) if agent not in looked_at}
    renamed |= {report.agent for report in reports if report.record.formerly or report.record.objects}
    unsettled |= {report.agent for report in reports if report.record.is_unsettled or _waits(report)}
    is_head = branch.environment == context.workspace.head_environment
    tracks = (
        is_head
        if branch.environment in context.workspace.environments
        else bool(branch.state and branch.state.tracks_head)
    )
    branches = {
        name for name, other in context.around.branches.items() if other.state is not None or name == branch.environment
    }
    # A branch that is missing stays listed: it has to be found again, not made anew.
    branches |= set(branch.state.branches) if branch.state else set()
    return EnvironmentState(
        branch.environment,
        tracks,
        context.head.id,
        context.head.id,
        None,
        tuple(sorted(unsettled)),
        tuple(sorted(branches)) if tracks else (),
        tuple(sorted(renamed)),
    )


def _waits(report: DeploymentReport) -> bool:
    """Whether something is served while nobody can tell what is wanted: it is asked again, not forgotten."""
    return isinstance(report.situation.desired, Unobserved) and report.record.served is not None


def commit_branch(
    context: PassContext,
    branch: Branch,
    changes: Changes,
    state: EnvironmentState,
    message: str,
    reports: Sequence[DeploymentReport],
) -> Revision:
    repository = context.repository
    base = branch.own.tree if branch.own else None
    context.reached(f"before-write:{branch.environment}")
    tree = repository.writer.apply(base, {**changes, FILE: format_environment(state).encode()})
    now = now_on(context, branch)
    headpin = Signature(*context.committer, now)
    author = author_of(reports, context.head, headpin)
    parents = [branch.tip.id] if branch.tip else []
    trailers = f"{links(repository, branch)}{TREE_TRAILER}: {tree}\n"
    revision = repository.commit_tree(tree, parents, f"{message}{trailers}", author, headpin)
    context.reached(f"before-move:{branch.environment}")
    repository.move_ref(branch.ref, branch.expected, revision, f"headpin: {message.splitlines()[0]}")
    context.reached(f"after-move:{branch.environment}")
    branch.own = branch.tip = repository.commit(revision)
    branch.expected = revision
    branch.tree = repository.tree(revision)
    branch.state = state
    branch.forget()
    return revision
