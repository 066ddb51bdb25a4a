"""Whether a request comes from who knows a secret: the schemes of the forges. Pure.

Checked are the exact bytes of the body, before anything parses them, and in constant time. Where a request has more
than one kind of signature, the strongest decides, and a weaker one does not rescue it.

| forge | header | what it holds |
|---|---|---|
| GitHub | X-Hub-Signature-256 | ``sha256=`` and the HMAC-SHA256 of the body in hexadecimal digits |
| Gitea, Forgejo | X-Forgejo-Signature, X-Gitea-Signature | the same without ``sha256=`` |
| GitLab | webhook-signature | ``v1,`` and the HMAC-SHA256 in base64, as standardwebhooks.com has it |
| GitLab | X-Gitlab-Token | the secret itself |

No age is asked for where a signature holds the time: a request that is played again is only a hint to look again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

_STANDARD_PREFIX = b"whsec_"
_MAX_SIGNATURES = 8
_MESSAGE_ID = re.compile(r"[!-~]{1,256}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


class Forge(StrEnum):
    """Who calls."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    GENERIC = "generic"


Headers = Mapping[str, str]
"""By lower-case name; of a header that came more than once, nothing."""


def forge_of(headers: Headers) -> Forge:
    """Who calls, as the headers tell it; Gitea and Forgejo send GitHub's too, so they are asked first."""
    for forge in (Forge.FORGEJO, Forge.GITEA, Forge.GITLAB, Forge.GITHUB):
        if f"x-{forge}-event" in headers:
            return forge
    return Forge.GENERIC


def is_signed(forge: Forge, headers: Headers) -> bool:
    """Whether there is a signature at all: without one, the body need not be read."""
    return any(name in headers for name, _ in _SCHEMES[forge])


def is_genuine(forge: Forge, headers: Headers, body: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether the request was signed with one of `secrets`; each is tried, whichever it was."""
    for name, check in _SCHEMES[forge]:
        given = headers.get(name)
        if given is not None:
            results = [check(given, headers, body, secret) for secret in secrets]
            return any(results)
    return False


def _equal(one: str | bytes, other: str | bytes) -> bool:
    first = one.encode("utf-8", "surrogateescape") if isinstance(one, str) else one
    second = other.encode("utf-8", "surrogateescape") if isinstance(other, str) else other
    return hmac.compare_digest(first, second)


def _prefixed(given: str, headers: Headers, body: bytes, secret: bytes) -> bool:
    del headers
    return _equal(given, f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}")


def _plain(given: str, headers: Headers, body: bytes, secret: bytes) -> bool:
    del headers
    return _equal(given, hmac.new(secret, body, hashlib.sha256).hexdigest())


def _token(given: str, headers: Headers, body: bytes, secret: bytes) -> bool:
    del headers, body
    return _equal(given, secret)


def _standard(given: str, headers: Headers, body: bytes, secret: bytes) -> bool:
    identity, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if _MESSAGE_ID.fullmatch(identity) is None or _TIMESTAMP.fullmatch(at) is None:
        return False
    key = _standard_key(secret)
    digest = hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    return any(_equal(each, expected) for each in given.split(" ")[:_MAX_SIGNATURES])


def _standard_key(secret: bytes) -> bytes:
    if not secret.startswith(_STANDARD_PREFIX):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(_STANDARD_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return secret


_Check = Callable[[str, Headers, bytes, bytes], bool]
_HUB: tuple[str, _Check] = ("x-hub-signature-256", _prefixed)
_STANDARD: tuple[str, _Check] = ("webhook-signature", _standard)

_SCHEMES: dict[Forge, tuple[tuple[str, _Check], ...]] = {
    Forge.GITHUB: (_HUB,),
    Forge.GITLAB: (_STANDARD, ("x-gitlab-token", _token)),
    Forge.GITEA: (("x-gitea-signature", _plain), _HUB),
    Forge.FORGEJO: (("x-forgejo-signature", _plain), ("x-gitea-signature", _plain), _HUB),
    Forge.GENERIC: (_HUB, _STANDARD),
}
