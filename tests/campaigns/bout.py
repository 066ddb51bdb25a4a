"""One daemon against one server: what a case of the fault campaign has to work with, and the list of cases.

After each case headpin is at rest and everything is as it would be without it: every promotion is in history once,
repositories are sound, upstream and mirror are the same, audit finds nothing but what was planted. While it lasts, the
proxy counts how often the daemon asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.hub import Hub, fresh, until
from tests.campaigns.process import Daemon, daemon
from tests.campaigns.transports import NAMES, Transport, transport

INTERVAL = 0.5
"""Seconds between two looks of the daemon, upstream and at sources."""

MOST_A_SECOND = 8
"""Conversations that may begin within a second, whatever happens: two looks, and after each conflict a look and a push
at most as often as headpin meets one at once."""

FOREIGN = "HP420"
"""What audit says of a commit on an environment's branch that headpin did not make."""

LONGEST_WAIT = 300.0
SLACK = 45.0
"""What a pass, and what a process of git, may take on a machine that does other things too."""


@dataclass
class Bout:
    """One daemon, one server. `outage` is how many seconds each trouble lasts."""

    hub: Hub
    way: Transport
    daemon: Daemon
    outage: float
    planted: set[str] = field(default_factory=set)

    @property
    def patience(self) -> float:
        """Within what headpin has to be well again: a wait doubles, so it is about as long as the trouble was."""
        return min(4 * self.outage + 4, LONGEST_WAIT) + SLACK

    def goes_through(self, why: str) -> float:
        """A push and a promotion of it, from the source to staging; how long that took."""
        revision = self.hub.world.push("cart")
        took = until(lambda: self.hub.served("dev") == revision, self.patience, f"{why}: dev")
        self.hub.promote("dev", "staging")
        return took + until(lambda: self.hub.served("staging") == revision, self.patience, f"{why}: staging")

    def during(self, work: Callable[[], None]) -> None:
        """What people do while the trouble lasts, which is `outage` seconds."""
        began = time.monotonic()
        work()
        while time.monotonic() < began + self.outage:
            assert self.daemon.is_alive
            time.sleep(0.05)

    def check(self) -> None:
        """As it has to be at rest."""
        assert self.daemon.is_alive, "the daemon ended"
        until(self._is_at_rest, self.patience, "upstream and mirror are the same")
        self.hub.check([self.daemon.mirror], frozenset(self.planted))
        for proxy in (self.way.upstream, self.way.sources):
            most = proxy.most_in(1.0)
            assert most <= MOST_A_SECOND * self.way.connections, f"{most} connections within a second"

    def _is_at_rest(self) -> bool:
        return self.hub.tips() == self.hub.tips(self.daemon.mirror)


Case = Callable[[Bout], float | None]
"""Makes trouble, ends it, and waits until it is over; tells how long that took."""

CASES: dict[str, Case] = {}
ONLY: dict[str, tuple[str, ...]] = {}
"""The transports of a case that makes no sense with others."""

LONG: set[str] = set()
"""Cases that need minutes."""


def case(*only: str, is_long: bool = False) -> Callable[[Case], Case]:
    """A case, by the name of its function."""

    def keep(made: Case) -> Case:
        CASES[made.__name__] = made
        if only:
            ONLY[made.__name__] = only
        if is_long:
            LONG.add(made.__name__)
        return made

    return keep


@contextmanager
def bout(name: str, folder: Path, outage: float) -> Iterator[Bout]:
    """A daemon that is started while its server is down, and well as soon as that is up."""
    place = folder / name
    fresh(place)
    root = place / "world" / "sources"
    with transport(name, place / "access", root) as way:
        hub = Hub.make(place / "world", way.source)
        way.upstream.down()
        arguments = ["--repository", way.config, *way.arguments, f"--interval={INTERVAL}"]
        state = place / "state"
        with daemon(place / "log", *arguments, f"--source-interval={INTERVAL}", state=state) as running:
            made = Bout(hub, way, running, outage)
            until(lambda: running.told("fetch.failed"), SLACK, "it is told that the server is down")
            time.sleep(outage)
            way.upstream.up()
            until(lambda: hub.served("dev"), made.patience, "the server was down at the start")
            for source, target in (("dev", "staging"), ("staging", "prod")):
                hub.promote(source, target)
                until(lambda wanted=target: hub.served(wanted), made.patience, f"{target} is served")
            made.check()
            yield made


def suitable(name: str, *, with_long: bool = True) -> list[str]:
    """The cases for a transport."""
    return [each for each in CASES if name in ONLY.get(each, NAMES) and (with_long or each not in LONG)]
