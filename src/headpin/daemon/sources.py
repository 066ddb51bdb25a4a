"""Where remote sources are: asked and followed apart from the passes, one round for each host in an interval.

A pass takes what was found last and waits for nobody, except a moment for sources that were never asked. A source
that is silent is asked alone and less and less often, so that it delays no other. A branch that nobody follows, but
that a pass asks for all the same (for a pin in a first stage), is asked for as long as passes do that.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller.branches import Branch, RecordReader, read_branch
from headpin.controller.heads import MIRRORS, Follows, Remote
from headpin.daemon.backoff import Troubles
from headpin.daemon.interfaces import Telemetry
from headpin.daemon.wakes import Reason, Wakes
from headpin.errors import HeadpinError, SourceTrouble
from headpin.git import NOTHING, Access, Repository, address_of
from headpin.model import Limits
from headpin.sources import Followed, Follower, Memory, Observation, SourceKey, SourceRule

FIRST_GRACE, GRACE = 3.0, 1.0
"""Seconds that a pass waits for sources that were never asked: at the start, and later."""

_SPACING = 1.0
"""Seconds at least between two rounds of one repository, however many hints come."""

_ROUNDS = 16
_NOT_ASKED = "it was not asked yet"
_JITTER = 0.1
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the rounds need to know. `place` is the config repository, `head_environment` what follows sources."""

    place: Path
    main: str
    interval: float
    access: Access = NOTHING
    grace: float = GRACE
    first_grace: float = FIRST_GRACE


@dataclass(slots=True)
class _Turn:
    """When a repository is asked next, whether it is being asked, and whether it has to be asked `again` after that."""

    due: float
    is_running: bool = False
    again: bool = False
    asked: float = _NEVER


@dataclass(slots=True)
class SourceBoard:
    """What is known of remote sources, and the threads that keep it so from `start` to `stop`."""

    settings: Settings
    memory: Memory
    wakes: Wakes
    telemetry: Telemetry
    troubles: Troubles
    clock: Callable[[], float] = time.monotonic
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _followed: tuple[Follows, ...] = ()
    _limits: Limits = field(default_factory=Limits)
    _items: dict[str, list[Follows]] = field(default_factory=dict)
    _turns: dict[str, _Turn] = field(default_factory=dict)
    _found: dict[SourceRule, Followed] = field(default_factory=dict)
    _heads: dict[SourceKey, Observation] = field(default_factory=dict)
    _wanted: dict[SourceKey, int] = field(default_factory=dict)
    _passes: int = 0
    _is_stopped: bool = False
    _is_first: bool = True
    _threads: list[threading.Thread] = field(default_factory=list)

    # ── asked by passes ──────────────────────────────────────────────────────────────────────────

    def keep(self, followed: tuple[Follows, ...], limits: Limits) -> None:
        """All that is followed from now on. Waits a moment for what was never asked. Every pass begins with this."""
        self._passes += 1
        self._forget_unwanted()
        if followed == self._followed and limits == self._limits:
            return
        remote = tuple(item for item in followed if not item.rule.is_own)
        items: dict[str, list[Follows]] = defaultdict(list)
        for item in remote:
            items[item.rule.repository].append(item)
        rules = {item.rule for item in remote}
        with self._changed:
            self._followed, self._limits, self._items = followed, limits, dict(items)
            self._found = {rule: self._found[rule] for rule in rules if rule in self._found}
            keys = {rule.key for rule in rules} | self._wanted.keys()
            self._heads = {key: seen for key, seen in self._heads.items() if key in keys}
            new = rules - self._found.keys()
            self._schedule({rule.repository for rule in new})
            grace = self.settings.first_grace if self._is_first else self.settings.grace
            self._is_first = False
            self._changed.wait_for(lambda: self._is_stopped or new <= self._found.keys(), grace if new else 0)

    def of(self, rule: SourceRule) -> Followed:
        """Where the source was found last."""
        return self._found.get(rule) or Followed(None, _NOT_ASKED)

    def head(self, key: SourceKey) -> Observation:
        """Where the branch was found last. Waits a moment for one that was never asked, because nobody follows it."""
        with self._changed:
            is_new = key not in self._heads and key not in self._wanted
            if is_new or key in self._wanted:
                self._wanted[key] = self._passes
            if is_new:
                self._schedule({key.repository})
                self._changed.wait_for(lambda: self._is_stopped or key in self._heads, self.settings.grace)
            return self._heads.get(key) or Observation(None, _NOT_ASKED)

    def _forget_unwanted(self) -> None:
        """What the last pass did not ask for any more is not asked."""
        with self._changed:
            old = {key for key, last in self._wanted.items() if last < self._passes - 1}
            followed = {item.rule.key for items in self._items.values() for item in items}
            for key in old:
                del self._wanted[key]
                if key not in followed:
                    self._heads.pop(key, None)
            if old:
                self._schedule(())

    # ── rounds ───────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begins to ask."""
        thread = threading.Thread(target=self._run, name="sources", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Begins no other round."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(5)

    @property
    def repositories(self) -> tuple[str, ...]:
        """The addresses of all that are asked, as they are written."""
        return tuple(self._turns)

    def hurry(self, repositories: Set[str] | None = None) -> None:
        """Asks `repositories` now; all of them where None is given."""
        with self._changed:
            named = self._turns.keys() if repositories is None else repositories & self._turns.keys()
            for repository in named:
                turn = self._turns[repository]
                turn.due, turn.again = self._earliest(repository), turn.is_running
            self._changed.notify_all()

    def ask_now(self, seconds: float) -> None:
        """Asks all of them, and waits at most so long for their answers: somebody waits for a pass."""
        began = self.clock()
        self.hurry()
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._was_asked_since(began), seconds)

    def _was_asked_since(self, instant: float) -> bool:
        return all(turn.asked >= instant and not turn.is_running for turn in self._turns.values())

    def _schedule(self, new: Collection[str]) -> None:
        names = [*self._items, *(key.repository for key in self._wanted)]
        self._turns = {name: self._turns.get(name) or _Turn(self.clock()) for name in names}
        self.troubles.forget_all_but(self._turns.keys())
        for name in new:  # never asked, so there is nothing to keep apart from; a round that runs knows nothing of it
            turn = self._turns[name]
            turn.asked, turn.again, turn.due = _NEVER, turn.is_running, self.clock()
        self._changed.notify_all()

    def _earliest(self, repository: str) -> float:
        return max(self.clock(), self._turns[repository].asked + _SPACING)

    def _run(self) -> None:
        with ThreadPoolExecutor(_ROUNDS, "source-round") as pool:
            _start_all(pool, _ROUNDS)
            while True:
                with self._changed:
                    if self._is_stopped:
                        return
                    rounds = self._due_rounds()
                    if not rounds:
                        self._changed.wait(self._idle_seconds())
                        continue
                for repositories in rounds:
                    pool.submit(self._round, repositories)

    def _due_rounds(self) -> list[tuple[str, ...]]:
        """The repositories to ask now: those of a host together, one that was silent alone."""
        now = self.clock()
        idle = [name for name, turn in self._turns.items() if not turn.is_running]
        hosts: dict[str, list[str]] = defaultdict(list)
        alone = []
        for name in idle:
            if self.troubles.of(name) is None:
                hosts[self._host(name)].append(name)
            elif self._turns[name].due <= now:
                alone.append((name,))
        soon = now + self.settings.interval / 2
        together = [
            tuple(name for name in names if self._turns[name].due <= soon)
            for names in hosts.values()
            if any(self._turns[name].due <= now for name in names)
        ]
        rounds = [*together, *alone]
        for name in (name for names in rounds for name in names):
            self._turns[name].is_running = True
            self._turns[name].asked = now
        return rounds

    def _host(self, repository: str) -> str:
        address = address_of(repository, self.settings.place)
        return repository if isinstance(address, str) else address.host

    def _idle_seconds(self) -> float | None:
        due = [turn.due for turn in self._turns.values() if not turn.is_running]
        return max(min(due) - self.clock(), 0.01) if due else None

    def _round(self, repositories: Iterable[str]) -> None:
        names = tuple(repositories)
        with self._changed:
            items = [item for name in names for item in self._items.get(name, ())]
            keys = {item.rule.key for item in items} | {key for key in self._wanted if key.repository in names}
            limits = self._limits
        began = self.clock()
        found: dict[SourceRule, Followed] = {}
        heads: dict[SourceKey, Observation] = {}
        try:
            found, heads = self._ask(items, keys, limits)
        except Exception as error:  # noqa: BLE001 - whatever it is concerns these sources, and they are asked again
            problem = str(error) if isinstance(error, HeadpinError) else f"{type(error).__name__}: {error}"
            found = {item.rule: Followed(None, problem) for item in items}
            heads = dict.fromkeys(keys, Observation(None, problem))
        self._take(names, found, heads, self.clock() - began)

    def _ask(
        self, items: list[Follows], keys: Set[SourceKey], limits: Limits
    ) -> tuple[dict[SourceRule, Followed], dict[SourceKey, Observation]]:
        repository = Repository.open(self.settings.place)
        folder = repository.git_dir / MIRRORS
        follower = Follower(folder, repository.place, limits.fetch_seconds, self.memory, self.settings.access)
        is_new = any(not self.memory.known(item.rule) for item in items)
        remote = Remote(follower, limits.source_seconds, self._branch(repository) if is_new else None)
        found = remote.follow(items)
        return found, dict(remote.ask(keys))

    def _branch(self, repository: Repository) -> Branch | None:
        """The head environment's branch, whose records tell what is a release already."""
        for name in sorted(repository.ref_names("refs/heads/env/") | repository.ref_names("refs/remotes/origin/env/")):
            branch = read_branch(repository, name, RecordReader(), self.settings.main)
            if branch.state is not None and branch.state.tracks_head:
                return branch
        return None

    def _take(
        self,
        names: tuple[str, ...],
        found: dict[SourceRule, Followed],
        heads: dict[SourceKey, Observation],
        seconds: float,
    ) -> None:
        now = self.clock()
        with self._changed:
            kept = {item.rule for items in self._items.values() for item in items}
            is_changed = any(rule in kept and self._found.get(rule) != told for rule, told in found.items())
            is_changed |= any(key in self._wanted and self._heads.get(key) != seen for key, seen in heads.items())
            self._found |= {rule: told for rule, told in found.items() if rule in kept}
            self._heads |= heads
            for name in names:
                told = [seen for rule, seen in found.items() if rule.repository == name]
                asked = [seen for key, seen in heads.items() if key.repository == name]
                self._next_turn(name, told or asked, now, seconds)  # a head that is known helps nobody who follows it
            self._changed.notify_all()
        if is_changed:
            self.wakes.wake(Reason.SOURCES)

    def _next_turn(self, name: str, found: Sequence[Followed | Observation], now: float, seconds: float) -> None:
        turn = self._turns.get(name)
        if turn is None:  # nobody follows it any more
            return
        turn.is_running = False
        is_silent = bool(found) and all(seen.revision is None for seen in found)
        self.telemetry.git_operation("ls-remote", "unreachable" if is_silent else "ok", seconds)
        is_again, turn.again = turn.again, False
        if is_silent:
            turn.due = self.troubles.failed(name, SourceTrouble(found[0].problem), now).due
            turn.due = max(turn.due, now + _SPACING)
        else:
            self.troubles.succeeded(name)
            turn.due = now + self.settings.interval * (1 + _JITTER * (2 * self.troubles.chance() - 1))
        if is_again:
            turn.due = self._earliest(name)


def _start_all(pool: ThreadPoolExecutor, count: int) -> None:
    """Starts every thread of the pool now: one that came months later would look like a leak.

    Where the system gives fewer, the pool goes on with those that there are.
    """
    together = threading.Barrier(count + 1)
    try:
        for _ in range(count):
            pool.submit(together.wait)
    except RuntimeError:
        together.abort()
    else:
        together.wait()
