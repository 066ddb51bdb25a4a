"""Digests of images, asked for beside the passes: a registry that is silent delays nothing but its own images.

A pass waits a moment for an answer; one that comes later wakes the loop.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from headpin.daemon.wakes import Reason, Wakes
from headpin.sources import ImageAnswer, ImageLookups

GRACE = 2.0
"""Seconds that a pass waits for registries."""

_KEPT = 60.0
"""Seconds that a digest is kept until a pass takes it; then records have it."""

_NOT_YET = ImageAnswer(problem="no answer yet")


class ImageBoard(ImageLookups):
    """As ImageLookups, for a loop. Only one conversation with a registry about an image goes on at a time."""

    def __init__(self, wakes: Wakes, grace: float = GRACE, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._wakes = wakes
        self._grace = grace
        self._changed = threading.Condition()
        self._asked: set[str] = set()
        self._found: dict[str, tuple[ImageAnswer, float]] = {}

    def resolve(self, images: Iterable[str], seconds: float) -> dict[str, ImageAnswer]:
        """An answer for each of `images` after a moment; where there is none yet, the last one."""
        wanted = set(images)
        with self._changed:
            now = self._clock()
            self._found = {image: found for image, found in self._found.items() if now < found[1]}
            new = wanted - self._found.keys() - self._asked
            self._asked |= new
        for batch in _by_registry(new):
            threading.Thread(target=self._work, args=(batch, seconds), name="images", daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: not wanted & self._asked, self._grace)
            return {image: self._known(image) for image in wanted}

    def _known(self, image: str) -> ImageAnswer:
        found, failure = self._found.get(image), self._failures.get(image)
        return found[0] if found else failure.answer if failure else _NOT_YET

    def _work(self, images: Sequence[str], seconds: float) -> None:
        began = self._clock()
        answers: dict[str, ImageAnswer] = {}
        try:
            answers = super().resolve(images, seconds)
        finally:
            with self._changed:
                now = self._clock()
                self._asked -= set(images)
                self._found |= {image: (answer, now + _KEPT) for image, answer in answers.items() if answer.digest}
                self._changed.notify_all()
            if now - began > self._grace:  # no pass waited for it any more
                self._wakes.wake(Reason.SOURCES)


def _by_registry(images: Iterable[str]) -> list[list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for image in sorted(images):
        found[image.partition("/")[0]].append(image)
    return list(found.values())
