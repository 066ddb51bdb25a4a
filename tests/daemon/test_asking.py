"""`reconcile --now`: a person asks a running daemon, and is told what it did."""

from __future__ import annotations

import json
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from headpin.cli.run import _told
from headpin.daemon.local import FOLDER, LocalSocket, ask_daemons
from headpin.daemon.requests import Requests
from headpin.daemon.start import Plan, build
from headpin.daemon.wakes import Wakes
from tests.daemon.running import QUICK, looping, until
from tests.inprocess import headpin
from tests.world import World


def test_a_pass_is_made_and_told_and_the_exit_code_is_its_own(world: World) -> None:
    loop = build(world.controller, Plan(QUICK, told=_told))
    with looping(loop):
        ran = headpin("reconcile", "--now", cwd=world.config)
        assert ((ran.code, ran.out) == (0, ran.out) and "nothing to do at" in ran.out) or "changed at" in ran.out
        revision = world.push("cart")
        assert headpin("reconcile", "--now", cwd=world.config).code == 0
        served = world.record("dev").served
        assert served is not None and served.release.revision == revision
        world.commit("Broken", {"pins/staging/shop/cart.yaml": "revision: 1\n"})
        told = headpin("reconcile", "--now", "--json", "--full", cwd=world.config)
        assert told.code == 1
        found = json.loads(told.out)
        assert found["kind"] == "Pass" and found["config"] == world.revision()
        (place,) = (world.config / ".git" / FOLDER).glob("*.sock")
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert not place.exists()
    assert headpin("reconcile", "--now", cwd=world.config).code == 3


def test_a_socket_whose_daemon_is_dead_is_taken_away(world: World) -> None:
    folder = world.config / ".git" / FOLDER
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "1.sock"))
    ran = headpin("reconcile", "--now", cwd=world.config)
    assert ran.code == 3 and "no daemon runs" in ran.err
    assert not list(folder.iterdir())


@pytest.mark.parametrize("said", [b"null\n", b"[\n", b'{"full": "yes"}\n', b"x" * 9000, b""])
def test_nonsense_is_answered_or_ended_and_harms_nobody(tmp_path: Path, said: bytes) -> None:
    folder = tmp_path / ("a long name of a folder " * 8)
    requests = Requests(Wakes(), lambda _: {"exit": 0})
    listening = LocalSocket(folder, requests, seconds=0.1)
    listening.start()
    try:
        (place,) = folder.glob("*.sock")
        before = Path.cwd()
        os.chdir(folder)
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(3)
                asking.connect(place.name)
                asking.sendall(said)
                asking.shutdown(socket.SHUT_WR)
                answer = b""
                with suppress(ConnectionError):  # it did not want to hear more
                    answer = asking.recv(1000)
        finally:
            os.chdir(before)
        assert not answer or "error" in json.loads(answer)
        (told,) = ask_daemons(folder, full=False, seconds=5)
        assert "no pass ended within 0.1 seconds" in told["error"]
    finally:
        listening.stop()
    assert not list(folder.iterdir())


def test_more_than_can_be_served_are_told_so_and_nobody_waits_for_a_daemon_that_ended() -> None:
    requests = Requests(Wakes(), lambda _: {})
    waiting = [requests.ask(full=False) for _ in range(65)]
    assert waiting[-1] is None and all(waiting[:-1])
    requests.close()
    first = waiting[0]
    assert first is not None and "told to stop" in (first.wait(0) or {})["error"]
    assert requests.ask(full=False) is None
    until(lambda: not requests.take())
