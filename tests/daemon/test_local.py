"""The daemon on a local repository: what wakes it, what it does, and that it rests."""

from __future__ import annotations

import time
from dataclasses import replace

from headpin.daemon.loop import Loop, Options
from headpin.daemon.wakes import Reason
from tests.daemon.running import QUICK, make, running, until
from tests.world import CART, World


def version(world: World, environment: str) -> int:
    served = world.record(environment).served
    return served.version if served else 0


def looked(world: World, options: Options = QUICK) -> Loop:
    """A loop that a test turns round itself."""
    loop, _ = make(world.config, options)
    loop.controller.observed = None  # passes ask by themselves
    return loop


def test_a_commit_on_main_reaches_its_environment(world: World) -> None:
    with running(world.config) as told:
        until(lambda: told.passes)
        world.promote("dev", "staging")
        until(lambda: version(world, "staging") == 1)
        world.promote("staging", "prod")
        until(lambda: version(world, "prod") == 1)
    assert not told.failures
    assert {environment for environment, _ in told.lags} == {"dev", "staging", "prod"}
    world.settle()


def test_a_push_to_a_source_reaches_dev(world: World) -> None:
    with running(world.config) as told:
        until(lambda: told.passes)
        revision = world.push("cart")
        until(lambda: (served := world.record("dev").served) and served.release.revision == revision)


def test_refs_that_are_packed_are_seen(world: World) -> None:
    with running(world.config) as told:
        until(lambda: told.passes)
        world.promote("dev", "staging")
        until(lambda: version(world, "staging") == 1)
        world.git("pack-refs", "--all")
        time.sleep(0.3)
        count = len(told.passes)
        world.promote("staging", "prod")
        until(lambda: version(world, "prod") == 1)
    assert len(told.passes) <= count + 2


def test_a_daemon_with_nothing_to_do_rests(world: World) -> None:
    with running(world.config) as told:
        until(lambda: told.passes)
        time.sleep(0.5)
        passes, beats = len(told.passes), told.beats
        time.sleep(2)
        assert len(told.passes) == passes
        assert told.beats - beats <= 6


def test_only_the_environments_named_are_written(world: World) -> None:
    world.settle()
    pin = world.pin_text("dev")
    world.commit("Both", {"pins/staging/shop/cart.yaml": pin, "pins/prod/shop/cart.yaml": pin})
    with running(world.config, Options(("prod*",), QUICK.waits, QUICK.rest)) as told:
        until(lambda: told.passes)
        time.sleep(0.2)
        assert version(world, "staging") == version(world, "prod") == 0
        world.fresh().reconcile()
        until(lambda: version(world, "prod") == 1)
    assert {found.environment for report in told.passes for found in report.environments} == {"prod"}


def test_a_branch_that_is_deleted_or_rewritten_is_put_back(running_world: World) -> None:
    world = running_world
    with running(world.config) as told:
        until(lambda: told.passes)
        tip = world.revision("env/prod")
        world.git("update-ref", "-d", "refs/heads/env/prod")
        until(lambda: world.tips().get("env/prod") == tip)
        world.git("update-ref", "refs/heads/env/prod", f"{tip}~1")
        until(lambda: world.tips().get("env/prod") == tip)
        other = world.git("commit-tree", "-m", "mine", f"{tip}^{{tree}}")
        world.git("update-ref", "refs/heads/env/prod", other)
        until(lambda: tip in world.git("rev-list", "env/prod").split())
    assert version(world, "prod") == 1
    assert world.git("rev-parse", "env/prod^{tree}") == world.git("rev-parse", f"{tip}^{{tree}}")
    world.settle()


def test_a_branch_that_is_set_back_while_a_pass_runs_is_not_taken_for_right(running_world: World) -> None:
    world = running_world
    loop = looked(world)
    report = loop.turn(frozenset({Reason.START}))
    tip = world.revision("env/prod")
    world.git("update-ref", "refs/heads/env/prod", f"{tip}~1")
    loop.exchange.publish(report, now=0.0)
    loop.turn(frozenset())
    assert world.revision("env/prod") == tip


def test_a_dry_run_puts_nothing_back(running_world: World) -> None:
    world = running_world
    loop = looked(world)
    loop.turn(frozenset({Reason.START}))
    tip = world.revision("env/prod")
    world.git("update-ref", "refs/heads/env/prod", f"{tip}~1")
    before = world.git("for-each-ref")
    looked(world, replace(QUICK, dry_run=True)).turn(frozenset({Reason.START}))
    assert world.git("for-each-ref") == before
    loop.turn(frozenset())
    assert world.revision("env/prod") == tip


def test_a_silent_source_delays_no_environment(world: World) -> None:
    world.settle()
    with running(world.config) as told:
        until(lambda: told.passes)
        (world.folder / "sources" / "cart").rename(world.folder / "gone")
        until(lambda: told.passes[-1].sources)
        began = time.monotonic()
        world.promote("dev", "staging")
        until(lambda: version(world, "staging") == 1)
        assert time.monotonic() - began < 1
        (world.folder / "gone").rename(world.folder / "sources" / "cart")
        until(lambda: not told.passes[-1].sources)
    assert told.operations.count(("ls-remote", "unreachable")) <= 20
    assert version(world, "staging") == 1 and world.record("dev").served is not None
    assert CART in {item.agent for report in told.passes for found in report.environments for item in found.deployments}
