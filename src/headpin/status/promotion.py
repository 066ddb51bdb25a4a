"""What would be asked of a promotion that nobody made yet: every gate with its evidence, and when it opens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.situations import Surroundings, situation_of, towards, upstream_of
from headpin.errors import UsageError
from headpin.releases import (
    Answer,
    EventKind,
    GateResult,
    Release,
    Situation,
    SourceVersion,
    ask_gates,
    question_of,
    ran_as,
    sources,
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
    source: SourceVersion
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
            "source": {"environment": self.source.environment, "version": self.source.version},
            "release": self.release.as_mapping(),
            "kind": self.kind.value if self.kind else None,
            "open": self.answer.is_open,
            "opensAt": format_time(self.opens_at) if self.opens_at else None,
            "gates": [gate_mapping(gate) for gate in self.gates],
        }


def promotion_outlook(controller: Controller, agent: AgentName, environment: str) -> Outlook:
    """What the gates of `environment` say of what its source serves. Raises UsageError where there is no source."""
    around = controller.surroundings(controller.main_head())
    if environment == around.workspace.head_environment:
        raise UsageError(f"{environment} follows branches, and nothing is promoted into it")
    situation = situation_of(around, environment, agent, ())
    source, release = _source(around, situation)
    situation = towards(around, situation, release)
    served = situation.record.served
    question = replace(question_of(situation, release), move=None)
    kind = None if served is not None and served.release == release else question.kind
    answer = ask_gates(question) if kind else Answer(())
    return Outlook(agent, environment, source, release, kind, answer)


def _source(around: Surroundings, situation: Situation) -> tuple[SourceVersion, Release]:
    """The stage that supplies the release, and what it serves."""
    agent, environment = situation.agent, situation.environment
    if situation.project:
        raise UsageError(f"the project of {agent} cannot be read: {situation.project[0]}")
    stages = around.workspace.stages(agent.project)
    if environment not in {stage.environment for stage in stages}:
        raise UsageError(f"the pipeline of {agent.project} does not reach {environment}")
    for stage in sources(upstream_of(around, situation), any_earlier=False):
        served = stage.record.served
        if served is not None:
            known = ran_as(stage.ran, served.release)
            return SourceVersion(stage.environment, known.version if known else served.version), served.release
    raise UsageError(
        f"no stage before {environment} serves {agent}", remedy="see 'headpin status' for what is served where"
    )
