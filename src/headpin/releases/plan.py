"""The plan of one environment: every decision, and the bound on removals. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from headpin.releases.decide import Action, Decision, Situation
from headpin.types import AgentName


@dataclass(frozen=True, slots=True)
class Planned:
    """A deployment's situation and what was decided."""

    situation: Situation
    decision: Decision


def prune_excess(planned: tuple[Planned, ...], bound: int, allowed: AbstractSet[AgentName]) -> tuple[AgentName, ...]:
    """The removals that keep an environment held: () when there are few enough, or all are allowed."""
    removals = tuple(item.situation.agent for item in planned if item.decision.action is Action.REMOVE)
    if len(removals) <= bound:
        return ()
    return tuple(agent for agent in removals if agent not in allowed)
