"""What a decision makes of a record once its manifests are rendered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from headpin.releases.decide import Action, Decision, Layers, Situation
from headpin.releases.record import (
    NEVER_RAN,
    Event,
    EventKind,
    Hold,
    Move,
    Record,
    Removed,
    Scale,
    Served,
    Status,
)
from headpin.releases.release import Ran, Release, ran_as, subject_of
from headpin.types import AgentName, Revision

MAX_CONSUMED = 100
"""Overrides that a record remembers to be used up; each names one release, so that old ones mean nothing any more."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was rendered for a deployment: the digest of all but the scale, the scale, the Secrets it needs."""

    digest: str
    scale: Scale
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """The record afterwards, and what is added to what ran and to the events."""

    record: Record
    ran: tuple[Ran, ...] = ()
    events: tuple[Event, ...] = ()


def settle(
    situation: Situation, decision: Decision, rendered: Rendered | None, now: datetime, config: Revision
) -> Settled:
    """The record after `decision` at `config`. `rendered` is None where nothing was rendered (FROZEN).

    Settling the same decision on its own result changes nothing and tells nothing.
    """
    before = situation.record
    record = replace(
        before,
        hold=_hold(before.hold, before.wanted, decision, now, config),
        wanted=decision.wanted,
    )
    events = [_superseded(move, situation.ran, now) for move in decision.superseded]
    ran: tuple[Ran, ...] = ()
    if decision.action is Action.REMOVE and before.served is not None:
        record = replace(record, served=None, removed=Removed(before.served.release, before.served.version, now))
        events.append(_moved(decision, before.served.release, before.served.version, now, config))
    elif rendered is not None and decision.release is not None and decision.version is not None:
        served = _served(before.served, decision, decision.release, decision.version, rendered, now, config)
        record = replace(
            record,
            served=served,
            highest=max(before.highest, served.version),
            removed=None,
            consumed=(*before.consumed, *decision.used)[-MAX_CONSUMED:],
            objects=situation.objects,
        )
        events += _serving_events(before.served, served, decision, now, config)
        known, runs = ran_as(situation.ran, served.release), served.status is Status.DEPLOYED
        if known is None or (runs and not known.deployed):
            subject = _subject(situation, served.release)
            ran = (Ran(served.version, served.release, now, runs, subject),)
    record = replace(record, rejected=_rejected(situation, record))
    if _is_new_hold(record, before):
        events.append(_held(record, decision, now))
    is_blank = record.served is None and record.removed is None and not record.highest and not record.rejected
    if is_blank and not record.is_unsettled:
        record = NEVER_RAN
    return Settled(record, ran, () if situation.tracks_head else tuple(events))


def _subject(situation: Situation, release: Release) -> str:
    """The subject of the release's source commit: as the source told it, or as it ran here or in an earlier stage."""
    told = situation.subject or (situation.first_stage.subject if situation.first_stage else "")
    if told:
        return told
    ran = chain(situation.ran, *(stage.ran for stage in situation.upstream))
    return subject_of(ran, release.revision)


def with_rename(situation: Situation, settled: Settled, old: AgentName, move: Move, now: datetime) -> Settled:
    """What was settled, with the event that the deployment was `old` before; `move` is the commit that says so."""
    before = situation.record
    event = Event(
        EventKind.RENAMED,
        now,
        move.config,
        before.served.version if before.served else None,
        before.served.release if before.served else None,
        person=move.person,
        moved=move.at,
        note=move.note,
        message=f"{old} is {situation.agent} now",
    )
    return settled if situation.tracks_head else replace(settled, events=(event, *settled.events))


def _rejected(situation: Situation, after: Record) -> tuple[Release, ...]:
    """The releases that never ran here and that a person moved the pin away from; one that a person pins is none."""
    before = situation.record
    found = dict.fromkeys(before.rejected)
    pinned = before.served.release if before.served else None
    if before.wanted is not None and before.wanted.release is not None:
        pinned = before.wanted.release
    for move in situation.moves:
        if not move.is_automatic:
            if pinned is not None and pinned != move.release:
                found[pinned] = None
            if move.release is not None:
                found.pop(move.release, None)
        pinned = move.release
    ran = {entry.release for entry in situation.ran} | ({after.served.release} if after.served else set())
    return tuple(release for release in found if release not in ran)


def _hold(before: Hold | None, wanted: Move | None, decision: Decision, now: datetime, config: Revision) -> Hold | None:
    if decision.hold is None:
        return None
    message = decision.held_by or decision.reason
    same = before is not None and before.reason is decision.hold and wanted == decision.wanted
    if before is not None and same and before.message == message:
        return before
    return Hold(
        decision.hold,
        message,
        before.since if before is not None and same else now,
        config,
    )


def _is_new_hold(record: Record, before: Record) -> bool:
    if record.hold is None:
        return False
    return before.hold is None or record.hold.reason is not before.hold.reason or record.wanted != before.wanted


def _served(
    before: Served | None,
    decision: Decision,
    release: Release,
    version: int,
    rendered: Rendered,
    now: datetime,
    config: Revision,
) -> Served:
    status = Status.STOPPED if rendered.scale.stopped else Status.DEPLOYED
    if before is None or before.release != release:
        applied = config if before is None or decision.layers is Layers.HEAD else before.config
        return Served(release, version, status, now, applied, rendered.digest, rendered.scale, rendered.secrets)
    same = (before.digest, before.scale) == (rendered.digest, rendered.scale)
    if same and before.version == version:
        return before
    applied = before.config if decision.layers is Layers.APPLIED or before.digest == rendered.digest else config
    return replace(
        before,
        version=version,
        status=status,
        since=before.since if status is before.status else now,
        config=applied,
        digest=rendered.digest,
        scale=rendered.scale,
        secrets=rendered.secrets,
    )


def _serving_events(
    before: Served | None, served: Served, decision: Decision, now: datetime, config: Revision
) -> list[Event]:
    events = []
    if decision.kind is not None:
        events.append(_moved(decision, served.release, served.version, now, config))
    if before is not None and before.release == served.release and before.digest != served.digest:
        events.append(Event(EventKind.RECONFIGURED, now, config, served.version, served.release))
    if before is not None and before.scale.stopped != served.scale.stopped:
        kind = EventKind.STOPPED if served.scale.stopped else EventKind.RESUMED
        events.append(Event(kind, now, config, served.version, served.release))
    elif before is None and served.scale.stopped:
        events.append(Event(EventKind.STOPPED, now, config, served.version, served.release))
    if before is not None and before.release == served.release and before.digest == served.digest:
        same = replace(before.scale, stopped=served.scale.stopped) == served.scale
        events += [] if same else [Event(EventKind.SCALED, now, config, served.version, served.release)]
    return events


def _moved(decision: Decision, release: Release, version: int, now: datetime, config: Revision) -> Event:
    move = decision.move
    if decision.kind is None or move is None:
        raise ValueError("only a move makes an event of a move")
    removed = decision.kind is EventKind.REMOVED
    return Event(
        decision.kind,
        now,
        move.config if move else config,
        version,
        release,
        decision.source,
        move.person,
        move.at,
        move.note,
        message=decision.reason if removed else "",
        steps={} if removed else _steps(release),
        gates=decision.gates,
    )


def _steps(release: Release) -> dict[str, str]:
    """What was done, step by step. Nothing here watches the cluster, and the record says so."""
    image = "digest" if "@sha256:" in release.image else "tag"
    return {"files": "committed", "image": image, "rollout": "unobserved"}


def _superseded(move: Move, ran: tuple[Ran, ...], now: datetime) -> Event:
    known = ran_as(ran, move.release) if move.release else None
    return Event(
        EventKind.SUPERSEDED,
        now,
        move.config,
        known.version if known else None,
        move.release,
        person=move.person,
        moved=move.at,
        note=move.note,
    )


def _held(record: Record, decision: Decision, now: datetime) -> Event:
    hold, wanted = record.hold, decision.wanted
    if hold is None:
        raise ValueError("there is no hold to tell")
    return Event(
        EventKind.HELD,
        now,
        wanted.config if wanted else hold.config,
        release=wanted.release if wanted else None,
        person=wanted.person if wanted else None,
        moved=wanted.at if wanted else None,
        note=wanted.note if wanted else "",
        hold=hold.reason,
        message=hold.message,
        gates=decision.told,
    )
