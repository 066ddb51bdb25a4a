"""What a change of environments, pipelines, projects or agents does besides what becomes of single deployments.

The workspace with the change laid over it is compared with the one before: which ways open and close, which problems
are new, and whether a pass would remove more than it may. Pure but for reading; must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headpin.actions import Change
from headpin.controller.branches import Branch
from headpin.controller.holds import allowed_removals
from headpin.problems import Problem
from headpin.releases import Served
from headpin.types import AgentName
from headpin.workspace import Workspace, check
from headpin.workspace.layout import Place, classify

_TOO_MANY = "HP310"


@dataclass(frozen=True, slots=True)
class Reach:
    """A way of an agent into an environment that the change opens, or closes (`is_reached` is False).

    `served` is what the environment serves of it now. `required_for` is the stage that from now on gets nothing
    that did not run here before; "" for none.
    """

    environment: str
    agent: AgentName
    is_reached: bool
    tracks_head: bool
    served: Served | None
    has_pin: bool
    required_for: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """A document that the change writes, with its text before ("" for a new one) and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Effects:
    """`errors` are new and refuse the change; `excess` has the removals that limits.prune holds, by environment."""

    reaches: tuple[Reach, ...] = ()
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    edited: tuple[Edited, ...] = ()
    excess: Mapping[str, tuple[AgentName, ...]] | None = None
    bound: int = 0

    @property
    def refusals(self) -> list[str]:
        """Why the change is not to be made, each with what to do about it."""
        told = [str(problem) for problem in self.errors]
        for environment, agents in (self.excess or {}).items():
            told.append(
                f"limits.prune ({self.bound}) would hold the removal of {len(agents)} deployments from {environment}; "
                "--allow-prune with a --note that says why writes the override file along with it"
            )
        return told


NO_EFFECTS = Effects()


def effects_of(before: Workspace, after: Workspace, branches: Mapping[str, Branch], change: Change) -> Effects:
    """What the change does, removals apart."""
    new = _new_problems(before, after)
    return Effects(
        tuple(_reaches(before, after, branches)),
        tuple(problem for problem in new if problem.is_error),
        tuple(problem for problem in new if not problem.is_error),
        tuple(_edited(before, change)),
    )


def removals(
    before: Workspace, after: Workspace, branches: Mapping[str, Branch], change: Change
) -> list[tuple[str, AgentName]]:
    """The deployments that serve something and that the change may end, by environment and agent."""
    head = before.head_environment or ""
    found = {(head, reach) for reach in _left(before, after, head)}
    for environment in before.environments.keys() - after.environments.keys():
        found |= {(environment, agent) for agent in branches[environment].agents()}
    for path, data in change.files.items():
        place = classify(path) if data is None else None
        if not isinstance(place, Place):
            continue
        if place.kind == "pin":
            found.add((place.environment, place.agent_name))
        elif place.agent and after.is_gone(place.agent_name):
            found.add((head, place.agent_name))
    order = {environment: number for number, environment in enumerate(before.environment_order)}
    served = (
        (environment, agent)
        for environment, agent in found
        if environment in branches and branches[environment].record(agent).served is not None
    )
    return sorted(served, key=lambda item: (order.get(item[0], len(order)), item))


def removals_over(workspace: Workspace, removed: Sequence[tuple[str, AgentName]]) -> dict[str, tuple[AgentName, ...]]:
    """The removals of one pass that limits.prune would hold, by environment."""
    found: dict[str, list[AgentName]] = {}
    for environment, agent in removed:
        found.setdefault(environment, []).append(agent)
    excess = {}
    for environment, agents in found.items():
        allowed = allowed_removals(workspace, environment)
        left = tuple(agent for agent in agents if agent not in allowed)
        if len(agents) > workspace.limits.prune and left:
            excess[environment] = left
    return excess


def _left(before: Workspace, after: Workspace, environment: str) -> Iterator[AgentName]:
    """Agents whose projects' ways led through the environment, and do not any more."""
    for project in before.projects:
        was = environment in _way(before, project)
        if was and environment not in _way(after, project):
            yield from before.agents(project)


def _way(workspace: Workspace, project: str) -> tuple[str, ...]:
    return tuple(stage.environment for stage in workspace.stages(project))


def _reaches(before: Workspace, after: Workspace, branches: Mapping[str, Branch]) -> Iterator[Reach]:
    for project in after.projects:
        old, new = _way(before, project), _way(after, project)
        there = frozenset(before.agents(project))
        for agent in after.agents(project):
            was = old if agent in there else ()
            for environment in dict.fromkeys((*new, *was)):
                if (environment in was) != (environment in new):
                    yield _reach(after, branches.get(environment), environment, agent, environment in new)


def _reach(workspace: Workspace, branch: Branch | None, environment: str, agent: AgentName, is_reached: bool) -> Reach:
    stages = workspace.stages(agent.project)
    position = next((number for number, stage in enumerate(stages) if stage.environment == environment), None)
    following = ""
    if position is not None and position + 1 < len(stages) and workspace.is_required(stages, position):
        following = stages[position + 1].environment
    return Reach(
        environment,
        agent,
        is_reached,
        environment == workspace.head_environment,
        branch.record(agent).served if branch else None,
        workspace.has_pin(environment, agent),
        following,
    )


def _new_problems(before: Workspace, after: Workspace) -> tuple[Problem, ...]:
    """What was no problem before the change. Fewer environments that are still too many are none."""
    known = {(problem.path, problem.code, problem.message) for problem in check(before)}
    grows = len(after.environments) > len(before.environments)
    return tuple(
        problem
        for problem in check(after)
        if (problem.path, problem.code, problem.message) not in known and (grows or problem.code != _TOO_MANY)
    )


def _edited(before: Workspace, change: Change) -> Iterator[Edited]:
    for path, data in change.files.items():
        if data is not None:
            old = before.tree.read(path) if before.tree.entry(path) else b""
            yield Edited(path, old.decode("utf-8", "replace"), data.decode("utf-8", "replace"))
