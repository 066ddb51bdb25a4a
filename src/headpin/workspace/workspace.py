"""One revision of a config repository, linked and lazily read.

A pass over ten thousand agents that concerns one of them reads the documents of one of them. What depends
on every document (`headpin validate`) is in `headpin.workspace.rules`.
"""

from __future__ import annotations

import itertools
from functools import cached_property

from headpin.model import (
    Agent,
    Approval,
    Defaults,
    Delivery,
    Environment,
    Limits,
    Override,
    OwnLayer,
    Pin,
    Pipeline,
    Plan,
    Project,
    Stage,
    WorkspaceDocument,
)
from headpin.tree import Kind, Tree, in_the_way
from headpin.types import AgentName, name_fault
from headpin.workspace import layout
from headpin.workspace.documents import Document, DocumentReader
from headpin.workspace.settings import OwnLayers
from headpin.workspace.snapshot import Snapshot, take_snapshot


class Workspace:
    """Every document of `tree` by its names. Accessors give None where no document is."""

    def __init__(self, tree: Tree, reader: DocumentReader) -> None:
        self.tree = tree
        self._reader = reader

    def at(self, tree: Tree) -> Workspace:
        """The workspace of another revision, read with the same reader."""
        return Workspace(tree, self._reader)

    @cached_property
    def document(self) -> Document[WorkspaceDocument] | None:
        """`headpin.yaml`."""
        return self._reader.read(self.tree, layout.WORKSPACE, WorkspaceDocument)

    @cached_property
    def size(self) -> tuple[int, int]:
        """How many YAML files, and how many files and folders, are in headpin's folders."""
        found = [self._reader.size(self.tree, top, layout.MAX_DEPTH) for top in layout.READ_FOLDERS]
        return sum(documents for documents, _ in found), sum(entries for _, entries in found)

    @property
    def limits(self) -> Limits:
        """The workspace's bounds; the defaults where `headpin.yaml` cannot be read."""
        return self.document.model.limits if self.document and self.document.model else Limits()

    @property
    def plan(self) -> Plan:
        """What the workspace is entitled to."""
        return self.document.model.plan if self.document and self.document.model else Plan()

    @property
    def delivery(self) -> Delivery:
        """How pods reach this repository."""
        return self.document.model.delivery if self.document and self.document.model else Delivery()

    @cached_property
    def environments(self) -> dict[str, Document[Environment]]:
        """Every environment that has a document, by name."""
        return {
            name: document
            for name in self._stems("environments")
            if (document := self._reader.read(self.tree, layout.environment_path(name), Environment)) is not None
        }

    @cached_property
    def pipelines(self) -> dict[str, Document[Pipeline]]:
        """Every pipeline that has a document, by name."""
        return {
            name: document
            for name in self._stems("pipelines")
            if (document := self._reader.read(self.tree, layout.pipeline_path(name), Pipeline)) is not None
        }

    @cached_property
    def overrides(self) -> dict[str, Document[Override]]:
        """Every override file, by name."""
        return {
            name: document
            for name in self._stems("overrides")
            if (document := self._reader.read(self.tree, f"overrides/{name}.yaml", Override)) is not None
        }

    @cached_property
    def approvals(self) -> dict[str, Document[Approval]]:
        """Every approval, by its file's name."""
        return {
            name: document
            for name in self._stems("approvals")
            if (document := self._reader.read(self.tree, f"approvals/{name}.yaml", Approval)) is not None
        }

    @cached_property
    def head_environment(self) -> str | None:
        """The environment that says `tracks: head`; None when none or several do."""
        heads = [name for name, document in self.environments.items() if document.model and document.model.tracks]
        return heads[0] if len(heads) == 1 else None

    @cached_property
    def projects(self) -> tuple[str, ...]:
        """Every project that has a folder, by name."""
        return self._folders("projects")

    def agents(self, project: str) -> tuple[AgentName, ...]:
        """Every agent of the project that has a folder, by name."""
        return tuple(AgentName(project, name) for name in self._folders(f"projects/{project}/agents"))

    def all_agents(self) -> tuple[AgentName, ...]:
        """Every agent that has a folder, by name."""
        return tuple(agent for project in self.projects for agent in self.agents(project))

    def pins(self, environment: str) -> tuple[AgentName, ...]:
        """Every agent that has a pin in the environment, by name."""
        return tuple(
            AgentName(project, agent)
            for project in self._folders(f"pins/{environment}")
            for agent in self._stems(f"pins/{environment}/{project}")
        )

    def project(self, project: str) -> Document[Project] | None:
        """The project's document."""
        return self._reader.read(self.tree, layout.project_path(project), Project)

    def agent(self, agent: AgentName) -> Document[Agent] | None:
        """The agent's document."""
        return self._reader.read(self.tree, layout.agent_path(agent), Agent)

    def has_agent(self, agent: AgentName) -> bool:
        """Whether the agent has a document, without reading it."""
        return self.tree.entry(layout.agent_path(agent)) is not None

    def is_gone(self, agent: AgentName) -> bool:
        """Whether nothing is left of the agent but, perhaps, pins."""
        folder = layout.agent_folder(agent)
        return self.tree.entry(folder) is None and in_the_way(self.tree, folder) is None

    def pin(self, environment: str, agent: AgentName) -> Document[Pin] | None:
        """The agent's pin in the environment."""
        return self._reader.read(self.tree, layout.pin_path(environment, agent), Pin)

    def has_pin(self, environment: str, agent: AgentName) -> bool:
        """Whether the agent has a pin in the environment, without reading it."""
        return self.tree.entry(layout.pin_path(environment, agent)) is not None

    def defaults(self, project: str | None = None) -> Document[Defaults] | None:
        """Shared settings of the workspace, or of a project."""
        path = layout.DEFAULTS if project is None else layout.project_defaults_path(project)
        return self._reader.read(self.tree, path, Defaults)

    def own_layers(self, environment: str, agent: AgentName) -> OwnLayers | None:
        """What the environment says itself about the agent; None for an unknown environment."""
        document = self.environments.get(environment)
        if document is None:
            return None
        return OwnLayers(
            document,
            self._reader.read(self.tree, layout.project_layer_path(agent.project, environment), OwnLayer),
            self._reader.read(self.tree, layout.agent_layer_path(agent, environment), OwnLayer),
            self.delivery,
        )

    def snapshot(self, agent: AgentName) -> Snapshot | None:
        """The shared layers of the agent as they stand here; None for an unknown agent."""
        document = self.agent(agent)
        if document is None:
            return None
        rule = document.model.chart if document.model else None
        chart = self._reader.read_chart(self.tree, rule.path) if rule else None
        return take_snapshot(document, self.defaults(agent.project), self.defaults(), chart)

    def pipeline_of(self, project: str) -> str | None:
        """The name of the pipeline that the project is assigned; None where its document cannot be read."""
        document = self.project(project)
        return document.model.pipeline if document and document.model else None

    def stages(self, project: str) -> tuple[Stage, ...]:
        """The stages of the project's pipeline; none where a document on the way cannot be read."""
        name = self.pipeline_of(project)
        document = self.pipelines.get(name) if name else None
        return document.model.stages if document and document.model else ()

    def is_required(self, stages: tuple[Stage, ...], position: int) -> bool:
        """Whether a release has to run at the stage before it goes on."""
        stage = stages[position]
        if stage.required is not None:
            return stage.required
        if position + 1 >= len(stages):
            return False
        after = self.environments.get(stages[position + 1].environment)
        return bool(after and after.model and after.model.production)

    @cached_property
    def environment_order(self) -> tuple[str, ...]:
        """All environments, each after those that its releases come from; the head environment first.

        Between environments that no pipeline orders, the order of names decides. Environments in a cycle
        come last.
        """
        before: dict[str, set[str]] = {name: set() for name in self.environments}
        for document in self.pipelines.values():
            stages = document.model.stages if document.model else ()
            for one, other in itertools.pairwise(stages):
                if one.environment in before and other.environment in before:
                    before[other.environment].add(one.environment)
        ordered: list[str] = []
        left = sorted(before, key=lambda name: (name != self.head_environment, name))
        while left:
            free = next((name for name in left if before[name] <= set(ordered)), left[0])
            ordered.append(free)
            left.remove(free)
        return tuple(ordered)

    def _stems(self, folder: str) -> tuple[str, ...]:
        return tuple(
            stem
            for entry in self.tree.entries(folder)
            if entry.name.endswith(".yaml") and not name_fault(stem := entry.name.removesuffix(".yaml"))
        )

    def _folders(self, folder: str) -> tuple[str, ...]:
        return tuple(
            entry.name
            for entry in self.tree.entries(folder)
            if entry.kind is Kind.FOLDER and not name_fault(entry.name)
        )
