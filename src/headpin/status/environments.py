"""Environments as people list them, and everything there is to say of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch, lost_branches
from headpin.releases import Hold
from headpin.releases.codec import format_time, hold_mapping
from headpin.status.matrix import DeploymentStatus, environment_names, read_status
from headpin.tree import Kind
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_layer_path, project_layer_path


@dataclass(frozen=True, slots=True)
class PinState:
    """What an agent's pin says in one environment: `word` is ``head``, ``no-pin``, ``v3``, or ``waiting``.

    `version` is the one served. `status` and `message` are those of `headpin status`.
    """

    word: str
    version: int | None = None
    status: str = ""
    message: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "state": self.word,
            "version": self.version,
            "status": self.status or None,
            "message": self.message or None,
        }


@dataclass(frozen=True, slots=True)
class EnvironmentItem:
    """One environment. `served` and `held` count deployments; `trouble` says why its branch cannot be read."""

    name: str
    display_name: str | None
    description: str | None
    tracks_head: bool
    production: bool
    suspended: str | None
    cluster: str
    namespace: str
    engine: str
    served: int
    held: int
    hold: Hold | None
    trouble: str
    pin: PinState | None = None

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "name": self.name,
            "displayName": self.display_name,
            "description": self.description,
            "tracksHead": self.tracks_head,
            "production": self.production,
            "suspended": self.suspended,
            "cluster": self.cluster or None,
            "namespace": self.namespace or None,
            "engine": self.engine or None,
            "served": self.served,
            "held": self.held,
            "hold": hold_mapping(self.hold) if self.hold else None,
            "trouble": self.trouble or None,
            **({"pin": self.pin.as_json()} if self.pin else {}),
        }


@dataclass(frozen=True, slots=True)
class EnvironmentList:
    """All environments, the head environment first, and how many the workspace's plan allows."""

    plan: str
    used: int
    allowed: int
    items: tuple[EnvironmentItem, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "plan": {"name": self.plan, "used": self.used, "allowed": self.allowed},
            "environments": [item.as_json() for item in self.items],
        }


@dataclass(frozen=True, slots=True)
class EnvironmentDetail:
    """One environment: `settings` is its document with all defaults, `counts` the deployments by status word."""

    item: EnvironmentItem
    settings: Mapping[str, Any]
    pipelines: tuple[str, ...]
    tip: str | None
    at: datetime | None
    config: str | None
    counts: Mapping[str, int]
    layers: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            **self.item.as_json(),
            "settings": dict(self.settings),
            "pipelines": list(self.pipelines),
            "branch": {"tip": self.tip, "at": format_time(self.at) if self.at else None, "config": self.config},
            "deployments": dict(self.counts),
            "ownLayers": list(self.layers),
        }


def read_environments(controller: Controller, agent: AgentName | None = None) -> EnvironmentList:
    """Every environment, and how each stands to `agent`."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    found = read_status(controller, agents=[agent], ask_sources=False).deployments if agent else ()
    states = {item.environment: item for item in found}
    lost = lost_branches(branches)
    items = tuple(
        _item(workspace, branches[name], name in lost, pin_state(workspace, name, agent, states.get(name)))
        for name in environment_names(workspace, branches)
    )
    return EnvironmentList(workspace.plan.name, len(workspace.environments), workspace.plan.environments, items)


def read_environment(controller: Controller, name: str) -> EnvironmentDetail:
    """Everything about one environment, which has a document or serves something."""
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    branch, document = branches[name], workspace.environments.get(name)
    settings = document.model.model_dump(mode="json", by_alias=True) if document and document.model else {}
    if settings:
        settings["namespace"] = settings["namespace"] or name
    layers = [project_layer_path(project, name) for project in workspace.projects]
    layers += [agent_layer_path(agent, name) for agent in workspace.all_agents()]
    return EnvironmentDetail(
        _item(workspace, branch, name in lost_branches(branches), None),
        settings,
        pipelines_of(workspace, name),
        branch.tip.id if branch.tip else None,
        branch.tip.committer.at if branch.tip else None,
        branch.state.config if branch.state else None,
        Counter(item.word for item in read_status(controller, environment=name, ask_sources=False).deployments),
        tuple(path for path in layers if workspace.tree.entry(path) is not None),
    )


def pipelines_of(workspace: Workspace, environment: str) -> tuple[str, ...]:
    """The pipelines that have the environment as a stage, by name."""
    return tuple(
        name
        for name, document in workspace.pipelines.items()
        if document.model and any(stage.environment == environment for stage in document.model.stages)
    )


def pin_state(
    workspace: Workspace, environment: str, agent: AgentName | None, status: DeploymentStatus | None
) -> PinState | None:
    """How the environment stands to the agent; None without one."""
    if agent is None:
        return None
    served = status.served if status else None
    version = served.version if served else None
    word, message = (status.word, status.message) if status else ("", "")
    if environment == workspace.head_environment:
        return PinState("head", version, word, message)
    if not workspace.has_pin(environment, agent):
        return PinState("no-pin", version, word if served else "", message)
    if status is None or served is None or status.wanted is not None:
        return PinState("waiting", version, word, message)
    return PinState(f"v{version}", version, word, message)


def served_count(branch: Branch, project: str | None = None) -> int:
    """How many deployments are served, told by the snapshots on the branch, without reading a record."""
    folders = [project] if project else [entry.name for entry in branch.tree.entries("settings")]
    return sum(entry.kind is Kind.FOLDER for folder in folders for entry in branch.tree.entries(f"settings/{folder}"))


def _item(workspace: Workspace, branch: Branch, is_lost: bool, pin: PinState | None) -> EnvironmentItem:
    document = workspace.environments.get(branch.environment)
    model = document.model if document else None
    unsettled = branch.state.unsettled if branch.state else ()
    trouble = str(branch.trouble or "")
    if is_lost:
        trouble = f"the branch env/{branch.environment} is missing; see 'headpin environment init'"
    return EnvironmentItem(
        branch.environment,
        model.display_name if model else None,
        model.description if model else None,
        branch.environment == workspace.head_environment,
        bool(model and model.production),
        model.suspended if model else None,
        model.cluster if model else "",
        (model.namespace or branch.environment) if model else "",
        model.engine if model else "",
        served_count(branch),
        sum(branch.record(agent).hold is not None for agent in unsettled),
        branch.state.hold if branch.state else None,
        trouble,
        pin,
    )
