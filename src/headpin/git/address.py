"""Addresses of repositories elsewhere: which are allowed, and what of them people may see.

An address comes from a document that somebody wrote, so it is checked against an allow-list here, before git sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headpin.addresses import is_host, is_loopback, is_metadata

_SCP = re.compile(
    r"^(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9.-]*):(?P<path>[^:/-][^:]*)$"
)
_SCHEMES = frozenset({"https", "ssh", "file", "http", "git"})
PLAIN = frozenset({"http", "git"})
"""Nobody proves who answers, and everybody on the way reads along: on this machine only."""

_CREDENTIALS = re.compile(r"(://|(?<!\S)(?=[^\s/:@]+:))\S*@")
"""Up to the last @: a password that was not percent-encoded may hold a slash or an @ itself."""

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """An address that is allowed. `url` has no credentials in it; `shown` is what people are told."""

    url: str
    scheme: str
    host: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The address without credentials."""
        return self.url


def redacted(text: str) -> str:
    """`text` without the credentials of any URL in it."""
    return _CREDENTIALS.sub(r"\1", text)


def address_of(text: str, base: Path) -> RemoteAddress | str:
    """`text` as an address, or why it is none that headpin reads. Relative paths start at `base`."""
    if not text or any(letter < " " or letter == "\x7f" for letter in text):
        return "an address has no control characters"
    if text.startswith("-") or "::" in text.split("/", maxsplit=1)[0]:
        return f"{redacted(text)!r} is an option or a helper, not an address"
    if "://" in text:
        return _of_url(text)
    scp = _SCP.fullmatch(text)
    if scp is not None:
        return _checked_host(RemoteAddress(text, "ssh", scp["host"]))
    if ":" in text.partition("/")[0]:  # what git would take for host:path
        return "an address of the form user@host:path has plain names, and no password"
    place = Path(text) if text.startswith("/") else base / text
    return RemoteAddress(str(place.absolute()), "path", "")


def _of_url(text: str) -> RemoteAddress | str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{redacted(text)!r} is not a URL"
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES or (scheme == "git" and (parts.username or not is_loopback(host))):
        return f"the scheme {scheme}: is not allowed; use https://, ssh:// or file://"
    if parts.query or parts.fragment or "\\" in text or " " in text:
        return f"{redacted(text)!r} is not the address of a repository"
    if scheme == "file":
        return RemoteAddress(text, scheme, "") if not host else "a file:// address names no host"
    if not is_host(host) or parts.path.startswith("/-"):
        return f"{redacted(text)!r} names no host, or not in plain letters and digits"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isprintable():
        return "a user name and a password have no control characters"
    if scheme == "http" and not is_loopback(host):
        return "plain http:// shows everything to everybody on the way; use https://"
    shown_host = f"[{host}]" if ":" in host else host
    where = f"{shown_host}:{port}" if port else shown_host
    if scheme == "ssh":
        if password or (user and _USER.fullmatch(user) is None):
            return "ssh:// takes a plain user name and no password; give headpin a key instead"
        return _checked_host(RemoteAddress(f"ssh://{user}{'@' * bool(user)}{where}{parts.path}", scheme, host))
    return _checked_host(RemoteAddress(f"{scheme}://{where}{parts.path}", scheme, host, user, password))


def _checked_host(address: RemoteAddress) -> RemoteAddress | str:
    return f"{address.host} is a link-local or metadata address" if is_metadata(address.host) else address
