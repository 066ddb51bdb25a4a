"""Durations, instants, times of day and time zones, as people write them.

Nothing here knows the present: `headpin.releases.freeze` asks whether an instant lies in a window.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

MAX_DURATION = timedelta(days=90)

TIMES = "write for example 2026-11-24, 2026-11-24T15:00, 2026-11-24T15:00Z or '2 hours ago'"
"""How times are written."""

_DURATION = r"(?=[0-9])([0-9]{1,4}d)?([0-9]{1,4}h)?([0-9]{1,6}m)?"
_ZONE = r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,3}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}"
_AGO = r"([0-9]{1,5}) ?(s|m|h|d|w|second|minute|hour|day|week)s? ago"
_UNITS = {
    "s": timedelta(seconds=1),
    "second": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "w": timedelta(weeks=1),
    "week": timedelta(weeks=1),
}
_DAY_END = "24:00"
_GIT_OFFSET = r" ([+-][0-9]{2})([0-9]{2})$"
_INSTANT = r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?"


def duration(text: str) -> timedelta:
    """The length of ``30m``, ``2h``, ``1d`` or ``1h30m``. Raises ValueError."""
    found = re.fullmatch(_DURATION, text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write for example 30m, 2h, 1d or 1h30m")
    days, hours, minutes = (int((part or "0").rstrip("dhm")) for part in found.groups())
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta() < length <= MAX_DURATION:
        raise ValueError(f"{text!r} is not between a minute and {MAX_DURATION.days} days")
    return length


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises ValueError."""
    try:
        if re.fullmatch(_ZONE, name) is None:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}; write for example Europe/Berlin or UTC") from error


def instant_said(text: str) -> datetime:
    """A date and time, aware where it has an offset. Raises ValueError."""
    if re.fullmatch(_INSTANT, text) is None:
        raise ValueError(f"{text!r} is no date and time; write for example 2026-12-20T00:00 or 2026-12-20T00:00+01:00")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date and time: {error}") from error


def moment_said(text: str, now: datetime) -> datetime:
    """What a person calls an instant: a date (its beginning), a date and time, ``now``, or ``2 hours ago``.

    A date and time may be as git prints it: ``2026-11-24 15:00:00 +0100``.
    Aware where it has an offset, or is told from `now`. Raises ValueError.
    """
    if text == "now":
        return now
    found = re.fullmatch(_AGO, text)
    if found is not None:
        return now - int(found.group(1)) * _UNITS[found.group(2)]
    if re.fullmatch(_DATE, text):
        return datetime.fromisoformat(text)
    return instant_said(re.sub(_GIT_OFFSET, r"\1:\2", text).replace(" ", "T", 1))


def is_time_of_day(text: str) -> bool:
    """Whether this is an hour and a minute; ``24:00`` is the end of the day."""
    return text == _DAY_END or re.fullmatch(_TIME, text) is not None


def time_of_day(text: str) -> time:
    """The time of ``16:00``; ``24:00`` is midnight. Raises ValueError."""
    if not is_time_of_day(text):
        raise ValueError(f"{text!r} is no time of day; write for example 16:00")
    return time() if text == _DAY_END else time.fromisoformat(text)


def _duration(text: str) -> str:
    duration(text)
    return text


def _zone(text: str) -> str:
    zone_of(text)
    return text


def _moment(text: str) -> str:
    if not is_time_of_day(text):
        instant_said(text)
    return text


Duration = Annotated[str, AfterValidator(_duration), Field(json_schema_extra={"pattern": f"^{_DURATION}$"})]
TimeZone = Annotated[str, AfterValidator(_zone), Field(json_schema_extra={"pattern": f"^{_ZONE}$"})]
Moment = Annotated[
    str, AfterValidator(_moment), Field(json_schema_extra={"pattern": f"^({_TIME}|{_DAY_END}|{_INSTANT})$"})
]
"""A time of day, or a date and time."""
