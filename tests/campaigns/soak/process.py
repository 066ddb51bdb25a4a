"""The daemon of the campaign as a process of its own, with everything on that it can tell, and what it told."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.loopback import Handler, listening
from tests.server.client import SECRET, by_github

PATIENCE = 60.0
_MODULES: Mapping[str, str] = {
    "": "headpin",
    "memory": "tests.campaigns.soak.traced",
    "time": "tests.campaigns.soak.timed",
}


@dataclass(frozen=True)
class Pass:
    """A pass as the log tells it: the revision of main, and the commits that it made by environment."""

    config: str
    commits: Mapping[str, str]
    seconds: float


@dataclass
class Receiver:
    """Who is notified: how often of what."""

    port: int = 0
    told: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class _Notified(Handler):
    def respond(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        value = json.loads(self.rfile.read(length))
        said: Receiver = self.server.said
        said.told[value["id"]] += 1
        if value["agent"]:
            said.kinds[value["environment"], value["agent"], value["kind"]] += 1
        self.send_response(204)
        self.end_headers()


@dataclass
class Daemon:
    """One process, as it runs. `sources` is the folder of source repositories, `receiver` who it notifies."""

    process: subprocess.Popen[str]
    sources: Path
    receiver: Receiver
    probes: int
    webhooks: int
    passes: list[Pass] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    hints: queue.Queue[str | None] = field(default_factory=queue.Queue)
    moved: threading.Condition = field(default_factory=threading.Condition)

    def read(self, lines: IO[str]) -> None:
        """Takes in the log until it ends."""
        for line in lines:
            try:
                self._take(json.loads(line))
            except ValueError:
                self.troubles.append(line.rstrip())

    def _take(self, said: Mapping[str, Any]) -> None:
        event = said["event"]
        self.events[event] += 1
        if event == "pass.finished":
            with self.moved:
                self.passes.append(Pass(said["config"], said["commits"], said["seconds"]))
                self.moved.notify_all()
        elif event.startswith("deployment."):
            self.transitions[said["environment"], said["agent"], event.removeprefix("deployment.")] += 1
        elif said["level"] == "error" and not event.startswith("workspace."):
            self.troubles.append(json.dumps(said))

    def wait_for(self, what: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Waits until a pass made `what` true."""
        with self.moved:
            while not self.moved.wait_for(what, 1.0):
                seconds -= 1.0
                assert self.process.poll() is None, f"the daemon ended: {self.troubles[-3:]}"
                assert seconds > 0, f"it does not come; {self.troubles[-3:]}"

    def hook(self, source: str) -> None:
        """Tells it by webhook that a source repository moved; returns at once."""
        self.hints.put(source)

    def send_hints(self) -> None:
        """Sends what `hook` was told, one after the other, until None."""
        while (source := self.hints.get()) is not None:
            body = json.dumps({"repository": {"clone_url": str(self.sources / source)}}).encode()
            headers = {"Content-Type": "application/json", **by_github(body)}
            request = urllib.request.Request(f"http://127.0.0.1:{self.webhooks}/webhooks", body, headers)
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.status == 202

    def ask(self, path: str) -> str:
        """What a probe answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.probes}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def is_ready(self) -> bool:
        """Whether its first pass is over."""
        try:
            return bool(self.ask("/readyz"))
        except OSError:
            return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def daemon(place: Path, *, debug: str = "", options: Sequence[str] = ()) -> Iterator[Daemon]:
    """Runs a daemon on `place`/config while the block lasts; with `debug`, through a module that looks at it."""
    receiver = Receiver()
    probes, webhooks = _free_ports(2)
    with listening(_Notified, receiver):
        notify, secret = place / "notify.yaml", place / "secret"
        notify.write_text(f"endpoints:\n  - name: receiver\n    url: http://127.0.0.1:{receiver.port}/\n")
        secret.write_text(SECRET + "\n")
        command = [sys.executable, "-m", _MODULES[debug], "-C", str(place / "config"), "run"]
        command += ["--log-format", "json", "--log-level", "debug", "--notify", str(notify)]
        command += ["--probe-address", f"127.0.0.1:{probes}", "--webhook-address", f"127.0.0.1:{webhooks}"]
        command += ["--webhook-secret-file", str(secret), *options]
        environ = {**os.environ, "SOAK_DEBUG": str(place / "debug")}
        process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
        found = Daemon(process, place / "sources", receiver, probes, webhooks)
        assert process.stderr is not None
        threads = [
            threading.Thread(target=found.read, args=(process.stderr,), daemon=True),
            threading.Thread(target=found.send_hints, daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            end = time.monotonic() + PATIENCE
            while not found.is_ready():
                assert process.poll() is None and time.monotonic() < end, f"it does not start: {found.troubles}"
                time.sleep(0.05)
            yield found
        finally:
            found.hints.put(None)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                process.kill()
            for thread in threads:
                thread.join(10)
            process.stderr.close()
