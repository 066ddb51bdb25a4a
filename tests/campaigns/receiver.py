"""Who is notified in a campaign: takes everything, and knows whether something never came."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.campaigns.dying import Died
from tests.campaigns.world import ENVIRONMENTS, Arena
from tests.loopback import Handler, listening

_PATIENCE = 20.0


@dataclass
class Receiver:
    """Every transition that it was told, however often."""

    got: set[tuple[str, ...]] = field(default_factory=set)
    known: set[tuple[str, ...]] = field(default_factory=set)
    times: int = 0
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @contextmanager
    def listening(self) -> Iterator[None]:
        with listening(_Handler, self):
            yield

    def forget(self, arena: Arena) -> None:
        """From now on: what happened until then was told to another."""
        self.got.clear()
        self.known = transitions(arena)

    def until_all(self, arena: Arena, is_alive: Callable[[], bool]) -> None:
        """Waits until everything that happened since was told. Raises Died when nobody is left who could."""
        end = time.monotonic() + _PATIENCE
        while missing := transitions(arena) - self.known - self.got:
            if not is_alive():
                raise Died
            assert time.monotonic() < end, f"nobody was told of {missing}"
            time.sleep(0.02)


def transitions(arena: Arena) -> set[tuple[str, ...]]:
    """Everything that happened to pinned deployments, by what tells one from another."""
    return {
        (environment, event.kind.value, event.at.isoformat(), event.release.revision if event.release else "")
        for environment in ENVIRONMENTS[1:]
        for agent in arena.agents()
        for event in arena.events(environment, agent)
    }


class _Handler(Handler):
    def respond(self) -> None:
        said: Receiver = self.server.said
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        release = told.get("release") or {}
        at = told["at"].replace("Z", "+00:00")
        said.got.add((told["environment"], told["kind"], at, release.get("revision", "")))
        said.times += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
