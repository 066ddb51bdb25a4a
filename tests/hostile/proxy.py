"""A TCP proxy on loopback in front of a real server, which tests script: slow, deaf, cut, refusing, half closed.

What a mood says is for connections that come after it was set; `heal` ends all that are there, as a network that comes
back does. Counts when connections came, so that tests can bound how often somebody asks.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

_PART = 16 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset instead of an end."""

_TICK = 0.02


class Mood(Enum):
    """How it treats a connection."""

    PASS = "as if it was not there"
    RESET = "accepts, and resets at once"
    DEAF = "accepts, and never answers"
    CUT = "resets after `bytes` of the answer"
    HALF = "says that the answer is over after `bytes` of it, and stays open"
    SLOW = "passes on `rate` bytes of the answer a second"
    LATE = "waits `seconds` before it passes anything on"


@dataclass
class Proxy:
    """`came` is when each connection came, on the monotonic clock."""

    target: tuple[str, int]
    mood: Mood = Mood.PASS
    bytes: int = 0
    rate: int = 0
    seconds: float = 0.0
    port: int = 0
    came: list[float] = field(default_factory=list)
    _listening: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # ── what tests do ────────────────────────────────────────────────────────────────────────────

    def be(self, mood: Mood, *, bytes: int = 0, rate: int = 0, seconds: float = 0.0) -> None:
        """Another mood for those who come from now on."""
        self.bytes, self.rate, self.seconds, self.mood = bytes, rate, seconds, mood

    def down(self) -> None:
        """Nobody listens any more: connections are refused, and those that are there are reset."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        self.drop()

    def up(self) -> None:
        """Listens, at the port that it had before."""
        if self._listening is not None:
            return
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listening,), name="proxy", daemon=True).start()

    def drop(self) -> None:
        """Resets every connection that there is."""
        with self._lock:
            there = tuple(self._open)
        for connection in there:
            _reset(connection)

    def heal(self) -> None:
        """All is well again."""
        self.be(Mood.PASS)
        self.drop()
        self.up()

    def most_in(self, window: float, since: float = 0.0) -> int:
        """The most connections that came within any `window` of seconds."""
        came = [at for at in self.came if at >= since]
        return max((sum(at <= other < at + window for other in came) for at in came), default=0)

    # ── how it does it ───────────────────────────────────────────────────────────────────────────

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            self.came.append(time.monotonic())
            threading.Thread(target=self._attend, args=(client,), name="proxied", daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        mood, bytes, rate, seconds = self.mood, self.bytes, self.rate, self.seconds
        self._keep(client)
        try:
            if mood is Mood.RESET:
                _reset(client)
            elif mood is Mood.DEAF:
                _listen(client)
            else:
                if mood is Mood.LATE:
                    time.sleep(seconds)
                with suppress(OSError), socket.create_connection(self.target, 10) as server:
                    server.settimeout(None)
                    self._keep(server)
                    try:
                        self._converse(client, server, mood, bytes, rate)
                    finally:
                        self._forget(server)
        finally:
            self._forget(client)
            with suppress(OSError):
                client.close()

    def _converse(self, client: socket.socket, server: socket.socket, mood: Mood, bytes: int, rate: int) -> None:
        asking = threading.Thread(target=_pass_on, args=(client, server), name="proxied", daemon=True)
        asking.start()
        left = bytes if mood in (Mood.CUT, Mood.HALF) else None
        step = max(1, int(rate * _TICK)) if mood is Mood.SLOW else _PART
        while part := server.recv(step):
            if left is not None and len(part) > left:
                client.sendall(part[:left])
                if mood is Mood.CUT:
                    _reset(client)
                else:
                    client.shutdown(socket.SHUT_WR)
                    _listen(client)
                break
            left = None if left is None else left - len(part)
            client.sendall(part)
            if mood is Mood.SLOW:
                time.sleep(len(part) / rate)
        else:
            client.shutdown(socket.SHUT_WR)
        asking.join(0.5 if left is not None else None)

    def _keep(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(_PART):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def _listen(connection: socket.socket) -> None:
    """Takes what is said until the other side ends it."""
    with suppress(OSError):
        while connection.recv(_PART):
            pass


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RD)
    with suppress(OSError):
        connection.close()


@contextmanager
def proxy(port: int) -> Iterator[Proxy]:
    """A proxy in front of what listens at `port` of this machine."""
    made = Proxy(("127.0.0.1", port))
    made.up()
    try:
        yield made
    finally:
        made.down()
