"""HTTP servers of tests: on a free port of loopback, quiet, and stopped by who started them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Every request goes to `respond`; `self.server.said` is what `listening` was given."""

    server: Listener

    def respond(self) -> None:
        """One request; `self.command` is its method."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """To `respond`, as all of them."""
        self.respond()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class Listener(ThreadingHTTPServer):
    """A server whose handlers share `said`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64  # with fewer, who connects in a crowd waits for a second

    def __init__(self, handler: type[Handler], said: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.said = said

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is the purpose of some tests."""


@contextmanager
def listening(handler: type[Handler], said: Any, tls: ssl.SSLContext | None = None) -> Iterator[None]:
    """Serves while the block lasts, with certificates when `tls` is given; tells `said` its `port`."""
    listener = Listener(handler, said)
    if tls is not None:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    said.port = listener.server_port
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if isinstance(stopped := getattr(said, "stopped", None), threading.Event):
            stopped.set()
        listener.shutdown()
        listener.server_close()
        thread.join(5)
