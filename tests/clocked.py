"""headpin as if it were another time: `python tests/clocked.py TIME ARGUMENTS`, for pages that tell of days.

Only the program's clock is another; what it reads and writes is real.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from headpin.cli import app, main, terminal
from headpin.controller import Controller
from headpin.git import Repository


@contextmanager
def clocked(now: datetime) -> Iterator[None]:
    """Within it, every command of this process takes `now` for the present."""

    class Stopped(datetime):
        """Of which the present is always the same."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return now

    def controller(repository: Repository, branch: str) -> Controller:
        return Controller(repository, branch, clock=lambda: now)

    kept = app.Controller, terminal.datetime
    app.Controller, terminal.datetime = controller, Stopped
    try:
        yield
    finally:
        app.Controller, terminal.datetime = kept


if __name__ == "__main__":
    with clocked(datetime.fromisoformat(sys.argv.pop(1)).astimezone(UTC)):
        main()
