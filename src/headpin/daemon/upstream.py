"""A repository with an upstream: fetched before a pass, pushed to after it, and never overwritten.

What upstream has is what counts. A local branch that upstream left behind goes back to upstream's, and everything is
decided anew on that; one that others deleted or rewrote there is put back by a push that goes forward.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from headpin.controller import Controller, PassReport
from headpin.controller.branches import BRANCH_PREFIX, own_state
from headpin.controller.evidence import joined_evidence
from headpin.controller.outside import ENVIRONMENTS, EVIDENCE
from headpin.daemon.backoff import Trouble, Troubles
from headpin.daemon.interfaces import Telemetry
from headpin.daemon.liveness import Liveness
from headpin.daemon.proposals import PROPOSALS, propose_branches
from headpin.daemon.tips import remember, remembered, right_tip
from headpin.errors import BranchGone, Conflict, HeadpinError, PermanentError, TemporaryError, TimedOut
from headpin.git import FIRST_SECONDS, CommitInfo, Line, Move
from headpin.types import Revision

_SPACING = 0.5
"""Seconds at least between two fetches, however many hints come."""

_JITTER = 0.2
Outcome = dict[str, HeadpinError | None]
"""What became of each branch: None where it was moved."""

_FETCH, _PUSH = "the upstream", "a push"
"""What may be in trouble, besides environments."""


@dataclass(slots=True)
class WithUpstream:
    """`is_main_protected`: promotions of headpin's own go to a branch for each environment instead of to main."""

    controller: Controller
    line: Line
    telemetry: Telemetry
    liveness: Liveness
    troubles: Troubles
    interval: float
    is_main_protected: bool = False
    dry_run: bool = False
    clock: Callable[[], float] = time.monotonic
    _due: float = 0.0
    _fetched: float = float("-inf")
    _own: dict[str, Revision] = field(default_factory=dict)
    _moved: dict[str, Revision | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.controller.main_ref = f"{self.line.prefix}{self.controller.main}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The upstream's."""
        if self.line.address is not None:
            return (self.line.address.url,)
        return (self.controller.repository.setting(f"remote.{self.line.remote}.url"),)

    # ── before a pass ────────────────────────────────────────────────────────────────────────────

    def refresh(self, *, now: float, at_once: bool) -> None:
        """Fetches where that is due, and brings local branches to where upstream's are."""
        if at_once:
            self._due = min(self._due, self._fetched + _SPACING)
        if now >= self._due:
            self._fetch(now)
        if not self.dry_run:
            self._follow()

    def _fetch(self, now: float) -> None:
        self._fetched = now
        self._due = now + self.interval * (1 + _JITTER * (self.troubles.chance() - 0.5))
        names = [self.controller.main, f"{ENVIRONMENTS}/*", f"{EVIDENCE}/*", f"{PROPOSALS}*"]
        seconds = None if self.controller.repository.ref_names(self.line.prefix) else FIRST_SECONDS
        try:
            self._timed("fetch", lambda: self.line.fetch(names, seconds), seconds)
        except HeadpinError as error:
            trouble = self.troubles.failed(_FETCH, error, now)
            if not isinstance(error, BranchGone):
                self._due = max(trouble.due, now + _SPACING)
            self._tell(_FETCH, None, error)
            self.controller.repository.free_refs(self.line.prefix)
        else:
            self.troubles.succeeded(_FETCH)

    def _follow(self) -> None:
        """Each local branch to upstream's, or to what has to be there."""
        repository, prefix = self.controller.repository, f"{self.line.prefix}{ENVIRONMENTS}/"
        theirs, tips = repository.refs(prefix), remembered(repository)
        ours, now = repository.refs(BRANCH_PREFIX), self.controller.clock()
        for name in sorted(filter(self.controller.selects, {*theirs, *tips})):
            try:
                there = theirs.get(name)
                right = right_tip(repository, name, there, tips.get(name), now, ours.get(name))
                self._bring(name, right)
                if right is not None and right == there and self._is_own(name, right):
                    remember(repository, {name: right})
            except HeadpinError as error:  # the pass meets the same, and tells it
                if not isinstance(error, TemporaryError):
                    self._tell(name, name, error)

    def _bring(self, name: str, right: Revision | None) -> None:
        repository = self.controller.repository
        local = repository.ref(f"{BRANCH_PREFIX}{name}")
        if right is not None and local != right and (local is None or not repository.is_ancestor(right, local)):
            repository.move_ref(f"{BRANCH_PREFIX}{name}", local, right, "headpin: follow upstream")

    # ── after a pass ─────────────────────────────────────────────────────────────────────────────

    def publish(self, report: PassReport | None, *, now: float) -> None:
        """Pushes every branch that is further along here, with the evidence that is only here."""
        del report
        if not self.troubles.may_try(_PUSH, now):
            return
        wanted = dict(self._pending())
        self._forget_all_but(wanted)
        pending = {name: moves for name, moves in wanted.items() if self.troubles.may_try(name, now, moves)}
        if not pending:
            return
        try:
            self._push_all(pending)
        except HeadpinError as error:
            self.troubles.failed(_PUSH, error, now)
            self._tell(_PUSH, None, error)
        else:
            self.troubles.succeeded(_PUSH)

    def _forget_all_but(self, wanted: Mapping[str, object]) -> None:
        """What has nothing to be pushed any more is fine, however that came about."""
        for name in self.troubles.names() - {_FETCH, _PUSH, *wanted}:
            self.telemetry.recovered(name, name)
        self.troubles.forget_all_but({_FETCH, *([_PUSH] if wanted else ()), *wanted})

    def _pending(self) -> Iterator[tuple[str, tuple[Move, ...]]]:
        """What has to be moved upstream, by environment."""
        repository, prefix = self.controller.repository, f"{self.line.prefix}{ENVIRONMENTS}/"
        theirs = repository.refs(prefix)
        for name, local in repository.refs(BRANCH_PREFIX).items():
            if not self.controller.selects(name) or not self._is_own(name, local):
                continue
            there = theirs.get(name)
            if local != there and (there is None or repository.is_ancestor(there, local)):
                yield name, (Move(f"{ENVIRONMENTS}/{name}", there, local), *self._evidence(name))

    def _evidence(self, name: str) -> Iterator[Move]:
        """The companion of an environment's branch, where there is more of it here."""
        repository, branch = self.controller.repository, f"{EVIDENCE}/{name}"
        there = repository.ref(f"{self.line.prefix}{branch}")
        here = joined_evidence(repository, name, self.controller.main, self.controller.clock())
        if here is not None:
            self._moved[f"refs/heads/{branch}"] = repository.ref(f"refs/heads/{branch}")
        if here is not None and here != there:
            yield Move(branch, there, here)

    def _is_own(self, name: str, tip: Revision) -> bool:
        """Whether headpin made the commit: what is somebody else's is not published as an environment."""
        if self._own.get(name) != tip:
            found = own_state(self.controller.repository, self.controller.repository.commit(tip))
            if found is None or found[1].environment != name:
                return False
            self._own[name] = tip
        return True

    def _push_all(self, pending: dict[str, tuple[Move, ...]]) -> None:
        """All at once; where one keeps the others back, each environment by itself."""
        outcome = self._push(tuple(move for moves in pending.values() for move in moves))
        for name, moves in pending.items():
            if len(pending) > 1 and any(outcome[move.branch] is not None for move in moves):
                outcome |= self._push(moves)
            self._take(name, moves, outcome)

    def _push(self, moves: tuple[Move, ...]) -> Outcome:
        for move in moves:
            self.controller.reached(f"before-push:{move.branch}")
        outcome = self._timed("push", lambda: self.line.push(moves))
        for move in moves:
            self.controller.reached(f"after-push:{move.branch}")
            if outcome[move.branch] is None:
                self._note(f"{self.line.prefix}{move.branch}", move.new)
        return outcome

    def _note(self, name: str, new: Revision | None) -> None:
        """Remembers what was pushed; where that cannot be written, the next fetch brings it."""
        try:
            self.controller.repository.note_ref(name, new)
        except TemporaryError:
            self._due = 0.0
        else:
            self._moved[name] = new

    def _take(self, name: str, moves: tuple[Move, ...], outcome: Outcome) -> None:
        errors = [error for move in moves if (error := outcome[move.branch]) is not None]
        main = moves[0]
        if outcome[main.branch] is None and main.new is not None:
            remember(self.controller.repository, {name: main.new})
        if not errors:
            self.troubles.succeeded(name)
            self.telemetry.recovered(name, name)
            return
        refused = next((error for error in errors if not isinstance(error, Conflict)), errors[0])
        is_conflict = isinstance(refused, Conflict)
        trouble = self.troubles.failed(name, refused, self.clock(), None if is_conflict else moves)
        if is_conflict:
            self.telemetry.push_conflict(name)
        else:
            self._tell(name, name, refused)
        if isinstance(refused, TemporaryError):
            self._due = min(self._due, trouble.due)  # look at what is there, and decide anew

    # ── promotions of headpin's own ──────────────────────────────────────────────────────────────

    def promote(self, report: PassReport, *, now: float) -> tuple[CommitInfo, ...] | None:
        """A commit on main upstream, or a branch for each environment where main is protected.

        Only into environments all of whose earlier stages are published: what upstream says is what counts.
        Raises Conflict when main moved there.
        """
        controller, main = self.controller, self.controller.main
        if not self.troubles.may_try(_PUSH, now) or controller.repository.ref(controller.main_ref) != report.config:
            return None
        behind = {name for name, _ in self._pending()}
        known = []
        for found in report.environments:
            if found.environment in behind:
                break
            known.append(found)
        report = replace(report, environments=tuple(known))
        if self.is_main_protected:
            self._send(tuple(propose_branches(controller, self.line.prefix, report)))
            return None
        promotion = next(controller.promotions(report), None)
        if promotion is None:
            return None
        commit = controller.written_promotion(promotion, controller.repository.commit(report.config))
        controller.reached(f"before-promotion:{promotion.environment}")
        self._send((Move(main, report.config, commit.id),))
        return (commit,)

    def _send(self, moves: tuple[Move, ...]) -> None:
        """Pushes `moves`. Raises Conflict where another writer was first, PermanentError for a refusal,
        SourceTrouble for silence."""
        errors = [error for error in self._push(moves).values() if error is not None] if moves else []
        conflict = next((error for error in errors if isinstance(error, Conflict)), None)
        if conflict is not None:
            self._due = 0.0  # look at what is there
            self.telemetry.push_conflict(self.controller.main)
            raise conflict
        unknown = next((error for error in errors if isinstance(error, TemporaryError)), None)
        if unknown is not None:
            self._due = 0.0  # it may be there
            raise unknown
        if errors:
            said = f"where {self.controller.main} is protected, run with --promotions=branch"
            raise PermanentError(str(errors[0]), remedy=said)

    # ── time and trouble ─────────────────────────────────────────────────────────────────────────

    def next_due(self) -> float | None:
        """The next fetch or push. While nothing can be pushed, no branch is due by itself."""
        push = self.troubles.of(_PUSH)
        names = {_PUSH} if push is not None else self.troubles.names() - {_FETCH}
        known = (self.troubles.of(name) for name in names)
        return min([self._due, *(trouble.due for trouble in known if trouble is not None)])

    def failures(self) -> list[Trouble]:
        """What is wrong with the upstream, and with the branches that it did not take."""
        return [trouble for name in sorted(self.troubles.names()) if (trouble := self.troubles.of(name))]

    def take_moved(self) -> dict[str, Revision | None]:
        """Where the refs are by now that it moved by itself since this was asked."""
        taken, self._moved = self._moved, {}
        return taken

    def hurry(self) -> None:
        """Everything is due."""
        self.troubles.hurry()
        self._due = self._fetched + _SPACING

    def _timed(self, kind: str, work: Callable[[], Outcome | None], seconds: float | None = None) -> Outcome:
        """One conversation, which may take its own time: many slow ones are progress, not a loop that hangs."""
        began = self.clock()
        self.liveness.works_on(f"a {kind}", 2 * (seconds or self.line.seconds))
        try:
            outcome = work() or {}
        except HeadpinError as error:
            result = "timeout" if isinstance(error, TimedOut) else "unreachable"
            self.telemetry.git_operation(kind, result, self.clock() - began)
            raise
        errors = [error for error in outcome.values() if error is not None]
        result = "ok" if not errors else "conflict" if all(isinstance(e, Conflict) for e in errors) else "refused"
        self.telemetry.git_operation(kind, result, self.clock() - began)
        return outcome

    def _tell(self, what: str, environment: str | None, error: HeadpinError) -> None:
        trouble = self.troubles.of(what)
        retry_in = trouble.due - self.clock() if trouble and not isinstance(error, PermanentError) else None
        self.telemetry.pass_failed(what, environment, error, 0.0, retry_in)
