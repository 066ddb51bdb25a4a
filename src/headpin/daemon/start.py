"""Putting a daemon together from what it was told, and taking it apart again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller import Controller, PassReport
from headpin.daemon.backoff import Troubles
from headpin.daemon.exchange import Alone, Exchange
from headpin.daemon.hints import Hints
from headpin.daemon.housekeeping import MOST_LOOSE, Housekeeping
from headpin.daemon.images import ImageBoard
from headpin.daemon.interfaces import Silent, Telemetry
from headpin.daemon.liveness import Liveness
from headpin.daemon.local import FOLDER, LocalSocket
from headpin.daemon.loop import Loop, Options
from headpin.daemon.requests import Answer, Requests
from headpin.daemon.sources import Settings, SourceBoard
from headpin.daemon.upstream import WithUpstream
from headpin.daemon.wakes import Wakes
from headpin.daemon.watching import Watching
from headpin.git import Line, bound_memory

_OBJECTS, _PACKS = 16 * 1024 * 1024, 4 * 1024 * 1024
"""Bytes that libgit2 remembers of objects and of packs: what a pass reads again is remembered parsed already."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a daemon is told: seconds between two questions to the upstream, and between two rounds of a
    source; whether promotions of headpin's own go to branches; and who listens.

    `told` makes the answer to who asked for a pass; `chance` is from 0 to 1. `is_once`: the process ends after a turn.
    """

    options: Options = field(default_factory=Options)
    upstream_seconds: float = 30.0
    source_seconds: float = 60.0
    is_main_protected: bool = False
    telemetry: Telemetry = field(default_factory=Silent)
    told: Callable[[PassReport], Answer] = lambda _: {}
    chance: Callable[[], float] = random.random
    most_loose: int = MOST_LOOSE
    is_once: bool = False

    def troubles(self) -> Troubles:
        """Nothing is wrong yet."""
        return Troubles(self.options.waits, self.chance)


def build(controller: Controller, plan: Plan, line: Line | None = None) -> Loop:
    """A loop of which nothing was started yet. `line` leads to the upstream, where there is one that takes part."""
    bound_memory(_OBJECTS, _PACKS)
    wakes = Wakes()
    liveness = Liveness(wakes)
    controller.lookups = ImageBoard(wakes)
    alone = Alone(controller, dry_run=plan.options.dry_run)
    settings = Settings(controller.repository.git_dir, controller.main, plan.source_seconds, controller.access)
    return Loop(
        controller,
        plan.options,
        alone if line is None else _with_upstream(controller, plan, line, liveness),
        wakes,
        Hints(wakes, controller.repository.place),
        Requests(wakes, plan.told),
        liveness,
        plan.telemetry,
        SourceBoard(settings, controller.memory, wakes, plan.telemetry, plan.troubles()),
        housekeeping=Housekeeping(controller.repository, plan.telemetry, plan.most_loose, is_awaited=plan.is_once),
        chance=plan.chance,
    )


def _with_upstream(controller: Controller, plan: Plan, line: Line, liveness: Liveness) -> Exchange:
    return WithUpstream(
        controller,
        line,
        plan.telemetry,
        liveness,
        plan.troubles(),
        plan.upstream_seconds,
        plan.is_main_protected,
        plan.options.dry_run,
    )


@contextmanager
def started(loop: Loop, folder: Path | None = None) -> Iterator[Loop]:
    """The threads around the loop, for as long as the block lasts; it is asked in `folder`, or as `sockets_of` says."""
    with ExitStack() as stack:
        watching = Watching(loop.controller.repository.common_dir, loop.wakes)
        stack.callback(loop.sources.stop)
        loop.sources.start()
        stack.callback(watching.stop)
        watching.start()
        asked = LocalSocket(sockets_of(loop.controller) if folder is None else folder, loop.requests)
        asked.start()
        stack.callback(asked.stop)
        yield loop


def sockets_of(controller: Controller) -> Path:
    """Where daemons of a local repository listen."""
    return controller.repository.common_dir / FOLDER
