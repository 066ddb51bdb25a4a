"""Runs a campaign and reports it: `python -m tests.campaigns.soak --changes 10000`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import tests.conftest  # noqa: F401 - git is blind to this user's settings from here on
from tests.campaigns.soak.campaign import Bounds, Result, not_bounded, run
from tests.campaigns.soak.samples import growth, table


def _told(result: Result, bounds: Bounds) -> str:
    """The report, as docs/testing.md has it."""
    lines = [
        f"{sum(result.done.values()):,} changes in {result.seconds:,.0f} s ({result.samples[-1].changes / result.seconds:.1f} a second); "
        f"{result.passes:,} passes made {result.commits:,} commits and recorded {result.events:,} events",
        "done: " + ", ".join(f"{count} {name.strip('_')}" for name, count in sorted(result.done.items())),
        "",
        table(result.samples),
        "",
    ]
    for what, unit in (("rss", 1024), ("pss", 1024), ("anonymous", 1024), ("files", 1), ("threads", 1), ("series", 1)):
        early, late, part = growth(result.samples, bounds.after, what)
        lines.append(f"{what}: {early / unit:,.1f} after {bounds.after:,} changes, {late / unit:,.1f} at the end ({part:+.1%})")
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
            place, given.changes, given.seed, every=every, outstanding=given.outstanding, debug=given.debug
        )
    print(f"{began:%Y-%m-%d %H:%M} UTC: python -m tests.campaigns.soak {' '.join(sys.argv[1:])}")
    print(_told(result, bounds))
    wrong = [*result.wrong, *not_bounded(result.samples, bounds)]
    print("\n".join(["", *(f"WRONG: {said}" for said in wrong)]) if wrong else "\neverything was right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
