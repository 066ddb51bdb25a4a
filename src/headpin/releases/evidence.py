"""Evidence about a release in an environment: health reports as intervals, and results of checks. Pure.

Kept apart from the records, keyed by release: a report is about what was served when it was made, and tells nothing
of another release, or of the same one rendered otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from headpin.errors import ObjectDamaged
from headpin.releases.codec import format_time, parse_time
from headpin.releases.record import Event, EventKind, Served, Status
from headpin.releases.release import Release

T = TypeVar("T")

MAX_INTERVALS = 200
MAX_CHECKS = 200
_BEGINS = frozenset({EventKind.ADOPTED, EventKind.PROMOTED, EventKind.ROLLED_BACK, EventKind.ROLLED_FORWARD})
_ENDS = frozenset({EventKind.STOPPED, EventKind.FAILED, EventKind.REMOVED})


@dataclass(frozen=True, slots=True)
class Span:
    """A time from an instant until another; None: still going on."""

    start: datetime
    until: datetime | None = None

    def length(self, now: datetime) -> timedelta:
        """How long it was, or is so far."""
        return (self.until or now) - self.start


@dataclass(frozen=True, slots=True)
class Health:
    """A time without a break in which a release, rendered as `digest`, was healthy or was not."""

    is_healthy: bool
    start: datetime
    until: datetime | None
    digest: str
    version: int
    person: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The latest result of a check. `score` is what the check says it is."""

    name: str
    is_passed: bool
    at: datetime
    person: str
    score: float | None = None
    url: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one release in one environment.

    `reports`: whether health is reported there. `spans`: when the release was served, each under one rendering, oldest
    first. `trouble`: why the evidence cannot be read.
    """

    reports: bool = False
    spans: tuple[Span, ...] = ()
    health: tuple[Health, ...] = ()
    checks: tuple[Check, ...] = ()
    trouble: str = ""


NO_EVIDENCE = Evidence()


def release_key(release: Release) -> str:
    """The name of the release's files: the digest of its identity."""
    return hashlib.sha256(json.dumps(release.as_mapping(), sort_keys=True).encode()).hexdigest()


def with_report(health: Sequence[Health], report: Health) -> tuple[Health, ...]:
    """`health` after a report. One that says what the last one said of the same rendering changes nothing."""
    last = health[-1] if health else None
    if last is not None and last.until is None:
        if (last.is_healthy, last.digest) == (report.is_healthy, report.digest):
            return tuple(health)
        health = (*health[:-1], replace(last, until=max(last.start, report.start)))
    return (*health, report)[-MAX_INTERVALS:]


def with_check(checks: Sequence[Check], check: Check) -> tuple[Check, ...]:
    """`checks` with the new result in the place of an older one of that name; in the order of names."""
    found = {known.name: known for known in checks} | {check.name: check}
    return tuple(found[name] for name in sorted(found))[:MAX_CHECKS]


def serving_spans(events: Iterable[Event], release: Release) -> tuple[Span, ...]:
    """When `release` ran, by the events of its deployment: a new span with each new rendering."""
    spans: list[Span] = []
    start: datetime | None = None
    for event in events:
        is_cut = start is not None and event.kind is EventKind.RECONFIGURED
        if start is not None and (is_cut or event.kind in _ENDS or _leaves(event, release)):
            spans += [Span(start, event.at)] if start < event.at else []  # what came stopped never ran
            start = None
        is_here = event.release == release and (event.kind in _BEGINS or event.kind is EventKind.RESUMED)
        if start is None and (is_cut or is_here):
            start = event.at
    return (*spans, Span(start)) if start is not None else tuple(spans)


def _leaves(event: Event, release: Release) -> bool:
    return event.kind in _BEGINS and event.release != release


def present_spans(spans: Sequence[Span], served: Served | None, release: Release, now: datetime) -> tuple[Span, ...]:
    """`spans` as the record has the last word on what is served now."""
    is_served = served is not None and served.release == release and served.status is Status.DEPLOYED
    is_open = bool(spans) and spans[-1].until is None
    if is_open and not is_served:
        return (*spans[:-1], replace(spans[-1], until=now))
    if is_served and not is_open and served is not None:
        return (*spans, Span(served.since))
    return tuple(spans)


def healthy_spans(evidence: Evidence, served: Served | None) -> tuple[Span, ...]:
    """When the release was healthy without a break, oldest first; a span without an end lasts."""
    if not evidence.reports:
        return tuple(_joined(evidence.spans))
    return tuple(_joined(_reported(evidence, served)))


def _reported(evidence: Evidence, served: Served | None) -> Iterator[Span]:
    """A report counts from when it was made, as long as what it was about went on being served.

    While the release is served, a report of another rendering of it is stale.
    """
    is_served = bool(evidence.spans) and evidence.spans[-1].until is None
    for health in evidence.health:
        span = next((span for span in evidence.spans if _holds(span, health.start)), None)
        if span is None or not health.is_healthy:
            continue
        if is_served and (served is None or served.digest != health.digest):
            continue
        ends = [end for end in (health.until, span.until) if end is not None]
        yield Span(health.start, min(ends) if ends else None)


def _holds(span: Span, at: datetime) -> bool:
    return span.start <= at and (span.until is None or at < span.until)


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans of which one begins where another ends are one."""
    last: Span | None = None
    for span in spans:
        if last is not None and last.until == span.start:
            last = Span(last.start, span.until)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def last_report(evidence: Evidence, served: Served | None) -> Health | None:
    """The newest report about what is served as it is served, or about the release when it was served last."""
    current = evidence.spans[-1] if evidence.spans else None
    if current is None:
        return None
    found = [health for health in evidence.health if _holds(current, health.start)]
    if current.until is None:
        found = [health for health in found if served is not None and health.digest == served.digest]
    return found[-1] if found and (found[-1].until is None or current.until is not None) else None


# ── files ────────────────────────────────────────────────────────────────────────────────────────────


def format_health(release: Release, health: Sequence[Health]) -> str:
    """The file of a release's health."""
    return _dump(release, [health_mapping(item) for item in health])


def format_checks(release: Release, checks: Sequence[Check]) -> str:
    """The file of a release's checks."""
    return _dump(release, [check_mapping(check) for check in checks])


def parse_health(data: bytes, path: str, release: Release) -> tuple[Health, ...]:
    """The health in the file of `release`. Raises ObjectDamaged."""
    return _load(data, path, release, _health)


def parse_checks(data: bytes, path: str, release: Release) -> tuple[Check, ...]:
    """The results in the file of `release`. Raises ObjectDamaged."""
    return _load(data, path, release, _check)


def health_mapping(health: Health) -> dict[str, Any]:
    """The form in files and in `--json`."""
    return {
        "state": "healthy" if health.is_healthy else "degraded",
        "from": format_time(health.start),
        "until": format_time(health.until) if health.until else None,
        "digest": health.digest,
        "version": health.version,
        "person": health.person,
        "message": health.message,
    }


def check_mapping(check: Check) -> dict[str, Any]:
    """The form in files and in `--json`."""
    return {
        "name": check.name,
        "result": "passed" if check.is_passed else "failed",
        "at": format_time(check.at),
        "person": check.person,
        "score": check.score,
        "url": check.url,
        "message": check.message,
    }


def _health(value: Mapping[str, Any]) -> Health:
    until = value["until"]
    return Health(
        {"healthy": True, "degraded": False}[value["state"]],
        parse_time(value["from"]),
        parse_time(until) if until is not None else None,
        str(value["digest"]),
        int(value["version"]),
        str(value["person"]),
        str(value["message"]),
    )


def _check(value: Mapping[str, Any]) -> Check:
    score = value["score"]
    return Check(
        str(value["name"]),
        {"passed": True, "failed": False}[value["result"]],
        parse_time(value["at"]),
        str(value["person"]),
        float(score) if score is not None else None,
        str(value["url"]),
        str(value["message"]),
    )


def _dump(release: Release, items: Sequence[Mapping[str, Any]]) -> str:
    """The release, and one item a line: a result that is added is a line in the difference."""
    lines = ",\n".join(f"    {json.dumps(item)}" for item in items)
    return f'{{\n  "release": {json.dumps(release.as_mapping())},\n  "items": [\n{lines}\n  ]\n}}\n'


def _load(data: bytes, path: str, release: Release, read: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    try:
        value = json.loads(data)
        if value["release"] != release.as_mapping():
            raise ValueError("it is about another release")
        return tuple(read(item) for item in value["items"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ObjectDamaged(
            f"{path} is not as headpin writes it: {type(error).__name__} {error}",
            remedy="report the evidence again, once the file is deleted from the branch",
        ) from error
