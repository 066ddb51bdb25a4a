"""Cases of the fault campaign: the server, the network and the sources are down, deaf, slow, cut, or strangers."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.campaigns.bout import INTERVAL, SLACK, Bout, case
from tests.campaigns.hub import until
from tests.hostile.proxy import Mood


def _through(bout: Bout, begin: Callable[[], None], why: str, *, is_an_answer: bool = False) -> float:
    """Trouble with the config repository, during which sources move and people promote.

    `is_an_answer`: git takes it for one of a server without branches, which is asked twice in every interval.
    """
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
    looks = 2 * bout.outage / INTERVAL if is_an_answer else 6 * bout.outage**0.5
    most = bout.way.connections * (12 + looks)
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
    return _through(bout, lambda: bout.way.upstream.be(Mood.HALF, bytes=200), "half closed", is_an_answer=True)


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
    bout.way.upstream.be(Mood.SLOW, rate=1)
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
