"""`headpin status --watch`, as a process that somebody ends with Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headpin.cli import watching as watching_module
from headpin.cli.app import Session
from headpin.cli.watching import Watch
from headpin.status import StatusReport, read_status
from tests.inprocess import headpin
from tests.world import World


def pause_with(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], None]) -> None:
    """`sleep` is called between two looks, and nowhere else: what waits for git sleeps as ever."""
    monkeypatch.setattr(watching_module, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))


@dataclass
class Watching:
    """A running command, and everything that it printed."""

    process: subprocess.Popen[bytes]
    source: int
    text: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self) -> None:
        while True:
            try:
                part = os.read(self.source, 65_536)
            except OSError:  # a terminal whose other end is closed
                part = b""
            if not part:
                return
            with self.changed:
                self.text += part.decode()
                self.changed.notify_all()

    def wait_for(self, text: str, count: int = 1) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.text.count(text) >= count, 20), self.text

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(10)


def _hear_interrupts() -> None:
    """What a shell runs in the background ignores them, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def watching(world: World, *arguments: str, in_terminal: bool = False) -> Iterator[Watching]:
    source, sink = pty.openpty() if in_terminal else os.pipe()
    command = [sys.executable, "-m", "headpin", "-C", str(world.config), "status", "--watch", "--interval", "0.1"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    options: Any = {"stdout": sink, "stderr": sink, "env": env, "preexec_fn": _hear_interrupts}
    process = subprocess.Popen([*command, "--offline", *arguments], **options)
    os.close(sink)
    found = Watching(process, source)
    reader = threading.Thread(target=found.read)
    reader.start()
    try:
        yield found
    finally:
        process.kill()
        process.wait()
        reader.join(10)
        os.close(source)


def test_in_a_pipe_each_change_is_a_line_and_ctrl_c_ends_it_well(world: World) -> None:
    with watching(world) as found:
        found.wait_for("shop/cart in prod: NoPin")
        world.reconcile()
        found.wait_for("shop/cart in dev: NotDeployed → HEAD ")
        world.commit("README", {"README.md": "nothing of ours\n"})
        world.promote("dev", "staging")
        found.wait_for(" is pinned and not served yet")
        world.reconcile()
        found.wait_for("InProgress → v1 ")
        world.commit("Break", {"environments/prod.yaml": "production: 3\n"})
        world.reconcile()
        found.wait_for("prod: everything is held")
        world.commit("Mend", {"environments/prod.yaml": "production: true\n"})
        world.reconcile()
        found.wait_for("prod: no longer held")
        assert found.interrupt() == 0
    assert "\x1b" not in found.text
    assert "Aborted" not in found.text
    assert found.text.count("shop/cart in dev") == 2  # as it was, and as it became


def test_on_a_terminal_the_matrix_is_drawn_anew(running: World) -> None:
    with watching(running, in_terminal=True) as found:
        found.wait_for("Ctrl-C ends this")
        running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
        running.reconcile()
        found.wait_for("Stopped")
        assert found.interrupt() == 0
    assert found.text.count("\x1b[H") + found.text.count("\x1b[2J") >= 2
    assert "STAGING" in found.text


def test_in_a_machine_form_it_is_a_document_each_time(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0

    def sleep(_: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
            running.fresh().reconcile()
        if rounds == 6:
            raise KeyboardInterrupt

    pause_with(monkeypatch, sleep)
    done = headpin("status", "--watch", "--json", "--offline", cwd=running.config)
    assert done.code == 0
    first, end = json.JSONDecoder().raw_decode(done.out)
    second, end = json.JSONDecoder().raw_decode(done.out, end + 1)
    assert done.out[end:] == "\n"
    assert (first["kind"], second["kind"]) == ("Status", "Status")
    assert [each["deployments"][2]["status"] for each in (first, second)] == ["Deployed", "Stopped"]


def test_nothing_is_read_while_no_ref_moved(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, rounds = [], 0
    session = Session(running.config)

    def read() -> StatusReport:
        reads.append(rounds)
        return read_status(session.controller, ask_sources=False)

    def sleep(_: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 5:
            running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
        if rounds == 10:
            raise KeyboardInterrupt

    pause_with(monkeypatch, sleep)
    Watch(session, read, lambda report: None, 0.1).run()
    assert reads == [0, 5]


def test_trouble_is_told_once_and_watching_goes_on(
    running: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session, rounds = Session(running.config), 0

    def sleep(_: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            running.git("branch", "--move", "main", "away")
        if rounds == 6:
            running.git("branch", "--move", "away", "main")
            running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
        if rounds == 8:
            raise KeyboardInterrupt

    pause_with(monkeypatch, sleep)
    read = lambda: read_status(session.controller, ask_sources=False)  # noqa: E731
    Watch(session, read, lambda report: None, 0.1).run()
    printed = capsys.readouterr()
    assert printed.err.count("there is no branch main") == 1
    assert "shop/cart in prod" in printed.out


@pytest.mark.parametrize("interval", ["0", "-1", "soon", "99999", "nan"])
def test_an_interval_that_is_none_is_wrong_use(world: World, interval: str, tmp_path: Path) -> None:
    assert headpin("status", "--watch", "--interval", interval, cwd=world.config).code == 2
