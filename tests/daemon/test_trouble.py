"""What goes wrong around a daemon: it says so, loses nothing, asks seldom, and goes on by itself."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.controller.reconcile import system_clock
from headpin.daemon.backoff import Waits
from headpin.daemon.upstream import WithUpstream
from headpin.errors import CannotWrite, PermanentError, SourceTrouble
from headpin.git import Repository
from headpin.git.write import writing
from tests.daemon.running import QUICK, looping, make, running, until
from tests.daemon.test_local import version
from tests.daemon.test_upstream import Hub, hub
from tests.test_automatic import STAGES
from tests.world import World, git

__all__ = ["hub"]


def test_a_gate_that_opens_by_itself_wakes_it(world: World) -> None:
    ahead = [timedelta()]
    world.commit("Automatic", {"pipelines/standard.yaml": STAGES})
    controller = Controller(Repository.open(world.config), clock=lambda: system_clock() + ahead[0])
    loop, told = make(world.config, controller=controller)
    with looping(loop):
        until(lambda: told.passes)
        time.sleep(0.3)
        assert version(world, "staging") == 0
        ahead[0] = timedelta(minutes=11)
        until(lambda: version(world, "staging") == 1)
    assert not told.failures


def test_a_full_disk_stops_what_needs_it_and_no_longer_than_it_is_full(running_world: World) -> None:
    world, full = running_world, [True]
    loop, told = make(world.config)

    def reached(point: str) -> None:
        if full[0] and point == "before-write:dev":
            with writing():
                raise OSError("failed to write: No space left on device")

    loop.controller.reached = reached
    with looping(loop):
        until(lambda: told.passes)
        world.push("cart")
        until(lambda: told.failures)
        world.commit("More pods", {"projects/shop/agents/cart/prod.yaml": "scaling:\n  minReplicas: 3\n"})
        until(lambda: "minReplicas: 3" in world.git("show", "env/prod:deployments/shop/cart.yaml"))
        time.sleep(1)
        full[0] = False
        until(lambda: world.record("dev").served.release.revision == world.revision_of_source("cart"))  # type: ignore[union-attr]
    environment, error, retry_in = told.failures[0]
    assert environment == "dev" and isinstance(error, CannotWrite) and "make room" in error.remedy
    assert retry_in is not None and len(told.failures) < 40


def test_a_repository_without_main_is_told_once_in_a_while_and_is_fine_when_it_comes(tmp_path: Path) -> None:
    world = World(tmp_path)
    with running(world.config) as told:
        until(lambda: told.failures)
        time.sleep(1)
        assert told.beats < 15 and len(told.failures) < 5
        world.push("cart")
        world.commit("Start", {"headpin.yaml": "apiVersion: headpin/v1\n", "environments/dev.yaml": "tracks: head\n"})
        until(lambda: "env/dev" in world.tips())


def test_what_is_due_but_has_to_wait_for_a_pass_does_not_keep_the_loop_going_round(tmp_path: Path) -> None:
    git("init", "--quiet", "--initial-branch=main", ".", cwd=tmp_path)
    loop, told = make(tmp_path, replace(QUICK, waits=Waits(0.05, 0.5, 60.0)))
    loop.troubles.failed("a promotion", SourceTrouble("refused"), 0.0)
    with looping(loop):
        until(lambda: told.failures)
        beats = told.beats
        time.sleep(1.2)
        assert told.beats - beats <= 4


def test_a_branch_that_is_due_waits_while_nothing_can_be_pushed(hub: Hub) -> None:
    controller, line = hub.mirror()
    loop, _ = make(controller.repository.git_dir, line=line, controller=controller)
    exchange, now = loop.exchange, loop.clock()
    assert isinstance(exchange, WithUpstream)
    exchange.refresh(now=now, at_once=True)
    exchange.troubles.failed("prod", PermanentError("refused"), now - 100)
    assert exchange.next_due() < now
    exchange.troubles.failed("a push", SourceTrouble("away"), now)
    assert exchange.next_due() > now


def test_a_webhook_of_the_upstream_counts_before_there_was_a_pass(hub: Hub) -> None:
    controller, line = hub.mirror()
    hub.place.rename(hub.folder / "away")
    loop, told = make(controller.repository.git_dir, line=line, controller=controller)
    with looping(loop):
        until(lambda: told.failures)
        (hub.folder / "away").rename(hub.place)
        assert loop.hints.offer(frozenset({str(hub.place)}))


def test_a_fault_of_headpin_ends_no_daemon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, told = make(world.config)
    faults = [3]
    monkeypatch.setattr(loop.controller.sources, "followed", _failing(loop.controller.sources.followed, faults))
    with looping(loop):
        until(lambda: told.passes)
    assert [type(error) for _, error, _ in told.failures] == [ZeroDivisionError] * 3


def _failing(real, faults):
    def call(*given: object) -> object:
        if faults[0] > 0:
            faults[0] -= 1
            raise ZeroDivisionError("a fault")
        return real(*given)

    return call


def test_a_storm_of_another_writer_ends_in_what_main_wants(hub: Hub) -> None:
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod"))
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
        tree = git("rev-parse", "env/staging^{tree}", cwd=hub.place)
        for number in range(15):
            tip = hub.revision("env/staging")
            mine = git("commit-tree", "-p", tip, "-m", f"{number}", "env/dev^{tree}", cwd=hub.place)
            git("update-ref", "refs/heads/env/staging", mine, cwd=hub.place)
            time.sleep(0.05)
        until(lambda: git("rev-parse", "env/staging^{tree}", cwd=hub.place) == tree)
        time.sleep(0.3)
        before = len(told.operations)
        time.sleep(1)
        assert len(told.operations) - before <= 30  # ten fetches and ten rounds of sources a second, and few pushes
    assert hub.version("staging") == 1


def test_main_that_is_rewritten_or_gone_holds_and_main_that_is_back_goes_on(hub: Hub) -> None:
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod"))
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
        main, tips = hub.revision("main"), hub.revision("env/staging")
        git("update-ref", "-d", "refs/heads/main", cwd=hub.place)
        until(lambda: any("has no branch main" in str(error) for _, error, _ in told.failures))
        assert hub.revision("env/staging") == tips
        other = git("commit-tree", "-m", "another", f"{main}^{{tree}}", cwd=hub.place)
        git("update-ref", "refs/heads/main", other, cwd=hub.place)
        until(lambda: any(found.hold for found in told.passes[-1].environments))
        assert hub.version("staging") == 1
        git("update-ref", "refs/heads/main", main, cwd=hub.place)
        until(lambda: not any(found.hold for found in told.passes[-1].environments))
        hub.promote("staging", "prod")
        until(lambda: hub.version("prod") == 1)


def test_a_mirror_that_is_deleted_under_a_daemon_is_made_anew(hub: Hub) -> None:
    state = hub.folder / "state"
    state.mkdir()
    (state / "sources").symlink_to(hub.world.sources)
    said = ["run", "--repository", str(hub.place), "--state", str(state), "--interval", "0.2"]
    process = subprocess.Popen([sys.executable, "-m", "headpin", *said], stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: hub.revision("env/prod"))
        (mirror,) = state.glob("*.git")
        shutil.rmtree(mirror, ignore_errors=True)
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=12)
    assert process.returncode == 0
    told = [json.loads(line) for line in err.splitlines() if '"daemon.' in line]
    assert [line["event"] for line in told] == ["daemon.started", "daemon.stopped"] * 2
    assert {told[0]["repository"], told[2]["repository"]} == {str(hub.place)} and "deleted" in told[1]["reason"]
    assert told[3]["reason"] == "told by SIGTERM"
