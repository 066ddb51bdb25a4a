"""When something that failed is tried again: the class of the error decides, see `headpin.errors`.

Pure: the present and chance are arguments. Each thing (an environment, a source, the upstream) has its own count,
so that one that is dead delays nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum

from headpin.errors import Conflict, HeadpinError, RefLocked, TemporaryError


class Retry(Enum):
    """What becomes of what failed."""

    AT_ONCE = "on what is there by now"
    LATER = "after a while"
    STALLED = "when its input changes"


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: the first wait, the longest, and after how long something stalled is tried without a reason.

    What stalls one thing may be a right at the server, which nobody here sees coming.
    """

    first: float = 1.0
    longest: float = 300.0
    stalled: float = 900.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """What failed so many times in a row, when it is due again, and the input that it failed with."""

    error: Exception
    times: int
    due: float
    retry: Retry
    given: object


MOST_AT_ONCE = 5
"""Conflicts in a row that are met at once; who loses more often waits as for anything else that begins to fail."""

_AT_ONCE_WAIT = 0.05
_MOST_DOUBLINGS = 20


def retry_of(error: Exception, times: int = 1) -> Retry:
    """What becomes of something that failed so many times in a row."""
    if _is_race(error):
        return Retry.AT_ONCE if times <= MOST_AT_ONCE else Retry.LATER
    if isinstance(error, HeadpinError) and not isinstance(error, TemporaryError):
        return Retry.STALLED
    return Retry.LATER  # a fault of ours too: it must not spin, and the next input may not meet it


def _is_race(error: Exception) -> bool:
    return isinstance(error, (Conflict, RefLocked))


def wait_of(retry: Retry, times: int, waits: Waits, chance: float) -> float:
    """Seconds to wait: up to a bound that doubles each time, anywhere in it, but never nothing.

    `chance` is from 0 to 1.
    """
    if retry is Retry.STALLED:
        return waits.stalled * (1 - chance / 5)
    first = _AT_ONCE_WAIT if retry is Retry.AT_ONCE else waits.first
    bound = min(first * 2.0 ** min(times, _MOST_DOUBLINGS), waits.longest)
    least = min(first, bound) / 2
    return least + chance * (bound - least)


@dataclass(slots=True)
class Troubles:
    """Everything that failed and was not seen well since, by name."""

    waits: Waits
    chance: Callable[[], float]
    _known: dict[str, Trouble] = field(default_factory=dict)

    def failed(self, name: str, error: Exception, now: float, given: object = None) -> Trouble:
        """Counts a failure with the input `given`."""
        before = self._known.get(name)
        times = before.times + 1 if before is not None and before.given == given else 1
        retry = retry_of(error, times)
        doublings = times - MOST_AT_ONCE if retry is Retry.LATER and _is_race(error) else times
        wait = wait_of(retry, doublings, self.waits, self.chance())
        self._known[name] = Trouble(error, times, now + wait, retry, given)
        return self._known[name]

    def succeeded(self, name: str) -> None:
        """Forgets what was wrong."""
        self._known.pop(name, None)

    def of(self, name: str) -> Trouble | None:
        """What is wrong with it."""
        return self._known.get(name)

    def may_try(self, name: str, now: float, given: object = None) -> bool:
        """Whether it is time; another input than the one that it stalled on is time enough."""
        known = self._known.get(name)
        if known is None or now >= known.due:
            return True
        return known.retry is Retry.STALLED and known.given != given

    def hurry(self) -> None:
        """Everything is due: somebody asks, or gave new credentials."""
        self._known = {
            name: Trouble(known.error, known.times, 0.0, known.retry, known.given)
            for name, known in self._known.items()
        }

    def forget_all_but(self, names: Collection[str]) -> None:
        """Forgets what is not there any more."""
        self._known = {name: known for name, known in self._known.items() if name in names}

    def next_due(self) -> float | None:
        """When the first of them is tried again; None when nothing is wrong."""
        return min((known.due for known in self._known.values()), default=None)

    def names(self) -> frozenset[str]:
        """All that something is wrong with."""
        return frozenset(self._known)
