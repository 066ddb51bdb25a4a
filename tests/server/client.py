"""A client that says exactly the bytes that it is told, and signatures as the forges make them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PUSH = b'{"repository": {"clone_url": "https://git.example.com/shop/cart.git", "ssh_url": "git@git.example.com:cart"}}'


def digest(body: bytes, secret: str = SECRET) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def by_github(body: bytes, secret: str = SECRET, event: str = "push") -> dict[str, str]:
    """What GitHub sends along."""
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3",
        "X-Hub-Signature-256": f"sha256={digest(body, secret)}",
    }


def by_standard(body: bytes, key: bytes, identity: str = "msg_1", at: int = 1_700_000_000) -> dict[str, str]:
    """What GitLab sends along where a signing token is set."""
    made = hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(made).decode()}",
    }


@dataclass
class Answer:
    """What came back: `status` is 0 where the connection ended without an answer."""

    status: int
    head: str
    body: bytes
    seconds: float


@dataclass
class Wire:
    """One connection."""

    socket: socket.socket
    began: float = field(default_factory=time.monotonic)

    def send(self, data: bytes) -> bool:
        """Whether the other side still took it."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def answer(self) -> Answer:
        """Everything until the answer is whole, or the connection ends."""
        data = b""
        try:
            while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < _length(data):
                part = self.socket.recv(65_536)
                if not part:
                    break
                data += part
        except OSError:
            pass
        head, _, body = data.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0
        return Answer(status, head.decode("latin-1").lower(), body, time.monotonic() - self.began)

    def is_ended(self) -> bool:
        """Waits until the other side ends the connection."""
        try:
            while self.socket.recv(65_536):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True


def _length(data: bytes) -> int:
    head = data.partition(b"\r\n\r\n")[0].lower()
    _, _, rest = head.partition(b"content-length: ")
    return int(rest.split(b"\r\n")[0] or 0) if rest else 0


@contextmanager
def wire(address: tuple[str, int], seconds: float = 5.0) -> Iterator[Wire]:
    """A connection that waits for at most `seconds`."""
    with socket.create_connection(address, timeout=seconds) as connected:
        yield Wire(connected)


def head(path: str, headers: Mapping[str, str], method: str = "POST") -> bytes:
    """The head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: here", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ask(
    address: tuple[str, int],
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """One request and its answer."""
    length = {"Content-Length": str(len(body))} if method == "POST" else {}
    with wire(address) as connected:
        connected.send(head(path, {**length, **(headers or {})}, method) + body)
        return connected.answer()
