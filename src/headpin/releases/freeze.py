"""Freeze windows: whether an instant lies in one, and when none holds any more. Pure.

A weekly window is read off the wall clock of its zone. Where the clock jumps over a time that is written, the
window begins or ends at the jump; where it shows a time twice, the window begins at the first and ends at the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from headpin.model import DAYS, Freeze, instant_said, time_of_day, zone_of

_DAY = timedelta(days=1)
_MAX_WINDOWS = 400
"""Windows that follow one another without a gap, before a freeze is said to have no end: more than a year of days."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Why nothing may change, and when that ends; None where windows follow one another without an end."""

    reason: str
    opens_at: datetime | None


def frozen(freezes: Sequence[Freeze], now: datetime) -> Frozen | None:
    """The freeze that `now` lies in, with the instant at which all windows that join it are over."""
    reason, at = "", now
    for _ in range(_MAX_WINDOWS):
        held = [(end, freeze.reason) for freeze in freezes for end in _ends(freeze, at)]
        if not held:
            return Frozen(reason, at) if reason else None
        at, why = max(held)
        reason = reason or why
    return Frozen(reason, None)


def _ends(freeze: Freeze, at: datetime) -> Iterator[datetime]:
    """When those windows of `freeze` end that `at` lies in."""
    for start, end in _windows(freeze, at):
        if start <= at < end:
            yield end


def _windows(freeze: Freeze, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone = zone_of(freeze.time_zone) if freeze.time_zone else UTC
    if freeze.days is None:
        yield _said(freeze.start, zone, last=False), _said(freeze.until, zone, last=True)
        return
    start, until = time_of_day(freeze.start), time_of_day(freeze.until)
    today = at.astimezone(zone).date()
    for day in (today - _DAY, today):
        if DAYS[day.weekday()] in freeze.days:
            ends_on = day + _DAY if until <= start else day
            yield _instant(day, start, zone, last=False), _instant(ends_on, until, zone, last=True)


def _said(text: str, zone: tzinfo, *, last: bool) -> datetime:
    said = instant_said(text)
    return said.astimezone(UTC) if said.tzinfo else _instant(said.date(), said.time(), zone, last=last)


def _instant(day: date, at: time, zone: tzinfo, *, last: bool) -> datetime:
    """The instant at which the clock of `zone` shows this, or jumps over it; of two the first, or the `last`."""
    shown = datetime.combine(day, at, zone)
    one, other = (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if one <= other:  # an ordinary time, or one that is shown twice
        return other if last else one
    before, after = other, one  # a time that is never shown: the jump is in between
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after.replace(microsecond=0)
