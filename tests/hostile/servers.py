"""Servers on loopback for source tests: git over HTTP, in all its moods, and git over SSH."""

from __future__ import annotations

import base64
import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, create_server

from tests.loopback import Handler, listening

MOODS = frozenset(
    {"git", "redirect", "garbage", "silent", "endless", "cut", "escapes", "proxy", "zero", "unavailable", "forbidden"}
)
_PATIENCE = 20.0


@dataclass
class HttpServer:
    """`mood` says how it answers, `login` what it asks for. `asked` has method and path of each request,
    `logins` the user and password that came with it, `seen` what process arguments said meanwhile."""

    root: Path
    mood: str = "git"
    login: str = ""
    target: str = ""
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """As people write it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def questions(self) -> int:
        """How often somebody began to ask where branches are."""
        return sum(path.startswith("GET") and "/info/refs" in path for path in self.asked)


class _Handler(Handler):
    def respond(self) -> None:
        said: HttpServer = self.server.said
        said.asked.append(f"{self.command} {self.path}")
        given = self.headers.get("Authorization", "") or self.headers.get("Proxy-Authorization", "")
        login = base64.b64decode(given.removeprefix("Basic ")).decode() if given.startswith("Basic ") else ""
        if login:
            said.logins.append(login)
            said.seen.append(_arguments())
        if said.login and login != said.login:
            self._send(401, b"", {"WWW-Authenticate": 'Basic realm="here"'})
        else:
            getattr(self, f"_{said.mood}")()

    def _git(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.server.said.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            },
        )
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._send(int(headers.pop("Status", "200").split()[0]), rest, headers)

    def _redirect(self) -> None:
        self._send(302, b"", {"Location": self.server.said.target + self.path})

    def _garbage(self) -> None:
        kind = "application/x-git-upload-pack-advertisement"
        self._send(200, b"\xff\x00not pkt lines \x1b[31m" * 100, {"Content-Type": kind})

    def _silent(self) -> None:
        self.server.said.stopped.wait(_PATIENCE)

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"001e# service=git-upload")

    def _escapes(self) -> None:
        self._send(500, b"", {"X": "y"}, "\x1b[31mred")

    def _unavailable(self) -> None:
        self._send(503, b"", {"Retry-After": "3600"})

    def _forbidden(self) -> None:
        self._send(403, b"", {})

    def _proxy(self) -> None:
        self._send(407, b"", {"Proxy-Authenticate": 'Basic realm="here"'})

    def _zero(self) -> None:
        refs = _packet("# service=git-upload-pack\n") + b"0000" + _packet(f"{'0' * 40} refs/heads/main\0x\n") + b"0000"
        self._send(200, refs, {"Content-Type": "application/x-git-upload-pack-advertisement"})

    def _endless(self) -> None:
        """Branches without end, all of which end in the name that was asked for."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        first = f"{'a' * 40} refs/heads/main\0agent=git/2\n"
        self.wfile.write(_packet("# service=git-upload-pack\n") + b"0000" + _packet(first))
        block = b"".join(
            _packet(f"{'a' * 40} refs/heads/{'x' * 900}{number}/refs/heads/main\n") for number in range(99)
        )
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until and not self.server.said.stopped.is_set():
            try:
                self.wfile.write(block)
            except OSError:
                return

    def _send(self, code: int, body: bytes, headers: dict[str, str], reason: str | None = None) -> None:
        self.send_response(code, reason)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def http_server(
    root: Path, mood: str = "git", *, login: str = "", target: str = "", tls: ssl.SSLContext | None = None
) -> Iterator[HttpServer]:
    """A server of the repositories below `root`, in one of MOODS."""
    assert mood in MOODS
    said = HttpServer(root, mood, login, target)
    with listening(_Handler, said, tls):
        yield said


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody else signed, and its key."""
    made, key = folder / f"{name}.crt", folder / f"{name}.key"
    said = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    said += ["-subj", f"/CN={name}.example.com", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", *said, "-keyout", str(key), "-out", str(made)], check=True, capture_output=True, timeout=20
    )
    return made, key


@contextmanager
def git_daemon(root: Path) -> Iterator[int]:
    """`git daemon` over everything below `root`, which takes pushes too; its port."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"--base-path={root}", "--export-all", "--enable=receive-pack", "--reuseaddr"]
    command = ["git", "daemon", *options, "--listen=127.0.0.1", f"--port={port}", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_for(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # git starts another program that listens
        process.wait(5)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with create_server(("127.0.0.1", 0), backlog=16) as listening:
        yield listening.getsockname()[1]


@dataclass(frozen=True)
class SshServer:
    """`command` is what GIT_SSH_COMMAND has to be."""

    port: int
    user: str
    command: str


@contextmanager
def ssh_server(folder: Path, program: str) -> Iterator[SshServer]:
    """An sshd for the present user, with keys of its own."""
    folder.mkdir(mode=0o700)
    for name in ("host", "person"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=10
        )
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd separates privileges
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/person.pub\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    command = (
        f"ssh -F /dev/null -i {folder}/person -o IdentitiesOnly=yes -o BatchMode=yes "
        f"-o UserKnownHostsFile={folder}/known -o ConnectTimeout=5"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log)
        try:
            _wait_for(port)
            yield SshServer(port, user, command)
        finally:
            process.terminate()
            process.wait(5)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 5
    while True:
        try:
            create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _packet(text: str) -> bytes:
    data = text.encode()
    return f"{len(data) + 4:04x}".encode() + data


def _arguments() -> str:
    """The arguments of every process that can be seen."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
