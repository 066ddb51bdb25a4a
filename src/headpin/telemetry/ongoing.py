"""Troubles that last: told when they begin, change or end, and not each time that they are met again."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

_NUMBERS = re.compile(r"[0-9]+")
FORGOTTEN = 3600.0
"""Seconds after which a trouble that nobody met again is over, although nobody said so."""

MAX_REMEMBERED = 10_000
"""Troubles at a time. What is met beyond them is told each time: too much is better than too little."""


def without_numbers(said: str) -> str:
    """The same for what is the same trouble: numbers are often only how long something took, or which server of many
    answered."""
    return _NUMBERS.sub("0", said)


@dataclass(slots=True)
class Trouble:
    """What is met again and again: since when and when last (seconds of a steady clock), and how often."""

    said: str
    since: float
    last: float
    times: int = 1


class Ongoing:
    """The troubles that last now, by what they concern."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._lock = threading.Lock()

    def meet(self, concern: str, said: str, now: float) -> bool:
        """Whether this is news: a trouble that begins, or that is another one than before.

        Numbers in what is said do not make it another one.
        """
        signature = without_numbers(said)
        with self._lock:
            known = self._troubles.get(concern)
            if known is not None and now - known.last > FORGOTTEN:
                known = None
            if known is not None and known.said == signature:
                known.times, known.last = known.times + 1, now
                return False
            if concern in self._troubles or len(self._troubles) < MAX_REMEMBERED:
                self._troubles[concern] = Trouble(signature, now if known is None else known.since, now)
            return True

    def end(self, concern: str) -> Trouble | None:
        """The trouble, which is over; None where there was none."""
        with self._lock:
            return self._troubles.pop(concern, None)

    def concerns(self, prefix: str) -> tuple[str, ...]:
        """What the troubles that last concern, where that begins with `prefix`."""
        with self._lock:
            return tuple(concern for concern in self._troubles if concern.startswith(prefix))
