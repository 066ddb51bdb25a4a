"""What a pass changed, as values: one for each transition of a deployment. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headpin.controller import DeploymentReport, EnvironmentReport
from headpin.releases import Event, EventKind, Record
from headpin.status.happened import transitions_of
from headpin.telemetry.logs import LogLevel
from headpin.types import AgentName, short

RELEASED = "released"
"""The end of a hold that nothing else tells of: what was in the way is gone, or nobody wants it any more."""

DEPLOYED = "deployed"
"""A release in the head environment, which promotes nothing."""

_LEVELS = {EventKind.HELD: LogLevel.WARNING, EventKind.FAILED: LogLevel.ERROR}
_WORDS = {
    EventKind.ADOPTED: "adopted",
    EventKind.PROMOTED: "promoted to",
    EventKind.ROLLED_BACK: "rolled back to",
    EventKind.ROLLED_FORWARD: "returned to",
    EventKind.RECONFIGURED: "own settings changed of",
    EventKind.SUPERSEDED: "passed over",
    EventKind.HELD: "held",
    EventKind.FAILED: "failed:",
    EventKind.STOPPED: "stopped",
    EventKind.RESUMED: "started",
    EventKind.SCALED: "scaled",
    EventKind.REMOVED: "removed",
    EventKind.RENAMED: "renamed",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """One transition. `kind` is an event's kind, or one of the words above; what does not apply is None or ""."""

    agent: AgentName
    environment: str
    kind: str
    level: LogLevel
    message: str
    version: int | None = None
    revision: str = ""
    person: str = ""
    source: str = ""
    hold: str = ""
    config: str = ""


def transitions(report: EnvironmentReport) -> Iterator[Transition]:
    """Everything that the pass changed in one environment."""
    for item in report.deployments:
        if item.changes:
            yield from _of_deployment(report.environment, item)


def _of_deployment(environment: str, item: DeploymentReport) -> Iterator[Transition]:
    before = item.situation.record
    is_head = item.situation.tracks_head
    followed = transitions_of(before, item.record, is_renamed=item.was is not None) if is_head else ()
    for kind in followed:
        yield _followed(environment, item, kind)
    for event in item.events:
        yield event_transition(environment, item.agent, event)
    if before.hold is not None and item.record.hold is None and not item.events and not followed:
        message = f"{item.agent} in {environment}: no longer held"
        yield Transition(
            *(item.agent, environment, RELEASED, LogLevel.INFO, message),
            revision=_served(item.record),
            hold=before.hold.reason.value,
        )


def _followed(environment: str, item: DeploymentReport, kind: EventKind) -> Transition:
    hold = item.record.hold if kind is EventKind.HELD else None
    word = DEPLOYED if kind is EventKind.PROMOTED else kind.value
    revision = _served(item.record)
    said = f"held: {hold.message}" if hold else f"{word} {short(revision)}".strip()
    said = f"renamed: {item.was} is {item.agent} now" if kind is EventKind.RENAMED else said
    message = f"{item.agent} in {environment}: {said}"
    level = _LEVELS.get(kind, LogLevel.INFO)
    held = hold.reason.value if hold else ""
    config = hold.config if hold else item.record.served.config if item.record.served else ""
    return Transition(item.agent, environment, word, level, message, revision=revision, hold=held, config=config)


def event_transition(environment: str, agent: AgentName, event: Event, *, is_head: bool = False) -> Transition:
    """What an event tells; in the head environment (`is_head`) nothing is promoted, and versions have no number."""
    revision = event.release.revision if event.release else ""
    is_deployed = is_head and event.kind is EventKind.PROMOTED
    name = f"v{event.version}" if event.version else ""
    what = " ".join(part for part in (name, _in_brackets(revision) if name else short(revision)) if part)
    word = DEPLOYED if is_deployed else _WORDS[event.kind]
    said = f"{word} {what}".strip() + (f": {event.message}" if event.message else "")
    return Transition(
        agent,
        environment,
        DEPLOYED if is_deployed else event.kind.value,
        _LEVELS.get(event.kind, LogLevel.INFO),
        f"{agent} in {environment}: {said}",
        event.version,
        revision,
        event.person or "",
        event.source.environment if event.source else "",
        event.hold.value if event.hold else "",
        event.config,
    )


def _in_brackets(revision: str) -> str:
    return f"({short(revision)})" if revision else ""


def _served(record: Record) -> str:
    return record.served.release.revision if record.served else ""
