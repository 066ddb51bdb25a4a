"""What a process has: memory, open files, threads, children; and how much of it came while the campaign ran."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headpin.daemon.housekeeping import loose_objects

WINDOW: Final = 10
"""Samples at either end that are compared, by their median."""


@dataclass(frozen=True)
class Sample:
    """After `changes`: memory in KiB, numbers of open files, threads and children; of the repository, loose objects,
    packs and MiB on disk; and of the metrics, lines."""

    changes: int
    seconds: float
    rss: int
    pss: int
    anonymous: int
    files: int
    threads: int
    children: int
    loose: int
    packs: int
    disk: float
    series: int


def take(pid: int, changes: int, seconds: float, repository: Path, metrics: str) -> Sample:
    """A sample of the process, and of what it keeps in `repository`."""
    place = Path("/proc") / str(pid)
    memory = {
        words[0].rstrip(":"): int(words[1])
        for line in (place / "smaps_rollup").read_text().splitlines()[1:]
        if (words := line.split())[0].endswith(":")
    }
    children = [word for task in (place / "task").iterdir() for word in _read(task / "children").split()]
    packs = list((repository / "objects/pack").glob("*.pack"))
    disk = sum(_size(Path(at, name)) for at, _, names in os.walk(repository / "objects") for name in names)
    return Sample(
        changes,
        seconds,
        *(memory["Rss"], memory["Pss"], memory["Anonymous"]),
        len(list((place / "fd").iterdir())),
        len(list((place / "task").iterdir())),
        len(children),
        loose_objects(repository),
        len(packs),
        disk / 1024 / 1024,
        sum(1 for line in metrics.splitlines() if not line.startswith("#")),
    )


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # a thread that ended, or a kernel that does not tell
        return ""


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # packed meanwhile
        return 0


def windows(samples: Sequence[Sample], after: int) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The first samples after so many changes, and the last."""
    later = [sample for sample in samples if sample.changes >= after]
    count = min(WINDOW, max(1, len(later) // 2))
    return later[:count], later[-count:]


def growth(samples: Sequence[Sample], after: int, what: str) -> tuple[float, float, float]:
    """The median of `what` early and late, and by how much of the first it grew."""
    early, late = (statistics.median(getattr(one, what) for one in some) for some in windows(samples, after))
    return early, late, (late - early) / early if early else float(late - early)


def table(samples: Sequence[Sample], rows: int = 12) -> str:
    """The curve as a Markdown table of about so many rows."""
    step = max(1, len(samples) // rows)
    shown = [*samples[::step], *([samples[-1]] if (len(samples) - 1) % step else [])]
    head = (
        "| changes | seconds | RSS MB | PSS MB | anonymous MB | files | threads | children | loose | packs | disk MB |"
    )
    lines = [head, "|" + "---|" * 11]
    for one in shown:
        sizes = " | ".join(f"{kib / 1024:.1f}" for kib in (one.rss, one.pss, one.anonymous))
        counts = " | ".join(str(n) for n in (one.files, one.threads, one.children, one.loose, one.packs))
        lines.append(f"| {one.changes:,} | {one.seconds:.0f} | {sizes} | {counts} | {one.disk:.1f} |")
    return "\n".join(lines)
