"""When what failed is tried again: tables, with a clock and chance of their own."""

from __future__ import annotations

import pytest

from headpin.daemon.backoff import MOST_AT_ONCE, Retry, Troubles, Waits, retry_of, wait_of
from headpin.errors import (
    CannotWrite,
    Conflict,
    HistoryMissing,
    PermanentError,
    RefLocked,
    Refused,
    SourceTrouble,
    TimedOut,
)

WAITS = Waits(first=1, longest=60, stalled=600)


@pytest.mark.parametrize(
    ("error", "times", "retry"),
    [
        (Conflict("x"), 1, Retry.AT_ONCE),
        (Conflict("x"), MOST_AT_ONCE + 1, Retry.LATER),
        (RefLocked("x"), 1, Retry.AT_ONCE),
        (SourceTrouble("x"), 1, Retry.LATER),
        (TimedOut("x"), 9, Retry.LATER),
        (CannotWrite("x"), 1, Retry.LATER),
        (PermanentError("x"), 1, Retry.STALLED),
        (HistoryMissing("x"), 1, Retry.STALLED),
        (Refused("x"), 1, Retry.STALLED),
        (ZeroDivisionError("x"), 1, Retry.LATER),
    ],
)
def test_the_class_decides(error: Exception, times: int, retry: Retry) -> None:
    assert retry_of(error, times) is retry


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_waits_grow_to_their_bound_and_are_never_nothing(chance: float) -> None:
    found = [wait_of(Retry.LATER, times, WAITS, chance) for times in range(1, 200)]
    assert all(0.5 <= seconds <= 60 for seconds in found)
    assert found == sorted(found)
    assert wait_of(Retry.LATER, 100, WAITS, 1.0) == 60
    assert 480 <= wait_of(Retry.STALLED, 1, WAITS, chance) <= 600
    assert 0.02 < wait_of(Retry.AT_ONCE, 1, WAITS, chance) <= 0.1


def test_however_long_something_is_dead_it_is_asked_seldom() -> None:
    troubles, now, asked = Troubles(WAITS, lambda: 0.5), 0.0, 0
    while now < 3600:
        asked += 1
        now = troubles.failed("a", SourceTrouble("dead"), now).due
    assert asked < 3600 / 30 + 10


def test_a_race_that_is_lost_often_waits_as_what_begins_to_fail() -> None:
    troubles = Troubles(WAITS, lambda: 1.0)
    waits = [troubles.failed("a", Conflict("first"), 0).due for _ in range(MOST_AT_ONCE + 3)]
    assert waits[MOST_AT_ONCE - 1] < 2 and waits[MOST_AT_ONCE:] == [2, 4, 8]


def test_something_stalled_waits_for_another_input_or_for_long() -> None:
    troubles = Troubles(WAITS, lambda: 0.0)
    troubles.failed("a", PermanentError("no"), 0, given=1)
    assert not troubles.may_try("a", 1, given=1)
    assert troubles.may_try("a", 1, given=2)
    assert troubles.may_try("a", 601, given=1)
    troubles.failed("b", SourceTrouble("late"), 0)
    assert not troubles.may_try("b", 0.1, given=2) and troubles.may_try("b", 3)
    assert troubles.next_due() is not None
    troubles.hurry()
    assert troubles.may_try("a", 0, given=1) and troubles.may_try("b", 0)


def test_what_works_again_starts_from_the_beginning() -> None:
    troubles = Troubles(WAITS, lambda: 1.0)
    for _ in range(5):
        troubles.failed("a", SourceTrouble("late"), 0)
    known = troubles.of("a")
    assert known is not None and known.due == 32
    troubles.succeeded("a")
    assert troubles.failed("a", SourceTrouble("late"), 0).due == 2
    troubles.forget_all_but(())
    assert troubles.next_due() is None and not troubles.names()
