"""The walk of a release through the environments, by plain git commits only."""

from __future__ import annotations

from headpin.releases import EventKind
from tests.world import World, git


def test_a_release_walks_to_prod_and_back_and_forth(world: World) -> None:
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    world.promote("staging", "prod")
    world.settle()
    first = world.record("prod").served
    assert first is not None and first.version == 1

    world.push("cart")
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    moved = world.promote("staging", "prod")
    world.settle()
    second = world.record("prod").served
    assert second is not None and second.version == 2 and second.release != first.release

    world.git("revert", "--no-edit", moved)
    world.settle()
    back = world.record("prod").served
    assert back is not None and (back.version, back.release) == (1, first.release)

    world.git("revert", "--no-edit", "HEAD")
    world.settle()
    forth = world.record("prod").served
    assert forth is not None and (forth.version, forth.release) == (2, second.release)

    world.push("cart")
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    world.promote("staging", "prod")
    world.settle()
    third = world.record("prod").served
    assert third is not None and third.version == 3

    told = [(event.kind, event.version) for event in world.events("prod")]
    assert told == [
        (EventKind.PROMOTED, 1),
        (EventKind.PROMOTED, 2),
        (EventKind.ROLLED_BACK, 1),
        (EventKind.ROLLED_FORWARD, 2),
        (EventKind.PROMOTED, 3),
    ]
    pins = git("log", "--first-parent", "--format=%H", "--reverse", "main", "--", "pins/prod", cwd=world.config)
    assert pins.splitlines() == [event.config for event in world.events("prod")]
