"""The layout of a config repository: which path is which document.

A file's path is its identity. YAML files elsewhere in headpin's folders are problems, so that a misplaced
pin is told and not silently ignored; other files there (a README, a .gitkeep) are nobody's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from headpin.problems import Problem
from headpin.tree import Kind, Tree
from headpin.types import AgentName, name_fault

WORKSPACE = "headpin.yaml"
DEFAULTS = "defaults.yaml"
READ_FOLDERS = ("environments", "overrides", "pins", "pipelines", "projects")
OWN_FOLDERS = frozenset(
    {*READ_FOLDERS, "access", "approvals", "charts", "templates", "tokens", "tools", ".schemas", WORKSPACE, DEFAULTS}
)
"""What belongs to headpin at the top of the repository: no agent's source can be there."""


def environment_path(environment: str) -> str:
    """The environment's document."""
    return f"environments/{environment}.yaml"


def pipeline_path(pipeline: str) -> str:
    """The pipeline's document."""
    return f"pipelines/{pipeline}.yaml"


def project_path(project: str) -> str:
    """The project's document."""
    return f"projects/{project}/project.yaml"


def project_defaults_path(project: str) -> str:
    """Shared settings of the project."""
    return f"projects/{project}/defaults.yaml"


def project_layer_path(project: str, environment: str) -> str:
    """Own settings of the project in the environment."""
    return f"projects/{project}/{environment}.yaml"


def agent_folder(agent: AgentName) -> str:
    """The folder of the agent's documents."""
    return f"projects/{agent.project}/agents/{agent.agent}"


def agent_path(agent: AgentName) -> str:
    """The agent's document."""
    return f"{agent_folder(agent)}/agent.yaml"


def agent_layer_path(agent: AgentName, environment: str) -> str:
    """Own settings of the agent in the environment."""
    return f"{agent_folder(agent)}/{environment}.yaml"


def pin_path(environment: str, agent: AgentName) -> str:
    """The pin of the agent in the environment."""
    return f"pins/{environment}/{agent.project}/{agent.agent}.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """What a path in the layout is: the document's kind and the names in its path ("" where none)."""

    kind: str
    environment: str = ""
    project: str = ""
    agent: str = ""
    name: str = ""

    @property
    def agent_name(self) -> AgentName:
        """The agent that the document belongs to."""
        return AgentName(self.project, self.agent)


def classify(path: str) -> Place | Problem | None:
    """What the file at `path` is; None when it is none of headpin's business."""
    if path == WORKSPACE:
        return Place("workspace")
    if path == DEFAULTS:
        return Place("defaults")
    parts = path.split("/")
    if parts[0] not in READ_FOLDERS or len(parts) == 1:
        return None
    stem, dot, ending = parts[-1].rpartition(".")
    if ending not in ("yaml", "yml") or not dot:
        return None
    if ending == "yml":
        return Problem.of("HP111", path, "headpin reads .yaml files only", remedy=f"rename it to {stem}.yaml")
    place = _place(parts, stem)
    if place is None:
        return Problem.of("HP111", path, "headpin reads no document here", remedy=_expected(parts[0]))
    return _named(path, place)


def _place(parts: list[str], stem: str) -> Place | None:
    match parts:
        case ["environments", _]:
            return Place("environment", environment=stem)
        case ["pipelines", _]:
            return Place("pipeline", name=stem)
        case ["overrides", _]:
            return Place("override", name=stem)
        case ["pins", environment, project, _]:
            return Place("pin", environment=environment, project=project, agent=stem)
        case ["projects", project, "project.yaml"]:
            return Place("project", project=project)
        case ["projects", project, "defaults.yaml"]:
            return Place("defaults", project=project)
        case ["projects", project, _]:
            return Place("own-layer", project=project, environment=stem)
        case ["projects", project, "agents", agent, "agent.yaml"]:
            return Place("agent", project=project, agent=agent)
        case ["projects", project, "agents", agent, _]:
            return Place("own-layer", project=project, agent=agent, environment=stem)
    return None


def _expected(folder: str) -> str:
    return {
        "environments": "environments are environments/<environment>.yaml",
        "pipelines": "pipelines are pipelines/<pipeline>.yaml",
        "overrides": "overrides are overrides/<name>.yaml",
        "pins": "pins are pins/<environment>/<project>/<agent>.yaml",
        "projects": "agents are projects/<project>/agents/<agent>/agent.yaml",
    }[folder]


def _named(path: str, place: Place) -> Place | Problem:
    for name in (place.environment, place.project, place.agent, place.name):
        fault = name_fault(name) if name else None
        if fault:
            return Problem.of("HP110", path, f"{name!r} in the path: {fault}")
    return place


def odd_names(tree: Tree) -> list[Problem]:
    """Links, submodules and folders in headpin's folders that could hide or redirect documents."""
    found: list[Problem] = []
    for top in READ_FOLDERS:
        entry = tree.entry(top)
        if entry is not None and entry.kind is not Kind.FOLDER:
            found.append(Problem.of("HP101", top, f"a {entry.kind.value} stands where headpin has a folder"))
    return found
