"""Deployments as environment branches have them: records and lists of what ran, each file parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, takewhile

from headpin.audit.facts import Standing
from headpin.errors import ObjectDamaged
from headpin.releases.codec import parse_events, parse_ran, parse_record
from headpin.releases.record import NEVER_RAN, Event, Record
from headpin.releases.release import Ran, Release
from headpin.tree import Kind, Tree
from headpin.types import AgentName

_KEPT = 20_000
"""Files remembered by their ids."""


class Standings:
    """Reads records and what ran, and remembers them by blob id."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._ran: dict[str, tuple[Ran, ...]] = {}

    def of(self, tree: Tree, agent: AgentName) -> Standing | None:
        """The deployment in a branch's files; None where headpin did not write them so."""
        try:
            return Standing(self._record(tree, f"{_place(agent)}.yaml"), self._lines(tree, agent))
        except ObjectDamaged:
            return None

    def heir(self, tree: Tree, agent: AgentName, renamed: Iterable[AgentName]) -> Standing | None:
        """The deployment that had this name once, among those that are known to have been renamed."""
        found = (self.of(tree, other) for other in renamed)
        return next((one for one in found if one is not None and agent in former_names(one.record)), None)

    def _record(self, tree: Tree, path: str) -> Record:
        entry = tree.entry(path)
        if entry is None:
            return NEVER_RAN
        if entry.kind is not Kind.FILE:
            raise ObjectDamaged(f"{path} is a {entry.kind.value}")
        if entry.id not in self._records:
            _forget(self._records)
            self._records[entry.id] = _checked_record(parse_record(tree.read(path), path), path)
        return self._records[entry.id]

    def _lines(self, tree: Tree, agent: AgentName) -> tuple[Ran, ...]:
        found: list[Ran] = []
        for path, identity in segments(tree, agent, "ran"):
            if identity not in self._ran:
                _forget(self._ran)
                self._ran[identity] = _checked_ran(parse_ran(tree.read(path), path), path)
            found += self._ran[identity]
        return tuple(found)


def former_names(record: Record) -> tuple[AgentName, ...]:
    """The names that the record stood under before."""
    return tuple(getattr(record, "formerly", ()))


def added_events(
    old: Tree, new: Tree, agent: AgentName, was: AgentName | None = None
) -> tuple[tuple[Event, ...], bool]:
    """The events that came, and whether those of before are all there. Raises ObjectDamaged. `was`: its name then."""
    data, is_kept = _added(old, new, agent, "events", was or agent)
    return _checked_events(parse_events(data, f"{_place(agent)}.events"), _place(agent)), is_kept


def keeps_what_ran(old: Tree, new: Tree, agent: AgentName, was: AgentName | None = None) -> bool:
    """Whether the lines of what ran are all there."""
    return _added(old, new, agent, "ran", was or agent)[1]


def segments(tree: Tree, agent: AgentName, kind: str) -> list[tuple[str, str]]:
    """The sealed segments of a file, oldest first, and then the file itself: path and blob id."""
    path = f"{_place(agent)}.{kind}"
    names = takewhile(lambda found: tree.entry(found) is not None, (f"{path}.{number:04}" for number in count(1)))
    entries = ((name, tree.entry(name)) for name in (*names, path))
    return [(name, entry.id) for name, entry in entries if entry is not None and entry.kind is Kind.FILE]


def _added(old: Tree, new: Tree, agent: AgentName, kind: str, was: AgentName) -> tuple[bytes, bool]:
    """What follows the old lines, segments that stayed apart; where these are not there as they were, nothing."""
    before, after = segments(old, was, kind), segments(new, agent, kind)
    same = sum(1 for _ in _same(before, after))
    lines = b"".join(old.read(path) for path, _ in before[same:])
    now = b"".join(new.read(path) for path, _ in after[same:])
    return (now[len(lines) :], True) if now.startswith(lines) else (b"", False)


def _same(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> Iterator[None]:
    for (_, one), (_, other) in zip(before, after, strict=False):
        if one != other:
            return
        yield None


# ── what is parsed may still be of types that headpin never writes ───────────────────────────────────


def _checked_record(record: Record, path: str) -> Record:
    served, removed, wanted = record.served, record.removed, record.wanted
    releases = [found.release for found in (served, removed, wanted) if found is not None]
    numbers = [record.highest, *(found.version for found in (served, removed) if found is not None)]
    numbers += [served.scale.min_replicas, served.scale.max_replicas, served.scale.target_cpu] if served else []
    texts = [*record.consumed, *([served.digest] if served else []), *([wanted.config] if wanted else [])]
    _check(path, [*releases, *record.rejected], numbers, texts)
    return record


def _checked_ran(ran: tuple[Ran, ...], path: str) -> tuple[Ran, ...]:
    _check(path, [entry.release for entry in ran], [entry.version for entry in ran], [])
    return ran


def _checked_events(events: tuple[Event, ...], path: str) -> tuple[Event, ...]:
    for event in events:
        source = event.source
        numbers = [number for number in (event.version, source.version if source else None) if number is not None]
        texts = [event.config, event.person or "", *([source.environment] if source else [])]
        _check(path, [event.release], numbers, texts)
    return events


def _check(path: str, releases: Iterable[object], numbers: Iterable[object], texts: Iterable[object]) -> None:
    """Raises ObjectDamaged where a release's parts or texts are no text, or numbers no numbers."""
    parts = [text for one in releases if isinstance(one, Release) for text in (one.revision, one.image, one.settings)]
    parts += [one.content for one in releases if isinstance(one, Release) and one.content is not None]
    is_plain = all(isinstance(text, str) for text in (*parts, *texts))
    if not is_plain or not all(type(number) is int for number in numbers):
        raise ObjectDamaged(f"{path} is not as headpin writes it: a value has another type")


def _place(agent: AgentName) -> str:
    return f"deployments/{agent.project}/{agent.agent}"


def _forget(known: dict[str, Record] | dict[str, tuple[Ran, ...]]) -> None:
    if len(known) >= _KEPT:
        known.clear()
