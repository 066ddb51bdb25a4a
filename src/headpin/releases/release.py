"""The immutable identity of what runs, and what ran where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headpin.model import Pin
from headpin.types import Revision, TreeId, short


@dataclass(frozen=True, slots=True)
class Release:
    """Source revision, resolved image, content snapshot and shared-settings snapshot.

    Two releases are the same when all four are: an edited image, or a pin that git put together from two
    sides, is another release.
    """

    revision: Revision
    image: str
    settings: TreeId
    content: TreeId | None = None

    @classmethod
    def of_pin(cls, pin: Pin) -> Release:
        """The release that a pin names."""
        return cls(
            Revision(pin.revision), pin.image, TreeId(pin.settings), TreeId(pin.content) if pin.content else None
        )

    @classmethod
    def of_mapping(cls, value: Mapping[str, Any]) -> Release:
        """From the form in records and events."""
        return cls(value["revision"], value["image"], value["settings"], value.get("content"))

    def as_mapping(self) -> dict[str, str]:
        """The form in pins, records and events; `content` only where the agent has content."""
        content = {"content": self.content} if self.content else {}
        return {"revision": self.revision, "image": self.image, **content, "settings": self.settings}

    def __str__(self) -> str:
        return short(self.revision)


@dataclass(frozen=True, slots=True)
class Ran:
    """A release that was served in a deployment: this environment's number for it, and since when.

    `deployed`: whether it ran then; one that came stopped is added once more when it first runs. `subject`: the first
    line of the source commit's message, as far as it was known; somebody wrote it, and nothing is decided by it.
    """

    version: int
    release: Release
    at: datetime
    deployed: bool = True
    subject: str = field(default="", compare=False)


def subject_of(ran: Iterable[Ran], revision: Revision) -> str:
    """The subject of a source commit, where any release of it that ran has it."""
    return next((entry.subject for entry in ran if entry.release.revision == revision and entry.subject), "")


def ran_as(ran: tuple[Ran, ...], release: Release) -> Ran | None:
    """The entry of `release` among those that ran; None when it never did."""
    return next((entry for entry in reversed(ran) if entry.release == release), None)
