"""A daemon of tests: the real loop in a thread, with short intervals, and everything that it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller import Controller, PassReport
from headpin.daemon.backoff import Waits
from headpin.daemon.loop import Loop, Options
from headpin.daemon.start import Plan, build, started
from headpin.git import Line, Repository

PATIENCE = 15.0


@dataclass
class Told:
    """Keeps what a daemon tells."""

    passes: list[PassReport] = field(default_factory=list)
    failures: list[tuple[str | None, Exception, float | None]] = field(default_factory=list)
    operations: list[tuple[str, str]] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    lags: list[tuple[str, float]] = field(default_factory=list)
    beats: int = 0

    def pass_started(self, id: str, environments: Sequence[str]) -> None:
        """Nothing is kept of it."""

    def pass_finished(self, id: str, report: PassReport, seconds: float) -> None:
        self.passes.append(report)

    def pass_failed(
        self, id: str, environment: str | None, error: Exception, seconds: float, retry_in: float | None
    ) -> None:
        self.failures.append((environment, error, retry_in))

    def recovered(self, id: str, environment: str | None) -> None:
        """Nothing is kept of it."""

    def git_operation(self, kind: str, result: str, seconds: float) -> None:
        self.operations.append((kind, result))

    def push_conflict(self, environment: str) -> None:
        self.conflicts.append(environment)

    def queue(self, waiting: int, oldest_seconds: float) -> None:
        """Nothing is kept of it."""

    def lag(self, environment: str, seconds: float) -> None:
        self.lags.append((environment, seconds))

    def heartbeat(self) -> None:
        self.beats += 1


QUICK = Options(waits=Waits(first=0.05, longest=0.5, stalled=2.0), rest=0.5)


def make(
    place: Path,
    options: Options = QUICK,
    *,
    line: Line | None = None,
    protected: bool = False,
    controller: Controller | None = None,
) -> tuple[Loop, Told]:
    """A loop over the repository at `place`, with short intervals, that was not started."""
    told = Told()
    plan = Plan(options, 0.1, 0.1, protected, told)
    return build(controller or Controller(Repository.open(place)), plan, line), told


@contextmanager
def running(
    place: Path, options: Options = QUICK, *, line: Line | None = None, protected: bool = False
) -> Iterator[Told]:
    """Runs a daemon on the repository at `place` while the block lasts."""
    loop, told = make(place, options, line=line, protected=protected)
    with looping(loop):
        yield told


@contextmanager
def looping(loop: Loop) -> Iterator[None]:
    """Runs the loop in a thread while the block lasts."""
    with started(loop):
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield
        finally:
            loop.wakes.stop()
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the loop does not end"


def until(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits until `what` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)
