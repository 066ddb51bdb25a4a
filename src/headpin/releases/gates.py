"""The conditions on a move: one pure predicate for command line, checks and controller alike.

A rollback is subject to none of these (authority is another matter); returning to a higher version that
ran before is subject to all but ran-before; a change of own settings to freeze and suspension.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from headpin.model import duration
from headpin.problems import printable
from headpin.releases.codec import format_time
from headpin.releases.conditions import UNCONDITIONAL, Conditions, Exemption
from headpin.releases.evidence import healthy_spans, last_report
from headpin.releases.first_stage import FirstStage, first_stage_gate
from headpin.releases.freeze import frozen
from headpin.releases.record import EventKind, GateResult, Move, SourceVersion, Status
from headpin.releases.release import Release
from headpin.releases.upstream import Upstream, sources

RAN_BEFORE = "ran-before"
ADOPTION = "adoption"
UNKNOWN = "gates"
SUSPENSION = "suspension"
FREEZE = "freeze"
NOTE = "note"
APPROVALS = "approvals"
CHECKS = "checks"
HEALTH = "health"
SOAK = "soak"

_FREE = frozenset({EventKind.ROLLED_BACK, EventKind.STOPPED, EventKind.RESUMED, EventKind.SCALED, EventKind.REMOVED})


@dataclass(frozen=True, slots=True)
class Question:
    """May `release` be pinned here? With `kind` RECONFIGURED: may own settings change?

    `upstream` has the earlier stages, nearest first. `is_reached`: whether the project's pipeline has this
    environment among its stages. `move`: the commit that wants it; None where there is none yet. `first_stage`:
    what takes the place of earlier stages where there are none. `ran_nothing`: whether nothing ever ran here.
    """

    release: Release
    kind: EventKind
    upstream: tuple[Upstream, ...]
    any_earlier: bool = False
    is_reached: bool = True
    conditions: Conditions = UNCONDITIONAL
    move: Move | None = None
    first_stage: FirstStage | None = None
    ran_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gates said, each with its evidence, and where the release comes from.

    `used`: the ids of the overrides without which a gate would be closed. `is_adopted`: whether one of them takes
    over what runs already.
    """

    results: tuple[GateResult, ...]
    source: SourceVersion | None = None
    used: tuple[str, ...] = ()
    is_adopted: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the move may be made."""
        return all(result.is_open for result in self.results)

    @property
    def is_waiting(self) -> bool:
        """Whether everything closed is already under way."""
        return not self.is_open and all(result.is_open or result.is_waiting for result in self.results)

    @property
    def closed(self) -> tuple[GateResult, ...]:
        """The gates that are closed, those that wait included."""
        return tuple(result for result in self.results if not result.is_open)

    @property
    def told(self) -> str:
        """What the closed gates say."""
        return "; ".join(f"{result.gate}: {result.evidence}" for result in self.closed)

    @property
    def opens_at(self) -> datetime | None:
        """When the move may be made if nothing but time passes; None where something else is needed, or nothing."""
        return opens_at(self.results)


def opens_at(results: tuple[GateResult, ...]) -> datetime | None:
    """When the last of the closed gates opens by itself; None where one does not, or none is closed."""
    instants = [result.opens_at for result in results if not result.is_open]
    known = [instant for instant in instants if instant is not None]
    return max(known) if known and len(known) == len(instants) else None


def ask_gates(question: Question) -> Answer:
    """Every gate's result for a move, in the order in which people can do something about it."""
    if question.kind in _FREE:
        return Answer(())
    if question.conditions.trouble:
        return Answer((GateResult(UNKNOWN, False, f"the gates cannot be read: {question.conditions.trouble}"),))
    if question.kind is EventKind.RECONFIGURED:
        return Answer((*_suspension(question), *_freeze(question)))
    adoption = question.conditions.adoption
    if adoption is not None and question.ran_nothing:
        evidence = f"taken over by {adoption.path}: {adoption.reason}"
        taken = GateResult(ADOPTION, True, evidence, override=adoption.path)
        answer = _answer(question, (taken,), (), None)
        return replace(answer, is_adopted=True, used=(adoption.id, *answer.used))
    before, stage, source = _origin(question)
    evidence_gates = tuple(_evidence(question, stage, is_waiting=any(result.is_waiting for result in before)))
    return _answer(question, before, evidence_gates, source)


def _answer(
    question: Question,
    before: tuple[GateResult, ...],
    evidence: tuple[GateResult, ...],
    source: SourceVersion | None,
) -> Answer:
    """What all gates say, those between where it comes from and what happened there included."""
    results = (
        *before,
        *_suspension(question),
        *_freeze(question),
        *_note(question),
        *_approvals(question),
        *evidence,
    )
    opened = [_opened(question.conditions, result) for result in results]
    used = {exemption.id for _, exemption in opened if exemption is not None}
    return Answer(tuple(result for result, _ in opened), source, tuple(sorted(used)))


def _opened(conditions: Conditions, result: GateResult) -> tuple[GateResult, Exemption | None]:
    """The gate as an override leaves it, where the stage allows that."""
    if result.is_open or result.gate not in conditions.gates.overridable:
        return result, None
    found = next((item for item in conditions.exemptions if result.gate in item.gates), None)
    if found is None:
        return result, None
    evidence = f"opened by {found.path} ({found.reason}); without it: {result.evidence}"
    return GateResult(result.gate, True, evidence, override=found.path), found


# ── where it comes from ──────────────────────────────────────────────────────────────────────────────


def _origin(question: Question) -> tuple[tuple[GateResult, ...], Upstream | None, SourceVersion | None]:
    """Whether it ran before, and the stage whose evidence counts. What ran here itself needs only the second."""
    if question.kind is EventKind.ROLLED_FORWARD:
        ran = (item for item in question.upstream if not item.is_transparent and item.has_run(question.release))
        return (), next(ran, None), None
    if question.first_stage is not None:
        return (first_stage_gate(question.release, question.first_stage),), None, None
    result, stage = _ran_before(question)
    known = stage.has_run(question.release) if stage else None
    source = SourceVersion(stage.environment, known.version) if stage and known else None
    return (result,), stage, source


def _ran_before(question: Question) -> tuple[GateResult, Upstream | None]:
    allowed = sources(question.upstream, question.any_earlier)
    if not allowed:
        return GateResult(RAN_BEFORE, False, _no_source(question)), None
    for stage in allowed:
        found = stage.has_run(question.release)
        if found is not None and stage.is_deployed:
            name = "HEAD" if stage.tracks_head else f"v{found.version}"
            evidence = f"ran in {stage.environment} as {name} since {format_time(found.at)}"
            return GateResult(RAN_BEFORE, True, evidence), stage
    for stage in allowed:
        if stage.trouble:
            return GateResult(RAN_BEFORE, False, f"{stage.environment}: {stage.trouble}", is_waiting=True), None
        if stage.is_about_to_run(question.release):
            return GateResult(RAN_BEFORE, False, f"{stage.environment} is about to run it", is_waiting=True), None
    idle = next((stage for stage in allowed if stage.has_run(question.release)), None)
    if idle is not None and idle.record.served is not None:
        said = f"it is {idle.record.served.status.value} in {idle.environment}, and only what is Deployed is promoted"
        return GateResult(RAN_BEFORE, False, said), None
    return GateResult(RAN_BEFORE, False, _never_ran(allowed, question)), None


def _no_source(question: Question) -> str:
    if not question.is_reached:
        return "the project's pipeline does not reach this environment"
    return "no earlier stage of the pipeline runs this agent"


def _never_ran(allowed: tuple[Upstream, ...], question: Question) -> str:
    names = " or ".join(stage.environment for stage in allowed)
    said = f"{question.release} never ran in {names}"
    near = next(
        (
            entry.release
            for stage in allowed
            for entry in reversed(stage.ran)
            if _alike(entry.release, question.release)
        ),
        None,
    )
    if near is None:
        return said
    wrong = [key for key, value in near.as_mapping().items() if question.release.as_mapping().get(key) != value]
    return f"{said} with this {' and '.join(wrong)}"


def _alike(one: Release, other: Release) -> bool:
    return one.revision == other.revision


# ── what documents say ───────────────────────────────────────────────────────────────────────────────


def _suspension(question: Question) -> Iterator[GateResult]:
    found = question.conditions.suspensions
    if found:
        told = "; ".join(f"{suspension.path} says: {suspension.reason}" for suspension in found)
        yield GateResult(SUSPENSION, False, told)


def _freeze(question: Question) -> Iterator[GateResult]:
    freezes, now = question.conditions.gates.freeze, question.conditions.now
    if not freezes:
        return
    found = frozen(freezes, now)
    if found is None:
        yield GateResult(FREEZE, True, "nothing is frozen")
        return
    until = f"until {format_time(found.opens_at)}" if found.opens_at else "without an end"
    yield GateResult(FREEZE, False, f"frozen {until}: {found.reason}", opens_at=found.opens_at)


def _note(question: Question) -> Iterator[GateResult]:
    if question.conditions.gates.note is None:
        return
    move = question.move
    if move is not None and move.has_note:
        yield GateResult(NOTE, True, "the commit has a note")
    else:
        yield GateResult(NOTE, False, "the promotion needs a note, below the subject of its commit")


def _approvals(question: Question) -> Iterator[GateResult]:
    needed = question.conditions.gates.approvals
    if not needed:
        return
    author = _names(question.move.person) if question.move else frozenset()
    people = {consent.by.casefold(): consent for consent in reversed(question.conditions.consents)}
    counted = [consent for name, consent in sorted(people.items()) if name not in author]
    told = ", ".join(f"{consent.by} ({consent.path})" for consent in counted) or "nobody"
    own = "; the author's own does not count" if len(counted) < len(people) else ""
    evidence = f"{len(counted)} of {needed} approved: {told}{own}"
    yield GateResult(APPROVALS, len(counted) >= needed, evidence)


def _names(person: str) -> frozenset[str]:
    """The name and the address of ``Name <address>``, as approvals may give either."""
    name, _, address = person.partition(" <")
    return frozenset({name.strip().casefold(), address.removesuffix(">").strip().casefold()})


# ── what happened in the stage it comes from ─────────────────────────────────────────────────────────


def _evidence(question: Question, stage: Upstream | None, *, is_waiting: bool) -> Iterator[GateResult]:
    gates = question.conditions.gates
    wanted = ((CHECKS, gates.checks), (HEALTH, gates.health), (SOAK, gates.soak))
    asked = [name for name, condition in wanted if condition]
    if not asked:
        return
    if stage is None or stage.evidence.trouble:
        told = stage.evidence.trouble if stage else "no earlier stage supplies the release"
        yield from (GateResult(name, False, told, is_waiting) for name in asked)
        return
    if gates.checks:
        yield _checks(stage, gates.checks)
    if gates.health:
        yield _health(stage, question.release)
    if gates.soak:
        yield _soak(stage, gates.soak, question.conditions.now)


def _checks(stage: Upstream, names: tuple[str, ...]) -> GateResult:
    known = {check.name: check for check in stage.evidence.checks}
    told = []
    for name in names:
        check = known.get(name)
        if check is None:
            told.append(f"{name} has no result in {stage.environment}")
            continue
        score = f" with {check.score:g}" if check.score is not None else ""
        where = f" {printable(check.url)}" if check.url else ""
        word = "passed" if check.is_passed else "failed"
        told.append(f"{name} {word}{score} in {stage.environment} at {format_time(check.at)}{where}")
    passed = all(name in known and known[name].is_passed for name in names)
    return GateResult(CHECKS, passed, "; ".join(told))


def _health(stage: Upstream, release: Release) -> GateResult:
    served, evidence, where = stage.record.served, stage.evidence, stage.environment
    is_served = served is not None and served.release == release
    if is_served and served is not None and served.status is not Status.DEPLOYED:
        return GateResult(HEALTH, False, f"it is {served.status.value} in {where}")
    if not evidence.reports:
        verb = "counts" if is_served else "counted"
        return GateResult(HEALTH, True, f"{where} has 'health: none': what is served there {verb} as healthy")
    report = last_report(evidence, served)
    if report is None:
        said = "as it is served there now" if is_served else "when it was served there"
        return GateResult(HEALTH, False, f"no health report of it from {where} {said}")
    word = "healthy" if report.is_healthy else "degraded"
    message = f": {printable(report.message)}" if report.message else ""
    told = f"reported {word} in {where} at {format_time(report.start)} by {printable(report.person)}{message}"
    return GateResult(HEALTH, report.is_healthy, told)


def _soak(stage: Upstream, soak: str, now: datetime) -> GateResult:
    needed, where = duration(soak), stage.environment
    spans = healthy_spans(stage.evidence, stage.record.served)
    word = "healthy" if stage.evidence.reports else "served"
    done = next((span for span in spans if span.length(now) >= needed), None)
    if done is not None:
        until = f" until {format_time(done.until)}" if done.until else ""
        return GateResult(SOAK, True, f"{word} in {where} from {format_time(done.start)}{until}, for {soak} or longer")
    if not spans or spans[-1].until is not None:
        return GateResult(SOAK, False, f"it is not {word} in {where} now, and never was for {soak} without a break")
    at = spans[-1].start + needed
    told = f"{word} in {where} from {format_time(spans[-1].start)}, and for {soak} at {format_time(at)}"
    return GateResult(SOAK, False, told, opens_at=at)
