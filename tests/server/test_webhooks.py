"""Webhooks, genuine and hostile, over real connections. Each class of HOSTILE inputs has its test."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from headpin.errors import UsageError
from headpin.server import Bounds, HttpServer, SecretFiles, WebhookBounds, webhook_app
from headpin.telemetry import LogLevel, Redaction, Telemetry, tell
from tests.server.client import PUSH, SECRET, Answer, ask, by_github, by_standard, digest, head, wire
from tests.telemetry.lines import logged
from tests.telemetry.test_telemetry import values

GITHUB = "/webhooks/github"
STANDARD_KEY = bytes(range(32))
STANDARD = f"whsec_{base64.b64encode(STANDARD_KEY).decode()}"
CLONE = "https://git.example.com/shop/cart.git"


@dataclass
class Hints:
    """Remembers what it is told; knows one repository. `gate` keeps whoever offers waiting."""

    offered: list[frozenset[str]] = field(default_factory=list)

    def offer(self, addresses: frozenset[str]) -> bool:
        self.offered.append(addresses)
        return CLONE in addresses


@dataclass
class Receiver:
    """A running server, and what it told."""

    server: HttpServer
    hints: Hints
    telemetry: Telemetry
    file: Path

    def ask(self, path: str, body: bytes = PUSH, headers: dict[str, str] | None = None) -> Answer:
        return ask(self.server.address, path, body, headers)

    def results(self) -> dict[tuple[str, ...], float]:
        return {
            name[1:]: count for name, count in values(self.telemetry).items() if "webhook_requests_total" in name[0]
        }


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    file = tmp_path_factory.mktemp("secrets") / "secret"
    file.write_text(f"{SECRET}\n{STANDARD}\n")
    hints, telemetry = Hints(), Telemetry()
    bounds = WebhookBounds(body_bytes=20_000, body_seconds=0.4, at_once=4)
    app = webhook_app(hints, SecretFiles([file]), telemetry, bounds)
    server = HttpServer(
        ("127.0.0.1", 0), app, Bounds(connections=16, head_bytes=4096, head_seconds=0.4, request_seconds=1)
    )
    server.start()
    yield Receiver(server, hints, telemetry, file)
    server.stop()


@pytest.fixture
def receiver(running: Receiver) -> Receiver:
    """The server, with nothing told yet."""
    running.hints.offered.clear()
    running.file.write_text(f"{SECRET}\n{STANDARD}\n")
    return running


# ── genuine ──────────────────────────────────────────────────────────────────────────────────────────

PROJECT = {"git_http_url": CLONE, "git_ssh_url": "git@git.example.com:shop/cart.git", "web_url": CLONE[:-4]}
GITLAB_PUSH = json.dumps({"object_kind": "push", "project": PROJECT, "repository": {"url": CLONE}}).encode()
FORM = f"payload={quote(PUSH.decode())}".encode()
IS_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GENERIC = json.dumps({"repository": CLONE}).encode()
SEVERAL = json.dumps({"repositories": [CLONE, {"ssh_url": "git@git.example.com:shop/mail.git"}]}).encode()
IN_GITEA = {"X-Gitea-Event": "push", "X-GitHub-Event": "push", "X-Gogs-Event": "push"}


@pytest.mark.parametrize(
    ("forge", "body", "headers"),
    [
        ("github", PUSH, by_github(PUSH)),
        ("github", FORM, {**by_github(FORM), **IS_FORM}),
        ("gitlab", GITLAB_PUSH, {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET}),
        ("gitlab", GITLAB_PUSH, {"X-Gitlab-Event": "Push Hook", **by_standard(GITLAB_PUSH, STANDARD_KEY)}),
        ("gitea", PUSH, {**IN_GITEA, "X-Gitea-Signature": digest(PUSH)}),
        ("forgejo", PUSH, {"X-Forgejo-Event": "push", **IN_GITEA, "X-Forgejo-Signature": digest(PUSH)}),
        ("generic", GENERIC, {"X-Hub-Signature-256": f"sha256={digest(GENERIC)}"}),
        ("generic", SEVERAL, by_standard(SEVERAL, STANDARD_KEY)),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_each_forge_is_known_by_its_own_signature(
    receiver: Receiver, forge: str, body: bytes, headers: dict[str, str], is_named: bool
) -> None:
    before = receiver.results().get((forge, "accepted"), 0)
    found = receiver.ask(f"/webhooks/{forge}" if is_named else "/webhooks", body, headers)
    assert (found.status, found.body) == (202, b"")
    assert [CLONE in addresses for addresses in receiver.hints.offered] == [True]
    assert receiver.results()[forge, "accepted"] == before + 1


@pytest.mark.parametrize("event", ["ping", "issues", "workflow_run"])
def test_an_event_that_moves_nothing_is_no_hint(receiver: Receiver, event: str) -> None:
    assert receiver.ask(GITHUB, b'{"zen": "x"}', by_github(b'{"zen": "x"}', event=event)).status == 202
    assert not receiver.hints.offered


def test_another_repository_is_answered_like_one_of_the_workspace(receiver: Receiver) -> None:
    other = PUSH.replace(b"cart", b"secret-project")
    ours, theirs = receiver.ask(GITHUB, PUSH, by_github(PUSH)), receiver.ask(GITHUB, other, by_github(other))
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    assert _without_date(ours.head) == _without_date(theirs.head)
    assert receiver.results()["github", "foreign"] >= 1


def _without_date(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("date:")]


def test_a_request_that_is_played_again_is_only_another_hint(receiver: Receiver) -> None:
    headers = by_github(PUSH)
    assert {receiver.ask(GITHUB, PUSH, headers).status for _ in range(5)} == {202}
    assert len(set(receiver.hints.offered)) == 1


# ── forged ───────────────────────────────────────────────────────────────────────────────────────────

_GOOD = digest(PUSH)
_WRONG_KEY = digest(PUSH, "another-secret-of-good-length")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (GITHUB, {}),
        (GITHUB, {"X-Hub-Signature-256": ""}),
        (GITHUB, {"X-Hub-Signature-256": f"sha256={_WRONG_KEY}"}),
        (GITHUB, {"X-Hub-Signature-256": f"sha256={_GOOD[:-1]}"}),
        (GITHUB, {"X-Hub-Signature-256": f"sha256={_GOOD[:8]}"}),
        (GITHUB, {"X-Hub-Signature-256": "sha256="}),
        (GITHUB, {"X-Hub-Signature-256": _GOOD}),
        (GITHUB, {"X-Hub-Signature-256": f"sha1={_GOOD}"}),
        (GITHUB, {"X-Hub-Signature-256": f"sha256={_GOOD.upper()}"}),
        (GITHUB, {"X-Hub-Signature-256": f"sha256={_GOOD}, sha256={_WRONG_KEY}"}),
        (GITHUB, {"X-Hub-Signature-256": "sha256=\xe9\xff"}),
        (GITHUB, {"X-Hub-Signature": "sha1=0000"}),
        (GITHUB, {"X-Gitlab-Token": SECRET}),
        (GITHUB, {"X-Gitea-Signature": _GOOD}),
        ("/webhooks/gitlab", {}),
        ("/webhooks/gitlab", {"X-Gitlab-Token": ""}),
        ("/webhooks/gitlab", {"X-Gitlab-Token": SECRET[:-1]}),
        ("/webhooks/gitlab", {"X-Gitlab-Token": f"{SECRET}0"}),
        ("/webhooks/gitlab", {"X-Gitlab-Token": SECRET, **by_standard(PUSH, b"another key")}),
        ("/webhooks/gitlab", by_standard(PUSH, b"another key")),
        ("/webhooks/gitlab", {**by_standard(PUSH, STANDARD_KEY), "webhook-id": "msg_2"}),
        ("/webhooks/gitlab", {**by_standard(PUSH, STANDARD_KEY), "webhook-timestamp": "1700000001"}),
        ("/webhooks/gitlab", {"webhook-signature": by_standard(PUSH, STANDARD_KEY)["webhook-signature"]}),
        ("/webhooks/gitea", {"X-Gitea-Signature": f"sha256={_GOOD}"}),
        ("/webhooks/gitea", {"X-Gitea-Signature": _WRONG_KEY, "X-Hub-Signature-256": f"sha256={_GOOD}"}),
        ("/webhooks/forgejo", {"X-Forgejo-Signature": _WRONG_KEY, "X-Gitea-Signature": _GOOD}),
        ("/webhooks/generic", {"X-Gitlab-Token": SECRET}),
        ("/webhooks", {"X-GitHub-Event": "push", "X-Gitlab-Token": SECRET}),
    ],
)
def test_a_signature_that_is_missing_wrong_or_cut_is_refused(
    receiver: Receiver, path: str, headers: dict[str, str]
) -> None:
    events = {} if path == "/webhooks" else {"X-GitHub-Event": "push", "X-Gitlab-Event": "Push Hook"}
    found = receiver.ask(path, PUSH, {**events, **headers})
    assert (found.status, found.body) == (401, b"")
    assert not receiver.hints.offered


def test_a_signature_is_of_the_exact_bytes(receiver: Receiver) -> None:
    assert receiver.ask(GITHUB, PUSH + b"\n", by_github(PUSH)).status == 401
    assert receiver.ask(GITHUB, PUSH.replace(b": ", b":"), by_github(PUSH)).status == 401


def test_a_header_that_came_twice_counts_as_none(receiver: Receiver) -> None:
    headers = by_github(PUSH)
    doubled = head(GITHUB, {**headers, "Content-Length": str(len(PUSH))})
    doubled = doubled.replace(b"\r\n\r\n", f"\r\nx-hub-signature-256: sha256={_WRONG_KEY}\r\n\r\n".encode())
    with wire(receiver.server.address) as connected:
        connected.send(doubled + PUSH)
        assert connected.answer().status == 401


def test_what_is_not_signed_is_refused_before_its_body_is_read(receiver: Receiver) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {"Content-Length": "19000"}))
        assert connected.answer().status == 401  # and not 408, after the time that a body has
        assert connected.is_ended()


# ── too large, too slow, packed ──────────────────────────────────────────────────────────────────────


def test_a_body_that_says_that_it_is_too_large_is_not_read(receiver: Receiver) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(b""), "Content-Length": "20001"}))
        assert connected.answer().status == 413
    big = b"x" * 20_000
    assert receiver.ask(GITHUB, big, by_github(big)).status == 400  # large enough is not too large


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999999999", "0x10"])
def test_a_length_that_is_none_is_refused(receiver: Receiver, length: str) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(b""), "Content-Length": length}))
        assert connected.answer().status in (400, 413)


def test_chunks_without_a_length_are_counted(receiver: Receiver) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(b""), "Transfer-Encoding": "chunked"}))
        for _ in range(1000):
            if not connected.send(b"1000\r\n" + b"x" * 4096 + b"\r\n"):
                break
        assert connected.answer().status == 413
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(PUSH), "Transfer-Encoding": "chunked"}))
        for letter in PUSH:
            connected.send(b"1\r\n" + bytes([letter]) + b"\r\n")
        connected.send(b"0\r\n\r\n")
        assert connected.answer().status == 202


@pytest.mark.parametrize("sent", [b"", b'{"repo'])
def test_a_slow_body_ends_in_time(receiver: Receiver, sent: bytes) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(PUSH), "Content-Length": str(len(PUSH))}) + sent)
        found = connected.answer()
        assert found.status == 408
        assert 0.3 < found.seconds < 5


def test_a_body_that_drips_has_no_more_time_than_one_that_stops(receiver: Receiver) -> None:
    with wire(receiver.server.address) as connected:
        connected.socket.settimeout(0.05)
        connected.send(head(GITHUB, {**by_github(PUSH), "Content-Length": str(len(PUSH))}))
        for letter in PUSH[:20]:
            connected.send(bytes([letter]))
            found = connected.answer()
            if found.status:
                break
        assert found.status == 408
        assert found.seconds < 5


def test_a_connection_that_ends_half_way_is_no_trouble(receiver: Receiver) -> None:
    with wire(receiver.server.address) as connected:
        connected.send(head(GITHUB, {**by_github(PUSH), "Content-Length": str(len(PUSH))}) + PUSH[:10])
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity", "x"])
def test_a_packed_body_is_refused_and_never_unpacked(receiver: Receiver, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    assert len(bomb) < 20_000
    assert receiver.ask(GITHUB, bomb, {**by_github(bomb), "Content-Encoding": encoding}).status == 415


def test_a_body_of_another_type_is_refused(receiver: Receiver) -> None:
    assert receiver.ask(GITHUB, PUSH, {**by_github(PUSH), "Content-Type": "text/xml"}).status == 415
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    assert receiver.ask(GITHUB, PUSH, {**by_github(PUSH), **json_type}).status == 202


# ── nonsense under a valid signature ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"[1, 2]",
        b'"text"',
        b"1",
        b"true",
        b"NaN",
        b"{",
        b"\xff\xfe{}",
        b"{}",
        b"[" * 19_000,
        b'{"a":' * 3_000,
        b'{"repository": ' + b"9" * 15_000 + b"}",
        b'{"repository": null}',
        b'{"repository": []}',
        b'{"repository": 3}',
        b'{"repository": {}}',
        b'{"repository": {"clone_url": 3}}',
        b'{"repository": {"clone_url": ["https://git.example.com/a"]}}',
        b'{"repository": {"clone_url": {"a": 1}}}',
        b'{"repository": {"clone_url": ""}}',
        b'{"repository": {"clone_url": "https://git.example.com/a\\u0000b"}}',
        b'{"repository": {"clone_url": "https://git.example.com/a\\nb"}}',
        b'{"repository": {"clone_url": "https://git.example.com/\\u202e"}}',
        b'{"repository": {"clone_url": "\\ud800"}}',
        b'{"repository": {"clone_url": "' + b"x" * 3000 + b'"}}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_push_is_refused_although_it_is_genuine(receiver: Receiver, body: bytes) -> None:
    assert receiver.ask(GITHUB, body, by_github(body)).status == 400
    assert not receiver.hints.offered


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/webhooks/gitlab", b'{"object_kind": ["push"]}', {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET}),
        ("/webhooks/gitlab", b"{}", {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": SECRET}),
        ("/webhooks/gitlab", GITLAB_PUSH, {"X-Gitlab-Token": SECRET}),
        (GITHUB, b"payload=%7B", {**by_github(b"payload=%7B"), **IS_FORM}),
        (GITHUB, b"other=1", {**by_github(b"other=1"), **IS_FORM}),
        (GITHUB, b"\xff", {**by_github(b"\xff"), **IS_FORM}),
        (GITHUB, b"a=1&" * 2000, {**by_github(b"a=1&" * 2000), **IS_FORM}),
    ],
)
def test_wrong_types_of_other_forms_are_refused(
    receiver: Receiver, path: str, body: bytes, headers: dict[str, str]
) -> None:
    assert receiver.ask(path, body, headers).status == 400


@pytest.mark.parametrize("count", [17, 2000])
def test_more_repositories_than_anybody_has_in_one_push_are_refused(receiver: Receiver, count: int) -> None:
    body = json.dumps({"repositories": ["u"] * count}).encode()
    assert receiver.ask("/webhooks/generic", body, {"X-Hub-Signature-256": f"sha256={digest(body)}"}).status == 400


# ── floods ───────────────────────────────────────────────────────────────────────────────────────────


def test_requests_beyond_a_few_at_a_time_are_asked_to_come_again(receiver: Receiver) -> None:
    begun = threading.Barrier(4)

    def slow(_: int) -> int:
        with wire(receiver.server.address) as connected:
            connected.send(head(GITHUB, {**by_github(PUSH), "Content-Length": str(len(PUSH))}))
            begun.wait(5)
            return connected.answer().status

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(slow, number) for number in range(4)]
        found = Answer(0, "", b"", 0)
        while not all(future.done() for future in waiting) and found.status != 429:
            found = receiver.ask(GITHUB, PUSH, by_github(PUSH))
    assert (found.status, "retry-after: 2" in found.head) == (429, True)
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202


def test_a_flood_is_answered_and_over_when_it_is_over(receiver: Receiver) -> None:
    with ThreadPoolExecutor(24) as pool:
        found = [pool.submit(receiver.ask, GITHUB, PUSH, by_github(PUSH)) for _ in range(200)]
        statuses = {future.result().status for future in found}
    assert 202 in statuses
    assert statuses <= {0, 202, 429, 503}  # 0: ended at once, where there were too many connections
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202
    assert len(set(receiver.hints.offered)) == 1


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_that_is_written_anew_is_used_at_once_and_the_old_one_no_more(receiver: Receiver) -> None:
    new = "a-new-secret-of-good-length"
    receiver.file.write_text(f"{new}\n{SECRET}\n")
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH, new)).status == 202
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202
    other = receiver.file.with_name("other")
    other.write_text(f"{new}\n")
    other.replace(receiver.file)
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH, new)).status == 202
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 401


def test_secrets_stay_while_their_file_is_away_and_it_is_told_once(receiver: Receiver) -> None:
    assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202
    receiver.file.unlink()
    with logged(level=LogLevel.INFO) as lines:
        assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202
        receiver.file.write_text("short")
        assert receiver.ask(GITHUB, PUSH, by_github(PUSH)).status == 202
        assert receiver.ask(GITHUB, PUSH, by_github(PUSH, "short")).status == 401
    assert lines.events() == ["webhook.secret-unreadable", "webhook.refused"]


@pytest.mark.parametrize("text", [None, "", "\n \n", "short", f"{SECRET}\nshort\n"])
def test_webhooks_without_a_secret_that_is_long_enough_do_not_start(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "secret").write_text(text)
    with pytest.raises(UsageError) as found:
        SecretFiles([tmp_path / "secret"])
    assert "short" not in str(found.value)


def test_webhooks_need_a_file() -> None:
    with pytest.raises(UsageError):
        SecretFiles([])


def test_no_log_line_tells_a_secret_or_what_a_request_said(receiver: Receiver) -> None:
    hidden = Redaction()
    SecretFiles([receiver.file], hidden)
    said = b'{"repository": {"clone_url": "https://user:canary-token@git.example.com/a"}}'
    with logged(redaction=hidden) as lines:
        receiver.ask(GITHUB, said, by_github(said))
        receiver.ask("/webhooks/gitlab", PUSH, {"X-Gitlab-Token": "canary-token-that-is-wrong"})
        tell(LogLevel.INFO, "some.event", f"from a library: {SECRET}")
    text = lines.getvalue()
    assert "some.event" in text
    assert "canary" not in text
    assert SECRET not in text
