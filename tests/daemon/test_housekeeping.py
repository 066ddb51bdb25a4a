"""Housekeeping packs what is loose and deletes nothing."""

from __future__ import annotations

from pathlib import Path

from headpin.daemon.housekeeping import Housekeeping, loose_objects
from headpin.daemon.memory import give_back
from headpin.git import Repository
from tests.daemon.running import Told, until
from tests.telemetry.lines import logged
from tests.world import World


def test_loose_objects_are_packed_and_those_of_an_unfinished_pass_stay(world: World) -> None:
    world.settle()
    repository = Repository.open(world.config)
    unpublished = repository.writer.blob(b"written by a pass, not yet published")
    place = world.config / ".git"
    assert loose_objects(place) > 20
    told = Told()
    keeping = Housekeeping(repository, told, most=20)
    keeping()
    until(lambda: len(told.operations) == 2)
    assert told.operations == [("repack", "ok"), ("commit-graph", "ok")]
    assert loose_objects(place) == 0
    until(lambda: keeping() or keeping._thread is None)  # type: ignore[func-returns-value]
    assert repository.read_blob(unpublished) and Repository.open(world.config).read_blob(unpublished)
    world.git("fsck", "--no-dangling")
    world.push("cart")
    world.settle()


def test_a_single_pass_waits_for_it(world: World) -> None:
    world.settle()
    told = Told()
    Housekeeping(Repository.open(world.config), told, most=20, is_awaited=True)()
    assert told.operations == [("repack", "ok"), ("commit-graph", "ok")]


def test_what_keeps_it_from_its_work_is_told_once_and_when_it_is_over(world: World) -> None:
    world.settle()
    told, now = Told(), iter(range(0, 10**6, 100))
    keeping = Housekeeping(
        Repository.open(world.config), told, most=20, is_awaited=True, clock=lambda: float(next(now))
    )
    packs = world.config / ".git" / "objects" / "pack"
    with logged() as lines:
        for _ in range(2):
            packs.rmdir()
            packs.write_text("no folder")
            keeping()
            keeping()  # takes up that it is done
            packs.unlink()
            packs.mkdir()
        keeping()
    events = [event for event in lines.events() if event.startswith("housekeeping.")]
    assert events == ["housekeeping.failed", "housekeeping.recovered"]
    assert ("repack", "refused") in told.operations and ("repack", "ok") in told.operations


def test_few_loose_objects_are_left_alone(world: World) -> None:
    world.settle()
    told = Told()
    keeping = Housekeeping(Repository.open(world.config), told)
    keeping()
    assert keeping._thread is None and not told.operations


def test_memory_that_is_free_goes_back_to_the_system() -> None:
    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    blocks = [bytearray(100_000) for _ in range(600)]  # too small for the C library to map each apart
    kept = blocks[1::2]
    del blocks
    before = held()
    give_back()
    assert held() < before - 3000
    assert len(kept) == 300
