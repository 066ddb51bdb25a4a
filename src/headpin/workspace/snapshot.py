"""The shared-settings snapshot: the shared layers of one agent, as they are part of a release.

A snapshot is a small tree, its blobs shared with main, at `settings/<project>/<agent>/` on the branch of
the environment that serves it. Its file `apiVersion` says by which schema it is read, for as long as the
release is anywhere. The folder `chart` in it is the chart that the agent brings, if it brings one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headpin.model import API_VERSION, Agent, Defaults
from headpin.problems import Problem, errors
from headpin.tree import EMPTY, Kind, Tree, blob_id, tree_id
from headpin.types import AgentName, TreeId
from headpin.workspace.charts import ChartFolder
from headpin.workspace.documents import Document, DocumentReader
from headpin.workspace.layout import DEFAULTS, agent_path, project_defaults_path

API_FILE = "apiVersion"
API_TEXT = f"{API_VERSION}\n".encode()
AGENT_FILE = "agent.yaml"
PROJECT_FILE = "project-defaults.yaml"
WORKSPACE_FILE = "workspace-defaults.yaml"
CHART_FOLDER = "chart"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Shared layers of one agent. `files` maps each file's name in the tree to its blob id."""

    id: TreeId
    files: Mapping[str, str]
    agent: Document[Agent]
    project_defaults: Document[Defaults] | None
    workspace_defaults: Document[Defaults] | None
    chart: ChartFolder | None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything wrong in its documents."""
        found = list(self.agent.problems)
        for document in (self.project_defaults, self.workspace_defaults):
            found.extend(document.problems if document else ())
        found.extend(self.chart.problems if self.chart else ())
        return tuple(found)

    @property
    def is_valid(self) -> bool:
        """Whether it can be rendered."""
        return self.agent.model is not None and not errors(self.problems)


def take_snapshot(
    agent: Document[Agent],
    project: Document[Defaults] | None,
    workspace: Document[Defaults] | None,
    chart: ChartFolder | None = None,
) -> Snapshot:
    """The snapshot of the shared layers, and of the agent's own chart, as they stand at one revision."""
    files = {API_FILE: blob_id(API_TEXT), AGENT_FILE: agent.id}
    if project is not None:
        files[PROJECT_FILE] = project.id
    if workspace is not None:
        files[WORKSPACE_FILE] = workspace.id
    folders = {CHART_FOLDER: chart.id} if chart and chart.id else {}
    return Snapshot(tree_id(files, folders), files, agent, project, workspace, chart)


def read_snapshot(
    reader: DocumentReader, tree: Tree, identity: TreeId, name: AgentName, main: Tree = EMPTY
) -> Snapshot | Problem:
    """The snapshot of `name` stored in `tree`. A Problem when it is not one that this headpin reads.

    People are told the documents' paths on main; with ``@`` and the snapshot's id where `main` has another
    text there by now.
    """
    shown = f"settings@{identity[:7]}"
    version = tree.read(API_FILE) if tree.entry(API_FILE) else b""
    if version != API_TEXT:
        said = version.decode(errors="replace").strip() or "nothing"
        return Problem.of("HP206", f"{shown}/{API_FILE}", f"this headpin reads {API_VERSION}, not {said!r}")

    def told(file: str, path: str) -> str:
        stored, there = tree.entry(file), main.entry(path)
        return path if stored and there and stored.id == there.id else f"{path}@{identity[:7]}"

    agent = reader.read(tree, AGENT_FILE, Agent, told(AGENT_FILE, agent_path(name)))
    if agent is None:
        return Problem.of("HP113", f"{shown}/{AGENT_FILE}", "the snapshot has no agent.yaml")
    files = {entry.name: entry.id for entry in tree.entries() if entry.kind is Kind.FILE}
    rule = agent.model.chart if agent.model else None
    chart = reader.read_chart(tree, CHART_FOLDER, told(CHART_FOLDER, rule.path)) if rule else None
    return Snapshot(
        identity,
        files,
        agent,
        reader.read(tree, PROJECT_FILE, Defaults, told(PROJECT_FILE, project_defaults_path(name.project))),
        reader.read(tree, WORKSPACE_FILE, Defaults, told(WORKSPACE_FILE, DEFAULTS)),
        chart,
    )
