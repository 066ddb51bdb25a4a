"""Putting a daemon together from what it was told, and taking it apart again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from headpin.controller import Controller, PassReport
from headpin.daemon.backoff import Troubles
from headpin.daemon.exchange import Alone, Exchange
from headpin.daemon.hints import Hints
from headpin.daemon.interfaces import Silent, Telemetry
from headpin.daemon.liveness import Liveness
from headpin.daemon.loop import Loop, Options
from headpin.daemon.requests import Answer, Requests
from headpin.daemon.sources import Settings, SourceBoard
from headpin.daemon.wakes import Wakes
from headpin.daemon.watching import Watching
from headpin.git import end_programs

_SILENT = Silent()


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two questions to the upstream, and between two rounds of a source."""

    upstream: float = 30.0
    sources: float = 60.0


def build(
    controller: Controller,
    options: Options,
    intervals: Intervals,
    *,
    exchange: Exchange | None = None,
    telemetry: Telemetry = _SILENT,
    told: Callable[[PassReport], Answer] = lambda _: {},
    chance: Callable[[], float] = random.random,
) -> Loop:
    """A loop that nothing was started of yet."""
    wakes = Wakes()
    settings = Settings(controller.repository.git_dir, controller.main, intervals.sources)
    sources = SourceBoard(settings, controller.memory, wakes, telemetry, Troubles(options.waits, chance))
    return Loop(
        controller,
        options,
        exchange or Alone(controller),
        wakes,
        Hints(wakes),
        Requests(wakes, told),
        Liveness(wakes),
        telemetry,
        sources,
        chance=chance,
    )


@contextmanager
def started(loop: Loop) -> Iterator[Loop]:
    """The threads around the loop, for as long as the block lasts."""
    with ExitStack() as stack:
        watching = Watching(loop.controller.repository.common_dir, loop.wakes)
        stack.callback(end_programs)
        stack.callback(loop.sources.stop)
        loop.sources.start()
        stack.callback(watching.stop)
        watching.start()
        yield loop
