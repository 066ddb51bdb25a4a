"""When an image is looked up again: what a controller remembers from one pass to the next.

Owns the back-off of images that were missing or could not be asked for. A digest is not remembered: records keep
it. Everything here may be forgotten at any time; that only means asking once more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headpin.sources.image_answer import ImageAnswer
from headpin.sources.logins import Logins

FIRST_WAIT = 5.0
LONGEST_WAIT = 300.0
_FORGOTTEN_AFTER = 3 * LONGEST_WAIT
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class _Failure:
    """The last answer, how often in a row there was none, and when to ask again on the clock."""

    answer: ImageAnswer
    times: int
    due: float


class ImageLookups:
    """Asks registries for digests, and leaves alone for a while what had none. For one thread."""

    def __init__(
        self,
        logins: Logins | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`clock` counts seconds, `chance` gives numbers from 0 to 1 that spread what fell due at once."""
        self._logins = logins if logins is not None else Logins()
        self._clock = clock
        self._chance = chance
        self._failures: dict[str, _Failure] = {}

    def resolve(self, images: Iterable[str], seconds: float) -> dict[str, ImageAnswer]:
        """An answer for each of `images`, within `seconds` for each; where it is too early to ask, the last one."""
        wanted = set(images)
        now = self._clock()
        self._failures = {
            image: failure for image, failure in self._failures.items() if now < failure.due + _FORGOTTEN_AFTER
        }
        early = {image for image in wanted if image in self._failures and now < self._failures[image].due}
        due = wanted - early
        answers = self._ask(due, seconds) if due else {}
        for image, answer in answers.items():
            self._remember(image, answer)
        return answers | {image: self._failures[image].answer for image in early}

    def due_in(self, images: Iterable[str]) -> float | None:
        """In how many seconds the first of `images` may be asked for again; None when none of them waits."""
        due = [self._failures[image].due for image in images if image in self._failures]
        return max(min(due) - self._clock(), 0.0) if due else None

    def next_due(self) -> float | None:
        """In how many seconds the first of all images that had no digest may be asked for again."""
        return self.due_in(self._failures)

    def forget(self, image: str | None = None) -> None:
        """The next pass asks for `image`, or for every image, at once."""
        if image is None:
            self._failures.clear()
        else:
            self._failures.pop(image, None)

    def _ask(self, images: Iterable[str], seconds: float) -> dict[str, ImageAnswer]:
        from headpin.sources.registry import resolve_images  # noqa: PLC0415  # most passes never need HTTP

        return resolve_images(images, self._logins, seconds)

    def _remember(self, image: str, answer: ImageAnswer) -> None:
        if answer.digest is not None:
            self._failures.pop(image, None)
            return
        before = self._failures.get(image)
        times = before.times + 1 if before else 1
        wait = min(FIRST_WAIT * 2.0 ** min(times - 1, 16), LONGEST_WAIT) * (1 - _JITTER * self._chance())
        longest = max(wait, answer.wait * (1 + _JITTER * self._chance()))
        self._failures[image] = _Failure(answer, times, self._clock() + longest)
