"""`headpin run` as a process of its own, and what its log says. Ended by who started it, by its own id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ENDS_WITHIN = 11.0


@dataclass
class Daemon:
    """`state` is where its mirror is."""

    process: subprocess.Popen[bytes]
    log: Path
    state: Path | None = None
    _read: int = 0
    _lines: list[Mapping[str, Any]] = field(default_factory=list)

    def told(self, event: str = "", **fields: Any) -> list[Mapping[str, Any]]:
        """The lines of its log with this event and these fields."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            whole = file.read()
            whole = whole[: whole.rfind(b"\n") + 1]
        self._read += len(whole)
        self._lines += [json.loads(line) for line in whole.splitlines()]
        return [
            line
            for line in self._lines
            if (not event or line["event"] == event) and all(line.get(key) == value for key, value in fields.items())
        ]

    @property
    def mirror(self) -> Path:
        """Its bare repository."""
        assert self.state is not None
        (found,) = self.state.glob("*.git")
        return found

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def address(self, what: str) -> tuple[str, int]:
        """Where it listens for `what`, which it tells when it starts."""
        (line,) = self.told("daemon.started")
        host, _, port = line["addresses"][what].rpartition(":")
        return host, int(port)

    def hurry(self) -> None:
        """Credentials may be new."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Ends it; it has to end in time and well."""
        if self.is_alive:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
            raise AssertionError("it does not end within ten seconds") from None
        if code == -signal.SIGTERM and not self.told("daemon.started"):
            return  # on a busy machine a test may give up before it begins
        assert code == 0, f"it ended with {code}: {self.log.read_text()[-2000:]}"


@contextmanager
def daemon(log: Path, *arguments: str, state: Path | None = None, cwd: Path | None = None) -> Iterator[Daemon]:
    """Runs one while the block lasts."""
    kept = ["--state", str(state)] if state is not None else []
    command = [sys.executable, "-m", "headpin", "run", "--log-format", "json", *arguments, *kept]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ, cwd=cwd)
    found = Daemon(process, log, state)
    try:
        yield found
    finally:
        found.stop()
