"""A small HTTP server in a thread of its own, in which every connection has an end.

uvicorn bounds the size of a request's head and how long an idle connection is kept. It waits for ever for a head that
comes byte by byte, for a body that nobody reads any more, and for a client that does not take its answer: the protocol
here ends such connections, and those that are too many. Must never know what is asked and answered.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from headpin.errors import PermanentError, UsageError

_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{0,253})):(?P<port>[0-9]{1,5})")
_START_SECONDS = 10.0
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one server takes on. Seconds: until a request's head is there, and until its answer is taken."""

    connections: int = 128
    head_bytes: int = 16_384
    head_seconds: float = 5.0
    request_seconds: float = 30.0
    idle_seconds: float = 5.0
    stop_seconds: float = 3.0


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8080``, ``[::1]:8080``, or ``:8080`` for every address of this machine.

    Raises UsageError.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > _MAX_PORT:
        raise UsageError(f"{text!r} is no address to listen at", remedy="write HOST:PORT, for example 127.0.0.1:8080")
    return found["six"] or found["host"] or "0.0.0.0", int(found["port"])  # noqa: S104 - when asked for


class HttpServer:
    """Serves an ASGI application at one address, from `start` to `stop`."""

    def __init__(self, address: tuple[str, int], app: Any, bounds: Bounds | None = None) -> None:
        self._asked = address
        self._bounds = bounds or Bounds()
        self._server = uvicorn.Server(self._config(app))
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    def _config(self, app: Any) -> uvicorn.Config:
        bounds = self._bounds

        class Protocol(_BoundedProtocol):
            limits = bounds

        return uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=bounds.connections,
            h11_max_incomplete_event_size=bounds.head_bytes,
            timeout_keep_alive=int(bounds.idle_seconds),
            timeout_graceful_shutdown=int(bounds.stop_seconds),
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: with the port that it was given where 0 was asked for."""
        if self._socket is None:
            return self._asked
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listens, and returns once it does. Raises PermanentError where nobody can listen there."""
        self._socket = _bound(self._asked)
        thread = threading.Thread(target=self._serve, name=f"http-{self.address[1]}", daemon=True)
        self._thread = thread
        thread.start()
        end = threading.Event()
        for _ in range(int(_START_SECONDS / 0.005)):
            if self._server.started or not thread.is_alive():
                break
            end.wait(0.005)
        if not self._server.started:
            self.stop()
            raise PermanentError(f"the server at {_shown(self._asked)} did not start")

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket] if self._socket else None))

    def stop(self) -> None:
        """Ends it, connections included, within a few seconds."""
        self._server.should_exit = True
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(self._bounds.stop_seconds + 1)
            self._server.force_exit = True
            thread.join(1)
        if self._socket is not None:
            self._socket.close()


def _bound(address: tuple[str, int]) -> socket.socket:
    try:
        (family, kind, protocol, _, where), *_ = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PermanentError(f"nobody can listen at {_shown(address)}: {error.strerror or error}") from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(where)
        found.listen(128)
    except OSError as error:
        found.close()
        raise PermanentError(
            f"nobody can listen at {_shown(address)}: {error.strerror or error}",
            remedy="end what listens there, or name another address",
        ) from error
    return found


def _shown(address: tuple[str, int]) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"


class _BoundedProtocol(H11Protocol):
    """One connection. Whatever it waits for, it waits until `_deadline`."""

    limits = Bounds()
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new one: ended at once where there are too many."""
        super().connection_made(transport)
        self._expect(self.limits.head_seconds)
        if len(self.connections) > self.limits.connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came. h11 bounds a head that is not complete yet: what comes at once it gets in parts of that size."""
        size = self.limits.head_bytes
        for start in range(0, len(data), size):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + size])

    def handle_events(self) -> None:
        """Bytes came: a request that they complete has its own time."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and not self.cycle.response_complete:
            self._expect(self.limits.request_seconds)

    def on_response_complete(self) -> None:
        """The next request's head is waited for as the first one's, after the time that it may be idle."""
        self._expect(self.limits.idle_seconds + self.limits.head_seconds)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        super().connection_lost(exc)

    def _expect(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
