"""A daemon as a process of its own, and signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.daemon.running import until
from tests.world import World

_LOOP = """
import sys, time
from pathlib import Path
from headpin.controller import Controller
from headpin.daemon.signals import obeying_signals
from headpin.daemon.wakes import Wakes
wakes = Wakes()
with obeying_signals(wakes, patience=0.6):
    print("ready", flush=True)
    while not (sys.argv[1] == "obedient" and wakes.is_stopped()):
        time.sleep(0.02)
print(time.monotonic(), flush=True)
"""


_WAITING = """
import signal, threading, time
from headpin.daemon.signals import obeying_signals
from headpin.daemon.wakes import Wakes
wakes = Wakes()
with obeying_signals(wakes):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("ready", flush=True)
    print(sorted(wakes.wait(8)), wakes.is_stopped(), flush=True)
"""
"""The signal comes in another thread, as one does that comes in the last moment before the wait."""


def started(*arguments: str, place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_ends_when_it_is_told_to_and_leaves_nothing_locked(world: World, number: signal.Signals) -> None:
    process = started("-m", "headpin", "run", place=world.config)
    until(lambda: "env/prod" in world.tips())
    process.send_signal(signal.SIGHUP)
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    told = [json.loads(line) for line in err.splitlines()]
    assert process.returncode == 0 and not [line for line in told if line["level"] in ("warning", "error")]
    assert (told[0]["event"], told[0]["repository"]) == ("daemon.started", str(world.config))
    assert (told[-1]["event"], told[-1]["reason"]) == ("daemon.stopped", f"told by {number.name}")
    assert not list((world.config / ".git" / "refs").rglob("*.lock"))
    world.settle()


def test_a_signal_that_interrupts_nothing_is_obeyed_all_the_same(tmp_path: Path) -> None:
    process = started("-c", _WAITING, place=tmp_path)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=12)
    assert (process.returncode, out, err) == (0, "[<Reason.STOP: 'told to stop'>] True\n", "")
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("how", ["obedient", "busy", "twice"])
def test_work_that_does_not_end_is_abandoned(tmp_path: Path, how: str) -> None:
    process = started("-c", _LOOP, how, place=tmp_path)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    if how == "twice":
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, err) == (0, "")
    seconds = float(out) - began
    assert seconds < 0.5 if how != "busy" else 0.5 < seconds < 2
