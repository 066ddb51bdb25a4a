"""The ways to a server: git over http, https, ssh, and its own protocol, each real and each behind two proxies.

One proxy is in front of the config repository and another in front of the sources, so that each can fail alone.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.proxy import Proxy, proxy
from tests.hostile.servers import HttpServer, certificate, git_daemon, http_server, ssh_server
from tests.programs import program

NAMES = ("http", "https", "ssh", "git")
_USER = "x-access-token"
_OF_HTTP = 4
"""Without login, with it, for the branches, and for the objects: the server of tests ends each connection."""


@dataclass
class Transport:
    """`arguments` is what the daemon is told of access. `connections` is how many one conversation takes at most."""

    name: str
    root: Path
    upstream: Proxy
    sources: Proxy
    scheme: str
    arguments: list[str]
    connections: int = 1
    is_rooted: bool = True
    server: HttpServer | None = None
    context: ssl.SSLContext | None = None
    folder: Path = Path()

    @property
    def config(self) -> str:
        """The address of the config repository."""
        return self._url(self.upstream, "config.git")

    def source(self, name: str) -> str:
        """The address of a source."""
        return self._url(self.sources, name)

    def _url(self, at: Proxy, path: str) -> str:
        return f"{self.scheme}127.0.0.1:{at.port}{'' if self.is_rooted else self.root}/{path}"

    def heal(self) -> None:
        """Everything answers again."""
        self.upstream.heal()
        self.sources.heal()
        if self.server is not None:
            self.server.mood = "git"

    # ── credentials ──────────────────────────────────────────────────────────────────────────────

    def rotate(self, token: str) -> None:
        """The server takes another token from now on."""
        assert self.server is not None
        self.server.login = f"{_USER}:{token}"

    @property
    def token(self) -> Path:
        """The file that the daemon reads its token from."""
        return self.folder / "token"

    @property
    def known_hosts(self) -> Path:
        """The hosts that the daemon talks to by ssh."""
        return self.folder / "known"

    def trust(self, name: str) -> None:
        """The server shows another certificate from now on; `server` is the one that the daemon trusts."""
        assert self.context is not None
        self.context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")


@contextmanager
def transport(name: str, folder: Path, root: Path) -> Iterator[Transport]:
    """A server of everything below `root`; keys and tokens are made in `folder`."""
    for needed in (folder, root):
        needed.mkdir(parents=True, exist_ok=True)
    with {"http": _http, "https": _https, "ssh": _ssh, "git": _git}[name](folder, root) as made:
        made.folder = folder
        yield made


@contextmanager
def _http(folder: Path, root: Path, tls: ssl.SSLContext | None = None) -> Iterator[Transport]:
    (folder / "token").write_text("first\n")
    with (
        http_server(root, login=f"{_USER}:first", tls=tls) as server,
        proxy(server.port) as one,
        proxy(server.port) as two,
    ):
        scheme = "https" if tls else "http"
        arguments = ["--token-file", str(folder / "token")]
        if tls:
            arguments += ["--ca-file", str(folder / "server.crt")]
        yield Transport(scheme, root, one, two, f"{scheme}://", arguments, _OF_HTTP, server=server, context=tls)


@contextmanager
def _https(folder: Path, root: Path) -> Iterator[Transport]:
    for name in ("server", "stranger"):
        certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    with _http(folder, root, context) as made:
        yield made


@contextmanager
def _ssh(folder: Path, root: Path) -> Iterator[Transport]:
    with ssh_server(folder / "sshd", program("sshd")) as server, proxy(server.port) as one, proxy(server.port) as two:
        key = (folder / "sshd" / "host.pub").read_text()
        known = folder / "known"
        known.write_text("".join(f"[127.0.0.1]:{at.port} {key}" for at in (one, two)))
        arguments = ["--ssh-key", str(folder / "sshd" / "person"), "--known-hosts", str(known)]
        yield Transport("ssh", root, one, two, f"ssh://{server.user}@", arguments, is_rooted=False)


@contextmanager
def _git(folder: Path, root: Path) -> Iterator[Transport]:
    del folder
    with git_daemon(root) as port, proxy(port) as one, proxy(port) as two:
        yield Transport("git", root, one, two, "git://", [])
