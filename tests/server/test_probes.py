"""Probes, metrics, and what every server of headpin has in common."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headpin.errors import PermanentError, UsageError
from headpin.server import Bounds, HttpServer, listen_address, probe_app
from headpin.telemetry import Metrics
from tests.server.client import ask, head, wire
from tests.telemetry.test_logs import ADDRESS, CANARY, HOSTILE


@dataclass
class Liveness:
    """As the test says."""

    is_stuck: str | None = None
    is_unready: str | None = None

    def stuck(self) -> str | None:
        return self.is_stuck

    def unready(self) -> str | None:
        return self.is_unready


@dataclass
class Probes:
    server: HttpServer
    liveness: Liveness

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        found = ask(self.server.address, path, method=method)
        return found.status, found.body.decode()


@pytest.fixture(scope="module")
def running() -> Iterator[Probes]:
    liveness = Liveness()
    bounds = Bounds(connections=8, head_bytes=4096, head_seconds=0.4, request_seconds=1, idle_seconds=1)
    server = HttpServer(("127.0.0.1", 0), probe_app(liveness, Metrics().text), bounds)
    server.start()
    yield Probes(server, liveness)
    server.stop()


@pytest.fixture
def probes(running: Probes) -> Probes:
    running.liveness.is_stuck = running.liveness.is_unready = None
    return running


def test_a_loop_that_does_well_is_alive_and_ready(probes: Probes) -> None:
    assert probes.get("/livez") == (200, "ok\n")
    assert probes.get("/readyz") == (200, "ok\n")


def test_a_loop_that_is_stuck_is_neither(probes: Probes) -> None:
    probes.liveness.is_stuck = "no progress for 301 seconds"
    assert probes.get("/livez") == (503, "no progress for 301 seconds\n")
    assert probes.get("/readyz") == (503, "no progress for 301 seconds\n")


def test_a_loop_that_has_not_seen_everything_yet_is_alive_and_not_ready(probes: Probes) -> None:
    probes.liveness.is_unready = "the first pass is not finished"
    assert probes.get("/livez") == (200, "ok\n")
    assert probes.get("/readyz") == (503, "the first pass is not finished\n")


def test_a_reason_is_told_without_secrets_and_on_one_line(probes: Probes) -> None:
    probes.liveness.is_stuck = f"{ADDRESS} {HOSTILE}"
    status, text = probes.get("/livez")
    assert status == 503
    assert CANARY not in text
    assert text.removesuffix("\n").isprintable()


def test_metrics_are_as_prometheus_reads_them(probes: Probes) -> None:
    found = ask(probes.server.address, "/metrics", method="GET")
    assert found.status == 200
    assert "content-type: text/plain; version=0.0.4" in found.head
    names = {family.name for family in text_string_to_metric_families(found.body.decode())}
    assert {"headpin_build_info", "headpin_passes", "headpin_queue_length", "process_open_fds"} <= names


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/redoc", "/openapi.json", "/livez/", "//livez", "/livez/../metrics", "/%2e%2e/etc/passwd"]
)
def test_nothing_else_is_there(probes: Probes, path: str) -> None:
    found = ask(probes.server.address, path, method="GET")
    assert found.status == 404
    assert "location" not in found.head


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_done_here(probes: Probes, method: str) -> None:
    assert probes.get("/livez", method)[0] == 405


def test_an_answer_does_not_say_what_made_it(probes: Probes) -> None:
    assert "server:" not in ask(probes.server.address, "/livez", method="GET").head


# ── connections that do not behave ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("sent", [b"", b"GET /livez HT", head("/livez", {}, "GET")[:-2]])
def test_a_head_that_does_not_come_to_an_end_ends_the_connection(probes: Probes, sent: bytes) -> None:
    with wire(probes.server.address) as connected:
        connected.send(sent)
        assert connected.is_ended()
        assert 0.3 < time.monotonic() - connected.began < 5


def test_a_head_that_drips_has_no_more_time_than_one_that_stops(probes: Probes) -> None:
    with wire(probes.server.address) as connected:
        for letter in head("/livez", {"X-Long": "x" * 200}, "GET"):
            if not connected.send(bytes([letter])):
                break
            time.sleep(0.05)
        assert time.monotonic() - connected.began < 5


def test_a_second_head_on_a_kept_connection_ends_in_time_too(probes: Probes) -> None:
    with wire(probes.server.address) as connected:
        connected.send(head("/livez", {}, "GET"))
        assert connected.answer().status == 200
        connected.send(head("/livez", {}, "GET"))
        assert connected.answer().status == 200
        connected.send(b"GET /li")
        assert connected.is_ended()
        assert time.monotonic() - connected.began < 5


def test_a_body_that_nobody_reads_ends_in_time(probes: Probes) -> None:
    with wire(probes.server.address) as connected:
        connected.send(head("/livez", {"Content-Length": "1000000000"}, "GET"))
        assert connected.answer().status == 200
        while connected.send(b"x" * 1000):
            time.sleep(0.02)
        assert time.monotonic() - connected.began < 5


@pytest.mark.parametrize("header", [{"X-Long": "x" * 9_000}, {f"X-{number}": "x" * 50 for number in range(200)}])
def test_a_head_that_is_too_large_is_refused(probes: Probes, header: dict[str, str]) -> None:
    with wire(probes.server.address) as connected:
        connected.send(head("/livez", header, "GET"))
        assert connected.answer().status in (0, 400, 431)
        assert connected.is_ended()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nBad Header: 1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(probes: Probes, sent: bytes) -> None:
    with wire(probes.server.address) as connected:
        connected.send(sent)
        assert connected.answer().status in (0, 400)
    assert probes.get("/livez")[0] == 200


def test_an_upgrade_is_not_followed(probes: Probes) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "eA==",
        "Sec-WebSocket-Version": "13",
    }
    with wire(probes.server.address) as connected:
        connected.send(head("/livez", upgrade, "GET"))
        assert connected.answer().status == 200


def test_connections_beyond_the_bound_are_ended_and_the_others_served_when_there_is_room(probes: Probes) -> None:
    idle = [wire(probes.server.address) for _ in range(12)]
    opened = [each.__enter__() for each in idle]
    time.sleep(0.1)
    assert ask(probes.server.address, "/livez", method="GET").status in (0, 503)
    assert all(each.is_ended() for each in opened)
    for each in idle:
        each.__exit__(None, None, None)
    assert probes.get("/livez")[0] == 200


# ── starting and stopping ────────────────────────────────────────────────────────────────────────────


def test_a_server_stops_soon_although_somebody_is_connected_and_leaves_nothing_behind() -> None:
    before = (threading.active_count(), _open_files())
    server = HttpServer(("127.0.0.1", 0), probe_app(Liveness(), lambda: b""), Bounds(stop_seconds=1))
    server.start()
    address = server.address
    with wire(address) as idle, wire(address) as begun:
        assert ask(address, "/livez", method="GET").status == 200
        begun.send(b"GET /li")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
        assert idle.is_ended()
    with pytest.raises(ConnectionRefusedError):
        ask(address, "/livez", method="GET")
    assert threading.active_count() <= before[0]
    assert _open_files() <= before[1]
    server.stop()


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_an_address_that_is_taken_is_told(probes: Probes) -> None:
    with pytest.raises(PermanentError, match="nobody can listen at "):
        HttpServer(probes.server.address, probe_app(Liveness(), lambda: b"")).start()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
        (":9090", ("0.0.0.0", 9090)),
    ],
)
def test_an_address_to_listen_at(text: str, address: tuple[str, int]) -> None:
    assert listen_address(text) == address


@pytest.mark.parametrize("text", ["", "8080", "host", "host:", "host:65536", "::1:80", "http://a:1", "a:1 ", "a b:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        listen_address(text)
