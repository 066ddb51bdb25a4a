"""Images are looked up beside the passes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from headpin.daemon.images import ImageBoard
from headpin.daemon.wakes import Reason, Wakes
from headpin.sources import ImageAnswer
from tests.daemon.running import until

QUICK, SLOW = "fast.example.com/a:1", "slow.example.com/a:1"
DIGEST = "sha256:" + "a" * 64


class Board(ImageBoard):
    """Answers by itself, for the slow registry when it is let."""

    def __init__(self, wakes: Wakes) -> None:
        super().__init__(wakes, grace=0.15)
        self.let = threading.Event()
        self.asked: list[str] = []

    def _ask(self, images: Iterable[str], seconds: float) -> dict[str, ImageAnswer]:
        batch = list(images)
        self.asked += batch
        if SLOW in batch:
            assert self.let.wait(10)
        return {image: ImageAnswer(digest=DIGEST) for image in batch}


def test_a_silent_registry_delays_only_its_own_images_and_wakes_the_loop_when_it_answers() -> None:
    board = Board(wakes := Wakes())
    began = time.monotonic()
    found = board.resolve({QUICK, SLOW}, 15)
    assert 0.1 < time.monotonic() - began < 2
    assert found[QUICK].digest == DIGEST and found[SLOW].problem == "no answer yet"
    assert board.resolve({SLOW}, 15)[SLOW].digest is None
    assert sorted(board.asked) == [QUICK, SLOW]
    assert not wakes.wait(0)
    board.let.set()
    until(lambda: Reason.SOURCES in wakes.wait(0.1))
    assert board.resolve({QUICK, SLOW}, 15)[SLOW].digest == DIGEST
    assert sorted(board.asked) == [QUICK, SLOW]
