"""Rules about agents that were renamed: one past belongs to one agent, and names of objects that are kept are taken.

What a pass does about it depends on what it finds on the branches; these are for `headpin validate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headpin.problems import Problem
from headpin.types import AgentName
from headpin.workspace.layout import agent_path
from headpin.workspace.naming import namesakes
from headpin.workspace.workspace import Workspace

KeptNames = Mapping[AgentName, AgentName]
"""By agent that serves something: the agent that its objects are named by, where that is another."""


def heir_of(workspace: Workspace, agent: AgentName) -> AgentName | None:
    """The agent that says that it had the name `agent` before; None where none does."""
    for name in workspace.all_agents():
        document = workspace.agent(name)
        if document and document.model and agent in document.model.former_names:
            return name
    return None


def former_problems(workspace: Workspace, kept: KeptNames) -> Iterator[Problem]:
    """Agents that say that they were one that is still there, or that another says the same of."""
    heirs: dict[AgentName, AgentName] = {}
    for agent in workspace.all_agents():
        document = workspace.agent(agent)
        for name in document.model.former_names if document and document.model else ():
            if document is None or name == agent:
                continue
            if name in heirs:
                said = f"{heirs[name]} says that it was {name} too"
                yield document.problem("HP360", ("formerly",), said)
            elif not workspace.is_gone(name) and kept.get(agent) != name:
                yield document.problem("HP360", ("formerly",), f"{name} is still there, or again")
            heirs.setdefault(name, agent)
    for agent, name in kept.items():
        for other in (name, *namesakes(name)):
            if other != agent and workspace.has_agent(other):
                said = f"{agent} is served with the object names of {name}, which it had before"
                yield Problem.of("HP312", agent_path(other), said)
