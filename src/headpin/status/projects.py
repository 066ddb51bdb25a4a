"""Pipelines, projects and agents as people list them, and everything there is to say of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.model import Stage, conceal
from headpin.releases import Ran
from headpin.status.environments import PinState, pin_state, served_count
from headpin.status.matrix import DeploymentStatus, environment_names, read_status
from headpin.tree import Kind, walk
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_folder


@dataclass(frozen=True, slots=True)
class StageItem:
    """One stage: `gates` has the names of its gates that say anything."""

    environment: str
    required: bool
    automatic: bool
    source: str
    gates: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "environment": self.environment,
            "required": self.required,
            "promotion": {"mode": "automatic" if self.automatic else "manual", "from": self.source},
            "gates": list(self.gates),
        }


@dataclass(frozen=True, slots=True)
class PipelineItem:
    """One pipeline, and the projects that use it. Without stages where its document cannot be read."""

    name: str
    display_name: str | None
    description: str | None
    suspended: str | None
    stages: tuple[StageItem, ...]
    projects: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "name": self.name,
            "displayName": self.display_name,
            "description": self.description,
            "suspended": self.suspended,
            "stages": [stage.as_json() for stage in self.stages],
            "projects": list(self.projects),
        }


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """One project. `served` counts deployments by environment; `files` has its own documents."""

    name: str
    display_name: str | None
    description: str | None
    suspended: str | None
    pipeline: str | None
    owners: tuple[str, ...]
    agents: tuple[AgentName, ...]
    served: Mapping[str, int]
    files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "name": self.name,
            "displayName": self.display_name,
            "description": self.description,
            "suspended": self.suspended,
            "pipeline": self.pipeline,
            "owners": list(self.owners),
            "agents": [str(agent) for agent in self.agents],
            "served": dict(self.served),
            "files": list(self.files),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """An agent in one environment: its pin, and what ran there, oldest first."""

    environment: str
    is_reached: bool
    pin: PinState
    ran: tuple[Ran, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "environment": self.environment,
            "reached": self.is_reached,
            "pin": self.pin.as_json(),
            "versions": [{"version": ran.version, "release": ran.release.as_mapping()} for ran in self.ran],
        }


@dataclass(frozen=True, slots=True)
class AgentItem:
    """One agent; the source and the rest are empty where its document cannot be read."""

    name: AgentName
    display_name: str | None
    description: str | None
    repository: str
    branch: str
    path: str | None
    image: str
    places: tuple[Place, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "name": str(self.name),
            "displayName": self.display_name,
            "description": self.description,
            "source": {"repository": self.repository, "branch": self.branch, "path": self.path},
            "image": self.image,
            "environments": [place.as_json() for place in self.places],
        }


@dataclass(frozen=True, slots=True)
class AgentDetail:
    """One agent with what its list has no room for."""

    item: AgentItem
    pipeline: str | None
    owners: tuple[str, ...]
    chart: str | None
    content: Mapping[str, Any] | None
    files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            **self.item.as_json(),
            "pipeline": self.pipeline,
            "owners": list(self.owners),
            "chart": self.chart,
            "content": dict(self.content) if self.content is not None else None,
            "files": list(self.files),
        }


def read_pipelines(workspace: Workspace) -> tuple[PipelineItem, ...]:
    """Every pipeline, by name."""
    users: dict[str, list[str]] = {}
    for project in workspace.projects:
        users.setdefault(workspace.pipeline_of(project) or "", []).append(project)
    found = []
    for name, document in workspace.pipelines.items():
        model = document.model
        stages = tuple(_stages(workspace, model.stages)) if model else ()
        words = (model.display_name, model.description, model.suspended) if model else (None, None, None)
        found.append(PipelineItem(name, *words, stages, tuple(users.get(name, ()))))
    return tuple(found)


def read_projects(controller: Controller) -> tuple[ProjectItem, ...]:
    """Every project, by name."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    order = environment_names(workspace, branches)
    found = []
    for name in workspace.projects:
        document = workspace.project(name)
        model = document.model if document else None
        words = (model.display_name, model.description, model.suspended) if model else (None, None, None)
        counts = {environment: served_count(branches[environment], name) for environment in order}
        folder = f"projects/{name}"
        files = tuple(f"{folder}/{e.name}" for e in workspace.tree.entries(folder) if e.kind is not Kind.FOLDER)
        found.append(
            ProjectItem(
                name,
                *words,
                model.pipeline if model else None,
                model.owners if model else (),
                workspace.agents(name),
                {environment: count for environment, count in counts.items() if count},
                files,
            )
        )
    return tuple(found)


def read_agents(controller: Controller, project: str | None, environment: str | None) -> tuple[AgentItem, ...]:
    """Every agent by name; those of one project, and those that have a pin or are served in one environment."""
    workspace = controller.workspace()
    agents = workspace.agents(project) if project else workspace.all_agents()
    items = _items(controller, workspace, agents, controller.branches(workspace)) if agents else ()
    return tuple(item for item in items if environment is None or _is_in(item, environment))


def read_agent(controller: Controller, agent: AgentName) -> AgentDetail:
    """Everything about one agent that has a folder."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    (item,) = _items(controller, workspace, (agent,), branches, with_ran=True)
    document, project = workspace.agent(agent), workspace.project(agent.project)
    model = document.model if document else None
    pins = (f"pins/{e.name}/{agent.project}/{agent.agent}.yaml" for e in workspace.tree.entries("pins"))
    return AgentDetail(
        item,
        workspace.pipeline_of(agent.project),
        project.model.owners if project and project.model else (),
        model.chart.path if model and model.chart else None,
        model.content.model_dump(mode="json", by_alias=True) if model and model.content else None,
        (
            *(path for path, _ in walk(workspace.tree, agent_folder(agent))),
            *(path for path in pins if workspace.tree.entry(path) is not None),
        ),
    )


def _stages(workspace: Workspace, stages: tuple[Stage, ...]) -> Iterator[StageItem]:
    for position, stage in enumerate(stages):
        said = stage.gates.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        yield StageItem(
            stage.environment,
            workspace.is_required(stages, position),
            stage.promotion.mode == "automatic",
            stage.promotion.source,
            tuple(name for name in said if name != "overridable"),
        )


def _items(
    controller: Controller,
    workspace: Workspace,
    agents: Sequence[AgentName],
    branches: Mapping[str, Branch],
    *,
    with_ran: bool = False,
) -> tuple[AgentItem, ...]:
    report = read_status(controller, agents=agents, ask_sources=False)
    states = {(item.agent, item.environment): item for item in report.deployments}
    names = [environment.name for environment in report.environments]
    return tuple(_item(workspace, agent, names, states, branches if with_ran else {}) for agent in agents)


def _item(
    workspace: Workspace,
    agent: AgentName,
    environments: Sequence[str],
    states: Mapping[tuple[AgentName, str], DeploymentStatus],
    branches: Mapping[str, Branch],
) -> AgentItem:
    document = workspace.agent(agent)
    model = document.model if document else None
    reached = {stage.environment for stage in workspace.stages(agent.project)}
    places = []
    for name in environments:
        pin = pin_state(workspace, name, agent, states.get((agent, name)))
        if pin is not None and (name in reached or pin.version is not None or pin.word not in ("head", "no-pin")):
            ran = branches[name].ran(agent) if name in branches else ()
            places.append(Place(name, name in reached, pin, ran))
    return AgentItem(
        agent,
        model.display_name if model else None,
        model.description if model else None,
        conceal(model.source.repository) if model else "",
        model.source.branch if model else "",
        model.source.path if model else None,
        model.image.pattern if model else "",
        tuple(places),
    )


def _is_in(item: AgentItem, environment: str) -> bool:
    return any(
        place.environment == environment and (place.pin.version is not None or place.pin.word not in ("head", "no-pin"))
        for place in item.places
    )
