"""Watching the refs of a local repository. An event is a hint only: refs are read and compared by the loop.

Watches the folder of all refs (that of all work trees, where this is one of them) with everything below, reftable's
folder, and the files beside them: HEAD and packed-refs. The loop looks now and then all the same, because not every
file system tells.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from watchfiles import Change, watch

from headpin.daemon.wakes import Reason, Wakes
from headpin.telemetry import LogLevel, tell

_STEP, _DEBOUNCE = 5, 50
"""Milliseconds without another event after which the loop is woken, and the longest that it is kept waiting."""

_FILES = frozenset({"HEAD", "packed-refs"})
_BELOW = ("refs", "reftable")


class Watching:
    """Wakes the loop when refs below `folder` may have moved, from `start` to `stop`."""

    def __init__(self, folder: Path, wakes: Wakes) -> None:
        self._folder = folder
        self._wakes = wakes
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to watch."""
        below = [place for name in _BELOW if (place := self._folder / name).is_dir()]
        self._begin("watch-refs", below, recursive=True)
        self._begin("watch-files", [self._folder], recursive=False)

    def stop(self) -> None:
        """Ends it."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)

    def _begin(self, name: str, places: Sequence[Path], *, recursive: bool) -> None:
        thread = threading.Thread(target=self._watch, args=(places, recursive), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self, places: Sequence[Path], recursive: bool) -> None:
        events = watch(
            *places,
            watch_filter=_is_ref if recursive else _is_file,
            step=_STEP,
            debounce=_DEBOUNCE,
            stop_event=self._stopped,
            raise_interrupt=False,
            recursive=recursive,
        )
        try:
            for _ in events:
                self._wakes.wake(Reason.REFS)
        except OSError as error:  # too many watches, or the folder went away: the loop's own looks remain
            self._wakes.wake(Reason.REFS)
            if not self._stopped.is_set():
                said = f"refs cannot be watched, and are only looked at now and then: {error}"
                remedy = "see the limits in /proc/sys/fs/inotify, and restart headpin"
                tell(LogLevel.WARNING, "watch.failed", said, remedy=remedy)


def _is_ref(_: Change, path: str) -> bool:
    return not path.endswith(".lock")


def _is_file(_: Change, path: str) -> bool:
    return path.rpartition("/")[2] in _FILES
