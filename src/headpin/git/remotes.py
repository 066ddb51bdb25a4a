"""Remote repositories: which addresses are allowed, and talking to one: asking where its branches are.

An address comes from a document that somebody wrote, so it is checked against an allow-list here, before
git sees it. Credentials in an address go to git by a credential helper in the environment: never on a
command line, never to another host, never into a message.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headpin.addresses import is_host, is_literal, is_loopback, is_metadata
from headpin.errors import PermanentError, SourceTrouble
from headpin.git.program import Output, run_git
from headpin.types import Revision, branch_fault, is_revision

_SCP = re.compile(
    r"^(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?(?P<host>[A-Za-z0-9_][A-Za-z0-9.-]*):(?P<path>[^:/-][^:]*)$"
)
_SCHEMES = frozenset({"https", "ssh", "file", "http", "git"})
_PLAIN = frozenset({"http", "git"})
"""Nobody proves who answers, and everybody on the way reads along: on this machine only."""

_CREDENTIALS = re.compile(r"(://|(?<!\S)(?=[^\s/:@]+:))\S*@")
"""Up to the last @: a password that was not percent-encoded may hold a slash or an @ itself."""

_MAX_SAID = 4000
_PORTS = {"http": 80, "https": 443}
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}")

_HELPER = (
    '!f() { test "$1" = get && printf "%s\\n" "username=$HEADPIN_SOURCE_USER" "password=$HEADPIN_SOURCE_PASSWORD"; }; f'
)
"""Answers git's question, for the one host that it is configured for; no echo, which may read backslashes."""


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


@dataclass(frozen=True, slots=True)
class Head:
    """Where a branch is; None when the repository has no such branch."""

    branch: str
    revision: Revision | None


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


def list_heads(address: RemoteAddress, branches: Iterable[str], seconds: float) -> dict[str, Head]:
    """Where each of `branches` is, in one conversation of at most `seconds`.

    Raises SourceTrouble when the repository does not answer or says nonsense, PermanentError when the
    address leads where headpin does not go.
    """
    wanted = sorted(set(branches))
    for branch in wanted:
        fault = branch_fault(branch)
        if fault:
            raise PermanentError(f"{branch!r} is no branch: {fault}")
    refs = [f"refs/heads/{branch}" for branch in wanted]
    heads = _heads(talk(address, ["ls-remote", "--quiet", "--end-of-options", address.url, *refs], seconds), address)
    return {branch: Head(branch, heads.get(f"refs/heads/{branch}")) for branch in wanted}


def talk(address: RemoteAddress, arguments: Sequence[str], seconds: float) -> str:
    """What ``git ARGUMENTS`` answers, as `converse`. Raises as `list_heads`."""
    found = converse(address, arguments, seconds)
    if found.code != 0:
        raise SourceTrouble(f"{address.shown}: {said_by(found.err, address)}")
    return found.out


def converse(
    address: RemoteAddress,
    arguments: Sequence[str],
    seconds: float,
    options: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> Output:
    """Runs ``git ARGUMENTS``, bound to `address`: no redirect, no other protocol, its credentials only.

    `options` go before the command, `extra` into its environment. Raises SourceTrouble at the time limit,
    PermanentError as `list_heads`.
    """
    config = ["-c", "http.followRedirects=false", "-c", "protocol.allow=never", *_resolved(address)]
    for scheme in ("https", "ssh", "file", *((address.scheme,) if address.scheme in _PLAIN else ())):
        config += ["-c", f"protocol.{scheme}.allow=always"]
    return run_git(
        [*config, *options, *_credential_options(address), *arguments],
        seconds=seconds,
        extra={**(extra or {}), **_secrets(address)},
        place=Path("/"),  # where no repository's own settings, such as url.*.insteadOf, apply
    )


def _credential_options(address: RemoteAddress) -> list[str]:
    if not (address.user or address.password):
        return []
    scheme, _, rest = address.url.partition("://")
    place = f"{scheme}://{rest.partition('/')[0]}"  # never for a proxy that asks for a password too
    return ["-c", "credential.helper=", "-c", f"credential.{place}.helper={_HELPER}"]


def _secrets(address: RemoteAddress) -> Mapping[str, str]:
    if not (address.user or address.password):
        return {}
    return {"HEADPIN_SOURCE_USER": address.user, "HEADPIN_SOURCE_PASSWORD": address.password}


def _resolved(address: RemoteAddress) -> list[str]:
    """Options that make git go where the address's name led when it was looked at, and not look again.

    A name that leads to a metadata service is refused like its address: raises PermanentError.
    """
    if address.scheme not in ("http", "https", "ssh"):
        return []
    try:
        found = socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []  # git tells it better
    places = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if any(is_metadata(place) for place in places):
        raise PermanentError(f"{address.host} leads to a link-local or metadata address")
    if address.scheme == "ssh" or is_literal(address.host):
        return []
    port = urlsplit(address.url).port or _PORTS[address.scheme]
    shown = ",".join(f"[{place}]" if ":" in place else place for place in places)
    return ["-c", f"http.curloptResolve={address.host}:{port}:{shown}"]


def _heads(out: str, address: RemoteAddress) -> dict[str, Revision]:
    heads = {}
    for line in out.splitlines():
        identity, tab, ref = line.partition("\t")
        if not tab or not is_revision(identity) or not identity.strip("0"):
            raise SourceTrouble(f"{address.shown}: answered {line[:80]!r}, which is no branch head")
        heads[ref] = Revision(identity)
    return heads


def said_by(err: str, address: RemoteAddress) -> str:
    """What git said, on one line, without credentials."""
    text = err.replace(address.password, "…") if address.password else err
    text = redacted(" ".join(text[:_MAX_SAID].split()))
    if address.user and address.scheme != "ssh":
        text = re.sub(rf"(?<!\w){re.escape(address.user)}(?!\w)", "…", text)
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    if "redirect" in text.lower() or re.search(r"returned error: 30[1278]", text):
        return "the server redirects elsewhere; headpin follows no redirect: write the final address"
    return text.removeprefix("fatal: ")[:500] or "git gave no reason"
