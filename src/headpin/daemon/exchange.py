"""What goes between this repository and its upstream around a pass; nothing, for a repository that is alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headpin.controller import Controller, PassReport
from headpin.controller.branches import BRANCH_PREFIX
from headpin.daemon.backoff import Trouble
from headpin.daemon.tips import TIPS, put_back, remember
from headpin.git import CommitInfo
from headpin.types import Revision


class Exchange(Protocol):
    """Before a pass what is there comes here, after it what was made goes there."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The upstream's address, as it is written; none where there is no upstream."""

    def refresh(self, *, now: float, at_once: bool) -> None:
        """Brings what is new, where that is due or `at_once`, and puts back what others deleted or rewrote."""

    def publish(self, report: PassReport | None, *, now: float) -> None:
        """Sends what the pass of `report` made, and what could not be sent before."""

    def promote(self, report: PassReport, *, now: float) -> tuple[CommitInfo, ...] | None:
        """Makes a promotion that headpin may make itself; None where there is none. Raises as a pass."""

    def next_due(self) -> float | None:
        """When it wants to be asked again, on the loop's clock."""

    def hurry(self) -> None:
        """Everything is due."""

    def failures(self) -> Sequence[Trouble]:
        """What is wrong."""

    def take_moved(self) -> Mapping[str, Revision | None]:
        """Where the refs are by now that it moved itself since this was asked: no reason for a pass."""


class Alone:
    """A repository without an upstream, or one that is not to take part."""

    def __init__(self, controller: Controller, *, dry_run: bool = False) -> None:
        self._controller = controller
        self._dry_run = dry_run

    @property
    def addresses(self) -> tuple[str, ...]:
        """Nobody's."""
        return ()

    def refresh(self, *, now: float, at_once: bool) -> None:
        """Puts back what others deleted or rewrote; what cannot be, the pass meets and tells."""
        del now, at_once
        if self._dry_run:
            return
        controller = self._controller
        names = {*controller.repository.ref_names(BRANCH_PREFIX), *controller.repository.ref_names(TIPS)}
        put_back(controller.repository, sorted(filter(controller.selects, names)), controller.clock())

    def publish(self, report: PassReport | None, *, now: float) -> None:
        """Remembers where the branches are right: after a pass that had no trouble with them."""
        del now
        if report is not None:
            remember(self._controller.repository, right_branches(self._controller, report))

    def promote(self, report: PassReport, *, now: float) -> tuple[CommitInfo, ...] | None:
        """On main here."""
        del now
        return self._controller.promote(report)

    def next_due(self) -> float | None:
        """Never: refs are watched."""
        return None

    def hurry(self) -> None:
        """Nothing waits."""

    def failures(self) -> Sequence[Trouble]:
        """Nothing is."""
        return ()

    def take_moved(self) -> Mapping[str, Revision | None]:
        """None that a pass reads."""
        return {}


def right_branches(controller: Controller, report: PassReport) -> dict[str, Revision]:
    """The local branches that the pass found in order or put in order."""
    local = controller.repository.refs(BRANCH_PREFIX)
    well = (found.environment for found in report.environments if not found.error)
    return {name: local[name] for name in well if name in local}
