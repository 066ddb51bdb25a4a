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
ENDING = ".yaml"
READ_FOLDERS = ("approvals", "environments", "overrides", "pins", "pipelines", "projects")
OWN_FOLDERS = frozenset(
    {*READ_FOLDERS, "access", "charts", "templates", "tokens", "tools", ".schemas", WORKSPACE, DEFAULTS}
)
"""What belongs to headpin at the top of the repository: no agent's source can be there."""

MAX_DEPTH = 8
"""How deep headpin's folders are looked through; documents lie at most 5 deep."""


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
    meant = _meant(parts[-1])
    if len(parts) == 1:
        return _misspelt(path, meant) if meant in (WORKSPACE, DEFAULTS) else None
    if parts[0] not in READ_FOLDERS or not meant.endswith(ENDING):
        return None
    if not parts[-1].endswith(ENDING):
        return _misspelt(path, meant)
    place = _place(parts, parts[-1].removesuffix(ENDING))
    if place is None:
        return Problem.of("HP111", path, "headpin reads no document here", remedy=_expected(parts[0]))
    return _named(path, parts, place)


def _meant(name: str) -> str:
    """The name without what people do not see in it (case, spaces, zero-width marks), and .yaml for .yml."""
    plain = "".join(letter for letter in name if letter.isprintable() and letter != " ").lower()
    return f"{plain.removesuffix('.yml')}{ENDING}" if plain.endswith(".yml") else plain


def _misspelt(path: str, meant: str) -> Problem:
    return Problem.of("HP111", path, "headpin reads .yaml files only, by their exact names", remedy=f"name it {meant}")


def _place(parts: list[str], stem: str) -> Place | None:
    match parts:
        case ["environments", _]:
            return Place("environment", environment=stem)
        case ["approvals" | "overrides" | "pipelines" as folder, _]:
            return Place(folder.removesuffix("s"), name=stem)
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
        "approvals": "approvals are approvals/<name>.yaml",
        "environments": "environments are environments/<environment>.yaml",
        "pipelines": "pipelines are pipelines/<pipeline>.yaml",
        "overrides": "overrides are overrides/<name>.yaml",
        "pins": "pins are pins/<environment>/<project>/<agent>.yaml",
        "projects": "agents are projects/<project>/agents/<agent>/agent.yaml",
    }[folder]


def _named(path: str, parts: list[str], place: Place) -> Place | Problem:
    names = {place.environment, place.project, place.agent, place.name}
    if "" in parts or parts[-1] == ENDING:
        return Problem.of("HP110", path, "a part of the path has no name")
    for name in sorted(names - {""}):
        fault = name_fault(name)
        if fault:
            return Problem.of("HP110", path, f"{name!r} in the path: {fault}")
    return place


def odd_names(tree: Tree) -> list[Problem]:
    """What stands at the top of the repository in the place of headpin's folders, or nearly has their names."""
    found: list[Problem] = []
    for entry in tree.entries():
        meant = _meant(entry.name)
        if entry.name in READ_FOLDERS and entry.kind is not Kind.FOLDER:
            found.append(Problem.of("HP101", entry.name, f"a {entry.kind.value} stands where headpin has a folder"))
        elif entry.name not in READ_FOLDERS and meant in READ_FOLDERS:
            said = f"headpin reads {meant}/, and on some file systems the two are one"
            found.append(Problem.of("HP111", entry.name, said, remedy=f"name it {meant}"))
        elif isinstance(place := classify(entry.name), Problem):
            found.append(place)
    return found


def needs_folder(path: str) -> bool:
    """Whether the layout has a folder of documents at `path`, so that nothing else can stand there."""
    match path.split("/"):
        case ["pins", environment]:
            names = [environment]
        case ["pins", environment, project]:
            names = [environment, project]
        case ["projects", project] | ["projects", project, "agents"]:
            names = [project]
        case ["projects", project, "agents", agent]:
            names = [project, agent]
        case _:
            return False
    return not any(name_fault(name) for name in names)
