"""The earlier stages of a pipeline as they stand, and which of them supply a release. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from headpin.releases.evidence import NO_EVIDENCE, Evidence
from headpin.releases.record import Record, Status
from headpin.releases.release import Ran, Release, ran_as


@dataclass(frozen=True, slots=True)
class Upstream:
    """An earlier stage as it stands: `pin` is what main's head wants there (None: no pin, or head).

    `is_held`: whether its whole environment is. `trouble` says why its branch cannot be read; nobody is
    blocked by what is not known. `evidence` is about the release in question.
    """

    environment: str
    required: bool
    tracks_head: bool
    pin: Release | None
    has_pin: bool
    record: Record
    ran: tuple[Ran, ...]
    trouble: str = ""
    is_held: bool = False
    evidence: Evidence = NO_EVIDENCE

    @property
    def is_transparent(self) -> bool:
        """Whether the stage is passed over: nothing is pinned or served here, and nothing needs to be."""
        return (
            not self.trouble
            and not self.required
            and not self.tracks_head
            and not self.has_pin
            and self.record.served is None
        )

    @property
    def is_deployed(self) -> bool:
        """Whether what is served here runs: neither stopped nor failed."""
        return self.record.served is not None and self.record.served.status is Status.DEPLOYED

    def has_run(self, release: Release) -> Ran | None:
        """The release as it ran here, where anything is served still; never one that was only ever stopped."""
        found = ran_as(self.ran, release) if self.record.served is not None else None
        return found if found is not None and found.deployed else None

    def is_about_to_run(self, release: Release) -> bool:
        """Whether the release is pinned here, not served yet, and nothing holds it."""
        served = self.record.served
        is_served = served is not None and served.release == release
        return self.pin == release and not is_served and self.record.hold is None and not self.is_held


def sources(upstream: tuple[Upstream, ...], any_earlier: bool) -> tuple[Upstream, ...]:
    """The stages that may supply a release: the nearest that is not transparent, or all of them by policy."""
    if any_earlier:
        return upstream
    return next(((stage,) for stage in upstream if not stage.is_transparent), ())
