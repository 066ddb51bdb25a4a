"""`/webhooks` and `/webhooks/<forge>`: a forge tells that a repository moved, and somebody looks.

A request is refused as early as possible: without a signature before its body is read, with a wrong one before it is
parsed. To a genuine one the answer is always the same, whether the repository is one of the workspace's or not: who
knows one secret learns nothing about what else there is. Must never keep anything of a request but a hint.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from headpin.server.payloads import NotAPayload, moved_addresses, read_payload
from headpin.server.probes import bare_app
from headpin.server.secrets import SecretFiles
from headpin.server.signatures import Forge, Headers, forge_of, is_genuine, is_signed

_FORM = "application/x-www-form-urlencoded"
_TYPES = frozenset({"", "application/json", _FORM})
_RETRY = {"Retry-After": "2"}
_UNKNOWN = "unknown"


class Hints(Protocol):
    """Who is told that something moved, and coalesces what it is told."""

    def offer(self, addresses: frozenset[str]) -> bool:
        """The repository at these addresses moved; False where it is none of the workspace's. Returns at once."""


class Results(Protocol):
    """Who counts what became of requests."""

    def webhook(self, forge: str, result: str) -> None:
        """One request; both words are from small sets."""


@dataclass(frozen=True, slots=True)
class WebhookBounds:
    """What is taken on: bytes and seconds of one body, and requests at a time. GitHub sends up to 25 MB."""

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 10.0
    at_once: int = 8


class _Refused(Exception):
    def __init__(self, status: int, result: str) -> None:
        super().__init__(result)
        self.status = status
        self.result = result


def webhook_app(hints: Hints, secrets: SecretFiles, results: Results, bounds: WebhookBounds | None = None) -> FastAPI:
    """The application for the webhooks' own address."""
    receiver = _Receiver(hints, secrets, bounds or WebhookBounds())
    app = bare_app()

    async def answer(request: Request, named: str | None) -> Response:
        headers = _single(request)
        forge = _forge(headers, named)
        try:
            result = await receiver.receive(request, forge, headers)
        except _Refused as refused:
            results.webhook(str(forge or _UNKNOWN), refused.result)
            more = _RETRY if refused.status == HTTPStatus.TOO_MANY_REQUESTS else {}
            return Response(status_code=refused.status, headers={"Connection": "close", **more})
        results.webhook(str(forge), result)
        return Response(status_code=202)

    @app.post("/webhooks")
    async def detected(request: Request) -> Response:
        return await answer(request, None)

    @app.post("/webhooks/{forge}")
    async def named(request: Request, forge: str) -> Response:
        return await answer(request, forge)

    return app


def _forge(headers: Headers, named: str | None) -> Forge | None:
    if named is None:
        return forge_of(headers)
    return Forge(named) if named in set(Forge) else None


def _single(request: Request) -> dict[str, str]:
    """The headers that came once: of one that came twice nobody knows which is meant."""
    counted = Counter(request.headers.keys())
    return {name: value for name, value in request.headers.items() if counted[name] == 1}


class _Receiver:
    """Takes requests, a few at a time."""

    def __init__(self, hints: Hints, secrets: SecretFiles, bounds: WebhookBounds) -> None:
        self._hints = hints
        self._secrets = secrets
        self._bounds = bounds
        self._now = 0

    async def receive(self, request: Request, forge: Forge | None, headers: Headers) -> str:
        """What became of a genuine request. Raises _Refused."""
        if forge is None:
            raise _Refused(404, "unknown")
        if not is_signed(forge, headers):
            raise _Refused(401, "unsigned")
        is_form = self._refuse_form(headers)
        if self._now >= self._bounds.at_once:
            raise _Refused(429, "busy")
        self._now += 1
        try:
            body = await self._body(request)
        finally:
            self._now -= 1
        if not is_genuine(forge, headers, body, self._secrets.current()):
            raise _Refused(401, "forged")
        try:
            value = read_payload(body, is_form=is_form)
            event = headers.get(f"x-{forge}-event", headers.get("x-gitea-event", ""))
            addresses = moved_addresses(forge, event, value)
        except NotAPayload as error:
            raise _Refused(400, "malformed") from error
        if addresses is None:
            return "ignored"
        return "accepted" if self._hints.offer(addresses) else "foreign"

    def _refuse_form(self, headers: Headers) -> bool:
        """Whether the body is a form. Raises _Refused for what nobody reads here: packed bodies, other types."""
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise _Refused(415, "encoded")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise _Refused(415, "encoded")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length[:20]) > self._bounds.body_bytes:
            raise _Refused(413, "too-large")
        return kind == _FORM

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._bounds.body_seconds):
                async for part in request.stream():
                    body += part
                    if len(body) > self._bounds.body_bytes:
                        raise _Refused(413, "too-large")
        except TimeoutError:
            raise _Refused(408, "slow") from None
        except ClientDisconnect:
            raise _Refused(400, "cut") from None
        return bytes(body)
