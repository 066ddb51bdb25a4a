"""How a process that runs the loop is told to stop, and stops: within ten seconds, whatever it waits for.

The first SIGTERM or SIGINT lets the loop end after what it is doing; when that takes too long, or a second one
comes, what it is doing is abandoned where it is: a pass publishes by one move of one ref, so nothing is half done.
SIGHUP lets credentials be read again.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from headpin.daemon.wakes import Reason, Wakes
from headpin.git import end_programs

PATIENCE = 7.0
"""Seconds from the first signal until the work is abandoned."""

LAST = 9.5
"""Seconds until the process ends even where a thread does not let it."""

_KILLED = 75
"""What it ends with then: not finished, try again (EX_TEMPFAIL of sysexits.h)."""


class Abandoned(BaseException):
    """The work was given up because the process is to end."""


@contextmanager
def obeying_signals(wakes: Wakes, patience: float = PATIENCE) -> Iterator[Stopping]:
    """Lets signals stop the loop that runs in this block, in the main thread. Abandoned work ends the block quietly.

    Programs that other threads still wait for end with it.
    """
    stopping = Stopping(wakes, patience)
    handled = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP)
    before = {number: signal.signal(number, stopping.handle) for number in handled}
    try:
        with suppress(Abandoned):
            yield stopping
    finally:
        end_programs()
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopping:
    """What signals said so far: `reason` is why the loop ends, in words; "" while it goes on."""

    def __init__(self, wakes: Wakes, patience: float) -> None:
        self._wakes = wakes
        self._patience = patience
        self._is_told = False
        self.reason = ""

    def handle(self, number: int, _: FrameType | None) -> None:
        """What a signal means."""
        if number == signal.SIGHUP:
            self._wakes.wake(Reason.RELOAD)
        elif number == signal.SIGALRM or self._is_told:
            end_programs()
            self.reason += ", and what it did is abandoned"
            raise Abandoned
        else:
            self._is_told = True
            self.reason = f"told by {signal.Signals(number).name}"
            self._wakes.stop()
            signal.setitimer(signal.ITIMER_REAL, self._patience)
            end = threading.Timer(LAST, os._exit, (_KILLED,))
            end.daemon = True
            end.start()
