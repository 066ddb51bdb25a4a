"""New environments, pipelines, projects and agents, and changes of a pipeline's stages: files that people could write.

What is there already is edited byte for byte; what is new looks as `headpin init` writes it. Must never judge:
whether the change is allowed is asked of the workspace with the change laid over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headpin.actions.change import Change
from headpin.actions.documents import new_document
from headpin.errors import Refused
from headpin.tree import Tree
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_path, environment_path, pipeline_path, project_path
from headpin.yaml import DELETE, Value, edit, insert


@dataclass(frozen=True, slots=True)
class Told:
    """What people call a thing, and what it is for."""

    display_name: str = ""
    description: str = ""

    def as_mapping(self) -> dict[str, Value | None]:
        """The keys of a document."""
        return {"displayName": self.display_name, "description": self.description}


@dataclass(frozen=True, slots=True)
class StagePlace:
    """Where in a pipeline a stage goes: after or before another one; last where neither is said."""

    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """An environment to be made, and the pipelines that it becomes a stage of."""

    name: str
    told: Told = Told()
    production: bool = False
    namespace: str = ""
    cluster: str = ""
    engine: str = ""
    pipelines: tuple[str, ...] = ()
    place: StagePlace = StagePlace()


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent to be made. `ports` are names and numbers."""

    name: AgentName
    repository: str
    image: str
    told: Told = Told()
    branch: str = ""
    path: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)


def environment_creation(workspace: Workspace, wish: NewEnvironment, note: str) -> Change:
    """The commit that adds an environment, and makes it a stage where the wish says so."""
    path = environment_path(wish.name)
    values: dict[str, Value | None] = {
        **wish.told.as_mapping(),
        "displayName": wish.told.display_name or wish.name.replace("-", " ").capitalize(),
        "production": wish.production,
        "cluster": wish.cluster,
        "namespace": wish.namespace or wish.name,
        "engine": wish.engine,
    }
    files: dict[str, bytes | None] = {path: new_document(workspace.tree, path, "environment", values)}
    for pipeline in dict.fromkeys(wish.pipelines):
        files |= with_stage(workspace, pipeline, wish.name, wish.place)
    return _creation(workspace.tree, files, "environment", wish.name, note)


def pipeline_creation(workspace: Workspace, name: str, stages: Sequence[str], told: Told, note: str) -> Change:
    """The commit that adds a pipeline."""
    path = pipeline_path(name)
    values = {**told.as_mapping(), "stages": [{"environment": stage} for stage in stages]}
    return _creation(
        workspace.tree, {path: new_document(workspace.tree, path, "pipeline", values)}, "pipeline", name, note
    )


def project_creation(
    workspace: Workspace, name: str, pipeline: str, owners: Sequence[str], told: Told, note: str
) -> Change:
    """The commit that adds a project without agents."""
    path = project_path(name)
    values = {**told.as_mapping(), "pipeline": pipeline, "owners": list(owners)}
    return _creation(
        workspace.tree, {path: new_document(workspace.tree, path, "project", values)}, "project", name, note
    )


def agent_creation(workspace: Workspace, wish: NewAgent, note: str) -> Change:
    """The commit that adds an agent to a project."""
    path = agent_path(wish.name)
    source: dict[str, Value] = {"repository": wish.repository}
    source |= {key: value for key, value in (("branch", wish.branch), ("path", wish.path)) if value}
    values: dict[str, Value | None] = {
        **wish.told.as_mapping(),
        "source": source,
        "image": {"pattern": wish.image},
        "ports": [{"name": name, "port": number} for name, number in wish.ports.items()],
    }
    files: dict[str, bytes | None] = {path: new_document(workspace.tree, path, "agent", values)}
    return _creation(workspace.tree, files, "agent", str(wish.name), note)


def stage_addition(workspace: Workspace, pipeline: str, environment: str, place: StagePlace, note: str) -> Change:
    """The commit that makes an environment a stage of a pipeline; no change where it is one."""
    files = with_stage(workspace, pipeline, environment, place)
    return Change(files, f"Add {environment} to the pipeline {pipeline}", note, structure=f"pipeline {pipeline}")


def stage_removal(workspace: Workspace, pipeline: str, environment: str, note: str) -> Change:
    """The commit that takes an environment out of a pipeline."""
    path, stages = pipeline_path(pipeline), _stages(workspace, pipeline)
    gone = [number for number, stage in enumerate(stages) if stage == environment]
    if not gone:
        raise _no_stage(pipeline, environment, stages)
    files: dict[str, bytes | None] = {
        path: edit(workspace.tree.read(path), {("stages", number): DELETE for number in gone})
    }
    return Change(files, f"Take {environment} out of the pipeline {pipeline}", note, structure=f"pipeline {pipeline}")


def pipeline_assignment(workspace: Workspace, project: str, pipeline: str, note: str) -> Change:
    """The commit that assigns a project another pipeline."""
    path = project_path(project)
    before = workspace.tree.read(path)
    after = edit(before, {("pipeline",): pipeline})
    files: dict[str, bytes | None] = {} if after == before else {path: after}
    return Change(files, f"Assign {project} the pipeline {pipeline}", note, structure=f"project {project}")


def with_stage(workspace: Workspace, pipeline: str, environment: str, place: StagePlace) -> dict[str, bytes | None]:
    """The pipeline with one stage more; nothing where it is one already.

    Raises Refused where the place is beside none of its stages, or where the environment stands in another one.
    """
    path, stages = pipeline_path(pipeline), _stages(workspace, pipeline)
    beside = place.after or place.before
    if beside and beside not in stages:
        raise _no_stage(pipeline, beside, stages)
    if environment in stages:
        others = [stage for stage in stages if stage != environment]
        if beside and (beside == environment or stages.index(environment) != _position(others, place)):
            raise Refused(
                f"{environment} is a stage of the pipeline {pipeline} in another place: {' → '.join(stages)}",
                remedy=f"take it out first: 'headpin pipeline remove-stage {pipeline} {environment}'",
            )
        return {}
    position = _position(stages, place)
    return {path: insert(workspace.tree.read(path), ("stages",), position, {"environment": environment})}


def _position(stages: Sequence[str], place: StagePlace) -> int:
    if place.after:
        return stages.index(place.after) + 1
    return stages.index(place.before) if place.before else len(stages)


def _no_stage(pipeline: str, environment: str, stages: Sequence[str]) -> Refused:
    return Refused(f"{environment} is no stage of the pipeline {pipeline}", remedy=f"its stages: {' → '.join(stages)}")


def _stages(workspace: Workspace, pipeline: str) -> tuple[str, ...]:
    document = workspace.pipelines.get(pipeline)
    if document is None or document.model is None:
        said = f"the pipeline {pipeline} {'is not there' if document is None else 'cannot be read'}"
        raise Refused(said, remedy="see 'headpin pipeline list' and 'headpin validate'")
    return tuple(stage.environment for stage in document.model.stages)


def _creation(tree: Tree, files: dict[str, bytes | None], kind: str, name: str, note: str) -> Change:
    """The commit; no change where all of it is there already. Raises Refused where something else is."""
    first = next(iter(files))
    if tree.entry(first) is not None:
        if tree.read(first) != files[first]:
            raise Refused(
                f"there is {'an' if kind[0] in 'ae' else 'a'} {kind} {name} already",
                remedy=f"see 'headpin {kind} show {name}'",
            )
        files = {path: data for path, data in files.items() if tree.entry(path) is None or tree.read(path) != data}
    return Change(files, f"Create the {kind} {name}", note, structure=f"{kind} {name}")
