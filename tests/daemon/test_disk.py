"""A disk that is really full, an object that is really damaged, and a clock that is set back, around a daemon."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from headpin.controller import Controller
from headpin.controller.reconcile import system_clock
from headpin.daemon.local import FOLDER, ask_daemons
from headpin.git import Repository
from tests.daemon.running import looping, make, running, until
from tests.world import World


@contextmanager
def daemon(world: World) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], list[dict[str, str]]]]]:
    """`headpin run` as a process, and the lines that it logged so far."""
    read, write = os.pipe()  # a pipe takes no room on any disk
    command = [sys.executable, "-m", "headpin", "-C", str(world.config), "run", "--log-format", "json"]
    process = subprocess.Popen([*command, "--source-interval", "0.2"], stdout=write, stderr=write)
    os.close(write)
    os.set_blocking(read, False)
    said = bytearray()

    def lines() -> list[dict[str, str]]:
        try:
            while part := os.read(read, 65536):
                said.extend(part)
        except BlockingIOError:
            pass
        return [json.loads(line) for line in said.splitlines() if line.startswith(b"{") and line.endswith(b"}")]

    try:
        yield process, lines
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read)


@contextmanager
def full_by_limit(process: subprocess.Popen[bytes], world: World) -> Iterator[None]:
    """No file may grow any more: what every system lets its users do."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def full_by_disk(process: subprocess.Popen[bytes], world: World) -> Iterator[None]:
    """Something else takes all the room that there is."""
    filler = world.config.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    yield
    filler.unlink()


@contextmanager
def small_disk(world: World) -> Iterator[None]:
    """The config repository on a file system of its own, with little room; skips where nobody may mount one."""
    place = world.folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        shutil.copytree(world.config, place / "config")
        (place / "sources").symlink_to(world.sources)
        world.config = place / "config"
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("how", ["limit", "disk"])
def test_a_disk_that_is_full_is_told_changes_nothing_and_is_gone_on_after(world: World, how: str) -> None:
    world.settle()
    if how == "limit":
        _outlives(
            world, full_by_limit, lambda: world.commit("Shared", {"defaults.yaml": "variables: {A: b}\n"}), "make room"
        )
    else:
        with small_disk(world):
            _outlives(world, full_by_disk, lambda: world.push("cart"), "No space left on device")


def _outlives(world: World, full: Callable[..., object], change: Callable[[], str], said: str) -> None:
    with daemon(world) as (process, lines):
        until(lambda: ask_daemons(world.config / ".git" / FOLDER, full=False, seconds=15))
        before = world.tips()
        with full(process, world):  # type: ignore[attr-defined]
            change()
            until(lambda: [line for line in lines() if line["level"] in ("warning", "error")])
            told = [line for line in lines() if line["level"] in ("warning", "error")]
            assert any(said in json.dumps(line) for line in told), told
            assert world.tips() == before
            time.sleep(0.5)
            assert len(lines()) < 20
        until(lambda: world.tips()["env/dev"] != before["env/dev"], 45)  # it tries later and later
    world.git("fsck", "--full", "--strict")
    assert not list((world.config / ".git/refs").rglob("*.lock"))
    notes = world.config / ".git/headpin/moving"
    assert not [place for place in notes.iterdir() if place.name != "cleaning"]
    world.settle()


def test_a_damaged_object_is_told_concerns_its_environment_and_is_gone_on_after(running_world: World) -> None:
    world = running_world
    blob = world.git("rev-parse", "env/staging:deployments/shop/cart.yaml")
    place = world.config / ".git/objects" / blob[:2] / blob[2:]
    sound = place.read_bytes()
    place.chmod(0o644)
    place.write_bytes(b"not an object")
    with running(world.config) as told:
        until(lambda: told.passes)
        before = world.tips()
        own = "variables: {A: b}\n"
        world.commit("Own", {"projects/shop/staging.yaml": own, "projects/shop/dev.yaml": own})
        until(lambda: world.tips()["env/dev"] != before["env/dev"])
        until(lambda: told.failures)
        environments = {environment for environment, _, _ in told.failures}
        assert environments == {"staging"}
        error = told.failures[-1][1]
        assert "cart" in str(error) and "fsck" in getattr(error, "remedy", ""), error
        assert world.tips()["env/staging"] == before["env/staging"]
        place.write_bytes(sound)
        until(lambda: world.tips()["env/staging"] != before["env/staging"])
    world.git("fsck", "--full", "--strict")
    world.settle()


def test_a_clock_that_is_set_back_neither_stops_a_daemon_nor_reorders_what_it_tells(world: World) -> None:
    world.settle()
    set_back = [timedelta()]
    controller = Controller(Repository.open(world.config), clock=lambda: system_clock() + set_back[0])
    loop, told = make(world.config, controller=controller)
    with looping(loop):
        world.promote("dev", "staging")
        until(lambda: world.record("staging").served)
        set_back[0] = -timedelta(hours=5)
        world.promote("staging", "prod")
        until(lambda: world.record("prod").served)
        world.push("cart")
        until(lambda: world.record("dev").served.release.revision == world.revision_of_source("cart"))  # type: ignore[union-attr]
        world.promote("dev", "staging")
        until(lambda: len(world.events("staging")) == 2)
    assert not told.failures
    for environment in ("dev", "staging", "prod"):
        times = [int(line) for line in world.git("log", "--format=%ct", "--reverse", f"env/{environment}").split()]
        assert times == sorted(times)
    first, second = (event.at for event in world.events("staging"))
    assert first <= second
