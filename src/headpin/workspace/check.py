"""Every rule over every document: what `headpin validate` tells.

Owns which documents there are and in which order they are asked; the rules themselves are those of a pass, in
`headpin.workspace.rules`. A pass never looks at everything, and never calls this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headpin.problems import Problem
from headpin.tree import Entry, Kind, Tree
from headpin.types import AgentName
from headpin.workspace import layout
from headpin.workspace.chart_rules import settings_without_place
from headpin.workspace.former_rules import KeptNames, former_problems
from headpin.workspace.gate_rules import approval_problems
from headpin.workspace.layout import Place, classify
from headpin.workspace.rules import (
    FILES_PER_DOCUMENT,
    agent_problems,
    change_problems,
    did_you_mean,
    environment_problems,
    head_problems,
    is_usable,
    override_problems,
    pin_problems,
    pipeline_problems,
    plan_problems,
    project_problems,
    too_many_documents,
    workspace_problems,
)
from headpin.workspace.settings import resolve
from headpin.workspace.snapshot import Snapshot
from headpin.workspace.workspace import Workspace

InUse = Mapping[tuple[str, AgentName], tuple[Snapshot, ...]]
"""By environment and agent, the snapshots that are served and pinned."""


def check(
    workspace: Workspace,
    tracked_head_so_far: Mapping[str, bool] | None = None,
    in_use: InUse | None = None,
    kept_names: KeptNames | None = None,
) -> tuple[Problem, ...]:
    """Every problem of every document, sorted by place.

    `tracked_head_so_far` tells of environments that run already whether they track head, for the rules
    about a change; `in_use` which snapshots own layers have to fit besides main's own; `kept_names` which agents serve
    objects under another name.
    """
    places, found = _scan(workspace)
    if any(problem.code == "HP112" for problem in found):
        return tuple(found)
    found += workspace_problems(workspace) + plan_problems(workspace) + head_problems(workspace)
    for name in workspace.environments:
        found += environment_problems(workspace, name)
    asked = (
        (pipeline_problems, workspace.pipelines),
        (override_problems, workspace.overrides),
        (approval_problems, workspace.approvals),
    )
    for ask, names in asked:
        found += [problem for name in names for problem in ask(workspace, name)]
    for name, tracked_head in (tracked_head_so_far or {}).items():
        found += change_problems(workspace, name, tracked_head)
    for defaults in (workspace.defaults(), *(workspace.defaults(project) for project in workspace.projects)):
        found += defaults.problems if defaults else ()
    for project in workspace.projects:
        found += _own_problems(project_problems(workspace, project), f"projects/{project}/")
    for agent in workspace.all_agents():
        found += agent_problems(workspace, agent)
    found += former_problems(workspace, kept_names or {})
    for place in places:
        found += _place_problems(workspace, place, in_use or {})
    return tuple(sorted(set(found)))


def _scan(workspace: Workspace) -> tuple[list[Place], list[Problem]]:
    """Every document's place, and everything that stands where it should not."""
    places: list[Place] = []
    found = layout.odd_names(workspace.tree)
    bound = workspace.limits.documents
    seen = (item for top in layout.READ_FOLDERS for item in _entries(workspace.tree, top))
    for number, (path, entry) in enumerate(seen):
        place = _stands(path, entry)
        if isinstance(place, Problem):
            found.append(place)
        elif place is not None:
            places.append(place)
        if len(places) > bound or number > FILES_PER_DOCUMENT * bound:
            return places, [too_many_documents(workspace)]
    return places, found


def _entries(tree: Tree, folder: str, depth: int = 1) -> Iterator[tuple[str, Entry]]:
    """Everything below one of headpin's folders, folders included, as deep as headpin looks."""
    for entry in tree.entries(folder):
        path = f"{folder}/{entry.name}"
        yield path, entry
        if entry.kind is Kind.FOLDER and depth < layout.MAX_DEPTH:
            yield from _entries(tree, path, depth + 1)


def _stands(path: str, entry: Entry) -> Place | Problem | None:
    """What the entry is in the layout; a Problem where something else belongs there."""
    place = classify(path)
    if entry.kind is Kind.FILE:
        if place is None and layout.needs_folder(path):
            return Problem.of("HP101", path, "a file stands where headpin has a folder")
        return place
    if entry.kind is Kind.FOLDER and not isinstance(place, Place):
        return None
    if isinstance(place, Place) or entry.kind in (Kind.LINK, Kind.SUBMODULE):
        return Problem.of("HP101", path, f"a {entry.kind.value} stands in one of headpin's folders")
    return place


def _own_problems(problems: tuple[Problem, ...], folder: str) -> list[Problem]:
    """Those of the folder itself; a broken pipeline is told once, at its own place."""
    return [problem for problem in problems if problem.path.startswith(folder)]


def _place_problems(workspace: Workspace, place: Place, in_use: InUse) -> list[Problem]:
    if place.kind == "pin":
        return [
            *pin_problems(workspace, place.environment, place.agent_name),
            *_unreachable(workspace, place, layout.pin_path(place.environment, place.agent_name)),
        ]
    if place.kind == "own-layer":
        return _layer_place_problems(workspace, place)
    if place.kind == "agent":
        return [
            problem
            for environment in workspace.environments
            for problem in _misfits(workspace, environment, place.agent_name, in_use)
        ]
    return []


def _layer_place_problems(workspace: Workspace, place: Place) -> list[Problem]:
    path = (
        layout.agent_layer_path(place.agent_name, place.environment)
        if place.agent
        else layout.project_layer_path(place.project, place.environment)
    )
    if place.environment not in workspace.environments:
        remedy = did_you_mean(place.environment, workspace.environments)
        return [Problem.of("HP301", path, f"there is no environment {place.environment}", remedy=remedy)]
    agent = AgentName(place.project, place.agent or "any")
    own = workspace.own_layers(place.environment, agent)
    document = (own.agent if place.agent else own.project) if own else None
    return [*(document.problems if document else ()), *_unreachable(workspace, place, path)]


def _unreachable(workspace: Workspace, place: Place, path: str) -> list[Problem]:
    stages = workspace.stages(place.project)
    if not stages or place.environment not in workspace.environments:
        return []
    if any(stage.environment == place.environment for stage in stages):
        return []
    said = f"the pipeline {workspace.pipeline_of(place.project)} of {place.project} does not reach {place.environment}"
    return [Problem.of("HP321", path, said)]


def _misfits(workspace: Workspace, environment: str, agent: AgentName, in_use: InUse) -> list[Problem]:
    """Own layers against the shared layers that they are joined with.

    An error with those that are served or pinned, a warning with those at head that are to come.
    """
    own = workspace.own_layers(environment, agent)
    if own is None or not is_usable(own):
        return []
    used = in_use.get((environment, agent), ())
    found = [problem for snapshot in used for problem in resolve(snapshot, own)[1]]
    snapshot = workspace.snapshot(agent)
    if snapshot is None or not snapshot.is_valid:
        return found
    if not any(stage.environment == environment for stage in workspace.stages(agent.project)):
        return found
    effective, to_come = resolve(snapshot, own)
    placeless = list(settings_without_place(snapshot, own, effective))
    if any(snapshot.id == other.id for other in used):
        return [*found, *placeless]
    if environment == workspace.head_environment:
        return [*to_come, *placeless]
    told = ((problem, f"in {environment}: {problem.message}") for problem in to_come)
    warned = [Problem.of("HP322", p.path, said, line=p.line, column=p.column) for p, said in told]
    return [*found, *warned, *placeless]
