"""Logging in to a registry that demands it.

Token authentication: https://distribution.github.io/distribution/spec/auth/token (and /oauth for identity tokens).
A login goes to the registry that it is configured for, and to the server of tokens that this registry names: over
https, or on this machine. What a server of tokens says is never shown.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from headpin.errors import SourceTrouble
from headpin.images import ImageName, registry_key
from headpin.sources.challenge import Challenge, challenges
from headpin.sources.http import Line, Lines, Reply, endpoint_of_url
from headpin.sources.logins import Login

_MAX_TOKEN_ANSWER = 256 * 1024
_TOKEN = re.compile(r"[!-~]{1,65536}")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Busy(SourceTrouble):
    """A server that wants to be left alone for `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


def refuse_busy(reply: Reply, who: str) -> None:
    """Raises Busy when `reply` says that `who` answers nobody at present."""
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Busy(f"{who} was asked too often (429)", reply.wait)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Busy(f"{who} is in trouble ({reply.status})", reply.wait)


async def authorization(refusal: Reply, name: ImageName, login: Login | None, line: Line, lines: Lines) -> str:
    """The value of the header that `refusal` (a 401 from `line`) demands before `name` can be read.

    Raises SourceTrouble when the login is refused or there is none, PermanentError when a login would go astray.
    """
    header = refusal.headers.get("WWW-Authenticate") or ""
    demanded = {challenge.scheme: challenge for challenge in reversed(challenges(header))}
    registry = registry_key(name.registry)
    if "bearer" in demanded:
        return await _token(demanded["bearer"], name, login, line, lines)
    if "basic" not in demanded:
        raise SourceTrouble(f"{registry} demands a login of a kind that headpin does not know")
    if login is None:
        raise SourceTrouble(f"{registry} demands a login, and none is configured for it")
    if login.identity_token:
        raise SourceTrouble(f"{registry} demands a password, and an identity token is configured for it")
    return login.basic


async def _token(challenge: Challenge, name: ImageName, login: Login | None, line: Line, lines: Lines) -> str:
    endpoint, target = endpoint_of_url(challenge.parameters.get("realm", ""))
    tokens = await lines.onward(line, endpoint)
    about = {"scope": challenge.parameters.get("scope") or f"repository:{name.repository}:pull"}
    if "service" in challenge.parameters:
        about["service"] = challenge.parameters["service"]
    if login is not None and login.identity_token:
        about |= {"grant_type": "refresh_token", "client_id": "headpin", "refresh_token": login.identity_token}
        content = urlencode(about).encode()
        reply = await tokens.ask("POST", target, _FORM, limit=_MAX_TOKEN_ANSWER, content=content)
    else:
        path, _, query = target.partition("?")
        headers = {"Authorization": login.basic} if login is not None else {}
        question = urlencode([*parse_qsl(query, keep_blank_values=True), *about.items()])
        reply = await tokens.ask("GET", f"{path}?{question}", headers, limit=_MAX_TOKEN_ANSWER)
    return f"Bearer {_read_token(reply, login, tokens.endpoint.authority)}"


def _read_token(reply: Reply, login: Login | None, who: str) -> str:
    refuse_busy(reply, who)
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST):
        raise SourceTrouble(f"{who} {'refuses the configured login' if login else 'gives no token without a login'}")
    if reply.status != HTTPStatus.OK or not reply.complete:
        raise SourceTrouble(f"{who} gives no token ({reply.status})")
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        for token in (found.get("token"), found.get("access_token")):
            if isinstance(token, str) and _TOKEN.fullmatch(token):
                return token
    raise SourceTrouble(f"{who} answered something that is no token")
