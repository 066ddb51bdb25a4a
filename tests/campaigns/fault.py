"""The fault campaign: `python -m tests.campaigns.fault`, one daemon for each transport through everything that happens
to servers, networks and branches, without a restart. What has to be true after each case, `bout` says.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.campaigns import weather, writers  # noqa: F401 - they register their cases
from tests.campaigns.bout import CASES, Bout, bout, suitable
from tests.campaigns.transports import NAMES


def say(line: str) -> None:
    """Tells whoever runs this, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def play(made: Bout, names: Sequence[str], tell: Callable[[str], None] = say) -> None:
    """Cases, one after the other."""
    for name in names:
        came, began = len(made.way.upstream.came), time.monotonic()
        took = CASES[name](made)
        made.check()
        asked, seconds = len(made.way.upstream.came) - came, time.monotonic() - began
        well = f"well again after {took:.1f} s" if took is not None else ""
        tell(f"{made.way.name:5} {name:22} {seconds:6.1f} s, {asked:4} connections, {well}")


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.fault", description=__doc__)
    parser.add_argument("--transport", action="append", choices=NAMES, help="only this one; may be repeated")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this one; may be repeated")
    parser.add_argument("--outage", type=float, default=120.0, help="seconds that each trouble lasts")
    parser.add_argument("--folder", type=Path, help="where to work; kept")
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="headpin-fault-") as made:
        folder = said.folder or Path(made)
        for name in said.transport or NAMES:
            wanted = [each for each in suitable(name) if not said.case or each in said.case]
            with bout(name, folder, said.outage) as running:
                play(running, wanted, say)
                worst = running.way.upstream.most_in(1.0)
            say(f"{name:5} all {len(wanted)} cases; at most {worst} connections within a second")
    return 0


if __name__ == "__main__":
    os.environ.pop("HEADPIN_TOKEN", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
