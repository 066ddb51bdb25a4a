"""Killed at any point: the old state or the new one, and the next pass goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pygit2
import pytest

from headpin.controller import Controller
from headpin.git import Repository
from headpin.git.write import TreeWriter
from headpin.releases import EventKind
from tests.world import CART, World, git


class Killed(BaseException):
    """Stands for the process being killed: nothing in headpin catches it."""


@pytest.fixture
def prepared(world: World) -> World:
    """A promotion to staging and prod in one commit, and a push, none of it reconciled."""
    world.settle()
    world.push("cart")
    world.settle()
    pin = world.pin_text("dev")
    world.commit("Both", {"pins/staging/shop/cart.yaml": pin, "pins/prod/shop/cart.yaml": pin})
    world.push("cart")
    return world


def steps(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> Iterator[int]:
    """Kills before the write or ref move number `stop_at`; gives a counter of those made."""
    made = count()

    def dying(name: str, owner: type) -> None:
        real = getattr(owner, name)

        def step(*arguments: object, **named: object) -> object:
            if next(made) == stop_at:
                raise Killed
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, step)

    dying("blob", TreeWriter)
    dying("_tree", TreeWriter)
    dying("commit_tree", Repository)
    dying("move_ref", Repository)
    return made


def story(world: World) -> list[tuple[str, str, int | None]]:
    return [
        (environment, event.kind.value, event.version)
        for environment in ("staging", "prod")
        for event in world.events(environment)
    ]


def test_killed_before_any_write_or_move_the_next_pass_ends_in_the_same_state(
    prepared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = prepared.tips()
    stop_at = 0
    while True:
        with monkeypatch.context() as patched:
            steps(patched, stop_at)
            try:
                prepared.fresh().reconcile()
                break
            except Killed:
                pass
        prepared.fresh().reconcile()
        assert not prepared.fresh().reconcile(full=True).commits
        assert story(prepared) == [("staging", "promoted", 1), ("prod", "promoted", 1)], stop_at
        assert len(prepared.branch("dev").ran(CART)) == 3
        for ref, revision in start.items():
            prepared.git("update-ref", f"refs/heads/{ref}", revision)
        stop_at += 1
    assert stop_at > 40, "every write and every move was a place to die"
    prepared.git("fsck", "--strict")


def test_killed_by_a_signal_at_any_instant_nothing_is_lost_or_doubled(prepared: World) -> None:
    command = [sys.executable, "-m", "headpin", "-C", str(prepared.config), "reconcile"]
    started = time.monotonic()
    subprocess.run([*command, "--dry-run"], capture_output=True, check=True)
    whole = time.monotonic() - started
    for number in range(8):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * (0.3 + number * 0.1))
        process.kill()
        process.wait()
        for lock in (prepared.config / ".git/refs").rglob("*.lock"):
            lock.unlink()  # what a person does as the message says
        prepared.git("fsck", "--strict")
    prepared.reconcile()
    assert story(prepared) == [("staging", "promoted", 1), ("prod", "promoted", 1)]
    assert not prepared.fresh().reconcile(full=True).commits


def test_controllers_at_once_do_everything_once(prepared: World) -> None:
    trouble: list[Exception] = []

    def reconcile(folder: Path) -> None:
        try:
            controller = Controller(Repository.open(folder))
            for _ in range(6):
                controller.reconcile()
        except Exception as error:  # noqa: BLE001 - told below
            trouble.append(error)

    racers = [threading.Thread(target=reconcile, args=(prepared.config,)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for number in range(5):
        prepared.push("cart")
        prepared.commit("Own", {"projects/shop/prod.yaml": f'variables: {{A: "{number}"}}\n'})
    for racer in racers:
        racer.join()
    assert not trouble
    prepared.reconcile()
    assert not prepared.fresh().reconcile(full=True).commits
    kinds = [event.kind for event in prepared.events("prod")]
    assert kinds[0] is EventKind.PROMOTED and set(kinds[1:]) <= {EventKind.RECONFIGURED}
    releases = [ran.release for ran in prepared.branch("dev").ran(CART)]
    assert len(releases) == len(set(releases))
    prepared.git("fsck", "--strict")


def test_a_missing_object_is_told_and_concerns_its_environment(prepared: World) -> None:
    prepared.reconcile()
    tree = prepared.git("rev-parse", "env/staging:deployments/shop")
    (prepared.config / ".git/objects" / tree[:2] / tree[2:]).unlink()
    prepared.commit("Own", {"projects/shop/staging.yaml": "variables: {A: b}\n", "projects/shop/prod.yaml": "{}\n"})
    report = prepared.fresh().reconcile()
    told = {environment.environment: environment.error for environment in report.environments}
    assert told["staging"] and not told["dev"]


def test_packed_refs_are_read(prepared: World) -> None:
    prepared.reconcile()
    prepared.git("pack-refs", "--all")
    assert not prepared.fresh().reconcile(full=True).commits
    prepared.push("cart")
    assert len(prepared.fresh().reconcile().commits) == 1
    assert git("rev-parse", "env/dev", cwd=prepared.config) == str(
        pygit2.Repository(str(prepared.config)).references["refs/heads/env/dev"].target
    )
