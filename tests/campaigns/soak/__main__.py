"""Runs a campaign and reports it: `python -m tests.campaigns.soak --changes 10000`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import tests.conftest  # noqa: F401 - git is blind to this user's settings from here on
from tests.campaigns.soak.campaign import Bounds, Result, run
from tests.campaigns.soak.samples import growth, table


def _told(result: Result, bounds: Bounds) -> str:
    """The report, as docs/testing.md has it."""
    speed = result.samples[-1].changes / result.seconds
    lines = [
        f"{result.samples[-1].changes:,} changes in {result.seconds:,.0f} s ({speed:.1f} a second)",
        f"{result.passes:,} passes made {result.commits:,} commits and recorded {result.events:,} events",
        "done: " + ", ".join(f"{count} {name.strip('_')}" for name, count in sorted(result.done.items())),
        "",
        table(result.samples),
        "",
    ]
    for what in ("rss", "pss", "anonymous"):
        early, late, part = (number / 1024 for number in growth(result.samples, bounds.after, what))
        share = part * 1024
        lines.append(f"{what}: {early:.1f} MB after {bounds.after:,} changes, {late:.1f} at the end ({share:+.1%})")
    for one in result.rests:
        lines.append(
            f"at rest after {one.changes:,}: {one.files} files ({one.packs} of them packs), {one.threads} threads, "
            f"{one.children} children, {one.series} series"
        )
    return "\n".join(lines)


def main() -> int:
    """1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--after", type=int, help="changes after which memory is to stay [1000, or a third]")
    parser.add_argument("--outstanding", type=int, default=4, help="commits at most that no pass has seen yet")
    parser.add_argument("--folder", type=Path, help="where to work; kept, and has to be empty")
    parser.add_argument("--debug", choices=["", "memory", "time"], default="", help="look at the daemon's inside")
    given = parser.parse_args()
    bounds = Bounds(after=given.after or min(1000, given.changes // 3))
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="headpin-soak-") as made:
        place = given.folder or Path(made)
        every = max(1, min(100, given.changes // 20))
        result = run(
            place, given.changes, given.seed, bounds, every=every, outstanding=given.outstanding, debug=given.debug
        )
    lines = [f"{began:%Y-%m-%d %H:%M} UTC: python -m tests.campaigns.soak {' '.join(sys.argv[1:])}"]
    lines += [_told(result, bounds), ""]
    lines += [f"WRONG: {said}" for said in result.wrong] or ["everything was right"]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
