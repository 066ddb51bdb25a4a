"""How events are printed: the tables of `history` and `log`, and their machine forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from headpin.cli.app import WORLD_FAILED, Session, exit_with
from headpin.cli.arguments import DataOutput
from headpin.cli.terminal import BAD, DIM, STRONG, counted
from headpin.errors import HistoryMissing
from headpin.releases import Event, EventKind, SourceVersion
from headpin.releases.codec import format_time
from headpin.status import HistoryItem, Told
from headpin.types import short

CSV_COLUMNS = (
    "time", "agent", "environment", "event", "version", "revision", "image", "settings", "content", "subject",
    "source", "sourceVersion", "person", "moved", "note", "hold", "message", "steps", "gates", "overrides", "config",
    "pinCommit",
)  # fmt: skip


_WIDE_ENOUGH = 130
"""Columns below which a terminal gets fewer of the table's; `-o wide` has all."""


def print_told(
    session: Session,
    told: Told,
    form: DataOutput,
    kind: str,
    value: Mapping[str, Any],
    *,
    headers: bool,
    agents: bool,
) -> None:
    """What happened, in the form asked for; exits with 3 where older history is missing in this clone.

    `value` is what the machine form says beside the events; `agents`: whether a table has a column for them.
    """
    terminal = session.terminal
    if form in (DataOutput.JSON, DataOutput.YAML):
        events = [item.as_json() for item in told.items]
        missing = str(told.missing) if told.missing else None
        terminal.machine(kind, {**value, "events": events, "more": told.more, "incomplete": missing}, form.value)
    elif form is DataOutput.CSV:
        terminal.csv(CSV_COLUMNS, (_csv_row(item) for item in told.items), headers=headers)
    else:
        _print_table(session, told, wide=form is DataOutput.WIDE, headers=headers, agents=agents)
    if told.more and form not in (DataOutput.JSON, DataOutput.YAML):
        terminal.note(f"only the newest {counted(len(told.items), 'event')}; there are more: say how many with -n")
    tell_missing(session, told.missing)


def tell_missing(session: Session, missing: HistoryMissing | None) -> None:
    """What cannot be known in this clone; exits with 3."""
    if missing is not None:
        said = HistoryMissing(f"older history is not told: {missing}", remedy=missing.remedy)
        session.terminal.error(said)
        exit_with(WORLD_FAILED)


def _print_table(session: Session, told: Told, *, wide: bool, headers: bool, agents: bool) -> None:
    columns = ["TIME", "AGENT", "ENVIRONMENT", "EVENT", "VERSION", "REVISION", "SUBJECT", "FROM", "PERSON", "NOTE"]
    columns += ["MOVED", "STEPS", "GATES", "CONFIG", "IMAGE"] if wide else []
    left_out = set() if agents else {"AGENT"}
    if not wide and is_narrow(session):
        left_out |= {"SUBJECT", "FROM"}
    shown = [place for place, column in enumerate(columns) if column not in left_out]
    rows = [_row(item, wide=wide) for item in told.items]
    session.terminal.table(
        [columns[place] for place in shown], [[row[place] for place in shown] for row in rows], headers=headers
    )


def is_narrow(session: Session) -> bool:
    """Whether this is a terminal on which a table of events would be all line breaks."""
    out = session.terminal.out
    return out.is_terminal and out.width < _WIDE_ENOUGH


def _row(item: HistoryItem, *, wide: bool) -> list[Text | str]:
    event = item.event
    style = DIM if event is None else BAD if event.kind is EventKind.HELD else STRONG
    row: list[Text | str] = [
        format_time(item.at),
        str(item.agent),
        item.environment,
        Text(word_of(item), style),
        _version(event),
        str(item.release) if item.release else "",
        item.subject,
        _source(event.source if event else None),
        item.person.partition(" <")[0],
        _note(item),
    ]
    if not wide:
        return row
    image = item.release.image if item.release else ""
    moved = format_time(event.moved) if event and event.moved else ""
    return [*row, moved, _steps(event), _gates(event), short(item.config or ""), image]


def word_of(item: HistoryItem) -> str:
    """The word for what happened."""
    event = item.event
    if event is None:
        return item.kind
    if event.hold is not None:
        return f"held ({event.hold.value})"
    return "deployed" if event.kind is EventKind.PROMOTED and event.version == 0 else event.kind.value


def _version(event: Event | None) -> str:
    if event is None or event.version is None:
        return ""
    return f"v{event.version}" if event.version else "HEAD"


def _source(source: SourceVersion | None) -> str:
    if source is None:
        return ""
    return f"{source.environment} v{source.version}" if source.version else source.environment


def _note(item: HistoryItem) -> str:
    """The first line of what was said, after the exceptions that were made."""
    said = (item.touch.message if item.touch else item.event.message or item.event.note if item.event else "") or ""
    first = said.split("\n", 1)[0]
    overrides = _overrides(item.event)
    return f"[{', '.join(overrides)}] {first}" if overrides else first


def _overrides(event: Event | None) -> Sequence[str]:
    return tuple(dict.fromkeys(gate.override for gate in event.gates if gate.override)) if event else ()


def _steps(event: Event | None) -> str:
    return ", ".join(f"{step}: {done}" for step, done in event.steps.items()) if event else ""


def _gates(event: Event | None) -> str:
    gates = event.gates if event else ()
    return "; ".join(
        f"{gate.gate} {'open' if gate.is_open else 'waiting' if gate.is_waiting else 'closed'}: {gate.evidence}"
        for gate in gates
    )


def _csv_row(item: HistoryItem) -> list[str]:
    event, release = item.event, item.release
    source = event.source if event else None
    note = item.touch.note if item.touch else event.note if event else ""
    message = item.touch.message if item.touch else event.message if event else ""
    return [
        format_time(item.at),
        str(item.agent),
        item.environment,
        item.kind,
        "" if event is None or event.version is None else str(event.version),
        *release_cells(release.as_mapping() if release else {}),
        item.subject,
        source.environment if source else "",
        str(source.version) if source else "",
        item.person,
        format_time(event.moved) if event and event.moved else "",
        note,
        event.hold.value if event and event.hold else "",
        message,
        _steps(event),
        _gates(event),
        ", ".join(_overrides(event)),
        item.config or "",
        item.pin_commit or "",
    ]


def release_cells(release: Mapping[str, str]) -> list[str]:
    """A release as four cells: revision, image, settings, content."""
    return [release.get(key, "") for key in ("revision", "image", "settings", "content")]
