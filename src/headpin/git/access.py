"""With what an unattended headpin reaches repositories elsewhere: keys, tokens, certificates.

Files are read at each use, so that what rotates is taken as it is then. A token goes to its own host alone, by a
credential helper; nothing secret is ever on a command line. Without anything given, git does as its person's
settings say: the ssh agent, credential helpers, a proxy from the environment.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from headpin.errors import PermanentError, TemporaryError
from headpin.git.address import RemoteAddress
from headpin.git.program import TOKEN

_TOKEN_USER = "x-access-token"  # noqa: S105 - what GitHub's apps need; GitLab and Gitea take any name with a token
_SLOW = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20")
"""Fewer bytes a second than this for so many seconds is no answer."""

_MAX_TOKEN = 16 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """`host` is where the token belongs: that of the config repository. `variables` is the environment."""

    host: str = ""
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    token_file: Path | None = None
    ca_file: Path | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def options(self) -> list[str]:
        """What git is told before its command."""
        trusted = ["-c", f"http.sslCAInfo={self.ca_file.absolute()}"] if self.ca_file else []
        return [*_SLOW, *trusted]

    def environment(self) -> dict[str, str]:
        """What git finds in its environment. Raises TemporaryError where a file is not there, for what rotates it may
        be about to put it back, PermanentError for a name that ssh cannot be told."""
        if self.ssh_key is None and self.known_hosts is None:
            return {}
        said = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=10", "-oServerAliveInterval=10", "-oServerAliveCountMax=2"]
        if self.ssh_key is not None:
            said += ["-oIdentitiesOnly=yes", f"-oIdentityFile={_ssh_word(self.ssh_key)}"]
        if self.known_hosts is not None:
            said += ["-oStrictHostKeyChecking=yes", f"-oUserKnownHostsFile={_ssh_word(self.known_hosts)}"]
            said += ["-oGlobalKnownHostsFile=/dev/null"]
        return {"GIT_SSH_COMMAND": shlex.join(said)}

    def to(self, address: RemoteAddress) -> RemoteAddress:
        """The address with the token, where it is of the token's host and names nobody itself."""
        if address.scheme not in ("https", "http") or address.password or address.host != self.host:
            return address
        token = self._token()
        return replace(address, user=address.user or _TOKEN_USER, password=token) if token else address

    def _token(self) -> str:
        if self.token_file is None:
            return self.variables.get(TOKEN, "").strip()
        try:
            with self.token_file.open(encoding="utf-8") as file:
                token = file.read(_MAX_TOKEN).strip()
        except (OSError, UnicodeError) as error:
            raise TemporaryError(
                f"the token cannot be read from {self.token_file}: {type(error).__name__}",
                remedy="put the token alone into that file",
            ) from error
        if not token.isprintable():
            raise TemporaryError(f"{self.token_file} holds more than a token", remedy="put the token alone into it")
        return token


def host_of(url: str) -> str:
    """The host that a token for `url` belongs to; "" where the address has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _ssh_word(place: Path) -> str:
    """A path as ssh reads it in an option: quoted, and without what it would expand."""
    text = str(place.absolute()).replace("%", "%%")
    if '"' in text or "\n" in text:
        raise PermanentError(f"ssh takes no file named {place}", remedy="name it without quotation marks")
    if not place.is_file():
        raise TemporaryError(f"there is no file {place}", remedy="put it there")
    return f'"{text}"'


NOTHING = Access(variables={})
"""What git has by itself."""
