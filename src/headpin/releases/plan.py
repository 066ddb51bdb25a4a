"""The plan of one environment: every decision, and the bound on removals. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from headpin.releases.decide import Action, Decision, Situation
from headpin.releases.record import HoldReason
from headpin.types import AgentName, Revision


@dataclass(frozen=True, slots=True)
class Planned:
    """A deployment's situation and what was decided."""

    situation: Situation
    decision: Decision


@dataclass(frozen=True, slots=True)
class EnvironmentHold:
    """Why a whole environment is left as it is; recorded once, in its `environment.yaml`."""

    reason: HoldReason
    message: str
    since: datetime
    config: Revision


def prune_excess(planned: tuple[Planned, ...], bound: int, allowed: AbstractSet[AgentName]) -> tuple[AgentName, ...]:
    """The removals that keep an environment held: () when there are few enough, or all are allowed."""
    removals = tuple(item.situation.agent for item in planned if item.decision.action is Action.REMOVE)
    if len(removals) <= bound:
        return ()
    return tuple(agent for agent in removals if agent not in allowed)
