"""Deleting environments, pipelines, projects and agents, with everything in the repository that names them.

A deletion that left a pin, an own layer or an approval behind would be a problem of the next validation, or hold the
removal. What cannot be read cannot be known to name anything, and stays. Must never judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

from headpin.actions.change import Change
from headpin.actions.documents import gone, gone_below
from headpin.tree import Kind, Tree
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import (
    agent_folder,
    agent_layer_path,
    environment_path,
    pin_path,
    pipeline_path,
    project_layer_path,
)
from headpin.yaml import DELETE, Path, dump, edit
from headpin.yaml import Change as Edited

NOT_BACK = (
    "'git revert' of this commit brings documents and pins back, and the same releases under the same numbers with "
    "them. It does not bring back what is lost meanwhile: data of what ran, its tokens, the state of its objects"
)

_AGENTS_A_FILE = 500
_OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")


def environment_deletion(workspace: Workspace, name: str, note: str) -> Change:
    """The commit that deletes an environment: its document, its pins, own layers, approvals and overrides."""
    tree = workspace.tree
    layers = [project_layer_path(project, name) for project in workspace.projects]
    layers += [agent_layer_path(agent, name) for agent in workspace.all_agents()]
    files = gone(tree, (environment_path(name), *layers)) | gone_below(tree, f"pins/{name}")
    for override, overrides in workspace.overrides.items():
        model = overrides.model
        if model and model.environment == name and model.allow != "prune":  # that one may be what lets it go
            files[f"overrides/{override}.yaml"] = None
    for approval, approvals in workspace.approvals.items():
        if approvals.model and approvals.model.environment == name:
            files[f"approvals/{approval}.yaml"] = None
    owned = tuple(_owned(tree, (f"environments/{name}.", f"pins/{name}/", f"/{name}.yaml")))
    return _deletion(files, "environment", name, note, owned)


def pipeline_deletion(workspace: Workspace, name: str, note: str) -> Change:
    """The commit that deletes a pipeline."""
    files = gone(workspace.tree, [pipeline_path(name)])
    return Change(files, f"Delete the pipeline {name}", note, structure=f"pipeline {name}")


def project_deletion(workspace: Workspace, name: str, note: str) -> Change:
    """The commit that deletes a project with all its agents."""
    tree = workspace.tree
    pins = (f"pins/{entry.name}/{name}" for entry in tree.entries("pins") if entry.kind is Kind.FOLDER)
    files = gone_below(tree, f"projects/{name}", *pins)
    files |= _without_agents(workspace, lambda agent: agent.project == name)
    owned = tuple(_owned(tree, (f"projects/{name}/",)))
    return _deletion(files, "project", name, note, owned)


def agent_deletion(workspace: Workspace, agent: AgentName, note: str) -> Change:
    """The commit that deletes an agent: its folder, its pins in every environment, and what names it."""
    tree = workspace.tree
    pins = [pin_path(entry.name, agent) for entry in tree.entries("pins") if entry.kind is Kind.FOLDER]
    files = gone_below(tree, agent_folder(agent)) | gone(tree, pins)
    files |= _without_agents(workspace, agent.__eq__)
    owned = tuple(_owned(tree, (f"{agent_folder(agent)}/",)))
    return _deletion(files, "agent", str(agent), note, owned)


def prune_overrides(environment: str, agents: Sequence[AgentName], reason: str) -> dict[str, bytes | None]:
    """The reviewed files that let more deployments of an environment go than limits.prune allows."""
    files: dict[str, bytes | None] = {}
    for start in range(0, len(agents), _AGENTS_A_FILE):
        named = [str(agent) for agent in agents[start : start + _AGENTS_A_FILE]]
        text = dump({"allow": "prune", "environment": environment, "agents": named, "reason": reason})
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        files[f"overrides/prune-{environment}-{digest}.yaml"] = text.encode()
    return files


def _deletion(files: dict[str, bytes | None], kind: str, name: str, note: str, warnings: tuple[str, ...]) -> Change:
    what = f"{kind} {name}"
    return Change(files, f"Delete the {what}", note, structure=what, warnings=(*warnings, NOT_BACK))


def _without_agents(workspace: Workspace, is_gone: Callable[[AgentName], bool]) -> dict[str, bytes | None]:
    """Approvals and overrides without the agents that go; a file that names no other agent goes with them."""
    files: dict[str, bytes | None] = {}
    for name, approvals in workspace.approvals.items():
        if approvals.model and _is_named(approvals.model.agent, is_gone):
            files[f"approvals/{name}.yaml"] = None
    for name, overrides in workspace.overrides.items():
        agents = overrides.model.agents if overrides.model else ()
        named = [number for number, agent in enumerate(agents) if _is_named(agent, is_gone)]
        path = f"overrides/{name}.yaml"
        if named and len(named) == len(agents):
            files[path] = None
        elif named:
            changes: dict[Path, Edited] = {("agents", number): DELETE for number in named}
            files[path] = edit(workspace.tree.read(path), changes)
    return files


def _is_named(text: str, is_gone: Callable[[AgentName], bool]) -> bool:
    agent = AgentName.parse(text)
    return agent is not None and is_gone(agent)


def _owned(tree: Tree, parts: Sequence[str]) -> Iterator[str]:
    """Lines of files that say who reviews what, which name what goes: people wrote them, and people take them out."""
    for path in _OWNERS:
        entry = tree.entry(path)
        if entry is None or entry.kind is not Kind.FILE:
            continue
        lines = tree.read(path).decode("utf-8", "replace").splitlines()
        found = [str(number) for number, line in enumerate(lines, 1) if any(part in line for part in parts)]
        if found:
            yield f"{path} still names it, in line {', '.join(found)}"
