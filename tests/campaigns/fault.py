"""The fault campaign: `python -m tests.campaigns.fault`, one daemon for each transport through everything that happens
to servers, networks and branches, without a restart.

After each case headpin is at rest and everything is as it would be without it: every promotion is in history once,
repositories are sound, upstream and mirror are the same, audit finds nothing but what was planted. While it lasts, the
proxy counts how often the daemon asks.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaigns.hub import MAIL, Hub, fresh, until
from tests.campaigns.process import Daemon, daemon
from tests.campaigns.transports import NAMES, Transport, transport
from tests.hostile.proxy import Mood
from tests.world import git

INTERVAL = 0.5
"""Seconds between two looks of the daemon, upstream and at sources."""

MOST_A_SECOND = 8
"""Conversations that may begin within a second, whatever happens: two looks, and after each conflict a look and a push
at most as often as headpin meets one at once."""

FOREIGN = "HP420"
"""What audit says of a commit on an environment's branch that headpin did not make."""

LONGEST_WAIT = 300.0
SLACK = 15.0
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


# ── the server and the network ───────────────────────────────────────────────────────────────────────


def _through(bout: Bout, begin: Callable[[], None], why: str) -> float:
    """Trouble with the config repository, during which sources move and people promote."""
    hub = bout.hub
    first, wanted = hub.world.push("cart"), [""]
    until(lambda: hub.served("dev") == first, bout.patience, f"{why}: before it")
    came = len(bout.way.upstream.came)
    begin()

    def work() -> None:
        wanted[0] = hub.world.push("cart")
        hub.promote("dev", "staging")

    bout.during(work)
    asked = len(bout.way.upstream.came) - came
    bout.way.heal()
    began = time.monotonic()
    until(lambda: hub.served("dev") == wanted[0], bout.patience, f"{why}: dev")
    until(lambda: hub.served("staging") == first, bout.patience, f"{why}: staging")
    took = time.monotonic() - began
    hub.promote("dev", "staging")
    until(lambda: hub.served("staging") == wanted[0], bout.patience, f"{why}: after it")
    most = bout.way.connections * (12 + 6 * bout.outage**0.5)
    assert asked <= most, f"{why}: {asked} connections in {bout.outage:.0f} seconds"
    return took


@case()
def down(bout: Bout) -> float:
    """Nobody listens."""
    return _through(bout, bout.way.upstream.down, "down")


@case()
def reset(bout: Bout) -> float:
    """Every connection is reset at once: how often it is asked can be counted."""

    def begin() -> None:
        bout.way.upstream.be(Mood.RESET)
        bout.way.upstream.drop()

    return _through(bout, begin, "reset")


@case()
def deaf(bout: Bout) -> float:
    """Connections are taken and never answered."""
    return _through(bout, lambda: bout.way.upstream.be(Mood.DEAF), "deaf")


@case()
def cut(bout: Bout) -> float:
    """Answers end in the middle, wherever that is."""
    took = 0.0
    for bytes in (0, 1, 300, 1200, 5000):
        bout.way.upstream.be(Mood.CUT, bytes=bytes)
        revision = bout.hub.world.push("cart")
        time.sleep(max(1.0, bout.outage / 5))
        bout.way.heal()
        took = until(lambda wanted=revision: bout.hub.served("dev") == wanted, bout.patience, f"cut at {bytes}")
    return took


@case()
def half_closed(bout: Bout) -> float:
    """The answer is said to be over, and the connection stays open."""
    return _through(bout, lambda: bout.way.upstream.be(Mood.HALF, bytes=200), "half closed")


@case()
def late(bout: Bout) -> float:
    """Every answer is late: nothing fails, all takes longer."""
    bout.way.upstream.be(Mood.LATE, seconds=0.5)
    took = bout.goes_through("late")
    bout.way.heal()
    return took


@case()
def slow(bout: Bout) -> float:
    """A slow line is slow, and all arrives."""
    bout.way.upstream.be(Mood.SLOW, rate=30_000)
    took = bout.goes_through("slow")
    bout.way.heal()
    return took


@case(is_long=True)
def hardly_any_bytes(bout: Bout) -> float:
    """So few bytes that it is no answer: the limit ends each try, and the loop is alive."""
    began = len(bout.daemon.told("fetch.failed"))
    bout.way.upstream.be(Mood.SLOW, rate=20)
    until(lambda: len(bout.daemon.told("fetch.failed")) > began, 150, "the limit ends the fetch")
    bout.way.heal()
    return bout.goes_through("hardly any bytes")


@case(is_long=True)
def deaf_for_ever(bout: Bout) -> float:
    """Nobody closes what hangs: the daemon's own limits have to end it."""
    bout.way.upstream.be(Mood.DEAF)
    time.sleep(3)
    bout.way.upstream.be(Mood.PASS)  # for the next connection; the one that hangs goes on hanging
    revision = bout.hub.world.push("cart")
    return until(lambda: bout.hub.served("dev") == revision, 150 + SLACK, "the limit ends what hangs")


@case()
def taken_and_never_told(bout: Bout) -> float:
    """The server took the push, and the connection ended before it could say so: found out, and not done twice."""
    hub, seen = bout.hub, bout.way.folder / "taken"
    hub.hook("post-receive", f"touch {seen}; sleep 1")
    revision = hub.world.push("cart")
    until(seen.exists, bout.patience, "a push arrives")
    bout.way.upstream.drop()
    hub.hook("post-receive", None)
    until(lambda: hub.served("dev") == revision, bout.patience, "dev is pushed")
    before = len(hub.ledger)
    seen.unlink()
    hub.hook("post-receive", f"touch {seen}; sleep 1")
    hub.promote("dev", "staging")
    until(seen.exists, bout.patience, "a push arrives")
    bout.way.upstream.drop()
    hub.hook("post-receive", None)
    seen.unlink()
    assert len(hub.ledger) == before + 1
    return bout.goes_through("taken and never told")


@case("http", "https")
def statuses(bout: Bout) -> float:
    """503 with Retry-After, 403 and 500 from the server."""
    assert bout.way.server is not None
    took = 0.0
    for mood in ("unavailable", "forbidden", "escapes"):
        took = _through(bout, lambda mood=mood: setattr(bout.way.server, "mood", mood), mood)
    return took


@case("http", "https")
def credentials_rotate(bout: Bout) -> float:
    """The token is another one, and only later that of the file; which is away for a moment."""
    way, token = bout.way, f"another-{time.monotonic_ns()}"
    way.rotate(token)
    revision = bout.hub.world.push("cart")
    bout.during(lambda: None)
    way.token.unlink()
    time.sleep(min(2.0, bout.outage))
    way.token.write_text(f"{token}\n")
    took = until(lambda: bout.hub.served("dev") == revision, bout.patience, "the new token is read")
    log = bout.daemon.log.read_text()
    assert token not in log
    return took


@case("https")
def stranger(bout: Bout) -> float:
    """Somebody answers whose certificate nobody trusts."""
    way = bout.way

    def begin() -> None:
        way.trust("stranger")
        way.upstream.drop()

    began = len(bout.daemon.told("fetch.failed"))
    revision = bout.hub.world.push("cart")
    begin()
    bout.during(lambda: until(lambda: len(bout.daemon.told("fetch.failed")) > began, SLACK, "it is told"))
    assert "certificate" in bout.daemon.told("fetch.failed")[-1]["message"].lower()
    way.trust("server")
    way.upstream.drop()
    return until(lambda: bout.hub.served("dev") == revision, bout.patience, "the server is back")


@case("ssh")
def unknown_host(bout: Bout) -> float:
    """The server's key is not the one that is known: stalled, with what to do about it, until SIGHUP."""
    known = bout.way.known_hosts
    right, began = known.read_text(), len(bout.daemon.told("fetch.failed"))
    other = (bout.way.folder / "sshd" / "person.pub").read_text()
    known.write_text("".join(f"[127.0.0.1]:{at.port} {other}" for at in (bout.way.upstream, bout.way.sources)))
    until(lambda: len(bout.daemon.told("fetch.failed")) > began, SLACK, "it is told")
    line = bout.daemon.told("fetch.failed")[-1]
    assert "retry_in_seconds" not in line and "known" in line["remedy"], line
    revision = bout.hub.world.push("cart")
    time.sleep(2 * INTERVAL)
    came = len(bout.way.upstream.came)
    bout.during(lambda: None)
    assert len(bout.way.upstream.came) - came <= 2, "it is stalled"
    known.write_text(right)
    bout.daemon.hurry()
    return until(lambda: bout.hub.served("dev") == revision, SLACK, "after SIGHUP")


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────


@case()
def source_down(bout: Bout) -> float:
    """Sources fail in every way; promotions go on meanwhile."""
    took = 0.0
    for mood in (None, Mood.RESET, Mood.CUT, Mood.HALF):
        if mood is None:
            bout.way.sources.down()
        else:
            bout.way.sources.be(mood, bytes=150)
            bout.way.sources.drop()
        before = bout.hub.served("dev")
        revision = bout.hub.world.push("cart")
        if bout.hub.served("staging") != before:
            bout.hub.promote("dev", "staging")
            until(
                lambda wanted=before: bout.hub.served("staging") == wanted, SLACK, "a dead source delays no promotion"
            )
        bout.during(lambda: None)
        bout.way.heal()
        took = until(lambda wanted=revision: bout.hub.served("dev") == wanted, bout.patience, f"source: {mood}")
    return took


# ── other writers ────────────────────────────────────────────────────────────────────────────────────


@case()
def refused(bout: Bout) -> float:
    """The server refuses staging's branch alone: the others go on, it is told once and tried seldom."""
    hub, tries = bout.hub, bout.way.folder / "tries"
    tries.write_text("")
    told = len(bout.daemon.told("publish.failed", environment="staging"))
    refuse = f"case $ref in refs/heads/env/staging) echo x >> {tries}; echo closed for today >&2; exit 1;; esac"
    hub.hook("pre-receive", f"while read old new ref; do {refuse}; done")
    revision = hub.world.push("cart")
    until(lambda: hub.served("dev") == revision, bout.patience, "dev goes on")
    before = hub.served("staging")
    hub.promote("dev", "staging")
    until(lambda: len(bout.daemon.told("publish.failed", environment="staging")) > told, bout.patience, "it is told")
    second = hub.world.push("mail")
    until(lambda: hub.served("dev", MAIL) == second, SLACK, "dev goes on all the same")
    bout.during(lambda: None)
    assert hub.served("staging") == before
    lines = bout.daemon.told("publish.failed", environment="staging")[told:]
    assert len(lines) == 1 and "closed for today" in lines[0]["message"] and "retry_in_seconds" not in lines[0], lines
    assert len(tries.read_text().splitlines()) <= 4, "it is tried when its input changes"
    hub.hook("pre-receive", None)
    took = bout.goes_through("the input changes")
    until(lambda: bout.daemon.told("publish.recovered", environment="staging"), SLACK, "its end is told")
    return took


@case()
def storm_on_environments(bout: Bout) -> float:
    """Another writer commits to an environment's branch all the time."""
    hub = bout.hub
    tree = hub.files("staging")
    until_then, number = time.monotonic() + max(3.0, bout.outage), 0
    while time.monotonic() < until_then:
        tip = hub.revision("env/staging")
        mine = git("commit-tree", "-p", tip, "-m", f"mine {number}", "env/dev^{tree}", cwd=hub.place)
        git("update-ref", "refs/heads/env/staging", mine, cwd=hub.place)
        number += 1
        time.sleep(0.1)
    bout.planted |= {FOREIGN}
    return until(lambda: hub.files("staging") == tree, bout.patience, "its own files are back")


@case()
def storm_on_main(bout: Bout) -> float:
    """Others push to main all the time, while people promote."""
    hub = bout.hub
    revision = hub.world.push("cart")
    until(lambda: hub.served("dev") == revision, bout.patience, "dev follows")
    began, end, number = time.monotonic(), time.monotonic() + max(3.0, bout.outage), 0
    promoted = False
    while time.monotonic() < end:
        hub.commit(f"Words {number}", {"README.md": f"{number}\n"})
        number += 1
        if not promoted and time.monotonic() > began + 1:
            hub.promote("dev", "staging")
            promoted = True
    return until(lambda: hub.served("staging") == revision, bout.patience, "the promotion is there")


@case()
def branch_deleted(bout: Bout) -> float:
    """Somebody deletes an environment's branch, sets it back, or rewrites it: put back, and goes forward."""
    hub = bout.hub
    tip = hub.revision("env/staging")
    hub.set("env/staging", None)
    took = until(lambda: hub.revision("env/staging") == tip, SLACK, "put back after it was deleted")
    hub.set("env/staging", f"{tip}~1")
    until(lambda: hub.revision("env/staging") == tip, SLACK, "put back after it was set back")
    tree = hub.files("staging")
    other = git("commit-tree", "-m", "another history", "env/dev^{tree}", cwd=hub.place)
    hub.set("env/staging", other)
    until(lambda: tip in git("rev-list", "env/staging", cwd=hub.place).split(), SLACK, "put back after a rewrite")
    until(lambda: hub.files("staging") == tree, SLACK, "with its files")
    bout.planted |= {FOREIGN}
    bout.goes_through("goes on after it")
    return took


@case()
def foreign_commit(bout: Bout) -> float:
    """Somebody commits to an environment's branch: undone by a new commit."""
    hub = bout.hub
    tip, tree = hub.revision("env/prod"), hub.files("prod")
    foreign = git("commit-tree", "-p", tip, "-m", "mine", "env/dev^{tree}", cwd=hub.place)
    hub.set("env/prod", foreign)
    took = until(lambda: hub.files("prod") == tree, SLACK, "undone")
    assert foreign in git("rev-list", "env/prod", cwd=hub.place).split(), "nothing is forced"
    bout.planted |= {FOREIGN}
    return took


@case()
def main_deleted(bout: Bout) -> float:
    """main is gone for a while: held, and everything else of the repository is looked at meanwhile."""
    hub = bout.hub
    main, before = hub.revision("main"), hub.tips()
    hub.set("main", None)
    bout.during(lambda: until(lambda: _says(bout, "has no branch main"), SLACK, "it is told"))
    assert hub.tips() == before
    hub.set("main", main)
    took = bout.goes_through("main is back")
    assert took < bout.patience
    return took


@case()
def main_rewritten(bout: Bout) -> float:
    """main is another history: everything is held, until a reviewed file accepts it."""
    hub, world = bout.hub, bout.hub.world
    before = {name: hub.served(name) for name in ("dev", "staging", "prod")}
    world.git("fetch", "--quiet", "origin")
    lost = git("log", "-1", "--format=%(trailers:key=Headpin-Config,valueonly)", "env/dev", cwd=hub.place).strip()
    other = git("commit-tree", "-m", "Start again", f"{hub.revision('main')}^{{tree}}", cwd=hub.place)
    hub.set("main", other)
    until(lambda: "rewritten" in hub.hold("staging"), bout.patience, "held")
    lost = hub.hold("staging").partition("rewritten: ")[2].split()[0] or lost
    hub.world.push("cart")
    bout.during(lambda: None)
    assert before == {name: hub.served(name) for name in before}
    world.git("fetch", "--quiet", "origin")
    world.git("reset", "--quiet", "--hard", "origin/main")
    text = f'allow: history\nlost: "{lost}"\nreason: started again\n'
    hub.commit("Accept it", {"overrides/again.yaml": text})
    until(lambda: not hub.hold("staging"), bout.patience, "accepted")
    return bout.goes_through("accepted")


def _says(bout: Bout, text: str) -> bool:
    return any(text in line["message"] for line in bout.daemon.told(level="error"))


# ── running them ─────────────────────────────────────────────────────────────────────────────────────


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


def suitable(name: str, *, with_long: bool = True) -> list[str]:
    """The cases for a transport."""
    return [each for each in CASES if name in ONLY.get(each, NAMES) and (with_long or each not in LONG)]


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
