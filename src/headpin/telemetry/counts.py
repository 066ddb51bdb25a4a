"""How many deployments have which status: the words of the status matrix, kept up to date by what changed.

A pass tells only what it looked at, and another controller's commits it does not tell at all. So the counts do not
follow passes: they compare the trees of main and of every environment's branch with those that were counted last, and
ask the matrix anew about the deployments that the difference can concern. Every so often they count everything.
Must never ask a source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.problems import errors
from headpin.status import read_status
from headpin.status.matrix import DeploymentStatus, StatusReport, renamed_among, serves
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.rules import environment_problems, workspace_problems
from headpin.workspace.scope import changed_documents, scope_of

EVERY = 900.0
"""Seconds after which everything is counted again, whatever changed."""

_MANY = 400
"""Agents from which on asking about all of them costs hardly more."""


@dataclass(slots=True)
class _Counted:
    """One environment as it was counted: its branch's tree, what concerns all of it, and each deployment's words."""

    tree: Tree
    shared: tuple[object, ...]
    words: dict[AgentName, tuple[str, str]] = field(default_factory=dict)
    hold: str = ""


class DeploymentCounts:
    """The counts of one workspace. `controller` belongs to the thread that calls `update`."""

    def __init__(self, controller: Controller, every: float = EVERY) -> None:
        self._controller = controller
        self._every = every
        self._main: Tree | None = None
        self._counted: dict[str, _Counted] = {}
        self._told: frozenset[str] = frozenset()
        self._full_at = float("-inf")

    def update(self, now: float) -> None:
        """Brings the counts to what main and the branches say; `now` in seconds of a steady clock.

        Raises HeadpinError where main cannot be read; the counts are then as they were.
        """
        controller = self._controller
        workspace = controller.workspace()
        branches = controller.branches(workspace)
        concerned = self._concerned(workspace, branches, now)
        if concerned is None or len(concerned) > _MANY:
            self._count_all(workspace, branches)
            self._full_at = now
        elif concerned:
            self._count(workspace, branches, concerned)
        self._main = workspace.tree
        for name, counted in self._counted.items():
            counted.tree = branches[name].tree if name in branches else EMPTY

    def _concerned(self, workspace: Workspace, branches: dict[str, Branch], now: float) -> set[AgentName] | None:
        """The agents that what changed can concern, in whichever environment; None for all."""
        if self._main is None or now - self._full_at >= self._every:
            return None
        scope = scope_of(changed_documents(self._main, workspace.tree), workspace.head_environment)
        if scope.everything or scope.environments or scope.head:
            return None
        agents = {agent for found in scope.agents.values() for agent in found}
        projects = {project for found in scope.projects.values() for project in found}
        for name, branch in branches.items():
            counted = self._counted.get(name)
            if counted is None or counted.shared != _shared(workspace, branch):
                return None
            agents |= {*_recorded(counted.tree, branch.tree)}
        if self._counted.keys() != branches.keys():
            return None
        if projects:
            counted_agents = (agent for counted in self._counted.values() for agent in counted.words)
            agents |= {agent for agent in (*workspace.all_agents(), *counted_agents) if agent.project in projects}
        return agents

    def _count_all(self, workspace: Workspace, branches: dict[str, Branch]) -> None:
        report = read_status(self._controller, ask_sources=False)
        self._counted = {name: _Counted(branch.tree, _shared(workspace, branch)) for name, branch in branches.items()}
        self._take(report)

    def _count(self, workspace: Workspace, branches: dict[str, Branch], concerned: set[AgentName]) -> None:
        """Asks the matrix about the agents that it has rows for: those with a document, and those served somewhere."""
        documents = {each for project in {agent.project for agent in concerned} for each in workspace.agents(project)}
        served = {agent for agent in concerned if any(serves(branch, agent) for branch in branches.values())}
        rows = (concerned & documents) | (served - renamed_among(branches, concerned & documents))
        report = read_status(self._controller, agents=sorted(rows), ask_sources=False) if rows else None
        for counted in self._counted.values():
            for agent in concerned:
                counted.words.pop(agent, None)
        if report is not None:
            self._take(report)

    def _take(self, report: StatusReport) -> None:
        self._told = frozenset(environment.name for environment in report.environments)
        for environment in report.environments:
            if environment.name not in self._counted:  # made since the branches were read: the next time sees it
                self._counted[environment.name] = _Counted(EMPTY, ())
            self._counted[environment.name].hold = environment.hold.reason.value if environment.hold else ""
        held = {environment.name for environment in report.environments if environment.hold}
        for item in report.deployments:
            self._counted[item.environment].words[item.agent] = (item.word, _own_hold(item, held))

    @property
    def environments(self) -> frozenset[str]:
        """Every environment that the matrix tells of: those that are gone and serve nothing are none."""
        return self._told

    def words(self) -> dict[str, Counter[str]]:
        """The number of deployments by status, for each environment."""
        return {name: Counter(word for word, _ in found.words.values()) for name, found in self._counted.items()}

    def holds(self) -> dict[tuple[str, ...], int]:
        """The number of holds by environment, reason, and whether it is of a deployment or of the environment."""
        tally: Counter[tuple[str, ...]] = Counter()
        for name, found in self._counted.items():
            if found.hold:
                tally[name, found.hold, "environment"] += 1
            tally.update((name, reason, "deployment") for _, reason in found.words.values() if reason)
        return dict(tally)


def _own_hold(item: DeploymentStatus, held: set[str]) -> str:
    return item.hold.reason.value if item.hold is not None and item.environment not in held else ""


def _shared(workspace: Workspace, branch: Branch) -> tuple[object, ...]:
    """What concerns every deployment of an environment: its hold, its trouble, its own document."""
    hold = branch.state.hold if branch.state else None
    broken = errors(workspace_problems(workspace)) or errors(environment_problems(workspace, branch.environment))
    return hold, str(branch.trouble or ""), str(broken[0]) if broken else ""


def _recorded(old: Tree, new: Tree) -> Iterable[AgentName]:
    """The agents whose records differ."""
    for change in changed_paths(old, new, "deployments"):
        _, project, file = change.path.split("/", 2)
        if file.endswith(".yaml"):
            yield AgentName(project, file.removesuffix(".yaml"))
