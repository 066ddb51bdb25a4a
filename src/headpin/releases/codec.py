"""Records, what ran, and events as text, and back.

The record is YAML for people; what ran and events are one JSON object a line, so that a line added is a
line in the diff. Raises ObjectDamaged for what headpin did not write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from headpin.errors import ObjectDamaged
from headpin.releases.record import (
    Event,
    EventKind,
    GateResult,
    Hold,
    HoldReason,
    Move,
    Record,
    Removed,
    Scale,
    Served,
    SourceVersion,
    Status,
)
from headpin.releases.release import Ran, Release
from headpin.types import AgentName
from headpin.yaml import dump, load

T = TypeVar("T")

_TIME_LENGTH = len("2026-11-20T09:30:00Z")

SEAL_AT = 200
"""Lines at which the older half of a file goes to a sealed segment."""


def format_time(at: datetime) -> str:
    """UTC to the second, as in ``2026-11-20T09:30:00Z``."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The instant that `format_time` wrote. Raises ValueError."""
    if len(text) != _TIME_LENGTH or text[10] != "T" or text[-1] != "Z":
        raise ValueError(f"{text!r} is no time")
    return datetime.fromisoformat(text)  # histories have many: strptime takes twenty times as long


def format_record(record: Record) -> str:
    """The record's file."""
    return dump(_filled(_record_mapping(record)))


def parse_record(data: bytes, path: str) -> Record:
    """The record in a file."""
    loaded = load(data)
    if loaded.issues:
        raise _damaged(path, loaded.issues[0].message)
    return _read(path, _record, loaded.value)


def format_release(release: Release) -> str:
    """A release as a pin file."""
    return dump(release.as_mapping())


def format_ran(ran: Ran) -> str:
    """One line, with its line break."""
    stopped = {} if ran.deployed else {"deployed": False}
    subject = {"subject": ran.subject} if ran.subject else {}
    return _line({"version": ran.version, "at": format_time(ran.at), **ran.release.as_mapping(), **stopped, **subject})


def parse_ran(data: bytes, path: str) -> tuple[Ran, ...]:
    """Every line of a file."""
    return tuple(_read(path, _ran, value) for value in _lines(data, path))


def format_event(event: Event) -> str:
    """One line, with its line break."""
    return _line(_filled(event_mapping(event)))


def parse_events(data: bytes, path: str) -> tuple[Event, ...]:
    """Every line of a file."""
    return tuple(_read(path, _event, value) for value in _lines(data, path))


def event_mapping(event: Event) -> dict[str, Any]:
    """An event's form in files and in `--json`."""
    return {
        "kind": event.kind.value,
        "at": format_time(event.at),
        "version": event.version,
        "release": event.release.as_mapping() if event.release else None,
        "source": {"environment": event.source.environment, "version": event.source.version} if event.source else None,
        "person": event.person,
        "moved": format_time(event.moved) if event.moved else None,
        "note": event.note or None,
        "hold": event.hold.value if event.hold else None,
        "message": event.message or None,
        "config": event.config,
        "steps": dict(event.steps) or None,
        "gates": [gate_mapping(gate) for gate in event.gates] or None,
    }


def gate_mapping(gate: GateResult) -> dict[str, Any]:
    """A gate's result as in events and in `--json`."""
    return _filled(
        {
            "gate": gate.gate,
            "result": "open" if gate.is_open else "waiting" if gate.is_waiting else "closed",
            "evidence": gate.evidence,
            "opensAt": format_time(gate.opens_at) if gate.opens_at else None,
            "override": gate.override,
        }
    )


def _gate(value: Mapping[str, Any]) -> GateResult:
    result = value["result"]
    at = parse_time(value["opensAt"]) if "opensAt" in value else None
    override = value.get("override")
    return GateResult(value["gate"], result == "open", value["evidence"], result == "waiting", at, override)


def hold_mapping(hold: Hold) -> dict[str, Any]:
    """A hold as in records, in `environment.yaml` and in `--json`."""
    return {
        "reason": hold.reason.value,
        "message": hold.message,
        "since": format_time(hold.since),
        "config": hold.config,
    }


def parse_hold(value: Mapping[str, Any]) -> Hold:
    """The hold that `hold_mapping` wrote. Raises KeyError or ValueError."""
    return Hold(HoldReason(value["reason"]), value["message"], parse_time(value["since"]), value["config"])


def _record_mapping(record: Record) -> dict[str, Any]:
    served, hold, wanted, removed = record.served, record.hold, record.wanted, record.removed
    return {
        "status": served.status.value if served else None,
        "version": served.version if served else None,
        "highest": record.highest,
        "since": format_time(served.since) if served else None,
        "release": served.release.as_mapping() if served else None,
        "config": served.config if served else None,
        "digest": served.digest if served else None,
        "scale": _scale_mapping(served.scale) if served else None,
        "uses": {"secrets": list(served.secrets)} if served and served.secrets else None,
        "wanted": _move_mapping(wanted) if wanted else None,
        "hold": hold_mapping(hold) if hold else None,
        "removed": {
            "version": removed.version,
            "at": format_time(removed.at),
            "release": removed.release.as_mapping(),
        }
        if removed
        else None,
        "consumed": list(record.consumed) or None,
        "rejected": [release.as_mapping() for release in record.rejected] or None,
        "formerly": [str(name) for name in record.formerly] or None,
        "objects": str(record.objects) if record.objects else None,
    }


def _scale_mapping(scale: Scale) -> dict[str, int]:
    stopped = {"stopped": True} if scale.stopped else {}
    return {
        "minReplicas": scale.min_replicas,
        "maxReplicas": scale.max_replicas,
        "targetCPU": scale.target_cpu,
        **stopped,
    }


def _move_mapping(move: Move) -> dict[str, Any]:
    return _filled(
        {
            "release": move.release.as_mapping() if move.release else None,
            "config": move.config,
            "person": move.person,
            "at": format_time(move.at),
            "note": move.note or None,
            "hasNote": move.has_note or None,
        }
    )


def _record(value: Mapping[str, Any]) -> Record:
    hold, wanted, removed = value.get("hold"), value.get("wanted"), value.get("removed")
    return Record(
        served=_served(value) if "release" in value else None,
        highest=value["highest"],
        wanted=_move(wanted) if wanted else None,
        hold=parse_hold(hold) if hold else None,
        removed=Removed(Release.of_mapping(removed["release"]), removed["version"], parse_time(removed["at"]))
        if removed
        else None,
        consumed=tuple(value.get("consumed", ())),
        rejected=tuple(Release.of_mapping(release) for release in value.get("rejected", ())),
        formerly=tuple(_agent(name) for name in value.get("formerly", ())),
        objects=_agent(value["objects"]) if "objects" in value else None,
    )


def _agent(text: str) -> AgentName:
    found = AgentName.parse(text)
    if found is None:
        raise ValueError(f"{text!r} is no agent")
    return found


def _ran(value: Mapping[str, Any]) -> Ran:
    said = value.get("subject", "")
    subject = said if isinstance(said, str) else ""
    return Ran(
        value["version"], Release.of_mapping(value), parse_time(value["at"]), value.get("deployed", True), subject
    )


def _served(value: Mapping[str, Any]) -> Served:
    scale = value["scale"]
    return Served(
        Release.of_mapping(value["release"]),
        value["version"],
        Status(value["status"]),
        parse_time(value["since"]),
        value["config"],
        value["digest"],
        Scale(scale["minReplicas"], scale["maxReplicas"], scale["targetCPU"], scale.get("stopped", False)),
        tuple(value.get("uses", {}).get("secrets", ())),
    )


def _move(value: Mapping[str, Any]) -> Move:
    release = value.get("release")
    return Move(
        Release.of_mapping(release) if release else None,
        value["config"],
        value["person"],
        parse_time(value["at"]),
        value.get("note", ""),
        value.get("hasNote", False),
    )


def _event(value: Mapping[str, Any]) -> Event:
    release, source = value.get("release"), value.get("source")
    return Event(
        kind=EventKind(value["kind"]),
        at=parse_time(value["at"]),
        config=value["config"],
        version=value.get("version"),
        release=Release.of_mapping(release) if release else None,
        source=SourceVersion(source["environment"], source["version"]) if source else None,
        person=value.get("person"),
        moved=parse_time(value["moved"]) if "moved" in value else None,
        note=value.get("note", ""),
        hold=HoldReason(value["hold"]) if "hold" in value else None,
        message=value.get("message", ""),
        steps=value.get("steps", {}),
        gates=tuple(_gate(gate) for gate in value.get("gates", ())),
    )


def _filled(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(", ", ": ")) + "\n"


def _lines(data: bytes, path: str) -> list[dict[str, Any]]:
    try:
        found = [json.loads(line) for line in data.splitlines() if line]
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if not all(isinstance(value, dict) for value in found):
        raise _damaged(path, "a line is not an object")
    return found


def _read(path: str, parse: Callable[[Any], T], value: object) -> T:
    try:
        return parse(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__} {error}") from error


def _damaged(path: str, said: str) -> ObjectDamaged:
    return ObjectDamaged(
        f"{path} is not as headpin writes it: {said}",
        remedy="put the environment branch back to the last commit that headpin made",
    )
