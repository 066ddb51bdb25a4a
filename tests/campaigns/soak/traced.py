"""headpin under tracemalloc: every SIGUSR1 writes what was allocated since the one before, to a numbered file."""

from __future__ import annotations

import gc
import os
import signal
import tracemalloc
from collections import Counter
from pathlib import Path

from headpin.cli import main

_FRAMES = 1
_SHOWN = 25


class _Watch:
    """Compares one snapshot with the next."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._before: tracemalloc.Snapshot | None = None
        self._kinds: Counter[str] = Counter()
        self._count = 0

    def look(self, *_: object) -> None:
        """Writes what became more since the last look."""
        gc.collect()
        snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
        kinds = Counter(type(each).__name__ for each in gc.get_objects())
        lines = [f"traced {sum(trace.size for trace in snapshot.traces) / 1024:.0f} KiB"]
        lines += [f"{name}: {count:+}" for name, count in (kinds - self._kinds).most_common(_SHOWN)]
        if self._before is not None:
            for found in snapshot.compare_to(self._before, "traceback")[:_SHOWN]:
                lines += [f"{found.size_diff / 1024:+.1f} KiB, {found.count_diff:+} blocks", *found.traceback.format()]
        self._place.with_suffix(f".{self._count:03}").write_text("\n".join(lines) + "\n")
        self._before, self._kinds, self._count = snapshot, kinds, self._count + 1


if __name__ == "__main__":
    tracemalloc.start(_FRAMES)
    signal.signal(signal.SIGUSR1, _Watch(Path(os.environ["SOAK_DEBUG"])).look)
    main()
