"""Whether a release might be served, by the documents and records of that time. Pure, and independent of what decides.

Asks again what can be told from git alone: where the release ran before, freezes, suspensions, approvals, notes and
overrides. What was reported of health and checks is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from headpin.audit.facts import Asked, Deployment, EarlierStage, Rules, Standing
from headpin.releases.freeze import frozen
from headpin.releases.record import Event, EventKind
from headpin.releases.release import Ran, Release

MOVES = frozenset({EventKind.ADOPTED, EventKind.PROMOTED, EventKind.ROLLED_BACK, EventKind.ROLLED_FORWARD})

Wrong = tuple[str, str]
"""A code, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A transition that an event tells: what was before, and what asked for it.

    `frozen`: the reason of the freeze in force at that time, or "".
    """

    deployment: Deployment
    before: Standing
    event: Event
    release: Release
    frozen: str

    @property
    def rules(self) -> Rules:
        """What the documents said."""
        return self.deployment.rules

    @property
    def asked(self) -> Asked | None:
        """The commit of main that asked for it."""
        return self.deployment.asked.get(self.event.config)


def judge_move(moved: Moved, environment: str) -> Iterator[Wrong]:
    """Everything that spoke against serving the release."""
    before, release = moved.before, moved.release
    known, served = before.entry(release), before.record.served
    if moved.event.kind is EventKind.ADOPTED:
        yield from _adoption(moved)
        yield from _conditions(moved)
        return
    if served is not None and served.release == release:
        return  # a pin that went away and came back
    if known is None:
        yield from _origin(moved, environment)
        yield from _conditions(moved)
    elif served is None:
        if known.version > before.record.last_version:
            yield from _conditions(moved)
    elif known.version > served.version:
        yield from _conditions(moved)


def kind_of(before: Standing, release: Release) -> EventKind:
    """What a move to the release is called, adoptions apart."""
    known, served = before.entry(release), before.record.served
    if served is not None and served.release == release:
        return EventKind.ROLLED_BACK
    if known is None or served is None:
        return EventKind.PROMOTED
    return EventKind.ROLLED_BACK if known.version < served.version else EventKind.ROLLED_FORWARD


def freeze_of(rules: Rules, when: datetime) -> str:
    """Why nothing may change at an instant; "" where something may."""
    found = frozen(rules.gates.freeze, when)
    return found.reason if found is not None else ""


def _adoption(moved: Moved) -> Iterator[Wrong]:
    if moved.before.ran:
        first = moved.before.ran[0]
        yield "HP441", f"{moved.release} was adopted, although v{first.version} ({first.release}) ran here before"
    elif moved.rules.adoption is None:
        yield "HP441", f"{moved.release} was adopted, and no override of that revision allows it"
    else:
        yield "HP440", f"{moved.release} was taken over by {moved.rules.adoption.path}: {moved.rules.adoption.reason}"


def _origin(moved: Moved, environment: str) -> Iterator[Wrong]:
    """Whether it ran in a stage that it may come from."""
    rules, release = moved.rules, moved.release
    if rules.is_first:
        return  # its releases come from the source, which git here does not tell
    if rules.trouble:
        yield "HP435", f"{release} was promoted, although the gates could not be read: {rules.trouble}"
        return
    sources = rules.sources
    if any(stage.standing is None for stage in sources):
        return  # nobody is accused by what cannot be read
    ran = [stage for stage in sources if _has_run(stage, release)]
    if not ran:
        names = " or ".join(stage.environment for stage in sources) or "any stage before it"
        yield "HP404", f"{release} was promoted to {environment}, and had not run in {names}"
        return
    deployed = [stage for stage in ran if stage.standing and stage.standing.is_deployed]
    if not deployed:
        yield "HP423", f"{release} was promoted to {environment}, and {_state(ran[0])}"
        return
    told = moved.event.source
    known = [(stage.environment, entry.version) for stage in deployed if (entry := _entry(stage, release))]
    if told is not None and (told.environment, told.version) not in known:
        said = f"its event says that {release} came from {told.environment} v{told.version}"
        yield "HP444", f"{said}, and it came from {known[0][0]} v{known[0][1]}"


def _entry(stage: EarlierStage, release: Release) -> Ran | None:
    return stage.standing.entry(release) if stage.standing else None


def _has_run(stage: EarlierStage, release: Release) -> bool:
    entry = _entry(stage, release)
    return entry is not None and entry.deployed


def _state(stage: EarlierStage) -> str:
    served = stage.standing.record.served if stage.standing else None
    if served is None:
        return f"{stage.environment} served nothing at that time"
    return f"{stage.environment} was {served.status.value} at that time"


def _conditions(moved: Moved) -> Iterator[Wrong]:
    """Suspensions, freezes, notes and approvals; one that an override opens is told as that."""
    rules = moved.rules
    if rules.suspended:
        yield "HP435", f"{moved.release} was promoted, although {rules.suspended[0]} suspended it"
    for gate, why in _closed(moved):
        is_opened = gate in rules.gates.overridable and any(gate in item.gates for item in rules.openings)
        if not is_opened:
            yield "HP435", f"{moved.release} was promoted, although {why}"


def _closed(moved: Moved) -> Iterator[tuple[str, str]]:
    rules, asked, event = moved.rules, moved.asked, moved.event
    gates = rules.gates
    if moved.frozen:
        yield "freeze", f"it was frozen: {moved.frozen}"
    if asked is not None and not asked.is_there:
        return
    if gates.note is not None and asked is not None and not asked.has_note:
        yield "note", "its commit has no note, and one is required"
    if gates.approvals:
        person = asked.person if asked is not None else event.person or ""
        name, _, address = person.partition(" <")
        own = {name.strip().casefold(), address.removesuffix(">").strip().casefold()}
        people = {consent.by.casefold() for consent in rules.consents} - own
        if len(people) < gates.approvals:
            yield "approvals", f"only {len(people)} of {gates.approvals} others had approved"
