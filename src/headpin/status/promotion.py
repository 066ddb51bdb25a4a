"""What would be asked of a promotion that nobody made yet: every gate with its evidence, and when it opens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.selection import select_for_promotion
from headpin.controller.situations import situation_of, towards
from headpin.releases import (
    Answer,
    EventKind,
    GateResult,
    Release,
    SourceVersion,
    ask_gates,
    question_of,
)
from headpin.releases.codec import format_time, gate_mapping
from headpin.types import AgentName


@dataclass(frozen=True, slots=True)
class Outlook:
    """The promotion of what `source` serves into `environment`. `kind` is what it would be.

    A rollback is asked nothing, and what is served already is no move: `kind` is None.
    """

    agent: AgentName
    environment: str
    source: SourceVersion | None
    release: Release
    kind: EventKind | None
    answer: Answer

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """Every gate that is asked."""
        return self.answer.results

    @property
    def opens_at(self) -> datetime | None:
        """When all gates are open if nothing but time passes; None where something else is needed, or nothing."""
        return self.answer.opens_at

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "agent": str(self.agent),
            "environment": self.environment,
            "source": {"environment": self.source.environment, "version": self.source.version} if self.source else None,
            "release": self.release.as_mapping(),
            "move": self.kind.value if self.kind else None,
            "open": self.answer.is_open,
            "opensAt": format_time(self.opens_at) if self.opens_at else None,
            "gates": [gate_mapping(gate) for gate in self.gates],
        }


def promotion_outlook(controller: Controller, agent: AgentName, environment: str) -> Outlook:
    """What the gates of `environment` say of what its source serves. Raises UsageError where there is no source."""
    around = controller.surroundings(controller.main_head())
    selected = select_for_promotion(around, agent, environment, None, None)
    situation = situation_of(around, environment, agent, ())
    source, release = selected.source, selected.release
    situation = towards(around, situation, release)
    served = situation.record.served
    question = replace(question_of(situation, release), move=None)
    kind = None if served is not None and served.release == release else question.kind
    answer = ask_gates(question) if kind else Answer(())
    return Outlook(agent, environment, source, release, kind, answer)
