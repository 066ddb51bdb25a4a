"""Keeping a repository quick in which every commit leaves loose objects: packs and the commit graph.

Runs git beside the loop at low priority. Nothing is ever pruned: objects that a pass has written and not published
yet look like garbage, so all loose ones are packed, reachable or not, and none is deleted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headpin.daemon.interfaces import Telemetry
from headpin.daemon.memory import give_back
from headpin.errors import HeadpinError, TimedOut
from headpin.git import Repository, run_git
from headpin.telemetry import LogLevel, tell
from headpin.telemetry.ongoing import Ongoing

MOST_LOOSE = 2000
"""Loose objects after which they are packed: some hundred commits."""

_SECONDS = 600.0
_LOOK = 60.0
"""Seconds between two looks at how many there are, unless so many were written here that it is worth one."""

_REMEMBERED = 300
"""Objects written after which the repository is opened anew: what libgit2 remembers of it has no other end."""

_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("repack", ("repack", "-d", "--geometric=2", "--quiet")),
    ("commit-graph", ("commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress")),
)


@dataclass(slots=True)
class Housekeeping:
    """Of one repository, by one thread at a time. `most` is how many loose objects are left alone.

    With `is_awaited` it is done when a call returns: nobody is there later.
    """

    repository: Repository
    telemetry: Telemetry
    most: int = MOST_LOOSE
    is_awaited: bool = False
    clock: Callable[[], float] = time.monotonic
    _written: int = 0
    _looked: float = float("-inf")
    _counted: int = 0
    _ongoing: Ongoing = field(default_factory=Ongoing)
    _thread: threading.Thread | None = None
    _is_done: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        """Begins where that is worth it, and takes up what was done. Called by the loop, between passes."""
        if self._thread is not None:
            if self._is_done.is_set():
                self._thread.join()
                self._thread = None
                self.repository.reopen()  # packs that are open and gone would stay open
            return
        written = self.repository.writer.written
        if written - self._written > _REMEMBERED:
            self._written = written
            self.repository.reopen()
            give_back()
        now = self.clock()
        if now - self._looked < _LOOK and written - self._counted < self.most // 2:
            return
        self._looked, self._counted = now, written
        place = self.repository.common_dir
        if loose_objects(place) > self.most:
            self._is_done.clear()
            self._thread = threading.Thread(target=self._work, args=(place,), name="housekeeping", daemon=True)
            self._thread.start()
            if self.is_awaited:
                self._thread.join()

    def _work(self, place: Path) -> None:
        try:
            for kind, arguments in _STEPS:
                self._step(place, kind, arguments)
        finally:
            self._is_done.set()

    def _step(self, place: Path, kind: str, arguments: Sequence[str]) -> None:
        began, said = self.clock(), ""
        try:
            done = run_git([f"--git-dir={place}", *arguments], seconds=_SECONDS, place=place, is_slow=True)
            result = "ok" if done.code == 0 else "refused"
            said = "" if done.code == 0 else f"git ends with {done.code}: {' '.join(done.err.split())}"
        except TimedOut as error:
            result, said = "timeout", str(error)
        except HeadpinError as error:
            result, said = "refused", str(error)
        self.telemetry.git_operation(kind, result, self.clock() - began)
        self._tell(kind, said)

    def _tell(self, kind: str, said: str) -> None:
        """When it begins to fail and when that is over, whatever files git names: ever more files slow everything."""
        if said and self._ongoing.meet(kind, kind, self.clock()):
            tell(LogLevel.WARNING, "housekeeping.failed", f"{kind} failed: {said}", kind=kind)
        elif not said and self._ongoing.end(kind) is not None:
            tell(LogLevel.INFO, "housekeeping.recovered", f"over: {kind} failed", kind=kind)


def loose_objects(place: Path) -> int:
    """How many objects of the repository at `place` are in files of their own."""
    return sum(_count(place / "objects" / f"{number:02x}") for number in range(256))


def _count(folder: Path) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - names are all that is asked for
    except (FileNotFoundError, NotADirectoryError):  # others pack as well
        return 0
