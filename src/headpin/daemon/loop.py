"""The loop: waits for a reason, looks whether anything is different, makes a pass, and sends what it made.

One thread does all of it; others only leave reasons. Owns what is done in which order, and that nothing is done
again and again: whatever fails waits, see `backoff`.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from headpin.controller import Controller, PassReport
from headpin.controller.branches import BRANCH_PREFIX
from headpin.controller.outside import ENVIRONMENTS, EVIDENCE
from headpin.daemon.backoff import Retry, Troubles, Waits
from headpin.daemon.exchange import Exchange
from headpin.daemon.hints import Hints
from headpin.daemon.interfaces import Telemetry
from headpin.daemon.liveness import Liveness
from headpin.daemon.requests import Request, Requests
from headpin.daemon.sources import SourceBoard
from headpin.daemon.wakes import Reason, Wakes
from headpin.errors import Conflict, HeadpinError, NotARepository
from headpin.git import remote_of
from headpin.types import Revision

MAX_PROMOTIONS = 50
"""Promotions of headpin's own between two looks at what woke it."""

_LONGEST_REST = 30.0
"""Seconds after which the loop looks at the clock and at the refs again, whatever nobody told it."""

_SHORTEST_WAIT = 0.02
_ASKING = 20.0
"""Seconds that somebody who asks for a pass waits for sources at most: a little more than each of them has."""

_STILL_CLOSED = 15.0
"""Seconds until a gate is asked again that did not open when it said it would: clocks differ."""

_PASS, _PROMOTION = "a pass", "a promotion"
"""What may be in trouble, besides environments: no environment has such a name."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a daemon was told: patterns of the environments that it writes (none: all), and seconds."""

    environments: tuple[str, ...] = ()
    waits: Waits = field(default_factory=Waits)
    rest: float = _LONGEST_REST
    dry_run: bool = False

    def selects(self, environment: str) -> bool:
        """Whether the environment is one that this daemon writes."""
        return not self.environments or any(fnmatchcase(environment, pattern) for pattern in self.environments)


@dataclass(slots=True)
class Loop:
    """Everything that one daemon is made of. `clock` counts seconds and is never set back."""

    controller: Controller
    options: Options
    exchange: Exchange
    wakes: Wakes
    hints: Hints
    requests: Requests
    liveness: Liveness
    telemetry: Telemetry
    sources: SourceBoard
    housekeeping: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    troubles: Troubles = field(init=False)
    _seen: dict[str, str] = field(default_factory=dict)
    _arrived: tuple[Revision | None, float] = (None, 0.0)
    _opens_at: datetime | None = None
    _again: float | None = None
    _is_first: bool = True
    _prefixes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.troubles = Troubles(self.options.waits, self.chance)
        self.controller.observed = self.sources
        self.controller.selects = self._selects
        self.controller.progress = self._progress
        self._prefixes = _prefixes(self.controller)

    @property
    def repositories(self) -> tuple[str, ...]:
        """The addresses of all repositories that a hint may name, as they are written."""
        return (*self.exchange.addresses, *self.sources.repositories)

    @property
    def failures(self) -> tuple[HeadpinError, ...]:
        """What is wrong with passes, promotions and the upstream; environments' own trouble is in the report."""
        known = [*(self.troubles.of(name) for name in (_PASS, _PROMOTION)), *self.exchange.failures()]
        errors = (trouble.error for trouble in known if trouble is not None)
        return tuple(error for error in errors if isinstance(error, HeadpinError))

    def run(self) -> None:
        """Goes on until it is told to stop. Raises NotARepository when the repository is deleted meanwhile."""
        self.wakes.wake(Reason.START)
        self.hints.know(self.repositories)  # a webhook of the upstream may come before there was a pass
        while not self.wakes.is_stopped():
            self.liveness.rests()
            reasons = self.wakes.wait(self._seconds())
            if self.wakes.is_stopped():
                break
            if not (self.controller.repository.git_dir / "HEAD").exists():
                raise NotARepository(f"{self.controller.repository.git_dir} was deleted")
            self.liveness.works_on("a look at what woke it")
            self.telemetry.heartbeat()
            self.telemetry.queue(*self.wakes.waiting())
            try:
                self.turn(reasons)
            except Exception as error:  # noqa: BLE001 - a loop for months ends by no fault: it is told, and waits
                self._failed(secrets.token_hex(4), None, error, self.clock())
        self.requests.close()

    def turn(self, reasons: frozenset[Reason]) -> PassReport | None:
        """One look, and a pass where anything is different; its report."""
        waiting = self.requests.take()
        self._hurry(reasons)
        hinted = self.hints.take()
        self.sources.hurry(hinted)
        now = self.clock()
        is_hinted = not hinted.isdisjoint(self.exchange.addresses)
        self.exchange.refresh(now=now, at_once=is_hinted or bool(waiting))
        report = None
        if waiting:
            self.sources.ask_now(_ASKING)
        if waiting or self._must_look(reasons):
            report = self._passes(waiting)
        if not self.wakes.is_stopped() and not self.options.dry_run:
            self.liveness.works_on("sending what was made")
            if self._publish(None):  # not with its pass but late: promotions of headpin's own waited for it
                self._again = self.clock()
            self.liveness.works_on("housekeeping")
            self.housekeeping()
        return report

    # ── whether to look ──────────────────────────────────────────────────────────────────────────

    def _hurry(self, reasons: frozenset[Reason]) -> None:
        if reasons & {Reason.ASKED, Reason.RELOAD}:
            self.troubles.hurry()
            self.exchange.hurry()
        if Reason.RELOAD in reasons:
            self.sources.hurry()

    def _must_look(self, reasons: frozenset[Reason]) -> bool:
        if self._is_first or reasons & {Reason.SOURCES, Reason.START}:
            return True
        now = self.clock()
        due = self.troubles.next_due()
        is_open = self._opens_at is not None and self.controller.clock() >= self._opens_at
        if is_open or any(at is not None and now >= at for at in (due, self._again)):
            return self.troubles.of(_PASS) is None or self.troubles.may_try(_PASS, now)
        return self._snapshot() != self._seen

    def _snapshot(self) -> dict[str, str]:
        return self.controller.repository.snapshot(*self._prefixes)

    def _seconds(self) -> float:
        """How long nothing has to be done unless somebody wakes it."""
        now, trouble = self.clock(), self.troubles.of(_PASS)
        due = [self._again, trouble.due if trouble else self.troubles.next_due(), self.exchange.next_due()]
        waits = [at - now for at in due if at is not None]
        if self._opens_at is not None:  # by the clock on the wall, which others may set
            waits.append((self._opens_at - self.controller.clock()).total_seconds())
        return min(max(min(waits, default=self.options.rest), _SHORTEST_WAIT), self.options.rest)

    def _selects(self, environment: str) -> bool:
        """What is wanted, without what waits for another try: it would keep the others waiting."""
        if not self.options.selects(environment):
            return False
        known = self.troubles.of(environment)
        return known is None or known.retry is Retry.STALLED or self.clock() >= known.due

    # ── passes ───────────────────────────────────────────────────────────────────────────────────

    def _passes(self, waiting: list[Request]) -> PassReport | None:
        """A pass, and one after each promotion of headpin's own."""
        try:
            report = self._pass(full=any(request.full for request in waiting))
            if report is not None:
                report = self._promoted(report)
        except HeadpinError as error:
            self.requests.refuse(waiting, str(error), error.remedy)
            return None
        except BaseException:
            self.requests.refuse(waiting, "the pass ended in a fault of headpin", "see its log")
            raise
        if report is None:
            trouble = self.troubles.of(_PASS)
            reason = trouble.error if trouble else None
            self.requests.refuse(waiting, str(reason or "there was no pass"), getattr(reason, "remedy", ""))
        else:
            self.requests.answer(waiting, report)
        return report

    def _promoted(self, report: PassReport) -> PassReport:
        if self.options.dry_run:
            return report
        for _ in range(MAX_PROMOTIONS):
            if self.wakes.is_stopped():
                break
            try:
                made = self.exchange.promote(report, now=self.clock())
            except Conflict as error:  # somebody else was first: what is there is looked at in a moment
                self.troubles.failed(_PROMOTION, error, self.clock())
                return report
            except HeadpinError as error:
                self._failed(_PROMOTION, None, error, self.clock(), report.config)
                return report
            self.troubles.succeeded(_PROMOTION)
            if made is None:
                break
            later = self._pass()
            if later is None:
                return report
            report = report.then(later, made)
        self._look_again(report)
        return report

    def _pass(self, *, full: bool = False) -> PassReport | None:
        """One pass; None where it failed, which is told and tried again."""
        began, id = self.clock(), secrets.token_hex(4)
        seen = self._snapshot()
        self._opens_at = self._again = None
        self.telemetry.pass_started(id, self.options.environments)
        self.liveness.works_on("a pass")
        try:
            report = self.controller.look(full=full, dry_run=self.options.dry_run)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and the loop goes on
            self._seen = seen
            self.troubles.forget_all_but({_PASS, _PROMOTION})  # no environment was looked at
            self._failed(id, None, error, began)
            return None
        self.troubles.succeeded(_PASS)
        self._seen = seen | _moved(report)
        self._take(id, report, began)
        if not self.options.dry_run:
            self._publish(report)
        self._is_first = False
        self.liveness.is_ready()
        self.telemetry.pass_finished(id, report, self.clock() - began)
        return report

    def _publish(self, report: PassReport | None) -> bool:
        """Sends what there is to send; whether the branch of an environment moved by that."""
        self.exchange.publish(report, now=self.clock())
        moved = self.exchange.take_moved()
        for name, revision in moved.items():
            if revision is None:
                self._seen.pop(name, None)
            else:
                self._seen[name] = revision
        return any(name.startswith("refs/remotes/") and f"/{ENVIRONMENTS}/" in name for name in moved)

    def _take(self, id: str, report: PassReport, began: float) -> None:
        """Notes what failed, what is late, and when to look again."""
        now = self.clock()
        if self._arrived[0] != report.config:
            self._arrived = (report.config, min(began, self.wakes.taken_since))
        looked_at = {found.environment for found in report.environments}
        waiting = {name for name in self.troubles.names() if (known := self.troubles.of(name)) and known.due > began}
        self.troubles.forget_all_but({_PASS, _PROMOTION, *looked_at, *waiting})
        for found in report.environments:
            if found.failure is not None:
                self._failed(id, found.environment, found.failure, began, report.config)
            else:
                self.troubles.succeeded(found.environment)
            if found.commit is not None:
                self.telemetry.lag(found.environment, now - self._arrived[1])
        self._look_again(report)
        self.hints.know(self.repositories)

    def _look_again(self, report: PassReport) -> None:
        """Notes when the first gate opens, and when an image may be asked for again."""
        now, waits = self.clock(), []
        opens_at = report.opens_at, self.controller.waiting.opens_at
        at = min((at for at in opens_at if at is not None), default=None)
        if at is not None and at <= self.controller.clock():
            at = None
            waits.append(_STILL_CLOSED)
        image = self.controller.lookups.next_due()
        if image is not None:
            waits.append(max(image, _SHORTEST_WAIT))
        self._opens_at, self._again = at, min((now + wait for wait in waits), default=None)

    def _failed(self, id: str, environment: str | None, error: Exception, began: float, given: object = None) -> None:
        name = environment or (_PROMOTION if id == _PROMOTION else _PASS)
        now = self.clock()
        trouble = self.troubles.failed(name, error, now, given)
        retry_in = None if trouble.retry is Retry.STALLED else trouble.due - now
        self.telemetry.pass_failed(id, environment, error, now - began, retry_in)

    def _progress(self, what: str, *_: int) -> None:
        self.liveness.works_on(what)


def _prefixes(controller: Controller) -> tuple[str, ...]:
    """What the names of all refs begin with that a pass reads."""
    remote = f"refs/remotes/{remote_of(controller.repository, controller.main)}/"
    branches: Sequence[str] = (controller.main, f"{ENVIRONMENTS}/", f"{EVIDENCE}/")
    return tuple(f"{folder}{branch}" for folder in ("refs/heads/", remote) for branch in branches)


def _moved(report: PassReport) -> dict[str, str]:
    """Where the refs are by now that the pass moved itself."""
    return {
        f"{BRANCH_PREFIX}{found.environment}": found.commit for found in report.environments if found.commit is not None
    }
