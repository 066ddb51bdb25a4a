"""Judging is pure: facts in, findings out. What no history of a test workspace has room for is tried here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headpin.audit.facts import NOTHING, Deployment, EarlierStage, Rules, Standing
from headpin.audit.judge_move import Moved, judge_move, kind_of
from headpin.audit.judge_record import judge_record
from headpin.audit.standing import added_events, keeps_what_ran
from headpin.model import Gates
from headpin.releases import Event, EventKind, Ran, Record, Release, Scale, Served, Status
from headpin.releases.codec import SEAL_AT, format_event
from headpin.tree import MemoryTree
from headpin.types import AgentName, Revision, TreeId

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CART = AgentName("shop", "cart")
CONFIG = Revision("c" * 40)
PATH = "deployments/shop/cart.events"


def release(letter: str) -> Release:
    """A release unlike those of other letters."""
    return Release(Revision(letter * 40), f"registry.example.com/cart:{letter}", TreeId(letter * 40))


def standing(*letters: str, served: str | None = None, status: Status = Status.DEPLOYED) -> Standing:
    """A deployment that ran these releases, as v1, v2, …, and serves one of them."""
    ran = tuple(Ran(number, release(letter), AT) for number, letter in enumerate(letters, 1))
    record = Record(highest=len(ran))
    if served is not None:
        version = letters.index(served) + 1
        record = replace(record, served=Served(release(served), version, status, AT, CONFIG, "d", Scale(1, 1, 80)))
    return Standing(record, ran)


def stage(name: str, found: Standing | None, *, required: bool = False, pinned: bool = False) -> EarlierStage:
    """An earlier stage."""
    return EarlierStage(name, required, name == "dev", release("z") if pinned else None, found)


def wrong(rules: Rules, before: Standing, letter: str, kind: EventKind = EventKind.PROMOTED) -> list[str]:
    """The codes that judging a move gives."""
    event = Event(kind, AT, CONFIG, release=release(letter))
    deployment = Deployment(CART, before, before, rules, release(letter), (event,))
    return [code for code, _ in judge_move(Moved(deployment, before, event, release(letter), ""), "prod")]


DEV = stage("dev", standing("a", "b", served="b"))


@pytest.mark.parametrize(
    ("earlier", "any_earlier", "codes"),
    [
        ((stage("staging", standing("a", served="a")), DEV), False, ["HP404"]),
        ((stage("staging", standing("a", served="a")), DEV), True, []),
        ((stage("staging", NOTHING), DEV), False, []),
        ((stage("staging", NOTHING, required=True), DEV), False, ["HP404"]),
        ((stage("staging", NOTHING, pinned=True), DEV), False, ["HP404"]),
        ((stage("staging", standing("b", served="b")), DEV), False, []),
        ((stage("staging", standing("b", "a", served="a")), DEV), False, []),
        ((stage("staging", standing("b", served="b", status=Status.STOPPED)), DEV), False, ["HP423"]),
        ((stage("staging", standing("b", served="b", status=Status.FAILED)), DEV), False, ["HP423"]),
        ((stage("staging", standing("b"), required=True), DEV), False, ["HP423"]),
        ((stage("staging", None), DEV), False, []),
        ((), False, ["HP404"]),
    ],
)
def test_a_release_comes_from_the_nearest_stage_that_runs_anything(
    earlier: tuple[EarlierStage, ...], any_earlier: bool, codes: list[str]
) -> None:
    rules = Rules(is_reached=True, any_earlier=any_earlier, earlier=earlier)
    assert wrong(rules, standing("a", served="a"), "b") == codes


def test_what_came_stopped_and_never_ran_supplies_nothing() -> None:
    stopped = Standing(standing("b", served="b").record, (Ran(1, release("b"), AT, deployed=False),))
    assert wrong(Rules(earlier=(stage("staging", stopped),)), NOTHING, "b") == ["HP404"]


@pytest.mark.parametrize(
    ("before", "letter", "kind", "is_asked"),
    [
        (standing("a", served="a"), "b", EventKind.PROMOTED, True),
        (standing("a", "b", served="b"), "a", EventKind.ROLLED_BACK, False),
        (standing("a", "b", served="a"), "b", EventKind.ROLLED_FORWARD, True),
        (standing("a", "b", served="b"), "b", EventKind.ROLLED_BACK, False),
        (standing("a", "b"), "b", EventKind.PROMOTED, True),
    ],
)
def test_a_rollback_is_asked_nothing_and_a_return_everything_but_where_it_ran(
    before: Standing, letter: str, kind: EventKind, is_asked: bool
) -> None:
    assert kind_of(before, release(letter)) is kind
    rules = Rules(suspended=("headpin.yaml",), gates=Gates(), earlier=(DEV,))
    assert wrong(rules, before, letter, kind) == ["HP435"] * is_asked


def lines(start: int, end: int) -> bytes:
    """So many events."""
    return "".join(format_event(Event(EventKind.SCALED, AT, CONFIG, number)) for number in range(start, end)).encode()


def test_lines_that_are_sealed_are_kept() -> None:
    before = MemoryTree({PATH: lines(0, SEAL_AT)})
    half = SEAL_AT // 2
    after = MemoryTree({f"{PATH}.0001": lines(0, half), PATH: lines(half, SEAL_AT + 1)})
    events, is_kept = added_events(before, after, CART)
    assert is_kept and [event.version for event in events] == [SEAL_AT]
    cut = MemoryTree({f"{PATH}.0001": lines(0, half - 1), PATH: lines(half, SEAL_AT + 1)})
    assert added_events(before, cut, CART) == ((), False)
    gone = MemoryTree({PATH: lines(half, SEAL_AT + 1)})
    assert added_events(after, gone, CART) == ((), False)
    assert keeps_what_ran(before, after, CART)


def test_a_stop_and_other_settings_at_once_are_told_by_their_events() -> None:
    was = standing("a", served="a")
    assert was.record.served is not None
    now = replace(was.record.served, digest="e", scale=Scale(0, 0, 80, stopped=True), status=Status.STOPPED)
    after = Standing(replace(was.record, served=now), was.ran)
    kinds = (EventKind.RECONFIGURED, EventKind.STOPPED)
    for told, codes in ((kinds, []), (kinds[:1], ["HP431"]), (kinds[1:], ["HP431"]), ((), ["HP431", "HP431"])):
        events = tuple(Event(kind, AT, CONFIG, 1, release("a")) for kind in told)
        item = Deployment(CART, was, after, Rules(), release("a"), events, shown="1", settings="a" * 40)
        assert [code for code, _ in judge_record(item, was, after, is_head=False)] == codes
