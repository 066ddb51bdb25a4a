"""`/livez`, `/readyz` and `/metrics`, for who watches over this process. Must never tell a secret, and never wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fastapi import FastAPI, Response

from headpin.telemetry import Redaction
from headpin.telemetry.metrics import CONTENT_TYPE
from headpin.telemetry.redaction import inert

_METHODS = ["GET", "HEAD"]
_FRESH = {"Cache-Control": "no-store"}


class Alive(Protocol):
    """What knows how the loop does; asked from the server's own thread."""

    def stuck(self) -> str | None:
        """Why the loop makes no progress although work waits; None when it does."""

    def unready(self) -> str | None:
        """Why it is not at work yet; None when it is."""


def probe_app(liveness: Alive, metrics: Callable[[], bytes], redaction: Redaction | None = None) -> FastAPI:
    """The application for the probes' own address; `metrics` gives the text of all metrics."""
    hide = redaction or Redaction()
    app = bare_app()

    def told(reason: str | None) -> Response:
        text = "ok" if reason is None else inert(hide.text(reason))
        status = 200 if reason is None else 503
        return Response(f"{text}\n", status, _FRESH, "text/plain; charset=utf-8")

    @app.api_route("/livez", methods=_METHODS)
    async def livez() -> Response:
        return told(liveness.stuck())

    @app.api_route("/readyz", methods=_METHODS)
    async def readyz() -> Response:
        return told(liveness.stuck() or liveness.unready())

    @app.api_route("/metrics", methods=_METHODS)
    async def all_metrics() -> Response:
        return Response(metrics(), 200, _FRESH, CONTENT_TYPE)

    return app


def bare_app() -> FastAPI:
    """An application without pages about itself, and without redirects to an address that a client names."""
    return FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
