"""The record of a deployment: the present, and the events that led there.

Pure values; `headpin.releases.codec` gives them their form in files. A record says what is *served* and,
apart from that, what is *wanted* but not served yet, and whether there is a *hold*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from headpin.releases.release import Release
from headpin.types import AgentName, Revision


class Status(StrEnum):
    """How what is served does. Nothing served has no status."""

    DEPLOYED = "Deployed"
    FAILED = "Failed"
    STOPPED = "Stopped"


class HoldReason(StrEnum):
    """Why a deployment is left as it is."""

    INVALID = "Invalid"
    BLOCKED = "Blocked"
    UNAUTHORISED = "Unauthorised"
    WAITING_FOR_IMAGE = "WaitingForImage"
    RENDER_FAILED = "RenderFailed"


class EventKind(StrEnum):
    """A transition of a deployment."""

    ADOPTED = "adopted"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    ROLLED_FORWARD = "rolled-forward"
    RECONFIGURED = "reconfigured"
    SUPERSEDED = "superseded"
    HELD = "held"
    FAILED = "failed"
    STOPPED = "stopped"
    RESUMED = "resumed"
    SCALED = "scaled"
    REMOVED = "removed"
    RENAMED = "renamed"


HEADPIN = ("headpin", "headpin@localhost")
"""The name and the address by which headpin signs its own commits."""


@dataclass(frozen=True, slots=True)
class Move:
    """A commit on main that gave a pin another release; None took the pin away or made it unreadable.

    `person` is the commit's author as ``Name <address>``, `at` its time, `note` what the author wrote:
    the text below the subject (`has_note`), or the subject where that is all.
    """

    release: Release | None
    config: Revision
    person: str
    at: datetime
    note: str
    has_note: bool = False

    @property
    def is_automatic(self) -> bool:
        """Whether headpin made it, not a person."""
        name, address = HEADPIN
        return self.person == f"{name} <{address}>"


@dataclass(frozen=True, slots=True)
class Scale:
    """Pods at least and at most, and the CPU use in percent that an autoscaler aims at; none at all when stopped."""

    min_replicas: int
    max_replicas: int
    target_cpu: int
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: `digest` is of everything rendered but the scale, `config` the own layers' revision."""

    release: Release
    version: int
    status: Status
    since: datetime
    config: Revision
    digest: str
    scale: Scale
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a deployment, or a whole environment, is left as it is, since when, and by which config revision."""

    reason: HoldReason
    message: str
    since: datetime
    config: Revision


@dataclass(frozen=True, slots=True)
class Removed:
    """What was served last where nothing is served any more."""

    release: Release
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """One deployment. `highest` is the highest version it ever had.

    `consumed` has the ids of the override files that promotions of it used up, `rejected` the releases that never
    ran and that a person moved the pin away from: headpin itself does not promote them again.

    `formerly` has the names under which this record stood before, oldest first. `objects` is the agent by whose name
    the Kubernetes objects are named and labelled, where that is another: objects cannot be renamed, only replaced.
    """

    served: Served | None = None
    highest: int = 0
    wanted: Move | None = None
    hold: Hold | None = None
    removed: Removed | None = None
    consumed: tuple[str, ...] = ()
    rejected: tuple[Release, ...] = ()
    formerly: tuple[AgentName, ...] = ()
    objects: AgentName | None = None

    @property
    def ever_ran(self) -> bool:
        """Whether anything was ever served."""
        return self.served is not None or self.removed is not None or self.highest > 0

    @property
    def last_version(self) -> int:
        """The version served now, or last; 0 when there never was one."""
        if self.served is not None:
            return self.served.version
        return self.removed.version if self.removed else 0

    @property
    def is_unsettled(self) -> bool:
        """Whether the next pass looks at it again even though no document of it changed."""
        return self.hold is not None or self.wanted is not None

    def moved(self, old: AgentName, names: Sequence[AgentName]) -> Record:
        """The record of `old` as that of the first of `names`: everything stays but the name that people use.

        `names` are all that the agent may have had since, newest first. Those that no pass saw are remembered too.
        """
        new, *since = names
        former = dict.fromkeys((*self.formerly, *reversed(since)))
        objects = self.objects or old
        return replace(
            self,
            formerly=tuple(name for name in former if name != new),
            objects=None if objects == new else objects,
        )


NEVER_RAN = Record()
"""A deployment without a record."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one gate said of a move: `is_open`, or `is_waiting` for something already under way.

    `opens_at`: when a closed one opens if nothing but time passes. The evidence of a gate that stays as it is
    reads the same in every pass: what changes is told as the instant at which it will. `override`: the file that
    opened it.
    """

    gate: str
    is_open: bool
    evidence: str
    is_waiting: bool = False
    opens_at: datetime | None = None
    override: str | None = None


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """Where a release came from, and the number it had there."""

    environment: str
    version: int


@dataclass(frozen=True, slots=True)
class Event:
    """A transition, told once. What does not apply to its kind is None or empty."""

    kind: EventKind
    at: datetime
    config: Revision
    version: int | None = None
    release: Release | None = None
    source: SourceVersion | None = None
    person: str | None = None
    moved: datetime | None = None
    note: str = ""
    hold: HoldReason | None = None
    message: str = ""
    steps: Mapping[str, str] = field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
