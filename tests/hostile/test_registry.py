"""Registries that lie, wait, redirect and listen, and servers of tokens that do."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from socket import create_server
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from headpin.errors import PermanentError
from headpin.images import ImageName
from headpin.sources import ImageAnswer, ImageLookups
from headpin.sources.challenge import challenges
from headpin.sources.http import MAX_WAIT, Endpoint, Line, Lines, Reply, endpoint_of_url
from headpin.sources.logins import Login, Logins
from headpin.sources.registry import resolve_images
from headpin.sources.registry_login import authorization
from tests.hostile.servers import deaf_port
from tests.registry import Asked, Said, Server, certificate, digest_of_bytes, server

CANARY = "c4N4ry-p4ssw0rd"
USER_CANARY = "c4N4ry-us3r"
BODY = b'{ "schemaVersion": 2,\n  "layers": [] }\n'
DIGEST = digest_of_bytes(BODY)
FOUND = {"Docker-Content-Digest": DIGEST, "Content-Type": "application/vnd.oci.image.manifest.v1+json"}
IMAGE = "acme/triage:v1"
MANIFEST = "/v2/acme/triage/manifests/v1"
UNKNOWN = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "no"}]}'


def ask(place: str, seconds: float = 10, **variables: str) -> ImageAnswer:
    """The answer for IMAGE at `place`."""
    (answer,) = resolve_images([f"{place}/{IMAGE}"], Logins(variables), seconds).values()
    assert answer.problem.isprintable() and len(answer.problem) <= 500
    assert CANARY not in repr(answer) and USER_CANARY not in repr(answer)
    assert (answer.digest is None) == bool(answer.problem)
    return answer


def login_for(place: str) -> dict[str, str]:
    """A login for the registry at `place`, which must arrive nowhere else."""
    return {
        "HEADPIN_REGISTRY_USER": USER_CANARY,
        "HEADPIN_REGISTRY_PASSWORD": CANARY,
        "HEADPIN_REGISTRY_HOST": place,
    }


def heard(listening: Server) -> bool:
    """Whether the login arrived at `listening`, in any form."""
    return any(listening.heard(form) for form in (CANARY, USER_CANARY, BASIC))


BASIC = Login(USER_CANARY, CANARY).basic.removeprefix("Basic ")


# ── digests ──────────────────────────────────────────────────────────────────────────────────────────


def by_method(head: Said, get: Said) -> Callable[[Asked], Said]:
    """A registry that answers HEAD and GET differently."""
    return lambda asked: head if asked.method == "HEAD" else get


RESOLVED = {
    "HEAD with a digest": by_method(Said(headers=FOUND), Said(500)),
    "HEAD without a digest": by_method(Said(), Said(body=BODY)),
    "HEAD with a digest of another kind": by_method(
        Said(headers={"Docker-Content-Digest": "sha512:" + "1" * 128}), Said(body=BODY)
    ),
    "HEAD with nonsense": by_method(Said(headers={"Docker-Content-Digest": "../../x"}), Said(body=BODY)),
    "HEAD is not allowed": by_method(Said(405), Said(body=BODY)),
    "HEAD is not known": by_method(Said(404), Said(body=BODY, headers=FOUND)),
    "HEAD is not implemented": by_method(Said(501), Said(body=BODY)),
}


@pytest.mark.parametrize("answer", RESOLVED.values(), ids=RESOLVED)
def test_a_digest_is_of_the_exact_bytes(answer: Callable[[Asked], Said]) -> None:
    with server(answer) as registry:
        assert ask(registry.place) == ImageAnswer(DIGEST)
    assert all(asked.path == MANIFEST and "oci.image.index" in asked.headers["accept"] for asked in registry.asked)
    assert {asked.headers["accept-encoding"] for asked in registry.asked} == {"identity"}
    assert not any("authorization" in asked.headers for asked in registry.asked)


NO_DIGEST = {
    "another digest than the body's": (
        Said(body=BODY, headers={"Docker-Content-Digest": "sha256:" + "1" * 64}),
        "names another digest",
    ),
    "no digest but something": (Said(body=BODY, headers={"Docker-Content-Digest": DIGEST.upper()}), "another digest"),
    "a page": (Said(body=b"<html>Log in here</html>", headers={"Content-Type": "text/html"}), "no manifest"),
    "empty": (Said(), "no manifest"),
    "an old manifest": (Said(body=b'{"schemaVersion": 1}'), "no manifest"),
    "a list": (Said(body=b"[2]"), "no manifest"),
    "deep": (Said(body=b"[" * 200_000), "no manifest"),
    "a long number": (Said(body=b'{"schemaVersion": ' + b"2" * 100_000 + b"}"), "no manifest"),
    "not UTF-8": (Said(body=b'{"schemaVersion": 2, "\xff": 1}'), "no manifest"),
    "packed": (Said(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"}), "no manifest"),
    "too large": (Said(body=BODY + b" " * 4 * 1024 * 1024), "more than 4,194,304 bytes"),
    "forbidden": (Said(403), "forbids reading acme/triage"),
    "teapot": (Said(418), "418"),
    "nothing new": (Said(304), "304"),
    "a redirect to nowhere": (Said(302), "302"),
    "busy": (Said(429), "429"),
    "broken": (Said(500), "500"),
    "gateway": (Said(502, body=b"\x1b[31mred"), "502"),
    "a login of another kind": (Said(401, headers={"WWW-Authenticate": "Negotiate"}), "does not know"),
    "a login without a kind": (Said(401), "does not know"),
}


@pytest.mark.parametrize(("said", "problem"), NO_DIGEST.values(), ids=NO_DIGEST)
def test_what_is_no_digest_is_a_trouble_and_no_missing_image(said: Said, problem: str) -> None:
    with server(by_method(Said(said.status, {**said.headers, "Docker-Content-Digest": ""}), said)) as registry:
        answer = ask(registry.place)
    assert answer.digest is None and not answer.missing
    assert problem in answer.problem


MISSING = {
    "not found": Said(404),
    "not found, with a page": Said(404, body=b"<html>"),
    "manifest unknown": Said(404, body=UNKNOWN),
    "manifest unknown, said otherwise": Said(400, body=UNKNOWN),
    "repository unknown": Said(404, body=UNKNOWN.replace(b"MANIFEST", b"NAME")),
    "errors of another form": Said(404, body=b'{"errors": [null, {"code": {}}, 7]}'),
    "errors that are none": Said(404, body=b'{"errors": "\x1b[31m"}'),
}


@pytest.mark.parametrize("said", MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_missing(said: Said) -> None:
    with server(lambda _: said) as registry:
        answer = ask(registry.place)
    assert answer.missing and answer.digest is None and "acme/triage" in answer.problem


# ── time and size ────────────────────────────────────────────────────────────────────────────────────


def endless(start: bytes, piece: bytes, pause: float) -> Callable[[Asked], Said]:
    """An answer that goes on and on."""

    def pieces() -> Iterator[bytes]:
        yield start
        for _ in range(int(20 / max(pause, 0.0001))):
            time.sleep(pause)
            yield piece

    return lambda _: Said(raw=pieces())


ENDLESS = {
    "silence": endless(b"", b"", 0.05),
    "a status line that never ends": endless(b"HTTP/1.1 2", b"0", 0.05),
    "headers that never end, slowly": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05),
    "headers that never end, fast": endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 9000 + b"\r\n", 0),
    "a body that never ends, slowly": endless(b"HTTP/1.1 405 No\r\n\r\n", b"y", 0.05),
    "a body that never ends, fast": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9000, 0),
    "informal answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01),
    "no HTTP": endless(b"\xff\x00\x1b[31m not HTTP \r\n\r\n", b"", 0.05),
    "SSH": endless(b"SSH-2.0-OpenSSH\r\n", b"", 0.05),
    "cut": lambda _: Said(raw=iter([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"])),
    "closed": lambda _: Said(raw=iter([])),
    "two lengths": lambda _: Said(raw=iter([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"])),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end_ends(answer: Callable[[Asked], Said]) -> None:
    started = time.monotonic()
    with server(answer) as registry:
        found = ask(registry.place, 1)
    assert found.digest is None and not found.missing
    assert time.monotonic() - started < 4
    assert "31m" not in found.problem and "SSH" not in found.problem


def test_no_more_of_a_body_is_kept_than_a_manifest_can_have() -> None:
    with server(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"y" * 9000, 0)) as registry:
        assert ask(registry.place).problem == f"{registry.place} answered more than 4,194,304 bytes"


def test_a_slow_registry_is_bounded_over_all_its_answers() -> None:
    def slowly(asked: Asked) -> Said:
        time.sleep(0.7)
        return Said(404) if asked.method == "HEAD" else Said(302, {"Location": "/again"})

    started = time.monotonic()
    with server(slowly) as registry:
        assert "did not answer within 1 seconds" in ask(registry.place, 1).problem
    assert time.monotonic() - started < 3


def test_a_slow_image_does_not_hold_up_others() -> None:
    def answer(asked: Asked) -> Said:
        if "/slow/" in asked.path:
            time.sleep(3)
        return Said(headers=FOUND)

    with server(answer) as registry:
        quick = [f"{registry.place}/acme/quick:v{number}" for number in range(20)]
        slow = f"{registry.place}/acme/slow:v1"
        answers = resolve_images([slow, *quick], Logins({}), 1)
    assert not answers[slow].missing and "within 1 seconds" in answers[slow].problem
    assert {answers[image] for image in quick} == {ImageAnswer(DIGEST)}


def test_a_name_that_nobody_answers_for_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])
    started = time.monotonic()
    assert "registry.example.com" in ask("registry.example.com", 0.5).problem
    assert time.monotonic() - started < 2


def lead(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> list[str]:
    """Makes names lead to addresses; returns what was looked up, as it grows."""
    looked_up = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        if host not in names:
            raise socket.gaierror(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (names[host], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return looked_up


def test_a_registry_that_cannot_be_reached_is_tried_once_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {"registry.example.com": "127.0.0.1"})
    with deaf_port() as port:
        images = [f"registry.example.com:{port}/acme/agent{number}:v1" for number in range(48)]
        started = time.monotonic()
        answers = resolve_images(images, Logins({}), 2)
    assert {"cannot be reached" in answer.problem for answer in answers.values()} == {True}
    assert time.monotonic() - started < 2.5, "three rounds of 16 would take three seconds"


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────

REFUSED = (
    *("169.254.169.254", "169.254.169.254:443", "169.254.170.2", "metadata.google.internal", "100.100.100.200"),
    *("[fe80::1]:5000", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "0xa9.0xfe.0xa9.0xfe"),
)


@pytest.mark.parametrize("place", REFUSED)
def test_a_registry_at_a_metadata_address_is_refused_before_anything_connects(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = lead(monkeypatch, {})
    assert "is a link-local or metadata address" in ask(place).problem
    assert not looked_up


def test_a_name_that_leads_to_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {"innocent.example.com": "169.254.169.254"})
    answer = ask("innocent.example.com")
    assert answer.problem == "refused: innocent.example.com leads to a link-local or metadata address"


def test_localhost_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {"localhost": "192.0.2.1"})
    assert ask("localhost:5000").problem == "refused: localhost is not this machine"


def test_a_name_that_is_not_known_is_a_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {})
    assert ask("registry.example.com").problem == "registry.example.com is not known here"


def test_certificates_are_verified_and_what_was_looked_up_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certificate(tmp_path, "registry.example.com")
    looked_up = lead(monkeypatch, {"registry.example.com": "127.0.0.1", "other.example.com": "127.0.0.1"})
    with server(by_method(Said(404), Said(body=BODY)), tls) as registry:
        place = f"registry.example.com:{registry.port}"
        assert "CERTIFICATE_VERIFY_FAILED" in ask(place).problem and not registry.asked
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        looked_up.clear()
        assert ask(place) == ImageAnswer(DIGEST)
        assert looked_up == ["registry.example.com"], "looked up once, for two questions"
        assert {asked.headers["host"] for asked in registry.asked} == {place}
        other = ask(f"other.example.com:{registry.port}")
        assert "CERTIFICATE_VERIFY_FAILED" in other.problem, "a certificate is for a name"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
        assert "certificates" in ask(place).problem


def test_plain_http_is_spoken_to_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {"registry.example.com": "127.0.0.1"})
    with server(lambda _: Said(headers=FOUND)) as registry:
        assert ask(f"registry.example.com:{registry.port}").digest is None
    assert not registry.asked


def test_a_proxy_is_asked_and_its_password_stays_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = lead(monkeypatch, {"127.0.0.1": "127.0.0.1"})
    heard_by_proxy = []
    with create_server(("127.0.0.1", 0)) as proxy:
        for variable in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(variable, f"http://{USER_CANARY}:{CANARY}@127.0.0.1:{proxy.getsockname()[1]}")

        def refuse() -> None:
            connection, _ = proxy.accept()
            with connection:
                heard_by_proxy.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 " + CANARY.encode() + b"\r\nContent-Length: 0\r\n\r\n")

        with server(lambda _: Said(headers=FOUND)) as here:
            assert ask(here.place).digest, "this machine is asked without a proxy"
        thread = Thread(target=refuse)
        thread.start()
        assert "proxy" in ask("registry.example.com").problem
        thread.join(10)
    assert heard_by_proxy[0].startswith(b"CONNECT registry.example.com:443 ")
    assert "registry.example.com" not in looked_up, "the proxy knows where it is"
    monkeypatch.setenv("HTTPS_PROXY", f"nonsense://{USER_CANARY}:{CANARY}@127.0.0.1")
    assert "proxy" in ask("registry.example.com").problem


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────


def with_tokens(realm: str = "{url}/token?account=x", *, token: Said | None = None) -> Callable[[Asked], Said]:
    """A registry that demands the token t0ken, and gives it."""

    def answer(asked: Asked) -> Said:
        if asked.path.startswith("/token"):
            return token or Said(body=b'{"token": "t0ken"}')
        if asked.headers.get("authorization") == "Bearer t0ken":
            return Said(headers=FOUND)
        url = f"http://{asked.headers['host']}"
        scope = "repository:acme/triage:pull"
        demand = f'Bearer realm="{realm.format(url=url)}",service="tokens, here",scope="{scope}"'
        return Said(401, {"WWW-Authenticate": demand})

    return answer


def test_a_token_is_fetched_without_a_login_where_none_is_configured() -> None:
    with server(with_tokens()) as registry:
        assert ask(registry.place) == ImageAnswer(DIGEST)
    question = registry.asked[1]
    assert "authorization" not in question.headers
    assert parse_qs(urlsplit(question.path).query) == {
        "account": ["x"], "service": ["tokens, here"], "scope": ["repository:acme/triage:pull"]
    }  # fmt: skip


def test_a_login_is_exchanged_for_a_token_and_only_that_goes_to_the_registry(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with server(with_tokens()) as tokens, server(with_tokens(tokens.url + "/token")) as registry:
        assert ask(registry.place, **login_for(registry.place)) == ImageAnswer(DIGEST)
    assert [asked.headers.get("authorization") for asked in tokens.asked] == [f"Basic {BASIC}"]
    assert not heard(registry)
    assert not any(form in caplog.text for form in (CANARY, USER_CANARY, BASIC, "t0ken"))


def test_an_identity_token_is_exchanged_as_oauth_says(tmp_path: Path) -> None:
    with server(with_tokens(token=Said(body=b'{"access_token": "t0ken"}'))) as registry:
        config = {"auths": {registry.place: {"identitytoken": CANARY}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert ask(registry.place, DOCKER_CONFIG=str(tmp_path)) == ImageAnswer(DIGEST)
    question = registry.asked[1]
    assert question.method == "POST" and "authorization" not in question.headers
    assert parse_qs(question.body.decode()) == {
        "grant_type": ["refresh_token"], "refresh_token": [CANARY], "client_id": ["headpin"],
        "service": ["tokens, here"], "scope": ["repository:acme/triage:pull"],
    }  # fmt: skip


def test_a_login_for_another_registry_goes_nowhere() -> None:
    with server(with_tokens()) as registry:
        assert ask(registry.place, **login_for("registry.example.com")).digest
    with server(lambda _: Said(401, {"WWW-Authenticate": 'Basic realm="give me all"'})) as basic:
        assert "none is configured" in ask(basic.place, **login_for("registry.example.com")).problem
    assert not heard(registry) and not heard(basic)


REALMS = {
    "plain http elsewhere": "http://tokens.example.com/token",
    "metadata": "http://169.254.169.254/latest",
    "metadata over https": "https://169.254.169.254/latest",
    "metadata by name": "https://metadata.google.internal/token",
    "metadata, hexadecimal": "https://0xa9fea9fe/",
    "with a user": "https://you@tokens.example.com/token",
    "https to this machine": "https://127.0.0.1/token",
    "another scheme": "ftp://tokens.example.com/token",
    "a file": "file:///etc/passwd",
    "no scheme": "tokens.example.com/token",
    "a path": "/token",
    "nothing": "",
    "no host": "https:///token",
    "encoded host": "https://169%2e254.169.254/",
    "space": "https://tokens.example.com/ token",
    "backslash": "https://tokens.example.com\\\\@x/",
    "bad port": "https://tokens.example.com:x/",
    "unclosed bracket": "https://[::1/",
}


@pytest.mark.parametrize("realm", REALMS.values(), ids=REALMS)
def test_a_login_is_not_sent_where_headpin_does_not_go(realm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(with_tokens(realm)) as registry:
        looked_up = lead(monkeypatch, {"127.0.0.1": "127.0.0.1"})
        answer = ask(registry.place, **login_for(registry.place))
    assert answer.problem.startswith("refused: ") and not answer.missing
    assert looked_up == ["127.0.0.1"] and not heard(registry)


def test_a_name_of_tokens_that_leads_to_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(with_tokens("https://tokens.example.com/token")) as registry:
        lead(monkeypatch, {"127.0.0.1": "127.0.0.1", "tokens.example.com": "169.254.169.254"})
        assert "leads to a link-local" in ask(registry.place, **login_for(registry.place)).problem


@pytest.mark.parametrize("there", ["http://{here}/token", "https://tokens.example.com/token"])
def test_a_distant_registry_cannot_send_headpin_to_this_machine(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lead(monkeypatch, {"127.0.0.1": "127.0.0.1", "tokens.example.com": "127.0.0.1"})
    name = ImageName("registry.example.com", "acme/triage", "v1")

    async def log_in(realm: str) -> str:
        async with Lines(5) as lines, httpx.AsyncClient() as client:
            distant = Line(Endpoint("https", "registry.example.com", 443), ("192.0.2.1",), client)
            refusal = Reply(401, httpx.Headers({"WWW-Authenticate": f'Bearer realm="{realm}"'}), b"", True)
            return await authorization(refusal, name, Login(USER_CANARY, CANARY), distant, lines)

    with server(with_tokens()) as here, pytest.raises(PermanentError, match="sends headpin to this machine"):
        asyncio.run(log_in(there.format(here=here.place)))
    assert not here.asked


TOKENS = {
    "refused": (Said(401), "refuses the configured login"),
    "forbidden": (Said(403), "refuses the configured login"),
    "broken": (Said(500), "500"),
    "elsewhere": (Said(302, {"Location": "https://tokens.example.com/"}), "302"),
    "a page": (Said(body=b"<html>"), "no token"),
    "no token": (Said(body=b'{"token": null}'), "no token"),
    "a list": (Said(body=b"[]"), "no token"),
    "deep": (Said(body=b"[" * 200_000), "no token"),
    "a line break": (Said(body=b'{"token": "t0ken\\r\\nX-Evil: y"}'), "no token"),
    "another script": (Said(body='{"token": "t\u00f8ken"}'.encode()), "no token"),
    "empty": (Said(body=b'{"token": ""}'), "no token"),
    "huge": (Said(body=b'{"token": "' + b"t" * 300_000 + b'"}'), "no token"),
    "of no use": (Said(body=b'{"token": "other"}'), "refuses the login"),
    "says the password": (Said(400, body=CANARY.encode()), "refuses the configured login"),
}


@pytest.mark.parametrize(("said", "problem"), TOKENS.values(), ids=TOKENS)
def test_a_server_of_tokens_that_gives_none_is_a_trouble(said: Said, problem: str) -> None:
    with server(with_tokens(token=said)) as registry:
        answer = ask(registry.place, **login_for(registry.place))
    assert not answer.missing and problem in answer.problem
    assert len(registry.asked) <= 3, "nothing is tried over and over"


def test_a_header_of_challenges_is_read_in_linear_time() -> None:
    started = time.monotonic()
    for text in ("a" * 100_000 + "=", 'a="' * 30_000, 'a="\\"' * 20_000, "a " * 50_000, "," * 100_000, 'a="\\' * 9000):
        challenges(text)
    assert time.monotonic() - started < 2


def test_the_kind_of_login_that_shows_no_password_is_taken_first() -> None:
    answer = with_tokens()

    def both(asked: Asked) -> Said:
        said = answer(asked)
        demand = said.headers.get("WWW-Authenticate")
        return said if demand is None else Said(401, {"WWW-Authenticate": f'Basic realm="a, Bearer b=c", {demand}'})

    with server(both) as registry:
        assert ask(registry.place, **login_for(registry.place)) == ImageAnswer(DIGEST)
    assert [BASIC in str(asked.headers) for asked in registry.asked] == [False, True, False]


# ── redirects ────────────────────────────────────────────────────────────────────────────────────────


def to(place: str) -> Callable[[Asked], Said]:
    """A registry that says that everything is elsewhere."""
    return lambda _: Said(307, {"Location": place})


def test_a_redirect_is_followed_where_nobody_logged_in() -> None:
    with (
        server(by_method(Said(404), Said(body=BODY))) as other,
        server(lambda asked: to(other.url + asked.path)(asked)) as registry,
    ):
        assert ask(registry.place, **login_for(registry.place)) == ImageAnswer(DIGEST)
    assert [asked.method for asked in other.asked] == ["HEAD", "GET"] and not heard(other)


def test_a_redirect_within_the_registry_keeps_the_login() -> None:
    def answer(asked: Asked) -> Said:
        if BASIC not in asked.headers.get("authorization", ""):
            return Said(401, {"WWW-Authenticate": 'Basic realm="here"'})
        return Said(headers=FOUND) if asked.path == "/there" else Said(302, {"Location": "../../../../there"})

    with server(answer) as registry:
        assert ask(registry.place, **login_for(registry.place)) == ImageAnswer(DIGEST)


@pytest.mark.parametrize("demand", ['Basic realm="here"', 'Bearer realm="{url}/token"'])
def test_a_login_does_not_follow_a_redirect(demand: str) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.startswith("/token"):
            return Said(body=b'{"token": "t0ken"}')
        if "authorization" in asked.headers:
            return Said(302, {"Location": other.url + asked.path})
        return Said(401, {"WWW-Authenticate": demand.format(url=registry.url)})

    with server(lambda _: Said(headers=FOUND)) as other, server(answer) as registry:
        found = ask(registry.place, **login_for(registry.place))
    assert "redirects a login to another server" in found.problem
    assert not other.asked


def test_a_server_that_is_redirected_to_gets_no_login_by_asking_for_it() -> None:
    demand = {"WWW-Authenticate": 'Basic realm="here"'}
    with server(lambda _: Said(401, demand)) as other, server(to(other.url)) as registry:
        found = ask(registry.place, **login_for(registry.place))
    assert "redirects to a server that demands a login" in found.problem
    assert not heard(other) and not heard(registry)


@pytest.mark.parametrize("realm", [realm for realm in REALMS.values() if "://" in realm])
def test_a_redirect_is_not_followed_where_headpin_does_not_go(realm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(to(realm.replace("\\\\", "\\"))) as registry:
        lead(monkeypatch, {"127.0.0.1": "127.0.0.1"})
        problem = ask(registry.place).problem
    assert problem.startswith("refused: ") or problem.endswith("did not answer as HTTP demands"), problem
    assert len(registry.asked) == 1


def test_redirects_in_a_circle_end() -> None:
    with server(to("/v2/again")) as registry:
        assert "redirects without end" in ask(registry.place).problem
    assert len(registry.asked) == 4


# ── being asked to wait ──────────────────────────────────────────────────────────────────────────────

WAITS = {
    "7": 7,
    "0": 0,
    "86400000": MAX_WAIT,
    "9" * 400: 0,
    "-5": 0,
    "1e9": 0,
    "inf": 0,
    "nan": 0,
    "soon": 0,
    "Thu, 01 Jan 1970 00:00:00 GMT": 0,
    "Fri, 31 Dec 9999 23:59:59 GMT": MAX_WAIT,
    "Fri, 99 Foo 99999 99:99:99 XXX": 0,
    "Fri, 31 Dec 9999 23:59:59 -9999": 0,
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("said", WAITS)
def test_a_registry_is_left_alone_for_as_long_as_it_says_and_no_longer_than_an_hour(said: str, status: int) -> None:
    with server(lambda _: Said(status, {"Retry-After": said})) as registry:
        assert ask(registry.place).wait == WAITS[said]
    assert len(registry.asked) == 1


def test_a_time_to_wait_until_is_understood() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with server(with_tokens(token=Said(429, {"Retry-After": until}))) as registry:
        assert 90 < ask(registry.place).wait <= 100


def test_a_registry_that_wants_to_be_left_alone_is() -> None:
    now = [0.0]
    lookups = ImageLookups(Logins({}), clock=lambda: now[0], chance=lambda: 0.0)
    with server(lambda _: Said(429, {"Retry-After": "60"})) as registry:
        image = f"{registry.place}/{IMAGE}"
        answers = []
        for now[0] in (0.0, 5.0, 59.0, 60.0):
            answers.append(lookups.resolve([image], 10)[image])
            assert answers[-1].problem == answers[0].problem
    assert len(registry.asked) == 2


def test_an_address_that_a_server_names_is_what_is_asked() -> None:
    endpoint, target = endpoint_of_url("https://Tokens.Example.com:8443/a%2Fb?c=d%20e#f")
    assert (endpoint.url, target) == ("https://tokens.example.com:8443", "/a%2Fb?c=d%20e")
    assert endpoint_of_url("https://[2001:db8::1]")[0].url == "https://[2001:db8::1]"
