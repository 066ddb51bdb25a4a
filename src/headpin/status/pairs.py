"""Which agent on the one side of a comparison is which on the other: one of the same name, or of a former one.

What an agent was, its record on either side says; of two environments its document as well, as far as nobody has that
name now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from headpin.errors import HeadpinError
from headpin.status.sides import Side
from headpin.types import AgentName
from headpin.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pair:
    """An agent, and the names that it has on the two sides."""

    agent: AgentName
    one: AgentName
    other: AgentName


def pairs_of(workspace: Workspace, one: Side, other: Side, agents: Collection[AgentName] = ()) -> tuple[Pair, ...]:
    """Every agent that has a record on a side, or those of `agents`, by name."""
    mine, theirs = set(one.branch.agents()), set(other.branch.agents())
    wanted = set(agents) or mine | theirs
    found: list[Pair] = []
    for agent in sorted(wanted, key=lambda name: (not workspace.has_agent(name), name)):
        names = (agent, *_former(workspace, one, other, agent))
        here, there = (next((name for name in names if name in side), agent) for side in (mine, theirs))
        if here != there or (here != agent and agents):
            found.append(Pair(agent, here, there))
            mine, theirs = mine - {here}, theirs - {there}
    paired = {pair.agent for pair in found}
    rest = wanted if agents else mine | theirs
    found += [Pair(agent, agent, agent) for agent in rest - paired]
    return tuple(sorted(found, key=lambda pair: pair.agent))


def _former(workspace: Workspace, one: Side, other: Side, agent: AgentName) -> Iterator[AgentName]:
    """The names that the agent may have on a side that does not have its present one, newest first."""
    is_one_place = one.environment == other.environment
    for side in (one, other):
        for name in reversed(_formerly(side, agent)):
            if is_one_place or workspace.is_gone(name):
                yield name
    document = workspace.agent(agent)
    said = document.model.former_names if document and document.model else ()
    yield from (name for name in reversed(said) if workspace.is_gone(name))


def _formerly(side: Side, agent: AgentName) -> tuple[AgentName, ...]:
    try:
        return side.branch.record(agent).formerly
    except HeadpinError:
        return ()  # a record that cannot be read is told of where it is compared
