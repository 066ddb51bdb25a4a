"""What two environments serve differently, agent by agent; or one environment at two times.

Compares what records say is served: releases, shared settings from their snapshots, own settings as they were
applied. Which is ahead is for `headpin.status.ahead` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headpin.controller import Controller
from headpin.errors import HeadpinError
from headpin.model import Environment
from headpin.releases import Record, Served
from headpin.releases.codec import hold_mapping
from headpin.status.ahead import Asked, SourceRange, source_ranges
from headpin.status.pairs import Pair, pairs_of
from headpin.status.served import Applied, ServedReader
from headpin.status.sides import Side
from headpin.status.values import document_values, dotted, text_of
from headpin.types import AgentName
from headpin.workspace import Snapshot
from headpin.workspace.settings import Key, Said, own_values, shared_values

RELEASE, SHARED, OWN, PRESENCE, PODS = "release", "shared settings", "own settings", "presence", "pods"
"""How two deployments can differ."""

_PODS = ("scaling", "stopped")
_REASONS = {
    "status": ("stopped",),
    "minReplicas": ("scaling.minReplicas",),
    "maxReplicas": ("scaling.maxReplicas", "scaling.minReplicas"),
    "targetCPU": ("scaling.targetCPU",),
}
"""The settings that decide about what is recorded of the pods."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One key with what each side has; None where it has nothing. Places are files on main ("": none).

    `is_general`: the environments' own documents say it, for everything in them.
    """

    key: str
    one: str | None
    other: str | None
    one_at: str = ""
    other_at: str = ""
    is_general: bool = False

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "key": self.key,
            "one": self.one,
            "other": self.other,
            "oneAt": self.one_at or None,
            "otherAt": self.other_at or None,
            "general": self.is_general,
        }


@dataclass(frozen=True, slots=True)
class AgentComparison:
    """One agent on both sides, where it may have had another name. `trouble` says what could not be compared."""

    pair: Pair
    one: Record
    other: Record
    release: tuple[Difference, ...] = ()
    shared: tuple[Difference, ...] = ()
    own: tuple[Difference, ...] = ()
    pods: tuple[Difference, ...] = ()
    source: SourceRange | None = None
    trouble: tuple[str, ...] = ()

    @property
    def agent(self) -> AgentName:
        """The agent."""
        return self.pair.agent

    @property
    def former_name(self) -> AgentName | None:
        """The name that it has on the side where it is another."""
        names = (self.pair.one, self.pair.other)
        return next((name for name in names if name != self.agent), None)

    @property
    def differs(self) -> tuple[str, ...]:
        """In what it differs; what environments say for everything in them is no difference of an agent."""
        if (self.one.served is None) != (self.other.served is None):
            return (PRESENCE,)
        parts = ((RELEASE, self.release), (SHARED, self.shared), (OWN, self.own), (PODS, self.pods))
        return tuple(name for name, found in parts if any(not item.is_general for item in found))

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "agent": str(self.agent),
            "oneAgent": str(self.pair.one),
            "otherAgent": str(self.pair.other),
            "differs": list(self.differs),
            "one": _record_mapping(self.one),
            "other": _record_mapping(self.other),
            "release": [item.as_json() for item in self.release],
            "sharedSettings": [item.as_json() for item in self.shared],
            "ownSettings": [item.as_json() for item in self.own],
            "pods": [item.as_json() for item in self.pods],
            "source": self.source.as_json() if self.source else None,
            "trouble": list(self.trouble),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every agent that is served on a side, by name."""

    one: Side
    other: Side
    agents: tuple[AgentComparison, ...]

    @property
    def different(self) -> tuple[AgentComparison, ...]:
        """The agents that differ, or of which it is not known."""
        return tuple(item for item in self.agents if item.differs or item.trouble)

    @property
    def general(self) -> tuple[tuple[Difference, int], ...]:
        """What the environments' own documents say differently, and for how many agents that counts."""
        counts: dict[Difference, int] = {}
        for agent in self.agents:
            for item in agent.own:
                if item.is_general:
                    counts[item] = counts.get(item, 0) + 1
        return tuple(sorted(counts.items(), key=lambda found: found[0].key))

    def as_json(self, *, everything: bool = False) -> dict[str, Any]:
        """The form in `--json`; with equal agents too where `everything` is wanted."""
        return {
            "one": self.one.as_json(),
            "other": self.other.as_json(),
            "equal": len(self.agents) - len(self.different),
            "general": [{**item.as_json(), "agents": number} for item, number in self.general],
            "agents": [item.as_json() for item in (self.agents if everything else self.different)],
        }


def compare(
    controller: Controller,
    one: Side,
    other: Side,
    agents: Collection[AgentName] = (),
    *,
    ask_sources: bool = True,
    commits: int = 20,
) -> Comparison:
    """What differs between the sides, of `agents` where they are given; at most `commits` source commits of each.

    Without `ask_sources`, which is ahead is told as far as what was fetched before says it.
    """
    reader = ServedReader(controller)
    found = []
    asked: dict[AgentName, Asked] = {}
    for pair in pairs_of(controller.workspace(), one, other, agents):
        records = _record(one, pair.one), _record(other, pair.other)
        if isinstance(records[0], str) or isinstance(records[1], str):
            trouble = tuple(record for record in records if isinstance(record, str))
            found.append(AgentComparison(pair, Record(), Record(), trouble=trouble))
        elif records[0].served is not None or records[1].served is not None:
            item = _compared(reader, one, other, AgentComparison(pair, records[0], records[1]))
            found.append(item)
            if question := _question(reader, item):
                asked[pair.agent] = question
    ranges = source_ranges(controller, asked, ask=ask_sources, most=commits)
    return Comparison(one, other, tuple(replace(item, source=ranges.get(item.agent)) for item in found))


def _record(side: Side, agent: AgentName) -> Record | str:
    try:
        return side.branch.record(agent)
    except HeadpinError as error:
        return f"{side.asked}: {error}"


def _compared(reader: ServedReader, one: Side, other: Side, item: AgentComparison) -> AgentComparison:
    here, there = item.one.served, item.other.served
    if here is None or there is None:
        return item
    trouble: list[str] = []
    shared: tuple[Difference, ...] = ()
    if here.release.settings != there.release.settings:
        shared = _tried(trouble, "shared settings", lambda: _shared(reader, item.pair, here, there))
    own = _tried(trouble, "own settings", lambda: _own(reader, one, other, item.pair, here, there))
    pods = _pods(here, there, (*shared, *own))
    return replace(
        item, release=_release(here, there), shared=shared, own=own, pods=pods, trouble=tuple(dict.fromkeys(trouble))
    )


def _tried(trouble: list[str], what: str, look: Callable[[], tuple[Difference, ...]]) -> tuple[Difference, ...]:
    """What cannot be read concerns that part alone, and is told."""
    try:
        return look()
    except HeadpinError as error:
        trouble.append(f"{what} cannot be compared: {error}{f'; {error.remedy}' if error.remedy else ''}")
        return ()


def _release(one: Served, other: Served) -> tuple[Difference, ...]:
    here, there = one.release.as_mapping(), other.release.as_mapping()
    keys = ("revision", "image", "content", "settings")
    return tuple(Difference(key, here.get(key), there.get(key)) for key in keys if here.get(key) != there.get(key))


def _shared(reader: ServedReader, pair: Pair, one: Served, other: Served) -> tuple[Difference, ...]:
    here = reader.snapshot(pair.one, one.release.settings)
    there = reader.snapshot(pair.other, other.release.settings)
    said = _between(shared_values(here), shared_values(there))
    documents = document_values(here), document_values(there)
    rest = _between(*(_as_said(values, found) for values, found in zip(documents, (here, there), strict=True)))
    return tuple(sorted((*said, *rest), key=lambda item: item.key))


def _as_said(values: Mapping[Key, object], snapshot: Snapshot) -> Said:
    document: Any = snapshot.agent
    return {key: (value, document) for key, value in values.items()}


def _own(
    reader: ServedReader, one: Side, other: Side, pair: Pair, here: Served, there: Served
) -> tuple[Difference, ...]:
    return _between(
        _applied_values(reader.applied(one.branch, pair.one, here)),
        _applied_values(reader.applied(other.branch, pair.other, there)),
    )


def _applied_values(applied: Applied) -> Said:
    """Own settings as applied, and what the environment's document says about how everything is rendered."""
    said = dict(own_values(applied.own))
    if applied.scaling is not applied.own:
        scaling = own_values(applied.scaling)
        said = {key: found for key, found in said.items() if key[0] not in _PODS}
        said |= {key: found for key, found in scaling.items() if key[0] in _PODS}
    document = applied.own.environment
    if document.model is not None:
        said[("engine",)] = document.model.engine, document
        said[("templates",)] = document.model.templates, document
    return said


def _between(here: Said, there: Said) -> tuple[Difference, ...]:
    found = []
    for key in sorted({*here, *there}):
        one, other = here.get(key), there.get(key)
        if one is not None and other is not None and _same(one[0], other[0]):
            continue
        texts = [text_of(said[0]) if said else None for said in (one, other)]
        if texts[0] == texts[1]:
            texts = [f"{text}, in what is not shown" for text in texts]
        layers = [said[1] for said in (one, other) if said]
        general = all(isinstance(layer.model, Environment) for layer in layers)
        places = [said[1].path if said else "" for said in (one, other)]
        found.append(Difference(dotted(key), texts[0], texts[1], places[0], places[1], general))
    return tuple(found)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _pods(one: Served, other: Served, settings: Sequence[Difference]) -> tuple[Difference, ...]:
    """The numbers of pods, and whether it runs at all; general where only the environments' documents say why."""
    here, there = _scale(one), _scale(other)
    reasons = {item.key: item.is_general for item in settings}
    found = {key: [reasons[why] for why in _REASONS[key] if why in reasons] for key in here}
    return tuple(
        Difference(key, here[key], there[key], is_general=bool(found[key]) and all(found[key]))
        for key in here
        if here[key] != there[key]
    )


def _scale(served: Served) -> dict[str, str]:
    scale = served.scale
    return {
        "status": served.status.value,
        "minReplicas": str(scale.min_replicas),
        "maxReplicas": str(scale.max_replicas),
        "targetCPU": str(scale.target_cpu),
    }


def _question(reader: ServedReader, item: AgentComparison) -> Asked | None:
    """What to ask of the source, where the two sides run different revisions of it."""
    here, there = item.one.served, item.other.served
    if here is None or there is None or here.release.revision == there.release.revision:
        return None
    sources = []
    for served in (here, there):
        try:
            model = reader.snapshot(item.agent, served.release.settings).agent.model
        except HeadpinError:
            model = None
        sources.append(model.source if model else None)
    return Asked(here.release.revision, there.release.revision, sources[0], sources[1])


def _record_mapping(record: Record) -> dict[str, Any] | None:
    served = record.served
    if served is None:
        return None
    return {
        "version": served.version,
        "status": served.status.value,
        "release": served.release.as_mapping(),
        "config": served.config,
        "hold": hold_mapping(record.hold) if record.hold else None,
    }
