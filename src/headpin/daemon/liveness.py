"""Whether the loop makes progress: what a probe asks, from another thread.

A loop that has nothing to do is quiet, not stuck; one that works without a sign of progress for a bound is.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from headpin.daemon.wakes import Wakes

BOUND = 300.0
"""Seconds. A network call ends long before, and each is a sign of progress; one that may take longer says so."""


class Liveness:
    """The loop says what it does; a probe asks. Each value is one assignment, so no lock is needed."""

    def __init__(self, wakes: Wakes, bound: float = BOUND, clock: Callable[[], float] = time.monotonic) -> None:
        self._wakes = wakes
        self._bound = bound
        self._clock = clock
        self._working: tuple[str, float, float] | None = None
        self._reason: str | None = "the first pass is not finished"

    def works_on(self, what: str, seconds: float = 0.0) -> None:
        """The loop began something, or went on with it; it may take `seconds` without a sign, where that is longer."""
        self._working = (what, self._clock(), max(seconds, self._bound))

    def rests(self) -> None:
        """The loop waits for a reason."""
        self._working = None

    def is_ready(self) -> None:
        """A pass saw everything."""
        self._reason = None

    def is_unready(self, reason: str) -> None:
        """What has to be there is not there."""
        self._reason = reason

    def stuck(self) -> str | None:
        """Why the loop is not live; None when it is."""
        working = self._working
        if working is not None:
            what, since, bound = working
            seconds = self._clock() - since
            return f"no progress for {seconds:.0f} seconds: {what}" if seconds > bound else None
        waiting, oldest = self._wakes.waiting()
        return f"nobody looked at {waiting} reasons for {oldest:.0f} seconds" if oldest > self._bound else None

    def unready(self) -> str | None:
        """Why it is not ready; None when it is."""
        return self._reason
