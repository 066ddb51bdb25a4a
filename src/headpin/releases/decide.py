"""What is to become of one deployment: desired against record, with the reason. Pure.

The order of the questions is the order of what holds what: what cannot be read first, then whether
anything changes, then rollbacks (which nothing here can stop), then what new releases need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum

from headpin.problems import Problem
from headpin.releases.conditions import UNCONDITIONAL, Conditions
from headpin.releases.first_stage import FirstStage
from headpin.releases.gates import Answer, Question, ask_gates, opens_at
from headpin.releases.record import EventKind, GateResult, HoldReason, Move, Record, SourceVersion
from headpin.releases.release import Ran, Release, ran_as
from headpin.releases.upstream import Upstream
from headpin.types import AgentName


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is wanted here: no pin, or no agent. With `problems` it may be a mistake, and nothing goes."""

    why: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A release is wanted."""

    release: Release


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is wanted cannot be had, because documents are wrong; `release` where a pin tells it all the same."""

    problems: tuple[Problem, ...]
    release: Release | None = None


@dataclass(frozen=True, slots=True)
class Unobserved:
    """What is wanted cannot be told yet, because the source did not answer. Nothing is recorded."""

    message: str


@dataclass(frozen=True, slots=True)
class Imageless:
    """A release is wanted, but its image is not there, or its registry does not tell. It is asked again."""

    message: str


Desired = Nothing | Wanted | Unreadable | Unobserved | Imageless


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that decides about one deployment.

    `moves`: the pin moves since the last observed revision, oldest first. `head_move`: the commit at
    main's head, for a change that no single move explains. `own`: problems of own layers. `project`:
    problems of the project and its pipeline. `is_reached`: whether the pipeline has this environment.
    `conditions`: what the gates here ask for, and what concerns the release wanted. `subject`: of the source commit
    that is wanted, where the source was asked; nothing is decided by it. `objects`: the agent that the objects are
    named by, where that is another one's name.
    """

    environment: str
    agent: AgentName
    tracks_head: bool
    record: Record
    ran: tuple[Ran, ...]
    desired: Desired
    head_move: Move
    moves: tuple[Move, ...] = ()
    own: tuple[Problem, ...] = ()
    project: tuple[Problem, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    any_earlier: bool = False
    is_reached: bool = True
    conditions: Conditions = UNCONDITIONAL
    first_stage: FirstStage | None = None
    subject: str = ""
    objects: AgentName | None = None

    @property
    def names(self) -> tuple[AgentName, ...]:
        """Under which names documents and evidence of this deployment stand, the present one first."""
        return (self.agent, *reversed(self.record.formerly))


class Action(StrEnum):
    """What a pass does with a deployment."""

    KEEP = "keep"
    SERVE = "serve"
    HOLD = "hold"
    WAIT = "wait"
    REMOVE = "remove"


class Layers(Enum):
    """Which own layers what is served is rendered with."""

    HEAD = "as they stand at main's head"
    APPLIED = "as last applied, but the number of pods from main's head"
    FROZEN = "not rendered: byte for byte as it is"


@dataclass(frozen=True, slots=True)
class Decision:
    """An action with its reason.

    `release` is what is served afterwards (None: nothing), `kind` the transition that brings it there
    (None: it is served already), `wanted` the move that is held or waits.

    `closed` has the gates that are closed to a change of own settings: once it is known that these would change,
    `with_settings_held` is what is done. `held_by` is then what the gates say, as far as `reason` does not tell it.
    `used` has the ids of the overrides that the move uses up.
    """

    action: Action
    reason: str
    layers: Layers = Layers.FROZEN
    release: Release | None = None
    version: int | None = None
    kind: EventKind | None = None
    move: Move | None = None
    source: SourceVersion | None = None
    gates: tuple[GateResult, ...] = ()
    hold: HoldReason | None = None
    wanted: Move | None = None
    superseded: tuple[Move, ...] = ()
    closed: tuple[GateResult, ...] = ()
    held_by: str = ""
    used: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[GateResult, ...]:
        """What the gates said that this was decided by."""
        return self.gates or (self.closed if self.hold is HoldReason.BLOCKED else ())

    @property
    def opens_at(self) -> datetime | None:
        """When what is held by gates goes on if nothing but time passes; None where something else is needed."""
        return opens_at(self.told) if self.hold is HoldReason.BLOCKED else None


def decide(situation: Situation) -> Decision:
    """The one decision for a deployment."""
    return replace(_decide(situation), superseded=_superseded(situation))


def held(situation: Situation, reason: HoldReason, message: str) -> Decision:
    """The deployment left byte for byte as it is."""
    served = situation.record.served
    return Decision(
        Action.HOLD,
        message,
        release=served.release if served else None,
        version=served.version if served else None,
        hold=reason,
        wanted=_wanted(situation),
        superseded=_superseded(situation),
    )


def with_settings_held(decision: Decision, layers: Layers) -> Decision:
    """The decision where gates are closed to the change of own settings that would come with it.

    A rollback is carried out all the same, under the own layers that were applied last.
    """
    told = Answer(decision.closed).told
    if decision.kind is not None:
        return replace(decision, layers=layers, hold=HoldReason.BLOCKED, held_by=told)
    return replace(decision, action=Action.HOLD, reason=told, layers=layers, hold=HoldReason.BLOCKED)


def question_of(situation: Situation, release: Release) -> Question:
    """What is asked of the gates before `release` is served here."""
    return Question(
        release,
        _asked_as(situation, release),
        situation.upstream,
        situation.any_earlier,
        situation.is_reached,
        situation.conditions,
        _wanted(situation),
        situation.first_stage,
        not situation.ran,
    )


def _decide(situation: Situation) -> Decision:
    desired = situation.desired
    if isinstance(desired, Unobserved):
        return Decision(Action.KEEP, desired.message)
    if isinstance(desired, Nothing):
        return _decide_nothing(situation, desired)
    if isinstance(desired, Unreadable):
        return held(situation, HoldReason.INVALID, _told(desired.problems))
    if situation.own:
        return held(situation, HoldReason.INVALID, _told(situation.own))
    if isinstance(desired, Imageless):
        return _await_image(situation, desired)
    if situation.tracks_head:
        return _decide_head(situation, desired.release)
    return _decide_pinned(situation, desired.release)


def _decide_nothing(situation: Situation, desired: Nothing) -> Decision:
    if situation.record.served is None:
        return Decision(Action.KEEP, "nothing is wanted here, and nothing is served")
    if desired.problems:
        return held(situation, HoldReason.INVALID, _told(desired.problems))
    return Decision(Action.REMOVE, desired.why, kind=EventKind.REMOVED, move=_move_of(situation, None))


def _decide_head(situation: Situation, release: Release) -> Decision:
    served = situation.record.served
    settings = _ask_settings(situation, release)
    if served is not None and served.release == release:
        return replace(_serve(situation, release, 0, None, "runs the branch head"), closed=settings.closed)
    if not settings.is_open:
        return _stay(situation, settings)
    before = served.release if served else None
    return _serve(situation, release, 0, EventKind.PROMOTED, _head_reason(before, release))


def _await_image(situation: Situation, desired: Imageless) -> Decision:
    """What is served stays, and the environment's own settings of it apply; only the next release waits."""
    served = situation.record.served
    if served is None:
        return held(situation, HoldReason.WAITING_FOR_IMAGE, desired.message)
    stays = _serve(situation, served.release, served.version, None, desired.message)
    closed = _ask_settings(situation, served.release).closed
    return replace(stays, action=Action.HOLD, hold=HoldReason.WAITING_FOR_IMAGE, closed=closed)


def _head_reason(before: Release | None, release: Release) -> str:
    if before is None:
        return f"first deployment of {release}"
    if before.revision != release.revision:
        return f"the branch moved from {before} to {release}"
    if before.settings != release.settings:
        return f"shared settings changed at {release}"
    if before.content != release.content:
        return f"the content of {release} is another"
    return f"the image of {release} is another"


def _decide_pinned(situation: Situation, release: Release) -> Decision:
    record, served = situation.record, situation.record.served
    before = ran_as(situation.ran, release)
    closed = _ask_settings(situation, release).closed
    if served is not None and served.release == release:
        kind = EventKind.ROLLED_BACK if _returned(situation) else None
        reason = f"back at v{served.version}, which is served" if kind else f"v{served.version} is pinned and served"
        return replace(_serve(situation, release, served.version, kind, reason), closed=closed)
    kind = _kind(record, before)
    if kind is EventKind.ROLLED_BACK and before is not None:
        reason = f"roll back to v{before.version} ({release})"
        return replace(_serve(situation, release, before.version, kind, reason), closed=closed)
    if situation.project and before is None:
        return held(situation, HoldReason.INVALID, _told(situation.project))
    return _decide_move(situation, release, kind, before)


def _decide_move(situation: Situation, release: Release, kind: EventKind, before: Ran | None) -> Decision:
    """A release that is new here, or a higher version than the one served: the gates decide."""
    version = before.version if before else situation.record.highest + 1
    answer = ask_gates(question_of(situation, release))
    if not answer.is_open:
        return _stay(situation, answer)
    reason = f"{'return to' if before else 'adopt as' if answer.is_adopted else 'promote to'} v{version} ({release})"
    kind = EventKind.ADOPTED if answer.is_adopted else kind
    if before is not None and situation.record.served is None:
        reason = f"v{version} ({release}) ran here before"
    return replace(
        _serve(situation, release, version, kind, reason), source=answer.source, gates=answer.results, used=answer.used
    )


def _ask_settings(situation: Situation, release: Release) -> Answer:
    """What the gates say of a change of own settings."""
    return ask_gates(Question(release, EventKind.RECONFIGURED, (), conditions=situation.conditions))


def _kind(record: Record, before: Ran | None) -> EventKind:
    if before is None or record.served is None:
        return EventKind.PROMOTED
    return EventKind.ROLLED_BACK if before.version < record.served.version else EventKind.ROLLED_FORWARD


def _asked_as(situation: Situation, release: Release) -> EventKind:
    """The kind of move that the gates are asked about.

    Where nothing is served any more, what was served last comes back like a rollback: a pin that was deleted by
    mistake is not kept away by the gates that it went through before.
    """
    before = ran_as(situation.ran, release)
    if before is None:
        return EventKind.PROMOTED
    if situation.record.served is not None:
        return _kind(situation.record, before)
    return EventKind.ROLLED_BACK if before.version <= situation.record.last_version else EventKind.ROLLED_FORWARD


def _serve(situation: Situation, release: Release, version: int, kind: EventKind | None, reason: str) -> Decision:
    return Decision(
        Action.SERVE,
        reason,
        Layers.HEAD,
        release,
        version,
        kind,
        move=_move_of(situation, release) if kind else None,
    )


def _stay(situation: Situation, answer: Answer) -> Decision:
    """Blocked or waiting: what is served stays, and only the number of pods follows main's head."""
    served = situation.record.served
    return Decision(
        Action.WAIT if answer.is_waiting else Action.HOLD,
        answer.told,
        Layers.APPLIED if served else Layers.FROZEN,
        served.release if served else None,
        served.version if served else None,
        gates=answer.results,
        hold=None if answer.is_waiting else HoldReason.BLOCKED,
        wanted=_wanted(situation),
    )


def _returned(situation: Situation) -> bool:
    """Whether a pin went to another release and came back to what is served, since it was last observed.

    One that was away, or that nobody could read, and came back as it was did not move.
    """
    wanted = situation.record.wanted
    return (wanted is not None and wanted.release is not None) or bool(_superseded(situation))


def _superseded(situation: Situation) -> tuple[Move, ...]:
    """Moves that others followed before anything was rendered; told in history, never served."""
    return tuple(move for move in situation.moves[:-1] if move.release is not None)


def _wanted(situation: Situation) -> Move | None:
    """The move that is not served yet; None when what is pinned is served, or cannot be read."""
    desired, served = situation.desired, situation.record.served
    if situation.tracks_head or isinstance(desired, (Unobserved, Imageless)):
        return None
    if isinstance(desired, Nothing):
        return _move_of(situation, None) if served else None
    if desired.release is None or (served and served.release == desired.release):
        return None
    return _move_of(situation, desired.release)


def _move_of(situation: Situation, release: Release | None) -> Move:
    """The commit that wanted `release`: the last pin move, or the one that waits, or main's head."""
    if situation.moves and situation.moves[-1].release == release:
        return situation.moves[-1]
    wanted = situation.record.wanted
    if wanted is not None and wanted.release == release:
        return wanted
    return replace(situation.head_move, release=release)


def _told(problems: tuple[Problem, ...]) -> str:
    first, *others = problems
    more = f" (and {len(others)} more)" if others else ""
    return f"{first}{more}"
