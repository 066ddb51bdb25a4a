"""Why the loop looks: reasons from any thread, coalesced until the loop takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import StrEnum

_LONGEST_SLEEP = 1.0
"""Seconds after which a waiting thread is back in Python: a signal may come just before it falls asleep, or be given to
another thread by the system, and its handler runs in the main thread only, and only when that is awake."""


class Reason(StrEnum):
    """What may have changed. A reason is a hint: what is there decides."""

    START = "start"
    REFS = "refs moved"
    HINT = "somebody says that a repository moved"
    SOURCES = "a source moved"
    ASKED = "somebody asked"
    RELOAD = "credentials may be new"
    STOP = "told to stop"


class Wakes:
    """A place where threads leave reasons and the loop waits for them. As many as there are kinds: it cannot grow.

    `taken_since` is when the oldest of the reasons was left that were taken last.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._since: dict[Reason, float] = {}
        self._stopped = threading.Event()
        self.taken_since = clock()

    def wake(self, reason: Reason) -> None:
        """Lets the loop look. Safe in any thread; in a signal's handler too, where the lock is the loop's own."""
        with self._changed:
            self._since.setdefault(reason, self._clock())
            self._changed.notify_all()

    def stop(self) -> None:
        """Lets the loop end after what it is doing."""
        self._stopped.set()
        self.wake(Reason.STOP)

    def is_stopped(self) -> bool:
        """Whether the loop is to end."""
        return self._stopped.is_set()

    def wait(self, seconds: float) -> frozenset[Reason]:
        """What there is to look at, waiting at most `seconds` for it."""
        until = self._clock() + seconds
        with self._changed:
            while not self._since and (left := until - self._clock()) > 0:
                self._changed.wait(min(left, _LONGEST_SLEEP))
            taken = frozenset(self._since)
            self.taken_since = min(self._since.values(), default=self._clock())
            self._since.clear()
            return taken

    def waiting(self) -> tuple[int, float]:
        """How many reasons nobody took yet, and for how many seconds the oldest has waited."""
        with self._changed:
            oldest = min(self._since.values(), default=None)
            return len(self._since), 0.0 if oldest is None else max(self._clock() - oldest, 0.0)
