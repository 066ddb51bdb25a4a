"""Freeze windows by the wall clock of their zone, the nights at which it jumps included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headpin.model import Freeze
from headpin.releases.freeze import Frozen, frozen

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekly(days: tuple[str, ...], start: str, until: str, zone: str = BERLIN, reason: str = "weekend") -> Freeze:
    said = {"days": days, "from": start, "until": until, "timeZone": zone, "reason": reason}
    return Freeze.model_validate(said)


def span(start: str, until: str, zone: str | None = None, reason: str = "holidays") -> Freeze:
    said = {"from": start, "until": until, "reason": reason} | ({"timeZone": zone} if zone else {})
    return Freeze.model_validate(said)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def is_closed(freeze: Freeze, text: str) -> bool:
    return frozen((freeze,), at(text)) is not None


NIGHTS = weekly(("fri", "sat"), "16:00", "09:00")
CASES = [
    # 2026-01-09 is a Friday; Berlin is at +01:00
    ("before a weekly window", NIGHTS, "2026-01-09T15:59:59+01:00", None),
    ("at its first second", NIGHTS, "2026-01-09T16:00:00+01:00", "2026-01-10T09:00:00+01:00"),
    ("after midnight, on the next day", NIGHTS, "2026-01-10T08:59:59+01:00", "2026-01-10T09:00:00+01:00"),
    ("at its end", NIGHTS, "2026-01-10T09:00:00+01:00", None),
    ("in the second night", NIGHTS, "2026-01-11T01:00:00+01:00", "2026-01-11T09:00:00+01:00"),
    ("in a night that does not begin on a day named", NIGHTS, "2026-01-11T20:00:00+01:00", None),
    ("in summer at the same wall clock", NIGHTS, "2026-07-10T16:00:00+02:00", "2026-07-11T09:00:00+02:00"),
    ("an hour early in summer", NIGHTS, "2026-07-10T15:59:59+02:00", None),
    ("within one day", weekly(("wed",), "08:00", "10:00"), "2026-01-07T09:00:00+01:00", "2026-01-07T10:00:00+01:00"),
    ("until 24:00", weekly(("wed",), "08:00", "24:00"), "2026-01-07T23:59:59+01:00", "2026-01-08T00:00:00+01:00"),
    (
        "from 00:00 until 24:00",
        weekly(("wed",), "00:00", "24:00"),
        "2026-01-07T00:00:00+01:00",
        "2026-01-08T00:00+01:00",
    ),
    (
        "a day from a time until the same",
        weekly(("wed",), "08:00", "08:00"),
        "2026-01-08T07:59+01:00",
        "2026-01-08T08:00+01:00",
    ),
    (
        "in a range",
        span("2026-12-20T00:00:00+01:00", "2027-01-02T00:00:00+01:00"),
        "2026-12-31T12:00Z",
        "2027-01-01T23:00Z",
    ),
    (
        "in a range in a zone",
        span("2026-12-20T00:00", "2027-01-02T00:00", NEW_YORK),
        "2026-12-20T05:00Z",
        "2027-01-02T05:00Z",
    ),
    ("before a range in a zone", span("2026-12-20T00:00", "2027-01-02T00:00", NEW_YORK), "2026-12-20T04:59:59Z", None),
    # Berlin, 2026-03-29: 02:00 is followed by 03:00. A Sunday.
    (
        "over the lost hour",
        weekly(("sat",), "20:00", "06:00"),
        "2026-03-29T05:59:59+02:00",
        "2026-03-29T06:00:00+02:00",
    ),
    ("from within the lost hour, before it", weekly(("sun",), "02:30", "06:00"), "2026-03-29T01:59:59+01:00", None),
    (
        "from within the lost hour, after it",
        weekly(("sun",), "02:30", "06:00"),
        "2026-03-29T03:00:00+02:00",
        "2026-03-29T06:00+02:00",
    ),
    (
        "until within the lost hour",
        weekly(("sun",), "00:00", "02:30"),
        "2026-03-29T01:59:59+01:00",
        "2026-03-29T03:00+02:00",
    ),
    ("until within the lost hour, after it", weekly(("sun",), "00:00", "02:30"), "2026-03-29T03:00:00+02:00", None),
    ("all within the lost hour", weekly(("sun",), "02:10", "02:50"), "2026-03-29T03:00:00+02:00", None),
    # Berlin, 2026-10-25: 02:00 to 03:00 comes twice. A Sunday.
    (
        "from the first of two",
        weekly(("sun",), "02:30", "06:00"),
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T06:00+01:00",
    ),
    (
        "until the last of two",
        weekly(("sat",), "20:00", "02:30"),
        "2026-10-25T02:29:59+01:00",
        "2026-10-25T02:30+01:00",
    ),
    ("until the last of two, after it", weekly(("sat",), "20:00", "02:30"), "2026-10-25T02:30:00+01:00", None),
    # New York, 2026-03-08 and 2026-11-01, both Sundays
    (
        "over the lost hour there",
        weekly(("sat",), "22:00", "04:00", NEW_YORK),
        "2026-03-08T03:59:59-04:00",
        "2026-03-08T04:00-04:00",
    ),
    (
        "over the hour that comes twice there",
        weekly(("sat",), "22:00", "01:30", NEW_YORK),
        "2026-11-01T01:29:59-05:00",
        "2026-11-01T01:30-05:00",
    ),
    (
        "a time of day before the jump there",
        weekly(("sun",), "02:00", "02:59", NEW_YORK),
        "2026-03-08T03:00:00-04:00",
        None,
    ),
]


@pytest.mark.parametrize(("name", "freeze", "now", "opens"), CASES, ids=[case[0] for case in CASES])
def test_a_window_is_closed(name: str, freeze: Freeze, now: str, opens: str | None) -> None:
    found = frozen((freeze,), at(now))
    assert found == (Frozen(freeze.reason, at(opens)) if opens else None)


def test_windows_that_follow_one_another_open_when_the_last_is_over() -> None:
    windows = (
        weekly(("fri",), "16:00", "24:00"),
        weekly(("sat", "sun"), "00:00", "24:00"),
        span("2026-01-11T20:00:00+01:00", "2026-01-12T12:00:00+01:00"),
    )
    for now in ("2026-01-09T16:00:00+01:00", "2026-01-10T12:00:00+01:00", "2026-01-12T11:00:00+01:00"):
        found = frozen(windows, at(now))
        assert found is not None and found.opens_at == at("2026-01-12T12:00:00+01:00")


def test_a_freeze_without_an_end_says_so() -> None:
    found = frozen((weekly(EVERY_DAY, "00:00", "24:00"),), at("2026-01-09T16:00Z"))
    assert found == Frozen("weekend", None)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
def test_what_opens_is_open_then_and_was_closed_the_second_before(zone: str) -> None:
    windows = (weekly(("fri", "sun"), "22:15", "02:45", zone), weekly(("sun",), "02:10", "03:05", zone))
    now = at("2026-01-01T00:00Z")
    while now < at("2027-01-01T00:00Z"):
        found = frozen(windows, now)
        if found is not None:
            assert found.opens_at is not None and found.opens_at > now
            assert frozen(windows, found.opens_at) is None
            assert frozen(windows, found.opens_at - timedelta(seconds=1)) is not None
        now += timedelta(minutes=97)


WRONG = [
    ({"days": ("fri",), "from": "16:00", "until": "09:00"}, "needs timeZone"),
    ({"days": ("fri", "fri"), "from": "16:00", "until": "09:00", "timeZone": "UTC"}, "named twice"),
    ({"days": ("fri",), "from": "24:00", "until": "09:00", "timeZone": "UTC"}, "cannot begin at 24:00"),
    ({"days": ("fri",), "from": "2026-01-01T00:00Z", "until": "09:00", "timeZone": "UTC"}, "time of day until one"),
    ({"days": ("fri",), "from": "4pm", "until": "09:00", "timeZone": "UTC"}, "'4pm' is no date and time"),
    ({"days": ("friday",), "from": "16:00", "until": "09:00", "timeZone": "UTC"}, "days[0] takes"),
    ({"days": (), "from": "16:00", "until": "09:00", "timeZone": "UTC"}, "days:"),
    ({"from": "16:00", "until": "09:00", "timeZone": "UTC"}, "a time of day needs days"),
    ({"from": "2026-01-02T00:00Z", "until": "2026-01-01T00:00Z"}, "until is not after from"),
    ({"from": "2026-01-01T00:00", "until": "2026-01-02T00:00Z"}, "has no offset"),
    ({"from": "2026-02-30T00:00Z", "until": "2026-03-02T00:00Z"}, "'2026-02-30T00:00Z' is no date and time"),
    ({"from": "0001-01-01T00:00+23:00", "until": "2026-03-02T00:00Z"}, "is no date and time"),
    ({"from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z", "timeZone": "Europe"}, "there is no time zone"),
    ({"from": "2026-01-01T00:00Z", "until": "2026-01-02T00:00Z", "timeZone": "../../etc/passwd"}, "no time zone"),
]


@pytest.mark.parametrize(("said", "told"), WRONG)
def test_a_window_that_makes_no_sense_is_a_problem(said: dict[str, object], told: str) -> None:
    from headpin.model import parse

    found, faults = parse(Freeze, said | {"reason": "because"})
    assert found is None and any(told in fault.message for fault in faults), faults
