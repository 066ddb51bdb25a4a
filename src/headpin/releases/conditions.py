"""What documents and the clock say about a move into one environment, as the gates take it. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from headpin.model import Gates

NO_GATES = Gates()


@dataclass(frozen=True, slots=True)
class Suspension:
    """Somebody suspended everything below `path`."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Consent:
    """An approval of the release in question in this environment: who gave it, and the file that says so."""

    by: str
    path: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """An override of the release in question in this environment. `id` is its content's: a file opens nothing twice."""

    id: str
    path: str
    gates: frozenset[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """The gates of a stage at an instant, and the files that concern the release in question.

    `exemptions` has only those that no promotion of this deployment has used. `adoption`: the file that takes the
    release over as the first one here. `trouble`: why the gates cannot be known, which keeps all of them closed.
    """

    now: datetime
    gates: Gates = NO_GATES
    suspensions: tuple[Suspension, ...] = ()
    consents: tuple[Consent, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    adoption: Exemption | None = None
    trouble: str = ""


UNCONDITIONAL = Conditions(datetime(2000, 1, 1, tzinfo=UTC))
"""No gates, and nobody who suspended anything."""
