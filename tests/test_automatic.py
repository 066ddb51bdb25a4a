"""Promotions that headpin makes itself: where a stage says so, when its gates are open, and never against a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headpin.releases import EventKind
from tests.inprocess import headpin
from tests.world import CART, World

STAGES = """\
stages:
  - environment: dev
  - environment: staging
    promotion: automatic
    gates: {soak: 10m}
  - environment: prod
"""
PIN = "pins/staging/shop/cart.yaml"


@pytest.fixture
def world(world: World) -> World:
    """staging follows dev by itself after ten minutes."""
    world.commit("Automatic", {"pipelines/standard.yaml": STAGES})
    world.settle()
    return world


def version(world: World, environment: str = "staging") -> int:
    served = world.record(environment).served
    return served.version if served else 0


def wait(world: World, minutes: int = 11) -> None:
    world.clock.now += timedelta(minutes=minutes)


def test_a_stage_is_promoted_into_when_its_gates_open_and_not_before(world: World) -> None:
    assert version(world) == 0
    wait(world)
    report = world.settle()
    assert version(world) == 1
    assert [commit.subject.split(":")[0] for commit in report.promotions] == ["Promote shop/cart to staging"]
    assert world.git("log", "-1", "--format=%an <%ae>") == "headpin <headpin@localhost>"
    assert world.git("status", "--porcelain") == "" and (world.config / PIN).exists()
    event = world.events("staging")[-1]
    assert (event.kind, event.person) == (EventKind.PROMOTED, "headpin <headpin@localhost>")
    assert {gate.gate for gate in event.gates} == {"ran-before", "soak"}
    world.push("cart")
    world.settle()
    assert version(world) == 1
    wait(world)
    world.settle()
    assert version(world) == 2


def test_several_agents_are_promoted_in_one_commit_and_two_stages_in_one_go(world: World) -> None:
    from tests.world import AGENT

    world.push("search")
    stages = STAGES.replace("- environment: prod", "- environment: prod\n    promotion: automatic")
    world.commit(
        "Both",
        {"projects/shop/agents/search/agent.yaml": AGENT.format(name="search"), "pipelines/standard.yaml": stages},
    )
    world.settle()
    wait(world)
    report = world.settle()
    assert [commit.subject for commit in report.promotions] == [
        "Promote 2 agents to staging",
        "Promote 2 agents to prod",
    ]
    assert version(world, "prod") == 1


def test_what_a_person_took_back_is_not_promoted_again(world: World) -> None:
    wait(world)
    world.settle()
    world.push("cart")
    world.settle()
    wait(world)
    world.settle()
    assert version(world) == 2
    world.git("revert", "--no-edit", "HEAD")
    world.settle()
    wait(world, 100)
    world.settle()
    assert version(world) == 1
    world.push("cart")
    world.settle()
    wait(world)
    world.settle()
    assert version(world) == 3


def test_what_was_taken_back_before_it_was_ever_served_is_rejected(world: World) -> None:
    wait(world)
    world.settle()
    first = world.pin_text("staging")
    world.push("cart")
    world.settle()
    second = world.pin_text("dev")
    world.commit("Promote by hand", {PIN: second})
    world.commit("Not yet", {PIN: first})
    world.settle()
    assert [release.revision in second for release in world.record("staging").rejected] == [True]
    wait(world, 100)
    world.settle()
    assert version(world) == 1
    world.commit("Now", {PIN: second})
    world.settle()
    assert version(world) == 2 and not world.record("staging").rejected


def test_a_pin_that_a_person_deleted_stays_away(world: World) -> None:
    wait(world)
    world.settle()
    world.commit("Away", {PIN: None})
    world.settle()
    world.push("cart")
    world.settle()
    wait(world, 100)
    world.settle()
    assert version(world) == 0 and not (world.config / PIN).exists()


def test_a_pin_of_a_person_that_waits_is_left_alone(world: World) -> None:
    wait(world)
    world.settle()
    pin = world.pin_text("staging")
    wrong = pin.replace(pin[11:15], "0000", 1)
    world.commit("By hand", {PIN: wrong})
    world.push("cart")
    world.settle()
    wait(world, 100)
    world.settle()
    assert (world.config / PIN).read_text() == wrong and version(world) == 1


def test_nothing_is_promoted_where_the_pass_could_not_be_committed(world: World) -> None:
    """Whether a person moved the pin away is only known from a pass that could write it down."""
    wait(world)
    world.settle()
    world.push("cart")
    world.settle()
    wait(world)
    lock = world.config / ".git/refs/heads/env/staging.lock"
    world.controller.reconcile(dry_run=True)
    lock.write_text("")
    world.reconcile()
    head = world.revision()
    world.reconcile()
    assert world.revision() == head
    lock.unlink()
    world.settle()
    assert version(world) == 2


def test_edits_on_disk_that_collide_are_told_and_kept(world: World) -> None:
    wait(world)
    (world.config / PIN).parent.mkdir(parents=True)
    (world.config / PIN).write_text("# mine\n")
    report = world.reconcile()
    assert "uncommitted changes" in report.trouble and PIN in report.trouble
    assert (world.config / PIN).read_text() == "# mine\n" and version(world) == 0


# ── adopt and retry ──────────────────────────────────────────────────────────────────────────────


def test_a_running_production_is_taken_over_once(world: World) -> None:
    revision = world.push("cart", message="What runs in prod")
    world.push("cart")
    world.settle()
    arguments = ("adopt", "shop/cart", "--env", "prod", "--revision", revision, "--reason", "ran by hand", "--yes")
    done = headpin(*arguments, "--image", "registry.example.com/cart:old", cwd=world.config)
    assert done.code == 0, done.err
    world.settle()
    served, event = world.record("prod").served, world.events("prod")[-1]
    assert served is not None and served.version == 1
    assert (served.release.revision, served.release.image) == (revision, "registry.example.com/cart:old")
    assert event.kind is EventKind.ADOPTED and "ran by hand" in event.gates[0].evidence
    again = headpin(*arguments, cwd=world.config)
    assert again.code == 1 and "has run in prod" in again.err


def test_an_adoption_survives_that_shared_settings_move_on_before_it_is_served(world: World) -> None:
    revision = world.push("cart")
    world.settle()
    done = headpin(
        "adopt", "shop/cart", "--env", "prod", "--revision", revision, "--reason", "ran by hand", "--yes",
        cwd=world.config,
    )  # fmt: skip
    assert done.code == 0, done.err
    world.commit("Shared", {"defaults.yaml": "variables: {NEW: here}\n"})
    world.settle()
    assert version(world, "prod") == 1
    assert "NEW" not in world.files("prod")["manifests/shop/cart/deployment.yaml"]


def test_retry_says_what_became_of_one_deployment(world: World) -> None:
    assert "serves nothing" in headpin("retry", "shop/cart", "--env", "prod", cwd=world.config).out
    world.commit("Bad", {"projects/shop/agents/cart/dev.yaml": "colour: blue\n"})
    held = headpin("retry", "shop/cart", "--env", "dev", cwd=world.config)
    assert held.code == 1 and "still held: Invalid" in held.out
    world.commit("Good", {"projects/shop/agents/cart/dev.yaml": None})
    assert headpin("retry", str(CART), "--env", "dev", cwd=world.config).code == 0
