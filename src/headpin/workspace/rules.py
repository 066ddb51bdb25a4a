"""The rules across documents, each asked by the scope that it holds.

`headpin validate` asks all of them; a pass asks those of the deployments that it looks at. Both get the
same answers from the same functions, which is what makes "what holds what" one thing.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator

from headpin.model import Pipeline
from headpin.problems import Problem, errors
from headpin.tree import Kind, Tree
from headpin.types import AgentName
from headpin.workspace import layout
from headpin.workspace.chart_rules import chart_problems
from headpin.workspace.documents import Document
from headpin.workspace.gate_rules import gate_override_problems, stage_gate_problems
from headpin.workspace.naming import namesakes, object_name
from headpin.workspace.settings import OwnLayers
from headpin.workspace.snapshot import Snapshot
from headpin.workspace.workspace import Workspace

FILES_PER_DOCUMENT = 2
"""Folders, READMEs and the like: more of them than this is no workspace, and walking them may never end."""

_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")

TEMPLATE_SETS = frozenset({1})
"""The numbers of the built-in template sets that this headpin has."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy that names the closest of `known`, or "" when none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def workspace_problems(workspace: Workspace) -> tuple[Problem, ...]:
    """What holds everything: an unreadable or missing `headpin.yaml`."""
    document = workspace.document
    if document is None:
        return (Problem.of("HP113", layout.WORKSPACE, "there is no headpin.yaml", remedy="run 'headpin init'"),)
    return (*document.problems, *_hidden_folders(workspace.tree), *_size_problems(workspace))


def _size_problems(workspace: Workspace) -> Iterator[Problem]:
    """More documents than the workspace's own bound: nothing is read of them."""
    documents, entries = workspace.size
    if documents > workspace.limits.documents or entries > FILES_PER_DOCUMENT * workspace.limits.documents:
        yield too_many_documents(workspace)


def too_many_documents(workspace: Workspace) -> Problem:
    """More documents, or files, than the workspace says that it has."""
    bound = workspace.limits.documents
    said = f"more than {bound:,} documents, or {FILES_PER_DOCUMENT * bound:,} files and folders among them"
    return Problem.of("HP112", layout.WORKSPACE, said)


def _hidden_folders(tree: Tree) -> Iterator[Problem]:
    """Something else in the place of a folder that everything depends on: its documents are not deleted."""
    for top in ("environments", "pipelines"):
        entry = tree.entry(top)
        if entry is not None and entry.kind is not Kind.FOLDER:
            yield Problem.of("HP101", top, f"a {entry.kind.value} stands where headpin has a folder")


def plan_problems(workspace: Workspace) -> tuple[Problem, ...]:
    """Too many environments: new ones are not made."""
    count, plan = len(workspace.environments), workspace.plan
    if count <= plan.environments or workspace.document is None:
        return ()
    said = f"{count} environments, and the plan '{plan.name}' of this workspace allows {plan.environments}"
    return (workspace.document.problem("HP310", ("plan", "environments"), said),)


def environment_problems(workspace: Workspace, name: str) -> tuple[Problem, ...]:
    """What holds one environment."""
    document = workspace.environments.get(name)
    if document is None:
        return ()
    return (*document.problems, *_environment_rules(workspace, name))


def _environment_rules(workspace: Workspace, name: str) -> Iterator[Problem]:
    document = workspace.environments[name]
    model = document.model
    if model is None:
        return
    if model.templates not in TEMPLATE_SETS:
        said = f"this headpin has no template set {model.templates}; it has {sorted(TEMPLATE_SETS)}"
        yield document.problem("HP206", ("templates",), said)
    others = {other: found for other, found in workspace.environments.items() if other != name and found.model}
    for other, found in others.items():
        if model.tracks and found.model and found.model.tracks:
            yield document.problem("HP306", ("tracks",), f"{other} tracks head too")
        if found.model and _where(other, found.model) == _where(name, model):
            said = f"{other} has the same cluster {model.cluster} and namespace {model.namespace or name}"
            yield document.problem("HP309", ("namespace",), said)


def _where(name: str, model: object) -> tuple[str, str]:
    return getattr(model, "cluster", ""), getattr(model, "namespace", None) or name


def head_problems(workspace: Workspace) -> tuple[Problem, ...]:
    """Whether any environment tracks head at all."""
    documents = workspace.environments.values()
    if any(document.model is None or document.model.tracks for document in documents):
        return ()
    return (Problem.of("HP305", "environments", "no environment tracks head"),)


def change_problems(workspace: Workspace, environment: str, tracked_head: bool) -> tuple[Problem, ...]:
    """What an environment may not become: the one that tracked head so far does so for the workspace's lifetime."""
    document = workspace.environments.get(environment)
    if document is None:
        said = f"{environment} is the head environment, and cannot be deleted"
        return (Problem.of("HP314", layout.environment_path(environment), said),) if tracked_head else ()
    if document.model is None or bool(document.model.tracks) == tracked_head:
        return ()
    was = "the head environment" if tracked_head else "pinned"
    return (document.problem("HP314", ("tracks",), f"{environment} was {was} so far"),)


def override_problems(workspace: Workspace, name: str) -> tuple[Problem, ...]:
    """What is wrong with one override, or that it allows what nobody asks for."""
    document = workspace.overrides[name]
    model = document.model
    if model is None or model.environment is None:
        return document.problems
    if model.allow == "adopt":
        return document.problems
    if model.allow == "gates":
        return (*document.problems, *gate_override_problems(workspace, document, model))
    is_head = model.environment == workspace.head_environment
    found = list(document.problems)
    for number, text in enumerate(model.agents):
        agent = AgentName.parse(text)
        if agent and (workspace.has_agent(agent) if is_head else workspace.has_pin(model.environment, agent)):
            said = f"{agent} still {'has a document' if is_head else 'is pinned'}: nothing of it is removed"
            found.append(document.problem("HP323", ("agents", number), said))
    return tuple(found)


def pipeline_problems(workspace: Workspace, name: str) -> tuple[Problem, ...]:
    """What is wrong with one pipeline."""
    document = workspace.pipelines.get(name)
    return () if document is None else (*document.problems, *_pipeline_rules(workspace, name, document))


def _pipeline_rules(workspace: Workspace, name: str, document: Document[Pipeline]) -> Iterator[Problem]:
    stages = document.model.stages if document.model else ()
    seen: set[str] = set()
    produced = False
    for number, stage in enumerate(stages):
        at = ("stages", number, "environment")
        environment = workspace.environments.get(stage.environment)
        if environment is None:
            remedy = did_you_mean(stage.environment, workspace.environments)
            yield document.problem("HP301", at, f"there is no environment {stage.environment}", remedy)
        elif environment.model is not None:
            if environment.model.tracks and number > 0:
                yield document.problem("HP307", at, f"{stage.environment} tracks head and stands at stage {number + 1}")
            if produced and not environment.model.production:
                yield document.problem("HP320", at, f"{stage.environment} comes after a production environment")
            produced = produced or environment.model.production
        if stage.environment in seen:
            yield document.problem("HP311", at, f"{stage.environment} is a stage already")
        seen.add(stage.environment)
    yield from stage_gate_problems(workspace, document)
    cycle = _cycle_through(workspace, name)
    if cycle:
        yield document.problem("HP308", ("stages",), f"the pipelines together lead {' → '.join(cycle)}")


def _cycle_through(workspace: Workspace, pipeline: str) -> tuple[str, ...]:
    """A way from one of the pipeline's steps back to where it starts, over all pipelines; () when there is none."""
    after: dict[str, set[str]] = {}
    for document in workspace.pipelines.values():
        stages = document.model.stages if document.model else ()
        for one, other in itertools.pairwise(stages):
            if one.environment != other.environment:
                after.setdefault(one.environment, set()).add(other.environment)
    own = workspace.pipelines[pipeline].model
    stages = own.stages if own else ()
    for one, other in itertools.pairwise(stages):
        way = _way(after, other.environment, one.environment)
        if way:
            return (one.environment, *way)
    return ()


def _way(after: dict[str, set[str]], start: str, goal: str) -> tuple[str, ...]:
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        for following in sorted(after.get(way[-1], set()) - seen):
            seen.add(following)
            ways.append((*way, following))
    return ()


def project_problems(workspace: Workspace, project: str) -> tuple[Problem, ...]:
    """What holds the head environment and moves to new releases for a whole project."""
    document = workspace.project(project)
    path = layout.project_path(project)
    if document is None:
        if not workspace.tree.entries(f"projects/{project}"):
            return (Problem.of("HP303", path, f"there is no project {project}"),)
        return (Problem.of("HP113", path, f"the project {project} has no project.yaml"),)
    if document.model is None:
        return document.problems
    name = document.model.pipeline
    if name not in workspace.pipelines:
        remedy = did_you_mean(name, workspace.pipelines)
        return (document.problem("HP302", ("pipeline",), f"there is no pipeline {name}", remedy),)
    return (*document.problems, *errors(pipeline_problems(workspace, name)))


def agent_problems(workspace: Workspace, agent: AgentName) -> tuple[Problem, ...]:
    """What holds an agent in the head environment: its shared layers at head."""
    snapshot = workspace.snapshot(agent)
    if snapshot is None:
        if workspace.is_gone(agent):
            return ()
        return (Problem.of("HP113", layout.agent_path(agent), f"the agent {agent} has no agent.yaml"),)
    return (*snapshot.problems, *_agent_rules(workspace, agent, snapshot))


def _agent_rules(workspace: Workspace, agent: AgentName, snapshot: Snapshot) -> Iterator[Problem]:
    document = snapshot.agent
    for other in namesakes(agent):
        if workspace.has_agent(other):
            said = f"{other} renders objects named {object_name(agent)} too"
            yield Problem.of("HP312", document.path, said)
    if document.model is None:
        return
    former = document.model.former_names
    if agent in former or len(set(former)) < len(former):
        yield document.problem("HP362", ("formerly",), f"{agent} was {', then '.join(map(str, former))}")
    yield from chart_problems(workspace, agent, snapshot)
    source = document.model.source
    if source.repository != ".":
        if _PASSWORD.search(source.repository):
            yield document.problem("HP324", ("source", "repository"), "the address holds a password")
        return
    if source.branch != "main":
        said = f"an agent of this repository follows the branch that people merge to, not {source.branch}"
        yield document.problem("HP204", ("source", "branch"), said, "delete the key")
    if source.path is None:
        said = "an agent of this repository names the folder that is its own"
        yield document.problem("HP202", ("source",), said, "add path: under source:")
    elif source.path.split("/")[0].lower() in layout.OWN_FOLDERS:
        yield document.problem("HP313", ("source", "path"), f"{source.path} is in a folder that headpin reads")


def layer_problems(own: OwnLayers) -> tuple[Problem, ...]:
    """What is wrong in the own layers of one deployment, the environment's document apart."""
    return tuple(problem for layer in (own.project, own.agent) if layer for problem in layer.problems)


def pin_problems(workspace: Workspace, environment: str, agent: AgentName) -> tuple[Problem, ...]:
    """What is wrong with one pin."""
    document = workspace.pin(environment, agent)
    if document is None:
        return ()
    return (*document.problems, *_pin_rules(workspace, environment, agent, document.path))


def _pin_rules(workspace: Workspace, environment: str, agent: AgentName, path: str) -> Iterator[Problem]:
    found = workspace.environments.get(environment)
    if found is None:
        remedy = did_you_mean(environment, workspace.environments)
        yield Problem.of("HP301", path, f"there is no environment {environment}", remedy=remedy)
    elif found.model and found.model.tracks:
        yield Problem.of("HP304", path, f"{environment} follows branches")
    if not workspace.has_agent(agent):
        known = (str(name) for name in workspace.all_agents())
        remedy = did_you_mean(str(agent), known)
        yield Problem.of("HP303", path, f"there is no agent {agent}", remedy=remedy)


def is_usable(own: OwnLayers) -> bool:
    """Whether all own layers can be read."""
    return (
        own.environment.model is not None
        and (own.project is None or own.project.model is not None)
        and (own.agent is None or own.agent.model is not None)
    )
