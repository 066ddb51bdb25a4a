"""Agents that are new to a daemon: their sources are asked at once, however long ago the next round is."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from headpin.daemon.sources import _start_all
from headpin.types import AgentName
from tests.daemon.running import looping, make, until
from tests.world import AGENT, World, git

_LATER = {
    "projects/shop/agents/mail/agent.yaml": AGENT.format(name="cart").replace("image:\n", "  branch: mail\nimage:\n"),
}


def test_an_agent_that_is_new_in_a_known_repository_waits_for_no_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headpin.daemon.sources._SPACING", 60.0)
    world = World.small(tmp_path)
    git("branch", "mail", cwd=world.sources / "cart")
    loop, told = make(world.config)
    loop.sources.settings = replace(loop.sources.settings, interval=60.0, grace=5.0)
    with looping(loop):
        until(lambda: told.passes)
        mail = next(iter(_LATER))
        for files in (_LATER, {mail: None}, _LATER):
            world.commit("The mail agent comes or goes", files)
            is_there = files[mail] is not None
            until(lambda wanted=is_there: _serves_mail(world) == wanted, 4)
    assert not [report.sources for report in told.passes if report.sources]
    assert not told.failures


def _serves_mail(world: World) -> bool:
    return world.record("dev", AgentName("shop", "mail")).served is not None


@pytest.mark.parametrize("most", [3, 0])
def test_a_pool_has_all_its_threads_at_once_or_goes_on_with_those_it_gets(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def scarce(thread: threading.Thread) -> None:
        if most and thread.name.startswith("few_") and int(thread.name.rpartition("_")[2]) >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", scarce)
    with ThreadPoolExecutor(5, "few") as pool:
        _start_all(pool, 5)
        assert sum(thread.name.startswith("few_") for thread in threading.enumerate()) == (most or 5)
        monkeypatch.undo()
        assert pool.submit(lambda: "asked").result(10) == "asked"
