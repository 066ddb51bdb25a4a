"""Deployments as environment branches have them: records and lists of what ran, each file parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, takewhile

from headpin.audit.facts import Standing
from headpin.errors import ObjectDamaged
from headpin.releases.codec import parse_events, parse_ran, parse_record
from headpin.releases.record import NEVER_RAN, Event, Record
from headpin.releases.release import Ran
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
        if entry.id not in self._records:
            _forget(self._records)
            self._records[entry.id] = parse_record(tree.read(path), path)
        return self._records[entry.id]

    def _lines(self, tree: Tree, agent: AgentName) -> tuple[Ran, ...]:
        found: list[Ran] = []
        for path, identity in segments(tree, agent, "ran"):
            if identity not in self._ran:
                _forget(self._ran)
                self._ran[identity] = parse_ran(tree.read(path), path)
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
    return parse_events(data, f"{_place(agent)}.events"), is_kept


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


def _place(agent: AgentName) -> str:
    return f"deployments/{agent.project}/{agent.agent}"


def _forget(known: dict[str, Record] | dict[str, tuple[Ran, ...]]) -> None:
    if len(known) >= _KEPT:
        known.clear()
