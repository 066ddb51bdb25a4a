"""Registries on loopback: Debian's docker-registry, what a push puts into it, and a server that says anything."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_connection, create_server

import httpx

from tests.loopback import Handler, listening
from tests.programs import program

USER, PASSWORD = "reader", "throwaway"
_HTPASSWD = f"{USER}:$2y$04$abcdefghijklmnopqrstuuf5oH2sZyd9RU8nDqJwuOHHhStKm2bf6\n"
_CONFIG = """\
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
_LOGIN = "auth: {{htpasswd: {{realm: here, path: {folder}/htpasswd}}}}\n"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@contextmanager
def docker_registry(folder: Path, *, login: bool = False) -> Iterator[str]:
    """A registry that stores in `folder`, and demands USER and PASSWORD with `login`; yields host:port."""
    registry = program("docker-registry")
    folder.mkdir()
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (_CONFIG + _LOGIN * login).format(folder=folder, port=port)
    (folder / "config.yml").write_text(text)
    (folder / "htpasswd").write_text(_HTPASSWD)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [registry, "serve", str(folder / "config.yml")], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        try:
            _wait_for(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def push(registry: str, repository: str, tag: str, text: str = "one", *, login: bool = False) -> str:
    """Pushes an image whose only layer is `text`; returns the digest of its manifest."""
    with httpx.Client(base_url=f"http://{registry}", auth=(USER, PASSWORD) if login else None) as client:
        config = _push_blob(client, repository, b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"}}')
        layer = _push_blob(client, repository, text.encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
        }
        return _push_manifest(client, repository, tag, manifest, MANIFEST)


def push_index(registry: str, repository: str, tag: str, texts: tuple[str, ...]) -> str:
    """Pushes an image for several platforms; returns the digest of the index."""
    entries = []
    for number, text in enumerate(texts):
        digest = push(registry, repository, f"{tag}-{number}", text)
        platform = {"architecture": f"cpu{number}", "os": "linux"}
        with httpx.Client(base_url=f"http://{registry}") as client:
            accepted = client.get(f"/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFEST})
        size = len(accepted.raise_for_status().content)
        entries.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    with httpx.Client(base_url=f"http://{registry}") as client:
        return _push_manifest(client, repository, tag, index, INDEX)


def _push_blob(client: httpx.Client, repository: str, data: bytes) -> dict[str, object]:
    digest = digest_of_bytes(data)
    begun = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
    place = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": digest})
    kind = {"Content-Type": "application/octet-stream"}
    client.put(place, content=data, headers=kind).raise_for_status()
    return {"digest": digest, "size": len(data)}


def _push_manifest(client: httpx.Client, repository: str, tag: str, manifest: object, kind: str) -> str:
    data = json.dumps(manifest).encode()
    place = f"/v2/{repository}/manifests/{tag}"
    client.put(place, content=data, headers={"Content-Type": kind}).raise_for_status()
    return digest_of_bytes(data)


def digest_of_bytes(data: bytes) -> str:
    """The digest that a registry gives to `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


# ── a server that says anything ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Asked:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """One answer. `raw` instead of everything else: pieces that are sent as they are, until the server stops."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: Iterator[bytes] | None = None


@dataclass
class Server:
    """`answer` decides what is said; `asked` is everything that arrived."""

    answer: Callable[[Asked], Said]
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def place(self) -> str:
        """As a registry is written in an image's name."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """As a server names itself."""
        return f"http://{self.place}"

    def heard(self, secret: str) -> bool:
        """Whether `secret` arrived in any request, in any header, path or body."""
        return any(secret in f"{each.path}{each.headers}{each.body!r}" for each in self.asked)


class _Handler(Handler):
    protocol_version = "HTTP/1.1"

    def respond(self) -> None:
        server: Server = self.server.said
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        server.asked.append(asked)
        said = server.answer(asked)
        if said.raw is not None:
            self.close_connection = True
            for piece in said.raw:
                if server.stopped.is_set():
                    return
                self.wfile.write(piece)
                self.wfile.flush()
            return
        self.send_response(said.status)
        for key, value in said.headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)


@contextmanager
def server(answer: Callable[[Asked], Said], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that says what `answer` does, with certificates when `tls` is given."""
    said = Server(answer)
    with listening(_Handler, said, tls):
        yield said


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A certificate for `name`, as a server needs it, and the file that a client has to trust."""
    key, place = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += [
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
        "-keyout",
        str(key),
        "-out",
        str(place),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place, key)
    return context, place
