"""Which gates of a move are closed: the design's conditions on paper, and the evidence that they ask.

It imports nothing of headpin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tests.model.mainline import Agent, Commit, Release

PERSON: Final = "test.person@example.com"
"""Who makes every commit on main."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Settings = tuple[tuple[str, str], ...]
"""Effective variables; together with the release they are what is rendered, but for the number of pods."""


@dataclass(frozen=True)
class Span:
    """A time in which a deployment was at a release as `Deployed`; `end` is None while it still is."""

    release: Release
    settings: Settings
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Report:
    """A health report about what was served when it was made."""

    release: Release
    settings: Settings
    at: datetime
    is_healthy: bool


@dataclass
class Evidence:
    """The evidence branch of one environment: reports by agent, the last result of each check by what it is of."""

    reports: dict[Agent, list[Report]] = field(default_factory=dict)
    checks: dict[tuple[Agent, Release, str], bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The stage that a release comes from: what ran there when, and what is known of that."""

    spans: Sequence[Span]
    reports: Sequence[Report]
    passed: frozenset[str]
    is_reporting: bool

    def stretches(self, release: Release, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The times in which the release was healthy there without a break."""
        found: list[tuple[datetime, datetime]] = []
        for span in self.spans:
            last = self.spans[-1]
            is_stale = last.end is None and last.release == release and span.settings != last.settings
            if span.release == release and not (self.is_reporting and is_stale):
                found += self._healthy(span, span.end or now)
        joined: list[tuple[datetime, datetime]] = []
        for start, end in found:
            if joined and joined[-1][1] == start and not self.is_reporting:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        yield from joined

    def is_healthy(self, release: Release) -> bool:
        """Whether it was when it was last looked at."""
        if not self.is_reporting:
            return True
        spans = [span for span in self.spans if span.release == release]
        about = self._about(spans[-1]) if spans else []
        return bool(about) and about[-1].is_healthy

    def _about(self, span: Span) -> list[Report]:
        return [
            report
            for report in self.reports
            if (report.release, report.settings) == (span.release, span.settings)
            and span.start <= report.at
            and (span.end is None or report.at < span.end)
        ]

    def _healthy(self, span: Span, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        if not self.is_reporting:
            yield span.start, end
            return
        since: datetime | None = None
        for report in self._about(span):
            if report.is_healthy:
                since = since or report.at
            elif since is not None:
                yield since, report.at
                since = None
        if since is not None:
            yield since, end


@dataclass(frozen=True)
class Question:
    """A release that is to be served in an environment. `moved_by` is the commit that moved the pin."""

    commit: Commit
    environment: str
    agent: Agent
    release: Release
    moved_by: Commit | None
    now: datetime

    @property
    def _is_unknown(self) -> bool:
        """Whether the project, which says where the gates are, cannot be read."""
        return not isinstance(self.commit.read(f"projects/{self.agent[0]}/project.yaml"), dict)

    def waiting_settings(self) -> frozenset[str]:
        """The gates that keep own settings from being applied; what cannot be known keeps them as they are."""
        if self._is_unknown:
            return frozenset({"gates"})
        gates = self._gates()
        closed = {"suspension"} if self.commit.is_suspended(self.environment, self.agent) else set()
        return frozenset(closed | ({"freeze"} if _is_frozen(gates.get("freeze", ()), self.now) else set()))

    def closed(self, source: Source | None) -> frozenset[str]:
        """The gates that are closed to a promotion, ran-before apart. Without a source there is no evidence."""
        if self._is_unknown:
            return frozenset({"gates"})
        gates = self._gates()
        closed = set(self.waiting_settings())
        if gates.get("note") == "required" and not (self.moved_by and self.moved_by.has_note):
            closed.add("note")
        if len(self._approved()) < gates.get("approvals", 0):
            closed.add("approvals")
        if set(gates.get("checks", ())) - (source.passed if source else frozenset()):
            closed.add("checks")
        if gates.get("health") and not (source and source.is_healthy(self.release)):
            closed.add("health")
        soak = timedelta(minutes=int(gates["soak"].removesuffix("m"))) if "soak" in gates else None
        stretches = source.stretches(self.release, self.now) if source else ()
        if soak is not None and not any(end - start >= soak for start, end in stretches):
            closed.add("soak")
        return frozenset(closed)

    def opened(self, closed: frozenset[str], used: frozenset[str]) -> dict[str, frozenset[str]]:
        """The override files that open some of these gates, each with those."""
        allowed = closed & set(self._gates().get("overridable", ()))
        found = self.commit.named("overrides", self.environment, self.agent, self.release)
        opened = {
            path: allowed & set(document["gates"])
            for path, document in found
            if document["allow"] == "gates" and path not in used
        }
        return {path: gates for path, gates in opened.items() if gates}

    def is_suspended(self) -> bool:
        """Whether it is at any level."""
        return self.commit.is_suspended(self.environment, self.agent)

    def is_adopted(self) -> bool:
        """Whether an override file takes this release over."""
        found = self.commit.named("overrides", self.environment, self.agent, self.release)
        return any(document["allow"] == "adopt" for _, document in found)

    def _approved(self) -> set[str]:
        found = self.commit.named("approvals", self.environment, self.agent, self.release)
        return {document["by"] for _, document in found} - {PERSON}

    def _gates(self) -> dict[str, Any]:
        found: dict[str, Any] = self.commit.stage(self.environment, self.agent[0]).get("gates", {})
        return found


def _is_frozen(windows: Sequence[dict[str, Any]], now: datetime) -> bool:
    """Weekly windows as the tests write them: in UTC, within a day."""
    for window in windows:
        if "days" in window:
            if _DAYS[now.weekday()] in window["days"] and window["from"] <= f"{now:%H:%M}" < window["until"]:
                return True
        elif datetime.fromisoformat(window["from"]) <= now < datetime.fromisoformat(window["until"]):
            return True
    return False


def with_span(spans: Sequence[Span], state: tuple[Release, Settings] | None, now: datetime) -> tuple[Span, ...]:
    """The spans after a pass that left a deployment in this state; None: at nothing as `Deployed`."""
    before = spans[-1] if spans and spans[-1].end is None else None
    if before is not None and (before.release, before.settings) == state:
        return tuple(spans)
    ended = (*spans[:-1], replace(before, end=now)) if before else tuple(spans)
    return ended if state is None else (*ended, Span(*state, now))
