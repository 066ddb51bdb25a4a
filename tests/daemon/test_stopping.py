"""A daemon as a process of its own, and signals."""

from __future__ import annotations

import json
import signal
import socket
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


def test_a_single_pass_that_is_told_to_stop_says_that_it_was_not_finished_and_leaves_no_program(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/config.git"
        process = started("-m", "headpin", "run", "--once", "--repository", url, "--state", "state", place=tmp_path)
        silent.settimeout(15)
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=10)
            connection.settimeout(5)
            while connection.recv(4096):  # until git at the other end is gone
                pass
    assert process.returncode == 3 and "told to stop" in err


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


_FIRST_OF_A_CONTAINER = """
import ctypes, os
from headpin.errors import TimedOut
from headpin.git.program import run_program
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0, "PR_SET_CHILD_SUBREAPER"
for command in ("sleep 60 & sleep 60", "sleep 0.1 & exit 3"):
    try:
        print(run_program(["sh", "-c", command], seconds=0.3, variables=dict(os.environ)).code)
    except TimedOut:
        print("late")
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("nobody is left")
"""


def test_what_a_program_leaves_behind_comes_to_an_end_with_it_where_nobody_else_sees_to_that(tmp_path: Path) -> None:
    out, err = started("-c", _FIRST_OF_A_CONTAINER, place=tmp_path).communicate(timeout=20)
    assert (out.split("\n"), err) == (["late", "3", "nobody is left", ""], "")


_ELSEWHERE = """
import signal, threading, time
from headpin.daemon.signals import obeying_signals
from headpin.daemon.wakes import Wakes
wakes = Wakes()
def deliver():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(20)
threading.Thread(target=deliver, daemon=True).start()
began = time.monotonic()
with obeying_signals(wakes):
    wakes.wait(15)
print(wakes.is_stopped() and time.monotonic() - began, flush=True)
"""


def test_a_signal_that_does_not_wake_the_loop_is_obeyed_all_the_same(tmp_path: Path) -> None:
    process = started("-c", _ELSEWHERE, place=tmp_path)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert 0.2 < float(out) < 5
