"""Remote repositories: talking to one, and asking where its branches are.

Credentials go to git by a credential helper in the environment: never on a command line, never to another host,
never into a message.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from headpin.addresses import is_literal, is_metadata
from headpin.errors import PermanentError, SourceTrouble
from headpin.git.access import NOTHING, Access
from headpin.git.address import PLAIN, RemoteAddress, address_of, redacted
from headpin.git.program import Output, run_git
from headpin.types import Revision, branch_fault, is_revision

_MAX_SAID = 4000
_PORTS = {"http": 80, "https": 443}

_HELPER = (
    '!f() { test "$1" = get && printf "%s\\n" "username=$HEADPIN_SOURCE_USER" "password=$HEADPIN_SOURCE_PASSWORD"; }; f'
)
"""Answers git's question, for the one host that it is configured for; no echo, which may read backslashes."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a branch is; None when the repository has no such branch."""

    branch: str
    revision: Revision | None


def list_heads(
    address: RemoteAddress, branches: Iterable[str], seconds: float, access: Access = NOTHING
) -> dict[str, Head]:
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
    heads = _heads(
        talk(address, ["ls-remote", "--quiet", "--end-of-options", address.url, *refs], seconds, access), address
    )
    return {branch: Head(branch, heads.get(f"refs/heads/{branch}")) for branch in wanted}


def talk(address: RemoteAddress, arguments: Sequence[str], seconds: float, access: Access = NOTHING) -> str:
    """What ``git ARGUMENTS`` answers, as `converse`. Raises as `list_heads`."""
    address = access.to(address)
    found = converse(address, arguments, seconds, access.options(), access.environment())
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
    for scheme in ("https", "ssh", "file", *((address.scheme,) if address.scheme in PLAIN else ())):
        config += ["-c", f"protocol.{scheme}.allow=always"]
    return run_git(
        [*config, *options, *_credential_options(address), *arguments],
        seconds=seconds,
        extra={**(extra or {}), **_secrets(address)},
        place=Path("/"),  # where no repository's own settings, such as url.*.insteadOf, apply
    )


def login_of(access: Access, url: str, base: Path) -> tuple[list[str], Mapping[str, str]]:
    """What git is told, and given in its environment, to log in at a clone's own remote with the token.

    Nothing where the token is of another host, or there is none. Raises PermanentError as `Access.to`.
    """
    address = address_of(url, base)
    known = address if isinstance(address, str) else access.to(address)
    if known == address or isinstance(known, str):
        return [], {}
    return _credential_options(known), _secrets(known)


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
