"""The pure predicate: every gate against every kind of move, and what counts as evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headpin.errors import ObjectDamaged
from headpin.model import Freeze, Gates, duration
from headpin.releases import (
    NEVER_RAN,
    Answer,
    Check,
    Conditions,
    Consent,
    Event,
    EventKind,
    Evidence,
    Exemption,
    Health,
    Move,
    Question,
    Ran,
    Record,
    Release,
    Scale,
    Served,
    Span,
    Status,
    Suspension,
    Upstream,
    ask_gates,
)
from headpin.releases.codec import event_mapping, format_event, format_record, parse_events, parse_record
from headpin.releases.evidence import (
    MAX_INTERVALS,
    format_checks,
    format_health,
    healthy_spans,
    last_report,
    parse_checks,
    parse_health,
    present_spans,
    serving_spans,
    with_check,
    with_report,
)
from headpin.types import Revision, TreeId

NOON = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = Revision("c" * 40)
ANN = "Ann <ann@example.com>"


def release(letter: str) -> Release:
    return Release(Revision(letter * 40), f"registry.example.com/cart:{letter}", TreeId("0" * 40))


ONE, TWO = release("1"), release("2")


def served(of: Release = TWO, *, digest: str = "d", status: Status = Status.DEPLOYED, since: datetime = NOON) -> Served:
    return Served(of, 2, status, since, CONFIG, digest, Scale(1, 1, 80))


def stage(
    environment: str = "staging", now: Served | None = None, evidence: Evidence | None = None, **more: object
) -> Upstream:
    """A stage that ran both releases and serves TWO since noon."""
    now = now or served()
    ran = (Ran(1, ONE, NOON - HOUR), Ran(2, TWO, NOON))
    evidence = evidence or Evidence(spans=(Span(NOON),))
    return replace(
        Upstream(environment, False, False, now.release, True, Record(now, 2), ran, evidence=evidence), **more
    )


def gates(**said: object) -> Gates:
    return Gates.model_validate(said)


def move(person: str = ANN, *, has_note: bool = False) -> Move:
    return Move(TWO, CONFIG, person, NOON, "subject", has_note)


def ask(
    asked: Gates,
    kind: EventKind = EventKind.PROMOTED,
    *,
    upstream: tuple[Upstream, ...] | None = None,
    now: datetime = NOON,
    by: Move | None = None,
    **more: object,
) -> Answer:
    conditions = Conditions(now, asked, **more)
    return ask_gates(
        Question(TWO, kind, (stage(),) if upstream is None else upstream, conditions=conditions, move=by or move())
    )


FROZEN = Freeze.model_validate({"from": "2026-01-01T00:00Z", "until": "2026-02-01T00:00Z", "reason": "holidays"})
ALL = Gates(health=True, soak="1h", checks=("evals",), freeze=(FROZEN,), approvals=1, note="required")
SUSPENDED = {"suspensions": (Suspension("headpin.yaml", "audit"),)}


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        (
            EventKind.PROMOTED,
            ["ran-before", "suspension", "freeze", "note", "approvals", "checks", "health", "soak"],
        ),
        (EventKind.ROLLED_FORWARD, ["suspension", "freeze", "note", "approvals", "checks", "health", "soak"]),
        (EventKind.RECONFIGURED, ["suspension", "freeze"]),
        (EventKind.ROLLED_BACK, []),
        (EventKind.SCALED, []),
        (EventKind.STOPPED, []),
        (EventKind.RESUMED, []),
    ],
)
def test_a_kind_of_move_is_asked_its_gates(kind: EventKind, asked: list[str]) -> None:
    assert [result.gate for result in ask(ALL, kind, **SUSPENDED).results] == asked


def test_a_stage_without_gates_asks_whether_it_ran_before_and_nothing_else() -> None:
    answer = ask(Gates())
    assert [result.gate for result in answer.results] == ["ran-before"]
    assert answer.is_open and answer.opens_at is None and answer.told == ""


BOB, EVE, OWN = Consent("bob@example.com", "b"), Consent("Eve", "e"), Consent("ANN@example.com", "a")
PASSED, FAILED = Check("evals", True, NOON, ANN), Check("evals", False, NOON, ANN)
HEALTHY = Health(True, NOON, None, "d", 2, ANN)
DEGRADED = replace(HEALTHY, is_healthy=False, message="queue full")


def reported(*health: Health, spans: tuple[Span, ...] = (Span(NOON),)) -> Evidence:
    return Evidence(True, spans, health)


CASES: list[tuple[str, Answer, bool, str]] = [
    ("a suspension closes", ask(Gates(), **SUSPENDED), False, "headpin.yaml says: audit"),
    ("a freeze closes", ask(gates(freeze=(FROZEN,))), False, "frozen until 2026-02-01T00:00:00Z: holidays"),
    (
        "a freeze that is over is open",
        ask(gates(freeze=(FROZEN,)), now=NOON + 30 * 24 * HOUR),
        True,
        "nothing is frozen",
    ),
    ("a note is missing", ask(gates(note="required")), False, "needs a note, below the subject"),
    ("a note is there", ask(gates(note="required"), by=move(has_note=True)), True, "the commit has a note"),
    ("nobody approved", ask(gates(approvals=1)), False, "0 of 1 approved: nobody"),
    ("somebody approved", ask(gates(approvals=1), consents=(BOB,)), True, "1 of 1 approved: bob@example.com (b)"),
    ("the author approved", ask(gates(approvals=1), consents=(OWN,)), False, "the author's own does not count"),
    ("the author by name", ask(gates(approvals=1), consents=(Consent("ann", "a"),)), False, "0 of 1"),
    ("the same person twice", ask(gates(approvals=2), consents=(BOB, replace(BOB, path="c"))), False, "1 of 2"),
    ("two people", ask(gates(approvals=2), consents=(BOB, EVE, OWN)), True, "2 of 2"),
    ("no result", ask(gates(checks=("evals",))), False, "evals has no result in staging"),
    (
        "a check failed",
        ask(gates(checks=("evals",)), upstream=(stage(evidence=Evidence(checks=(FAILED,))),)),
        False,
        "evals failed in staging at 2026-01-07T12:00:00Z",
    ),
    (
        "a check passed",
        ask(gates(checks=("evals",)), upstream=(stage(evidence=Evidence(checks=(PASSED,))),)),
        True,
        "passed",
    ),
    ("health is not reported there", ask(gates(health=True)), True, "staging has 'health: none'"),
    ("no report", ask(gates(health=True), upstream=(stage(evidence=reported()),)), False, "no health report of it"),
    ("healthy", ask(gates(health=True), upstream=(stage(evidence=reported(HEALTHY)),)), True, "reported healthy"),
    ("degraded", ask(gates(health=True), upstream=(stage(evidence=reported(DEGRADED)),)), False, ": queue full"),
    (
        "a stale report",
        ask(gates(health=True), upstream=(stage(evidence=reported(replace(HEALTHY, digest="e"))),)),
        False,
        "as it is served there now",
    ),
    (
        "failed there",
        ask(gates(health=True), EventKind.ROLLED_FORWARD, upstream=(stage(now=served(status=Status.FAILED)),)),
        False,
        "it is Failed in staging",
    ),
    ("it soaks", ask(gates(soak="2h"), now=NOON + HOUR), False, "and for 2h at 2026-01-07T14:00:00Z"),
    (
        "it soaked",
        ask(gates(soak="2h"), now=NOON + 2 * HOUR),
        True,
        "served in staging from 2026-01-07T12:00:00Z, for 2h",
    ),
    (
        "it soaked once",
        ask(gates(soak="2h"), upstream=(stage(evidence=Evidence(spans=(Span(NOON, NOON + 3 * HOUR),))),)),
        True,
        "until 2026-01-07T15:00:00Z",
    ),
    (
        "it left too early",
        ask(gates(soak="2h"), upstream=(stage(evidence=Evidence(spans=(Span(NOON, NOON + HOUR),))),)),
        False,
        "not served in staging now",
    ),
    (
        "evidence cannot be read",
        ask(gates(soak="2h"), upstream=(stage(evidence=Evidence(trouble="broken")),)),
        False,
        "broken",
    ),
]


@pytest.mark.parametrize(("name", "answer", "is_open", "evidence"), CASES, ids=[case[0] for case in CASES])
def test_a_gate_says(name: str, answer: Answer, is_open: bool, evidence: str) -> None:
    result = answer.results[-1]
    assert (result.is_open, answer.is_open) == (is_open, is_open) and evidence in result.evidence
    assert not answer.is_waiting


def test_what_a_closed_gate_says_stays_the_same_while_time_passes() -> None:
    asked = gates(soak="3h", freeze=(FROZEN,), approvals=1)
    told = {ask(asked, now=NOON + minutes * timedelta(minutes=1)).told for minutes in range(0, 180, 7)}
    assert len(told) == 1


def test_the_answer_opens_when_the_last_gate_does_and_never_where_one_needs_a_person() -> None:
    assert ask(gates(soak="3h")).opens_at == NOON + 3 * HOUR
    assert ask(gates(soak="3h", freeze=(FROZEN,))).opens_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert ask(gates(soak="3h", approvals=1)).opens_at is None


def test_only_ran_before_waits_and_what_depends_on_it_with_it() -> None:
    coming = replace(stage(now=served(ONE)), ran=(Ran(1, ONE, NOON),), pin=TWO)
    answer = ask(gates(checks=("evals",), soak="1h"), upstream=(coming,))
    assert answer.is_waiting and [result.is_waiting for result in answer.results] == [True, True, True]
    assert not ask(gates(checks=("evals",), note="required"), upstream=(coming,)).is_waiting


@pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
def test_nobody_waits_for_a_source_that_serves_the_release_and_does_not_run_it(status: Status) -> None:
    answer = ask(gates(health=True), upstream=(stage(now=served(status=status)),))
    assert not answer.is_open and not answer.is_waiting
    assert f"it is {status.value} in staging" in answer.told


def test_evidence_is_asked_of_the_stage_that_the_release_comes_from() -> None:
    near = replace(stage("staging"), ran=(Ran(1, ONE, NOON),), record=Record(served(ONE), 1), pin=ONE)
    far = stage("dev", evidence=Evidence(spans=(Span(NOON),), checks=(PASSED,)))
    conditions = Conditions(NOON, gates(checks=("evals",)))
    question = Question(TWO, EventKind.PROMOTED, (near, far), True, conditions=conditions, move=move())
    answer = ask_gates(question)
    assert answer.is_open and answer.source is not None and answer.source.environment == "dev"
    forward = ask_gates(replace(question, kind=EventKind.ROLLED_FORWARD, any_earlier=False))
    assert forward.is_open and forward.source is None


def test_returning_to_what_no_earlier_stage_ran_is_closed_only_where_evidence_is_asked() -> None:
    nowhere = replace(stage(), record=NEVER_RAN, ran=())
    assert ask(Gates(), EventKind.ROLLED_FORWARD, upstream=(nowhere,)).is_open
    answer = ask(gates(health=True), EventKind.ROLLED_FORWARD, upstream=(nowhere,))
    assert answer.told == "health: no earlier stage supplies the release"


# ── overrides ────────────────────────────────────────────────────────────────────────────────────────

NOW = Exemption("id", "overrides/now.yaml", frozenset({"soak", "approvals"}), "prices")


def test_an_override_opens_what_it_names_where_the_stage_allows_it() -> None:
    answer = ask(gates(soak="3h", approvals=1, overridable=("soak",)), exemptions=(NOW,))
    results = {result.gate: result.is_open for result in answer.results}
    assert results == {"ran-before": True, "approvals": False, "soak": True}
    assert answer.used == ("id",)


def test_an_override_is_used_only_where_a_gate_is_closed() -> None:
    answer = ask(gates(soak="3h", overridable=("soak",)), exemptions=(NOW,), now=NOON + 4 * HOUR)
    assert answer.is_open and answer.used == ()


@pytest.mark.parametrize("gate", ["ran-before", "suspension"])
def test_no_stage_can_let_an_override_open(gate: str) -> None:
    with pytest.raises(ValueError, match="overridable"):
        gates(overridable=(gate,))


# ── when a release ran, and was healthy ──────────────────────────────────────────────────────────────


def event(kind: EventKind, hours: int, of: Release = TWO) -> Event:
    return Event(kind, NOON + hours * HOUR, CONFIG, 2, of)


K = EventKind
SPANS = [
    ("never", [event(K.PROMOTED, 0, ONE)], []),
    ("since it was promoted", [event(K.PROMOTED, 0)], [(0, None)]),
    ("until another came", [event(K.PROMOTED, 0), event(K.PROMOTED, 2, ONE)], [(0, 2)]),
    (
        "and again",
        [event(K.PROMOTED, 0), event(K.ROLLED_BACK, 2, ONE), event(K.ROLLED_FORWARD, 3)],
        [(0, 2), (3, None)],
    ),
    ("cut by other settings", [event(K.PROMOTED, 0), event(K.RECONFIGURED, 2)], [(0, 2), (2, None)]),
    ("not cut by scale or a hold", [event(K.PROMOTED, 0), event(K.SCALED, 1), event(K.HELD, 2)], [(0, None)]),
    ("not cut by a pin that came back", [event(K.PROMOTED, 0), event(K.ROLLED_BACK, 2)], [(0, None)]),
    (
        "not while stopped",
        [event(K.PROMOTED, 0), event(K.STOPPED, 1), event(K.RECONFIGURED, 2), event(K.RESUMED, 3)],
        [(0, 1), (3, None)],
    ),
    ("not where it came stopped", [event(K.PROMOTED, 0), event(K.STOPPED, 0)], []),
    ("not once failed", [event(K.PROMOTED, 0), event(K.FAILED, 1)], [(0, 1)]),
    ("not once removed", [event(K.PROMOTED, 0), event(K.REMOVED, 1)], [(0, 1)]),
    ("others' settings", [event(K.PROMOTED, 0, ONE), event(K.RECONFIGURED, 1, ONE)], []),
]


@pytest.mark.parametrize(("name", "events", "spans"), SPANS, ids=[case[0] for case in SPANS])
def test_a_release_ran(name: str, events: list[Event], spans: list[tuple[int, int | None]]) -> None:
    wanted = tuple(Span(NOON + s * HOUR, None if u is None else NOON + u * HOUR) for s, u in spans)
    assert serving_spans(events, TWO) == wanted


def test_the_record_has_the_last_word_on_what_is_served() -> None:
    later = NOON + HOUR
    assert present_spans((), served(), TWO, later) == (Span(NOON),)
    assert present_spans((Span(NOON),), served(ONE), TWO, later) == (Span(NOON, later),)
    assert present_spans((Span(NOON),), served(status=Status.STOPPED), TWO, later) == (Span(NOON, later),)
    assert present_spans((), None, TWO, later) == ()


def test_without_reports_other_settings_do_not_end_a_soak() -> None:
    spans = (Span(NOON, NOON + HOUR), Span(NOON + HOUR))
    assert healthy_spans(Evidence(False, spans), served()) == (Span(NOON),)


def test_reports_count_for_the_rendering_that_they_are_about() -> None:
    spans = (Span(NOON, NOON + 2 * HOUR), Span(NOON + 2 * HOUR))
    old = replace(HEALTHY, digest="old", until=NOON + 3 * HOUR)
    new = replace(HEALTHY, start=NOON + 3 * HOUR)
    evidence = reported(old, new, spans=spans)
    assert healthy_spans(evidence, served()) == (Span(NOON + 3 * HOUR),)
    assert healthy_spans(reported(old, spans=spans[:1]), served(ONE)) == (Span(NOON, NOON + 2 * HOUR),)
    assert last_report(reported(old, spans=spans), served()) is None
    assert last_report(evidence, served()) == new


def test_a_report_from_before_the_release_was_served_tells_nothing() -> None:
    early = replace(HEALTHY, start=NOON - HOUR)
    assert healthy_spans(reported(early), served()) == ()
    assert last_report(reported(early), served()) is None


def test_reports_are_transitions_and_never_repetitions() -> None:
    health = with_report((), HEALTHY)
    assert with_report(health, replace(HEALTHY, start=NOON + HOUR)) == health
    health = with_report(health, replace(DEGRADED, start=NOON + HOUR))
    assert [(item.is_healthy, item.until) for item in health] == [(True, NOON + HOUR), (False, None)]
    health = with_report(health, replace(HEALTHY, start=NOON, digest="e"))
    assert health[-2].until == NOON + HOUR, "a clock that is behind ends nothing before it began"
    for number in range(2 * MAX_INTERVALS):
        health = with_report(health, replace(HEALTHY, digest=str(number)))
    assert len(health) == MAX_INTERVALS


def test_a_check_has_one_result_the_latest() -> None:
    checks = with_check(with_check((), FAILED), Check("a-first", True, NOON, ANN))
    assert [check.name for check in with_check(checks, PASSED)] == ["a-first", "evals"]
    assert with_check(checks, PASSED)[1].is_passed


# ── files ────────────────────────────────────────────────────────────────────────────────────────────


def test_evidence_survives_its_files() -> None:
    health = (replace(HEALTHY, until=NOON + HOUR), DEGRADED)
    assert parse_health(format_health(TWO, health).encode(), "p", TWO) == health
    checks = (replace(PASSED, score=0.97, url="https://ci.example.com/7", message="zwölf"), FAILED)
    assert parse_checks(format_checks(TWO, checks).encode(), "p", TWO) == checks
    assert (
        format_checks(TWO, ()) == format_checks(TWO, ())
        and parse_checks(format_checks(TWO, ()).encode(), "p", TWO) == ()
    )


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b'{"release": {}, "items": []}', b"[" * 100_000, b"\xff"])
def test_a_file_that_headpin_did_not_write_is_damaged(data: bytes) -> None:
    with pytest.raises(ObjectDamaged):
        parse_health(data, "p", TWO)


def test_evidence_about_another_release_is_damaged() -> None:
    with pytest.raises(ObjectDamaged, match="another release"):
        parse_checks(format_checks(ONE, (PASSED,)).encode(), "p", TWO)


def test_records_and_events_keep_what_gates_said() -> None:
    record = Record(served(), 2, move(has_note=True), None, None, ("a" * 40, "b" * 40))
    assert parse_record(format_record(record).encode(), "p") == record
    results = ask(gates(soak="3h", approvals=1)).results
    told = replace(event(K.HELD, 0), gates=results)
    assert parse_events(format_event(told).encode(), "p") == (told,)
    assert event_mapping(told)["gates"][-1]["opensAt"] == "2026-01-07T15:00:00Z"


@pytest.mark.parametrize(
    ("text", "minutes"), [("30m", 30), ("2h", 120), ("1d", 1440), ("1h30m", 90), ("1d2h3m", 1563), ("90d", 129_600)]
)
def test_a_duration_is_read(text: str, minutes: int) -> None:
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text", ["", "0m", "91d", "90d1m", "5", "1.5h", "-1h", "1h 30m", "30m1h", "1w", "2H", "1h1h", "٣m"]
)
def test_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|between"):
        duration(text)
