"""Which deployments a change of documents can concern: the reason why a pass is proportional.

Errs on the side of looking: a deployment in the scope that needs nothing costs a comparison, one that is
missing would be left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from headpin.model import CHARTS
from headpin.tree import Tree, changed_paths
from headpin.types import AgentName
from headpin.workspace.layout import DEFAULTS, READ_FOLDERS, WORKSPACE, Place, classify
from headpin.workspace.naming import namesakes


@dataclass(slots=True)
class Scope:
    """Deployments by environment ("" in a mapping stands for every environment)."""

    everything: bool = False
    environments: set[str] = field(default_factory=set)
    projects: dict[str, set[str]] = field(default_factory=dict)
    agents: dict[str, set[AgentName]] = field(default_factory=dict)
    head: bool = False

    def covers(self, environment: str, agent: AgentName, is_head: bool) -> bool:
        """Whether the deployment may be concerned."""
        return (
            self.everything
            or environment in self.environments
            or (self.head and is_head)
            or any(agent.project in self.projects.get(key, ()) for key in ("", environment))
            or any(agent in self.agents.get(key, ()) for key in ("", environment))
        )

    def covers_all(self, environment: str, is_head: bool) -> bool:
        """Whether every deployment of the environment may be concerned."""
        return self.everything or environment in self.environments or (self.head and is_head)

    def projects_in(self, environment: str) -> set[str]:
        """Projects all of whose deployments in the environment may be concerned."""
        return self.projects.get("", set()) | self.projects.get(environment, set())

    def agents_in(self, environment: str) -> set[AgentName]:
        """Single deployments of the environment that may be concerned."""
        return self.agents.get("", set()) | self.agents.get(environment, set())


def changed_documents(old: Tree, new: Tree) -> Iterator[str]:
    """Every changed path that may be a document or in a chart. What lies elsewhere is not compared."""
    for path in (WORKSPACE, DEFAULTS):
        if old.entry(path) != new.entry(path):
            yield path
    for folder in (*READ_FOLDERS, CHARTS):
        yield from (change.path for change in changed_paths(old, new, folder))


def scope_of(paths: Iterable[str], head: str | None) -> Scope:
    """What changes of `paths` can concern; `head` is the name of the head environment."""
    scope = Scope()
    for path in paths:
        place = classify(path)
        if isinstance(place, Place):
            _add(scope, place, head)
        elif path.startswith(f"{CHARTS}/"):
            scope.head = True  # any agent may use it; elsewhere it comes with the release
    return scope


def _add(scope: Scope, place: Place, head: str | None) -> None:
    match place.kind:
        case "approval":
            pass  # it opens what is held, and what is held is looked at in every pass
        case "workspace" | "pipeline" | "override":
            scope.everything = True
        case "environment":
            scope.environments.add(place.environment)
            scope.everything = True  # its order, its place and its production flag concern the others
        case "project":
            scope.projects.setdefault("", set()).add(place.project)
        case "defaults" if not place.project:
            scope.head = True
        case "defaults":
            scope.projects.setdefault(head or "", set()).add(place.project)
        case "own-layer" if not place.agent:
            scope.projects.setdefault(place.environment, set()).add(place.project)
        case "own-layer" | "pin":
            scope.agents.setdefault(place.environment, set()).add(place.agent_name)
            scope.agents.setdefault(head or "", set()).add(place.agent_name)
        case "agent":
            agent = place.agent_name
            scope.agents.setdefault("", set()).update((agent, *namesakes(agent)))
