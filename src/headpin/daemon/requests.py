"""Passes that people ask a running daemon for, and what they are told of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headpin.controller import PassReport
from headpin.daemon.wakes import Reason, Wakes

MOST = 64
"""Requests that wait at once; who comes later is told to come again."""

Answer = Mapping[str, Any]


@dataclass(slots=True)
class Request:
    """One person who waits. `full` as for a pass."""

    full: bool
    _answered: threading.Event = field(default_factory=threading.Event)
    _answer: Answer = field(default_factory=dict)

    def answer(self, answer: Answer) -> None:
        """Tells the person."""
        self._answer = answer
        self._answered.set()

    def wait(self, seconds: float) -> Answer | None:
        """What was answered; None when nobody did in time."""
        return self._answer if self._answered.wait(seconds) else None


class Requests:
    """Who waits for a pass. `told` makes an answer from its report."""

    def __init__(self, wakes: Wakes, told: Callable[[PassReport], Answer]) -> None:
        self._wakes = wakes
        self._told = told
        self._lock = threading.Lock()
        self._waiting: list[Request] = []
        self._is_closed = False

    def ask(self, *, full: bool) -> Request | None:
        """Asks for a pass that begins after this; None when too many do, or nobody will come."""
        request = Request(full)
        with self._lock:
            if self._is_closed or len(self._waiting) >= MOST:
                return None
            self._waiting.append(request)
        self._wakes.wake(Reason.ASKED)
        return request

    def take(self) -> list[Request]:
        """Everybody who waits now."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            return taken

    def answer(self, requests: list[Request], report: PassReport) -> None:
        """Tells `requests` of the pass."""
        answer = self._told(report) if requests else {}
        for request in requests:
            request.answer(answer)

    def refuse(self, requests: list[Request], error: str, remedy: str = "") -> None:
        """Tells `requests` that there was no pass."""
        for request in requests:
            request.answer({"error": error, "remedy": remedy})

    def close(self) -> None:
        """Tells everybody who still waits that nobody will come."""
        with self._lock:
            self._is_closed = True
        self.refuse(self.take(), "headpin was told to stop", "ask again when it runs")
