"""The conditions of a stage: what has to be true before a release is promoted into it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from headpin.model.document import DnsLabel, Part, Reason
from headpin.model.moments import Duration, Moment, TimeZone, instant_said, is_time_of_day, zone_of

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
"""In the order of `datetime.weekday`."""

Overridable = Literal["health", "soak", "checks", "freeze", "approvals", "note"]
"""Neither ran-before nor a suspension: what never ran is adopted, and who suspends takes it back."""


class Freeze(Part):
    """A time in which nothing is promoted and no own settings change: one range, or a window of every week."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)] | None = Field(
        None, description="The days on which a weekly window begins. Without days, from and until are one range."
    )
    start: Moment = Field(
        alias="from",
        description='With days: the time of day at which the window begins ("16:00"). Without: a date and time.',
    )
    until: Moment = Field(
        description="With days: the time of day at which it ends, on the next day where that is not after from. "
        "Without: a date and time; it is not in the range itself."
    )
    time_zone: TimeZone | None = Field(
        None, description="The IANA time zone of both. Needed with days, and where a date and time has no offset."
    )
    reason: Reason = Field(description="Why, for those who are stopped by it.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        return self._weekly() if self.days is not None else self._range()

    def _weekly(self) -> Self:
        if not is_time_of_day(self.start) or not is_time_of_day(self.until):
            raise ValueError("a window with days goes from a time of day until one")
        if self.start == "24:00":
            raise ValueError("a window cannot begin at 24:00; name the next day and 00:00")
        if self.time_zone is None:
            raise ValueError("a window with days needs timeZone")
        if len(set(self.days or ())) != len(self.days or ()):
            raise ValueError("a day is named twice")
        return self

    def _range(self) -> Self:
        if is_time_of_day(self.start) or is_time_of_day(self.until):
            raise ValueError("a time of day needs days; a range goes from a date and time until one")
        if self._instant(self.start) >= self._instant(self.until):
            raise ValueError("until is not after from")
        return self

    def _instant(self, text: str) -> datetime:
        said = instant_said(text)
        if said.tzinfo is None and self.time_zone is None:
            raise ValueError(f"{text} has no offset, so timeZone is needed")
        return (said if said.tzinfo else said.replace(tzinfo=zone_of(self.time_zone or ""))).astimezone(UTC)


class Gates(Part):
    """What has to be true before a release is promoted into the stage."""

    health: bool = Field(False, description="Whether the release must be healthy in the stage it comes from.")
    soak: Duration | None = Field(
        None,
        description="How long it must have been healthy there without a break. Days, hours and minutes, at most 90 "
        'days ("30m", "2h", "1d", "1h30m").',
    )
    checks: Annotated[tuple[DnsLabel, ...], Field(max_length=50)] = Field(
        (), description="Checks that must have passed there, as 'headpin check set' names them."
    )
    freeze: Annotated[tuple[Freeze, ...], Field(max_length=200)] = Field(
        (), description="When nothing is promoted and no own settings change. Rollbacks always go through."
    )
    approvals: Annotated[int, Field(ge=0, le=20)] = Field(
        0, description="How many people other than the promotion's author must approve, each with a file. People."
    )
    note: Literal["required"] | None = Field(
        None, description="'required': the promotion's commit message says more than its subject."
    )
    overridable: Annotated[tuple[Overridable, ...], Field(max_length=6)] = Field(
        (), description="Gates that a file in overrides/ may open here, once for the promotion that it names."
    )
